"""Following of the project's layers of avalanches, those that come later too."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from qgis.core import QgsMapLayer, QgsProject, QgsVectorLayer
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject

from .queries import find_layers

Connections = Sequence[tuple[Any, Any]]
"""Signals of a layer, each with its slot."""


class LayerFollower(QObject):
    """Base of what listens to all layers of avalanches; subclasses state `connections`."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._followed: list[QgsVectorLayer] = []

    def connections(self, layer: QgsVectorLayer) -> Connections:
        """Return what is connected with a layer."""
        raise NotImplementedError

    def begin(self, layer: QgsVectorLayer) -> None:
        """Begin with a layer; called once, when it is there."""

    def start(self) -> None:
        """Follow the layers that are there, and those that will be."""
        QgsProject.instance().layersAdded.connect(self._on_layers_added)
        self._on_layers_added(())

    def close(self) -> None:
        """Let all layers go."""
        QgsProject.instance().layersAdded.disconnect(self._on_layers_added)
        for layer in self.layers():
            for signal, slot in self.connections(layer):
                signal.disconnect(slot)
        self._followed.clear()

    def layers(self) -> list[QgsVectorLayer]:
        """Return the layers that are followed and still there."""
        self._followed = [layer for layer in self._followed if not sip.isdeleted(layer)]
        return self._followed

    def _on_layers_added(self, _layers: Collection[QgsMapLayer]) -> None:
        known = self.layers()
        for layer in find_layers(QgsProject.instance()):
            if layer not in known:
                known.append(layer)
                for signal, slot in self.connections(layer):
                    signal.connect(slot)
                self.begin(layer)
