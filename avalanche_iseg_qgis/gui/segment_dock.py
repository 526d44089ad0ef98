"""The dock *Segment*: image, object, display, outline, target layer and model."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsMapLayerProxyModel
from qgis.gui import QgsColorButton, QgsDockWidget
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .. import settings
from ..canvas.mask_item import MaskMode, MaskStyle
from ..i18n import tr
from ..models.catalogue import usable
from ..worker.settings import ShapeSettings
from ..worker.state import WorkerState
from .notice import Notice
from .setup_notice import SetupNotice
from .sliders import ValueSlider
from .widgets import (
    fit_width,
    folding_part,
    form_layout,
    icon_button,
    layer_combo,
    number_field,
    scroll_area,
    show_status,
    tool_button,
    widget_row,
)

_HINT_LINES = 2
_NARROW = 2
"""Between the buttons, pixels: all are seen in a panel of 320 pixels, in every language."""


class SegmentDock(QgsDockWidget):
    """Dock with the controls of the segmentation; its only state is that of its widgets."""

    layer_chosen = pyqtSignal()
    target_chosen = pyqtSignal()
    new_target_requested = pyqtSignal()
    style_changed = pyqtSignal()
    shape_changed = pyqtSignal()
    model_chosen = pyqtSignal()
    slider_released = pyqtSignal()  # the canvas should get the keyboard focus again
    threshold_reset = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Segment"), parent)
        self.setObjectName("AvalancheISegSegment")
        area = scroll_area(
            self._image_part(),
            self._object_part(),
            self._display_part(),
            self._outline_part(),
            self._target_part(),
            self._model_part(),
        )
        area.widget().layout().addStretch(1)
        self.setWidget(area)

    @property
    def hidden_height(self) -> int:
        """Height of what can only be seen by scrolling, pixels; negative if there is room."""
        area = self.widget()
        return int(area.widget().sizeHint().height() - area.viewport().height())

    # --- values and state ------------------------------------------------------------------

    @property
    def mask_style(self) -> MaskStyle:
        """Threshold, opacity, colour and mode of the mask."""
        return MaskStyle(
            threshold=self.threshold.value,
            opacity=self.opacity.value,
            colour=self.colour.color(),
            mode=self.mode.currentData(),
        )

    @property
    def shape_settings(self) -> ShapeSettings:
        """Settings of the outline."""
        return ShapeSettings(
            threshold=self.threshold.value,
            tolerance=self.detail.value,
            smoothing=self.smoothing.value,
            min_area=self.min_area.value(),
            fill_holes=-1.0 if self.fill_holes.isChecked() else 0.0,
            largest_only=self.largest_only.isChecked(),
            clicked_only=self.clicked_only.isChecked(),
        )

    def show_state(self, state: WorkerState, text: str) -> None:
        """Show the state of the worker, with a button to restart it if it is broken."""
        kinds = {
            WorkerState.READY: "good",
            WorkerState.SLOW: "usable",
            WorkerState.BROKEN: "bad",
            WorkerState.BUSY: "busy",
        }
        show_status(self.state, text, kinds.get(state, ""))
        self.restart.setVisible(state in (WorkerState.BROKEN, WorkerState.SLOW))

    def offer_write_back(self, *, offered: bool) -> None:
        """Offer, checked at first, to write an object that comes from a feature back to it."""
        if offered == self.write_back.isHidden():
            self.write_back.setVisible(offered)
            self.write_back.setChecked(offered)

    def show_models(self, models: dict[str, str], chosen: str) -> None:
        """Offer models (name: title)."""
        _fill(self.model, models, chosen)

    def show_devices(self, devices: list[str], chosen: str) -> None:
        """Offer the devices of the worker, and the automatic choice among them."""
        _fill(self.device, {"auto": tr("automatic"), **{d: d for d in devices}}, chosen)

    def show_pixel_size(self, *, needed: bool) -> None:
        """Ask for a pixel size only if the layer has no resolution."""
        self.pixel_size.setVisible(needed)
        self.pixel_size_label.setVisible(needed)

    # --- parts -----------------------------------------------------------------------------

    def _image_part(self) -> QWidget:
        part = QWidget()
        form = form_layout(part)
        margins = form.contentsMargins()
        form.setContentsMargins(margins.left(), 0, margins.right(), 0)  # it has no frame
        self.layer = layer_combo(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.layer.setToolTip(tr("Photo or raster to map avalanches in"))
        self.layer.layerChanged.connect(lambda _: self.layer_chosen.emit())
        self.open_image = tool_button(tr("Open…"), tr("Add an image file to the project"))
        tip = tr("This layer has no resolution of its own: size of the pixels for the model")
        self.pixel_size = number_field(0.01, 1000, 2, " m", tip)
        self.pixel_size.setValue(1.0)
        self.pixel_size.valueChanged.connect(lambda _: self.layer_chosen.emit())
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.restart = QPushButton(tr("Restart"))
        self.restart.setVisible(False)
        self.kept = Notice((tr("Restore"), tr("Discard")))
        self.replaced = Notice((tr("Use the new image"),))
        self.pixel_size_label = QLabel(tr("Pixel size"))
        self.demo = QPushButton(tr("Try a demo photo"))
        self.demo.setToolTip(tr("Opens a photo with avalanches that comes with the plugin"))
        form.addRow(self.kept)
        form.addRow(tr("Image"), widget_row(self.layer, self.open_image))
        form.addRow(self.demo)
        form.addRow(self.pixel_size_label, self.pixel_size)
        form.addRow(self.replaced)
        form.addRow(self.state)
        form.addRow(self.restart)
        self.notice = SetupNotice()
        form.addRow(self.notice)
        self.show_pixel_size(needed=False)
        return part

    def _object_part(self) -> QWidget:
        part = QGroupBox(tr("Avalanche"))
        column = QVBoxLayout(part)
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignTop)
        height = _HINT_LINES * self.hint.fontMetrics().lineSpacing() + 4
        self.hint.setMinimumHeight(height)  # so that the buttons stay where they are
        self.tool = icon_button(
            "/mActionCapturePolygon.svg", tr("Mark avalanches with clicks and boxes")
        )
        self.tool.setCheckable(True)
        self.brush = icon_button(
            "/propertyicons/symbology.svg", tr("Paint with the brush: right button erases")
        )
        self.brush.setCheckable(True)
        self.undo = icon_button("/mActionUndo.svg", tr("Undo the last click or box (Ctrl+Z)"))
        self.redo = icon_button("/mActionRedo.svg", tr("Redo what was undone (Ctrl+Shift+Z)"))
        self.import_menu = QMenu(self)
        self.start_from = icon_button("/mActionToggleEditing.svg", tr("Edit an existing outline…"))
        self.start_from.setMenu(self.import_menu)
        self.start_from.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        tip = tr("Save the outline to the layer (Enter or Space)")
        self.finish = _wide_button(tr("Finish"), tip)
        self.discard = _wide_button(tr("Discard"), tr("Discard clicks and outline (Esc)"))
        self.help = icon_button("/mActionHelpContents.svg", tr("Help on this panel"))
        self.write_back = QCheckBox(tr("Write back to the same feature"))
        self.write_back.setToolTip(
            tr("The outline replaces that of the feature, but only where clicks changed it")
        )
        self.write_back.setVisible(False)
        self.threshold = ValueSlider(0.01, 0.99, 0.01)
        self.threshold.value = 0.5
        self.threshold.setToolTip(tr("Probability above which a pixel belongs to the avalanche"))
        self.threshold.changed.connect(self._on_threshold)
        self.threshold.released.connect(self.slider_released)
        reset = icon_button("/mActionRefresh.svg", tr("The model's own threshold"))
        reset.clicked.connect(self.threshold_reset)
        slider = QHBoxLayout()
        slider.addWidget(QLabel(tr("Threshold")))
        slider.addWidget(self.threshold, 1)
        for button in (reset, self.start_from, self.help):
            slider.addWidget(button)
        buttons = widget_row(self.tool, self.brush, self.undo, self.redo, self.finish, self.discard)
        buttons.setSpacing(_NARROW)
        column.addWidget(self.hint)
        column.addLayout(buttons)
        column.addWidget(self.write_back)
        column.addLayout(slider)
        return part

    def _display_part(self) -> QWidget:
        part = folding_part(tr("Display"), "Display")
        form = form_layout(part)
        self.opacity = ValueSlider(0.0, 1.0, 0.05)
        self.opacity.setToolTip(tr("How strongly the mask covers the image"))
        self.opacity.value = settings.OPACITY.get()
        self.colour = QgsColorButton()
        self.colour.setColor(QColor(settings.COLOUR.get()))
        self.colour.setToolTip(tr("Colour of mask and outline"))
        self.colour.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.mode = QComboBox()
        self.mode.setToolTip(tr("What is shown of the avalanche in hand"))
        for mode, name in (
            (MaskMode.MASK, tr("Mask")),
            (MaskMode.OUTLINE, tr("Outline only")),
            (MaskMode.PROBABILITY, tr("Probability")),
        ):
            self.mode.addItem(name, mode)
        self.click_size = QSpinBox()
        self.click_size.setRange(2, 20)
        self.click_size.setSuffix(" px")
        self.click_size.setValue(settings.CLICK_SIZE.get())
        self.click_size.setToolTip(tr("Size of the marks of clicks on the screen"))
        self.preview = QCheckBox(tr("Preview under the mouse"))
        self.preview.setChecked(settings.PREVIEW.get())
        self.preview.setToolTip(
            tr("Where the mouse rests, a thin line shows what a left click would give")
        )
        self.preview.toggled.connect(settings.PREVIEW.set)
        form.addRow(tr("Opacity"), self.opacity)
        form.addRow(tr("Show"), widget_row(self.mode, self.colour))
        form.addRow(tr("Click size"), self.click_size)
        form.addRow(self.preview)
        form.addRow(self._reset_button(self._reset_display))
        for changed in (
            self.opacity.changed,
            self.colour.colorChanged,
            self.mode.currentIndexChanged,
            self.click_size.valueChanged,
        ):
            changed.connect(self._on_style)
        self.opacity.released.connect(self.slider_released)
        return part

    def _outline_part(self) -> QWidget:
        part = folding_part(tr("Outline"), "Outline")
        form = form_layout(part)
        self.detail = ValueSlider(0.0, 10.0, 0.25, suffix=" px")
        self.detail.value = settings.TOLERANCE.get()
        self.detail.setToolTip(
            tr("How far the outline may leave the mask: more means fewer points")
        )
        self.smoothing = ValueSlider(0.0, 10.0, 0.5, decimals=1, suffix=" px")
        self.smoothing.value = settings.SMOOTHING.get()
        self.smoothing.setToolTip(tr("How far corners of pixels are rounded"))
        self.min_area = QDoubleSpinBox()
        self.min_area.setRange(0, 1e7)
        self.min_area.setDecimals(0)
        self.min_area.setSuffix(" px²")
        self.min_area.setValue(settings.MIN_AREA.get())
        self.min_area.setToolTip(tr("Parts of the mask, and holes in it, that are smaller go"))
        self.fill_holes = QCheckBox(tr("Fill holes"))
        self.fill_holes.setChecked(settings.FILL_HOLES.get())
        self.fill_holes.setToolTip(tr("What the outline encloses is avalanche, too"))
        self.largest_only = QCheckBox(tr("Largest part only"))
        self.largest_only.setChecked(settings.LARGEST_ONLY.get())
        self.largest_only.setToolTip(tr("All other parts of the mask go"))
        self.clicked_only = QCheckBox(tr("Clicked parts only"))
        self.clicked_only.setChecked(settings.CLICKED_ONLY.get())
        self.clicked_only.setToolTip(tr("Parts of the mask without a left click in them go"))
        self.keep_off = QCheckBox(tr("Keep off finished avalanches"))
        self.keep_off.setChecked(settings.KEEP_OFF.get())
        self.keep_off.setToolTip(
            tr("What a new outline shares with finished avalanches of the image stays theirs")
        )
        self.keep_off.toggled.connect(settings.KEEP_OFF.set)
        self.close_gaps = QDoubleSpinBox()
        self.close_gaps.setRange(0, 100)
        self.close_gaps.setDecimals(1)
        self.close_gaps.setSuffix(" px")
        self.close_gaps.setSpecialValueText(tr("off"))
        self.close_gaps.setValue(settings.CLOSE_GAPS.get())
        self.close_gaps.setToolTip(
            tr("Narrower gaps to finished avalanches are filled, so that both share the border")
        )
        self.close_gaps.valueChanged.connect(settings.CLOSE_GAPS.set)
        self.close_gaps.setEnabled(self.keep_off.isChecked())
        self.keep_off.toggled.connect(self.close_gaps.setEnabled)
        form.addRow(tr("Simplification"), self.detail)
        form.addRow(tr("Smoothing"), self.smoothing)
        form.addRow(tr("Remove parts smaller than"), self.min_area)
        form.addRow(widget_row(self.fill_holes, self.largest_only))
        form.addRow(self.clicked_only)
        form.addRow(self.keep_off)
        form.addRow(tr("Close gaps to them"), self.close_gaps)
        form.addRow(self._reset_button(self._reset_outline))
        for slider in (self.detail, self.smoothing):
            slider.changed.connect(self._on_shape)
            slider.released.connect(self.slider_released)
        self.min_area.valueChanged.connect(self._on_shape)
        self.fill_holes.toggled.connect(self._on_shape)
        self.largest_only.toggled.connect(self._on_shape)
        self.clicked_only.toggled.connect(settings.CLICKED_ONLY.set)
        self.clicked_only.toggled.connect(self._on_shape)
        return part

    def _target_part(self) -> QWidget:
        part = folding_part(tr("Save to"), "Target")
        form = form_layout(part)
        self.target = layer_combo(QgsMapLayerProxyModel.Filter.PolygonLayer, tr("automatic"))
        self.target.setToolTip(
            tr(
                "Polygon layer that finished avalanches are saved to. Automatic: the project's own "
                "layer of avalanches, made in a GeoPackage at the first one"
            )
        )
        self.target.layerChanged.connect(lambda _: self.target_chosen.emit())
        self.new_target = tool_button("…", tr("Choose the GeoPackage of a new layer"))
        self.new_target.clicked.connect(self.new_target_requested)
        self.open_form = QCheckBox(tr("Open the form when finished"))
        self.open_form.setChecked(settings.OPEN_FORM.get())
        self.open_form.setToolTip(tr("Type, size, trigger and so on can be filled in at once"))
        self.open_form.toggled.connect(settings.OPEN_FORM.set)
        form.addRow(tr("Layer"), widget_row(self.target, self.new_target))
        form.addRow(self.open_form)
        return part

    def _model_part(self) -> QWidget:
        part = folding_part(tr("Model"), "Model")
        form = form_layout(part)
        self.model, self.device = QComboBox(), QComboBox()
        fit_width(self.model)
        self.show_models(usable(settings.MODEL.get()), settings.MODEL.get())
        self.show_devices([], settings.DEVICE.get())
        self.model.setToolTip(tr("Network that finds the avalanche; the standard one needs no GPU"))
        self.device.setToolTip(tr("Processor (CPU) or graphics card (GPU)"))
        self.models = tool_button(tr("Models…"), tr("Download, add and choose models"))
        form.addRow(tr("Model"), widget_row(self.model, self.models))
        form.addRow(tr("Compute on"), self.device)
        for choice in (self.model, self.device):
            choice.activated.connect(lambda _: self.model_chosen.emit())
        return part

    def _reset_button(self, reset: Callable[[], None]) -> QToolButton:
        button = tool_button(tr("Reset"), tr("Back to the values of a new installation"))
        button.clicked.connect(lambda _=False: reset())
        return button

    def _reset_display(self) -> None:
        self.opacity.value = settings.OPACITY.default
        self.colour.setColor(QColor(settings.COLOUR.default))
        self.click_size.setValue(settings.CLICK_SIZE.default)
        self.mode.setCurrentIndex(0)
        self.preview.setChecked(settings.PREVIEW.default)

    def _reset_outline(self) -> None:
        self.detail.value = settings.TOLERANCE.default
        self.smoothing.value = settings.SMOOTHING.default
        self.min_area.setValue(settings.MIN_AREA.default)
        self.fill_holes.setChecked(settings.FILL_HOLES.default)
        self.largest_only.setChecked(settings.LARGEST_ONLY.default)
        self.clicked_only.setChecked(settings.CLICKED_ONLY.default)
        self.keep_off.setChecked(settings.KEEP_OFF.default)
        self.close_gaps.setValue(settings.CLOSE_GAPS.default)

    def _on_threshold(self, _value: float) -> None:
        self.style_changed.emit()
        self.shape_changed.emit()

    def _on_style(self, *_value: object) -> None:
        settings.OPACITY.set(self.opacity.value)
        settings.COLOUR.set(self.colour.color().name())
        settings.CLICK_SIZE.set(self.click_size.value())
        self.style_changed.emit()

    def _on_shape(self, *_value: object) -> None:
        settings.TOLERANCE.set(self.detail.value)
        settings.SMOOTHING.set(self.smoothing.value)
        settings.MIN_AREA.set(self.min_area.value())
        settings.FILL_HOLES.set(self.fill_holes.isChecked())
        settings.LARGEST_ONLY.set(self.largest_only.isChecked())
        self.shape_changed.emit()


def _wide_button(text: str, tip: str, *, checkable: bool = False) -> QToolButton:
    """Make a button that takes its share of a row."""
    button = tool_button(text, tip, checkable=checkable)
    button.setSizePolicy(QSizePolicy.Policy.MinimumExpanding, QSizePolicy.Policy.Fixed)
    return button


def _fill(combo: QComboBox, items: dict[str, str], chosen: str) -> None:
    """Fill a combo box with items (value: name), and the chosen one also if it is none of them."""
    combo.clear()
    if chosen not in items:
        items = {chosen: chosen, **items}
    for value, name in items.items():
        combo.addItem(name, value)
    combo.setCurrentIndex(combo.findData(chosen))
