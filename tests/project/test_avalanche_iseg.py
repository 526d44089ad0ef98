"""The command `avalanche-iseg`: all of the three trees, with the same exit statuses."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import avalanche_iseg
from core.commands import build_parser as core_parser
from core.version import __version__
from eval.__main__ import build_parser as eval_parser
from training.data import add_parser as add_data_parser

COMMAND = Path(sys.executable).with_name("avalanche-iseg")


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Subcommands of a parser by name."""
    (action,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return action.choices


def data_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add_data_parser(parser.add_subparsers())
    return subcommands(parser)["data"]


def test_it_has_all_commands_of_the_three_trees():
    trees = {
        *subcommands(core_parser()),
        *subcommands(eval_parser()),
        "train",
        "data",
        "from-mapped",
        "synthetic",
    }
    assert set(avalanche_iseg.COMMANDS) == trees


def test_help_shows_the_whole(capsys):
    with pytest.raises(SystemExit) as stopped:
        avalanche_iseg.main(["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    camera = subcommands(subcommands(core_parser())["camera"])
    for name in (*avalanche_iseg.COMMANDS, *camera, *subcommands(data_parser())):
        assert f" {name}" in text


@pytest.mark.parametrize("words", [[name] for name in avalanche_iseg.COMMANDS])
def test_every_command_explains_itself_under_this_name(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        avalanche_iseg.main([*words, "--help"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: avalanche-iseg {words[0]} ")


def test_version_and_unknown_commands(capsys):
    with pytest.raises(SystemExit) as stopped:
        avalanche_iseg.main(["--version"])
    assert (stopped.value.code, capsys.readouterr().out) == (0, f"{__version__}\n")
    with pytest.raises(SystemExit) as stopped:
        avalanche_iseg.main(["segmentate"])
    assert stopped.value.code == 2
    assert "segmentate" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["segment", "nowhere.jpg", "--click", "1,1", "--out", "mask.png"],
        ["noc", "--model", "nothing", "--dataset", "iseg=nowhere"],
        ["train", "nowhere.yaml"],
        ["data", "check", "images=nowhere"],
    ],
)
def test_faults_of_the_input_end_with_2_and_one_line(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert avalanche_iseg.main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_ctrl_c_ends_with_130(tmp_path):
    scenes = [COMMAND, "synthetic", str(tmp_path / "scenes"), "--count", "50"]
    process = subprocess.Popen(
        scenes,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Background jobs, as tests may be, ignore Ctrl-C, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not list(tmp_path.glob("scenes/scene_*")) and process.poll() is None:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in error
    assert "stopped" in error
