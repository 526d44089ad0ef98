"""Polygons as flat arrays of points, as messages between processes carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import MultiPolygon


def flatten_rings(polygon: MultiPolygon) -> tuple[NDArray[np.float64], list[list[int]]]:
    """Return the points (N, 2) of all rings one after another, and their numbers for each part."""
    rings = [[part.exterior, *part.interiors] for part in polygon.geoms]
    points = [np.asarray(ring.coords)[:-1, :2] for part in rings for ring in part]
    return (
        np.concatenate([*points, np.zeros((0, 2))]),
        [[len(ring.coords) - 1 for ring in part] for part in rings],
    )
