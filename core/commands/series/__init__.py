"""`python -m core series ...`: photos of fixed cameras over a season.

The command lines are a contract: options keep their names and meanings.
"""

from __future__ import annotations

import argparse

from . import carrying, importing, listing, notes, running, screening, tables

STEPS = """\
A series is a folder NAME.series beside the outlines; `list --save` makes it. Each step goes on
with where it was stopped, and gives the same for any number of --workers. See docs/series.md.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its subcommands to the parser of `core.commands`."""
    parser = subparsers.add_parser(
        "series",
        help="work through a season of photos of fixed cameras",
        description="Work through a season of photos of fixed cameras: list and screen them, note "
        "what was seen, carry outlines from photo to photo, find when avalanches released.",
        epilog=STEPS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (listing, screening, notes, importing, carrying, tables, running):
        module.add_parsers(commands)
