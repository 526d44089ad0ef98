"""Options, reading and messages shared by the subcommands of `camera`."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ... import arguments
from ...camera import CameraRecord, Projection
from ...camera.resizing import resized
from ...camera.turning import as_displayed, is_shape
from ...containers import orientation_of
from ...errors import CameraError
from ...outline import check_output_path
from .exif import focal_length, heading, place

if TYPE_CHECKING:
    from ...camera import ControlPoint
    from ...camera.calibration import Calibration
    from ...camera.resection import PosePrior
    from ...image import Image
    from ...projection.viewshed import Viewshed
    from ...terrain import Terrain
    from ...terrain.sources import Dem

Run = Callable[[argparse.Namespace], None]
HAND = 2.0
"""Metres above the ground of a camera whose place is known by GPS."""
_GPS_SIGMA, _LEAST_GPS_SIGMA = 15.0, 5.0  # metres: of a photo's place
_GPS_HEIGHT_SIGMA = 40.0  # metres, as heights may count from the ellipsoid
FOCAL_SIGMA = arguments.Sigma(0.1, share=True)


def new_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Run,
    summary: str,
) -> argparse.ArgumentParser:
    """Add a subcommand."""
    parser = subparsers.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
    parser.set_defaults(run=run)
    return parser


def add_camera_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--camera FILE``."""
    parser.add_argument(
        "--camera", metavar="FILE", type=Path, required=True, help="camera.json of `camera solve`"
    )


def add_gcp_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--columns`` and ``--pixel-origin``, for `read_control_points`."""
    parser.add_argument(
        "--columns",
        metavar="name,u,v,x,y,z",
        type=arguments.names,
        default=(),
        help="what the table's columns hold, in their order (- for others), or u=HEADING,v=…; by "
        "default found out, and said",
    )
    parser.add_argument(
        "--pixel-origin",
        metavar="N",
        type=float,
        choices=(0.0, 0.5, 1.0),
        help="number of the first pixel's centre in the table: 0, 0.5 or 1 (default: that of the "
        "program that wrote it)",
    )


def read_control_points(
    args: argparse.Namespace, size: tuple[int, int], path: Path | None = None
) -> list[ControlPoint]:
    """Read a table of control points; say how that of another program was understood."""
    from ...camera.foreign_gcps import read_gcp_table

    table = read_gcp_table(path or args.gcps, size, args.columns, args.pixel_origin)
    if table.description:
        note(f"{table.description} (--columns and --pixel-origin change that.)")
    return table.points


def read_lens(args: argparse.Namespace) -> Calibration | None:
    """Read the calibration of the lens, if given; print its warnings."""
    from ...camera.calibration import read_calibration

    if args.calibration is None:
        return None
    calibration = read_calibration(args.calibration)
    for text in calibration.warnings:
        warn(text)
    if args.projection not in (Projection.PINHOLE.value, calibration.projection.value):
        raise CameraError(
            f"--projection {args.projection} contradicts the calibration, which is of a lens of "
            f"the kind {calibration.projection.value}: leave one of them out."
        )
    return calibration


def read_terrain(
    dem: Dem, points: Sequence[ControlPoint], prior: PosePrior, noise: float | None
) -> Terrain:
    """Read the terrain around the points and the camera into memory, without its noise."""
    from ...terrain.surroundings import read_surroundings

    places = [(point.x, point.y) for point in points]
    places += [(prior.position[0], prior.position[1])] if prior.position else []
    return read_surroundings(dem, places, noise)


def add_layer_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--layer NAME``."""
    parser.add_argument(
        "--layer",
        metavar="NAME",
        help="of a file of outlines (default: avalanches, or the only one with polygons)",
    )


def add_prior_options(group: argparse._ArgumentGroup) -> None:
    """Add ``--position``, ``--height-above-ground`` and ``--focal``."""
    group.add_argument(
        "--position",
        metavar="X,Y[,Z]",
        type=arguments.position,
        help="of the camera, metres; without Z give --height-above-ground and --dem",
    )
    group.add_argument(
        "--height-above-ground",
        metavar="M",
        type=arguments.not_negative,
        help="of the camera: its mast or building, metres",
    )
    group.add_argument(
        "--focal",
        metavar="PX",
        type=arguments.positive,
        help="focal length, pixels (default: from the photo's EXIF, if known there)",
    )


def require_position(args: argparse.Namespace) -> None:
    """Refuse what is said of a position that is not given.

    Raises
    ------
    CameraError
        With what to do.
    """
    said = args.position_sigma or args.height_above_ground is not None
    if args.position is None and said:
        raise CameraError(
            "--position-sigma and --height-above-ground belong to a position: give --position X,Y "
            "too."
        )


def add_focal_sigma_option(
    group: argparse._ActionsContainer, default: arguments.Sigma | None = None
) -> None:
    """Add ``--focal-sigma``."""
    group.add_argument(
        "--focal-sigma",
        metavar="10%",
        type=arguments.sigma,
        default=default,
        help="how well the focal length is known: a share, or pixels (default: 10%%)",
    )


def add_position_sigma_option(group: argparse._ActionsContainer) -> None:
    """Add ``--position-sigma``."""
    group.add_argument(
        "--position-sigma",
        metavar="SX,SY,SZ",
        type=arguments.sigmas,
        help="how well the position is known, metres (default: 10,10,5)",
    )


def add_lens_options(group: argparse._ActionsContainer) -> None:
    """Add ``--calibration``, ``--principal-point-sigma`` and ``--projection``."""
    group.add_argument(
        "--calibration",
        metavar="FILE",
        type=Path,
        help="of the lens: OpenCV's YAML, XML or JSON, Agisoft's XML, or a camera.json; gives "
        "focal length, principal point and distortion",
    )
    add_principal_point_option(group)
    group.add_argument(
        "--projection",
        choices=[projection.value for projection in Projection],
        default=Projection.PINHOLE.value,
        help="an ordinary lens (default), a stitched panorama (cylindrical: tangents of the "
        "elevation downwards; equirectangular: angles), or an equidistant fisheye",
    )


def add_principal_point_option(group: argparse._ActionsContainer) -> None:
    """Add ``--principal-point-sigma``."""
    group.add_argument(
        "--principal-point-sigma",
        metavar="1%",
        type=arguments.sigma,
        help="let the principal point be free, and how well it is known: a share of the photo's "
        "width, or pixels (default: it is the centre, or that of the calibration; needs 6 points)",
    )


def share_of_width(sigma: arguments.Sigma | None, size: tuple[int, int]) -> float | None:
    """Return a standard deviation as a share of the photo's width, if it is given."""
    return sigma.of(size[0]) if sigma else None


def add_dem_option(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add ``--dem``."""
    parser.add_argument(
        "--dem",
        metavar="DEM",
        type=Path,
        nargs="+",
        action="extend",
        required=required,
        help="heights of the ground: a raster file, several, or a folder of tiles; in any CRS",
    )


def add_viewshed_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add ``--dem``, ``--no-cache`` and what is known of the ground, for `open_viewshed`."""
    add_dem_option(parser, required=required)
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="neither write nor read cached viewsheds (in the user's cache folder)",
    )
    add_ground_options(parser)


def add_ground_options(parser: argparse._ActionsContainer) -> None:
    """Add ``--near-field`` and ``--dem-noise``, for `with_ground`."""
    parser.add_argument(
        "--near-field",
        metavar="M|MASK",
        type=_near_field,
        action="append",
        default=[],
        help="do not look at ground nearer than this, metres (default: the camera's own; else "
        "20, or more where the camera is below the DEM); or a mask of the photo that shows what is "
        "close by, such as roofs; both may be given",
    )
    parser.add_argument(
        "--dem-noise",
        metavar="M",
        type=arguments.not_negative,
        help="standard deviation of the DEM's noise from cell to cell, metres (default: the "
        "camera's own, else estimated from the DEM)",
    )


def _near_field(text: str) -> float | Path:
    """Read metres, or the path of a mask."""
    try:
        float(text)
    except ValueError:
        return Path(text)
    return arguments.not_negative(text)


def near_field_metres(args: argparse.Namespace) -> float | None:
    """Return the metres of ``--near-field``; None if not given."""
    return next((part for part in reversed(args.near_field) if isinstance(part, float)), None)


def with_ground(record: CameraRecord, args: argparse.Namespace) -> CameraRecord:
    """Return the record with the near field and the noise of ``args``, where given."""
    given = {"near_field_m": near_field_metres(args), "dem_noise_m": args.dem_noise}
    record = replace(record, **{key: value for key, value in given.items() if value is not None})
    masks = [part for part in args.near_field if isinstance(part, Path)]
    return _with_near_field_mask(record, masks[-1]) if masks else record


def _with_near_field_mask(record: CameraRecord, path: Path) -> CameraRecord:
    """Return the record with the near field of a mask of its photo, of any size."""
    from ...image import read_mask_image
    from ...projection.near_field_mask import outline_near_field

    mask = np.asarray(read_mask_image(path).whole)
    size = mask.shape[1], mask.shape[0]
    if not mask.any():
        raise CameraError(f"The near field {path} marks nothing: draw what is close by in white.")
    if not is_shape(record, size):
        raise CameraError(
            f"The near field {path} has {size[0]} x {size[1]} pixels, the camera's photo "
            f"{record.camera.width} x {record.camera.height}: draw it on that photo."
        )
    drawn = replace(resized(record, *size), near_field_px=outline_near_field(mask))
    sized = resized(drawn, record.camera.width, record.camera.height)
    return replace(record, near_field_px=sized.near_field_px)


def add_out_option(parser: argparse.ArgumentParser, metavar: str, summary: str) -> None:
    """Add ``-o``."""
    parser.add_argument(
        "-o", "--out", metavar=metavar, type=Path, required=True, help=f"{summary} to write"
    )


def check_out(path: Path, suffixes: Collection[str], inputs: Sequence[Path | None] = ()) -> None:
    """Refuse, before any work, an output file that cannot be written or is one of the inputs."""
    check_output_path(path, suffixes)
    arguments.refuse_overwriting(path, inputs)


def exif_focal_length(path: Path, size: tuple[int, int]) -> float | None:
    """Return the nominal focal length in pixels of a photo's EXIF, with a note; None without."""
    focal = focal_length(path, size)
    if focal is not None:
        note(f"the photo's EXIF gives a focal length of {focal:.0f} px.")
    return focal


@dataclass(frozen=True)
class ExifStart:
    """Where a camera stands and looks, by a photo's EXIF, in a map CRS.

    Attributes
    ----------
    position
        x, y and z, metres; z None without a height.
    sigmas
        Their standard deviations, metres.
    yaw
        Grid azimuth, degrees; None if unknown.
    """

    position: tuple[float, float, float | None]
    sigmas: tuple[float, float, float]
    yaw: float | None


def exif_start(path: Path, epsg: int) -> ExifStart | None:
    """Return where the camera of a photo stands and looks by its EXIF, with a note; None without.

    Heights are those of GPS, which may count from the ellipsoid.
    """
    from pyproj import Transformer

    from ...camera.map_crs import convergence, find_crs

    found = place(path)
    if found is None:
        return None
    transformer = Transformer.from_crs(4326, find_crs(epsg), always_xy=True)
    x, y = transformer.transform(found.longitude, found.latitude)
    if not math.isfinite(x + y):
        return None
    across = max(found.error or _GPS_SIGMA, _LEAST_GPS_SIGMA)
    text = f"the photo's EXIF gives the position {x:.0f}, {y:.0f} (+- {across:.0f} m)"
    looking = heading(path)
    yaw = None
    if looking:
        yaw = (looking[0] - convergence(epsg, x, y)) % 360
        text += f" and the heading {looking[0]:.0f} degrees"
        text += " from magnetic north" if looking[1] else ""
    note(f"{text}.")
    return ExifStart((x, y, found.altitude), (across, across, _GPS_HEIGHT_SIGMA), yaw)


def photo_of(record: CameraRecord, camera_file: Path) -> Path | None:
    """Return the photo that the camera was posed in, if it is where the camera file states."""
    path = camera_file.parent / record.image
    return path if record.image and path.is_file() else None


def read_camera(path: Path, photo: Path | None = None) -> CameraRecord:
    """Read a camera file, for its photo as displayed; None for the photo that it states."""
    record = CameraRecord.read(path)
    photo = photo or photo_of(record, path)
    if photo is None or record.orientation != 1:
        return record
    return as_displayed(record, orientation_of(photo))


def fitted(record: CameraRecord, image: Image) -> CameraRecord:
    """Return the record for a photo of it, as displayed and of any size."""
    height, width = image.pixels.shape[:2]
    return resized(as_displayed(record, image.orientation, (width, height)), width, height)


def path_from(path: Path, folder: Path) -> str:
    """Return ``path`` relative to ``folder``, so that both can be moved together."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return str(path.resolve())


def open_viewshed(record: CameraRecord, args: argparse.Namespace) -> Viewshed:
    """Compute the viewshed on the terrain of ``--dem``; print its warnings."""
    from ...projection.cache import default_folder
    from ...projection.viewshed import compute_viewshed
    from ...terrain.sources import open_dem

    dem = open_dem(args.dem, record.epsg)
    folder = None if args.no_cache else default_folder()
    viewshed = compute_viewshed(with_ground(record, args), dem, folder)
    for text in viewshed.warnings:
        warn(text)
    return viewshed


def note(text: str) -> None:
    """Print a note to stderr; stdout is for results."""
    print(text, file=sys.stderr)


def warn(text: str) -> None:
    """Print a warning to stderr."""
    print(f"warning: {text}", file=sys.stderr)


def warn_of(record: CameraRecord) -> None:
    """Print the doubts about a pose to stderr."""
    for text in record.warnings:
        warn(text)
