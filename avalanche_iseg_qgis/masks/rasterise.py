"""Rasterisation of polygons on the grid of an image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from osgeo import gdal, ogr
from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsWkbTypes,
)
from qgis.PyQt.QtGui import QTransform

from ..compat import memory_polygons
from ..core.errors import PromptError
from ..i18n import tr
from ..layers.kinds import is_local
from ..layers.pixel_window import PixelWindow
from ..session.start_mask import StartMask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from qgis.core import QgsCoordinateReferenceSystem

    from ..layers.grid import Grid


def rasterise(
    geometries: Iterable[QgsGeometry], crs: QgsCoordinateReferenceSystem, grid: Grid
) -> StartMask:
    """Return the pixels whose centres lie in any of the polygons, clipped to the image.

    The exact outline of a mask gives that mask again.

    Parameters
    ----------
    geometries
        Polygons or multipolygons, with or without holes.
    crs
        CRS of the geometries; invalid for pixel coordinates (x right, y down negative).
    grid
        Grid of the image.

    Raises
    ------
    PromptError
        If there is no polygon, none lies in the image, or only one side has a CRS.
    """
    to_grid = crs_transform(grid, crs)
    polygons = []
    for geometry in geometries:
        polygons += _polygons_in_pixels(geometry, to_grid, grid)
    if not polygons:
        raise PromptError(tr("There is no polygon to start from: choose a polygon feature."))
    bounds = QgsRectangle(polygons[0].boundingBox())
    for polygon in polygons[1:]:
        bounds.combineExtentWith(polygon.boundingBox())
    window = covering_window(bounds, grid)
    return StartMask.of(_burn(polygons, window), window.row, window.col)


def crs_transform(grid: Grid, crs: QgsCoordinateReferenceSystem) -> QgsCoordinateTransform:
    """Return the transform from a CRS to that of an image; identity if neither has one.

    Raises
    ------
    PromptError
        If only one has.
    """
    if grid.is_photo and not is_local(crs):
        raise PromptError(
            tr(
                "The image is a photo, but the outline has the coordinate system {}: choose "
                "an outline in pixel coordinates of this photo, from a layer without CRS."
            ).format(crs.userFriendlyIdentifier())
        )
    if not grid.is_photo and is_local(crs):
        raise PromptError(
            tr(
                "The layer of the outline has no coordinate system, but the image has: set the "
                "CRS of that layer (right click → Layer CRS → Set Layer CRS)."
            )
        )
    if grid.is_photo:
        return QgsCoordinateTransform()
    return QgsCoordinateTransform(crs, grid.crs, QgsProject.instance())


def covering_window(bounds: QgsRectangle, grid: Grid) -> PixelWindow:
    """Return the pixels of the image that a rectangle in (u, -v) touches; may be empty."""
    left, right = _pixel_range(bounds.xMinimum(), bounds.xMaximum(), grid.width)
    top, bottom = _pixel_range(-bounds.yMaximum(), -bounds.yMinimum(), grid.height)
    return PixelWindow(top, left, bottom - top, right - left)


def layer_to_pixels(grid: Grid) -> QTransform:
    """Return the transform to (u, -v), for GDAL rejects rasters with an identity transform."""
    inverse, _ = grid.corner_transform.inverted()
    return inverse * QTransform.fromScale(1, -1)


def _polygons_in_pixels(
    geometry: QgsGeometry, to_grid: QgsCoordinateTransform, grid: Grid
) -> list[QgsGeometry]:
    """Return the parts of a geometry as polygons in (u, -v), without curves, Z and M."""
    if geometry.type() != QgsWkbTypes.GeometryType.PolygonGeometry:
        return []
    geometry = QgsGeometry(geometry)
    try:
        geometry.transform(to_grid)
    except QgsCsException as error:
        text = tr("The outline cannot be brought to the coordinate system of the image ({}).")
        raise PromptError(text.format(error)) from error
    geometry.transform(layer_to_pixels(grid))
    return geometry.coerceToType(QgsWkbTypes.Type.Polygon)


def _pixel_range(low: float, high: float, size: int) -> tuple[int, int]:
    """Return the first pixel and one after the last, within the image."""
    if not (low <= high):  # NaN
        return 0, 0
    first = math.floor(min(max(low, 0), size))
    return first, max(first, math.ceil(min(max(high, 0), size)))


def _burn(polygons: list[QgsGeometry], window: PixelWindow) -> NDArray[np.uint8]:
    """Burn polygons into (height, width) uint8: 1 where a pixel's centre lies in one."""
    if not (window.height and window.width):
        return np.zeros((0, 0), np.uint8)
    raster = gdal.GetDriverByName("MEM").Create("", window.width, window.height)
    raster.SetGeoTransform((window.col, 1, 0, -window.row, 0, -1))
    _source, layer = memory_polygons()
    for polygon in polygons:  # one feature each, so that overlapping ones unite
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkb(bytes(polygon.asWkb())))
        layer.CreateFeature(feature)
    gdal.RasterizeLayer(raster, [1], layer, burn_values=[1])
    return raster.ReadAsArray()
