"""One finished object, one step of the layer's undo stack. Saving edits is the user's affair."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager

from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsVectorDataProvider,
    QgsVectorLayer,
    QgsVectorLayerUtils,
)
from qgis.PyQt import sip

from ..core.errors import IsegError
from ..i18n import tr
from . import schema
from .geometry import area_m2


def add(
    layer: QgsVectorLayer, geometry: QgsGeometry, attributes: Mapping[str, object], text: str
) -> int:
    """Add a feature, and switch editing on if it is off.

    Parameters
    ----------
    geometry
        MultiPolygon in the layer's CRS.
    attributes
        By field name; those that the layer has no field for, or no room, are left out. What is
        None gets the layer's default. `schema.AREA` is computed.
    text
        Of the undo step.

    Returns
    -------
    int
        Id of the feature; it changes when the user saves the layer's edits.

    Raises
    ------
    IsegError
        If the layer cannot take it; the layer is as before then.
    """
    with _command(layer, text):
        shape = _fitted(geometry, layer)
        given = {i: v for i, v in _values(layer, attributes, shape).items() if v is not None}
        feature = QgsVectorLayerUtils.createFeature(layer, shape, given)
        if not layer.addFeature(feature):
            raise _refused(layer)
        return feature.id()


def rewrite(
    layer: QgsVectorLayer,
    fid: int,
    geometry: QgsGeometry,
    attributes: Mapping[str, object],
    text: str,
) -> None:
    """Give a feature another geometry and these attributes; its id and all others stay.

    Parameters and errors as `add`, but None empties an attribute.
    """
    with _command(layer, text):
        before = _feature(layer, fid)
        shape = _fitted(geometry, layer)
        if not layer.changeGeometry(fid, shape):
            raise _refused(layer)
        for index, value in _values(layer, attributes, shape).items():
            old = before.attribute(index)
            if value != old and not layer.changeAttributeValue(fid, index, value, old):
                raise _refused(layer)


def remove(layer: QgsVectorLayer, fid: int, text: str) -> None:
    """Delete a feature; errors as `add`."""
    with _command(layer, text):
        _feature(layer, fid)
        if not layer.deleteFeature(fid):
            raise _refused(layer)


@contextmanager
def _command(layer: QgsVectorLayer, text: str):
    """All or nothing."""
    if layer is None or sip.isdeleted(layer) or not layer.isValid():
        raise IsegError(
            tr(
                "The layer for avalanches was removed or its file is gone. Choose another one, "
                "or let a new one be made, and finish once more."
            )
        )
    if not layer.isEditable() and not layer.startEditing():
        raise IsegError(
            tr(
                "The layer {} cannot be edited: its file may be read-only or used by another "
                "program. Choose another layer, or another GeoPackage, and finish once more."
            ).format(layer.name())
        )
    layer.beginEditCommand(text)
    try:
        yield
    except BaseException:
        layer.destroyEditCommand()
        raise
    layer.endEditCommand()


def _feature(layer: QgsVectorLayer, fid: int) -> QgsFeature:
    feature = layer.getFeature(fid)
    if not feature.isValid():
        raise IsegError(
            tr("This avalanche is not in the layer {} any more: finish it as a new one.").format(
                layer.name()
            )
        )
    return feature


def _fitted(geometry: QgsGeometry, layer: QgsVectorLayer) -> QgsGeometry:
    """Single or multiple, with or without Z, as the layer is."""
    shapes = geometry.coerceToType(layer.wkbType())
    if len(shapes) != 1:
        raise IsegError(
            tr(
                "The layer {} takes polygons of one part, but this avalanche has {}: choose "
                "“Largest part only”, or another layer, and finish once more."
            ).format(layer.name(), len(shapes))
        )
    return shapes[0]


def _values(
    layer: QgsVectorLayer, attributes: Mapping[str, object], shape: QgsGeometry
) -> dict[int, object]:
    """By index of the field, in its type."""
    values = {}
    fields, provider = layer.fields(), layer.dataProvider()
    area = area_m2(shape, layer.crs())
    measured = {schema.AREA: None if area is None else round(area, 1)}
    for name, value in {**attributes, **measured}.items():
        index = fields.indexOf(name)
        if index < 0:
            continue
        try:
            values[index] = fields[index].convertCompatible(value)
        except ValueError:
            continue  # no room: half a JSON or a path cut short is worth nothing
    for index in provider.pkAttributeIndexes():
        values.pop(index, None)
    return values


def _refused(layer: QgsVectorLayer) -> IsegError:
    provider = layer.dataProvider()
    needed = (
        QgsVectorDataProvider.Capability.AddFeatures
        | QgsVectorDataProvider.Capability.ChangeGeometries
    )
    if provider.capabilities() & needed != needed:
        reason = tr("its source does not allow it")
    else:
        reason = "; ".join(provider.errors()) or tr("no reason given")
    return IsegError(
        tr(
            "The layer {} did not take the avalanche ({}). It is still in hand: choose another "
            "layer and finish once more."
        ).format(layer.name(), reason)
    )
