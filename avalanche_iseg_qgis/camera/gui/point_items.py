"""Points on the two canvases: numbered marks, and arrows to where the pose draws them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qgis.core import QgsCoordinateReferenceSystem, QgsCsException, QgsPointXY
from qgis.PyQt.QtCore import QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from ...canvas.item import CanvasItem
from ...canvas.placement import CanvasProjection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qgis.gui import QgsMapCanvas
    from qgis.PyQt.QtCore import QPoint

USED, UNUSED, HALF, SUSPECT = "used", "unused", "half", "suspect"
"""What a mark tells of its point."""
COLOURS = {
    USED: QColor(20, 110, 220),
    UNUSED: QColor(125, 125, 125),
    HALF: QColor(235, 130, 0),
    SUSPECT: QColor(205, 25, 40),
}
_CHOSEN, _WHITE, _ARROW = QColor(255, 225, 50), QColor(255, 255, 255), QColor(255, 60, 60)
_RADIUS, _REACH = 7.0, 10.0  # screen pixels
_LABEL = 26.0


@dataclass(frozen=True)
class PointMark:
    """A point as it is drawn.

    Attributes
    ----------
    name
        Written beside it.
    at
        In the coordinates of its canvas item.
    kind
        `USED`, `UNUSED`, `HALF` or `SUSPECT`.
    chosen
        Whether it is selected.
    arrow
        Where the arrow at it ends, if it has one.
    """

    name: str
    at: QgsPointXY
    kind: str = USED
    chosen: bool = False
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

    def show(self, marks: dict[int, PointMark], crs: QgsCoordinateReferenceSystem) -> None:
        """Show marks, by the index of their point, in coordinates of a CRS."""
        self._marks, self._crs = marks, crs
        self.refresh()

    def hit(self, point: QPoint) -> int | None:
        """Index of the point whose mark is there, the nearest."""
        away = {at: _length(place - QPointF(point)) for at, place in self._places.items()}
        near = min(away, key=away.get, default=None)
        return near if near is not None and away[near] <= _REACH else None

    def place(self, index: int) -> QPoint:
        """Where the mark of a point is."""
        return self._places[index].toPoint()

    def extent(self) -> QRectF:
        """Round all marks and arrows."""
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


def marks_of(points: Sequence, fits: dict, side: str, chosen: int | None, to_layer) -> dict:
    """Marks {index: `PointMark`} of points on one side; fits by name, places by ``to_layer``."""
    marks = {}
    for at, point in enumerate(points):
        place = point.on(side)
        if place is not None:
            marks[at] = PointMark(point.name, to_layer(*place), kind_of(point, fits), at == chosen)
    return marks


def kind_of(point, fits: dict) -> str:
    """What is told of a point: half finished, switched off, contradicting others, or nothing."""
    if not point.complete:
        return HALF
    if not point.use:
        return UNUSED
    fit = fits.get(point.name)
    return SUSPECT if fit is not None and fit.suspect else USED


def _draw_mark(painter: QPainter, place: QPointF, mark: PointMark) -> None:
    colour = COLOURS[mark.kind]
    painter.setBrush(Qt.BrushStyle.NoBrush)
    style = Qt.PenStyle.DashLine if mark.kind == HALF else Qt.PenStyle.SolidLine
    rim = _CHOSEN if mark.chosen else _WHITE
    for pen in (QPen(rim, 7.0 if mark.chosen else 4.5), QPen(colour, 2.5, style)):
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
    painter.setPen(QPen(_CHOSEN if mark.chosen else _WHITE, 1.5))
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
    return (vector.x() ** 2 + vector.y() ** 2) ** 0.5
