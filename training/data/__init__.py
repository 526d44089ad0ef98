"""``python -m training data``: one sub-command for each job that a data set needs done."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from core.errors import IsegError

from . import check, crops, objects, pack, split, stats


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands; ``run`` of the parsed arguments does the job, returns the status."""
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (objects, crops, split, stats, check, pack):
        command.add_parser(subparsers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command.

    Parameters
    ----------
    arguments
        Those after ``python -m training data``; those of the process by default.

    Returns
    -------
    int
        0, or 1 where parts of the source are broken and were named on stderr, or 2 where nothing
        could be done, for a reason given on stderr.
    """
    parser = argparse.ArgumentParser(
        prog="python -m training data", description="Prepare data sets for training."
    )
    add_commands(parser)
    args = parser.parse_args(arguments)
    try:
        status: int = args.run(args)
    except IsegError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return status
