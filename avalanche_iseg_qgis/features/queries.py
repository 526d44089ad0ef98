"""Features of the project's layers that were made from an image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qgis.core import QgsFeature, QgsProject, QgsVectorLayer, QgsWkbTypes

from ..i18n import tr
from ..session.draft import FeatureRef
from . import record, schema
from .reference import feature_ref, resolve


@dataclass(frozen=True)
class AvalancheEntry:
    """One feature, with what the list shows of it."""

    feature_ref: FeatureRef
    number: int
    kind: str
    clicks: int | None
    seconds: float | None
    area: float | None
    plain: bool

    def texts(self) -> tuple[str, str, str, str]:
        """Return the texts of the columns of the list."""
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


def find_layers(project: QgsProject) -> Iterator[QgsVectorLayer]:
    """Yield the layers that may hold our features."""
    for layer in project.mapLayers().values():
        if (
            isinstance(layer, QgsVectorLayer)
            and layer.isValid()
            and layer.geometryType() == QgsWkbTypes.GeometryType.PolygonGeometry
            and layer.fields().indexOf(schema.PROMPTS) >= 0
        ):
            yield layer


def list_entries(project: QgsProject, image_name: str, sha256: str | None) -> list[AvalancheEntry]:
    """Return the avalanches of an image, in the order of their layers and features.

    An avalanche on the map whose outline in the photo is stored beside it is one entry: the one on
    the map.
    """
    entries: list[AvalancheEntry] = []
    known: set[str] = set()
    for layer in sorted(find_layers(project), key=lambda layer: not layer.crs().isValid()):
        for feature in layer.getFeatures():
            ref = feature_ref(layer, feature)
            if record.is_from_image(feature, image_name, sha256) and ref.uuid not in known:
                entries.append(_entry(layer, feature, len(entries) + 1))
                known.update({ref.uuid} - {""})
    return entries


def find_photo_twin(ref: FeatureRef) -> tuple[QgsVectorLayer, QgsFeature] | None:
    """Return the outline in the photo of an avalanche on the map; None if it has none."""
    for layer in find_layers(QgsProject.instance()):
        if ref.uuid and layer.id() != ref.layer_id and not layer.crs().isValid():
            found = resolve(FeatureRef(layer.id(), -1, ref.uuid))
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
