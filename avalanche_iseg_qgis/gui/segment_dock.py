"""The dock *Segment*: which image, what is seen, how the outline is made, what computes."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel
from qgis.gui import QgsColorButton, QgsDockWidget, QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .. import settings
from ..canvas.mask_item import MaskMode, MaskStyle
from ..i18n import tr
from ..worker.settings import ShapeSettings
from ..worker.state import WorkerState
from .sliders import ValueSlider
from .widgets import fit_width, form_layout, tool_button


class SegmentDock(QgsDockWidget):
    """See the module. Holds no state but its widgets'; tells by signals what was chosen."""

    layer_chosen = pyqtSignal()
    target_chosen = pyqtSignal()
    new_target_requested = pyqtSignal()
    style_changed = pyqtSignal()
    shape_changed = pyqtSignal()
    model_chosen = pyqtSignal()
    slider_released = pyqtSignal()  # a slider was let go: the keys belong to the canvas again

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Segment"), parent)
        self.setObjectName("AvalancheISegSegment")
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(6, 6, 6, 6)
        for part in (
            self._image_part(),
            self._object_part(),
            self._seeing_part(),
            self._outline_part(),
            self._saving_part(),
            self._model_part(),
        ):
            column.addWidget(part)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(content)
        self.setWidget(area)

    # --- what was chosen -------------------------------------------------------------------

    @property
    def mask_style(self) -> MaskStyle:
        """How the mask is shown."""
        return MaskStyle(
            threshold=self.threshold.value,
            opacity=self.opacity.value,
            colour=self.colour.color(),
            mode=self.mode.currentData(),
        )

    @property
    def shape_settings(self) -> ShapeSettings:
        """How the outline is made."""
        return ShapeSettings(
            threshold=self.threshold.value,
            tolerance=self.detail.value,
            smoothing=self.smoothing.value,
            min_area=self.min_area.value(),
            fill_holes=-1.0 if self.fill_holes.isChecked() else 0.0,
            largest_only=self.largest_only.isChecked(),
        )

    def show_state(self, state: WorkerState, text: str) -> None:
        """Tell how the worker is, in plain words."""
        colours = {
            WorkerState.READY: "#2e7d32",
            WorkerState.BROKEN: "#c62828",
            WorkerState.BUSY: "#1565c0",
        }
        self.state.setText(text)
        self.state.setStyleSheet(f"color: {colours.get(state, '#6d6d6d')}")
        self.restart.setVisible(state is WorkerState.BROKEN)

    def offer_write_back(self, *, offered: bool) -> None:
        """Offer to write back, where the object comes from a feature; at first it is so."""
        if offered == self.write_back.isHidden():
            self.write_back.setVisible(offered)
            self.write_back.setChecked(offered)

    def show_models(self, models: dict[str, str], devices: list[str]) -> None:
        """Offer what the worker knows, keeping what was chosen."""
        _fill(self.model, models, settings.MODEL.get())
        _fill(self.device, {"auto": tr("automatic"), **{d: d for d in devices}}, "auto")

    # --- parts -----------------------------------------------------------------------------

    def _image_part(self) -> QWidget:
        part = QWidget()
        form = form_layout(part)
        self.layer = QgsMapLayerComboBox()
        self.layer.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.layer.setAllowEmptyLayer(True)
        fit_width(self.layer)
        self.layer.setToolTip(tr("Photo or raster to map avalanches in"))
        self.layer.layerChanged.connect(lambda _: self.layer_chosen.emit())
        self.pixel_size = QDoubleSpinBox()
        self.pixel_size.setRange(0.01, 1000)
        self.pixel_size.setValue(1.0)
        self.pixel_size.setSuffix(" m")
        self.pixel_size.setKeyboardTracking(False)
        self.pixel_size.setToolTip(
            tr("This layer has no pixels of its own: so large is one that the model sees")
        )
        self.pixel_size.valueChanged.connect(lambda _: self.layer_chosen.emit())
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.restart = QPushButton(tr("Start the worker again"))
        self.restart.setVisible(False)
        self.pixel_size_label = QLabel(tr("Pixel size"))
        form.addRow(tr("Image"), self.layer)
        form.addRow(self.pixel_size_label, self.pixel_size)
        form.addRow(self.state)
        form.addRow(self.restart)
        self.show_pixel_size(needed=False)
        return part

    def show_pixel_size(self, *, needed: bool) -> None:
        """Ask for a pixel size only where the layer has none."""
        self.pixel_size.setVisible(needed)
        self.pixel_size_label.setVisible(needed)

    def _object_part(self) -> QWidget:
        part = QGroupBox(tr("Avalanche"))
        column = QVBoxLayout(part)
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self.hint.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.tool = _button(tr("Click"), tr("Click avalanches on the map"), checkable=True)
        self.undo = _button(tr("Undo"), tr("Take the last click or box back (Ctrl+Z)"))
        self.redo = _button(tr("Redo"), tr("Make it again (Ctrl+Shift+Z)"))
        self.import_menu = QMenu(self)
        self.start_from = _button(tr("Start from…"), tr("Start from an outline that exists"))
        self.start_from.setMenu(self.import_menu)
        self.start_from.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.finish = _button(tr("Finish"), tr("Make a feature of it (Enter or Space)"))
        self.discard = _button(tr("Discard"), tr("Drop it (Esc)"))
        column.addWidget(self.hint)
        column.addLayout(_row(self.tool, self.undo, self.redo))
        column.addLayout(_row(self.start_from, self.finish, self.discard))
        return part

    def _seeing_part(self) -> QWidget:
        part = QGroupBox(tr("Seeing"))
        form = form_layout(part)
        self.threshold = ValueSlider(0.01, 0.99, 0.01)
        self.threshold.value = 0.5
        self.threshold.setToolTip(tr("Probability above which a pixel belongs to the avalanche"))
        self.opacity = ValueSlider(0.0, 1.0, 0.05)
        self.opacity.value = settings.OPACITY.get()
        self.colour = QgsColorButton()
        self.colour.setColor(QColor(settings.COLOUR.get()))
        self.mode = QComboBox()
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
        form.addRow(tr("Threshold"), self.threshold)
        form.addRow(tr("Opacity"), self.opacity)
        form.addRow(tr("Show"), _pair(self.mode, self.colour))
        form.addRow(tr("Click size"), self.click_size)
        self.threshold.changed.connect(self._on_threshold)
        self.opacity.changed.connect(self._on_look)
        self.colour.colorChanged.connect(self._on_look)
        self.mode.currentIndexChanged.connect(self._on_look)
        self.click_size.valueChanged.connect(self._on_look)
        for slider in (self.threshold, self.opacity):
            slider.released.connect(self.slider_released)
        return part

    def _outline_part(self) -> QWidget:
        part = QGroupBox(tr("Outline"))
        form = form_layout(part)
        self.detail = ValueSlider(0.0, 10.0, 0.25, suffix=" px")
        self.detail.value = settings.TOLERANCE.get()
        self.detail.setToolTip(
            tr("How far the outline may leave the mask: more means fewer points")
        )
        self.smoothing = ValueSlider(0.0, 10.0, 0.5, decimals=1, suffix=" px")
        self.smoothing.value = settings.SMOOTHING.get()
        self.min_area = QDoubleSpinBox()
        self.min_area.setRange(0, 1e7)
        self.min_area.setDecimals(0)
        self.min_area.setSuffix(" px²")
        self.min_area.setValue(settings.MIN_AREA.get())
        self.fill_holes = QCheckBox(tr("Fill holes"))
        self.fill_holes.setChecked(settings.FILL_HOLES.get())
        self.largest_only = QCheckBox(tr("Largest part only"))
        self.largest_only.setChecked(settings.LARGEST_ONLY.get())
        form.addRow(tr("Detail"), self.detail)
        form.addRow(tr("Smoothing"), self.smoothing)
        form.addRow(tr("Smallest part"), self.min_area)
        form.addRow(_pair(self.fill_holes, self.largest_only))
        for slider in (self.detail, self.smoothing):
            slider.changed.connect(self._on_shape)
            slider.released.connect(self.slider_released)
        self.min_area.valueChanged.connect(self._on_shape)
        self.fill_holes.toggled.connect(self._on_shape)
        self.largest_only.toggled.connect(self._on_shape)
        return part

    def _saving_part(self) -> QWidget:
        part = QGroupBox(tr("Save to"))
        form = form_layout(part)
        self.target = QgsMapLayerComboBox()
        self.target.setFilters(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self.target.setAllowEmptyLayer(True, tr("automatic"))
        self.target.setToolTip(
            tr(
                "Polygon layer that finished avalanches go to. Automatic: the project's own layer "
                "of avalanches, made in a GeoPackage at the first one"
            )
        )
        self.target.layerChanged.connect(lambda _: self.target_chosen.emit())
        fit_width(self.target)
        self.new_target = _button("…", tr("Choose the GeoPackage of a new layer"))
        self.new_target.clicked.connect(self.new_target_requested)
        self.write_back = QCheckBox(tr("Write back to the same feature"))
        self.write_back.setVisible(False)
        self.open_form = QCheckBox(tr("Open the form when finished"))
        self.open_form.setChecked(settings.OPEN_FORM.get())
        self.open_form.toggled.connect(settings.OPEN_FORM.set)
        form.addRow(tr("Layer"), _pair(self.target, self.new_target))
        form.addRow(self.write_back)
        form.addRow(self.open_form)
        return part

    def _model_part(self) -> QWidget:
        part = QGroupBox(tr("Model"))
        form = form_layout(part)
        self.model, self.device = QComboBox(), QComboBox()
        fit_width(self.model)
        self.model.addItem(settings.MODEL.get(), settings.MODEL.get())
        self.device.addItem(tr("automatic"), "auto")
        self.browse = _button("…", tr("Choose a model file"))
        form.addRow(tr("Model"), _pair(self.model, self.browse))
        form.addRow(tr("Runs on"), self.device)
        for choice in (self.model, self.device):
            choice.activated.connect(lambda _: self.model_chosen.emit())
        return part

    def _on_threshold(self, _value: float) -> None:
        self.style_changed.emit()
        self.shape_changed.emit()

    def _on_look(self, *_value: object) -> None:
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


def _button(text: str, tip: str, *, checkable: bool = False) -> QToolButton:
    """A button that takes its share of a row."""
    made = tool_button(text, tip, checkable=checkable)
    made.setSizePolicy(QSizePolicy.Policy.MinimumExpanding, QSizePolicy.Policy.Fixed)
    return made


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    return row


def _pair(wide: QWidget, narrow: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(wide, 1)
    row.addWidget(narrow)
    if isinstance(narrow, QToolButton):
        narrow.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return row


def _fill(choice: QComboBox, items: dict[str, str], chosen: str | None) -> None:
    """Offer items (value: name), keeping the value chosen, also one that is not among them."""
    chosen = chosen or choice.currentData()
    choice.clear()
    if chosen not in items:
        items = {chosen: chosen, **items}
    for value, name in items.items():
        choice.addItem(name, value)
    choice.setCurrentIndex(choice.findData(chosen))
