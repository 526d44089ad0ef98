"""Where layers come in the layer tree: images lie below the avalanches that are mapped in them."""

from __future__ import annotations

from qgis.core import QgsMapLayer, QgsProject, QgsRasterLayer, QgsVectorLayer

from ..layers.kinds import is_photo
from .queries import find_layers


def add_image(layer: QgsRasterLayer, before: QgsMapLayer | None = None) -> None:
    """Add an image to the project; QGIS alone would put it above the layer that is active.

    Parameters
    ----------
    layer
        Comes below all layers of avalanches that are drawn on it.
    before
        Layer of the project whose place it takes, unless that covers avalanches.
    """
    project = QgsProject.instance()
    root = project.layerTreeRoot()
    on_map = not is_photo(layer)
    places = [(each, 1) for each in find_layers(project) if each.crs().isValid() == on_map]
    places += [(before, 0)] if before is not None else []
    order = [each.id() for each in root.layerOrder()]
    places = [place for place in places if place[0].id() in order]
    project.addMapLayer(layer, not places)
    if places:
        neighbour, below = max(places, key=lambda place: order.index(place[0].id()))
        node = root.findLayer(neighbour.id())
        group = node.parent()
        row = group.children().index(node) + below
        group.insertLayer(row, layer).setExpanded(False)


def add_avalanches(layer: QgsVectorLayer) -> None:
    """Add a layer of avalanches to the project, above all others."""
    project = QgsProject.instance()
    project.addMapLayer(layer, False)
    project.layerTreeRoot().insertLayer(0, layer)
