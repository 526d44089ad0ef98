"""Base class of the canvas items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import Qgis, QgsCsException, QgsMessageLog
from qgis.gui import QgsMapCanvasItem
from qgis.PyQt.QtCore import QRectF

from ..messages import TITLE

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas
    from qgis.PyQt.QtGui import QPainter


class CanvasItem(QgsMapCanvasItem):
    """Canvas item in screen coordinates; errors while drawing are logged, never raised.

    A subclass implements `extent` and `draw`, and sets its Z_VALUE above the map.
    """

    Z_VALUE = 0
    _bounds = QRectF()

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.canvas = canvas
        self.setZValue(self.Z_VALUE)

    def extent(self) -> QRectF:
        """Return the rectangle on the screen that `draw` paints on."""
        raise NotImplementedError

    def draw(self, painter: QPainter) -> None:
        """Paint in screen coordinates."""
        raise NotImplementedError

    @property
    def screen(self) -> QRectF:
        """The whole canvas."""
        return QRectF(self.canvas.viewport().rect())

    def refresh(self) -> None:
        """Repaint after a change of the content."""
        self.updatePosition()
        self.update()

    def close(self) -> None:
        """Remove the item from the canvas for good."""
        if self.scene():
            self.scene().removeItem(self)

    def updatePosition(self) -> None:  # noqa: N802
        """Follow the canvas; called by QGIS."""
        self.prepareGeometryChange()
        try:
            self._bounds = self.extent()
        except QgsCsException:  # outside of the area of the project's CRS
            self._bounds = QRectF()

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return the rectangle that is repainted; called by Qt."""
        return self._bounds

    def paint(self, painter: QPainter, *_unused: object) -> None:
        """Draw, or log an error; called by Qt, where an exception would end QGIS."""
        painter.save()
        try:
            self.draw(painter)
        except Exception as error:
            text = f"{type(self).__name__} was not drawn: {error!r}"
            QgsMessageLog.logMessage(text, TITLE, Qgis.MessageLevel.Warning)
        painter.restore()
