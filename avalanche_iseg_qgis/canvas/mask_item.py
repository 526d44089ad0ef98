"""The mask of the current object on the canvas.

Levels are sampled once per prediction and map view, at the resolution of the screen. Threshold,
opacity and colour are a colour table, so that a slider only repaints an 8-bit image.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from qgis.PyQt.QtCore import QRectF
from qgis.PyQt.QtGui import QColor, QImage

from ..core.worker.protocol import LEVELS, Predicted
from .item import CanvasItem
from .placement import GridPlacement

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qgis.gui import QgsMapCanvas
    from qgis.PyQt.QtCore import QRect
    from qgis.PyQt.QtGui import QPainter

    from ..layers.grid import PixelGrid
    from .placement import CanvasProjection

_CLEAR = 0
_DARK = QColor(20, 20, 30).rgba()
_INSIDE, _OUTSIDE = 1, 2
_RAMP = np.array(
    [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)], np.float64
)
"""Colours of probabilities 0 to 1, of rising brightness (viridis)."""


class MaskMode(Enum):
    """What is shown of a prediction."""

    MASK = "mask"
    OUTLINE = "outline"
    PROBABILITY = "probability"


@dataclass(frozen=True)
class MaskStyle:
    """Threshold and colours of a mask.

    Attributes
    ----------
    threshold
        Probability above which a pixel is avalanche.
    opacity
        0 to 1, of areas; an outline is always opaque.
    """

    threshold: float = 0.5
    opacity: float = 0.45
    colour: QColor = field(default_factory=lambda: QColor(255, 60, 30))
    mode: MaskMode = MaskMode.MASK

    @property
    def threshold_level(self) -> int:
        """The level above which a pixel is avalanche."""
        return Predicted.above(self.threshold)


class MaskItem(CanvasItem):
    """Canvas item of the levels of a prediction."""

    Z_VALUE = 1

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._mask_style = MaskStyle()
        self._placement: GridPlacement | None = None
        self._levels = np.zeros((0, 0), np.uint8)
        self._row = self._col = 0
        self._screen: _ScreenLevels | None = None

    @property
    def mask_style(self) -> MaskStyle:
        """Threshold, opacity, colour and mode; setting it only repaints."""
        return self._mask_style

    @mask_style.setter
    def mask_style(self, style: MaskStyle) -> None:
        self._mask_style = style
        self.update()

    def show(self, levels: NDArray[np.uint8], row: int, col: int, grid: PixelGrid) -> None:
        """Show levels in place of those before.

        Parameters
        ----------
        levels
            (h, w) uint8, as in `Predicted`; not to be changed afterwards.
        row, col
            Position of the first pixel in the grid.
        """
        self._levels, self._row, self._col = levels, row, col
        self._placement = GridPlacement(self.canvas, grid)
        self._screen = None
        self.refresh()

    def clear(self) -> None:
        """Show nothing."""
        self._placement = self._screen = None
        self.refresh()

    def extent(self) -> QRectF:
        """Return the visible part of the levels."""
        if not self._placement or not self._levels.size:
            return QRectF()
        whole = self._placement.bounds(self._row, self._col, *self._levels.shape)
        return whole.adjusted(-2, -2, 2, 2) & self.screen

    def draw(self, painter: QPainter) -> None:
        """Paint the visible part."""
        rect = self.boundingRect().toAlignedRect() & self.canvas.viewport().rect()
        if not self._placement or rect.isEmpty():
            return
        projection = self._placement.projection
        if not self._screen or not self._screen.fits(projection, rect):
            rows, cols = self._placement.lookup(rect)
            levels = _sample(self._levels, rows - self._row, cols - self._col)
            self._screen = _ScreenLevels(projection, rect, levels)
        painter.drawImage(rect.topLeft(), self._screen.image(self._mask_style))


class _ScreenLevels:
    """Levels at the resolution of the screen, valid as long as the map view stays."""

    def __init__(
        self, projection: CanvasProjection, rect: QRect, levels: NDArray[np.uint8]
    ) -> None:
        self._projection, self._rect, self._levels = projection, rect, levels
        self._edges: NDArray[np.uint8] | None = None
        self._edges_level = -1

    def fits(self, projection: CanvasProjection, rect: QRect) -> bool:
        """Return whether the map view is still the same."""
        return bool(self._projection is projection and self._rect == rect)

    def image(self, style: MaskStyle) -> QImage:
        """Return the coloured image; it shares memory with this object until the next call."""
        level = style.threshold_level
        if style.mode is MaskMode.OUTLINE:
            if self._edges is None or level != self._edges_level:
                self._edges, self._edges_level = _edges(self._levels > level), level
            return _indexed_image(self._edges, [_CLEAR, style.colour.rgb(), _DARK])
        if style.mode is MaskMode.PROBABILITY:
            return _indexed_image(self._levels, _ramp(style.opacity))
        colour = QColor(style.colour)
        colour.setAlphaF(style.opacity)
        table = [_CLEAR] * (level + 1) + [colour.rgba()] * (LEVELS - level)
        return _indexed_image(self._levels, table)


def _indexed_image(pixels: NDArray[np.uint8], table: list[int]) -> QImage:
    """Make an image of (h, w) pixels and a colour table; the pixels must outlive it."""
    height, width = pixels.shape
    image = QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_Indexed8)
    image.setColorTable(table)
    return image


def _sample(
    levels: NDArray[np.uint8], rows: NDArray[np.float64], cols: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return the levels (h, w) nearest to coordinates that broadcast to (h, w); 0 outside."""
    height, width = levels.shape
    inside = (rows >= -0.5) & (rows < height - 0.5) & (cols >= -0.5) & (cols < width - 0.5)
    rows = np.clip(np.rint(rows), 0, height - 1).astype(np.intp)
    cols = np.clip(np.rint(cols), 0, width - 1).astype(np.intp)
    return np.ascontiguousarray(levels[rows, cols] * inside)


def _edges(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Mark both sides of the edge of a mask by `_INSIDE` and `_OUTSIDE`: (h, w) uint8.

    The border of the array is no edge, for the mask may continue there.
    """
    edges = np.zeros(mask.shape, np.uint8)
    steps = mask[:, 1:] ^ mask[:, :-1], mask[1:] ^ mask[:-1]
    edges[:, 1:] |= steps[0]
    edges[:, :-1] |= steps[0]
    edges[1:] |= steps[1]
    edges[:-1] |= steps[1]
    return edges * np.where(mask, np.uint8(_INSIDE), np.uint8(_OUTSIDE))


def _ramp(opacity: float) -> list[int]:
    """Return the colours of all levels; the lowest are nearly transparent."""
    probability = np.linspace(0, 1, LEVELS + 1)
    stops = np.linspace(0, 1, len(_RAMP))
    bands = [np.interp(probability, stops, _RAMP[:, band]) for band in range(3)]
    alpha = 255 * opacity * np.clip(4 * probability, 0, 1)
    colours = np.stack([*bands, alpha], axis=1).astype(int).tolist()
    return [QColor(*colour).rgba() for colour in colours]
