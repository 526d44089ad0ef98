"""What a camera sees, on the map; the mouse of the other canvas; the terrain's skyline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsPointXY
from qgis.PyQt.QtCore import QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPainterPath, QPen

from ...canvas.item import CanvasItem
from ...canvas.placement import CanvasProjection

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qgis.gui import QgsMapCanvas

    from ...core.camera import Camera

_GROUND, _CONE = QColor(0, 190, 230, 60), QColor(255, 190, 0, 200)
_DARK, _WHITE = QColor(20, 20, 30, 200), QColor(255, 255, 255)
_MARGIN = 14.0


class ShapeItem(CanvasItem):
    """Polygons or lines, as they are given."""

    ABOVE = 1

    def __init__(self, canvas: QgsMapCanvas, pen: QPen, brush: QColor | None = None) -> None:
        super().__init__(canvas)
        self._pen, self._brush = pen, brush
        self._geometry, self._crs = QgsGeometry(), QgsCoordinateReferenceSystem()
        self._path = QPainterPath()

    @property
    def geometry(self) -> QgsGeometry:
        """What is shown, in its own CRS."""
        return self._geometry

    def show(self, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> None:
        """Show a geometry in coordinates of a CRS; an empty one shows nothing."""
        self._geometry, self._crs = geometry, crs
        self.refresh()

    def extent(self) -> QRectF:
        """The visible part; the path on the screen is made here, once per view."""
        self._path = QPainterPath()
        if self._geometry.isEmpty():
            return QRectF()
        view = CanvasProjection(self.canvas, self._crs)
        geometry = QgsGeometry(self._geometry)
        if view.layer_to_map:
            geometry.transform(view.layer_to_map)
        self._path = view.map_to_screen.map(geometry.constGet().asQPainterPath())
        margin = self._pen.widthF() + 2
        return self._path.boundingRect().adjusted(-margin, -margin, margin, margin) & self.screen

    def draw(self, painter: QPainter) -> None:
        """Paint it."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(self._brush or Qt.BrushStyle.NoBrush)
        painter.setPen(self._pen)
        painter.drawPath(self._path)


def ground_item(canvas: QgsMapCanvas) -> ShapeItem:
    """For the ground that a camera sees."""
    return ShapeItem(canvas, QPen(QColor(0, 130, 170, 150), 1.0), _GROUND)


def cone_item(canvas: QgsMapCanvas) -> ShapeItem:
    """For the sector that a camera looks into."""
    return ShapeItem(canvas, QPen(_CONE, 2.0))


def skyline_item(canvas: QgsMapCanvas) -> ShapeItem:
    """For the terrain's skyline in the picture."""
    return ShapeItem(canvas, QPen(QColor(255, 60, 200), 1.5))


class PlaceItem(CanvasItem):
    """A mark at one place, of the same size on the screen at any scale."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._point: QgsPointXY | None = None
        self._crs = QgsCoordinateReferenceSystem()
        self._place = QPointF()

    @property
    def point(self) -> QgsPointXY | None:
        """Where it is, in its CRS."""
        return self._point

    def show(self, point: QgsPointXY | None, crs: QgsCoordinateReferenceSystem) -> None:
        """Show it at a point, or not at all."""
        if point is not None or self._point is not None:
            self._point, self._crs = point, crs
            self.refresh()

    def extent(self) -> QRectF:
        """Round the mark."""
        if self._point is None:
            return QRectF()
        self._place = CanvasProjection(self.canvas, self._crs).to_screen(self._point)
        size = QPointF(_MARGIN, _MARGIN)
        return QRectF(self._place - size, self._place + size)

    def draw(self, painter: QPainter) -> None:
        """Paint it, if it is shown."""
        if self._point is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.translate(self._place)
            self.mark(painter)

    def mark(self, painter: QPainter) -> None:
        """Paint it at the origin."""
        raise NotImplementedError


class StandItem(PlaceItem):
    """Where the camera stands."""

    ABOVE = 4

    def mark(self, painter: QPainter) -> None:
        """A camera: a box with a lens."""
        painter.setPen(QPen(_WHITE, 1.5))
        painter.setBrush(_DARK)
        painter.drawRoundedRect(QRectF(-10, -6, 20, 14), 3, 3)
        painter.drawRect(QRectF(-4, -9, 8, 4))
        painter.setBrush(_CONE)
        painter.drawEllipse(QPointF(0, 1), 4, 4)


class CrossItem(PlaceItem):
    """The place that the mouse is at on the other canvas."""

    ABOVE = 6

    def mark(self, painter: QPainter) -> None:
        """A cross, open in the middle."""
        for colour, width in ((_DARK, 4.0), (QColor(120, 255, 90), 2.0)):
            painter.setPen(QPen(colour, width))
            for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                step = QPointF(x, y)
                painter.drawLine(step * 4, step * (_MARGIN - 2))


def view_cone(camera: Camera, distance: float) -> QgsGeometry:
    """The sector that a camera looks into, as far as a distance in metres."""
    middle = (camera.height - 1) / 2
    u = np.linspace(-0.5, camera.width - 0.5, 49)
    azimuth, _ = camera.line_of_sight_angles(np.stack([u, np.full_like(u, middle)], axis=1))
    edge = [
        QgsPointXY(camera.x + distance * math.sin(angle), camera.y + distance * math.cos(angle))
        for angle in azimuth
        if math.isfinite(angle)
    ]
    return QgsGeometry.fromPolygonXY([[QgsPointXY(camera.x, camera.y), *edge]])


def skyline_lines(rows: NDArray) -> QgsGeometry:
    """The skyline of a picture, row per column with NaN, in its layer coordinates."""
    known = np.isfinite(rows)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    lines = [
        [QgsPointXY(u + 0.5, -(float(rows[u]) + 0.5)) for u in range(first, last)]
        for first, last in zip(edges[::2], edges[1::2])  # noqa: B905 (Python 3.9)
        if last - first > 1
    ]
    return QgsGeometry.fromMultiPolylineXY(lines)
