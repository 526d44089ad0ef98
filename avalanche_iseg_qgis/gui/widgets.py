"""Widgets as the docks have them."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QSizePolicy,
    QToolButton,
    QWidget,
)


def raster_layer_combo() -> QgsMapLayerComboBox:
    """A choice of raster layers, or none."""
    choice = QgsMapLayerComboBox()
    choice.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
    choice.setAllowEmptyLayer(True)
    choice.setLayer(None)
    fit_width(choice)
    return choice


def fit_width(choice: QComboBox) -> None:
    """Take the width that there is, however long the names are."""
    choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    choice.setMinimumContentsLength(8)
    choice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)


def form_layout(part: QWidget) -> QFormLayout:
    """A form in a widget, whose fields take the width that there is."""
    form = QFormLayout(part)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    return form


def tool_button(text: str, tip: str, *, checkable: bool = False) -> QToolButton:
    """A button that leaves the keyboard to the canvas."""
    made = QToolButton()
    made.setText(text)
    made.setToolTip(tip)
    made.setCheckable(checkable)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return made


def number_field(least: float, most: float, digits: int, suffix: str, tip: str) -> QDoubleSpinBox:
    """A field for a number between two, with so many digits after the point."""
    field = QDoubleSpinBox()
    field.setRange(least, most)
    field.setDecimals(digits)
    field.setSuffix(suffix)
    field.setToolTip(tip)
    field.setKeyboardTracking(False)
    field.setMinimumWidth(80)
    return field


def widget_row(*widgets: QWidget) -> QHBoxLayout:
    """Widgets side by side; what is no button takes the width that is left."""
    side_by_side = QHBoxLayout()
    for widget in widgets:
        side_by_side.addWidget(widget, 0 if isinstance(widget, QToolButton) else 1)
    return side_by_side
