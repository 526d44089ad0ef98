"""`python -m core series run`: all steps of a series, to one GeoPackage."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path

from ... import arguments
from ...errors import CameraError
from ...progress import show_progress
from ...series import NameRule, SeriesStore, day_activity, release_intervals
from ...series.computing import PhotoShare
from ...series.name_rule import parse_zone
from ..camera.common import add_dem_option, warn
from . import common
from .cameras import add_camera_option, read_cameras

_NAMED = 5  # photos in a warning

DESCRIPTION = """\
List, screen, register, carry, bring to the map, and write what is known of all avalanches into one
GeoPackage: outlines on the map (avalanches) and in pixels of photos (avalanches_pixels), when they
released (releases), and what was seen on each day, zeros included (days).

A run that was stopped goes on where it was; one after new photos or outlines does only what is new.
Machines that share the folder take --share 1/3, 2/3, 3/3: each begins with its part, does what the
others leave undone, and writes the same file. The result is the same for any number of workers.
"""


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `series`."""
    parser = common.new_parser(subparsers, "run", run, "do all steps, and write one GeoPackage")
    parser.description, parser.formatter_class = DESCRIPTION, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--photos",
        metavar="FOLDER",
        type=Path,
        nargs="+",
        action="extend",
        help="make the series of these folders first, if it is not there",
    )
    parser.add_argument(
        "--rule", metavar="RULE", default="", help="of a series that is made; see `series list`"
    )
    parser.add_argument(
        "--zone",
        metavar="ZONE",
        default="UTC",
        help="in which days begin, and of times without one: UTC, +01:00, Europe/Vienna "
        "(default: %(default)s)",
    )
    add_camera_option(parser, "a usual lens, and nothing on the map")
    add_dem_option(parser, required=False)
    parser.add_argument(
        "--crs", metavar="EPSG:N", type=arguments.crs, help="of the map (default: the cameras')"
    )
    common.add_days_option(parser)
    common.add_workers_option(parser)
    common.add_share_option(parser)
    parser.add_argument(
        "-o", "--out", metavar="FILE.gpkg", type=Path, required=True, help="to write"
    )


def run(args: argparse.Namespace) -> None:
    """Do what is not done yet, and write."""
    from ...series.archive import carry_series, register_series, screen_series
    from .geopackage import check_series_file, observed_outlines, write_series
    from .mapping import map_series

    check_series_file(args.out)
    zone = parse_zone(args.zone)
    if args.photos and not args.series.exists():
        SeriesStore.create(args.series, args.photos, NameRule(args.rule, args.zone))
    store, listing = common.open_series(args.series)
    cameras = read_cameras(args.camera, listing)
    if bool(cameras) != bool(args.dem):
        raise CameraError(
            "The map needs both: cameras that were posed (--camera NAME=FILE) and --dem."
        )
    share = PhotoShare(args.share[0], args.share[1], helps=True)
    screened = screen_series(
        store,
        listing,
        workers=args.workers,
        share=share,
        progress=show_progress("screen"),
    )
    usable = sum(screening.look.usable for screening in screened)
    print(f"{len(screened)} photos screened: {usable} usable")
    posed = {name: camera.in_series() for name, camera in cameras.items()}
    longest = timedelta(days=args.days)
    carried = carry_series(
        store,
        listing,
        cameras=posed,
        longest=longest,
        workers=args.workers,
        share=share,
        progress=show_progress("carry"),
    )
    print(f"{len(carried)} outlines carried")
    poses = register_series(store, listing, cameras=posed, longest=longest, share=share)
    state = store.read()
    observed = observed_outlines(listing, state)
    on_map = map_series(
        store,
        observed,
        cameras,
        poses,
        args.dem or (),
        workers=args.workers,
        share=share,
        progress=show_progress("map"),
    )
    lost = {photo.key for photo, _ in observed if photo.camera in cameras} - poses.keys()
    if lost:
        warn(
            f"{len(lost)} photos with outlines could not be registered, so their outlines are not "
            f"on the map: {', '.join(sorted(lost)[:_NAMED])}{' ...' if len(lost) > _NAMED else ''}"
        )
    intervals = release_intervals(listing.photos, state)
    days = day_activity(listing.photos, state, intervals, zone)
    of_cameras = [camera.record.epsg for camera in cameras.values()]
    epsg = (args.crs or of_cameras[0]) if of_cameras else None
    write_series(args.out, observed, on_map, intervals, days, epsg)
    print(
        f"{len(intervals)} avalanches in {len(observed)} outlines, {len(on_map)} of them on the "
        f"map; {len(days)} days of {len(listing.cameras())} cameras"
    )
    print(f"wrote {args.out}")
