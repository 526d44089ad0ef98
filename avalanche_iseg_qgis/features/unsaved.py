"""Features in a layer's edit buffer that are not saved yet, kept over the end of QGIS."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QByteArray, QDate, QDateTime, Qt, QTime, QVariant

from ..core.errors import IsegError
from ..i18n import tr
from ..session.draft import FeatureRef
from . import record, schema, target, writer
from .geometry import reproject
from .queries import find_layers
from .reading import features_of
from .reference import resolve

KIND = "unsaved"
_TIMES: dict[str, Any] = {"datetime": QDateTime, "date": QDate, "time": QTime}


@dataclass(frozen=True, eq=False)
class UnsavedFeature:
    """A feature that was added, or one that was changed.

    Attributes
    ----------
    fid
        Id of one that is in the file already; None for a new one.
    wkb
        Geometry in the CRS of the layer.
    attributes
        By field name; None where it is empty.
    """

    fid: int | None
    wkb: bytes
    attributes: dict[str, Any]

    @property
    def uuid(self) -> str:
        """By which a feature of ours is known; empty for others."""
        return str(self.attributes.get(schema.UUID) or "")

    @property
    def geometry(self) -> QgsGeometry:
        """The outline."""
        geometry = QgsGeometry()
        geometry.fromWkb(QByteArray(self.wkb))
        return geometry


@dataclass(frozen=True, eq=False)
class UnsavedFeatures:
    """What was not saved of a layer.

    Attributes
    ----------
    provider, source, layer_name
        Of the layer.
    crs
        WKT of its CRS; empty for pixels.
    changed_at
        ISO 8601, UTC.
    """

    provider: str
    source: str
    layer_name: str
    crs: str
    features: tuple[UnsavedFeature, ...]
    changed_at: str

    @classmethod
    def of(cls, layer: QgsVectorLayer, now: datetime) -> UnsavedFeatures:
        """Return what a layer would lose if QGIS ended now."""
        crs = layer.crs()
        return cls(
            layer.providerType(),
            layer.source(),
            layer.name(),
            crs.toWkt(QgsCoordinateReferenceSystem.WKT_PREFERRED) if crs.isValid() else "",
            tuple(_unsaved(layer)),
            now.isoformat(timespec="seconds"),
        )

    def to_json(self) -> str:
        """Encode; needs nothing of the layer, so in any thread."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        fields["features"] = [
            {
                "fid": feature.fid,
                "wkb": base64.b64encode(feature.wkb).decode(),
                "attributes": feature.attributes,
            }
            for feature in self.features
        ]
        return json.dumps({"kind": KIND, **fields})

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> UnsavedFeatures:
        """Decode what `to_json` has made; raise `IsegError` if it is damaged."""
        try:
            features = [
                UnsavedFeature(
                    None if each["fid"] is None else int(each["fid"]),
                    base64.b64decode(each["wkb"], validate=True),
                    dict(each["attributes"]),
                )
                for each in content["features"]
            ]
            texts = [str(content[name]) for name in ("provider", "source", "layer_name", "crs")]
            when = datetime.fromisoformat(content["changed_at"]).isoformat(timespec="seconds")
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            text = tr("Unsaved avalanches that were kept are damaged: {}.")
            raise IsegError(text.format(error)) from error
        provider, source, layer_name, crs = texts
        return cls(provider, source, layer_name, crs, tuple(features), when)

    # --- bringing them back --------------------------------------------------------------------

    def layer_in(self, project: QgsProject) -> QgsVectorLayer | None:
        """Return the layer of the project that they went to."""
        for layer in project.mapLayers().values():
            if (
                isinstance(layer, QgsVectorLayer)
                and layer.isValid()
                and (layer.providerType(), layer.source()) == (self.provider, self.source)
            ):
                return layer
        return None

    def missing_in(self, layer: QgsVectorLayer) -> list[UnsavedFeature]:
        """Return those that a layer does not have, in its file or its edit buffer."""
        return [each for each in self.features if not _is_there(layer, each)]

    def restore(self, project: QgsProject) -> tuple[QgsVectorLayer, int]:
        """Bring them back to their layer, as unsaved edits; return how many were missing.

        A layer that is not in the project is added to it; if that cannot be, they go to the layer
        of avalanches.

        Raises
        ------
        IsegError
            If no layer takes them.
        """
        layer = self.layer_in(project) or self._reopened(project) or self._other_layer(project)
        crs = QgsCoordinateReferenceSystem.fromWkt(self.crs) if self.crs else layer.crs()
        missing = self.missing_in(layer)
        for each in missing:
            geometry, attributes = each.geometry, _decoded(each.attributes)
            if crs.isValid() and layer.crs().isValid():
                geometry = reproject(geometry, crs, layer.crs())
            fid = _fid_in(layer, each)
            if fid is None:
                writer.add(layer, geometry, attributes, tr("Restore avalanche"))
            else:
                writer.rewrite(layer, fid, geometry, attributes, tr("Restore avalanche"))
        return layer, len(missing)

    def _reopened(self, project: QgsProject) -> QgsVectorLayer | None:
        layer = QgsVectorLayer(self.source, self.layer_name, self.provider)
        if not layer.isValid() or target.why_unsuitable(layer):
            return None
        target.drop_undefined_crs(layer)
        project.addMapLayer(layer)
        return layer

    def _other_layer(self, project: QgsProject) -> QgsVectorLayer:
        for layer in find_layers(project):
            if layer.crs().isValid() == bool(self.crs) and not target.why_unsuitable(layer):
                return layer
        path = next((str(each.attributes.get("image_path") or "") for each in self.features), "")
        crs = QgsCoordinateReferenceSystem.fromWkt(self.crs)
        layer = target.create_layer(target.default_path(project, path), crs)
        project.addMapLayer(layer)
        return layer


def _unsaved(layer: QgsVectorLayer) -> list[UnsavedFeature]:
    buffer = layer.editBuffer()
    if buffer is None:
        return []
    added = buffer.addedFeatures()
    changed = {*buffer.changedGeometries(), *buffer.changedAttributeValues()} - set(added)
    found = [_encoded(feature, None) for feature in added.values()]
    return found + [_encoded(layer.getFeature(fid), fid) for fid in sorted(changed)]


def _encoded(feature: QgsFeature, fid: int | None) -> UnsavedFeature:
    names = feature.fields().names()
    values = {name: _to_json(record.attribute_value(feature, name)) for name in names}
    return UnsavedFeature(fid, bytes(feature.geometry().asWkb()), values)


def _to_json(value: Any) -> Any:  # noqa: ANN401
    """Return an attribute as JSON has it: times and bytes as {kind: text}."""
    for kind, time in _TIMES.items():
        if isinstance(value, time):
            return {kind: value.toString(Qt.DateFormat.ISODateWithMs)}
    if isinstance(value, QByteArray):
        return {"bytes": base64.b64encode(bytes(value)).decode()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _decoded(attributes: dict[str, Any]) -> dict[str, object]:
    return {name: _from_json(value) for name, value in attributes.items()}


def _from_json(value: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        return value
    kind, text = next(iter(value.items()), ("", ""))
    if kind in _TIMES:
        return _TIMES[kind].fromString(text, Qt.DateFormat.ISODateWithMs)
    return QByteArray.fromBase64(str(text).encode()) if kind == "bytes" else QVariant()


def _is_there(layer: QgsVectorLayer, unsaved: UnsavedFeature) -> bool:
    """Whether a layer has a feature with this outline, its uuid if it has one, and its changes."""
    geometry = unsaved.geometry
    request = QgsFeatureRequest().setFilterRect(geometry.boundingBox())
    keys = {layer.fields()[index].name() for index in layer.primaryKeyAttributes()}
    for feature in features_of(layer, request):
        found = _encoded(feature, unsaved.fid)
        if found.uuid != unsaved.uuid or not feature.geometry().equals(geometry):
            continue
        kept = unsaved.attributes
        differing = {name for name, value in found.attributes.items() if kept.get(name) != value}
        if unsaved.fid is None or differing <= keys:
            return True
    return False


def _fid_in(layer: QgsVectorLayer, unsaved: UnsavedFeature) -> int | None:
    """Return the id of the feature of a layer that this is a change of; None if it is a new one."""
    if unsaved.uuid and layer.fields().indexOf(schema.UUID) >= 0:
        found = resolve(FeatureRef(layer.id(), -1, unsaved.uuid))
        return int(found[1].id()) if found else None
    if unsaved.fid is not None and layer.getFeature(unsaved.fid).isValid():
        return unsaved.fid
    return None
