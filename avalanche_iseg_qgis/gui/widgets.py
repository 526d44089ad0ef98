"""Widgets that the docks share."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDockWidget,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)


def raster_layer_combo() -> QgsMapLayerComboBox:
    """Make a combo box of raster layers, with none chosen."""
    combo = layer_combo(QgsMapLayerProxyModel.Filter.RasterLayer)
    combo.setLayer(None)
    return combo


def layer_combo(kind: QgsMapLayerProxyModel.Filter, no_layer: str = "") -> QgsMapLayerComboBox:
    """Make a combo box of layers of a kind, with a first entry for no layer."""
    combo = QgsMapLayerComboBox()
    combo.setFilters(kind)
    combo.setAllowEmptyLayer(True, no_layer)
    fit_width(combo)
    return combo


def fit_width(combo: QComboBox) -> None:
    """Let a combo box take the available width, regardless of its items."""
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)


def form_layout(part: QWidget) -> QFormLayout:
    """Give a widget a form layout whose fields take the available width."""
    form = QFormLayout(part)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    return form


def tool_button(text: str, tip: str, *, checkable: bool = False) -> QToolButton:
    """Make a button that does not take the keyboard focus from the canvas."""
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setCheckable(checkable)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button


def menu_button(text: str, tip: str, menu: QMenu) -> QToolButton:
    """Make a button that opens a menu."""
    button = tool_button(text, tip)
    button.setMenu(menu)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    return button


def number_field(
    low: float, high: float, decimals: int, suffix: str = "", tip: str = ""
) -> QDoubleSpinBox:
    """Make a field for a number, which signals a change only when typing is finished."""
    field = QDoubleSpinBox()
    field.setRange(low, high)
    field.setDecimals(decimals)
    field.setSuffix(suffix)
    field.setToolTip(tip)
    field.setKeyboardTracking(False)
    field.setMinimumWidth(80)
    return field


def retire(dock: QDockWidget) -> None:
    """Hide a dock for good: it says nothing more until Qt deletes it, whatever layers do."""
    dock.hide()
    for widget in dock.findChildren(QWidget):
        widget.blockSignals(True)
    dock.blockSignals(True)
    dock.deleteLater()


def widget_row(*widgets: QWidget) -> QHBoxLayout:
    """Lay widgets out side by side; those that are no buttons share the remaining width."""
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget, 0 if isinstance(widget, QToolButton) else 1)
    return row


def scroll_area(*parts: QWidget) -> QScrollArea:
    """Make an area that scrolls a column of parts."""
    content = QWidget()
    column = QVBoxLayout(content)
    column.setContentsMargins(6, 6, 6, 6)
    for part in parts:
        column.addWidget(part)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(content)
    return area
