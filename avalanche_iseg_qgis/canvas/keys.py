"""Keys of the map tool, handled only while the canvas has the focus."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import QEvent, QObject, QPoint, Qt, QTimer

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas
    from qgis.PyQt.QtGui import QKeyEvent

_MAX_SPACE = 0.5
"""Seconds; Space held longer pans the map."""

PLAIN, CONTROL, CONTROL_SHIFT = (False, False, False), (True, False, False), (True, True, False)
"""Modifiers: whether Control, Shift, and any of Alt and Meta are held."""

_ACTIONS = {
    (Qt.Key.Key_Return, PLAIN): "finish",
    (Qt.Key.Key_Enter, PLAIN): "finish",
    (Qt.Key.Key_Escape, PLAIN): "discard",
    (Qt.Key.Key_Backspace, PLAIN): "remove_last_click",
    (Qt.Key.Key_Z, CONTROL): "undo",
    (Qt.Key.Key_Z, CONTROL_SHIFT): "redo",
    (Qt.Key.Key_Y, CONTROL): "redo",
}


class KeyFilter(QObject):
    """Calls ``act`` with "finish", "discard", "undo", "redo" or "remove_last_click".

    QGIS pans while Space is held. Only a short press without movement finishes.
    """

    def __init__(self, canvas: QgsMapCanvas, act: Callable[[str], None]) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._act = act
        self._space: tuple[float, QPoint] | None = None

    def start(self) -> None:
        """Start to handle keys."""
        self._canvas.installEventFilter(self)

    def stop(self) -> None:
        """Stop handling keys."""
        self._canvas.removeEventFilter(self)
        self._space = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802, ARG002
        """Handle the canvas's events before it does; called by Qt."""
        kind = event.type()
        if kind in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            action = _ACTIONS.get(keys_of(event))
            if action and kind == QEvent.Type.KeyPress:
                self._act_later(action)
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
            if time.monotonic() - since < _MAX_SPACE and place == start:
                self._act_later("finish")

    def _act_later(self, action: str) -> None:
        """Act after the canvas has handled the event, for the action may open a dialog."""
        QTimer.singleShot(0, lambda: self._act(action))


def keys_of(event: QKeyEvent) -> tuple[int, tuple[bool, bool, bool]]:
    """Return the key, and the modifiers held with it as in `PLAIN`."""
    held = event.modifiers()
    control = bool(held & Qt.KeyboardModifier.ControlModifier)
    shift = bool(held & Qt.KeyboardModifier.ShiftModifier)
    others = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
    return event.key(), (control, shift, bool(held & others))
