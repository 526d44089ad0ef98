"""Start masks from features, mask layers and mask images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from osgeo import gdal
from qgis.core import QgsCsException, QgsRectangle

from ..core.containers import orientation_of
from ..core.errors import ImageError, PromptError
from ..core.mask_image import MaskImage, turn, turn_back
from ..i18n import tr
from ..session.start_mask import StartMask
from .label_image import read_objects
from .raster import check_size, empty_raster, gdal_wkt, open_picture, open_raster, read_band
from .rasterise import covering_window, crs_transform, layer_to_pixels, rasterise

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray
    from qgis.core import (
        QgsCoordinateReferenceSystem,
        QgsGeometry,
        QgsRasterLayer,
        QgsVectorLayer,
    )

    from ..layers.grid import Grid

_MAX_OFFSET = 0.01
"""Pixels by which the corners of two rasters with the same grid may differ."""


def from_geometry(
    geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem, grid: Grid
) -> StartMask:
    """Rasterise a polygon; see `rasterise`."""
    return rasterise([geometry], crs, grid)


def from_features(layer: QgsVectorLayer, fids: Collection[int], grid: Grid) -> StartMask:
    """Rasterise a feature, or the union of several; see `rasterise`."""
    if not fids:
        raise PromptError(tr("No feature is selected: select a polygon in the layer first."))
    geometries = [layer.getFeature(fid).geometry() for fid in fids]
    return rasterise(geometries, layer.crs(), grid)


def from_raster_layer(layer: QgsRasterLayer, grid: Grid) -> StartMask:
    """Read a mask layer: its first band, where it is neither 0 nor nodata.

    A mask on the image's own grid is taken unchanged, any other is warped to it (nearest
    neighbour) if both are georeferenced.

    Raises
    ------
    ImageError
        If the layer cannot be read, or does not fit the image.
    PromptError
        If nothing of it lies in the image.
    """
    if layer.providerType() != "gdal":
        text = tr("The mask layer {} is no raster file: save it as GeoTIFF and add that.")
        raise ImageError(text.format(layer.name()))
    raster = open_raster(layer.source())
    placed = raster.GetGeoTransform(can_return_null=True) or raster.GetGCPCount()
    if grid.is_photo or not placed:
        check_size(raster, layer.name(), grid)
        return StartMask.of(_read_object(raster))
    if _has_grid(raster, layer.crs(), grid):
        return StartMask.of(_read_object(raster))
    return _warp(raster, layer, grid)


def from_file(path: str, grid: Grid, orientation: int = 1) -> dict[int, StartMask]:
    """Read the objects of a mask or label image of the image's size, by number from 1.

    QGIS shows photos as stored, whatever their EXIF ``orientation`` asks for; a mask of the photo
    as displayed is turned back: one that its own EXIF turns, or that only fits so.

    `core.mask_image` decides what an object is; soft masks are cut at half.

    Raises
    ------
    ImageError
        If the file cannot be read, has another size, is no mask, or it is in doubt what it holds.
    PromptError
        If it is empty.
    """
    raster = open_picture(path)
    size, own = (raster.RasterXSize, raster.RasterYSize), orientation_of(path)
    stored = (grid.width, grid.height)
    is_displayed = own != 1 or (orientation > 4 and size == stored[::-1] != stored)
    if not is_displayed:
        check_size(raster, path, grid)
    found = read_objects(raster)
    if is_displayed:
        labels = turn_back(turn(found.labels, own), orientation)
        if labels.shape[::-1] != stored:
            check_size(raster, path, grid)
        found = MaskImage(labels, found.numbers)
    if not found.numbers:
        raise PromptError(tr("The mask {} is empty: choose another one.").format(path))
    return {
        count: StartMask.of(found.mask(number)) for count, number in enumerate(found.numbers, 1)
    }


def _read_object(raster: gdal.Dataset) -> NDArray[np.bool_]:
    """Read the object in the first band, (H, W) bool."""
    values, nodata = read_band(raster, 1), raster.GetRasterBand(1).GetNoDataValue()
    found = (values != 0) & ~np.isnan(values)
    return found if nodata is None else found & (values != nodata)


def _has_grid(raster: gdal.Dataset, crs: QgsCoordinateReferenceSystem, grid: Grid) -> bool:
    """Return whether a raster has the grid of the image."""
    width, height = grid.width, grid.height
    if (raster.RasterXSize, raster.RasterYSize) != (width, height) or crs != grid.crs:
        return False
    transform, to_pixels = raster.GetGeoTransform(), layer_to_pixels(grid)
    for u, v in ((0, 0), (width, 0), (0, height)):
        corner = to_pixels.map(*gdal.ApplyGeoTransform(transform, u, v))
        if not np.allclose(corner, (u, -v), rtol=0, atol=_MAX_OFFSET):
            return False
    return True


def _warp(raster: gdal.Dataset, layer: QgsRasterLayer, grid: Grid) -> StartMask:
    """Warp a mask with another grid to that of the image."""
    try:
        extent = crs_transform(grid, layer.crs()).transformBoundingBox(layer.extent())
    except QgsCsException as error:
        raise ImageError(
            tr(
                "The mask layer {} cannot be brought to the coordinate system of the image ({}): "
                "check the CRS of both layers."
            ).format(layer.name(), error)
        ) from error
    window = covering_window(QgsRectangle(layer_to_pixels(grid).mapRect(extent.toRectF())), grid)
    if not (window.height and window.width):
        return StartMask.of(np.zeros((0, 0)))
    target = empty_raster(grid, window, raster.GetRasterBand(1).DataType)
    try:
        first = gdal.Translate("", raster, format="VRT", bandList=[1])
        done = gdal.Warp(target, first, srcSRS=gdal_wkt(layer.crs()), resampleAlg="near")
        reason = "" if done else gdal.GetLastErrorMsg()
    except RuntimeError as error:  # where GDAL's exceptions are on, as from GDAL 4
        done, reason = False, str(error)
    if not done:
        text = tr("The mask layer {} cannot be warped to the image ({}).")
        raise ImageError(text.format(layer.name(), reason))
    return StartMask.of(_read_object(target), window.row, window.col)
