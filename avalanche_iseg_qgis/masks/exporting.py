"""Export of masks to files, written atomically."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import numpy as np
from osgeo import gdal

from ..core.containers import with_orientation
from ..core.errors import ImageError
from ..core.files import write_bytes
from ..i18n import tr
from ..layers.grid import Grid
from ..layers.pixel_window import PixelWindow
from .raster import empty_raster

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_MAX_IN_8_BITS = 255


def write_mask(path: str, mask: NDArray[np.bool_], orientation: int = 1) -> None:
    """Write an object, (H, W) bool, as PNG: 255 on the object, else 0.

    The EXIF ``orientation`` of its photo is written too: other programs turn both alike.

    Raises
    ------
    ImageError
        As all functions here, if the file cannot be written; an earlier file then stays.
    """
    _write(path, _encode_png(_label_image([mask]), orientation))


def write_labels(path: str, masks: Sequence[NDArray[np.bool_]], orientation: int = 1) -> None:
    """Write objects, (H, W) bool each, as one PNG, as the research demo saves them.

    Object k of n has the value k * floor(255 / n), or k in 16 bits if there are more than 255.
    Where objects overlap, the later one counts.
    """
    if not masks:
        raise ImageError(tr("There is no object to export: finish an avalanche first."))
    _write(path, _encode_png(_label_image(masks), orientation))


def write_tiff(path: str, mask: NDArray[np.bool_], grid: Grid, window: PixelWindow) -> None:
    """Write an object, (H, W) bool of a window, as TIFF with the window's georeference."""
    raster = empty_raster(grid, window)
    raster.GetRasterBand(1).WriteArray(_label_image([mask]))
    _write(path, _encode(raster, "GTiff", ["COMPRESS=DEFLATE", "TILED=YES"]))


def write_label_image(path: str, labels: NDArray[np.uint8 | np.uint16], grid: Grid) -> None:
    """Write a mask or label image (H, W) of a whole image as it is: PNG, or TIFF on its grid."""
    if path.lower().endswith(".png"):
        _write(path, _encode_png(labels, 1))
    elif path.lower().endswith((".tif", ".tiff")):
        kind = gdal.GDT_Byte if labels.dtype == np.uint8 else gdal.GDT_UInt16
        raster = empty_raster(grid, PixelWindow(0, 0, *labels.shape), kind)
        raster.GetRasterBand(1).WriteArray(labels)
        _write(path, _encode(raster, "GTiff", ["COMPRESS=DEFLATE", "TILED=YES"]))
    else:
        text = tr("{}: masks are written as .png or .tif; choose such a name.")
        raise ImageError(text.format(path))


def _label_image(masks: Sequence[NDArray[np.bool_]]) -> NDArray[np.uint8 | np.uint16]:
    """Return (H, W) uint8 or uint16 with the research demo's values."""
    count = len(masks)
    labels = np.zeros(masks[0].shape, np.uint8 if count <= _MAX_IN_8_BITS else np.uint16)
    step = max(1, _MAX_IN_8_BITS // count)
    for number, mask in enumerate(masks, 1):
        labels[mask] = number * step
    return labels


def _encode_png(labels: NDArray[np.uint8 | np.uint16], orientation: int) -> bytes:
    height, width = labels.shape
    kind = gdal.GDT_Byte if labels.dtype == np.uint8 else gdal.GDT_UInt16
    raster = empty_raster(Grid(width, height), PixelWindow(0, 0, height, width), kind)
    raster.GetRasterBand(1).WriteArray(labels)
    content = _encode(raster, "PNG", [])
    return content if orientation == 1 else with_orientation(content, orientation)


def _encode(raster: gdal.Dataset, driver: str, options: list[str]) -> bytes:
    """Encode a file in memory: on a full disk, GDAL may truncate files without an error."""
    name = f"/vsimem/{uuid.uuid4().hex}"
    gdal.GetDriverByName(driver).CreateCopy(name, raster, options=options)
    file = gdal.VSIFOpenL(name, "rb")
    content = gdal.VSIFReadL(1, gdal.VSIStatL(name).size, file)
    gdal.VSIFCloseL(file)
    gdal.Unlink(name)
    return bytes(content)


def _write(path: str, content: bytes) -> None:
    """Write a file atomically."""
    try:
        write_bytes(path, content)
    except OSError as error:
        raise ImageError(
            tr(
                "{} could not be written: {}. Choose a folder that exists, may be written to and "
                "has space left."
            ).format(path, error.strerror)
        ) from error
