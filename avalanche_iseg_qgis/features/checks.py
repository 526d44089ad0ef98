"""What the user should know of a feature that has been added: what keeps it from being saved."""

from __future__ import annotations

from collections.abc import Mapping

from qgis.core import (
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsFeature,
    QgsFieldConstraints,
    QgsFields,
    QgsVectorLayer,
    QgsVectorLayerUtils,
)

from ..i18n import tr
from . import record

_STORED = (QgsFields.FieldOrigin.OriginProvider, QgsFields.FieldOrigin.OriginEdit)


def is_stored(layer: QgsVectorLayer, index: int) -> bool:
    """Return whether a field is the layer's own: neither joined nor computed."""
    return index >= 0 and layer.fields().fieldOrigin(index) in _STORED


def broken_constraints(layer: QgsVectorLayer, feature: QgsFeature) -> str:
    """Return which hard constraints of the layer a feature breaks, for the user; empty if none.

    Such a feature stays among the layer's unsaved edits until its values are right.
    """
    hard = QgsFieldConstraints.ConstraintStrength.ConstraintStrengthHard
    keys = layer.dataProvider().pkAttributeIndexes()
    faults = []
    for index, field in enumerate(layer.fields()):
        if index in keys or not is_stored(layer, index):
            continue
        holds, errors = QgsVectorLayerUtils.validateAttribute(layer, feature, index, hard)
        if not holds:
            faults.append(f"{field.name()}: {', '.join(errors)}")
    if not faults:
        return ""
    return tr(
        "The avalanche is in the layer {}, but its edits cannot be saved yet ({}). Change these "
        "values in the avalanche's form or in the layer's attribute table, then save."
    ).format(layer.name(), "; ".join(faults))


def hidden_by_filter(layer: QgsVectorLayer, feature: QgsFeature) -> str:
    """Return that the layer's filter hides a feature once it is saved; empty if it does not."""
    subset = layer.subsetString()
    if not subset:
        return ""
    expression = QgsExpression(subset)
    if not expression.hasParserError():
        scopes = QgsExpressionContextUtils.globalProjectLayerScopes(layer)
        context = QgsExpressionContext(scopes)
        context.setFeature(feature)
        shown = expression.evaluate(context)
        if not expression.hasEvalError() and shown:
            return ""
    return tr(
        "The layer {} has a filter ({}) that may hide this avalanche once its edits are saved. It "
        "is stored nevertheless: right click on the layer → Filter… shows it."
    ).format(layer.name(), subset)


def left_out(layer: QgsVectorLayer, feature: QgsFeature, attributes: Mapping[str, object]) -> str:
    """Return which values do not fit the layer's fields, for the user; empty if all do."""
    fields = layer.fields()
    names = [
        name
        for name, value in attributes.items()
        if value is not None
        and fields.indexOf(name) >= 0
        and is_stored(layer, fields.indexOf(name))
        and record.attribute_value(feature, name) is None
    ]
    if not names:
        return ""
    return tr(
        "The layer {} has no room for some values, which are left out: {}. Longer text fields, or "
        "a GeoPackage made by this plugin, keep them."
    ).format(layer.name(), ", ".join(names))
