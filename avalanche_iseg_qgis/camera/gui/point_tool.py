"""The map tool for points, in the photo and on the map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsPointXY
from qgis.gui import QgsMapTool
from qgis.PyQt.QtCore import QEvent, QObject, QPoint, Qt, pyqtSignal
from qgis.PyQt.QtGui import QCursor, QKeyEvent
from qgis.PyQt.QtWidgets import QApplication

from ...canvas.cursor import cross_cursor
from ...canvas.keys import CONTROL, CONTROL_SHIFT, PLAIN, keys_of

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas, QgsMapMouseEvent

    from .point_items import PointsItem

_LEFT = Qt.MouseButton.LeftButton
_KEY_DOWN = (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress)


class PointTool(QgsMapTool):
    """Left click adds a point or selects one, left drag moves one, Delete removes the selected.

    Wheel, middle button, Space and arrows stay with the canvas.

    Signals
    -------
    clicked
        (QgsPointXY): a free place, in canvas coordinates.
    selected
        (index).
    moved
        (index, QgsPointXY): while a point is dragged.
    deleted, cancelled, undone, redone
        By the keys Delete, Escape, Ctrl+Z and Ctrl+Shift+Z.
    """

    clicked = pyqtSignal(QgsPointXY)
    selected = pyqtSignal(int)
    moved = pyqtSignal(int, QgsPointXY)
    deleted = pyqtSignal()
    cancelled = pyqtSignal()
    undone = pyqtSignal()
    redone = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas, item: PointsItem) -> None:
        super().__init__(canvas)
        self._canvas, self._item = canvas, item
        self._press: QPoint | None = None
        self._dragged_point: int | None = None
        self._offset = QPoint()  # from the mouse to that point
        self._moved = False
        self._cross = cross_cursor()
        self._signals = {
            (Qt.Key.Key_Delete, PLAIN): self.deleted,
            (Qt.Key.Key_Backspace, PLAIN): self.deleted,
            (Qt.Key.Key_Escape, PLAIN): self.cancelled,
            (Qt.Key.Key_Z, CONTROL): self.undone,
            (Qt.Key.Key_Z, CONTROL_SHIFT): self.redone,
            (Qt.Key.Key_Y, CONTROL): self.redone,
        }
        self.setCursor(self._cross)

    # --- called by QGIS ---------------------------------------------------------------------

    def activate(self) -> None:
        """Begin on the canvas."""
        super().activate()
        self._canvas.installEventFilter(self)

    def deactivate(self) -> None:
        """End on the canvas: another tool is set."""
        self._canvas.removeEventFilter(self)
        self._press = None
        super().deactivate()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Begin a click or a drag."""
        if event.button() == _LEFT:
            self._canvas.setFocus()  # for the keys
            self._press, self._moved = event.pixelPoint(), False
            self._dragged_point = self._item.hit(event.pixelPoint())
            if self._dragged_point is not None:
                self._offset = self._item.place(self._dragged_point) - self._press

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Drag, or show by the cursor what can be dragged."""
        if self._press is None:
            over = self._item.hit(event.pixelPoint()) is not None
            self.setCursor(QCursor(Qt.CursorShape.SizeAllCursor) if over else self._cross)
            return
        far = (event.pixelPoint() - self._press).manhattanLength()
        self._moved = self._moved or far > QApplication.startDragDistance()
        if self._moved and self._dragged_point is not None:
            place = self.toMapCoordinates(event.pixelPoint() + self._offset)
            self.moved.emit(self._dragged_point, place)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """End a click or a drag."""
        if self._press is None or event.button() != _LEFT:
            return
        self._press = None
        if self._dragged_point is not None:
            if self._moved:  # the last move may have been elsewhere
                place = self.toMapCoordinates(event.pixelPoint() + self._offset)
                self.moved.emit(self._dragged_point, place)
            self.selected.emit(self._dragged_point)
        elif not self._moved:
            self.clicked.emit(self.toMapCoordinates(event.pixelPoint()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802, ARG002
        """Handle the tool's keys before QGIS does, while the canvas has the focus."""
        kind = event.type()
        if kind not in _KEY_DOWN or not isinstance(event, QKeyEvent):
            return False
        signal = self._signals.get(keys_of(event))
        if signal is None:
            return False
        if kind == QEvent.Type.ShortcutOverride:
            event.accept()
        else:
            signal.emit()
        return True
