"""`python -m core camera station`: views of a camera that pans, tilts and zooms, solved jointly."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import arguments
from ...camera import CameraRecord, Projection
from ...errors import CameraError
from . import common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...camera.resection import PosePrior
    from ...camera.station import Station
    from ...camera.station_resection import StationView
    from ...terrain.sources import Dem


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `camera`."""
    parser = common.new_parser(
        subparsers, "station", run, "pose the views of a pan-tilt-zoom camera jointly"
    )
    parser.add_argument(
        "gcps",
        metavar="VIEW.csv",
        type=Path,
        nargs="+",
        help="control points of each view, two or more; the file's name is that of the view",
    )
    common.add_gcp_options(parser)
    photos = parser.add_mutually_exclusive_group(required=True)
    photos.add_argument(
        "--image",
        metavar="FILE",
        type=Path,
        nargs="+",
        help="photo of each view, in the order of the tables",
    )
    photos.add_argument(
        "--image-size", metavar="W,H", type=arguments.size, help="size of all, without the photos"
    )
    parser.add_argument(
        "--crs", metavar="EPSG:N", type=arguments.crs, required=True, help="projected CRS of x, y"
    )
    common.add_dem_option(parser, required=False)
    common.add_ground_options(parser)
    group = parser.add_argument_group("what is known of the camera")
    common.add_prior_options(group)
    common.add_focal_sigma_option(group)
    common.add_position_sigma_option(group)
    common.add_lens_options(group)
    group.add_argument(
        "--zoom",
        action="store_true",
        help="each view has a focal length of its own; the rest of the lens is shared",
    )
    group.add_argument(
        "--add-to",
        metavar="STATION.json",
        type=Path,
        help="add the views to a station that is solved: its position (and lens) are kept",
    )
    parser.add_argument("--name", default="", help="of the station, kept in its files")
    parser.add_argument("--author", default="", help="who posed it")
    parser.add_argument("--json", action="store_true", help="print the station as JSON on stdout")
    parser.add_argument(
        "-o",
        "--out",
        metavar="station.json",
        type=Path,
        required=True,
        help="station to write; beside it a camera file of each view, station_VIEW.json",
    )


def run(args: argparse.Namespace) -> None:
    """Pose the views and write station and cameras."""
    from ...camera.station import Station
    from ...camera.station_resection import add_view, solve_station
    from ...terrain.sources import open_dem
    from .report import describe

    common.check_out(args.out, (".json",), [*args.gcps, *(args.image or ())])
    views, orientations = _read_views(args)
    files = {view.name: args.out.with_name(f"{args.out.stem}_{view.name}.json") for view in views}
    for file in files.values():
        common.check_out(file, (".json",), args.gcps)
    dem = open_dem(args.dem, args.crs) if args.dem else None
    given = Station.read(args.add_to) if args.add_to else None
    prior = _make_prior(args, views[0].size, given)
    options = _options(args, views, prior, dem, given)
    if given:
        _require_new(given, views, args)
        records = [add_view(given, view, **options) for view in views]
        station = given
    else:
        station, records = solve_station(views, epsg=args.crs, zooms=args.zoom, **options)
    _write(args, station, dict(zip(files.values(), records, strict=True)), orientations, dem)
    for record in records:
        for text in record.warnings:
            common.warn(f"view {record.view}: {text}")
    if args.json:
        print(json.dumps(Station.read(args.out).to_json(), allow_nan=False))
        return
    for record, file in zip(records, files.values(), strict=True):
        print(f"{describe(record)}\nwrote {file}\n")
    print(f"wrote {args.out}")


def _read_views(args: argparse.Namespace) -> tuple[list[StationView], list[int]]:
    """Read photos and tables; return the views and how their photos were turned."""
    from ...camera.station_resection import StationView
    from ...image import read_image

    if args.image and len(args.image) != len(args.gcps):
        raise CameraError(
            f"{len(args.gcps)} tables and {len(args.image)} photos: give the photo of each table "
            "with --image, in the same order."
        )
    views, orientations = [], []
    for index, table in enumerate(args.gcps):
        size, orientation = args.image_size, 1
        if args.image:
            image = read_image(args.image[index])
            size, orientation = image.pixels.shape[1::-1], image.orientation
        points = common.read_control_points(args, size, table)
        views.append(StationView(table.stem, points, size))
        orientations.append(orientation)
    return views, orientations


def _make_prior(
    args: argparse.Namespace, size: tuple[int, int], station: Station | None
) -> PosePrior:
    """Return what is known of the camera, with the focal length of the first view."""
    from ...camera.resection import PosePrior

    where = (args.position, args.position_sigma, args.height_above_ground)
    if station and any(entry is not None for entry in where):
        raise CameraError("The station has its position: leave --position and its options out.")
    common.require_position(args)
    if args.focal is None and args.focal_sigma:
        raise CameraError("--focal-sigma belongs to a focal length: give --focal PX too.")
    sigma = args.focal_sigma or common.FOCAL_SIGMA
    return PosePrior(
        position=args.position,
        position_sigma=args.position_sigma,
        height_above_ground=args.height_above_ground,
        focal=args.focal,
        focal_sigma=sigma.of(args.focal) if args.focal else 0.1,
        calibration=common.read_lens(args),
        principal_point_sigma=common.share_of_width(args.principal_point_sigma, size),
    )


def _options(
    args: argparse.Namespace,
    views: Sequence[StationView],
    prior: PosePrior,
    dem: Dem | None,
    station: Station | None,
) -> dict[str, Any]:
    """Return what posing a station and adding to one have in common."""
    known = prior
    if station:
        known = replace(prior, position=tuple(station.values[key] for key in "xyz"))
    if any(isinstance(part, Path) for part in args.near_field):
        raise CameraError(
            "A mask of the near field is that of one photo: give --near-field of a station in "
            "metres, and masks to the commands that map."
        )
    points = [point for view in views for point in view.points]
    return {
        "terrain": common.read_terrain(dem, points, known, args.dem_noise) if dem else None,
        "prior": prior,
        "projection": Projection(args.projection),
        "near_field": common.near_field_metres(args),
        "dem_noise": args.dem_noise,
    }


def _require_new(station: Station, views: Sequence[StationView], args: argparse.Namespace) -> None:
    if station.epsg != args.crs:
        raise CameraError(
            f"The station {args.add_to} is in EPSG:{station.epsg}, not in EPSG:{args.crs}."
        )
    there = [view.name for view in views if view.name in station.views]
    if there:
        raise CameraError(f"The station has views called {', '.join(there)} already.")
    if args.add_to.resolve().parent != args.out.resolve().parent:
        raise CameraError(
            f"Write the station into {args.add_to.parent}, where its camera files are (-o)."
        )


def _write(
    args: argparse.Namespace,
    station: Station,
    records: dict[Path, CameraRecord],
    orientations: Sequence[int],
    dem: Dem | None,
) -> None:
    """Write the camera of each view, then the station that names them."""
    name = args.name or station.name or args.out.stem
    labels: dict[str, Any] = {"author": args.author, "station": args.out.name}
    if dem:
        for text in dem.warnings:
            common.warn(text)
        labels.update(dem=dem.name, vertical_datum=dem.vertical_datum)
    photos = args.image or [None] * len(records)
    for (file, record), photo, turned in zip(records.items(), photos, orientations, strict=True):
        image = common.path_from(photo, file.parent) if photo else ""
        named = replace(record, name=f"{name}, {record.view}", image=image, **labels)
        replace(named, orientation=turned).write(file)
    views = {**station.views, **{r.view: file.name for file, r in records.items()}}
    replace(station, name=name, views=views).write(args.out)
