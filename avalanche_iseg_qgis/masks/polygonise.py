"""Polygons round masks, along the edges of their pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from osgeo import gdal
from qgis.core import QgsGeometry

from ..compat import memory_polygons

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..layers.pixel_window import PixelWindow


def mask_polygons(mask: NDArray[np.bool_], window: PixelWindow) -> list[QgsGeometry]:
    """Return the 4-connected parts of a mask (H, W) as polygons with holes.

    In (u, v) of the image that the mask is a window of: whole numbers at pixel corners, v down.
    """
    height, width = mask.shape
    raster = gdal.GetDriverByName("MEM").Create("", width, height)
    raster.SetGeoTransform((window.col, 1, 0, window.row, 0, 1))
    band = raster.GetRasterBand(1)
    band.WriteArray(np.ascontiguousarray(mask).view(np.uint8))
    _source, layer = memory_polygons()
    gdal.Polygonize(band, band, layer, -1)
    polygons = []
    for feature in layer:
        polygon = QgsGeometry()
        polygon.fromWkb(bytes(feature.GetGeometryRef().ExportToWkb()))
        polygons.append(polygon)
    return polygons
