"""``python -m eval``: one subcommand per task."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from core.cli import run_command

from . import demo, noc, plots, study


def build_parser(prog: str = "python -m eval") -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = argparse.ArgumentParser(prog=prog, description="Measure models.")
    subparsers = parser.add_subparsers(dest="command", required=True)
    for command in (noc, plots, demo, study):
        command.add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None, prog: str = "python -m eval") -> int:
    """Run a command and return its exit status; see `core.cli.run_command`."""
    return run_command(lambda: build_parser(prog), arguments)


if __name__ == "__main__":
    sys.exit(main())
