"""`python -m core series carry`: outlines of persons, carried into the later photos."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ... import arguments
from ...camera import Camera, CameraRecord
from ...containers import orientation_of
from ...errors import CameraError
from ...image import Image, read_image
from ...outline import Attribute, check_output_path, pixel_to_map, write_outlines
from ...outline.rings import rings_to_polygons
from ...series import Listing, Observation
from ..camera import common as camera_common
from . import common

if TYPE_CHECKING:
    from shapely import MultiPolygon


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `series`."""
    parser = common.new_parser(
        subparsers, "carry", run, "carry the outlines of persons into later photos"
    )
    parser.add_argument(
        "--camera",
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="camera.json of a camera of the series that was posed; repeatable (default: a usual "
        "lens)",
    )
    parser.add_argument(
        "--days",
        metavar="D",
        type=arguments.positive,
        default=3.0,
        help="carry no longer than this after an outline (default: %(default)g)",
    )
    common.add_workers_option(parser)
    parser.add_argument(
        "-o", "--out", metavar="FILE", type=Path,
        help=".gpkg or .geojson of all carried outlines to write, in pixels x, -y of their photos",
    )  # fmt: skip


def run(args: argparse.Namespace) -> None:
    """Carry, and write."""
    from ...series.archive import SeriesCamera, carry_series
    from ...series.carrying import FITS

    if args.out:
        check_output_path(args.out, (".gpkg", ".geojson"))
    store, listing = common.open_series(args.series)
    cameras = {}
    for text in args.camera:
        name, _, path = text.partition("=")
        if name not in listing.cameras() or not path:
            raise CameraError(
                f"--camera {text}: give NAME=FILE with a camera of the series: "
                f"{', '.join(listing.cameras())}."
            )
        cameras[name] = SeriesCamera(*_read_camera(Path(path)))
    found = carry_series(
        store,
        listing,
        cameras=cameras,
        longest=timedelta(days=args.days),
        workers=args.workers,
        progress=common.show_progress("carry"),
    )
    fitting = sum(observation.confidence >= FITS for observation in found)
    print(f"{len(found)} outlines carried, {fitting} of them fit (confidence from {FITS:g} up)")
    if args.out and found:
        _write(args.out, found, listing)
        print(f"wrote {args.out}")


def _read_camera(path: Path) -> tuple[Path, Camera]:
    record = CameraRecord.read(path)
    photo = camera_common.photo_of(record, path)
    if photo is None:
        raise CameraError(
            f"{path} names no photo that is there: pose the camera in one of its own."
        )
    return photo, camera_common.fitted(record, read_image(photo)).camera


def _write(path: Path, found: list[Observation], listing: Listing) -> None:
    photos = {photo.key: photo for photo in listing.photos}
    features: list[tuple[MultiPolygon, dict[str, Attribute]]] = [
        (
            pixel_to_map(
                rings_to_polygons(observation.rings, observation.parts),
                _shown_in_qgis(photos[observation.photo].path, observation.size),
            ),
            {
                "uuid": observation.avalanche,
                "image_name": photos[observation.photo].path.name,
                "photo": observation.photo,
                "camera": photos[observation.photo].camera,
                "observed_at": common.iso(photos[observation.photo].taken_at),
                "confidence": observation.confidence,
            },
        )
        for observation in found
    ]
    write_outlines(path, features, crs_wkt=None)


def _shown_in_qgis(path: Path, size: tuple[int, int]) -> Sequence[float]:
    """Return the transform from pixels as displayed to where QGIS shows them, as stored."""
    pixels = np.empty((size[1], size[0], 0), np.uint8)
    return Image(pixels, path, None, None, orientation=orientation_of(path)).qgis_transform
