"""`qgis.gui`: each class is the one of Qt that QGIS builds it on, and has every attribute more."""

from __future__ import annotations

import functools

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QComboBox, QDockWidget, QGraphicsItem, QGraphicsView, QGroupBox, QWidget

from qgis.names import ask_nothing

_BUILT_ON = {
    "QgsCollapsibleGroupBox": QGroupBox,
    "QgsCollapsibleGroupBoxBasic": QGroupBox,
    "QgsDockWidget": QDockWidget,
    "QgsMapCanvas": QGraphicsView,
    "QgsMapCanvasItem": QGraphicsItem,
    "QgsMapLayerComboBox": QComboBox,
    "QgsMapTool": QObject,
    "QgsMapToolEmitPoint": QObject,
    "QgsMapToolPan": QObject,
    "QgsOptionsWidgetFactory": QObject,
}


class QgsProjectionSelectionWidget(ask_nothing("QgsProjectionSelectionWidget", QWidget)):
    """It chooses in a box, which the plugin widens."""

    def __init__(self) -> None:
        super().__init__()
        QComboBox(self)


@functools.cache
def __getattr__(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return ask_nothing(name, _BUILT_ON.get(name, QWidget))
