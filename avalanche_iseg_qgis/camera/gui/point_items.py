"""Points on the two canvases: named marks, and arrows to where the pose projects them."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qgis.core import QgsCoordinateReferenceSystem, QgsCsException, QgsPointXY
from qgis.PyQt.QtCore import QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from ...canvas.item import CanvasItem
from ...canvas.placement import CanvasProjection

if TYPE_CHECKING:
    from collections.abc import Callable

    from qgis.gui import QgsMapCanvas
    from qgis.PyQt.QtCore import QPoint

    from ...core.camera import PointFit
    from ..points import PosePoint
    from ..pose_draft import PoseDraft

USED, UNUSED, INCOMPLETE, SUSPECT = "used", "unused", "incomplete", "suspect"
"""Kinds of points, each with a colour."""
COLOURS = {
    USED: QColor(20, 110, 220),
    UNUSED: QColor(125, 125, 125),
    INCOMPLETE: QColor(235, 130, 0),
    SUSPECT: QColor(205, 25, 40),
}
_SELECTED, _WHITE, _ARROW = QColor(255, 225, 50), QColor(255, 255, 255), QColor(255, 60, 60)
_RADIUS, _HIT_RADIUS, _LABEL = 7.0, 10.0, 26.0  # screen pixels


@dataclass(frozen=True)
class PointMark:
    """How a point is drawn.

    Attributes
    ----------
    name
        Written beside it.
    at
        In the coordinates of its canvas item.
    kind
        `USED`, `UNUSED`, `INCOMPLETE` or `SUSPECT`.
    selected
        Whether it is selected.
    arrow
        Tip of its arrow, if it has one.
    """

    name: str
    at: QgsPointXY
    kind: str = USED
    selected: bool = False
    arrow: QgsPointXY | None = None


class PointsItem(CanvasItem):
    """Rings that leave their middle free, each with its name."""

    Z_VALUE = 5

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._marks: dict[int, PointMark] = {}
        self._crs = QgsCoordinateReferenceSystem()
        self._places: dict[int, QPointF] = {}
        self._arrows: dict[int, QPointF] = {}

    def show_marks(self, marks: dict[int, PointMark], crs: QgsCoordinateReferenceSystem) -> None:
        """Show marks, by the index of their point, in coordinates of a CRS."""
        self._marks, self._crs = marks, crs
        self.refresh()

    def hit(self, point: QPoint) -> int | None:
        """Return the index of the point whose mark is there, the nearest; None if none is."""
        at = QPointF(point)
        distances = [(_length(place - at), index) for index, place in self._places.items()]
        distance, nearest = min(distances, default=(math.inf, None))
        return nearest if distance <= _HIT_RADIUS else None

    def place(self, index: int) -> QPoint:
        """Return where the mark of a point is on the screen."""
        return self._places[index].toPoint()

    def extent(self) -> QRectF:
        """Return the rectangle of all marks and arrows."""
        view = CanvasProjection(self.canvas, self._crs)
        self._places, self._arrows = {}, {}
        for at, mark in self._marks.items():
            with suppress(QgsCsException):  # where the CRS of the canvas does not reach
                self._places[at] = view.to_screen(mark.at)
                if mark.arrow is not None:
                    self._arrows[at] = view.to_screen(mark.arrow)
        places = [*self._places.values(), *self._arrows.values()]
        if not places:
            return QRectF()
        around = QPolygonF(places).boundingRect()
        names = max(len(mark.name) for mark in self._marks.values())
        right = _LABEL + 8 * names
        return around.adjusted(-_LABEL, -_LABEL, right, _LABEL) & self.screen

    def draw(self, painter: QPainter) -> None:
        """Paint arrows below, marks above."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for at, tip in self._arrows.items():
            if at in self._places:
                _draw_arrow(painter, self._places[at], tip)
        for at, place in self._places.items():
            _draw_mark(painter, place, self._marks[at])


def marks_of(
    draft: PoseDraft,
    side: str,
    selected: int | None,
    to_canvas: Callable[[float, float], QgsPointXY],
) -> dict[int, PointMark]:
    """Return the marks of the points that are known on a side, by index."""
    marks, fits = {}, draft.fits
    for index, point in enumerate(draft.points):
        position = point.position(side)
        if position is not None:
            kind = kind_of(point, fits.get(point.name))
            marks[index] = PointMark(point.name, to_canvas(*position), kind, index == selected)
    return marks


def kind_of(point: PosePoint, fit: PointFit | None) -> str:
    """Return the kind of a point, given how the pose fits it."""
    if not point.complete:
        return INCOMPLETE
    if not point.use:
        return UNUSED
    return SUSPECT if fit is not None and fit.suspect else USED


def _draw_mark(painter: QPainter, place: QPointF, mark: PointMark) -> None:
    colour = COLOURS[mark.kind]
    painter.setBrush(Qt.BrushStyle.NoBrush)
    style = Qt.PenStyle.DashLine if mark.kind == INCOMPLETE else Qt.PenStyle.SolidLine
    rim = _SELECTED if mark.selected else _WHITE
    for pen in (QPen(rim, 7.0 if mark.selected else 4.5), QPen(colour, 2.5, style)):
        painter.setPen(pen)
        painter.drawEllipse(place, _RADIUS, _RADIUS)
    for pen in (QPen(_WHITE, 3.0), QPen(colour, 1.2)):
        painter.setPen(pen)
        for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            painter.drawLine(place + QPointF(x, y) * 2, place + QPointF(x, y) * (_RADIUS - 1))
    _draw_name(painter, place, mark, colour)


def _draw_name(painter: QPainter, place: QPointF, mark: PointMark, colour: QColor) -> None:
    font = QFont(painter.font())
    font.setPixelSize(12)
    font.setBold(True)
    painter.setFont(font)
    width = QFontMetricsF(font).boundingRect(mark.name).width() + 8
    box = QRectF(place.x() + _RADIUS, place.y() - _RADIUS - 15, max(width, 16), 16)
    painter.setPen(QPen(_SELECTED if mark.selected else _WHITE, 1.5))
    painter.setBrush(colour)
    painter.drawRoundedRect(box, 4, 4)
    painter.setPen(_WHITE)
    painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), mark.name)


def _draw_arrow(painter: QPainter, start: QPointF, tip: QPointF) -> None:
    line = tip - start
    length = _length(line)
    if length < 2:
        return
    along = line / length
    across = QPointF(-along.y(), along.x())
    head = min(9.0, length)
    wings = [tip - along * head + across * head / 2, tip - along * head - across * head / 2]
    for colour, width in ((_WHITE, 4.5), (_ARROW, 2.2)):
        painter.setPen(QPen(colour, width))
        painter.drawLine(start, tip)
        for wing in wings:
            painter.drawLine(tip, wing)


def _length(vector: QPointF) -> float:
    return math.hypot(vector.x(), vector.y())
