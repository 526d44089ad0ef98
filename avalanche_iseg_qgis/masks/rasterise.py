"""Polygons to pixels of an image."""

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

from ..core.errors import PromptError
from ..i18n import tr
from ..layers.pixel_window import PixelWindow
from ..session.start_mask import StartMask
from .raster import gdal_wkt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qgis.core import QgsCoordinateReferenceSystem

    from ..layers.grid import Grid


def rasterise(
    geometries: Iterable[QgsGeometry], crs: QgsCoordinateReferenceSystem, grid: Grid
) -> StartMask:
    """Pixels whose centres lie in any of the polygons; what lies outside of the image is cut off.

    The exact outline of a mask gives that mask back.

    Parameters
    ----------
    geometries
        Polygons, with holes and several parts as they come.
    crs
        Of the geometries; not valid for those in pixel coordinates (x right, y down negative).
    grid
        Pixels of the image.

    Raises
    ------
    PromptError
        If there is no polygon, none lies in the image, or the CRS do not go together.
    """
    to_grid = crs_transform(grid, crs)
    polygons = []
    for geometry in geometries:
        polygons += _polygons(geometry, to_grid, grid)
    if not polygons:
        raise PromptError(tr("There is no polygon to start from: choose a polygon feature."))
    bounds = QgsRectangle(polygons[0].boundingBox())
    for polygon in polygons[1:]:
        bounds.combineExtentWith(polygon.boundingBox())
    window = covering_window(bounds, grid)
    return StartMask.of(_burn(polygons, window), window.row, window.col)


def crs_transform(grid: Grid, crs: QgsCoordinateReferenceSystem) -> QgsCoordinateTransform:
    """From a CRS to that of an image; both have one, or none has.

    Raises
    ------
    PromptError
        If only one has.
    """
    local = not crs.isValid() or gdal_wkt(crs).startswith(
        "ENGCRS"
    )  # GeoPackage's "undefined cartesian"
    if grid.is_photo and not local:
        raise PromptError(
            tr(
                "The image is a plain photo, but the outline has the coordinate system {}: choose "
                "an outline in pixel coordinates of this photo, from a layer without CRS."
            ).format(crs.userFriendlyIdentifier())
        )
    if not grid.is_photo and local:
        raise PromptError(
            tr(
                "The layer of the outline has no coordinate system, but the image has: set the "
                "CRS of that layer (right click → Layer CRS → Set Layer CRS)."
            )
        )
    return (
        QgsCoordinateTransform()
        if local
        else QgsCoordinateTransform(crs, grid.crs, QgsProject.instance())
    )


def covering_window(bounds: QgsRectangle, grid: Grid) -> PixelWindow:
    """The pixels of the image that a rectangle in (u, -v) touches; may be empty."""
    left, right = _range(bounds.xMinimum(), bounds.xMaximum(), grid.width)
    top, bottom = _range(-bounds.yMaximum(), -bounds.yMinimum(), grid.height)
    return PixelWindow(top, left, bottom - top, right - left)


def layer_to_pixels(grid: Grid) -> QTransform:
    """From layer coordinates to (u, -v): GDAL needs rasters that are not an identity."""
    inverse, _ = grid.corner_transform.inverted()
    return inverse * QTransform.fromScale(1, -1)


def _polygons(
    geometry: QgsGeometry, to_grid: QgsCoordinateTransform, grid: Grid
) -> list[QgsGeometry]:
    """Its parts as plain polygons in (u, -v), without curves, Z and M."""
    if geometry.type() != QgsWkbTypes.GeometryType.PolygonGeometry:
        return []
    geometry = QgsGeometry(geometry)
    try:
        geometry.transform(to_grid)
    except QgsCsException as error:
        raise PromptError(
            tr("The outline cannot be brought to the coordinate system of the image ({}).").format(
                error
            )
        ) from error
    geometry.transform(layer_to_pixels(grid))
    return geometry.coerceToType(QgsWkbTypes.Type.Polygon)


def _range(low: float, high: float, size: int) -> tuple[int, int]:
    """Whole pixels from first to one after the last, within the image."""
    if not (low <= high):  # not a number
        return 0, 0
    first = math.floor(min(max(low, 0), size))
    return first, max(first, math.ceil(min(max(high, 0), size)))


def _burn(polygons: list[QgsGeometry], window: PixelWindow) -> np.ndarray:
    """(height, width) uint8, 1 where a pixel's centre lies in a polygon."""
    if not (window.height and window.width):
        return np.zeros((0, 0), np.uint8)
    raster = gdal.GetDriverByName("MEM").Create("", window.width, window.height)
    raster.SetGeoTransform((window.col, 1, 0, -window.row, 0, -1))
    vectors = ogr.GetDriverByName("Memory").CreateDataSource("")
    layer = vectors.CreateLayer("", None, ogr.wkbPolygon)
    for polygon in polygons:  # one feature each: overlapping ones unite
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkb(bytes(polygon.asWkb())))
        layer.CreateFeature(feature)
    gdal.RasterizeLayer(raster, [1], layer, burn_values=[1])
    return raster.ReadAsArray()
