"""The Python that a user means."""

from __future__ import annotations

import sys

import pytest

from avalanche_iseg_qgis.worker import interpreter
from avalanche_iseg_qgis.worker.interpreter import find_interpreter, interpreter_of

PROGRAM = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"


@pytest.fixture
def environment(tmp_path):
    folder = tmp_path / "checkout" / ".venv"
    program = folder / PROGRAM
    program.parent.mkdir(parents=True)
    program.symlink_to(sys.executable)
    return folder


@pytest.mark.parametrize("frame", ["{}", '"{}"', "'{}'", "  {} ", ' "{}" \n'])
def test_a_program_stays_the_link_that_it_is(environment, frame):
    program = str(environment / PROGRAM)
    assert interpreter_of(frame.format(program)) == program


@pytest.mark.parametrize("frame", ["{}", "{}/", '"{}"'])
def test_the_folder_of_an_environment(environment, frame):
    program = str(environment / PROGRAM)
    assert interpreter_of(frame.format(environment)) == program
    assert interpreter_of(frame.format(environment.parent)) == program  # the checkout


def test_the_home_folder(environment, monkeypatch):
    monkeypatch.setenv("HOME", str(environment.parent))
    monkeypatch.setenv("USERPROFILE", str(environment.parent))
    assert interpreter_of("~/.venv") == str(environment / PROGRAM)


@pytest.mark.parametrize("text", ["", "  ", '""', "python3", "/nowhere/python", "x" * 400, "a\0b"])
def test_what_is_no_folder_stays(text):
    assert interpreter_of(text) == text.strip().strip('"')


def test_of_the_environment_variable(environment, monkeypatch):
    monkeypatch.setenv(interpreter._VARIABLE, f'"{environment}"')
    assert find_interpreter() == str(environment / PROGRAM)
