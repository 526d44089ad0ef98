"""The objects in a mask or label image, by the one rule of `core.mask_image`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from osgeo import gdal

from ..core.errors import ImageError
from ..core.mask_image import MaskImage, find_objects
from ..i18n import tr
from .raster import read_band

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_objects(raster: gdal.Dataset) -> MaskImage:
    """Read the objects of a mask image.

    Raises
    ------
    ImageError
        If it cannot be read, is no mask, or it is in doubt what it holds.
    """
    first, name = raster.GetRasterBand(1), raster.GetDescription()
    if first.DataType not in (gdal.GDT_Byte, gdal.GDT_UInt16):
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
    return find_objects(
        values[0] if len(values) == 1 else np.stack(values, axis=-1),
        name,
        palette=palette,
        opacity=None if palette is not None else _opacity(raster, bands),
        is_lossy=raster.GetDriver().ShortName == "JPEG",
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
        values = np.iinfo(values.dtype).max - values
    return values


def _opacity(raster: gdal.Dataset, bands: list[int]) -> NDArray[np.uint8] | None:
    """Return (H, W) uint8, 0 where the image is transparent or has no data; None if opaque."""
    masks = []
    for number in bands:
        band = raster.GetRasterBand(number)
        flags = band.GetMaskFlags()
        if flags & gdal.GMF_ALL_VALID:
            return None
        masks.append(band.GetMaskBand().ReadAsArray())
        if flags & gdal.GMF_PER_DATASET:
            break
    opacity = np.max(masks, axis=0)
    return (opacity >> 8 if opacity.dtype == np.uint16 else opacity).astype(np.uint8)
