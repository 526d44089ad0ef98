"""Outlines that were edited by hand after they were made from their prompts."""

from __future__ import annotations

from qgis.core import QgsFeature, QgsVectorLayer

from . import record, schema
from .geometry import area_m2

_LEAST, _SHARE = 0.1, 1e-4  # square metres, and share of the area: how it is rounded


def area_differs(layer: QgsVectorLayer, feature: QgsFeature) -> bool:
    """Return whether the area of an outline is not the one that was noted when it was made.

    QGIS's tools change the outline and leave the attribute. Photos have no area.
    """
    known = record.attribute_value(feature, schema.AREA)
    area = area_m2(feature.geometry(), layer.crs())
    if known is None or area is None:
        return False
    return bool(abs(area - float(known)) > max(_LEAST, _SHARE * area))
