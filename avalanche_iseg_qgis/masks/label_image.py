"""The objects in a mask or label image, by the one rule of `core.mask_image`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from osgeo import gdal

from ..core.containers import is_lossy
from ..core.errors import ImageError
from ..core.mask_image import MaskImage, find_objects
from ..i18n import tr
from .raster import read_band

if TYPE_CHECKING:
    from numpy.typing import NDArray


_WHOLE_NUMBERS = ("Byte", "Int8", "UInt16", "Int16", "UInt32", "Int32", "UInt64", "Int64")


def read_objects(raster: gdal.Dataset) -> MaskImage:
    """Read the objects of a mask image.

    Raises
    ------
    ImageError
        If it cannot be read, is no mask, or it is in doubt what it holds.
    """
    first, name = raster.GetRasterBand(1), raster.GetDescription()
    if gdal.GetDataTypeName(first.DataType) not in _WHOLE_NUMBERS:
        text = tr(
            "The mask {} has values of type {}: save it with 8 or 16 bits, or add it as a layer "
            "and import that."
        )
        raise ImageError(text.format(name, gdal.GetDataTypeName(first.DataType)))
    colours = [
        number
        for number in range(1, raster.RasterCount + 1)
        if raster.GetRasterBand(number).GetColorInterpretation() != gdal.GCI_AlphaBand
    ]
    palette = _palette(first) if len(colours) == 1 else None
    bands = colours[:3] if len(colours) >= 3 else colours[:1] or [1]
    values = [read_band(raster, number) for number in bands]
    if palette is None:
        values = [_as_shown(raster, band) for band in values]
        _clear_unknown(raster, bands, values)
    return find_objects(
        values[0] if len(values) == 1 else np.stack(values, axis=-1),
        name,
        palette=palette,
        opacity=_opacity(raster),
        is_lossy=is_lossy(
            raster.GetDriver().ShortName, raster.GetMetadata("IMAGE_STRUCTURE") or {}
        ),
    )


def _palette(band: gdal.Band) -> NDArray[np.uint8] | None:
    """Return (N, 4) RGBA colours by index, no data as transparent; None without palette."""
    table = band.GetColorTable()
    if table is None:
        return None
    colours = np.array([table.GetColorEntry(i) for i in range(table.GetCount())], np.uint8)
    nodata = band.GetNoDataValue()
    if nodata is not None and 0 <= nodata < len(colours):
        colours[int(nodata), 3] = 0
    return colours


def _as_shown(raster: gdal.Dataset, values: NDArray[Any]) -> NDArray[Any]:
    """Return 1 to 7 bits as 8, and white as white."""
    first = raster.GetRasterBand(1)
    bits = int(first.GetMetadataItem("NBITS", "IMAGE_STRUCTURE") or 8)
    if values.dtype == np.uint8 and bits < 8:
        values = (values.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8)
    if raster.GetMetadataItem("MINISWHITE", "IMAGE_STRUCTURE") == "YES":
        values = np.iinfo(values.dtype).max - values if values.dtype.kind == "u" else values
    return values


def _clear_unknown(raster: gdal.Dataset, bands: list[int], values: list[NDArray[Any]]) -> None:
    """Set to 0 what has no data or is masked, in place."""
    known = []
    for number in bands:
        band = raster.GetRasterBand(number)
        if band.GetMaskFlags() & (gdal.GMF_ALL_VALID | gdal.GMF_ALPHA):
            return
        known.append(band.GetMaskBand().ReadAsArray() > 0)
    unknown = ~np.any(known, axis=0)
    for band in values:
        band[unknown] = 0


def _opacity(raster: gdal.Dataset) -> NDArray[np.uint8] | None:
    """Return the alpha band, (H, W) uint8; None without one."""
    for number in range(1, raster.RasterCount + 1):
        if raster.GetRasterBand(number).GetColorInterpretation() == gdal.GCI_AlphaBand:
            alpha = read_band(raster, number)
            return np.asarray(alpha >> 8 if alpha.dtype == np.uint16 else alpha, np.uint8)
    return None
