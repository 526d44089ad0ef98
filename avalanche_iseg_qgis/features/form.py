"""How attributes are shown to people: names, choices, a form that takes seconds to fill in."""

from __future__ import annotations

from qgis.core import (
    QgsAttributeEditorContainer,
    QgsAttributeEditorField,
    QgsAttributeTableConfig,
    QgsDefaultValue,
    QgsEditFormConfig,
    QgsEditorWidgetSetup,
    QgsFieldConstraints,
    QgsValueMapFieldFormatter,
    QgsVectorLayer,
)

from ..i18n import tr
from . import schema

_DATE_TIME = {
    "display_format": "yyyy-MM-dd HH:mm",
    "field_format": "yyyy-MM-dd HH:mm:ss",
    "calendar_popup": True,
    "allow_null": True,
}
_HIDDEN = "Hidden"


def configure_layer(layer: QgsVectorLayer) -> None:
    """Give a layer of ours aliases, choices, defaults, soft constraints and its form.

    Fields that the layer lacks are left out. One in pixel coordinates has no measures.
    """
    known = {a.name: a for a in schema.all_attributes() if layer.fields().indexOf(a.name) >= 0}
    form = layer.editFormConfig()
    for index, field in enumerate(layer.fields()):
        attribute = known.get(field.name())
        if attribute is None:
            if field.name() == "fid":
                layer.setEditorWidgetSetup(index, QgsEditorWidgetSetup(_HIDDEN, {}))
            continue
        layer.setFieldAlias(index, attribute.alias)
        layer.setEditorWidgetSetup(index, _widget(attribute))
        layer.setDefaultValueDefinition(index, QgsDefaultValue(attribute.default))
        form.setReadOnly(index, not attribute.by_user)
    _constrain(layer)
    _arrange(layer, form, known)
    layer.setEditFormConfig(form)
    layer.setAttributeTableConfig(_columns(layer, known))
    layer.setDisplayExpression(
        "concat(coalesce(represent_value(\"type\"), 'avalanche'), ' ', \"image_name\")"
    )


def _widget(attribute: schema.Attribute) -> QgsEditorWidgetSetup:
    if not attribute.group:
        return QgsEditorWidgetSetup(_HIDDEN, {})
    if attribute.domain:
        choices = [{label: code} for code, label in attribute.domain.items()]
        if not attribute.default:
            choices.insert(0, {tr("(not chosen)"): QgsValueMapFieldFormatter.NULL_VALUE})
        return QgsEditorWidgetSetup("ValueMap", {"map": choices})
    if attribute.kind == "datetime":
        return QgsEditorWidgetSetup("DateTime", _DATE_TIME)
    if attribute.kind == "bool":
        return QgsEditorWidgetSetup("CheckBox", {})
    return QgsEditorWidgetSetup("TextEdit", {})


def _constrain(layer: QgsVectorLayer) -> None:
    """Soft ones: they remind, and never keep anybody from saving."""
    soft = QgsFieldConstraints.ConstraintStrength.ConstraintStrengthSoft
    filled = QgsFieldConstraints.Constraint.ConstraintNotNull
    fulfilled = QgsFieldConstraints.Constraint.ConstraintExpression
    not_negative = tr("Not below 0")
    rules = {
        "fracture_width_m": ('"fracture_width_m" is null or "fracture_width_m" >= 0', not_negative),
        "fracture_depth_cm": (
            '"fracture_depth_cm" is null or "fracture_depth_cm" >= 0',
            not_negative,
        ),
        "released_to": (
            'coalesce("released_to" >= "released_from", true)',
            tr("Not earlier than “Released after”"),
        ),
    }
    type_at = layer.fields().indexOf("type")
    if type_at >= 0:
        layer.setFieldConstraint(type_at, filled, soft)
    for name, (expression, text) in rules.items():
        index = layer.fields().indexOf(name)
        if index >= 0:
            layer.setConstraintExpression(index, expression, text)
            layer.setFieldConstraint(index, fulfilled, soft)


def _tabs(plain: bool) -> dict[str, dict[str, str]]:
    """Titles of the tabs, and of the groups in each."""
    tabs = {
        tr("What"): {"what": "", "fracture": tr("Fracture")},
        tr("When"): {"when": ""},
        tr("Measures"): {
            "extent": tr("Extent"),
            "terrain": tr("Terrain"),
            "accuracy": tr("Accuracy"),
        },
        tr("Provenance"): {
            "image": tr("Image"),
            "work": tr("Segmentation"),
            "record": tr("Record"),
        },
    }
    if plain:
        del tabs[tr("Measures")]
    return tabs


def _arrange(
    layer: QgsVectorLayer, form: QgsEditFormConfig, known: dict[str, schema.Attribute]
) -> None:
    form.setLayout(QgsEditFormConfig.EditorLayout.TabLayout)
    form.clearTabs()
    for title, groups in _tabs(plain=not layer.crs().isValid()).items():
        tab = QgsAttributeEditorContainer(title, None)
        tab.setIsGroupBox(False)
        tab.setColumnCount(1)
        for group, heading in groups.items():
            place = tab
            if heading:
                place = QgsAttributeEditorContainer(heading, tab)
                place.setIsGroupBox(True)
                place.setColumnCount(1)
                tab.addChildElement(place)
            for name, attribute in known.items():
                if attribute.group == group:
                    index = layer.fields().indexOf(name)
                    place.addChildElement(QgsAttributeEditorField(name, index, place))
        form.addTab(tab)


def _columns(layer: QgsVectorLayer, known: dict[str, schema.Attribute]) -> QgsAttributeTableConfig:
    """The attribute table without what is only for programs."""
    config = QgsAttributeTableConfig()
    config.update(layer.fields())
    columns = config.columns()
    for column in columns:
        attribute = known.get(column.name)
        column.hidden = attribute is not None and not attribute.group
    config.setColumns(columns)
    return config
