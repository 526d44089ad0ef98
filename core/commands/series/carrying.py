"""`python -m core series carry`: outlines of persons, carried into the later photos."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...containers import orientation_of
from ...image import Image
from ...outline import Attribute, check_output_path, pixel_to_map, write_outlines
from ...outline.rings import rings_to_polygons
from ...progress import iso, show_progress
from ...series import Listing, Observation
from ...series.computing import PhotoShare
from . import common
from .cameras import add_camera_option, read_cameras

if TYPE_CHECKING:
    from shapely import MultiPolygon


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `series`."""
    parser = common.new_parser(
        subparsers, "carry", run, "carry the outlines of persons into later photos"
    )
    add_camera_option(parser, "a usual lens")
    common.add_days_option(parser)
    common.add_workers_option(parser)
    common.add_share_option(parser)
    parser.add_argument(
        "-o", "--out", metavar="FILE", type=Path,
        help=".gpkg or .geojson of all carried outlines to write, in pixels x, -y of their photos",
    )  # fmt: skip


def run(args: argparse.Namespace) -> None:
    """Carry, and write."""
    from ...series.archive import carry_series
    from ...series.sources import FITS

    if args.out:
        check_output_path(args.out, (".gpkg", ".geojson"))
    store, listing = common.open_series(args.series)
    cameras = read_cameras(args.camera, listing)
    found = carry_series(
        store,
        listing,
        cameras={name: camera.in_series() for name, camera in cameras.items()},
        longest=timedelta(days=args.days),
        workers=args.workers,
        share=PhotoShare(args.share[0], args.share[1], helps=True),
        progress=show_progress("carry"),
    )
    fitting = sum(observation.confidence >= FITS for observation in found)
    print(f"{len(found)} outlines carried, {fitting} of them fit (confidence from {FITS:g} up)")
    if args.out and found:
        _write(args.out, found, listing)
        print(f"wrote {args.out}")


def _write(path: Path, found: list[Observation], listing: Listing) -> None:
    photos = {photo.key: photo for photo in listing.photos}
    features: list[tuple[MultiPolygon, dict[str, Attribute]]] = [
        (
            pixel_to_map(
                rings_to_polygons(observation.rings, observation.parts),
                transform_in_qgis(photos[observation.photo].path, observation.size),
            ),
            {
                "uuid": observation.avalanche,
                "image_name": photos[observation.photo].path.name,
                "photo": observation.photo,
                "camera": photos[observation.photo].camera,
                "observed_at": iso(photos[observation.photo].taken_at),
                "confidence": observation.confidence,
            },
        )
        for observation in found
    ]
    write_outlines(path, features, crs_wkt=None)


def transform_in_qgis(path: Path, size: tuple[int, int]) -> Sequence[float]:
    """Return the transform from pixels as displayed to where QGIS shows them, as stored."""
    pixels = np.empty((size[1], size[0], 0), np.uint8)
    return Image(pixels, path, None, None, orientation=orientation_of(path)).qgis_transform
