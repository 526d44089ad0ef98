"""Canvas items: what a camera sees, its position, the terrain's skyline, the other cursor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsPointXY
from qgis.PyQt.QtCore import QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPen

from ...canvas.item import CanvasItem
from ...canvas.outline_item import GeometryItem
from ...canvas.placement import CanvasProjection

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qgis.gui import QgsMapCanvas

    from ...core.camera import Camera
    from ...layers.grid import Grid

_CONE = QColor(255, 190, 0, 200)
_DARK, _WHITE = QColor(20, 20, 30, 200), QColor(255, 255, 255)
_MARGIN = 14.0


class ShapeItem(GeometryItem):
    """Polygons or lines of one colour."""

    Z_VALUE = 1

    def __init__(
        self, canvas: QgsMapCanvas, colour: QColor, width: float, fill: QColor | None = None
    ) -> None:
        super().__init__(canvas, width + 2)
        self._pen, self._brush = QPen(colour, width), fill or Qt.BrushStyle.NoBrush

    def draw(self, painter: QPainter) -> None:
        """Paint the geometry."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(self._brush)
        painter.setPen(self._pen)
        painter.drawPath(self.path)


class PlaceItem(CanvasItem):
    """A mark at one place, of the same size on the screen at any scale."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._point: QgsPointXY | None = None
        self._crs = QgsCoordinateReferenceSystem()
        self._place = QPointF()

    @property
    def point(self) -> QgsPointXY | None:
        """The place, in its CRS; None while the mark is hidden."""
        return self._point

    def show_mark(self, point: QgsPointXY | None, crs: QgsCoordinateReferenceSystem) -> None:
        """Show the mark at a point, or hide it."""
        if point is not None or self._point is not None:
            self._point, self._crs = point, crs
            self.refresh()

    def extent(self) -> QRectF:
        """Return the rectangle of the mark."""
        if self._point is None:
            return QRectF()
        self._place = CanvasProjection(self.canvas, self._crs).to_screen(self._point)
        size = QPointF(_MARGIN, _MARGIN)
        return QRectF(self._place - size, self._place + size)

    def draw(self, painter: QPainter) -> None:
        """Paint the mark, if it is shown."""
        if self._point is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.translate(self._place)
            self.draw_mark(painter)

    def draw_mark(self, painter: QPainter) -> None:
        """Paint the mark at the origin."""
        raise NotImplementedError


class CameraItem(PlaceItem):
    """The position of the camera."""

    Z_VALUE = 4

    def draw_mark(self, painter: QPainter) -> None:
        """Paint a camera: a box with a lens."""
        painter.setPen(QPen(_WHITE, 1.5))
        painter.setBrush(_DARK)
        painter.drawRoundedRect(QRectF(-10, -6, 20, 14), 3, 3)
        painter.drawRect(QRectF(-4, -9, 8, 4))
        painter.setBrush(_CONE)
        painter.drawEllipse(QPointF(0, 1), 4, 4)


class CrossItem(PlaceItem):
    """The place of the mouse on the other canvas."""

    Z_VALUE = 6

    def draw_mark(self, painter: QPainter) -> None:
        """Paint a cross, open in the middle."""
        for colour, width in ((_DARK, 4.0), (QColor(120, 255, 90), 2.0)):
            painter.setPen(QPen(colour, width))
            for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                step = QPointF(x, y)
                painter.drawLine(step * 4, step * (_MARGIN - 2))


def view_cone(camera: Camera, distance: float) -> QgsGeometry:
    """Return the sector that a camera looks into, as far as a distance in metres."""
    middle = (camera.height - 1) / 2
    u = np.linspace(-0.5, camera.width - 0.5, 49)
    azimuth, _ = camera.directions(np.stack([u, np.full_like(u, middle)], axis=1))
    edge = [
        QgsPointXY(camera.x + distance * math.sin(angle), camera.y + distance * math.cos(angle))
        for angle in azimuth
        if math.isfinite(angle)
    ]
    return QgsGeometry.fromPolygonXY([[QgsPointXY(camera.x, camera.y), *edge]])


def skyline_lines(rows: NDArray[np.floating], grid: Grid) -> QgsGeometry:
    """Return a skyline in layer coordinates; ``rows`` are those of all columns, with NaN."""
    known = np.isfinite(rows)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    lines = [
        [grid.to_layer(float(rows[col]), col) for col in range(first, last)]
        for first, last in zip(edges[::2], edges[1::2])  # noqa: B905 (Python 3.9)
        if last - first > 1
    ]
    return QgsGeometry.fromMultiPolylineXY(lines)
