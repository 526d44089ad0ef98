"""Make the styles that the plugin ships, from its schema and form; runs inside QGIS.

Usage: ``python3 tests/qgis/run.py --script scripts/make_styles.py``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from xml.etree import ElementTree

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeatureRenderer,
    QgsFillSymbol,
    QgsMapLayer,
    QgsRuleBasedRenderer,
    QgsSimpleFillSymbolLayer,
    QgsVectorLayer,
)

from avalanche_iseg_qgis.features import form, schema, target

STYLES = Path(__file__).resolve().parents[1] / "avalanche_iseg_qgis" / "styles"
_CRS = {
    target.TABLE: QgsCoordinateReferenceSystem("EPSG:2056"),
    target.PIXEL_TABLE: QgsCoordinateReferenceSystem(),
}
_KEPT = (
    QgsMapLayer.StyleCategory.Symbology
    | QgsMapLayer.StyleCategory.Fields
    | QgsMapLayer.StyleCategory.Forms
    | QgsMapLayer.StyleCategory.AttributeTable
)


def style(name: str) -> str:
    """Return the style of one of our tables, in a form that is the same each time."""
    layer = QgsVectorLayer("MultiPolygon", name, "memory")
    layer.setCrs(_CRS[name])
    layer.dataProvider().addAttributes(schema.fields().toList())
    layer.updateFields()
    layer.setRenderer(_renderer(in_pixels=name == target.PIXEL_TABLE))
    form.configure_layer(layer)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, f"{name}.qml"))
        layer.saveNamedStyle(path, _KEPT)
        tree = ElementTree.parse(path)
    tree.getroot().set("version", "3.22.0")  # the oldest that can read it
    ElementTree.indent(tree)
    return ElementTree.canonicalize(ElementTree.tostring(tree.getroot())) + "\n"


def _renderer(*, in_pixels: bool) -> QgsFeatureRenderer:
    """What holds in magenta, what was rejected in review in grey and dashed.

    The mask of the current object is orange. Outlines in pixels lie on top of each other whatever
    photo they belong to: only those of the current photo are shown.
    """
    root = parent = QgsRuleBasedRenderer.Rule(None)
    root.setRuleKey("root")
    if in_pixels:
        parent = QgsRuleBasedRenderer.Rule(None, filterExp=target.IMAGE_FILTER)
        parent.setRuleKey("of_the_image")
        root.appendChild(parent)
    rejected = QgsRuleBasedRenderer.Rule(
        _symbol(rejected=True), filterExp="\"review\" = 'rejected'"
    )
    rejected.setRuleKey("rejected")
    others = QgsRuleBasedRenderer.Rule(_symbol(rejected=False))
    others.setIsElse(True)  # so also where the field is not there
    others.setRuleKey("others")
    for rule in (rejected, others):
        parent.appendChild(rule)
    return QgsRuleBasedRenderer(root)


def _symbol(*, rejected: bool) -> QgsFillSymbol:
    """Make a line on white, so that it is seen on rock too; the image shows through."""
    symbol = QgsFillSymbol.createSimple(
        {
            "style": "no",
            "outline_color": "255,255,255,200",
            "outline_width": "0.9",
            "joinstyle": "round",
        }
    )
    symbol.appendSymbolLayer(
        QgsSimpleFillSymbolLayer.create(
            {
                "color": "120,120,120,0" if rejected else "208,19,155,30",
                "outline_color": "90,90,90,255" if rejected else "208,19,155,255",
                "outline_style": "dash" if rejected else "solid",
                "outline_width": "0.46",
                "joinstyle": "round",
            }
        )
    )
    return symbol


def main() -> None:
    """Write both styles."""
    for name in _CRS:
        (STYLES / f"{name}.qml").write_text(style(name), encoding="utf-8")


if __name__ == "__main__":
    main()
