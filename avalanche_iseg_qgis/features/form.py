"""Attribute form and table of layers with avalanches."""

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

from ..compat import make_group_box
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
    """Set aliases, choices, defaults, soft constraints and the form of a layer.

    Fields that the layer lacks are skipped. A layer in pixel coordinates has no tab of measures.
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
        layer.setEditorWidgetSetup(index, _widget_setup(attribute))
        layer.setDefaultValueDefinition(index, QgsDefaultValue(attribute.default))
        form.setReadOnly(index, not attribute.by_user)
    _add_constraints(layer)
    _add_tabs(layer, form, known)
    layer.setEditFormConfig(form)
    layer.setAttributeTableConfig(_table_config(layer, known))
    layer.setDisplayExpression(
        "concat(coalesce(represent_value(\"type\"), 'avalanche'), ' ', \"image_name\")"
    )


def _widget_setup(attribute: schema.Attribute) -> QgsEditorWidgetSetup:
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


def _add_constraints(layer: QgsVectorLayer) -> None:
    """Add soft constraints: they show a hint and never prevent saving."""
    soft = QgsFieldConstraints.ConstraintStrength.ConstraintStrengthSoft
    not_null = QgsFieldConstraints.Constraint.ConstraintNotNull
    expression_holds = QgsFieldConstraints.Constraint.ConstraintExpression
    fractures = ("fracture_width_m", "fracture_depth_cm")
    rules = {name: (f'"{name}" is null or "{name}" >= 0', tr("Not below 0")) for name in fractures}
    rules["released_to"] = (
        'coalesce("released_to" >= "released_from", true)',
        tr("Not earlier than “Released after”"),
    )
    type_index = layer.fields().indexOf("type")
    if type_index >= 0:
        layer.setFieldConstraint(type_index, not_null, soft)
    for name, (expression, text) in rules.items():
        index = layer.fields().indexOf(name)
        if index >= 0:
            layer.setConstraintExpression(index, expression, text)
            layer.setFieldConstraint(index, expression_holds, soft)


def _tabs(in_pixels: bool) -> dict[str, dict[str, str]]:
    """Return the titles of the tabs, and of the groups in each."""
    measures = {"extent": tr("Extent"), "terrain": tr("Terrain"), "accuracy": tr("Accuracy")}
    return {
        tr("Avalanche"): {"what": "", "fracture": tr("Fracture")},
        tr("When"): {"when": ""},
        **({} if in_pixels else {tr("Terrain and size"): measures}),
        tr("Origin"): {
            "image": tr("Image"),
            "work": tr("Segmentation"),
            "record": tr("Record"),
        },
    }


def _add_tabs(
    layer: QgsVectorLayer, form: QgsEditFormConfig, known: dict[str, schema.Attribute]
) -> None:
    form.setLayout(QgsEditFormConfig.EditorLayout.TabLayout)
    form.clearTabs()
    for title, groups in _tabs(in_pixels=not layer.crs().isValid()).items():
        tab = QgsAttributeEditorContainer(title, None)
        make_group_box(tab, is_box=False)
        tab.setColumnCount(1)
        for group, heading in groups.items():
            container = tab
            if heading:
                container = QgsAttributeEditorContainer(heading, tab)
                make_group_box(container, is_box=True)
                container.setColumnCount(1)
                tab.addChildElement(container)
            for name, attribute in known.items():
                if attribute.group == group:
                    index = layer.fields().indexOf(name)
                    container.addChildElement(QgsAttributeEditorField(name, index, container))
        form.addTab(tab)


def _table_config(
    layer: QgsVectorLayer, known: dict[str, schema.Attribute]
) -> QgsAttributeTableConfig:
    """Return the columns of the attribute table, technical attributes hidden."""
    config = QgsAttributeTableConfig()
    config.update(layer.fields())
    columns = config.columns()
    for column in columns:
        attribute = known.get(column.name)
        column.hidden = attribute is not None and not attribute.group
    config.setColumns(columns)
    return config
