"""Keys of the map tool: taken only while the canvas has the focus, so QGIS keeps its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import QEvent, QObject, QPoint, Qt, QTimer

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas
    from qgis.PyQt.QtGui import QKeyEvent

_TAP = 0.5
"""Seconds: Space held longer is for panning."""

_PLAIN, _CONTROL, _CONTROL_SHIFT = (False, False), (True, False), (True, True)
_ACTIONS = {
    (Qt.Key.Key_Return, _PLAIN): "finish",
    (Qt.Key.Key_Enter, _PLAIN): "finish",
    (Qt.Key.Key_Escape, _PLAIN): "discard",
    (Qt.Key.Key_Backspace, _PLAIN): "remove_last_click",
    (Qt.Key.Key_Z, _CONTROL): "undo",
    (Qt.Key.Key_Z, _CONTROL_SHIFT): "redo",
    (Qt.Key.Key_Y, _CONTROL): "redo",
}


class KeyFilter(QObject):
    """Calls ``act`` with "finish", "discard", "undo", "redo" or "remove_last_click".

    Space is QGIS's own: held, it pans. Only a tap that moves nothing finishes.
    """

    def __init__(self, canvas: QgsMapCanvas, act: Callable[[str], None]) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._act = act
        self._space: tuple[float, QPoint] | None = None

    def start(self) -> None:
        """Listen."""
        self._canvas.installEventFilter(self)

    def stop(self) -> None:
        """Listen no more."""
        self._canvas.removeEventFilter(self)
        self._space = None

    def eventFilter(self, watched, event) -> bool:  # noqa: N802, ARG002
        """See the canvas's events before it does; called by Qt."""
        kind = event.type()
        if kind in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            action = _action(event)
            if action and kind == QEvent.Type.KeyPress:
                self._later(action)
            if action:
                event.accept()
                return True
        if kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            self._watch_space(event, kind == QEvent.Type.KeyPress)
        return False

    def _watch_space(self, event: QKeyEvent, pressed: bool) -> None:
        if event.key() != Qt.Key.Key_Space or event.isAutoRepeat():
            return
        place = self._canvas.mouseLastXY()
        if pressed:
            self._space = (time.monotonic(), place)
        elif self._space:
            since, start = self._space
            self._space = None
            if time.monotonic() - since < _TAP and place == start:
                self._later("finish")

    def _later(self, action: str) -> None:
        """Act when the canvas is done with the event: a question may be asked then."""
        QTimer.singleShot(0, lambda: self._act(action))


def _action(event: QKeyEvent) -> str | None:
    held = event.modifiers()
    if held & (Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier):
        return None
    control = bool(held & Qt.KeyboardModifier.ControlModifier)
    shift = bool(held & Qt.KeyboardModifier.ShiftModifier)
    return _ACTIONS.get((event.key(), (control, shift)))
