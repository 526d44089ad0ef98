"""``python -m training data``: one sub-command for each job that a data set needs done.

Their exit status is 1 where parts of the source are broken and were named on stderr.
"""

from __future__ import annotations

import argparse

from . import check, crops, objects, pack, split, stats


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``data`` and its sub-commands."""
    parser = subparsers.add_parser("data", description="Prepare data sets for training.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (objects, crops, split, stats, check, pack):
        command.add_parser(commands)
