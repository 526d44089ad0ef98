"""Grids that are taken for one another: old national ones under new codes, and the like.

Most are told by their numbers, which lie far from where the code is used. Some have nearly the same
numbers (ED50 and ETRS89 in one UTM zone are 200 m apart): these only the fit can tell, by
`datum_shifts`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CameraError
from .map_crs import crs_name, find_crs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .ray_casting import Floats, HeightsAt

# Switzerland; Austria; Germany; Italy; France; Slovenia; Sweden; Finland; UTM of Europe.
_GRIDS = (
    *(2056, 21781),
    *(31254, 31255, 31256, 31257, 31258, 31259, 31281, 31282, 31283),
    *(31284, 31285, 31286, 31287, 3416),
    *(31466, 31467, 31468, 31469, 4647, 5652),
    *(3003, 3004),
    *(2154, 27572, 27573),
    *(3794, 3787),
    *(3006, 3021),
    *(3067, 2393),
    *range(25828, 25838),
)
_OLD_NAMES = {21781: "LV03", 2056: "LV95"}
_HINTS = {
    (2056, 21781): "or add 2,000,000 to x and 1,000,000 to y",
    (21781, 2056): "or take 2,000,000 from x and 1,000,000 from y",
}
# Other datums on one projection: by the hundreds of UTM zones' codes, and by codes.
_SAME_ZONES = {
    25800: (23000,), 32600: (23000, 26700), 23000: (25800,), 26900: (26700,), 26700: (26900,)
}  # fmt: skip
_SAME = {3794: (3912,), 3912: (3794,)}
_MARGIN = 0.1  # degrees around an area of use
_FARTHEST = 100_000.0  # metres between a camera and its control points


def explain_grid(epsg: int, x: float, y: float) -> str:
    """Say which other grids numbers look like, and what to do; empty if like no other one.

    Grids count in which the numbers lie in the grid's area of use, and there in that of the CRS.
    """
    found = []
    for code in _GRIDS:
        for exchanged in (False, True):
            place = (y, x) if exchanged else (x, y)
            there = _degrees_within(code, *place) if code != epsg else None
            if there and _contains(epsg, *there):
                found.append((code, exchanged))
    if not found:
        return ""
    code, exchanged = found[0]
    names = " or ".join(_long_name(other) for other, _ in found)
    hint = "" if exchanged else _HINTS.get((epsg, code), "")
    return (
        f"They look like {names}{', with x and y exchanged' if exchanged else ''}: give that CRS, "
        f"{hint or f'or transform them to EPSG:{epsg}'}."
    )


def grid_warnings(places: Floats, epsg: int) -> list[str]:
    """Return a warning if places (N, 2) beside the CRS's area of use look like another grid's."""
    x, y = np.median(places, axis=0)
    if _degrees_within(epsg, x, y, margin=0.0):
        return []
    text = explain_grid(epsg, x, y)
    return [f"The control points lie beside the area of {crs_name(epsg)}. {text}"] if text else []


def require_one_grid(
    places: Floats, position: Sequence[Any] | None, epsg: int, terrain: HeightsAt | None
) -> None:
    """Refuse a camera far from its control points (N, 2), and points beside the terrain in a grid.

    Raises
    ------
    CameraError
        For a position 100 km away, for points of which the terrain covers none unless they are
        taken for those of another grid, and for those that look like another grid's exchanged.
    """
    x, y = np.median(places, axis=0)
    if position is not None:
        distance = float(np.hypot(position[0] - x, position[1] - y))
        if not distance < _FARTHEST:
            text = explain_grid(epsg, float(position[0]), float(position[1]))
            text = text.replace("They look", "Its numbers look") or "Check both."
            raise CameraError(
                f"The camera's position ({position[0]:.0f}, {position[1]:.0f}) lies "
                f"{distance / 1000:.0f} km from its control points. {text}"
            )
    if terrain is None:
        doubts = grid_warnings(places, epsg)
        if any("exchanged" in text for text in doubts):
            raise CameraError(doubts[0])
        return
    if np.isfinite(terrain(places[:, 0], places[:, 1])).any():
        return
    for code in _GRIDS:
        if code == epsg:
            continue
        there = _transform(code, epsg, places)
        if np.isfinite(there).all() and np.isfinite(terrain(there[:, 0], there[:, 1])).all():
            raise CameraError(
                f"The DEM covers none of the control points as {crs_name(epsg)}, but all of them "
                f"as {_long_name(code)}: give that CRS, or transform them to EPSG:{epsg}."
            )


def datum_shifts(epsg: int, x: float, y: float) -> Iterator[tuple[str, Floats]]:
    """Yield grids with nearly the same numbers, and the shift (2,) from theirs to the CRS's."""
    base, zone = epsg // 100 * 100, epsg % 100
    for code in (*(other + zone for other in _SAME_ZONES.get(base, ())), *_SAME.get(epsg, ())):
        if not _is_known(code):
            continue
        # ETRS89 is within 1 m of WGS 84, to which EPSG has transformations for all places.
        source, target = (c + 6800 if c // 100 == 258 else c for c in (code, epsg))
        place, shifts = np.array([[x, y]]), np.zeros((0, 2))
        for ends in ((source, target), (code, epsg)):
            shift = _transform(*ends, place) - place
            apart = np.hypot(*(shifts - shift).T)
            if 5 < np.hypot(*shift[0]) < 2000 and (apart > 5).all():
                shifts = np.concatenate([shifts, shift])
        yield from ((crs_name(code), shift) for shift in shifts)


def _is_known(code: int) -> bool:
    try:
        find_crs(code)
    except CameraError:
        return False
    return True


def _long_name(code: int) -> str:
    name = _OLD_NAMES.get(code)
    return f"{name}, EPSG:{code}" if name else crs_name(code)


def _degrees_within(
    code: int, x: float, y: float, margin: float = _MARGIN
) -> tuple[float, float] | None:
    """Return longitude and latitude (WGS 84) of a place in the CRS's area of use, else None."""
    longitude, latitude = _transform(code, 4326, np.array([[x, y]]))[0].tolist()
    return (longitude, latitude) if _contains(code, longitude, latitude, margin) else None


def _contains(epsg: int, longitude: float, latitude: float, margin: float = _MARGIN) -> bool:
    area = find_crs(epsg).area_of_use
    return area is None or (
        area.west - margin <= longitude <= area.east + margin
        and area.south - margin <= latitude <= area.north + margin
    )


def _transform(source: int, target: int, places: Floats) -> Floats:
    """Return places (N, 2) in another CRS; infinite where they are none."""
    x, y = _transformer(source, target).transform(places[:, 0], places[:, 1])
    return np.stack([x, y], axis=1)


@lru_cache(maxsize=128)
def _transformer(source: int, target: int) -> Any:  # noqa: ANN401 -- pyproj is imported late
    from pyproj import Transformer

    return Transformer.from_crs(find_crs(source), find_crs(target), always_xy=True)
