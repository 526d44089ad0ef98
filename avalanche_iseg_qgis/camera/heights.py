"""Heights of the terrain at single places, read by GDAL where they are needed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsPointXY,
    QgsProject,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


_LOWEST, _HIGHEST = -500.0, 9000.0  # metres, as core.terrain: values beyond are no heights


class TerrainHeights:
    """Heights of DEM files that share one CRS; bilinear between the cells' centres.

    ``epsg`` is the CRS of the places to ask for. Files that cannot be read give no heights: the
    worker, which reads them too, reports why.
    """

    def __init__(self, paths: Sequence[str], epsg: int) -> None:
        gdal.PushErrorHandler("CPLQuietErrorHandler")
        try:
            self._data = gdal.BuildVRT("", list(paths)) if paths else None
        except RuntimeError:  # where some other plugin made GDAL raise exceptions
            self._data = None
        finally:
            gdal.PopErrorHandler()
        if self._data is None:
            return
        self._band = self._data.GetRasterBand(1)
        self._geotransform = self._data.GetGeoTransform()
        crs = QgsCoordinateReferenceSystem.fromWkt(self._data.GetProjection())
        source = QgsCoordinateReferenceSystem.fromEpsgId(epsg)
        self._transform = QgsCoordinateTransform(source, crs, QgsProject.instance())

    def at(self, x: float, y: float) -> float:
        """Return the height at a place, metres; NaN where it is not known."""
        if self._data is None:
            return math.nan
        try:
            point = self._transform.transform(QgsPointXY(x, y))
        except QgsCsException:
            return math.nan
        left, width, _, top, _, height = self._geotransform
        col, row = (point.x() - left) / width - 0.5, (point.y() - top) / height - 0.5
        first, upper = math.floor(col), math.floor(row)
        if not (
            0 <= first <= self._data.RasterXSize - 2 and 0 <= upper <= self._data.RasterYSize - 2
        ):
            return math.nan
        try:
            cells = self._band.ReadAsArray(first, upper, 2, 2)
            known = self._band.GetMaskBand().ReadAsArray(first, upper, 2, 2)
        except RuntimeError:  # where GDAL's exceptions are on, as from GDAL 4
            return math.nan
        if cells is None or known is None or not known.all():
            return math.nan
        if not ((cells > _LOWEST) & (cells < _HIGHEST)).all():
            return math.nan
        across, along = col - first, row - upper
        above = cells[0, 0] * (1 - across) + cells[0, 1] * across
        below = cells[1, 0] * (1 - across) + cells[1, 1] * across
        return float(above * (1 - along) + below * along)
