"""Pixel source of layers without a file, read by QGIS's providers: WMS, XYZ, WCS, databases."""

from __future__ import annotations

import math
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qgis.core import (
    Qgis,
    QgsDistanceArea,
    QgsPointXY,
    QgsProject,
    QgsRaster,
    QgsRasterBlockFeedback,
    QgsRectangle,
)
from qgis.PyQt.QtGui import QImage

from ..core.errors import ImageError
from ..i18n import tr
from .colours import MAX_SAMPLES, Stretch, choose_bands, colour_table, compute_stretch
from .grid import Grid
from .network import network_failures
from .pixel_window import PixelWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray
    from qgis.core import QgsRasterBlock, QgsRasterDataProvider, QgsRasterLayer

    _ReadBlock = Callable[[int, PixelWindow, tuple[int, int]], QgsRasterBlock]

_TILE = 1024  # pixels a side; servers refuse larger images
_ROUNDING = 1e-3  # pixels
_IMAGES = (Qgis.DataType.ARGB32, Qgis.DataType.ARGB32_Premultiplied)
_NUMBERS = {
    Qgis.DataType.Byte: np.uint8,
    Qgis.DataType.UInt16: np.uint16,
    Qgis.DataType.Int16: np.int16,
    Qgis.DataType.UInt32: np.uint32,
    Qgis.DataType.Int32: np.int32,
    Qgis.DataType.Float32: np.float32,
    Qgis.DataType.Float64: np.float64,
}


class ProviderSource:
    """Pixel source of a layer of any provider; see `PixelSource`.

    Every read clones the provider in its own thread.
    """

    def __init__(self, layer: QgsRasterLayer, pixel_size: float | None = None) -> None:
        provider = layer.dataProvider()
        self.name = layer.name()
        self.path = layer.publicSource()
        self.needs_pixel_size = provider.xSize() <= 0 or provider.ySize() <= 0
        self.grid = _make_grid(layer, pixel_size) if self.needs_pixel_size else _read_grid(layer)
        self._image = provider.dataType(1) in _IMAGES
        self._bands = [1] if self._image else _colour_bands(provider, layer)
        self._table = None if self._image else _palette(provider, self._bands)
        self._stretch: Stretch | None = None
        self._lock = threading.Lock()
        self._provider = provider.clone()  # not shared, so any thread can clone it

    def read(
        self, window: PixelWindow, feedback: QgsRasterBlockFeedback | None = None
    ) -> NDArray[np.uint8]:
        """Read a window; see `PixelSource.read`."""
        with self._lock:
            provider = self._provider.clone()
        read_block = partial(self._read_block, provider, feedback or QgsRasterBlockFeedback())
        pixels = np.zeros((window.height, window.width, 3), np.uint8)
        with network_failures() as failures:
            for tile in _tiles(window):
                colours = self._read_colours(read_block, tile)
                if failures:
                    raise self._error(failures)
                pixels[tile.slices_in(window)] = colours
        if self._image and not pixels.any():
            raise ImageError(
                tr(
                    "The layer {} shows nothing here: choose another place, or look whether its "
                    "server can be reached."
                ).format(self.name)
            )
        return pixels

    def _read_colours(self, read_block: _ReadBlock, tile: PixelWindow) -> NDArray[np.uint8]:
        """Read a tile: (height, width, 1 or 3) uint8."""
        size = (tile.width, tile.height)
        if self._image:
            return _image_to_rgb(read_block(1, tile, size))
        values, valid = self._read_values(read_block, tile, size)
        if self._table is not None:
            return self._table[np.minimum(values[:, :, 0], 255).astype(np.uint8)]
        if values.dtype == np.uint8:
            return values
        return self._cached_stretch(read_block)(values, valid)

    def _cached_stretch(self, read_block: _ReadBlock) -> Stretch:
        """Return the stretch of the whole raster, computed once from a decimated read."""
        with self._lock:
            if self._stretch is None:
                width, height = self.grid.width, self.grid.height
                factor = max(
                    (width * height / MAX_SAMPLES) ** 0.5, width / _TILE, height / _TILE, 1
                )
                size = (max(1, int(width / factor)), max(1, int(height / factor)))
                whole = PixelWindow(0, 0, height, width)
                self._stretch = compute_stretch(*self._read_values(read_block, whole, size))
            return self._stretch

    def _read_values(
        self, read_block: _ReadBlock, window: PixelWindow, size: tuple[int, int]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read values (height, width, C) of a window, and which of them are valid."""
        bands = [_block_to_array(read_block(band, window, size)) for band in self._bands]
        return np.stack([band[0] for band in bands], -1), np.stack([band[1] for band in bands], -1)

    def _read_block(
        self,
        provider: QgsRasterDataProvider,
        feedback: QgsRasterBlockFeedback,
        band: int,
        window: PixelWindow,
        size: tuple[int, int],
    ) -> QgsRasterBlock:
        """Read a band of a window, resampled to a size (width, height)."""
        left, top = self.grid.corner_to_layer(window.col, window.row)
        right, bottom = self.grid.corner_to_layer(
            window.col + window.width, window.row + window.height
        )
        extent = QgsRectangle(left, bottom, right, top)
        block = provider.block(band, extent, *size, feedback)
        if feedback.isCanceled() or feedback.errors() or not block.isValid() or block.isEmpty():
            raise self._error(feedback.errors())
        return block

    def _error(self, reasons: Iterable[str]) -> ImageError:
        return ImageError(
            tr(
                "The layer {} could not be read: look whether its server or file can be reached, "
                "then try again. {}"
            ).format(self.name, "; ".join(reasons))
        )


def _read_grid(layer: QgsRasterLayer) -> Grid:
    provider, extent = layer.dataProvider(), layer.extent()
    width, height = provider.xSize(), provider.ySize()
    across, down = extent.width() / width, extent.height() / height
    transform = (across, 0.0, extent.xMinimum(), 0.0, -down, extent.yMaximum())
    return Grid(width, height, transform, layer.crs())


def _make_grid(layer: QgsRasterLayer, pixel_size: float | None) -> Grid:
    """Make the grid of a layer without a resolution: with a pixel size, else with 1 m pixels."""
    extent = layer.extent()
    if extent.isEmpty() or not extent.isFinite():
        raise ImageError(
            tr("The layer {} does not say which area it covers: choose another one.").format(
                layer.name()
            )
        )
    across, down = (pixel_size, pixel_size) if pixel_size else _units_per_metre(layer)
    width = math.ceil(extent.width() / across - _ROUNDING)
    height = math.ceil(extent.height() / down - _ROUNDING)
    transform = (across, 0.0, extent.xMinimum(), 0.0, -down, extent.yMaximum())
    return Grid(width, height, transform, layer.crs())


def _units_per_metre(layer: QgsRasterLayer) -> tuple[float, float]:
    """Compute layer units per metre on the ground, in x and y, at the centre of the layer."""
    if not layer.crs().isValid():
        return 1.0, 1.0
    measure = QgsDistanceArea()
    measure.setSourceCrs(layer.crs(), QgsProject.instance().transformContext())
    measure.setEllipsoid("EPSG:7030")
    middle, step = layer.extent().center(), 1e-3 if layer.crs().isGeographic() else 100.0
    across = measure.measureLine(middle, QgsPointXY(middle.x() + step, middle.y()))
    down = measure.measureLine(middle, QgsPointXY(middle.x(), middle.y() + step))
    return step / across, step / down


def _tiles(window: PixelWindow) -> Iterator[PixelWindow]:
    """Cut a window at multiples of the tile size of the raster."""
    for top in range(window.row // _TILE * _TILE, window.row + window.height, _TILE):
        for left in range(window.col // _TILE * _TILE, window.col + window.width, _TILE):
            row, col = max(top, window.row), max(left, window.col)
            bottom = min(top + _TILE, window.row + window.height)
            right = min(left + _TILE, window.col + window.width)
            yield PixelWindow(row, col, bottom - row, right - col)


def _colour_bands(provider: QgsRasterDataProvider, layer: QgsRasterLayer) -> list[int]:
    alpha = QgsRaster.ColorInterpretation.AlphaBand
    every = range(1, provider.bandCount() + 1)
    colour = [band for band in every if provider.colorInterpretation(band) != alpha]
    return choose_bands(layer, colour or [1])


def _palette(provider: QgsRasterDataProvider, bands: list[int]) -> NDArray[np.uint8] | None:
    entries = provider.colorTable(bands[0]) if len(bands) == 1 else []
    if not entries:
        return None
    return colour_table({int(entry.value): entry.color.getRgb()[:3] for entry in entries})


def _image_to_rgb(block: QgsRasterBlock) -> NDArray[np.uint8]:
    width, height = block.width(), block.height()
    image = block.image().convertToFormat(QImage.Format.Format_RGB888)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(height, image.bytesPerLine())
    return rows[:, : 3 * width].reshape(height, width, 3).copy()


def _block_to_array(block: QgsRasterBlock) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the values (height, width) of a block, and which of them are valid."""
    if block.dataType() not in _NUMBERS:
        raise ImageError(tr("The raster has complex values: save it as real numbers."))
    values = np.frombuffer(bytes(block.data()), _NUMBERS[block.dataType()])
    values = values.reshape(block.height(), block.width())
    valid = np.isfinite(values)
    if block.hasNoDataValue():
        valid &= values != values.dtype.type(block.noDataValue())
    return values, valid
