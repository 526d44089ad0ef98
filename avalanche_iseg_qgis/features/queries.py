"""Features of the project's layers that were made from an image."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from qgis.core import QgsFeature, QgsFeatureRequest, QgsProject, QgsVectorLayer, QgsWkbTypes
from qgis.PyQt.QtCore import pyqtBoundSignal

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
