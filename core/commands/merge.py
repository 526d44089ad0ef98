"""`python -m core merge ...`: two copies of a GeoPackage that two people have edited.

The command lines are a contract: options keep their names and meanings.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import write_errors
from ..files import write_text
from ..geopackage.merging import conflict_table, merge_geopackages
from .camera import common


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `core.commands`."""
    parser = common.new_parser(
        subparsers, "merge", run, "merge two GeoPackages that two people have edited, by uuid"
    )
    parser.add_argument("first", metavar="FIRST.gpkg", type=Path, help="styles are taken of it")
    parser.add_argument("second", metavar="SECOND.gpkg", type=Path)
    common.add_out_option(parser, "FILE.gpkg", "union of both, with the history of both")
    parser.add_argument(
        "--report", metavar="FILE.csv", type=Path, help="avalanches that both have changed"
    )


def run(args: argparse.Namespace) -> None:
    """Merge, and tell what both have changed."""
    common.check_out(args.out, (".gpkg",), [args.first, args.second])
    report = merge_geopackages(args.first, args.second, args.out)
    for note in report.notes:
        common.warn(note)
    for conflict in report.conflicts:
        print(conflict.text())
    counts = ", ".join(f"{count} {name}" for name, count in report.avalanches.items())
    print(
        f"{counts}; {report.from_first} are news of {args.first.name}, {report.from_second} of "
        f"{args.second.name}, {len(report.conflicts)} were changed by both"
    )
    print(f"wrote {args.out}")
    if args.report is not None:
        with write_errors(args.report):
            write_text(args.report, conflict_table(report))
