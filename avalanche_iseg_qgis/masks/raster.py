"""Mask rasters: opened, read, made on the pixels of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem

from ..core.errors import ImageError
from ..i18n import tr

if TYPE_CHECKING:
    import numpy as np

    from ..layers.grid import Grid
    from ..layers.pixel_window import PixelWindow


def open_raster(path: str) -> gdal.Dataset:
    """Open a raster file to read.

    Raises
    ------
    ImageError
        If it is not there, or is none.
    """
    try:
        raster = gdal.OpenEx(path, gdal.OF_RASTER)
    except RuntimeError:  # another plugin may have switched GDAL's exceptions on
        raster = None
    if raster is None:
        raise ImageError(
            tr("The mask {} cannot be read: check that it exists and is an image.").format(path)
        )
    return raster


def read_band(raster: gdal.Dataset, number: int) -> np.ndarray:
    """(H, W) values as stored.

    Raises
    ------
    ImageError
        If the file is cut short or damaged.
    """
    try:
        values = raster.GetRasterBand(number).ReadAsArray()
    except RuntimeError:
        values = None
    if values is None:
        raise ImageError(
            tr("The mask {} is damaged: copy or save it again.").format(raster.GetDescription())
        )
    return values


def check_size(raster: gdal.Dataset, name: str, grid: Grid) -> None:
    """Raise an ImageError if a raster has not as many rows and columns as the image."""
    size, wanted = (raster.RasterXSize, raster.RasterYSize), (grid.width, grid.height)
    if size == wanted:
        return
    if size == wanted[::-1]:
        advice = tr(
            "It was probably drawn on the photo as its EXIF orientation turns it, which QGIS does "
            "not: turn the mask back."
        )
    else:
        advice = tr(
            "Choose the mask of this image. A georeferenced mask of a georeferenced image may "
            "have any size: add it as a layer and import that."
        )
    raise ImageError(
        tr("The mask {} has {} x {} pixels, the image {} x {}. {}").format(
            name, *size, *wanted, advice
        )
    )


def empty_raster(grid: Grid, window: PixelWindow, kind: int = gdal.GDT_Byte) -> gdal.Dataset:
    """A raster in memory on some pixels of an image, georeferenced as the image is."""
    raster = gdal.GetDriverByName("MEM").Create("", window.width, window.height, 1, kind)
    if not grid.is_photo:
        a, b, c, d, e, f = grid.transform
        u, v = window.col, window.row
        raster.SetGeoTransform((a * u + b * v + c, a, b, d * u + e * v + f, d, e))
        raster.SetProjection(gdal_wkt(grid.crs))
    return raster


def gdal_wkt(crs: QgsCoordinateReferenceSystem) -> str:
    """A CRS in the words that GDAL prefers."""
    return crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED_GDAL)
