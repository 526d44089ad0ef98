"""What every command line does alike: exit statuses, and one line on stderr."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli import run_command
from core.errors import ImageError

ROOT = Path(__file__).resolve().parents[2]


def parser_of(run, **defaults):
    def build():
        parser = argparse.ArgumentParser(prog="test")
        parser.add_argument("--count", type=int, default=0)
        parser.set_defaults(run=run, **defaults)
        return parser

    return build


def raising(error):
    def run(_args):
        raise error

    return run


@pytest.mark.parametrize(("result", "status"), [(None, 0), (0, 0), (1, 1)])
def test_the_status_is_the_commands_own(result, status):
    assert run_command(parser_of(lambda _args: result), []) == status


def test_arguments_reach_the_command():
    assert run_command(parser_of(lambda args: args.count), ["--count", "7"]) == 7


def test_faults_of_the_input_are_one_line(capsys):
    assert run_command(parser_of(raising(ImageError("No such file."))), []) == 2
    assert capsys.readouterr() == ("", "error: No such file.\n")


def test_other_errors_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run_command(parser_of(raising(ZeroDivisionError())), [])


@pytest.mark.parametrize(
    ("defaults", "line"), [({}, "stopped\n"), ({"stopped": "run again"}, "stopped: run again\n")]
)
def test_control_c(defaults, line, capsys):
    assert run_command(parser_of(raising(KeyboardInterrupt()), **defaults), []) == 130
    assert capsys.readouterr().err == line


def test_control_c_while_the_parser_is_built(capsys):
    assert run_command(raising_parser, []) == 130
    assert capsys.readouterr().err == "stopped\n"


def raising_parser():
    raise KeyboardInterrupt


@pytest.mark.parametrize("count", [1, 100_000])
def test_a_reader_that_goes_away_is_no_error(count):
    code = (
        "import argparse, sys\nfrom core.cli import run_command\n"
        "parser = argparse.ArgumentParser()\n"
        f"parser.set_defaults(run=lambda args: print('line\\n' * {count}))\n"
        "sys.exit(run_command(lambda: parser, []))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == (b"", 141)
    process.stderr.close()
