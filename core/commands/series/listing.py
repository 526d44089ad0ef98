"""`python -m core series list`: the photos in folders, their cameras and times; makes a series."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from pathlib import Path

from ...progress import iso
from ...series import Listing, NameRule, SeriesStore, list_photos
from ...series.records import SUFFIX, photo_folders
from . import common

_SHOWN = 5


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `series`."""
    summary = "list the photos in folders, with cameras and times; make a series of them"
    parser = subparsers.add_parser("list", help=summary, description=f"{summary.capitalize()}.")
    parser.add_argument(
        "folders", metavar="FOLDER", type=Path, nargs="+",
        help="of photos, with all folders below; or one NAME.series",
    )  # fmt: skip
    parser.add_argument(
        "--rule",
        metavar="RULE",
        default="",
        help="how camera and time stand in names: a template such as "
        "'{camera}/{date}/{hhmm}*' or a regular expression with groups (?P<camera>...), "
        "(?P<year>...) ... (default: found by itself)",
    )
    parser.add_argument(
        "--zone",
        metavar="ZONE",
        default="",
        help="of times without one: UTC, +01:00, Europe/Vienna (default: this computer's)",
    )
    parser.add_argument("--save", metavar=f"NAME{SUFFIX}", type=Path, help="folder to make")
    parser.add_argument("--csv", metavar="FILE", type=Path, help="table of all photos to write")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """List, and save."""
    folders, rule = photo_folders(args.folders, NameRule(args.rule, args.zone))
    listing = list_photos(folders, rule)
    if args.save:
        SeriesStore.create(args.save, folders, rule)
    if args.csv:
        common.write_table(args.csv, _table(listing))
    cameras = {
        camera: {
            "photos": len(photos),
            "first": iso(photos[0].taken_at),
            "last": iso(photos[-1].taken_at),
        }
        for camera, photos in listing.cameras().items()
    }
    if args.json:
        print(json.dumps({"cameras": cameras, "undated": len(listing.undated)}))
    else:
        for camera, facts in cameras.items():
            print(f"{camera}: {facts['photos']} photos, {facts['first']} to {facts['last']}")
    for photo in listing.undated[:_SHOWN]:
        fault = rule.read(photo.key).fault
        print(f"warning: {photo.key}: {fault} It is left out.", file=sys.stderr)
    if len(listing.undated) > _SHOWN:
        print(f"warning: {len(listing.undated)} photos are left out in all.", file=sys.stderr)
    if args.save and not args.json:
        print(f"wrote {args.save}")


def _table(listing: Listing) -> str:
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(("photo", "camera", "taken_at"))
    for photo in (*listing.photos, *listing.undated):
        rows.writerow((photo.key, photo.camera, iso(photo.taken_at)))
    return text.getvalue()
