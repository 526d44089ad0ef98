"""Clicks and the box on the canvas, drawn in screen pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qgis.core import QgsCsException
from qgis.PyQt.QtCore import QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPen, QPolygonF

from .item import CanvasItem
from .placement import GridPlacement

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas
    from qgis.PyQt.QtCore import QPoint

    from ..core.prompts import Box, Click
    from ..layers.grid import PixelGrid

CENTRE = (0, 0)
"""The handle that moves the box."""
_CORNERS = ((-1, -1), (-1, 1), (1, 1), (1, -1))
_HANDLES = (*_CORNERS, (-1, 0), (0, 1), (1, 0), (0, -1), CENTRE)
_HANDLE = 4
"""Half the side of a handle, in screen pixels."""
_MIN_SIDE = 32
"""Length of a side with a handle in its middle, in screen pixels."""
_TOLERANCE = 3
"""Distance from a disc or handle within which the mouse hits it, in screen pixels."""

_POSITIVE, _NEGATIVE = QColor(20, 150, 60), QColor(215, 30, 40)
_BOX, _LAST = QColor(255, 225, 50), QColor(255, 225, 50)
_WHITE, _DARK = QColor(255, 255, 255), QColor(20, 20, 30, 200)


@dataclass(frozen=True)
class Hit:
    """The thing under the mouse: a click, by its index, or a handle of the box.

    Handles are (down, right), each of -1, 0, 1: (-1, -1) is the corner of the least row and
    column, (0, 1) the middle of the side of the largest column, `CENTRE` the middle of the box.
    """

    click: int | None = None
    handle: tuple[int, int] | None = None


class PromptItem(CanvasItem):
    """Canvas item of prompts: discs with plus or minus for clicks, a frame with handles."""

    Z_VALUE = 3

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._radius = 6.0
        self._clicks: tuple[Click, ...] = ()
        self._box: Box | None = None
        self._placement: GridPlacement | None = None

    @property
    def radius(self) -> float:
        """Radius of the discs, in screen pixels."""
        return self._radius

    @radius.setter
    def radius(self, radius: float) -> None:
        self._radius = radius
        self.refresh()

    def show(self, clicks: Sequence[Click], box: Box | None, grid: PixelGrid) -> None:
        """Show prompts in pixels of the grid."""
        self._clicks, self._box = tuple(clicks), box
        self._placement = GridPlacement(self.canvas, grid)
        self.refresh()

    def clear(self) -> None:
        """Show nothing."""
        self._clicks, self._box = (), None
        self.refresh()

    def hit(self, point: QPoint) -> Hit | None:
        """Return the topmost thing at a point of the screen."""
        try:
            return self._hit(point)
        except QgsCsException:  # not drawn either
            return None

    def extent(self) -> QRectF:
        """Return the rectangle round all discs and the frame."""
        places = [*self._discs(), *self._handles().values()]
        if not places:
            return QRectF()
        margin = self._radius + 2 * _HANDLE
        around = QPolygonF(places).boundingRect()
        return around.adjusted(-margin, -margin, margin, margin) & self.screen

    def draw(self, painter: QPainter) -> None:
        """Paint the box below, the clicks above."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_box(painter)
        for index, place in enumerate(self._discs()):
            self._draw_click(painter, index, place)

    def _hit(self, point: QPoint) -> Hit | None:
        discs = self._discs()
        for index in reversed(range(len(discs))):
            if _distance(discs[index], point) <= self._radius + _TOLERANCE:
                return Hit(click=index)
        for handle, place in self._handles().items():
            away = place - QPointF(point)
            if max(abs(away.x()), abs(away.y())) <= _HANDLE + _TOLERANCE:
                return Hit(handle=handle)
        return None

    def _discs(self) -> list[QPointF]:
        """Return the centres of the clicks on the screen."""
        placement = self._placement
        return [placement.to_screen(c.row, c.col) for c in self._clicks] if placement else []

    def _handles(self) -> dict[tuple[int, int], QPointF]:
        """Return the places of the handles for which the box is large enough."""
        box, placement = self._box, self._placement
        if not box or not placement:
            return {}
        rows = {-1: box.row_min, 0: (box.row_min + box.row_max) / 2, 1: box.row_max}
        cols = {-1: box.col_min, 0: (box.col_min + box.col_max) / 2, 1: box.col_max}
        handles = {at: placement.to_screen(rows[at[0]], cols[at[1]]) for at in _HANDLES}
        across = _distance(handles[-1, -1], handles[-1, 1]) >= _MIN_SIDE
        down = _distance(handles[-1, -1], handles[1, -1]) >= _MIN_SIDE
        return {at: place for at, place in handles.items() if (at[0] or down) and (at[1] or across)}

    def _draw_box(self, painter: QPainter) -> None:
        handles = self._handles()
        if not handles:
            return
        frame = QPolygonF([handles[corner] for corner in _CORNERS])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((_DARK, 3.5), (_BOX, 1.5)):
            painter.setPen(QPen(colour, width))
            painter.drawPolygon(frame)
        painter.setPen(QPen(_DARK, 1))
        for at, place in handles.items():
            painter.setBrush(_WHITE if at == CENTRE else _BOX)
            side = QPointF(_HANDLE, _HANDLE)
            painter.drawRect(QRectF(place - side, place + side))

    def _draw_click(self, painter: QPainter, index: int, place: QPointF) -> None:
        radius = self._radius
        if index == len(self._clicks) - 1:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(_LAST, 2))
            painter.drawEllipse(place, radius + 3, radius + 3)
        painter.setPen(QPen(_WHITE, 1.5))
        positive = self._clicks[index].positive
        painter.setBrush(_POSITIVE if positive else _NEGATIVE)
        painter.drawEllipse(place, radius, radius)
        arm = 0.55 * radius
        painter.drawLine(place - QPointF(arm, 0), place + QPointF(arm, 0))
        if positive:
            painter.drawLine(place - QPointF(0, arm), place + QPointF(0, arm))


def _distance(first: QPointF, second: QPointF | QPoint) -> float:
    away = first - QPointF(second)
    return math.hypot(away.x(), away.y())
