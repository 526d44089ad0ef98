"""Text report of a camera."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from ...camera import Camera, CameraRecord, PointFit


def describe(record: CameraRecord) -> str:
    """Return several lines of text: pose, accuracy and control points."""
    blocks = [_describe_pose(record)]
    if record.points:
        blocks.append(_format_points(record.points))
    return "\n".join(blocks)


def field_of_view(camera: Camera) -> float:
    """Return the horizontal angle that the photo covers, degrees."""
    if camera.projection.is_panorama:
        return math.degrees(camera.width / camera.f)
    edges = camera.camera_rays(np.array([(-0.5, camera.cy), (camera.width - 0.5, camera.cy)]))
    return math.degrees(float(np.sum(np.arccos(np.clip(edges[:, 2], -1, 1)))))


def _describe_pose(record: CameraRecord) -> str:
    camera = record.camera
    sigma = _pose_sigmas(record)
    lens = "" if camera.projection.is_panorama else f", k1 {camera.k1:+.4f}"
    more = [(name, getattr(camera, name)) for name in ("k2", "k3", "p1", "p2")]
    lens += "".join(f", {name} {value:+.4f}" for name, value in more if value)
    if sigma[8:]:
        lens += f", principal point {camera.cx:.1f}, {camera.cy:.1f} px"
        lens += _format_sigmas(sigma[8:], ".1f", "px")
    size = f"{camera.width} x {camera.height} px, {camera.projection.value}"
    rows = {
        "camera": f"{record.name or 'unnamed'} ({size})",
        "station": f"{record.view} of {record.station}" if record.station else "",
        "position": f"{camera.x:.1f}, {camera.y:.1f}, {camera.z:.1f} m (EPSG:{record.epsg})"
        + _format_sigmas(sigma[:3], ".1f", "m"),
        "angles": f"yaw {camera.yaw:.3f}, pitch {camera.pitch:.3f}, roll {camera.roll:.3f} deg"
        + _format_sigmas(sigma[3:6], ".3f", "deg"),
        "heading": _describe_heading(record),
        "lens": f"f {camera.f:.1f} px{_format_sigmas(sigma[6:7], '.1f', 'px')}{lens}, "
        f"horizontal field of view {field_of_view(camera):.1f} deg",
        "residuals": _describe_residuals(record),
        "heights": ", ".join(filter(None, (record.dem, record.vertical_datum))),
        "ground": _describe_ground(record),
        "photo": record.image,
        "valid": " to ".join(filter(None, (record.valid_from, record.valid_to))),
        "posed": f"{record.created_at}" + (f" by {record.author}" if record.author else ""),
    }
    return "\n".join(f"{name:<10} {text}" for name, text in rows.items() if text)


def _pose_sigmas(record: CameraRecord) -> Sequence[float]:
    """Return the standard deviations of `PARAMETERS`; empty if unknown."""
    if record.covariance is None:
        return ()
    return list(np.sqrt(np.diag(np.asarray(record.covariance, np.float64))))


def _format_sigmas(sigmas: Iterable[float], form: str, unit: str) -> str:
    text = ", ".join(format(sigma, form) for sigma in sigmas)
    return f", +- {text} {unit}" if text else ""


def _describe_heading(record: CameraRecord) -> str:
    """Return the heading from true north."""
    from ...camera.map_crs import convergence as convergence_of

    camera = record.camera
    convergence = convergence_of(record.epsg, camera.x, camera.y)
    heading = (camera.yaw + convergence) % 360
    return f"{heading:.2f} deg from true north (grid convergence {convergence:+.2f} deg)"


def _describe_ground(record: CameraRecord) -> str:
    """Return what is known of the ground, as far as it was given."""
    parts = []
    if record.near_field_m is not None:
        parts.append(f"not looked at within {record.near_field_m:g} m of the camera")
    if record.near_field_px:
        parts.append("not looked at in a part of the photo, the near field")
    if record.dem_noise_m is not None:
        parts.append(f"noise of the DEM {record.dem_noise_m:g} m")
    return "; ".join(parts)


def _describe_residuals(record: CameraRecord) -> str:
    """Return the root mean squares, as far as known."""
    parts = []
    if record.rms_px is not None:
        used = sum(fit.point.use for fit in record.points)
        of = f" of {used} points" if used else ""
        parts.append(f"rms {record.rms_px:.2f} px{of}")
    if record.loo_rms_px is not None:
        parts.append(f"each left out in turn {record.loo_rms_px:.2f} px")
    if record.loo_map_median_m is not None and record.loo_map_p90_m is not None:
        parts.append(
            f"on the map {record.loo_map_median_m:.1f} m (median), "
            f"{record.loo_map_p90_m:.1f} m (90 %)"
        )
    if record.sigma_px is not None and record.points:
        parts.append(f"marks good to {record.sigma_px:.1f} px in u and v")
    return "; ".join(parts)


def _format_points(fits: Sequence[PointFit]) -> str:
    """Return a table with one line per point."""
    width = max(5, *(len(fit.point.name) for fit in fits))
    head = f"{'point':<{width}} {'du px':>8} {'dv px':>8} {'size':>8} {'left out':>9} {'map m':>8}"
    return "\n".join([head, *(_format_point(fit, width) for fit in fits)])


def _format_point(fit: PointFit, width: int) -> str:
    size = math.hypot(fit.residual_u, fit.residual_v)
    remark = "" if fit.point.use else "  not used"
    remark += "  SUSPECT" if fit.suspect else ""
    return (
        f"{fit.point.name:<{width}} {format_number(fit.residual_u, 8, 2)} "
        f"{format_number(fit.residual_v, 8, 2)} {format_number(size, 8, 2)} "
        f"{format_number(fit.loo_px, 9, 2)} {format_number(fit.loo_map_m, 8, 1)}{remark}"
    )


def format_number(value: float | None, width: int, digits: int) -> str:
    """Format a number for a column; a dash if unknown."""
    known = value is not None and math.isfinite(value)
    return f"{value:{width}.{digits}f}" if known else f"{'-':>{width}}"
