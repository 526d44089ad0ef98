"""What differs between Qt 5 (QGIS 3.22) and Qt 6 (QGIS 4)."""

from __future__ import annotations

try:
    from qgis.PyQt.QtGui import QAction
except ImportError:  # Qt 5 has it elsewhere
    from qgis.PyQt.QtWidgets import QAction

__all__ = ["QAction"]
