"""The objects in a mask or label image: soft mask, labels, colours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from osgeo import gdal

from ..core.errors import ImageError
from ..i18n import tr
from .raster import read_band

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VOID = 224 | 224 << 8 | 192 << 16
"""The colour by which PASCAL VOC marks pixels that belong to nothing."""

_MAX_COLOURS = 255


def split_objects(raster: gdal.Dataset) -> list[NDArray[np.bool_]]:
    """Return the objects of a mask image, (H, W) bool each, in the order of their values.

    Grey images are one object (0 and another value, or a soft mask, cut at half of the type's
    range), or label images: 1, 2, 3 … or evenly spread, as the research demo saves them (127
    objects at most in 8 bits). Coloured ones, palettes included, have an object in each colour but
    black.

    Raises
    ------
    ImageError
        If it cannot be read, or is no mask.
    """
    labels = _read_labels(raster)
    values = _nonzero_values(labels)
    if labels.dtype != np.uint32 and _is_soft_mask(values, labels.dtype):
        return [labels > np.iinfo(labels.dtype).max // 2]
    return [labels == value for value in sorted(values)]


def _read_labels(raster: gdal.Dataset) -> NDArray[Any]:
    """Read (H, W) uint8 or uint16 of a grey image; uint32 of a coloured one, red lowest."""
    band = raster.GetRasterBand(1)
    if band.DataType not in (gdal.GDT_Byte, gdal.GDT_UInt16):
        text = tr(
            "The mask {} has values of type {}: save it with 8 or 16 bits, or add it as a layer "
            "and import that."
        )
        kind = gdal.GetDataTypeName(band.DataType)
        raise ImageError(text.format(raster.GetDescription(), kind))
    red = read_band(raster, 1)
    palette = band.GetColorTable()
    if palette is not None:
        entries = [palette.GetColorEntry(index)[:3] for index in range(palette.GetCount())]
        table = np.zeros(65536, np.uint32)
        table[: len(entries)] = [_pack_colour(*entry) for entry in entries]
        return _check_colours(table[red], raster)
    if raster.RasterCount < 3:  # grey, with or without alpha
        return red
    green, blue = read_band(raster, 2), read_band(raster, 3)
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return red
    bands = (band.astype(np.uint32) for band in (red, green, blue))
    return _check_colours(_pack_colour(*bands), raster)


def _pack_colour(red: Any, green: Any, blue: Any) -> Any:  # noqa: ANN401
    """Pack bands, numbers or arrays, in one number, red in the lowest byte."""
    return red | green << 8 | blue << 16


def _check_colours(colours: NDArray[np.uint32], raster: gdal.Dataset) -> NDArray[Any]:
    """Check that colours are few, as in masks; grey ones of a palette become a grey image."""
    values = _nonzero_values(colours)
    if len(values) > _MAX_COLOURS:
        text = tr("{} has {} colours, so it is no mask: choose a mask image.")
        raise ImageError(text.format(raster.GetDescription(), len(values)))
    if all(value == _pack_colour(*[value & 255] * 3) for value in values):
        return colours.astype(np.uint8)
    colours[colours == _VOID] = 0
    return colours


def _nonzero_values(labels: NDArray[Any]) -> set[int]:
    """Return all values but 0; by rows, since sorting a whole image takes seconds."""
    found: set[int] = set()
    for row in labels:
        last_of_run = np.flatnonzero(row[1:] != row[:-1])
        found.update(row[last_of_run].tolist(), (int(row[-1]),))
    return found - {0}


def _is_soft_mask(values: set[int], kind: np.dtype[Any]) -> bool:
    """Return whether grey values are shades of one object rather than labels of several."""
    if len(values) < 2:
        return False
    half, highest = np.iinfo(kind).max // 2, max(values)
    steps = highest // math.gcd(*values)
    return highest > half and (steps > 2 * len(values) or len(values) > half)
