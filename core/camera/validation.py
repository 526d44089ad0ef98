"""Validation of control points before the adjustment."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CameraError
from .confused_grids import explain_grid
from .map_crs import crs_name, in_area_of_use, require_metres, require_true_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .control_points import ControlPoint
    from .ray_casting import Floats, HeightsAt

FEET = 0.3048
_LINE = 0.01  # width by length below which points are collinear
_FAR_HEIGHT = 100.0  # metres between a point and the terrain from which to warn
_CHECK_CRS = "Check the CRS, and that x counts eastwards and y northwards."
_GEOID = (40.0, 60.0)  # metres from heights above the sea to ellipsoidal ones, in the Alps


def require_usable(points: Sequence[ControlPoint], size: tuple[int, int], least: int) -> None:
    """Refuse points that are too few, duplicate, outside of the photo, or collinear.

    Raises
    ------
    CameraError
        With the names of the points and what to do.
    """
    used = [point for point in points if point.use]
    if len(used) < least:
        raise CameraError(
            f"{len(used)} control points are in use, and a pose needs at least {least}. Add points "
            "all over the photo, near and far"
            + ("." if least <= 3 else "; three do where position (to 10 m) and focal are known.")
        )
    _require_distinct(points, least)
    _require_in_image(used, size)
    if least == 2:  # of a station, whose other views hold what a line leaves open
        return
    if _are_collinear(np.array([(p.u, p.v) for p in used])):
        raise CameraError(
            "All control points lie on one line in the photo, so nothing holds the camera's "
            "tilt about it. Add points above or below it."
        )
    if _are_collinear(np.array([(p.x, p.y) for p in used])) and len(used) < 6:
        raise CameraError(
            "All control points lie on one line on the map, so they cannot tell where the camera "
            "stands. Add points beside it, nearer or farther away."
        )


def _require_distinct(points: Sequence[ControlPoint], least: int) -> None:
    same = [name for name, count in Counter(p.name for p in points).items() if count > 1]
    if same:
        raise CameraError(
            f"Several control points are called {', '.join(same)}: give each a name of its own."
        )
    different = {(p.u, p.v, p.x, p.y, p.z) for p in points if p.use}
    if len(different) < least:
        raise CameraError(
            f"Only {len(different)} of the control points in use are different ones, and a pose "
            f"needs at least {least}. Add points elsewhere in the photo."
        )


def duplicate_warnings(points: Sequence[ControlPoint]) -> list[str]:
    """Return warnings of points in use at the same pixel, or at the same place."""
    texts = []
    for places, what in (
        ([(p.u, p.v) for p in points if p.use], "pixel"),
        ([(p.x, p.y, p.z) for p in points if p.use], "place on the map"),
    ):
        names = [p.name for p in points if p.use]
        for place, count in Counter(places).items():
            if count > 1:
                same = [n for n, other in zip(names, places, strict=True) if other == place]
                texts.append(
                    f"The control points {', '.join(same)} have the same {what}: one of them is "
                    "wrong, or there twice. Correct it, or set its use to 0."
                )
    return texts


def _require_in_image(used: Sequence[ControlPoint], size: tuple[int, int]) -> None:
    width, height = size
    outside = [p.name for p in used if not (-1 <= p.u <= width + 1 and -1 <= p.v <= height + 1)]
    if not outside:
        return
    swapped = all(-1 <= p.v <= width + 1 and -1 <= p.u <= height + 1 for p in used)
    reason = (
        "u_px and v_px look exchanged (u counts to the right, v downwards), or width and height."
        if swapped
        else "Give the size of the photo in which they were measured."
    )
    raise CameraError(
        f"The control points {', '.join(outside)} lie outside of the photo of {width} x "
        f"{height} pixels. {reason}"
    )


def require_on_map(
    places: Floats, names: Sequence[str], epsg: int, terrain: HeightsAt | None
) -> None:
    """Refuse x and y (N, 2) that are not metres of the CRS.

    Raises
    ------
    CameraError
        For degrees, exchanged axes, feet, and a CRS of another region.
    """
    require_metres(epsg)
    if (np.abs(places) <= 360).all():
        raise CameraError(
            f"The control points' x and y look like degrees, not like metres of {crs_name(epsg)}. "
            "Transform them to that CRS."
        )
    x, y = np.median(places, axis=0)
    is_here = in_area_of_use(epsg, x, y)
    other_grid = "" if is_here else explain_grid(epsg, x, y)
    for there, text in (
        ((y, x), "x and y look exchanged: x counts eastwards, y northwards"),
        ((x * FEET, y * FEET), "x and y look like feet: multiply them by 0.3048"),
        ((y * FEET, x * FEET), "x and y look exchanged, and like feet"),
    ):
        if _is_plausible((x, y), epsg, terrain) or not _is_plausible(there, epsg, terrain):
            continue
        if "feet" in text and other_grid:
            break
        raise CameraError(
            f"The control points lie outside of {crs_name(epsg)} or of the terrain model: {text}."
        )
    if not is_here:
        raise CameraError(
            f"The control points, about ({x:.0f}, {y:.0f}), lie far from where {crs_name(epsg)} is "
            f"used. {other_grid or _CHECK_CRS}"
        )
    require_true_scale(epsg, float(x), float(y))
    away = np.hypot(*(places - (x, y)).T)
    far = [name for name, distance in zip(names, away, strict=True) if distance > 300_000]
    if far:
        raise CameraError(
            f"The control points {', '.join(far)} lie more than 300 km from the others: check "
            "their x and y."
        )


def _is_plausible(place: tuple[float, float], epsg: int, terrain: HeightsAt | None) -> bool:
    if terrain is not None:
        return bool(np.isfinite(terrain(np.array([place[0]]), np.array([place[1]]))[0]))
    try:
        return in_area_of_use(epsg, *place)
    except CameraError:
        return False


def gcp_heights(
    points: Sequence[ControlPoint], terrain: HeightsAt | None
) -> tuple[Floats, list[str]]:
    """Return the heights (N,) of all points, from the terrain where missing, and warnings.

    Raises
    ------
    CameraError
        If a point has no height and the terrain has none there.
    """
    given = np.array([math.nan if p.z is None else p.z for p in points], np.float64)
    if terrain is None:
        missing = [p.name for p in points if p.z is None]
        if missing:
            raise CameraError(
                f"The control points {', '.join(missing)} have no z: give it, or a DEM (--dem)."
            )
        return given, []
    ground = np.asarray(terrain(np.array([p.x for p in points]), np.array([p.y for p in points])))
    found = np.where(np.isnan(given), ground, given)
    missing = [p.name for p, z in zip(points, found, strict=True) if math.isnan(z)]
    if missing:
        raise CameraError(
            f"The DEM does not cover the control points {', '.join(missing)}, which have no z. "
            "Give their z, take a DEM that reaches there, or check their x and y."
        )
    return found, _height_warnings(points, given, ground)


def _height_warnings(points: Sequence[ControlPoint], given: Floats, ground: Floats) -> list[str]:
    above = given - ground
    known = np.isfinite(above)
    if not known.any():
        return []
    ratio = float(np.median(given[known] / np.maximum(ground[known], 1.0)))
    if abs(ratio * FEET - 1) < 0.05 and np.median(above[known]) > 300:
        raise CameraError(
            f"The control points' heights are {ratio:.2f} times those of the DEM: they look like "
            "feet. Multiply z by 0.3048."
        )
    middle = float(np.median(above[known]))
    if known.sum() >= 3 and _GEOID[0] < middle < _GEOID[1] and np.ptp(above[known]) < 20:
        return [
            f"All heights lie about {middle:.0f} m above the DEM: they look ellipsoidal (GPS, "
            "globes), the DEM's count from the sea. Leave z empty to take the DEM's."
        ]
    far = [
        f"{p.name} ({offset:+.0f} m)"
        for p, offset in zip(points, above, strict=True)
        if math.isfinite(offset) and abs(offset) > _FAR_HEIGHT
    ]
    if not far:
        return []
    return [f"Heights far from the DEM's: {', '.join(far)}. Check z, x and y of these points."]


def _are_collinear(places: Floats) -> bool:
    length, width = np.linalg.svd(places - places.mean(axis=0), compute_uv=False)[:2]
    return bool(width < _LINE * length)
