"""Contents of messages: outlines to geometries, values to JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CameraError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import MultiPolygon

    Points = NDArray[np.floating]


def split_rings(points: Points, parts: Sequence[Sequence[int]]) -> list[list[Points]]:
    """Split the points into those (n, 2) of each ring, for each part.

    Raises CameraError if there are not as many points as the parts have.
    """
    sizes = [size for part in parts for size in part]
    if sum(sizes) != len(points) or min(sizes, default=0) < 0:
        raise CameraError(f"An outline of {len(points)} points whose rings have {sum(sizes)}.")
    rings = iter(np.split(points, np.cumsum(sizes)[:-1]))
    return [[next(rings) for _ in part] for part in parts]


def to_multipolygon(points: Points, parts: Sequence[Sequence[int]]) -> MultiPolygon:
    """Return the valid polygon of an outline, as `MapGeometry` and `Outlined` describe it.

    Raises
    ------
    CameraError
        If there are not as many points as the parts have, or rings of fewer than three.
    """
    import shapely

    from ..projection.vectorize import as_multipolygon

    polygons = []
    for rings in split_rings(points, parts):
        if not rings or min(map(len, rings)) < 3:
            raise CameraError("A polygon needs an outer ring, and rings of three points or more.")
        polygons.append(shapely.Polygon(rings[0], rings[1:]))
    whole = shapely.MultiPolygon(polygons)
    return whole if whole.is_valid else as_multipolygon(shapely.make_valid(whole))


def to_json_value(value: Any) -> Any:  # noqa: ANN401
    """Return a value with Python's numbers for NumPy's, and None for those that are not finite."""
    if isinstance(value, Mapping):
        return {str(name): to_json_value(content) for name, content in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json_value(content) for content in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
