"""`python -m core series screen`: night, fog, snow on the lens and the like, sorted out."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence

from ...progress import show_progress
from ...series import Screening
from ...series.computing import PhotoShare
from . import common


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `series`."""
    parser = common.new_parser(
        subparsers, "screen", run, "tell usable photos from night, fog and the like"
    )
    common.add_workers_option(parser)
    parser.add_argument(
        "--share",
        metavar="I/N",
        type=common.share,
        default=(1, 1),
        help="measure every N-th photo only, from the I-th on: one machine of N that share the "
        "folder; a last run without it judges all",
    )
    common.add_table_option(parser, "table of all photos to write")


def run(args: argparse.Namespace) -> None:
    """Screen, and report."""
    from ...series.archive import screen_series

    store, listing = common.open_series(args.series)
    found = screen_series(
        store,
        listing,
        workers=args.workers,
        share=PhotoShare(*args.share),
        progress=show_progress("screen"),
    )
    usable = sum(screening.look.usable for screening in found)
    if args.out:
        common.write_table(args.out, _table(found))
    print(f"{len(found)} of {len(listing.photos)} photos screened: {usable} usable")
    print(common.count_lines(screening.look.value for screening in found))


def _table(screenings: Sequence[Screening]) -> str:
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(("photo", "look", "usable", "figure", "reason"))
    for s in screenings:
        rows.writerow((s.photo, s.look.value, int(s.look.usable), f"{s.figure:.3f}", s.reason))
    return text.getvalue()
