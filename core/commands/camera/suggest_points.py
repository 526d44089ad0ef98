"""`python -m core camera suggest-points`: control points found by comparing photo and terrain."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ... import arguments
from ...camera import CameraRecord, write_gcps
from ...camera.map_crs import convergence, find_crs
from ...capture_time import capture_time, find_named_time
from ...errors import CameraError, IsegError
from ...image import read_image
from ...series.exif_times import read_exif_times
from ...series.name_rule import parse_zone
from ...terrain.sunlight import LOWEST, sun_position
from . import common

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...projection.viewshed import Viewshed
    from ...terrain import Terrain


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `camera`."""
    parser = common.new_parser(
        subparsers,
        "suggest-points",
        run,
        "find control points by comparing the photo with the terrain, from a rough pose",
    )
    parser.add_argument("photo", metavar="PICTURE", type=Path)
    parser.add_argument(
        "--camera",
        metavar="ROUGH.json",
        type=Path,
        required=True,
        help="rough pose: of `camera skyline`, of `camera solve` with few points, or of the plugin",
    )
    common.add_dem_option(parser)
    common.add_ground_options(parser)
    parser.add_argument(
        "--orthophoto",
        metavar="FILE",
        type=Path,
        nargs="+",
        help="to draw the terrain with (default: its slopes in the sun of the photo's time)",
    )
    parser.add_argument(
        "--time",
        metavar="YYYY-MM-DDTHH:MM",
        help="when the photo was taken, in UTC unless it ends with a zone such as +01:00 (default: "
        "of the photo's name or EXIF)",
    )
    parser.add_argument(
        "--zone",
        metavar="ZONE",
        default="UTC",
        help="of times without one: UTC, +01:00, Europe/Vienna (default: %(default)s)",
    )
    group = parser.add_argument_group("how well the rough pose is known (one sigma)")
    for name, unit, default, text in (
        ("--position-sigma", "M", 20.0, "x and y, metres; z half as much"),
        ("--angle-sigma", "DEG", 2.0, "yaw, pitch and roll, degrees"),
    ):
        group.add_argument(
            name, metavar=unit, type=arguments.positive, default=default,
            help=f"{text} (default: %(default)g)",
        )  # fmt: skip
    common.add_focal_sigma_option(group, arguments.Sigma(0.05, share=True))
    parser.add_argument(
        "--force", action="store_true", help="write points even where they are not to be trusted"
    )
    common.add_out_option(parser, "gcps.csv", "table of control points, for `camera solve`")


def run(args: argparse.Namespace) -> None:
    """Write the table; raise if the points are not worth a look."""
    from ...projection.suggested_points import RoughPose, suggest_points
    from ...terrain.sources import open_dem

    inputs = [args.photo, args.camera, *args.dem, *(args.orthophoto or ())]
    common.check_out(args.out, (".csv",), inputs)
    image = read_image(args.photo)
    record = common.fitted(common.with_ground(CameraRecord.read(args.camera), args), image)
    record = replace(record, orientation=image.orientation)
    rough = RoughPose(
        args.position_sigma,
        args.angle_sigma,
        args.focal_sigma.of(record.camera.f) / record.camera.f,
    )
    dem = open_dem(args.dem, record.epsg)
    found = suggest_points(image.pixels, record, dem, _paint(args, record), rough)
    if not found.trusted:
        if not (args.force and found.points):
            more = " (--force writes the points anyway.)" if found.points else ""
            raise CameraError(f"{args.photo}: {found.reason}{more}")
        common.warn(found.reason)
    write_gcps(args.out, found.points)
    out = [point.name for point in found.points if not point.use]
    print(
        f"{found.reason} They turn the rough pose by {found.turn_deg:.2f} deg and move it by "
        f"{found.moved_m:.0f} m; residuals {found.residual_px:.1f} px"
    )
    if out:
        print(f"not in use, as they contradict the others: {', '.join(out)}")
    print("look at each point in the photo and on the map before you rely on it")
    print(f"wrote {args.out}")


def _paint(args: argparse.Namespace, record: CameraRecord) -> Callable[[Viewshed], Terrain]:
    """Return what paints the terrain: orthophotos, or the sun of the photo's time."""
    from ...projection.rendered_view import orthophoto_layer, sunlit_layer

    if args.orthophoto:
        return lambda viewshed: orthophoto_layer(
            args.orthophoto, viewshed.terrain, viewshed.terrain.cell / 2, record.epsg
        )
    sun = _sun(args, record)
    return lambda viewshed: sunlit_layer(viewshed.terrain, sun)


def _sun(args: argparse.Namespace, record: CameraRecord) -> tuple[float, float] | None:
    """Return grid azimuth and elevation of the sun at the photo's time; None where unknown."""
    from pyproj import Transformer

    time = _time(args)
    if time is None:
        common.warn(
            "the time of the photo is not known: the terrain is lit as on a map. Give --time, "
            "shadows help."
        )
        return None
    camera = record.camera
    transformer = Transformer.from_crs(find_crs(record.epsg), 4326, always_xy=True)
    azimuth, elevation = sun_position(time, *transformer.transform(camera.x, camera.y))
    if elevation < LOWEST:
        common.warn(
            f"at {time:%Y-%m-%d %H:%M} UTC the sun is not up: the terrain is lit as on a map. "
            "Check --time and --zone."
        )
        return None
    turn = convergence(record.epsg, camera.x, camera.y)
    print(f"sun at {azimuth:.0f} deg, {elevation:.0f} deg high", file=sys.stderr)
    return (azimuth - turn) % 360, elevation


def _time(args: argparse.Namespace) -> datetime | None:
    """Return when the photo was taken, UTC; None where neither option, EXIF nor name tells."""
    zone = parse_zone(args.zone)
    if args.time:
        try:
            moment = datetime.fromisoformat(args.time)
        except ValueError as error:
            raise IsegError(
                f"--time {args.time} is no time: write it as 2024-01-15T10:30."
            ) from error
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    named = find_named_time(args.photo.name, zone=zone)
    return named.when or capture_time("", read_exif_times(args.photo))
