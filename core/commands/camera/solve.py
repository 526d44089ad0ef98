"""`python -m core camera solve`: control points to a posed camera."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import arguments
from ...camera import CameraRecord, Projection
from ...errors import CameraError
from . import common

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...camera.calibration import Calibration
    from ...camera.resection import PosePrior
    from ...camera.skyline_adjustment import SkylineObservation
    from ...terrain.sources import Dem

_GROUND_SIGMA = 10.0  # metres, of the height of a camera whose place is known by GPS
_HEADING_OFF = 30.0  # degrees from a compass's heading from which to warn


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `camera`."""
    parser = common.new_parser(subparsers, "solve", run, "pose a camera from control points")
    parser.add_argument(
        "gcps",
        metavar="GCPS.csv",
        type=Path,
        help="table name,u_px,v_px,x,y,z[,use,sigma_px]; z may be empty where --dem is given; or "
        "that of another program",
    )
    common.add_gcp_options(parser)
    photo = parser.add_mutually_exclusive_group(required=True)
    photo.add_argument("--image", metavar="FILE", type=Path, help="photo of the pixels u, v")
    photo.add_argument(
        "--image-size", metavar="W,H", type=arguments.size, help="its size, without the photo"
    )
    parser.add_argument(
        "--crs", metavar="EPSG:N", type=arguments.crs, required=True, help="projected CRS of x, y"
    )
    common.add_dem_option(parser, required=False)
    common.add_ground_options(parser)
    parser.add_argument(
        "--skyline",
        action="store_true",
        help="let the skyline of --image help the points: it is to be that of --dem",
    )
    _add_prior_options(parser)
    _add_record_options(parser)
    common.add_out_option(parser, "camera.json", "camera")


def _add_prior_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is known of the camera")
    common.add_prior_options(group)
    common.add_focal_sigma_option(group)
    common.add_position_sigma_option(group)
    group.add_argument(
        "--no-exif",
        action="store_true",
        help="take neither place nor focal length from the photo's EXIF",
    )
    common.add_lens_options(group)


def _add_record_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("kept in the camera file and reported")
    group.add_argument("--name", default="", help="of the camera")
    group.add_argument("--author", default="", help="who posed it")
    for name in ("--valid-from", "--valid-to"):
        group.add_argument(
            name, metavar="TIME", type=arguments.moment, help="date or time, ISO 8601"
        )
    group.add_argument("--plot", metavar="FILE.png", type=Path, help="plot of the residuals")
    group.add_argument("--json", action="store_true", help="print the camera as JSON on stdout")


def run(args: argparse.Namespace) -> None:
    """Pose the camera and write it."""
    from ...camera.confused_grids import require_one_grid
    from ...camera.resection import solve_pose
    from ...camera.validation import require_on_map
    from ...terrain.sources import open_dem
    from .plots import plot_residuals
    from .report import describe

    common.check_out(args.out, (".json",), [args.gcps, args.image, args.calibration])
    if args.plot:
        common.check_out(args.plot, (".png",), [args.image])
    photo, size, orientation = _read_photo(args)
    points = common.read_control_points(args, size)
    names, places = [point.name for point in points], [(point.x, point.y) for point in points]
    require_on_map(np.array(places), names, args.crs, None)  # before the DEM is blamed
    dem = open_dem(args.dem, args.crs) if args.dem else None
    start = _exif_start(args)
    prior = _make_prior(args, size, start, dem)
    require_one_grid(np.array(places), prior.position, args.crs, dem.sample if dem else None)
    record = solve_pose(
        points,
        size,
        epsg=args.crs,
        terrain=common.read_terrain(dem, points, prior, args.dem_noise) if dem else None,
        prior=prior,
        projection=Projection(args.projection),
        skyline=_observe_skyline(photo, dem) if args.skyline else None,
        near_field=common.near_field_metres(args),
        dem_noise=args.dem_noise,
    )
    record = common.with_ground(record, args)
    record = replace(_with_labels(record, args), orientation=orientation)
    if dem:
        for text in dem.warnings:
            common.warn(text)
        record = replace(record, dem=dem.name, vertical_datum=dem.vertical_datum)
    record.write(args.out)
    if args.plot:
        plot_residuals(args.plot, photo, record)
    common.warn_of(record)
    _compare_heading(record, start)
    if args.json:
        print(json.dumps(record.to_json(), allow_nan=False))
    else:
        print(describe(record))
        print(f"wrote {args.out}")


def _read_photo(
    args: argparse.Namespace,
) -> tuple[NDArray[np.uint8] | None, tuple[int, int], int]:
    """Read the photo, if given; return it with its width and height, and how it was turned."""
    from ...image import read_image

    if args.image is None:
        return None, args.image_size, 1
    image = read_image(args.image)
    height, width = image.pixels.shape[:2]
    return image.pixels, (width, height), image.orientation


def _observe_skyline(photo: NDArray[np.uint8] | None, dem: Dem | None) -> SkylineObservation:
    """Detect the photo's skyline, to be compared with the terrain's."""
    from ...camera.skyline_adjustment import SkylineObservation
    from ...camera.skyline_detection import detect_skyline
    from ...projection.horizon import skyline_point_finder

    if photo is None or dem is None:
        raise CameraError(
            "--skyline compares the photo's skyline with the terrain's: give --image and --dem."
        )
    return SkylineObservation(detect_skyline(photo), skyline_point_finder(dem))


def _exif_start(args: argparse.Namespace) -> common.ExifStart | None:
    """Return where the camera stands by the photo's EXIF, where no position is given."""
    if args.no_exif or args.image is None or args.position is not None:
        return None
    return common.exif_start(args.image, args.crs)


def _compare_heading(record: CameraRecord, start: common.ExifStart | None) -> None:
    """Warn where the camera looks elsewhere than the photo's EXIF says."""
    if start is None or start.yaw is None:
        return
    if abs((record.camera.yaw - start.yaw + 180) % 360 - 180) > _HEADING_OFF:
        common.warn(
            f"the camera looks to {record.camera.yaw:.0f} degrees of the grid, but the photo's "
            f"EXIF says {start.yaw:.0f}: check the control points (--no-exif leaves EXIF out)."
        )


def _exif_position(
    args: argparse.Namespace, start: common.ExifStart, dem: Dem | None
) -> dict[str, Any]:
    """Return the fields of a `PosePrior` for the place of the photo's EXIF; empty without height.

    The ground's height is better than that of GPS.
    """
    x, y, z = start.position
    is_on_dem = dem is not None and bool(np.isfinite(dem.sample([x], [y])[0]))
    sigmas = args.position_sigma or start.sigmas
    if is_on_dem:
        above = common.HAND if args.height_above_ground is None else args.height_above_ground
        sigmas = args.position_sigma or (*start.sigmas[:2], _GROUND_SIGMA)
        return {"position": (x, y, None), "position_sigma": sigmas, "height_above_ground": above}
    return {} if z is None else {"position": (x, y, z), "position_sigma": sigmas}


def _make_prior(
    args: argparse.Namespace,
    size: tuple[int, int],
    start: common.ExifStart | None,
    dem: Dem | None,
) -> PosePrior:
    """Return what is known of the camera."""
    from ...camera.resection import PosePrior

    position: dict[str, Any] = {
        "position": args.position,
        "position_sigma": args.position_sigma,
        "height_above_ground": args.height_above_ground,
    }
    if start:
        position = _exif_position(args, start, dem)
    else:
        common.require_position(args)
    given = common.read_lens(args)
    calibration = given.fitted(size) if given else None
    focal, sigma = _focal_length(args, size, calibration)
    lens: dict[str, Any] = {} if focal is None else {"focal": focal, "focal_sigma": sigma.of(focal)}
    lens["principal_point_sigma"] = common.share_of_width(args.principal_point_sigma, size)
    return PosePrior(**position, calibration=calibration, **lens)


def _focal_length(
    args: argparse.Namespace, size: tuple[int, int], calibration: Calibration | None
) -> tuple[float | None, arguments.Sigma]:
    """Return the nominal focal length in pixels and its sigma."""
    if args.focal is not None:
        return args.focal, args.focal_sigma or common.FOCAL_SIGMA
    if calibration:
        return calibration.f, args.focal_sigma or arguments.Sigma(0.02, share=True)
    flat = args.projection == Projection.PINHOLE.value  # a panorama's EXIF is that of its parts
    is_asked = args.image and flat and not args.no_exif
    found = common.exif_focal_length(args.image, size) if is_asked else None
    if found is None and args.focal_sigma:
        raise CameraError("--focal-sigma belongs to a focal length: give --focal PX too.")
    return found, args.focal_sigma or common.FOCAL_SIGMA


def _with_labels(record: CameraRecord, args: argparse.Namespace) -> CameraRecord:
    """Return the record with its descriptive texts."""
    folder = args.out.parent
    return replace(
        record,
        name=args.name or args.out.stem,
        image=common.path_from(args.image, folder) if args.image else "",
        author=args.author,
        valid_from=args.valid_from or "",
        valid_to=args.valid_to or "",
    )
