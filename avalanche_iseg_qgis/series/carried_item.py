"""Carried outlines on the canvas: dashed, coloured by how well they fit, with their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPainterPath, QPen

from ..canvas.outline_item import GeometryItem

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas

    from ..layers.grid import Grid
    from .outlines import OutlineProposal

_DARK = QColor(20, 20, 30, 210)
_FITS, _DOUBTFUL = QColor("#7ee36b"), QColor("#ff7a5c")
_WIDTH, _CHOSEN_WIDTH, _EDGE = 1.8, 3.4, 2.0  # pixels
_ROOM = 60.0  # pixels round an outline that its label may take


class CarriedItem(GeometryItem):
    """Canvas item of one carried outline."""

    Z_VALUE = 3

    def __init__(self, canvas: QgsMapCanvas, outline: OutlineProposal, grid: Grid) -> None:
        super().__init__(canvas, _ROOM)
        self.label = f"{outline.number}: {100 * outline.confidence:.0f} %"
        self._colour = _FITS if outline.fits else _DOUBTFUL
        self._is_chosen = False
        self.show(outline.geometry(grid), grid.crs)

    def choose(self, *, chosen: bool) -> None:
        """Draw it as the one that is chosen in the panel, or as one of the others."""
        self._is_chosen = chosen
        self.refresh()

    def draw(self, painter: QPainter) -> None:
        """Paint the line and the label above it."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        width = _CHOSEN_WIDTH if self._is_chosen else _WIDTH
        painter.setPen(QPen(_DARK, width + _EDGE))
        painter.drawPath(self.path)
        pen = QPen(self._colour, width)
        pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.drawPath(self.path)
        self._draw_label(painter)

    def _draw_label(self, painter: QPainter) -> None:
        if self.path.isEmpty():
            return
        box, metrics = self.path.boundingRect(), painter.fontMetrics()
        size = metrics.boundingRect(self.label).size()
        place = QPointF(box.center().x() - size.width() / 2, box.top() - 6)
        shown = QRectF(self.screen).adjusted(4, size.height() + 4.0, -size.width() - 4.0, -4)
        place.setX(min(max(place.x(), shown.left()), shown.right()))
        place.setY(min(max(place.y(), shown.top()), shown.bottom()))
        text = QPainterPath()
        text.addText(place, painter.font(), self.label)
        painter.setPen(QPen(_DARK, 3.5))
        painter.drawPath(text)
        painter.fillPath(text, self._colour)
