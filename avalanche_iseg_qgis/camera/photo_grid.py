"""The pixels of a photo as places on the map, by its camera."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import QgsPointXY

if TYPE_CHECKING:
    from qgis.core import QgsCoordinateReferenceSystem

    from ..core.projection.range_map import RangeMap
    from .heights import TerrainHeights

_NOWHERE = 1e9  # a coordinate that no map shows


class PhotoGrid:
    """Pixels to coordinates of the pose's CRS and back, as `layers.grid.Grid` for a raster."""

    def __init__(
        self, ranges: RangeMap, heights: TerrainHeights, crs: QgsCoordinateReferenceSystem
    ) -> None:
        self._ranges, self._heights, self.crs = ranges, heights, crs
        self.width, self.height = ranges.camera.width, ranges.camera.height

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PhotoGrid) and self._ranges is other._ranges

    __hash__ = None  # type: ignore[assignment]

    def to_layer(self, row: float, col: float) -> QgsPointXY:
        """Return the terrain point that a pixel shows; one far from any map for the sky."""
        x, y, _ = self._ranges.unproject(np.array([[col, row]]))[0]
        if not math.isfinite(x):
            return QgsPointXY(_NOWHERE, _NOWHERE)
        return QgsPointXY(x, y)

    def to_pixel(self, point: QgsPointXY) -> tuple[float, float]:
        """Return (row, col) of a map point; NaN if it is hidden or outside of the photo."""
        height = self._heights.at(point.x(), point.y())
        places = np.array([[point.x(), point.y(), height]])
        if not math.isfinite(height) or not self._ranges.is_visible(places)[0]:
            return math.nan, math.nan
        col, row = self._ranges.camera.project(places)[0]
        return float(row), float(col)

    def contains(self, row: float, col: float) -> bool:
        """Whether a pixel coordinate lies in the photo."""
        return -0.5 <= row <= self.height - 0.5 and -0.5 <= col <= self.width - 0.5
