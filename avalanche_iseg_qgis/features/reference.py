"""From features to references and back."""

from __future__ import annotations

from qgis.core import QgsExpression, QgsFeature, QgsFeatureRequest, QgsProject, QgsVectorLayer

from ..session.draft import FeatureRef
from . import record, schema
from .checks import is_stored
from .reading import features_of


def feature_ref(layer: QgsVectorLayer, feature: QgsFeature) -> FeatureRef:
    """Return a reference by which a feature is found again."""
    uuid = ""
    if is_stored(layer, layer.fields().indexOf(schema.UUID)):  # a computed one may change
        uuid = str(record.attribute_value(feature, schema.UUID) or "")
    return FeatureRef(layer.id(), feature.id(), uuid)


def resolve(ref: FeatureRef) -> tuple[QgsVectorLayer, QgsFeature] | None:
    """Return the layer and the feature of a reference; None if either is gone."""
    layer = QgsProject.instance().mapLayer(ref.layer_id)
    if layer is None:
        return None
    if ref.uuid:
        same = QgsExpression.createFieldEqualityExpression(schema.UUID, ref.uuid)
        feature = next(features_of(layer, QgsFeatureRequest(QgsExpression(same))), None)
    else:
        feature = layer.getFeature(ref.feature_id)
    return (layer, feature) if feature is not None and feature.isValid() else None
