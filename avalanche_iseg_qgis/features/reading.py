"""Reading the features of a layer, all of them."""

from __future__ import annotations

from qgis.core import QgsFeatureIterator, QgsFeatureRequest, QgsVectorLayer

_CONNECTIONS = 5  # more than QGIS keeps to one file


def features_of(
    layer: QgsVectorLayer, request: QgsFeatureRequest | None = None
) -> QgsFeatureIterator:
    """Return the features of a layer.

    While the map is drawn, QGIS may keep connections to a GeoPackage from before an edit began or
    ended. Such a connection reads nothing, says nothing, and is dropped when it has failed: it
    fails here, and not in place of the features.
    """
    provider = layer.dataProvider()
    if provider.featureCount() > 0:
        for _ in range(_CONNECTIONS):
            look = QgsFeatureRequest().setLimit(1)
            if next(provider.getFeatures(look), None) is not None:
                break
    return layer.getFeatures(request or QgsFeatureRequest())
