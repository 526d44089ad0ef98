"""The map tool of the points, on the map and on the picture alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsPointXY
from qgis.gui import QgsMapTool, QgsMapToolEmitPoint
from qgis.PyQt.QtCore import QEvent, QObject, QPoint, Qt, pyqtSignal
from qgis.PyQt.QtGui import QCursor
from qgis.PyQt.QtWidgets import QApplication

from ...canvas.cursor import cross_cursor

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas, QgsMapMouseEvent

    from .point_items import PointsItem

_LEFT = Qt.MouseButton.LeftButton
_DELETE = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)


class PointTool(QgsMapTool):
    """Left click: a point, or selects one; left drag: moves one; Delete: takes the selected away.

    Everything else (wheel, middle button, Space, arrows) stays with the canvas.

    Signals
    -------
    clicked
        (QgsPointXY): a free place, in canvas coordinates.
    chosen
        (index).
    moved
        (index, QgsPointXY): while a point is dragged.
    deleted, left
        By the keys Delete and Escape.
    """

    clicked = pyqtSignal(QgsPointXY)
    chosen = pyqtSignal(int)
    moved = pyqtSignal(int, QgsPointXY)
    deleted = pyqtSignal()
    left = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas, item: PointsItem) -> None:
        super().__init__(canvas)
        self._canvas, self._item = canvas, item
        self._press: QPoint | None = None
        self._held: int | None = None
        self._offset = QPoint()  # from the mouse to the point that it holds
        self._dragged = False
        self._cross = cross_cursor()
        self._keys = _Keys(self)
        self.setCursor(self._cross)

    # --- called by QGIS ---------------------------------------------------------------------

    def activate(self) -> None:
        """Take the canvas."""
        super().activate()
        self._canvas.installEventFilter(self._keys)

    def deactivate(self) -> None:
        """Leave the canvas to another tool."""
        self._canvas.removeEventFilter(self._keys)
        self._press = None
        super().deactivate()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Begin a click or a drag."""
        if event.button() == _LEFT:
            self._canvas.setFocus()  # for the keys
            self._press, self._dragged = event.pixelPoint(), False
            self._held = self._item.hit(event.pixelPoint())
            if self._held is not None:
                self._offset = self._item.place(self._held) - self._press

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Drag, or show what could be grabbed."""
        if self._press is None:
            over = self._item.hit(event.pixelPoint()) is not None
            self.setCursor(QCursor(Qt.CursorShape.SizeAllCursor) if over else self._cross)
            return
        far = (event.pixelPoint() - self._press).manhattanLength()
        self._dragged = self._dragged or far > QApplication.startDragDistance()
        if self._dragged and self._held is not None:
            place = self.toMapCoordinates(event.pixelPoint() + self._offset)
            self.moved.emit(self._held, place)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """End a click or a drag."""
        if self._press is None or event.button() != _LEFT:
            return
        self._press = None
        if self._held is not None:
            if self._dragged:  # the mouse may be let go of elsewhere than it was seen last
                place = self.toMapCoordinates(event.pixelPoint() + self._offset)
                self.moved.emit(self._held, place)
            self.chosen.emit(self._held)
        elif not self._dragged:
            self.clicked.emit(self.toMapCoordinates(event.pixelPoint()))

    # --- called by the keys -----------------------------------------------------------------

    def act(self, key: int) -> bool:
        """Do what a key says; whether it says anything."""
        if key in _DELETE:
            self.deleted.emit()
        elif key == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            return False
        return True


class StandTool(QgsMapToolEmitPoint):
    """One click on the map: where the camera stands."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(cross_cursor())


class _Keys(QObject):
    """Takes the tool's keys before QGIS does, only while the canvas has the focus."""

    def __init__(self, tool: PointTool) -> None:
        super().__init__(tool)
        self._tool = tool

    def eventFilter(self, watched, event) -> bool:  # noqa: N802, ARG002
        """See the canvas's events before it does; called by Qt."""
        if event.type() == QEvent.Type.ShortcutOverride:
            if event.key() in (*_DELETE, Qt.Key.Key_Escape):
                event.accept()
                return True
        elif event.type() == QEvent.Type.KeyPress:
            return self._tool.act(event.key())
        return False
