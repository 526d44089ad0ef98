"""Pixels of whatever QGIS can show, read by its data providers: WMS, XYZ, WCS, databases."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

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
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray
    from qgis.core import QgsRasterBlock, QgsRasterDataProvider, QgsRasterLayer

_TILE = 1024  # pixels a side; servers refuse larger pictures
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
    """A layer of any provider; see `Source`.

    Every reading has its own clone of the provider, made in the thread that reads.
    """

    def __init__(self, layer: QgsRasterLayer, pixel_size: float | None = None) -> None:
        provider = layer.dataProvider()
        self.name = layer.name()
        self.path = layer.publicSource()
        self.needs_pixel_size = provider.xSize() <= 0 or provider.ySize() <= 0
        self.grid = _chosen_grid(layer, pixel_size) if self.needs_pixel_size else _grid(layer)
        self._image = provider.dataType(1) in _IMAGES
        self._bands = [1] if self._image else _bands(provider, layer)
        self._table = None if self._image else _table(provider, self._bands)
        self._stretch: Stretch | None = None
        self._lock = threading.Lock()
        self._provider = provider.clone()  # nobody else uses this one: it can be cloned anywhere

    def read(
        self, window: PixelWindow, feedback: QgsRasterBlockFeedback | None = None
    ) -> NDArray[np.uint8]:
        """Pixels of a window; see `Source.read`."""
        feedback = feedback or QgsRasterBlockFeedback()
        with self._lock:
            provider = self._provider.clone()
        pixels = np.zeros((window.height, window.width, 3), np.uint8)
        with network_failures() as failures:
            for tile in _tiles(window):
                top, left = tile.row - window.row, tile.col - window.col
                colours = self._colours(provider, tile, feedback)
                if failures:
                    raise self._error(failures)
                pixels[top : top + tile.height, left : left + tile.width] = colours
        if self._image and not pixels.any():
            raise ImageError(
                tr(
                    "The layer {} shows nothing here: choose another place, or look whether its "
                    "server can be reached."
                ).format(self.name)
            )
        return pixels

    def _colours(
        self, provider: QgsRasterDataProvider, tile: PixelWindow, feedback: QgsRasterBlockFeedback
    ) -> NDArray[np.uint8]:
        """(height, width, 1 or 3) uint8."""
        extent, size = self._extent(tile), (tile.width, tile.height)
        if self._image:
            return _rgb(self._block(provider, 1, extent, size, feedback).image(), size)
        values, valid = self._values(provider, extent, size, feedback)
        if self._table is not None:
            return self._table[np.minimum(values[:, :, 0], 255).astype(np.uint8)]
        if values.dtype == np.uint8:
            return values
        return self._stretch_of(provider, feedback)(values, valid)

    def _stretch_of(
        self, provider: QgsRasterDataProvider, feedback: QgsRasterBlockFeedback
    ) -> Stretch:
        """The stretch of the whole raster, computed once, from a decimated reading."""
        with self._lock:
            if self._stretch is None:
                width, height = self.grid.width, self.grid.height
                factor = max(
                    (width * height / MAX_SAMPLES) ** 0.5, width / _TILE, height / _TILE, 1
                )
                size = (max(1, int(width / factor)), max(1, int(height / factor)))
                whole = self._extent(PixelWindow(0, 0, height, width))
                self._stretch = compute_stretch(*self._values(provider, whole, size, feedback))
            return self._stretch

    def _values(
        self,
        provider: QgsRasterDataProvider,
        extent: QgsRectangle,
        size: tuple[int, int],
        feedback: QgsRasterBlockFeedback,
    ) -> tuple[NDArray, NDArray[np.bool_]]:
        """(height, width, C) values and which of them are valid."""
        blocks = [self._block(provider, band, extent, size, feedback) for band in self._bands]
        bands = [_numbers(block, size) for block in blocks]
        return np.stack([band[0] for band in bands], -1), np.stack([band[1] for band in bands], -1)

    def _block(
        self,
        provider: QgsRasterDataProvider,
        band: int,
        extent: QgsRectangle,
        size: tuple[int, int],
        feedback: QgsRasterBlockFeedback,
    ) -> QgsRasterBlock:
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

    def _extent(self, window: PixelWindow) -> QgsRectangle:
        top_left = self.grid.to_layer(window.row - 0.5, window.col - 0.5)
        bottom_right = self.grid.to_layer(
            window.row + window.height - 0.5, window.col + window.width - 0.5
        )
        return QgsRectangle(top_left, bottom_right)


def _grid(layer: QgsRasterLayer) -> Grid:
    provider, extent = layer.dataProvider(), layer.extent()
    width, height = provider.xSize(), provider.ySize()
    across, down = extent.width() / width, extent.height() / height
    transform = (across, 0.0, extent.xMinimum(), 0.0, -down, extent.yMaximum())
    return Grid(width, height, transform, layer.crs())


def _chosen_grid(layer: QgsRasterLayer, pixel_size: float | None) -> Grid:
    extent = layer.extent()
    if extent.isEmpty() or not extent.isFinite():
        raise ImageError(
            tr("The layer {} does not say which area it covers: choose another one.").format(
                layer.name()
            )
        )
    across, down = (pixel_size, pixel_size) if pixel_size else _metre(layer)
    width = math.ceil(extent.width() / across - _ROUNDING)
    height = math.ceil(extent.height() / down - _ROUNDING)
    transform = (across, 0.0, extent.xMinimum(), 0.0, -down, extent.yMaximum())
    return Grid(width, height, transform, layer.crs())


def _metre(layer: QgsRasterLayer) -> tuple[float, float]:
    """Layer units per metre on the ground, in x and y, in the middle of the layer."""
    if not layer.crs().isValid():
        return 1.0, 1.0
    measure = QgsDistanceArea()
    measure.setSourceCrs(layer.crs(), QgsProject.instance().transformContext())
    measure.setEllipsoid("EPSG:7030")
    middle, step = layer.extent().center(), 1e-3 if layer.crs().isGeographic() else 100.0
    metres = (
        measure.measureLine(middle, QgsPointXY(middle.x() + dx, middle.y() + dy))
        for dx, dy in ((step, 0.0), (0.0, step))
    )
    return tuple(step / length for length in metres)


def _tiles(window: PixelWindow) -> Iterator[PixelWindow]:
    """Cut at multiples of the tile's size, wherever the window lies."""
    for top in range(window.row // _TILE * _TILE, window.row + window.height, _TILE):
        for left in range(window.col // _TILE * _TILE, window.col + window.width, _TILE):
            row, col = max(top, window.row), max(left, window.col)
            bottom = min(top + _TILE, window.row + window.height)
            right = min(left + _TILE, window.col + window.width)
            yield PixelWindow(row, col, bottom - row, right - col)


def _bands(provider: QgsRasterDataProvider, layer: QgsRasterLayer) -> list[int]:
    alpha = QgsRaster.ColorInterpretation.AlphaBand
    every = range(1, provider.bandCount() + 1)
    colour = [band for band in every if provider.colorInterpretation(band) != alpha]
    return choose_bands(layer, colour or [1])


def _table(provider: QgsRasterDataProvider, bands: list[int]) -> NDArray[np.uint8] | None:
    entries = provider.colorTable(bands[0]) if len(bands) == 1 else []
    if not entries:
        return None
    return colour_table({int(entry.value): entry.color.getRgb()[:3] for entry in entries})


def _rgb(image: QImage, size: tuple[int, int]) -> NDArray[np.uint8]:
    width, height = size
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(height, image.bytesPerLine())
    return rows[:, : 3 * width].reshape(height, width, 3).copy()


def _numbers(block: QgsRasterBlock, size: tuple[int, int]) -> tuple[NDArray, NDArray[np.bool_]]:
    if block.dataType() not in _NUMBERS:
        raise ImageError(tr("The raster has complex values: save it as real numbers."))
    values = np.frombuffer(bytes(block.data()), _NUMBERS[block.dataType()])
    values = values.reshape(size[1], size[0])
    valid = np.isfinite(values)
    if block.hasNoDataValue():
        valid &= values != values.dtype.type(block.noDataValue())
    return values, valid
