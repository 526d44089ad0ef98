"""`python -m core camera skyline`: pose from the skyline alone, without control points."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ... import arguments
from ...camera import Camera, CameraRecord
from ...errors import CameraError, TerrainError
from ...image import Image, read_image
from . import common

if TYPE_CHECKING:
    from ...terrain.sources import Dem


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `camera`."""
    parser = common.new_parser(
        subparsers, "skyline", run, "pose a camera from the skyline, without control points"
    )
    parser.add_argument("photo", metavar="PICTURE", type=Path)
    parser.add_argument(
        "--camera", metavar="START.json", type=Path, help="camera whose position and lens to take"
    )
    group = parser.add_argument_group("or, without --camera")
    common.add_prior_options(group)
    group.add_argument("--crs", metavar="EPSG:N", type=arguments.crs, help="of the position")
    group.add_argument(
        "--no-exif",
        action="store_true",
        help="take neither place, heading nor focal length from the photo's EXIF",
    )
    parser.add_argument(
        "--heading",
        metavar="DEG",
        type=arguments.heading,
        help="where the camera looks, degrees clockwise from true north (default: from the "
        "photo's EXIF, if known there; else it is searched all round)",
    )
    parser.add_argument(
        "--heading-sigma",
        metavar="DEG",
        type=arguments.positive,
        default=15.0,
        help="how well the heading is known, degrees (default: 15)",
    )
    common.add_dem_option(parser)
    common.add_focal_sigma_option(parser, common.FOCAL_SIGMA)
    parser.add_argument(
        "--force", action="store_true", help="write the camera even where it is not to be trusted"
    )
    common.add_out_option(parser, "camera.json", "camera")


def run(args: argparse.Namespace) -> None:
    """Write the camera; raise if the fit cannot be trusted."""
    from ...camera.skyline_detection import detect_skyline
    from ...camera.skyline_fit import fit_skyline
    from ...projection.horizon import trace_horizon
    from ...terrain.sources import open_dem

    common.check_out(args.out, (".json",), [args.photo, args.camera])
    image = read_image(args.photo)
    photo = image.pixels
    exif = _exif_start(args)
    start = _initial_record(args, image, exif)
    dem = open_dem(args.dem, start.epsg)
    start = start.with_camera(_with_height(start.camera, args, dem, exif))
    found = fit_skyline(
        detect_skyline(photo),
        trace_horizon(start.camera, dem),
        start.camera,
        args.focal_sigma.of(start.camera.f),
        *_heading(args, start, exif),
    )
    if not found.trusted:
        if not args.force:
            raise CameraError(f"{args.photo}: {found.reason} (--force writes the camera anyway.)")
        common.warn(found.reason)
    record = start.with_camera(
        found.camera,
        name=start.name or args.out.stem,
        image=common.path_from(args.photo, args.out.parent),
        dem=dem.name,
        vertical_datum=dem.vertical_datum,
        points=(),
        covariance=None,
        rms_px=None,
        loo_rms_px=None,
        loo_map_median_m=None,
        loo_map_p90_m=None,
        sigma_px=None,
        warnings=(
            f"Posed by the skyline alone (within {found.residual_px:.1f} px): add control points "
            "before relying on it.",
        ),
    )
    record.write(args.out)
    camera = record.camera
    print(
        f"skyline fits within {found.residual_px:.1f} px over {found.agreeing:.0%} of the width: "
        f"yaw {camera.yaw:.2f}, pitch {camera.pitch:.2f}, roll {camera.roll:.2f} deg, "
        f"f {camera.f:.0f} px"
    )
    print(f"wrote {args.out}")


def _exif_start(args: argparse.Namespace) -> common.ExifStart | None:
    """Return where the camera stands and looks by the photo's EXIF, if that is asked for."""
    if args.no_exif or args.camera or args.position or not args.crs:
        return None
    return common.exif_start(args.photo, args.crs)


def _heading(
    args: argparse.Namespace, start: CameraRecord, exif: common.ExifStart | None
) -> tuple[float | None, float]:
    """Return the grid azimuth that the camera looks to, if known, and its sigma, degrees."""
    from ...camera.map_crs import convergence

    camera = start.camera
    if args.heading is not None:
        turn = convergence(start.epsg, camera.x, camera.y)
        return (args.heading - turn) % 360, args.heading_sigma
    return exif.yaw if exif else None, args.heading_sigma


def _initial_record(
    args: argparse.Namespace, image: Image, exif: common.ExifStart | None
) -> CameraRecord:
    """Return a record with position and lens, of any orientation."""
    if args.camera:
        return common.fitted(CameraRecord.read(args.camera), image)
    height, width = image.pixels.shape[:2]
    size = width, height
    focal = args.focal
    if focal is None and not args.no_exif:
        focal = common.exif_focal_length(args.photo, size)
    position = exif.position if exif else args.position
    missing = [
        name
        for name, value in (("--position", position), ("--crs", args.crs), ("--focal", focal))
        if value is None
    ]
    if missing:
        raise CameraError(
            f"Give {', '.join(missing)} too, or a camera to start from with --camera: the skyline "
            "gives a camera's orientation, not its position."
        )
    x, y, z = position
    camera = Camera(*size, x, y, z or 0.0, yaw=0.0, pitch=0.0, roll=0.0, f=float(focal or 0))
    return CameraRecord(camera, args.crs, orientation=image.orientation)


def _with_height(
    camera: Camera, args: argparse.Namespace, dem: Dem, exif: common.ExifStart | None
) -> Camera:
    """Return the camera with its height, above the ground if the position has none or by GPS."""
    if args.camera or (args.position and args.position[2] is not None):
        return camera
    if exif and args.height_above_ground is None:
        args.height_above_ground = common.HAND
    if args.height_above_ground is None:
        raise CameraError(
            "The position has no height: write --position X,Y,Z, or give --height-above-ground."
        )
    ground = float(dem.sample([camera.x], [camera.y])[0])
    if math.isnan(ground):
        raise TerrainError(
            f"The DEM does not cover the camera at {camera.x:.0f}, {camera.y:.0f}: give its height "
            "with --position X,Y,Z, or another DEM."
        )
    return replace(camera, z=ground + args.height_above_ground)
