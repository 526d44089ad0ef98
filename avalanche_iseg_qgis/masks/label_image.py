"""The objects in a mask image: shades, labels, colours."""

from __future__ import annotations

import math

import numpy as np
from osgeo import gdal

from ..core.errors import ImageError
from ..i18n import tr
from .raster import read_band

_VOID = 224 | 224 << 8 | 192 << 16
"""The colour by which PASCAL VOC marks pixels that belong to nothing."""

_MOST_COLOURS = 255


def split_objects(raster: gdal.Dataset) -> list[np.ndarray]:
    """The objects of a mask image, (H, W) bool each, in the order of their values.

    Grey images are one object (0 and another value, or shades cut at half of the type's range),
    or label images: 1, 2, 3 … or evenly spread, as the research demo saves them (127 objects at
    most in 8 bits). Coloured ones, palettes included, have an object in each colour but black.

    Raises
    ------
    ImageError
        If it cannot be read, or is no mask.
    """
    labels = _labels(raster)
    values = _values(labels)
    if labels.dtype != np.uint32 and _shaded(values, labels.dtype):
        return [labels > np.iinfo(labels.dtype).max // 2]
    return [labels == value for value in sorted(values)]


def _labels(raster: gdal.Dataset) -> np.ndarray:
    """(H, W) uint8 or uint16 of a grey image; uint32 of a coloured one, red in the lowest byte."""
    band = raster.GetRasterBand(1)
    if band.DataType not in (gdal.GDT_Byte, gdal.GDT_UInt16):
        raise ImageError(
            tr(
                "The mask {} has values of type {}: save it with 8 or 16 bits, or add it as a "
                "layer and import that."
            ).format(raster.GetDescription(), gdal.GetDataTypeName(band.DataType))
        )
    red = read_band(raster, 1)
    palette = band.GetColorTable()
    if palette is not None:
        entries = [palette.GetColorEntry(index)[:3] for index in range(palette.GetCount())]
        table = np.zeros(65536, np.uint32)
        table[: len(entries)] = [_colour(*entry) for entry in entries]
        return _without_shades(table[red], raster)
    if raster.RasterCount < 3:  # grey, with or without alpha
        return red
    green, blue = read_band(raster, 2), read_band(raster, 3)
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return red
    return _without_shades(
        _colour(*(band.astype(np.uint32) for band in (red, green, blue))), raster
    )


def _colour(red, green, blue):
    return red | green << 8 | blue << 16


def _without_shades(colours: np.ndarray, raster: gdal.Dataset) -> np.ndarray:
    """Colours that are few, as those of masks are; the greys of a palette become a grey image."""
    values = _values(colours)
    if len(values) > _MOST_COLOURS:
        raise ImageError(
            tr("{} has {} colours, so it is no mask: choose a mask image.").format(
                raster.GetDescription(), len(values)
            )
        )
    if all(value == _colour(*[value & 255] * 3) for value in values):
        return colours.astype(np.uint8)
    colours[colours == _VOID] = 0
    return colours


def _values(labels: np.ndarray) -> set[int]:
    """Which values there are, but for 0. Row by row, for sorting the whole takes seconds."""
    found: set[int] = set()
    for row in labels:
        last_of_run = np.flatnonzero(row[1:] != row[:-1])
        found.update(row[last_of_run].tolist(), (int(row[-1]),))
    return found - {0}


def _shaded(values: set[int], kind: np.dtype) -> bool:
    """Whether grey values are shades of one object rather than labels of several."""
    if len(values) < 2:
        return False
    half, highest = np.iinfo(kind).max // 2, max(values)
    steps = highest // math.gcd(*values)
    return highest > half and (steps > 2 * len(values) or len(values) > half)
