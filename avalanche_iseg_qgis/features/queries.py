"""The finished objects of an image: features of the project's layers that were made from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qgis.core import (
    QgsExpression,
    QgsFeature,
    QgsFeatureRequest,
    QgsProject,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ..i18n import tr
from ..session.draft import FeatureRef
from . import record, schema


@dataclass(frozen=True)
class AvalancheEntry:
    """One feature, with what the list shows of it."""

    home: FeatureRef
    number: int
    kind: str
    clicks: int | None
    seconds: float | None
    area: float | None
    plain: bool

    def texts(self) -> tuple[str, str, str, str]:
        """For the columns of the list."""
        name = tr("{} {}").format(self.number, self.kind).strip()
        area = ""
        if self.area is not None:
            area = f"{self.area:,.0f} px²" if self.plain else f"{self.area / 1e4:,.2f} ha"
        return (
            name,
            "" if self.clicks is None else str(self.clicks),
            "" if self.seconds is None else f"{self.seconds:.0f}",
            area,
        )


def layers_of(project: QgsProject) -> Iterator[QgsVectorLayer]:
    """Layers that may hold objects of ours."""
    for layer in project.mapLayers().values():
        if (
            isinstance(layer, QgsVectorLayer)
            and layer.isValid()
            and layer.geometryType() == QgsWkbTypes.GeometryType.PolygonGeometry
            and layer.fields().indexOf(schema.PROMPTS) >= 0
        ):
            yield layer


def find_feature(home: FeatureRef) -> tuple[QgsVectorLayer, QgsFeature] | None:
    """The feature and its layer; None if either is gone."""
    layer = QgsProject.instance().mapLayer(home.layer_id)
    if layer is None:
        return None
    if home.uuid:
        same = QgsExpression.createFieldEqualityExpression(schema.UUID, home.uuid)
        feature = next(layer.getFeatures(QgsFeatureRequest(QgsExpression(same))), None)
    else:
        feature = layer.getFeature(home.feature_id)
    return (layer, feature) if feature is not None and feature.isValid() else None


def feature_ref(layer: QgsVectorLayer, feature: QgsFeature) -> FeatureRef:
    """How to find the feature again."""
    return FeatureRef(
        layer.id(), feature.id(), str(record.attribute_value(feature, schema.UUID) or "")
    )


def entries_of(project: QgsProject, image_name: str, sha256: str | None) -> list[AvalancheEntry]:
    """The objects of an image, in the order of their layers and features.

    An avalanche on the map whose outline in the picture is kept beside it is one object: the one
    on the map.
    """
    entries: list[AvalancheEntry] = []
    known: set[str] = set()
    for layer in sorted(layers_of(project), key=lambda layer: not layer.crs().isValid()):
        for feature in layer.getFeatures():
            home = feature_ref(layer, feature)
            if record.is_from_image(feature, image_name, sha256) and home.uuid not in known:
                entries.append(_entry(layer, feature, len(entries) + 1))
                known.update({home.uuid} - {""})
    return entries


def photo_twin(home: FeatureRef) -> tuple[QgsVectorLayer, QgsFeature] | None:
    """The outline in the picture of an avalanche on the map; None if it has none."""
    for layer in layers_of(QgsProject.instance()):
        if home.uuid and layer.id() != home.layer_id and not layer.crs().isValid():
            found = find_feature(FeatureRef(layer.id(), -1, home.uuid))
            if found:
                return found
    return None


def _entry(layer: QgsVectorLayer, feature: QgsFeature, number: int) -> AvalancheEntry:
    plain = not layer.crs().isValid()
    area = feature.geometry().area() if plain else record.attribute_value(feature, "area_m2")
    return AvalancheEntry(
        feature_ref(layer, feature),
        number,
        str(record.attribute_value(feature, "type") or ""),
        record.attribute_value(feature, "n_clicks"),
        record.attribute_value(feature, "seconds"),
        area,
        plain,
    )
