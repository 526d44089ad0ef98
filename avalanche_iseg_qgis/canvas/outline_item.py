"""Geometries on the canvas; the outline of the current object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry
from qgis.PyQt.QtCore import QRectF, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPainterPath, QPen

from .item import CanvasItem
from .placement import CanvasProjection

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas

_DARK = QColor(20, 20, 30, 200)
_WIDTH, _DARK_WIDTH = 1.5, 3.5


class GeometryItem(CanvasItem):
    """Canvas item of a geometry; a subclass paints `path`, its path on the screen."""

    def __init__(self, canvas: QgsMapCanvas, margin: float) -> None:
        super().__init__(canvas)
        self._margin = margin  # by which lines are wider than the geometry
        self._geometry = QgsGeometry()
        self._crs = QgsCoordinateReferenceSystem()
        self.path = QPainterPath()

    @property
    def geometry(self) -> QgsGeometry:
        """The geometry shown, in its own CRS."""
        return self._geometry

    def show(self, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> None:
        """Show a geometry in coordinates of a CRS, which is invalid for photos."""
        self._geometry, self._crs = QgsGeometry(geometry), crs
        self.refresh()

    def clear(self) -> None:
        """Show nothing."""
        self._geometry = QgsGeometry()
        self.refresh()

    def extent(self) -> QRectF:
        """Return the visible part; makes the path on the screen, once per map view."""
        self.path = QPainterPath()
        if self._geometry.isEmpty():
            return QRectF()
        projection = CanvasProjection(self.canvas, self._crs)
        geometry = QgsGeometry(self._geometry)
        if projection.layer_to_map:
            geometry.transform(projection.layer_to_map)
        path = geometry.constGet().asQPainterPath()
        self.path = projection.map_to_screen.map(path)
        margin = self._margin
        return self.path.boundingRect().adjusted(-margin, -margin, margin, margin) & self.screen


class OutlineItem(GeometryItem):
    """Canvas item of polygons: a thin line, bright on dark, visible on snow and on rock."""

    Z_VALUE = 2

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas, _DARK_WIDTH)
        self.colour = QColor(0, 230, 255)

    def draw(self, painter: QPainter) -> None:
        """Paint the line."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((_DARK, _DARK_WIDTH), (self.colour, _WIDTH)):
            painter.setPen(QPen(colour, width))
            painter.drawPath(self.path)
