"""`python -m core camera check`: accuracy of a camera, also by independent check points."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...camera import CameraRecord, ControlPoint, PointFit
from ...errors import CameraError, TerrainError
from . import common
from .report import describe, format_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...projection.viewshed import Viewshed


_TOO_FEW = "there are too few left-out points to test the error ellipses"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `camera`."""
    parser = common.new_parser(subparsers, "check", run, "report how good a camera is")
    parser.add_argument("camera", metavar="camera.json", type=Path)
    parser.add_argument(
        "gcps",
        metavar="GCPS.csv",
        type=Path,
        nargs="?",
        help="independent check points; with --dem their errors on the map too",
    )
    common.add_gcp_options(parser)
    parser.add_argument(
        "--image", metavar="FILE", type=Path, help="for the plots (default: the camera's own)"
    )
    common.add_viewshed_options(parser, required=False)
    parser.add_argument(
        "--plot-residuals", metavar="FILE.png", type=Path, help="points and their residuals"
    )
    parser.add_argument(
        "--plot-skyline", metavar="FILE.png", type=Path, help="ridges and skyline of the DEM"
    )
    parser.add_argument(
        "--json", action="store_true", help="print camera and check points as JSON on stdout"
    )


def run(args: argparse.Namespace) -> None:
    """Report and plot."""
    from .plots import plot_residuals, plot_skyline

    if args.plot_skyline and not args.dem:
        raise CameraError("--plot-skyline draws the DEM's skyline: give the DEM with --dem too.")
    for path in filter(None, (args.plot_residuals, args.plot_skyline)):
        common.check_out(path, (".png",), [args.image])
    record = common.read_camera(args.camera, args.image)
    size = record.camera.width, record.camera.height
    points = common.read_control_points(args, size) if args.gcps else []
    common.warn_of(record)
    viewshed = _open_viewshed(record, args, needed=bool(points or args.plot_skyline))
    checked = check_points(points, record, viewshed)
    _report(record, checked, as_json=args.json)
    if args.plot_residuals:
        shown = _check_points_only(checked, record) if checked else record
        plot_residuals(args.plot_residuals, _read_photo(args, record), shown)
    if args.plot_skyline and viewshed:
        plot_skyline(args.plot_skyline, _read_photo(args, record), viewshed)


def _open_viewshed(
    record: CameraRecord, args: argparse.Namespace, *, needed: bool
) -> Viewshed | None:
    """Return what the camera sees of the DEM; where that is not needed, only warn of failures."""
    if not args.dem:
        return None
    try:
        return common.open_viewshed(record, args)
    except TerrainError as error:
        if needed:
            raise
        common.warn(str(error))
        return None


def _check_points_only(checked: Sequence[PointFit], record: CameraRecord) -> CameraRecord:
    """Return the record with the check points only, none of them used, and their rms."""
    points = tuple(replace(fit, point=replace(fit.point, use=False)) for fit in checked)
    return replace(record, points=points, rms_px=rms(checked), loo_rms_px=None)


def check_points(
    points: Sequence[ControlPoint], record: CameraRecord, viewshed: Viewshed | None
) -> list[PointFit]:
    """Compute residuals of check points, and with a viewshed their errors on the map.

    These are in `loo_map_m`, as the pose is not fitted to the points: NaN where the pixel shows no
    ground, None without a viewshed. Points without z take the terrain's height.

    Raises
    ------
    CameraError
        If a point has no height.
    """
    if not points:
        return []
    xyz = np.array([(p.x, p.y, math.nan if p.z is None else p.z) for p in points], np.float64)
    pixels = np.array([(point.u, point.v) for point in points])
    if viewshed:
        ground = viewshed.terrain.sample(xyz[:, 0], xyz[:, 1])
        xyz[:, 2] = np.where(np.isnan(xyz[:, 2]), ground, xyz[:, 2])
    unknown = [p.name for p, z in zip(points, xyz[:, 2], strict=True) if math.isnan(z)]
    if unknown:
        raise CameraError(
            f"No height for {', '.join(unknown)}: fill in z, or give a DEM with --dem that covers "
            "them."
        )
    errors = record.camera.project(xyz) - pixels
    on_map: Sequence[float | None] = [None] * len(points)
    ratios: Sequence[float | None] = on_map
    if viewshed:
        found = viewshed.range_map.unproject(pixels)
        on_map = list(np.hypot(*(found - xyz)[:, :2].T))
        ratios = _ratios(found, xyz, viewshed)
    return [
        PointFit(point, float(du), float(dv), loo_map_m=metres, loo_sigmas=ratio)
        for point, (du, dv), metres, ratio in zip(points, errors, on_map, ratios, strict=True)
    ]


def _ratios(
    found: NDArray[np.float64], xyz: NDArray[np.float64], viewshed: Viewshed
) -> list[float]:
    """Return the errors on the map of points (N, 3) in units of what is expected of them.

    NaN where the pixel shows no ground.
    """
    from ...projection.uncertainty import point_covariance

    ratios = np.full(len(xyz), math.nan)
    known = np.isfinite(found).all(axis=1)
    covariance = point_covariance(found[known], viewshed)
    error = (found - xyz)[known, :2]
    usable = np.isfinite(covariance).all(axis=(1, 2))
    solved = np.linalg.solve(covariance[usable], error[usable, :, None])[:, :, 0]
    squares = np.full(len(error), math.nan)
    squares[usable] = (error[usable] * solved).sum(axis=1)
    ratios[known] = np.sqrt(squares)
    return [float(ratio) for ratio in ratios]


def _coverage(fits: Sequence[PointFit]) -> dict[str, float | None]:
    """Return the shares of points within their 68 % and 95 % ellipses; None of fewer than four."""
    from ...camera.accuracy import coverage

    ratios = [math.nan if f.loo_sigmas is None else f.loo_sigmas for f in fits]
    found = coverage(np.array(ratios)) or (None, None)
    return dict(zip(("inside_68", "inside_95"), found, strict=True))


def _describe_coverage(fits: Sequence[PointFit], what: str) -> str:
    """Return a sentence on the shares of points within their ellipses; "" if they are too few."""
    found = _coverage(fits)
    if found["inside_68"] is None:
        return ""
    return (
        f"{found['inside_68']:.0%} of {what} lie inside the 68 % ellipse, "
        f"{found['inside_95']:.0%} inside the 95 % ellipse"
    )


def rms(fits: Sequence[PointFit]) -> float:
    """Return the root mean square of the distances in the photo, pixels; NaN if all are."""
    lengths = _residual_lengths(fits)
    known = lengths[np.isfinite(lengths)]
    return math.sqrt(np.mean(known**2)) if len(known) else math.nan


def _residual_lengths(fits: Sequence[PointFit]) -> NDArray[np.float64]:
    return np.array([math.hypot(fit.residual_u, fit.residual_v) for fit in fits])


def _summarize(checked: Sequence[PointFit]) -> dict[str, Any]:
    """Return the statistics of the check points; None where unknown."""
    metres = np.array([math.nan if f.loo_map_m is None else f.loo_map_m for f in checked])
    metres = metres[np.isfinite(metres)]
    median, most = np.quantile(metres, (0.5, 0.9)) if len(metres) else (math.nan, math.nan)
    figures = {"rms_px": rms(checked), "map_median_m": float(median), "map_p90_m": float(most)}
    known = {name: value if math.isfinite(value) else None for name, value in figures.items()}
    return known | _coverage(checked)


def _report(record: CameraRecord, checked: Sequence[PointFit], *, as_json: bool) -> None:
    if as_json:
        points = replace(record, points=checked).to_json()["points"]
        check = {**_summarize(checked), "points": points} if checked else None
        left_out = _coverage(record.points)
        more = {"left_out": left_out, "check": check}
        print(json.dumps({**record.to_json(), **more}, allow_nan=False))
        return
    print(describe(record))
    print(_describe_coverage(record.points, "left-out points") or _TOO_FEW)
    if not checked:
        return
    print(f"\n{'check point':<16} {'du px':>8} {'dv px':>8} {'size':>8} {'map m':>8}")
    for fit, size in zip(checked, _residual_lengths(checked), strict=True):
        print(
            f"{fit.point.name:<16} {format_number(fit.residual_u, 8, 2)} "
            f"{format_number(fit.residual_v, 8, 2)} {format_number(float(size), 8, 2)} "
            f"{format_number(fit.loo_map_m, 8, 1)}"
        )
    found = _summarize(checked)
    print(
        f"check points: rms {format_number(found['rms_px'], 0, 2)} px; on the map "
        f"{format_number(found['map_median_m'], 0, 1)} m (median), "
        f"{format_number(found['map_p90_m'], 0, 1)} m (90 %)"
    )
    if inside := _describe_coverage(checked, "check points"):
        print(inside)


def _read_photo(args: argparse.Namespace, record: CameraRecord) -> NDArray[np.uint8] | None:
    """Read the photo to plot on, of the camera's aspect ratio; None if there is none."""
    from ...image import read_image

    path = args.image or common.photo_of(record, args.camera)
    if path is None:
        common.note("No photo to plot on: give one with --image FILE.")
        return None
    pixels = read_image(path).pixels
    record.camera.resized(*pixels.shape[1::-1])  # refuses another shape
    return pixels
