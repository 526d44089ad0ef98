"""Mask rasters of GDAL: opening, reading, creating."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem

from ..core.containers import DRIVERS, is_damage
from ..core.errors import ImageError
from ..i18n import tr
from ..layers.whole_raster import is_whole_raster

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..layers.grid import Grid
    from ..layers.pixel_window import PixelWindow


def open_picture(path: str) -> gdal.Dataset:
    """Open an image file that holds its own pixels, all of them.

    Raises
    ------
    ImageError
        If it does not exist, is no image, or is cut short.
    """
    raster = open_raster(path, DRIVERS)
    if not is_whole_raster(raster, path):
        raise _damaged(path)
    return raster


def open_raster(path: str, drivers: Sequence[str] = ()) -> gdal.Dataset:
    """Open a raster for reading, by any driver of GDAL or those named.

    Raises
    ------
    ImageError
        If it does not exist, or is no raster.
    """
    try:
        raster = gdal.OpenEx(path, gdal.OF_RASTER, allowed_drivers=list(drivers))
    except RuntimeError:  # where another plugin has switched GDAL's exceptions on
        raster = None
    if raster is None:
        raise ImageError(
            tr("The mask {} cannot be read: check that it exists and is an image.").format(path)
        )
    return raster


def read_band(raster: gdal.Dataset, number: int) -> NDArray[Any]:
    """Read a band, (H, W), in its own type.

    Raises
    ------
    ImageError
        If the file is truncated or damaged.
    """
    gdal.ErrorReset()
    try:
        values = raster.GetRasterBand(number).ReadAsArray()
    except RuntimeError:
        values = None
    if values is None or is_damage(gdal.GetLastErrorMsg()):
        raise _damaged(raster.GetDescription())
    return values


def _damaged(name: str) -> ImageError:
    return ImageError(tr("The mask {} is damaged: copy or save it again.").format(name))


def check_size(raster: gdal.Dataset, name: str, grid: Grid) -> None:
    """Raise an ImageError if a raster has another size than the image."""
    size, wanted = (raster.RasterXSize, raster.RasterYSize), (grid.width, grid.height)
    if size == wanted:
        return
    if size == wanted[::-1]:
        advice = tr(
            "It was probably drawn on the photo turned: turn the mask back, or choose that of this "
            "photo."
        )
    else:
        advice = tr(
            "Choose the mask of this image. A georeferenced mask of a georeferenced image may "
            "have any size: add it as a layer and import that."
        )
    text = tr("The mask {} has {} x {} pixels, the image {} x {}. {}")
    raise ImageError(text.format(name, *size, *wanted, advice))


def empty_raster(grid: Grid, window: PixelWindow, kind: int = gdal.GDT_Byte) -> gdal.Dataset:
    """Create a raster in memory for a window of an image, with the image's georeference."""
    raster = gdal.GetDriverByName("MEM").Create("", window.width, window.height, 1, kind)
    if not grid.is_photo:
        x, y = grid.corner_to_layer(window.col, window.row)
        a, b, _, d, e, _ = grid.transform
        raster.SetGeoTransform((x, a, b, y, d, e))
        raster.SetProjection(gdal_wkt(grid.crs))
    return raster


def gdal_wkt(crs: QgsCoordinateReferenceSystem) -> str:
    """Return the WKT of a CRS in the form that GDAL prefers."""
    return crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED_GDAL)
