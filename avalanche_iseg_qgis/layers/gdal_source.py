"""Pixel source of files, read by GDAL."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from osgeo import gdal
from qgis.core import QgsProviderRegistry

from ..core.containers import is_damage
from ..core.errors import ImageError
from ..i18n import tr
from .colours import MAX_SAMPLES, Stretch, choose_bands, colour_table, compute_stretch
from .grid import PHOTO_TRANSFORM, Grid
from .whole_raster import is_whole_raster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from qgis.core import QgsFeedback, QgsRasterLayer

    from .pixel_window import PixelWindow

_STRIP = 2_000_000  # pixels read at a time: limits memory and the delay until cancelled
_WARP_ERROR = 0.2  # pixels, as in QGIS's GDAL provider


class GdalSource:
    """Pixel source of a layer of the provider "gdal"; see `PixelSource`.

    Rotated rasters, which QGIS shows resampled, keep their original pixels. Every read opens the
    file anew: threads share no handle, and the file may be replaced in between.
    """

    needs_pixel_size = False

    def __init__(self, layer: QgsRasterLayer) -> None:
        uri = layer.dataProvider().dataSourceUri()
        self.name = layer.name()
        parts = QgsProviderRegistry.instance().decodeUri("gdal", uri)
        self.path = parts.get("path") or uri
        self._uri, *more = re.split(r"\|(?=option:|credential:)", uri)
        self._options = [part[len("option:") :] for part in more if part.startswith("option:")]
        self._lock = threading.Lock()
        self._stretch: Stretch | None = None
        with self._open() as dataset:
            self.grid = _read_grid(dataset, layer)
            self._bands = _colour_bands(dataset, layer)
            band = dataset.GetRasterBand(self._bands[0])
            self._table = _palette(band) if len(self._bands) == 1 else None
            self._bits = int(band.GetMetadataItem("NBITS", "IMAGE_STRUCTURE") or 8)

    def read(self, window: PixelWindow, feedback: QgsFeedback | None = None) -> NDArray[np.uint8]:
        """Read a window; see `PixelSource.read`."""
        pixels = np.zeros((window.height, window.width, 3), np.uint8)
        rows = max(1, _STRIP // window.width)
        with self._open(to_read=True) as dataset:
            for top in range(0, window.height, rows):
                if feedback is not None and feedback.isCanceled():
                    break
                height = min(rows, window.height - top)
                part = (window.col, window.row + top, window.width, height)
                pixels[top : top + height] = self._read_colours(dataset, part)
        return pixels

    def _read_colours(self, dataset: gdal.Dataset, part: tuple[int, ...]) -> NDArray[np.uint8]:
        """Read (height, width, 1 or 3) uint8 of a part (column, row, width, height)."""
        values = self._read_values(dataset, part, part[2:])
        if self._table is not None:
            return self._table[np.minimum(values[:, :, 0], 255)]
        if values.dtype != np.uint8:
            return self._cached_stretch(dataset)(values, self._read_valid(dataset, values, part))
        if self._bits < 8:
            return (values.astype(np.uint16) * 255 // (2**self._bits - 1)).astype(np.uint8)
        return values

    def _cached_stretch(self, dataset: gdal.Dataset) -> Stretch:
        """Return the stretch of the whole raster, computed once from a decimated read."""
        with self._lock:
            if self._stretch is None:
                width, height = self.grid.width, self.grid.height
                factor = max(1.0, (width * height / MAX_SAMPLES) ** 0.5)
                whole = (0, 0, width, height)
                size = (max(1, int(width / factor)), max(1, int(height / factor)))
                values = self._read_values(dataset, whole, size)
                valid = self._read_valid(dataset, values, whole)
                self._stretch = compute_stretch(values, valid)
            return self._stretch

    def _read_values(
        self, dataset: gdal.Dataset, part: tuple[int, ...], size: tuple[int, ...]
    ) -> NDArray[Any]:
        """Read a part, resampled to (width, height) by nearest neighbour: (height, width, C)."""
        gdal.ErrorReset()
        values = dataset.ReadAsArray(
            *part,
            buf_xsize=size[0],
            buf_ysize=size[1],
            interleave="pixel",
            band_list=self._bands,
        )
        # libjpeg fills up a truncated file and only warns
        if values is None or is_damage(gdal.GetLastErrorMsg()):
            raise self._error()
        return values.reshape(size[1], size[0], len(self._bands))

    def _read_valid(
        self, dataset: gdal.Dataset, values: NDArray[Any], part: tuple[int, ...]
    ) -> NDArray[np.bool_]:
        """Return which values of a part are neither nodata nor NaN: (height, width, C)."""
        height, width, _ = values.shape
        bands = [dataset.GetRasterBand(band).GetMaskBand() for band in self._bands]
        masks = [band.ReadAsArray(*part, buf_xsize=width, buf_ysize=height) for band in bands]
        if any(mask is None for mask in masks):
            raise self._error()
        return (np.stack(masks, axis=-1) > 0) & np.isfinite(values)

    @contextmanager
    def _open(self, *, to_read: bool = False) -> Iterator[gdal.Dataset]:
        gdal.PushErrorHandler("CPLQuietErrorHandler")
        try:
            flags = gdal.OF_RASTER | gdal.OF_READONLY
            dataset = gdal.OpenEx(self._uri, flags, open_options=self._options)
            if dataset is None:
                raise self._error()
            if to_read and not is_whole_raster(dataset, self.path):
                raise self._error()
            if _has_only_control_points(dataset):  # no grid of their own: warped, as QGIS does
                dataset = gdal.AutoCreateWarpedVRT(
                    dataset, None, None, gdal.GRA_NearestNeighbour, _WARP_ERROR
                )
                if dataset is None:
                    raise self._error()
            yield dataset
        except RuntimeError as error:  # where another plugin has switched GDAL's exceptions on
            raise self._error() from error
        finally:
            gdal.PopErrorHandler()

    def _error(self) -> ImageError:
        if not self.path.startswith("/vsi") and gdal.VSIStatL(self.path) is None:
            text = tr("The file {} is not there any more: put it back, or remove the layer.")
        else:
            text = tr(
                "Cannot read {}: it is damaged, cut short, or may not be read. Copy or download "
                "it again."
            )
        return ImageError(text.format(self.path))


def _has_only_control_points(dataset: gdal.Dataset) -> bool:
    if dataset.GetGeoTransform(can_return_null=True) is not None:
        return False
    return dataset.GetGCPCount() > 0 or bool(dataset.GetMetadata("RPC"))


def _read_grid(dataset: gdal.Dataset, layer: QgsRasterLayer) -> Grid:
    width, height = dataset.RasterXSize, dataset.RasterYSize
    found = dataset.GetGeoTransform(can_return_null=True)
    if found is None:
        return Grid(width, height, PHOTO_TRANSFORM)  # QGIS may have guessed a CRS
    c, a, b, f, d, e = found
    if (c, a, b, f, d, abs(e)) == (0, 1, 0, 0, 0, 1):  # a transform, but no georeference
        return Grid(width, height, (a, b, c, d, e, f))
    return Grid(width, height, (a, b, c, d, e, f), layer.crs())


def _colour_bands(dataset: gdal.Dataset, layer: QgsRasterLayer) -> list[int]:
    count = dataset.RasterCount
    colour = [
        band
        for band in range(1, count + 1)
        if dataset.GetRasterBand(band).GetColorInterpretation() != gdal.GCI_AlphaBand
    ]
    return choose_bands(layer, colour or [1])


def _palette(band: gdal.Band) -> NDArray[np.uint8] | None:
    if band.GetColorInterpretation() != gdal.GCI_PaletteIndex or band.GetColorTable() is None:
        return None
    table = band.GetColorTable()
    return colour_table({i: table.GetColorEntry(i)[:3] for i in range(table.GetCount())})
