"""What a second person says of an avalanche: fields, states, and when a review does not hold."""

from __future__ import annotations

from datetime import datetime, timezone

from qgis.core import QgsFeature, QgsVectorLayer
from qgis.PyQt.QtCore import QDateTime, Qt

from . import record, schema
from .schema import Attribute

ACCEPTED, REJECTED, TO_REVIEW = "accepted", "rejected", ""
FIELDS = (schema.REVIEW, schema.REVIEW_REASON, schema.REVIEWED_BY, schema.REVIEWED_AT)


def state_of(feature: QgsFeature) -> str:
    """Return ACCEPTED, REJECTED or TO_REVIEW; any other code counts as the last one."""
    state = record.attribute_value(feature, schema.REVIEW)
    return state if state in (ACCEPTED, REJECTED) else TO_REVIEW


def review_values(state: str, reason: str) -> dict[str, object]:
    """Return the attributes of a review of this moment by this person; none of TO_REVIEW."""
    if state == TO_REVIEW:
        return dict.fromkeys(FIELDS)
    now = round(datetime.now(timezone.utc).timestamp()) * 1000
    return {
        schema.REVIEW: state,
        schema.REVIEW_REASON: reason or None,
        schema.REVIEWED_BY: record.mapper_name(),
        schema.REVIEWED_AT: QDateTime.fromMSecsSinceEpoch(now, Qt.TimeSpec.UTC),
    }


def is_own(feature: QgsFeature) -> bool:
    """Return whether an avalanche was mapped by the person who reviews it."""
    return bool(record.attribute_value(feature, schema.MAPPER) == record.mapper_name())


def lacking_fields(layer: QgsVectorLayer) -> list[Attribute]:
    """Return the fields of a review that a layer lacks: older files do not have all of them."""
    known = set(layer.fields().names())
    return [
        each for each in schema.all_attributes() if each.name in FIELDS and each.name not in known
    ]


def take_back(layer: QgsVectorLayer, fid: int) -> bool:
    """Take back the review of a feature in the edit that is under way; return if it had one."""
    if state_of(layer.getFeature(fid)) == TO_REVIEW:
        return False
    for name in FIELDS:
        index = layer.fields().indexOf(name)
        if index >= 0:
            layer.changeAttributeValue(fid, index, None)
    return True


def changed_since_review(layer: QgsVectorLayer) -> list[int]:
    """Return the features whose unsaved outlines are newer than their reviews.

    Those that were reviewed among the same edits are not.
    """
    buffer = layer.editBuffer()
    if buffer is None:
        return []
    names = (schema.REVIEW, schema.REVIEWED_AT)
    indexes = {layer.fields().indexOf(name) for name in names} - {-1}
    attributes = buffer.changedAttributeValues()
    return [
        fid
        for fid in buffer.changedGeometries()
        if indexes and not indexes & set(attributes.get(fid, {}))
    ]
