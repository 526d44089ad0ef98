"""Cameras of photos that are displayed in another orientation than they are stored in.

Phones store photos as the sensor lies, and state in EXIF how to turn them. The command line sees
photos as displayed; QGIS, and so the plugin, as stored. Files that go from one to the other (camera
files, tables of control points) hold pixels of the photo *as displayed*; a camera file then names
the orientation. Camera files of version 0.2 and earlier name none, and may hold either: their size
tells, or where that fits both (photos upside down, square ones) that people hold cameras upright.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CameraError
from .record import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .record import CameraRecord, PointFit

_QUARTERS = {1: 0, 6: 1, 3: 2, 8: 3}  # by which a photo is turned to be displayed, clockwise
_BACK = {1: 1, 6: 8, 3: 3, 8: 6}


def as_displayed(
    record: CameraRecord, orientation: int, size: tuple[int, int] | None = None
) -> CameraRecord:
    """Return the record for the pixels of its photo as displayed, whichever it holds.

    Parameters
    ----------
    record
        Of the photo as displayed if it names an orientation; else of either.
    orientation
        EXIF orientation of its photo, 1 to 8.
    size
        (width, height) of the photo as displayed, where it is known.

    Raises
    ------
    CameraError
        If it is of the photo as stored, and that is mirrored, or a cylindrical panorama.
    """
    is_displayed = orientation == 1 or _is_displayed(record, orientation)
    if size and record.orientation == 1 and orientation > 4:
        fits = is_shape(record, size), is_shape(record, size[::-1])
        is_displayed = fits[0] if fits[0] != fits[1] else is_displayed
    if not is_displayed:
        return turned(record, orientation)
    if orientation == record.orientation:
        return record
    return replace(record, orientation=orientation)


def turned(record: CameraRecord, orientation: int) -> CameraRecord:
    """Return the record of a photo as stored for the photo as displayed.

    Raises
    ------
    CameraError
        If the photo is mirrored, or a cylindrical panorama.
    """
    _require_quarter(record, orientation)
    camera, quarters = record.camera, _QUARTERS[orientation]
    size = camera.width, camera.height
    cx, cy = turned_point(camera.cx, camera.cy, size, orientation)
    width, height = size if quarters % 2 == 0 else size[::-1]
    roll = _wrap(camera.roll - 90 * quarters)
    p1, p2 = camera.p1, camera.p2
    for _ in range(quarters):
        p1, p2 = p2, -p1
    after = replace(camera, width=width, height=height, cx=cx, cy=cy, roll=roll, p1=p1, p2=p2)
    points = tuple(_turned_fit(fit, size, orientation) for fit in record.points)
    covariance = _turned_covariance(record, quarters)
    rings = tuple(
        tuple(turned_point(u, v, size, orientation) for u, v in ring)
        for ring in record.near_field_px
    )
    return replace(
        record,
        camera=after,
        points=points,
        covariance=covariance,
        orientation=orientation,
        near_field_px=rings,
    )


def as_stored(record: CameraRecord, orientation: int, size: tuple[int, int]) -> CameraRecord:
    """Return the record for the pixels of its photo as stored, of ``size`` (width, height).

    See `as_displayed`.
    """
    if orientation == 1:
        return record
    fits = is_shape(record, size), is_shape(record, size[::-1] if orientation > 4 else size)
    is_displayed = record.orientation != 1 or (fits[1] and _is_displayed(record, orientation))
    if fits[0] and not fits[1]:
        is_displayed = False
    if not is_displayed:
        return replace(record, orientation=1)
    _require_quarter(record, orientation)
    return replace(turned(record, _BACK[orientation]), orientation=1)


def is_shape(record: CameraRecord, size: tuple[int, int]) -> bool:
    """Return whether a size has the aspect ratio of a record."""
    return abs(record.camera.width * size[1] - record.camera.height * size[0]) <= 2 * max(size)


def turned_point(
    u: float, v: float, size: tuple[int, int], orientation: int
) -> tuple[float, float]:
    """Return a pixel of a photo of ``size`` (width, height) after it is turned."""
    width, height = size
    if orientation in (5, 6, 7, 8):
        u, v, width, height = v, u, height, width
    if orientation in (2, 3, 6, 7):
        u = width - 1 - u
    if orientation in (3, 4, 7, 8):
        v = height - 1 - v
    return u, v


def turned_back(u: float, v: float, size: tuple[int, int], orientation: int) -> tuple[float, float]:
    """Return a pixel of a photo displayed with ``size`` (width, height) before it was turned."""
    return turned_point(u, v, size, _BACK.get(orientation, orientation))


def _is_displayed(record: CameraRecord, orientation: int) -> bool:
    """Return whether a record holds pixels of the photo as displayed: of an upright camera."""
    if record.orientation != 1:
        return True
    return abs(_wrap(record.camera.roll)) <= (90 if orientation in (3, 4) else 45)


def _require_quarter(record: CameraRecord, orientation: int) -> None:
    if orientation not in _QUARTERS:
        raise CameraError(
            f"The photo of {record.name or 'the camera'} is mirrored (EXIF orientation "
            f"{orientation}): save it as it is displayed, and pose that."
        )
    if record.camera.projection.is_panorama:
        raise CameraError(
            "A panorama cannot be turned: save the photo as it is displayed, and pose that."
        )


def _turned_covariance(record: CameraRecord, quarters: int) -> Sequence[Sequence[float]] | None:
    """Return the covariance after quarter turns to the right, which exchange cx and cy."""
    if record.covariance is None or len(record.covariance) < len(PARAMETERS):
        return record.covariance
    change = np.eye(len(PARAMETERS))
    change[-2:, -2:] = np.linalg.matrix_power(np.array([[0.0, -1.0], [1.0, 0.0]]), quarters)
    return (change @ np.asarray(record.covariance, np.float64) @ change.T).tolist()  # type: ignore[no-any-return]


def _turned_fit(fit: PointFit, size: tuple[int, int], orientation: int) -> PointFit:
    u, v = turned_point(fit.point.u, fit.point.v, size, orientation)
    origin = turned_point(0, 0, size, orientation)
    end = turned_point(fit.residual_u, fit.residual_v, size, orientation)
    return replace(
        fit,
        point=replace(fit.point, u=u, v=v),
        residual_u=end[0] - origin[0],
        residual_v=end[1] - origin[1],
    )


def _wrap(degrees: float) -> float:
    """Return an angle in -180 to 180."""
    return (degrees + 180) % 360 - 180
