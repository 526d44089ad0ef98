"""What differs between Qt 5 (QGIS 3.22) and Qt 6 (QGIS 4)."""

from __future__ import annotations

try:
    from qgis.PyQt.QtGui import QAction, QActionGroup, QShortcut
except ImportError:  # Qt 5 has them elsewhere
    from qgis.PyQt.QtWidgets import QAction, QActionGroup, QShortcut

__all__ = ["QAction", "QActionGroup", "QShortcut", "position"]


def position(event):
    """Where a mouse event is, as a QPoint of the widget."""
    return event.position().toPoint() if hasattr(event, "position") else event.pos()
