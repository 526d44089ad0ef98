"""Differences between Qt 5 (QGIS 3.22) and Qt 6 (QGIS 4)."""

from __future__ import annotations

try:
    from qgis.PyQt.QtGui import QAction
except ImportError:  # Qt 5
    from qgis.PyQt.QtWidgets import QAction

__all__ = ["QAction"]
