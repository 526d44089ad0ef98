"""Camera records for other sizes and parts of the same photo."""

from __future__ import annotations

from dataclasses import replace

from ..errors import CameraError
from .record import PARAMETERS, CameraRecord, PointFit


def resized(record: CameraRecord, width: int, height: int) -> CameraRecord:
    """Return the record of the same pose for a photo of another size, all pixel values scaled.

    Raises
    ------
    CameraError
        If the photo has another aspect ratio.
    """
    camera = record.camera
    if (camera.width, camera.height) == (width, height):
        return record
    across, down = width / camera.width, height / camera.height
    return replace(
        record,
        camera=camera.resized(width, height),
        covariance=_scale_covariance(record, across),
        points=tuple(_scale_point(fit, across, down) for fit in record.points),
        rms_px=None if record.rms_px is None else record.rms_px * across,
        loo_rms_px=None if record.loo_rms_px is None else record.loo_rms_px * across,
        sigma_px=None if record.sigma_px is None else record.sigma_px * across,
        focal_prior=record.focal_prior and [value * across for value in record.focal_prior],
        near_field_px=tuple(
            tuple(((u + 0.5) * across - 0.5, (v + 0.5) * down - 0.5) for u, v in ring)
            for ring in record.near_field_px
        ),
    )


def cropped(record: CameraRecord, left: int, top: int, width: int, height: int) -> CameraRecord:
    """Return the record of the same pose for a part of the photo that begins at (left, top).

    Points beyond the part are kept.

    Raises
    ------
    CameraError
        If the part reaches beyond the photo.
    """
    camera = record.camera
    if left < 0 or top < 0 or left + width > camera.width or top + height > camera.height:
        raise CameraError(
            f"A part of {width} x {height} pixels from ({left}, {top}) reaches beyond the photo "
            f"of {camera.width} x {camera.height}: check where it begins."
        )
    points = (
        replace(fit, point=replace(fit.point, u=fit.point.u - left, v=fit.point.v - top))
        for fit in record.points
    )
    part = camera.cropped(left, top, width, height)
    rings = tuple(tuple((u - left, v - top) for u, v in ring) for ring in record.near_field_px)
    return replace(record, camera=part, points=tuple(points), near_field_px=rings)


def _scale_covariance(record: CameraRecord, times: float) -> list[list[float]] | None:
    """Return the covariance for a scaled focal length and principal point."""
    if record.covariance is None:
        return None
    scale = [times if name in ("f_px", "cx", "cy") else 1.0 for name in PARAMETERS]
    return [
        [value * scale[i] * scale[j] for j, value in enumerate(row)]
        for i, row in enumerate(record.covariance)
    ]


def _scale_point(fit: PointFit, across: float, down: float) -> PointFit:
    point = fit.point
    return replace(
        fit,
        point=replace(
            point,
            u=(point.u + 0.5) * across - 0.5,
            v=(point.v + 0.5) * down - 0.5,
            sigma=point.sigma * across,
        ),
        residual_u=fit.residual_u * across,
        residual_v=fit.residual_v * down,
        loo_px=None if fit.loo_px is None else fit.loo_px * across,
    )
