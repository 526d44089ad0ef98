"""Widgets that the docks share."""

from __future__ import annotations

from qgis.core import QgsApplication, QgsMapLayerProxyModel
from qgis.gui import QgsCollapsibleGroupBox, QgsMapLayerComboBox
from qgis.PyQt.QtCore import QEvent, QObject, QSize, Qt
from qgis.PyQt.QtGui import QPalette
from qgis.PyQt.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDockWidget,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
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


def icon_button(icon: str, tip: str) -> QToolButton:
    """Make a button with an icon of QGIS."""
    button = tool_button("", tip)
    button.setIcon(QgsApplication.getThemeIcon(icon))
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
    guard = _WheelGuard(area)
    for field in content.findChildren(QWidget):
        if isinstance(field, (QAbstractSpinBox, QComboBox, QAbstractSlider)):
            field.installEventFilter(guard)
    return area


def wide_area(content: QWidget) -> QScrollArea:
    """Make an area as high as its content at most, which is scrolled sideways if it is wider."""
    area = _WideArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(content)
    area.horizontalScrollBar().rangeChanged.connect(area.fit_height)
    area.fit_height()
    return area


class _WideArea(QScrollArea):
    def fit_height(self, _first: int = 0, last: int = 0) -> None:
        """Have room for the content, and for the scroll bar if there is one."""
        bar = self.horizontalScrollBar().sizeHint().height() if last else 0
        self.setMinimumHeight(self.widget().minimumSizeHint().height() + bar)
        self.setMaximumHeight(self.widget().sizeHint().height() + bar)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size of the content; called by Qt."""
        return self.widget().sizeHint().expandedTo(self.minimumSize())


class _WheelGuard(QObject):
    """Lets the wheel scroll the panel also over a field, instead of changing its value."""

    def eventFilter(self, _field: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Wheel:
            event.ignore()  # its parent gets it
            return True
        return False


def folding_part(title: str, name: str) -> QgsCollapsibleGroupBox:
    """Make a part of a panel that is folded up at first, and then as the user left it.

    Parameters
    ----------
    title
        Shown to the user.
    name
        Unique in the plugin, for the settings.
    """
    part = QgsCollapsibleGroupBox(title)
    part.setObjectName(f"AvalancheISeg{name}")
    part.setSettingGroup("avalanche_iseg")
    part.setSaveCollapsedState(True)
    part.setCollapsed(True)
    return part


# For light and dark themes, each with a contrast of at least 4.5 : 1.
STATUS_COLOURS = {
    "good": ("#1b6e20", "#81c784"),
    "usable": ("#9c5700", "#ffb74d"),
    "bad": ("#c62828", "#ff8a80"),
    "busy": ("#1565c0", "#90caf9"),
}


def show_status(label: QLabel, text: str, kind: str = "") -> None:
    """Show a text in the colour of a kind of `STATUS_COLOURS`, or in that of other texts."""
    dark = label.palette().color(QPalette.ColorRole.Window).lightness() < 128
    colours = STATUS_COLOURS.get(kind)
    label.setText(text)
    label.setStyleSheet(f"color: {colours[dark]}" if colours else "")
