"""The brush of the map tools: what it is set to, and how it looks on a canvas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import QObject, QPointF, QRectF, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QPainter, QPainterPath, QPainterPathStroker, QPen, QTransform

from .. import settings
from ..core.prompts import Stroke
from .item import CanvasItem
from .placement import GridPlacement

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas

    from ..layers.grid import PixelGrid

SMALLEST, LARGEST = 1.0, 500.0
"""Radius in pixels of the image."""
_STEP = 1.15  # times larger
_MARGIN = 3  # screen pixels
_POSITIVE, _NEGATIVE = QColor(20, 150, 60, 120), QColor(215, 30, 40, 120)
_WHITE, _DARK = QColor(255, 255, 255), QColor(20, 20, 30)


class Brush(QObject):
    """Whether the map tools paint, and how wide: one for all canvases, its radius kept.

    Signals
    -------
    changed
        Active or radius.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._active = False
        self._radius = _limited(settings.BRUSH_RADIUS.get())

    @property
    def active(self) -> bool:
        """Whether strokes are painted, instead of clicks and boxes given."""
        return self._active

    @active.setter
    def active(self, active: bool) -> None:
        if active != self._active:
            self._active = active
            self.changed.emit()

    @property
    def radius(self) -> float:
        """In pixels of the image."""
        return self._radius

    def toggle(self) -> None:
        """Paint, or give clicks and boxes again."""
        self.active = not self._active

    def grow(self, steps: float) -> None:
        """Make the radius larger by so many steps, or smaller; half a pixel at least."""
        wanted = self._radius * _STEP**steps
        if abs(wanted - self._radius) < 0.5:
            wanted = self._radius + (0.5 if steps > 0 else -0.5)
        self._radius = _limited(wanted)
        settings.BRUSH_RADIUS.set(self._radius)
        self.changed.emit()


def _limited(radius: float) -> float:
    return min(max(round(2 * radius) / 2, SMALLEST), LARGEST)


class BrushItem(CanvasItem):
    """Canvas item of the circle under the mouse, and of strokes that the mask does not show yet.

    Attributes
    ----------
    painted
        The stroke that is being painted; None without one.
    awaited
        Strokes whose mask is being computed.
    """

    Z_VALUE = 4

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.painted: Stroke | None = None
        self.awaited: Sequence[Stroke] = ()
        self._radius: float | None = None
        self._mouse: QPointF | None = None
        self._placement: GridPlacement | None = None

    def place(self, grid: PixelGrid | None) -> None:
        """Show all on the pixels of a grid; nothing without one."""
        self._placement = GridPlacement(self.canvas, grid) if grid else None
        self.refresh()

    def show_circle(self, radius: float | None, mouse: QPointF | None) -> None:
        """Show a circle of a radius in pixels of the image, about a point of the screen."""
        self._radius, self._mouse = radius, mouse
        self.refresh()

    @property
    def circle(self) -> QPainterPath:
        """The circle on the screen; empty if it is not shown."""
        path, placement, mouse = QPainterPath(), self._placement, self._mouse
        if placement is None or mouse is None or self._radius is None:
            return path
        path.addEllipse(QPointF(0, 0), self._radius, self._radius)
        row, col = placement.to_pixel(mouse.toPoint())
        if row != row:  # NaN: outside of the area of the projection
            return QPainterPath()
        to_screen = _linear(placement, row, col)
        at = QTransform.fromTranslate(mouse.x(), mouse.y())
        return (to_screen * at).map(path)

    def shapes(self) -> list[tuple[QPainterPath, bool]]:
        """Return what all strokes cover on the screen, and whether they are of the brush."""
        if self._placement is None:
            return []
        strokes = [*self.awaited, *([self.painted] if self.painted else [])]
        return [(_shape(stroke, self._placement), stroke.positive) for stroke in strokes]

    def extent(self) -> QRectF:
        """Return the rectangle round strokes and circle."""
        around = self.circle.boundingRect()
        for path, _ in self.shapes():
            around = around.united(path.boundingRect())
        if around.isEmpty():
            return QRectF()
        return around.adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN) & self.screen

    def draw(self, painter: QPainter) -> None:
        """Paint the strokes, and the circle above them."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for path, positive in self.shapes():
            painter.fillPath(path, _POSITIVE if positive else _NEGATIVE)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((_DARK, 3.0), (_WHITE, 1.5)):
            painter.setPen(QPen(colour, width))
            painter.drawPath(self.circle)


def _shape(stroke: Stroke, placement: GridPlacement) -> QPainterPath:
    """Return what a stroke covers on the screen."""
    row, col = stroke.points[len(stroke.points) // 2]
    path = QPainterPath(QPointF(stroke.points[0][1] - col, stroke.points[0][0] - row))
    for point in stroke.points[1:] or stroke.points:
        path.lineTo(point[1] - col, point[0] - row)
    at = placement.to_screen(row, col)
    to_screen = _linear(placement, row, col) * QTransform.fromTranslate(at.x(), at.y())
    if path.length() == 0:
        wide = QPainterPath()
        wide.addEllipse(path.currentPosition(), stroke.radius, stroke.radius)
        return to_screen.map(wide)
    stroker = QPainterPathStroker()
    stroker.setWidth(2 * stroke.radius)
    stroker.setCapStyle(Qt.PenCapStyle.RoundCap)
    stroker.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    wide = stroker.createStroke(path)
    wide.setFillRule(Qt.FillRule.WindingFill)
    return to_screen.map(wide)


def _linear(placement: GridPlacement, row: float, col: float) -> QTransform:
    """Return how steps of a pixel (right, down) near a place look on the screen."""
    at = placement.to_screen(row, col)
    right, down = placement.to_screen(row, col + 1) - at, placement.to_screen(row + 1, col) - at
    return QTransform(right.x(), right.y(), down.x(), down.y(), 0, 0)
