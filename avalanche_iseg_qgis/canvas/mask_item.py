"""The live mask on the canvas.

Levels are sampled once per answer and view, at the resolution of the screen. Threshold, opacity and
colour are a colour table, so that moving a slider costs no more than painting an 8-bit picture.
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

    from ..layers.grid import Grid

_CLEAR = 0
_DARK = QColor(20, 20, 30).rgba()
_INSIDE, _OUTSIDE = 1, 2
_RAMP = np.array(
    [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)], np.float64
)
"""Colours of probabilities 0 to 1, which differ in brightness too."""


class MaskDisplay(Enum):
    """What is shown of an answer."""

    MASK = "mask"
    OUTLINE = "outline"
    PROBABILITY = "probability"


@dataclass(frozen=True)
class MaskStyle:
    """How a mask is shown.

    Attributes
    ----------
    threshold
        Probability above which a pixel is avalanche.
    opacity
        0 to 1; of areas, an outline is always opaque.
    """

    threshold: float = 0.5
    opacity: float = 0.45
    colour: QColor = field(default_factory=lambda: QColor(255, 60, 30))
    mode: MaskDisplay = MaskDisplay.MASK

    @property
    def cut(self) -> int:
        """Levels above this one are avalanche."""
        return Predicted.above(self.threshold)


class MaskItem(CanvasItem):
    """Paints an answer of the worker where it belongs."""

    ABOVE = 1

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._look = MaskStyle()
        self._placement: GridPlacement | None = None
        self._levels = np.zeros((0, 0), np.uint8)
        self._row = self._col = 0
        self._screen: _Screen | None = None

    @property
    def look(self) -> MaskStyle:
        """Threshold, opacity, colour and mode; setting it does no more than repaint."""
        return self._look

    @look.setter
    def look(self, look: MaskStyle) -> None:
        self._look = look
        self.update()

    def show(self, levels: NDArray[np.uint8], row: int, col: int, grid: Grid) -> None:
        """Show an answer in place of the one before.

        Parameters
        ----------
        levels
            (h, w) uint8, as in `Predicted`; not to be changed afterwards.
        row, col
            Of its first pixel in the grid.
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
        """The visible part of the answer."""
        if not self._placement or not self._levels.size:
            return QRectF()
        whole = self._placement.bounds(self._row, self._col, *self._levels.shape)
        return whole.adjusted(-2, -2, 2, 2) & self.screen

    def draw(self, painter: QPainter) -> None:
        """Paint the visible part."""
        rect = self.boundingRect().toAlignedRect() & self.canvas.viewport().rect()
        if not self._placement or rect.isEmpty():
            return
        view = self._placement.view
        if not self._screen or not self._screen.fits(view, rect):
            rows, cols = self._placement.lookup(rect)
            levels = _sampled(self._levels, rows - self._row, cols - self._col)
            self._screen = _Screen(view, rect, levels)
        painter.drawImage(rect.topLeft(), self._screen.image(self._look))


class _Screen:
    """An answer at the resolution of the screen, for as long as the view stays."""

    def __init__(self, view: object, rect: QRect, levels: NDArray[np.uint8]) -> None:
        self._view, self._rect = view, rect
        self._levels = levels
        self._edges: NDArray[np.uint8] | None = None
        self._edges_cut = -1

    def fits(self, view: object, rect: QRect) -> bool:
        """Whether this is still what is to be seen."""
        return self._view is view and self._rect == rect

    def image(self, look: MaskStyle) -> QImage:
        """In colours; good for as long as this object lives and no other look is asked for."""
        if look.mode is MaskDisplay.OUTLINE:
            if look.cut != self._edges_cut:
                self._edges, self._edges_cut = _edges(self._levels > look.cut), look.cut
            return _indexed(self._edges, [_CLEAR, look.colour.rgb(), _DARK])
        if look.mode is MaskDisplay.PROBABILITY:
            return _indexed(self._levels, _ramp(look.opacity))
        colour = QColor(look.colour)
        colour.setAlphaF(look.opacity)
        table = [_CLEAR] * (look.cut + 1) + [colour.rgba()] * (LEVELS - look.cut)
        return _indexed(self._levels, table)


def _indexed(pixels: NDArray[np.uint8], table: list[int]) -> QImage:
    """An image of (h, w) pixels, which have to live as long as it does, with a colour table."""
    height, width = pixels.shape
    image = QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_Indexed8)
    image.setColorTable(table)
    return image


def _sampled(
    levels: NDArray[np.uint8], rows: NDArray[np.float64], cols: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """(h, w) levels nearest to float coordinates that broadcast to (h, w); 0 outside."""
    height, width = levels.shape
    inside = (rows >= -0.5) & (rows < height - 0.5) & (cols >= -0.5) & (cols < width - 0.5)
    rows = np.clip(np.rint(rows), 0, height - 1).astype(np.intp)
    cols = np.clip(np.rint(cols), 0, width - 1).astype(np.intp)
    return np.ascontiguousarray(levels[rows, cols] * inside)


def _edges(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(h, w) uint8: `_INSIDE` and `_OUTSIDE` on both sides of the edge of a mask.

    None at the border of the array, where the mask may go on.
    """
    edges = np.zeros(mask.shape, np.uint8)
    steps = mask[:, 1:] ^ mask[:, :-1], mask[1:] ^ mask[:-1]
    edges[:, 1:] |= steps[0]
    edges[:, :-1] |= steps[0]
    edges[1:] |= steps[1]
    edges[:-1] |= steps[1]
    return edges * np.where(mask, np.uint8(_INSIDE), np.uint8(_OUTSIDE))


def _ramp(opacity: float) -> list[int]:
    """Colours of all levels; what is most improbable is hardly there."""
    probability = np.linspace(0, 1, LEVELS + 1)
    stops = np.linspace(0, 1, len(_RAMP))
    bands = [np.interp(probability, stops, _RAMP[:, band]) for band in range(3)]
    alpha = 255 * opacity * np.clip(4 * probability, 0, 1)
    colours = np.stack([*bands, alpha], axis=1).astype(int).tolist()
    return [QColor(*colour).rgba() for colour in colours]
