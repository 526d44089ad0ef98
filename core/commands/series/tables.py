"""`python -m core series intervals, report`: when avalanches released; activity by day."""

from __future__ import annotations

import argparse
import csv
import io

from ...progress import iso
from ...series import day_activity, release_intervals
from ...series.activity import to_csv
from ...series.name_rule import parse_zone
from . import common


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the parser of `series`."""
    intervals = common.new_parser(
        subparsers, "intervals", run_intervals, "tell between which photos avalanches released"
    )
    common.add_table_option(intervals, "table of all avalanches to write")
    report = common.new_parser(
        subparsers, "report", run_report, "count avalanches by day and camera, zeros included"
    )
    report.add_argument(
        "--zone",
        metavar="ZONE",
        default="UTC",
        help="in which days begin: UTC, +01:00, Europe/Vienna (default: %(default)s)",
    )
    common.add_table_option(report, "table of all days to write")


def run_intervals(args: argparse.Namespace) -> None:
    """Write the release intervals."""
    store, listing = common.open_series(args.series)
    found = release_intervals(listing.photos, store.read())
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(
        (
            "avalanche", "released_from", "released_to", "quality", "missed", "last_seen",
            "by_program", "photo_without", "photo_with",
        )
    )  # fmt: skip
    for interval in found.values():
        rows.writerow(
            (
                interval.avalanche,
                iso(interval.after),
                iso(interval.before),
                interval.quality.value,
                interval.missed,
                iso(interval.last_seen),
                int(interval.by_program),
                interval.after_photo,
                interval.before_photo,
            )
        )
    common.write_table(args.out, text.getvalue())


def run_report(args: argparse.Namespace) -> None:
    """Write the activity of each day."""
    zone = parse_zone(args.zone)
    store, listing = common.open_series(args.series)
    state = store.read()
    intervals = release_intervals(listing.photos, state)
    rows = day_activity(listing.photos, state, intervals, zone)
    common.write_table(args.out, to_csv(rows))
