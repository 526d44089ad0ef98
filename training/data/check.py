"""``check``: read every file of a data set and name what is wrong."""

from __future__ import annotations

import argparse
import sys

from .source import add_source, open_source


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser("check", help="read every file, name every broken pair")
    add_source(parser, choice=False)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check; 1 where there are faults."""
    dataset = open_source(args)
    faults = dataset.check()
    for note in dataset.notes:
        print(f"note: {note}", file=sys.stderr)
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(faults)} faults in {args.source}." if faults else f"{args.source} is sound.")
    return int(bool(faults))
