"""What all things drawn on the canvas have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import Qgis, QgsCsException, QgsMessageLog
from qgis.gui import QgsMapCanvasItem
from qgis.PyQt.QtCore import QRectF

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas
    from qgis.PyQt.QtGui import QPainter


class CanvasItem(QgsMapCanvasItem):
    """Drawn in screen coordinates; knows what part of the screen it needs, and never raises.

    A subclass has `extent` (its rectangle on the screen) and `draw`, and says how far ABOVE the map
    it lies.
    """

    Z_VALUE = 0
    _bounds = QRectF()

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.canvas = canvas
        self.setZValue(self.Z_VALUE)

    def extent(self) -> QRectF:
        """The part of the screen that `draw` paints on, as things are now."""
        raise NotImplementedError

    def draw(self, painter: QPainter) -> None:
        """Paint in screen coordinates."""
        raise NotImplementedError

    @property
    def screen(self) -> QRectF:
        """The whole canvas."""
        return QRectF(self.canvas.viewport().rect())

    def refresh(self) -> None:
        """Repaint after a change of what is shown."""
        self.updatePosition()
        self.update()

    def close(self) -> None:
        """Take it off the canvas for good."""
        if self.scene():
            self.scene().removeItem(self)

    def updatePosition(self) -> None:  # noqa: N802
        """Follow the canvas; called by QGIS."""
        self.prepareGeometryChange()
        try:
            self._bounds = self.extent()
        except QgsCsException:  # too far from where the project's CRS is good
            self._bounds = QRectF()

    def boundingRect(self) -> QRectF:  # noqa: N802
        """What is repainted; called by Qt."""
        return self._bounds

    def paint(self, painter: QPainter, option=None, widget=None) -> None:  # noqa: ARG002
        """Draw, or log why not; called by Qt, which an exception would take down."""
        painter.save()
        try:
            self.draw(painter)
        except Exception as error:
            text = f"{type(self).__name__} was not drawn: {error!r}"
            QgsMessageLog.logMessage(text, "Avalanche ISeg", Qgis.MessageLevel.Warning)
        painter.restore()
