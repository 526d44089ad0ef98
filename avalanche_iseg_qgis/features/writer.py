"""Edits of layers with avalanches, each one step of the layer's undo stack; saved by the user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsVectorLayer,
    QgsVectorLayerUtils,
)
from qgis.PyQt import sip

from ..core.errors import IsegError
from ..i18n import tr
from . import schema
from .checks import is_stored
from .geometry import area_m2
from .schema import Attribute
from .target import can_edit, check_not_locked, short_reason


def add(
    layer: QgsVectorLayer, geometry: QgsGeometry, attributes: Mapping[str, object], text: str
) -> int:
    """Add a feature; starts editing if necessary.

    Parameters
    ----------
    geometry
        MultiPolygon in the layer's CRS.
    attributes
        Values by field name, kept as they are. Those without a field of the layer's own, or too
        long for it, are left out; None gets the layer's default. `schema.AREA` is computed.
    text
        Name of the undo step.

    Returns
    -------
    int
        Id of the feature; it changes when the user saves the layer's edits.

    Raises
    ------
    IsegError
        If the layer refuses it; the layer is unchanged then.
    """
    return add_all(layer, [(geometry, attributes)], text)[0]


def add_all(
    layer: QgsVectorLayer, features: Iterable[tuple[QgsGeometry, Mapping[str, object]]], text: str
) -> list[int]:
    """Add features as one undo step; parameters, ids and errors as of `add`, all or none."""
    with _edit_command(layer, text):
        return [_add(layer, geometry, attributes) for geometry, attributes in features]


def _add(layer: QgsVectorLayer, geometry: QgsGeometry, attributes: Mapping[str, object]) -> int:
    shape = _coerce(geometry, layer)
    values = {i: v for i, v in _field_values(layer, attributes, shape).items() if v is not None}
    feature = QgsVectorLayerUtils.createFeature(layer, shape, values)
    for index, value in values.items():  # QGIS changes those that are not unique
        if not layer.defaultValueDefinition(index).applyOnUpdate():
            feature.setAttribute(index, value)
    if not layer.addFeature(feature):
        raise _refusal(layer)
    return int(feature.id())


def rewrite(
    layer: QgsVectorLayer,
    fid: int,
    geometry: QgsGeometry,
    attributes: Mapping[str, object] | None,
    text: str,
) -> None:
    """Replace the geometry and these attributes of a feature; its id and other attributes stay.

    Parameters and errors as of `add`, but None as a value empties an attribute, and None instead
    of attributes leaves all of them as they are.
    """
    with _edit_command(layer, text):
        before = _get_feature(layer, fid)
        shape = _coerce(geometry, layer)
        if not shape.equals(before.geometry()) and not layer.changeGeometry(fid, shape):
            raise _refusal(layer)
        if attributes is not None:
            now = _get_feature(layer, fid)  # a new outline may have changed attributes
            _change_values(layer, now, _field_values(layer, attributes, shape))


def set_attributes(
    layer: QgsVectorLayer, fid: int, attributes: Mapping[str, object], text: str
) -> None:
    """Change attributes of a feature; parameters and errors as of `rewrite`."""
    set_attributes_of_all(layer, [fid], attributes, text)


def set_attributes_of_all(
    layer: QgsVectorLayer, fids: Iterable[int], attributes: Mapping[str, object], text: str
) -> None:
    """Change attributes of features in one step; parameters and errors as of `rewrite`."""
    with _edit_command(layer, text):
        for fid in fids:
            before = _get_feature(layer, fid)
            _change_values(layer, before, _field_values(layer, attributes, before.geometry()))


def add_fields(layer: QgsVectorLayer, attributes: Iterable[Attribute], text: str) -> None:
    """Add fields to a layer, with their aliases; errors as of `add`."""
    with _edit_command(layer, text):
        for attribute in attributes:
            if not layer.addAttribute(attribute.to_field()):
                raise IsegError(
                    tr(
                        "The layer {} takes no more fields. Choose another layer, or add the "
                        "field {} in its properties."
                    ).format(layer.name(), attribute.name)
                )
            layer.updateFields()
            layer.setFieldAlias(layer.fields().indexOf(attribute.name), attribute.alias)


def remove(layer: QgsVectorLayer, fid: int, text: str) -> None:
    """Delete a feature; errors as of `add`."""
    remove_all(layer, [fid], text)


def remove_all(layer: QgsVectorLayer, fids: Iterable[int], text: str) -> None:
    """Delete features as one undo step; errors as of `add`."""
    with _edit_command(layer, text):
        for fid in fids:
            _get_feature(layer, fid)
            if not layer.deleteFeature(fid):
                raise _refusal(layer)


@contextmanager
def _edit_command(layer: QgsVectorLayer, text: str) -> Iterator[None]:
    """Make one undo step of all edits within, or none if one of them raises."""
    if layer is None or sip.isdeleted(layer) or not layer.isValid():
        raise IsegError(
            tr(
                "The layer for avalanches was removed or its file is gone. Choose another one, "
                "or let a new one be made, and finish once more."
            )
        )
    if not layer.isEditable():
        check_not_locked(layer)
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


def _change_values(layer: QgsVectorLayer, before: QgsFeature, values: Mapping[int, Any]) -> None:
    for index, value in values.items():
        old = before.attribute(index)
        if value != old and not layer.changeAttributeValue(before.id(), index, value, old):
            raise _refusal(layer)


def _get_feature(layer: QgsVectorLayer, fid: int) -> QgsFeature:
    feature = layer.getFeature(fid)
    if not feature.isValid():
        text = tr("This avalanche is not in the layer {} any more: finish it as a new one.")
        raise IsegError(text.format(layer.name()))
    return feature


def _coerce(geometry: QgsGeometry, layer: QgsVectorLayer) -> QgsGeometry:
    """Convert a geometry to the layer's type: single or multi, with or without Z."""
    shapes = geometry.coerceToType(layer.wkbType())
    if len(shapes) != 1:
        raise IsegError(
            tr(
                "The layer {} takes polygons of one part, but this avalanche has {}: choose "
                "“Largest part only”, or another layer, and finish once more."
            ).format(layer.name(), len(shapes))
        )
    return shapes[0]


def _field_values(
    layer: QgsVectorLayer, attributes: Mapping[str, object], shape: QgsGeometry
) -> dict[int, Any]:
    """Return values by index of the field, in the field's type."""
    values = {}
    fields, provider = layer.fields(), layer.dataProvider()
    area = area_m2(shape, layer.crs())
    measures = {schema.AREA: None if area is None else round(area, 1)}
    for name, value in {**attributes, **measures}.items():
        index = fields.indexOf(name)
        if index < 0 or not is_stored(layer, index):
            continue
        try:
            values[index] = fields[index].convertCompatible(value)
        except ValueError:
            continue  # too long: a truncated JSON or path is useless
    for index in provider.pkAttributeIndexes():
        if fields[index].isNumeric():  # the database counts
            values.pop(index, None)
    return values


def _refusal(layer: QgsVectorLayer) -> IsegError:
    if can_edit(layer):
        errors = map(short_reason, layer.dataProvider().errors())
        reason = "; ".join(errors) or tr("no reason given")
    else:
        reason = tr("its source does not allow it")
    return IsegError(
        tr(
            "The layer {} did not accept the avalanche ({}). Its clicks are still there: choose "
            "another layer and finish once more."
        ).format(layer.name(), reason)
    )
