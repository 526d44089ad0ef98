"""Polygons as arrays and lists of points, as messages and records carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def polygon_rings(
    polygon: MultiPolygon,
) -> tuple[tuple[tuple[tuple[float, float], ...], ...], tuple[int, ...]]:
    """Return all rings, the outer ring of each part followed by its holes, and their numbers."""
    parts = [[part.exterior, *part.interiors] for part in polygon.geoms]
    rings = tuple(
        tuple((float(x), float(y)) for x, y, *_ in ring.coords[:-1])
        for part in parts
        for ring in part
    )
    return rings, tuple(len(part) for part in parts)


def rings_to_polygons(
    rings: Sequence[Sequence[tuple[float, float]]], parts: Sequence[int]
) -> MultiPolygon:
    """Return the valid area of rings, see `polygon_rings`; less than 3 points are none."""
    import shapely

    polygons, start = [], 0
    for count in parts:
        outer, *holes = rings[start : start + count]
        start += count
        if len(outer) > 2:
            polygons.append(shapely.Polygon(outer, [hole for hole in holes if len(hole) > 2]))
    valid = shapely.make_valid(shapely.MultiPolygon(polygons))
    found = shapely.get_parts(shapely.get_parts(valid))
    return shapely.MultiPolygon([part for part in found if part.geom_type == "Polygon"])
