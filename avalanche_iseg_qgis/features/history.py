"""History of the layers of avalanches, which their GeoPackages keep; see `core.geopackage`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from qgis.core import QgsFeature, QgsGeometry, QgsProject, QgsProviderRegistry, QgsVectorLayer
from qgis.PyQt.QtCore import QByteArray, QDateTime, QObject, Qt

from ..core.errors import IsegError
from ..core.files import is_file
from ..core.geopackage import history
from ..core.geopackage.history import Version
from ..i18n import tr
from ..session.draft import FeatureRef
from . import record, reviews, schema, target, writer
from .following import Connections, LayerFollower
from .queries import find_layers
from .reference import resolve

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_SHORT = 0.5  # seconds to wait for a lock while QGIS saves


class HistoryFollower(LayerFollower):
    """Lets the GeoPackages of layers keep their history, and signs what is saved to them.

    Parameters
    ----------
    warn
        Says why that cannot be done.
    """

    def __init__(self, warn: Callable[[str], None], parent: QObject) -> None:
        super().__init__(parent)
        self._warn = warn
        self._numbers: dict[str, int] = {}  # last version before a commit, by layer
        self._told: set[str] = set()
        self.start()

    def connections(self, layer: QgsVectorLayer) -> Connections:
        """Return the signals of beginning to edit, and of saving."""
        return (
            (layer.editingStarted, self._on_editing),
            (layer.beforeCommitChanges, self._on_saving),
            (layer.committedAttributesAdded, self._on_fields),
            (layer.committedAttributesDeleted, self._on_fields),
            (layer.afterCommitChanges, self._on_saved),
        )

    def begin(self, layer: QgsVectorLayer) -> None:
        """Begin with a layer that may be in edit mode."""
        if layer.isEditable():
            self._keep(layer)

    def _on_editing(self) -> None:
        self._keep(self.sender())

    def _on_saving(self, *_: object) -> None:
        layer = self.sender()
        path, table = place_of(layer)
        if not table:
            return
        self._keep(layer)
        try:
            # After a commit that failed, what it did write is still to be signed.
            number = history.last_number(path, table, _SHORT)
            self._numbers.setdefault(layer.id(), number)
            if layer.editBuffer().deletedAttributeIds():
                history.release_columns(path, table, _SHORT)
        except IsegError as error:
            self._say(layer, error)

    def _on_fields(self, layer_id: str, _fields: object) -> None:
        """Keep new fields with the values that are saved next, in the same commit."""
        layer = QgsProject.instance().mapLayer(layer_id)
        path, table = place_of(layer) if layer is not None else ("", "")
        if table:
            try:
                history.keep_history(path, table, _SHORT)
            except IsegError:
                return  # tried again when all is saved

    def _on_saved(self) -> None:
        layer = self.sender()
        path, table = place_of(layer)
        number = self._numbers.pop(layer.id(), None)
        if not table:
            return
        self._keep(layer)
        if number is not None:
            try:
                history.sign(path, table, record.mapper_name(), number, _SHORT)
            except IsegError as error:
                self._numbers[layer.id()] = number  # with the next commit
                self._say(layer, error)

    def _keep(self, layer: QgsVectorLayer) -> None:
        path, table = place_of(layer)
        if table:
            try:
                history.keep_history(path, table, _SHORT)
            except IsegError as error:
                self._say(layer, error)

    def _say(self, layer: QgsVectorLayer, error: IsegError) -> None:
        if layer.id() not in self._told:
            self._told.add(layer.id())
            text = tr("The history of {} is not kept for the moment: {}")
            self._warn(text.format(layer.name(), error))


def place_of(layer: QgsVectorLayer) -> tuple[str, str]:
    """Return GeoPackage and table of a layer; empty if it keeps no history."""
    path = target.geopackage_path(layer)
    if layer.providerType() != "ogr" or not path or not is_file(path):
        return "", ""
    parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source())
    return path, str(parts.get("layerName") or target.TABLE)


def why_no_history(layer: QgsVectorLayer) -> str:
    """Return why no history of a layer can be shown; empty if it can."""
    path, table = place_of(layer)
    if not table:
        return no_history(layer)
    if not history.has_history(path, table):
        text = tr("The history of {} begins with the next edit: so far, none was kept.")
        return text.format(layer.name())
    return ""


def no_history(layer: QgsVectorLayer) -> str:
    """Return that a layer has no history."""
    text = tr("No history is kept of the layer {}: only a GeoPackage keeps one.")
    return text.format(layer.name())


def versions_of(layer: QgsVectorLayer, feature: QgsFeature) -> list[Version]:
    """Return the versions of a feature, the first one first; errors as of `core.geopackage`."""
    uuid = str(record.attribute_value(feature, schema.UUID) or "")
    return history.versions_of(*place_of(layer), uuid) if uuid else []


def deleted_in(project: QgsProject) -> list[tuple[QgsVectorLayer, Version]]:
    """Return the avalanches that were deleted from the layers of a project, the latest first.

    One whose outline in the photo was deleted with that on the map is there once.
    """
    found: dict[str, tuple[QgsVectorLayer, Version]] = {}
    for layer in sorted(find_layers(project), key=lambda layer: not layer.crs().isValid()):
        if why_no_history(layer):
            continue
        for version in history.deleted_avalanches(*place_of(layer)):
            if resolve(FeatureRef(layer.id(), -1, version.uuid)) is None:  # nor unsaved
                found.setdefault(version.uuid, (layer, version))
    return sorted(found.values(), key=lambda pair: pair[1].at, reverse=True)


def restore(layer: QgsVectorLayer, version: Version) -> None:
    """Bring back an earlier version as an edit of the layer: a new version once it is saved.

    Of an avalanche that was deleted, its outline in the photo comes back, too.

    Raises
    ------
    IsegError
        If the layer does not take it.
    """
    found = resolve(FeatureRef(layer.id(), -1, version.uuid))
    if found is not None:
        values = _values(layer, version, without=(schema.UUID, *reviews.FIELDS))
        text = tr("Restore an earlier version")
        writer.rewrite(layer, found[1].id(), geometry_of(version), values, text)
        return
    path, _ = place_of(layer)
    for other in find_layers(QgsProject.instance()):
        if place_of(other)[0] != path or why_no_history(other):
            continue
        for gone in history.deleted_avalanches(*place_of(other)):
            is_there = resolve(FeatureRef(other.id(), -1, gone.uuid)) is not None
            if gone.uuid == version.uuid and not is_there:
                text = tr("Restore a deleted avalanche")
                writer.add(other, geometry_of(gone), _values(other, gone, without=()), text)


def geometry_of(version: Version) -> QgsGeometry:
    """Return the outline of a version."""
    geometry = QgsGeometry()
    geometry.fromWkb(QByteArray(version.wkb))
    return geometry


def differences(version: Version, now: Version) -> list[str]:
    """Return in which attributes that users see an earlier version differs, by their labels."""
    found = []
    for attribute in schema.all_attributes():
        before, after = (each.values.get(attribute.name) for each in (version, now))
        if attribute.group and before != after:
            shown = (_shown(attribute.domain, each) for each in (before, after))
            found.append("{}: {} → {}".format(attribute.alias, *shown))
    return found


def _shown(domain: Mapping[str, str], value: object) -> str:
    if value is None:
        return "–"
    text = domain.get(str(value), str(value))
    return text[:16].replace("T", " ") if _TIME.match(text) else text


def _values(layer: QgsVectorLayer, version: Version, without: tuple[str, ...]) -> dict[str, object]:
    """Return the attributes of a version in the types of a layer; None where it has none."""
    keys = {layer.fields()[index].name() for index in layer.primaryKeyAttributes()}
    values: dict[str, object] = {}
    for field in layer.fields():
        name = field.name()
        if name not in keys and name not in without:
            values[name] = _typed(version.values.get(name), is_time=field.isDateOrTime())
    return values


def _typed(value: Any, *, is_time: bool) -> object:  # noqa: ANN401
    if is_time and isinstance(value, str) and "T" in value:
        return QDateTime.fromString(value, Qt.DateFormat.ISODateWithMs)
    return value
