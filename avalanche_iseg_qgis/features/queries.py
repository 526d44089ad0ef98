"""Features of the project's layers that were made from an image."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from qgis.core import (
    QgsExpression,
    QgsFeature,
    QgsFeatureRequest,
    QgsProject,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDateTime, pyqtBoundSignal

from ..i18n import tr
from ..session.draft import FeatureRef
from . import record, reviews, schema
from .geometry import area_m2
from .reading import features_of
from .reference import feature_ref, resolve


@dataclass(frozen=True)
class AvalancheEntry:
    """One feature, with what the list shows of it.

    Attributes
    ----------
    number
        Its name in the list: 1 for the one made first.
    kind
        Label of the type of the avalanche; name of the layer for a feature of a foreign one.
    review
        Code of its review, see `reviews`; None for a feature of a foreign layer.
    """

    feature_ref: FeatureRef
    number: int
    kind: str
    clicks: int | None
    seconds: float | None
    area: float | None
    plain: bool
    review: str | None = None

    @property
    def key(self) -> str:
        """What tells it from all others, also after it was saved to its file."""
        return self.feature_ref.key

    @property
    def name(self) -> str:
        """Number and kind."""
        return tr("{} {}").format(self.number, self.kind).strip()

    def texts(self) -> tuple[str, str, str, str, str]:
        """Return the texts of the columns of the list."""
        area = ""
        if self.area is not None:
            area = f"{self.area:,.0f} px²" if self.plain else f"{self.area / 1e4:,.2f} ha"
        return (
            self.name,
            str(self.clicks or "–"),  # by a box or an outline that was there
            "" if self.seconds is None else f"{self.seconds:.0f}",
            area,
            schema.review_states().get(self.review or "", ""),
        )


def find_layers(project: QgsProject) -> Iterator[QgsVectorLayer]:
    """Yield the layers that may hold our features."""
    for layer in project.mapLayers().values():
        if (
            isinstance(layer, QgsVectorLayer)
            and layer.isValid()
            and layer.geometryType() == QgsWkbTypes.GeometryType.PolygonGeometry
            and is_ours(layer)
        ):
            yield layer


def is_ours(layer: QgsVectorLayer) -> bool:
    """Return whether a layer has our attributes; fields of equal names elsewhere may differ."""
    return bool(layer.fields().indexOf(schema.PROMPTS) >= 0)


def edit_signals(layer: QgsVectorLayer) -> tuple[pyqtBoundSignal, ...]:
    """Return the signals of a layer after which its features may be others."""
    return (
        layer.featureAdded,
        layer.featureDeleted,
        layer.geometryChanged,
        layer.attributeValueChanged,
        layer.afterCommitChanges,
        layer.afterRollBack,
        layer.editingStopped,
    )


def list_entries(
    project: QgsProject, image_name: str, sha256: str | None, others: Collection[FeatureRef] = ()
) -> list[AvalancheEntry]:
    """Return the avalanches of an image, numbered in the order in which they were made.

    An avalanche on the map whose outline in the photo is stored beside it is one entry: the one on
    the map. ``others`` are features of foreign layers that were corrected in the image.
    """
    found: list[tuple[QgsVectorLayer, QgsFeature]] = []
    known: set[str] = set()
    for layer in sorted(find_layers(project), key=lambda layer: not layer.crs().isValid()):
        for feature in features_of(layer):
            ref = feature_ref(layer, feature)
            if record.is_from_image(feature, image_name, sha256) and ref.uuid not in known:
                found.append((layer, feature))
                known.update({ref.uuid} - {""})
    found.sort(key=lambda pair: record.made_at(pair[1]))
    found += filter(None, map(resolve, others))
    return [_entry(*pair, number) for number, pair in enumerate(found, 1)]


def count_reviews(project: QgsProject) -> dict[str, int]:
    """Return how many avalanches of all images are in each state of review, see `reviews`."""
    states: dict[str, str] = {}
    for layer in sorted(find_layers(project), key=lambda layer: not layer.crs().isValid()):
        request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry)
        request.setSubsetOfAttributes([schema.UUID, schema.REVIEW], layer.fields())
        for feature in features_of(layer, request):
            ref = feature_ref(layer, feature)
            states.setdefault(
                ref.uuid or f"{ref.layer_id} {ref.feature_id}", reviews.state_of(feature)
            )
    every = list(states.values())
    return {state: every.count(state) for state in (*schema.review_states(), reviews.TO_REVIEW)}


def find_photo_twin(ref: FeatureRef) -> tuple[QgsVectorLayer, QgsFeature] | None:
    """Return the outline in the photo of an avalanche on the map; None if it has none."""
    for layer in find_layers(QgsProject.instance()):
        if ref.uuid and layer.id() != ref.layer_id and not layer.crs().isValid():
            found = resolve(FeatureRef(layer.id(), -1, ref.uuid))
            if found:
                return found
    return None


def features_of_avalanche(name: str) -> Iterator[tuple[QgsVectorLayer, QgsFeature]]:
    """Yield the features of an avalanche in all photos and parts, those on the map first."""
    layers = find_layers(QgsProject.instance())
    for layer in sorted(layers, key=lambda layer: not layer.crs().isValid()):
        fields = [n for n in (schema.AVALANCHE, schema.UUID) if layer.fields().indexOf(n) >= 0]
        texts = [QgsExpression.createFieldEqualityExpression(field, name) for field in fields]
        request = QgsFeatureRequest(QgsExpression(" OR ".join(texts or ["false"])))
        for feature in features_of(layer, request):
            if record.avalanche_of(feature) == name:
                yield layer, feature


def known_of_avalanche(name: str, at: datetime | None) -> dict[str, object]:
    """Return the `schema.OF_AVALANCHE` that are filled in at outlines of an avalanche.

    Those of the latest photo before a time count first, then those of photos after it.
    """
    found = [(_observed(feature), feature) for _, feature in features_of_avalanche(name)]
    here = math.inf if at is None else at.timestamp()
    found.sort(key=lambda pair: (pair[0] > here, abs(pair[0] - here) if at else -pair[0]))
    known: dict[str, object] = {}
    for _, feature in found:
        for field in schema.OF_AVALANCHE:
            value = record.attribute_value(feature, field)
            if value is not None and value != "":
                known.setdefault(field, value)
    return known


def _observed(feature: QgsFeature) -> float:
    """Return when the photo of a feature was taken, seconds since 1970; 0 if unknown."""
    moment = record.attribute_value(feature, "observed_at")
    is_known = isinstance(moment, QDateTime) and moment.isValid()
    return moment.toMSecsSinceEpoch() / 1000 if is_known else 0.0


def _entry(layer: QgsVectorLayer, feature: QgsFeature, number: int) -> AvalancheEntry:
    plain, ours = not layer.crs().isValid(), is_ours(layer)
    geometry = feature.geometry()
    area = geometry.area() if plain else area_m2(geometry, layer.crs())
    return AvalancheEntry(
        feature_ref(layer, feature),
        number,
        _type_label(feature) if ours else layer.name(),
        record.attribute_value(feature, "n_clicks") if ours else None,
        record.attribute_value(feature, "seconds") if ours else None,
        area,
        plain,
        reviews.state_of(feature) if ours else None,
    )


def _type_label(feature: QgsFeature) -> str:
    """Return the label of an avalanche's type; a code of a user's own as it is."""
    code = str(record.attribute_value(feature, "type") or "")
    return schema.avalanche_types().get(code, code)
