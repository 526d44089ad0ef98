"""Actions with keys that users can change, in QGIS's keyboard shortcuts."""

from __future__ import annotations

from collections.abc import Callable

from qgis.gui import QgisInterface

from ..compat import QAction


class KeyActions:
    """Actions of QGIS's main window, added one by one and taken back together."""

    def __init__(self, iface: QgisInterface) -> None:
        self._iface = iface
        self.actions: list[QAction] = []

    def add(self, name: str, text: str, key: str, act: Callable[[], None]) -> QAction:
        """Add an action; the key holds until the user chooses another one, and may be empty."""
        window = self._iface.mainWindow()
        action = QAction(text, window)
        action.setObjectName(name)
        self._iface.registerMainWindowAction(action, key)
        window.addAction(action)
        action.triggered.connect(lambda _=False: act())
        self.actions.append(action)
        return action

    def enable(self, *, enabled: bool) -> None:
        """Take the keys, or leave them to others."""
        for action in self.actions:
            action.setEnabled(enabled)

    def close(self) -> None:
        """Take the actions back from QGIS."""
        for action in self.actions:
            self._iface.unregisterMainWindowAction(action)
            self._iface.mainWindow().removeAction(action)
            action.setParent(None)  # found by its name no more
            action.deleteLater()
