"""Outlines of fields on a map grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .contours import trace_contours
from .map_grid import MapGrid

if TYPE_CHECKING:
    from shapely import MultiPolygon

SPECKLE = 10
"""Cells. Smaller parts and holes are artefacts of the grid."""

_LEVEL = 0.4999  # 0.5 itself occurs in bilinear samples of masks and would make lines touch


def vectorize(field: NDArray[np.float32], grid: MapGrid, min_area: float = 0.0) -> MultiPolygon:
    """Outline the cells of a grid where a field (rows, cols), 0 to 1, exceeds one half.

    Parts below `min_area` (m^2) are omitted; parts and holes below `SPECKLE` cells always are,
    unless there are no larger ones. The result is valid, in map coordinates, and no farther than
    a quarter of a cell from the contour (marching squares, linear between the cells' centres);
    empty where the field is nowhere above one half.
    """
    import shapely

    rows, cols = np.flatnonzero(field.max(axis=1) > 0.5), np.flatnonzero(field.max(axis=0) > 0.5)
    if not len(rows):
        return shapely.MultiPolygon()
    top, left = int(rows[0]), int(cols[0])
    part = np.pad(field[top : rows[-1] + 1, left : cols[-1] + 1], 1)
    west, north = grid.west + (left - 0.5) * grid.cell, grid.north - (top - 0.5) * grid.cell
    places, lengths = trace_contours(part, _LEVEL)
    rings: Any = shapely.linearrings(
        places * (grid.cell, -grid.cell) + (west, north),
        indices=np.repeat(np.arange(len(lengths)), lengths),
    )
    # Rings within a small ring are smaller still, and are dropped with it.
    areas = shapely.area(shapely.polygons(rings))
    large = areas >= SPECKLE * grid.cell**2
    if large.any():
        rings = rings[large]
    area = shapely.build_area(shapely.multilinestrings(rings))
    parts = [part for part in shapely.get_parts(area) if part.area >= min_area]
    simple = shapely.MultiPolygon(parts).simplify(grid.cell / 4, preserve_topology=True)
    if not simple.is_valid:
        simple = shapely.union_all(shapely.get_parts(shapely.make_valid(simple)))
    return as_multipolygon(simple)


def as_multipolygon(geometry: Any) -> MultiPolygon:  # noqa: ANN401 -- shapely has no type for it
    """Return the polygons of any geometry."""
    import shapely

    parts = shapely.get_parts(geometry)
    while (shapely.get_type_id(parts) > shapely.GeometryType.POLYGON).any():
        parts = shapely.get_parts(parts)
    return shapely.MultiPolygon([part for part in parts if part.area > 0])
