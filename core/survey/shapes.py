"""Outlines as messages carry them, and as geometries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CameraError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import MultiPolygon

    Points = NDArray[np.floating]


def rings_of(points: Points, parts: Sequence[Sequence[int]]) -> list[list[Points]]:
    """The points (n, 2) of each ring, for each part.

    Raises
    ------
    CameraError
        If there are not as many points as the parts have.
    """
    sizes = [size for part in parts for size in part]
    if sum(sizes) != len(points) or min(sizes, default=0) < 0:
        raise CameraError(f"An outline of {len(points)} points whose rings have {sum(sizes)}.")
    rings = iter(np.split(points, np.cumsum(sizes)[:-1]))
    return [[next(rings) for _ in part] for part in parts]


def polygon_of(points: Points, parts: Sequence[Sequence[int]]) -> MultiPolygon:
    """The valid polygon of an outline, as `MapGeometry` and `Outlined` describe it.

    Raises
    ------
    CameraError
        If there are not as many points as the parts have, or rings of fewer than three.
    """
    import shapely

    from ..projection.vectorize import as_multipolygon

    polygons = []
    for rings in rings_of(points, parts):
        if not rings or min(map(len, rings)) < 3:
            raise CameraError("A polygon needs an outer ring, and rings of three points or more.")
        polygons.append(shapely.Polygon(rings[0], rings[1:]))
    whole = shapely.MultiPolygon(polygons)
    return whole if whole.is_valid else as_multipolygon(shapely.make_valid(whole))
