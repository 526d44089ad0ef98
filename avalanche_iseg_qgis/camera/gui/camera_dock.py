"""The dock *Camera*: picture and terrain, where the camera stands, points, the pose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qgis.core import QgsCoordinateReferenceSystem
from qgis.gui import QgsDockWidget, QgsProjectionSelectionWidget
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QGroupBox,
    QLabel,
    QLineEdit,
    QMenu,
    QScrollArea,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ... import settings
from ...core.camera import Projection
from ...gui.widgets import (
    fit_width,
    form_layout,
    number_field,
    raster_layer_combo,
    tool_button,
    widget_row,
)
from ...i18n import tr
from ..pose_draft import DEGREES, PIXELS, UNKNOWN, PoseDraft
from .points_table import PointsTable


class CameraDock(QgsDockWidget):
    """See the module. Holds no state but its widgets'; tells by signals what was chosen.

    Signals
    -------
    changed
        (dict of fields of `PoseDraft`).
    crs_chosen
        (CRS).
    bridge_chosen
        How wide gaps are closed behind which the camera does not see.
    position_typed
        Where the camera stands was typed in.
    """

    changed = pyqtSignal(dict)
    bridge_chosen = pyqtSignal()
    position_typed = pyqtSignal()
    crs_chosen = pyqtSignal(QgsCoordinateReferenceSystem)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Camera"), parent)
        self.setObjectName("AvalancheISegCamera")
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(6, 6, 6, 6)
        for part in (
            self._sources_part(),
            self._stand_part(),
            self._points_part(),
            self._pose_part(),
        ):
            column.addWidget(part)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(content)
        bar = area.verticalScrollBar().sizeHint().width()
        area.setMinimumWidth(content.minimumSizeHint().width() + bar)
        self.setWidget(area)

    def show_sheet(self, sheet: PoseDraft, chosen: int | None) -> None:
        """Show what is known; nothing is told back."""
        widgets = (self.crs, self.position, self.sigma, self.above, self.focal_as, self.focal)
        for widget in (*widgets, self.projection):
            widget.blockSignals(True)
        if sheet.epsg:
            self.crs.setCrs(QgsCoordinateReferenceSystem.fromEpsgId(sheet.epsg))
        if not self.position.hasFocus() or not self.position.isModified():
            place = sheet.position
            self.position.setText("" if place is None else f"{place[0]:.1f}, {place[1]:.1f}")
        self.sigma.setValue(sheet.position_sigma)
        self.above.setValue(sheet.height_above_ground)
        self.focal_as.setCurrentIndex(self.focal_as.findData(sheet.focal_as))
        self.focal.setVisible(sheet.focal_as != UNKNOWN)
        degrees = sheet.focal_as == DEGREES
        self.focal.setSuffix(tr("° wide") if degrees else tr(" px"))
        self.focal.setMaximum(360.0 if sheet.projection != Projection.PINHOLE.value else 170.0)
        if not degrees:
            self.focal.setMaximum(1e6)
        self.focal.setValue(sheet.focal)
        self.projection.setCurrentIndex(self.projection.findData(sheet.projection))
        for widget in (*widgets, self.projection):
            widget.blockSignals(False)
        if not self.name.hasFocus() and sheet.record is not None:
            self.name.setText(sheet.record.name or self.name.text())
        self.table.show_sheet(sheet, chosen)
        for widget in (self.show_view, self.drape, self.save):
            widget.setEnabled(sheet.record is not None)
        self.remove.setEnabled(chosen is not None)

    def show_tiles(self, paths: Sequence[str]) -> None:
        """Name a terrain model that is no layer of the project."""
        folder = Path(paths[0]).parent.name if paths else ""
        if len(paths) == 1:
            self.tiles.setText(Path(paths[0]).name)
        else:
            self.tiles.setText(tr("{} files in {}").format(len(paths), folder))
        self.tiles.setVisible(bool(paths))

    def show_result(self, text: str, colour: str, details: str) -> None:
        """Say what the pose is worth."""
        self.result.setText(text)
        self.result.setStyleSheet(f"font-weight: bold; color: {colour}")
        self.details.setText(details)
        self.details.setVisible(bool(details))

    # --- parts -----------------------------------------------------------------------------

    def _sources_part(self) -> QWidget:
        part = QGroupBox(tr("1  Picture and terrain"))
        form = form_layout(part)
        self.photo, self.terrain = raster_layer_combo(), raster_layer_combo()
        self.photo.setToolTip(tr("Photo of the webcam"))
        self.terrain.setToolTip(tr("Raster layer of heights (DEM)"))
        self.open_photo = tool_button(tr("Open…"), tr("Add a photo to the project"))
        self.open_tiles = tool_button(
            tr("Folder…"), tr("Take all tiles in a folder, such as those of swissALTI3D")
        )
        self.saved_menu = QMenu(self)
        self.saved = tool_button(
            tr("Saved camera…"), tr("Take over a camera that was posed in another picture")
        )
        self.saved.setMenu(self.saved_menu)
        self.saved.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.tiles = QLabel()
        self.tiles.setVisible(False)
        self.crs = QgsProjectionSelectionWidget()
        self.crs.setToolTip(tr("Map coordinates of the camera and its points; in metres"))
        fit_width(self.crs.findChild(QComboBox))
        self.crs.setOptionVisible(QgsProjectionSelectionWidget.CrsOption.DefaultCrs, False)
        self.crs.crsChanged.connect(self.crs_chosen)
        form.addRow(tr("Photo"), widget_row(self.photo, self.open_photo))
        form.addRow(tr("Terrain"), widget_row(self.terrain, self.open_tiles))
        form.addRow("", self.tiles)
        form.addRow(tr("CRS"), self.crs)
        form.addRow("", self.saved)
        return part

    def _stand_part(self) -> QWidget:
        part = QGroupBox(tr("2  Where the camera stands, roughly"))
        form = form_layout(part)
        self.position = QLineEdit()
        self.position.editingFinished.connect(self.position_typed)
        self.position.setPlaceholderText(tr("unknown"))
        self.position.setToolTip(tr("x, y in the CRS above; leave it empty if nobody knows"))
        self.on_map = tool_button(
            tr("Click on map"), tr("Click where the camera stands"), checkable=True
        )
        self.sigma = number_field(0.1, 10000, 1, tr(" m"), tr("How well the place is known"))
        self.sigma.setPrefix("± ")
        self.above = number_field(
            0, 500, 1, tr(" m up"), tr("Height of the camera above the ground: mast, roof")
        )
        self.focal_as, self.projection = QComboBox(), QComboBox()
        for value, text in (
            (UNKNOWN, tr("unknown")),
            (DEGREES, tr("field of view")),
            (PIXELS, tr("focal length")),
        ):
            self.focal_as.addItem(text, value)
        self.focal = number_field(1, 1e6, 1, "", tr("Need not be exact: the points refine it"))
        for kind, text in (
            (Projection.PINHOLE, tr("photo")),
            (Projection.CYLINDRICAL, tr("panorama")),
        ):
            self.projection.addItem(text, kind.value)
        self.projection.setToolTip(tr("Panoramas are bent: straight ridges look curved"))
        form.addRow(tr("Place"), widget_row(self.position, self.on_map))
        form.addRow("", widget_row(self.sigma, self.above))
        form.addRow(tr("Lens"), widget_row(self.projection, self.focal_as))
        form.addRow("", self.focal)
        self.sigma.valueChanged.connect(lambda value: self._tell(position_sigma=value))
        self.above.valueChanged.connect(lambda value: self._tell(height_above_ground=value))
        self.focal.valueChanged.connect(lambda value: self._tell(focal=value))
        self.focal_as.activated.connect(self._on_focal)
        self.projection.activated.connect(
            lambda _: self._tell(projection=self.projection.currentData())
        )
        return part

    def _points_part(self) -> QWidget:
        part = QGroupBox(tr("3  Points seen in both"))
        column = QVBoxLayout(part)
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self.add = tool_button(
            tr("Add and move points"),
            tr("Click a place in the picture, then the same place on the map; drag to move"),
            checkable=True,
        )
        self.remove = tool_button(tr("Delete"), tr("Delete the selected point (Del)"))
        self.stretch = QSpinBox()
        self.stretch.setRange(1, 100)
        self.stretch.setValue(10)
        self.stretch.setPrefix(tr("arrows × "))
        self.stretch.setToolTip(
            tr("Arrows lead from points to where the pose draws them, so many times as long")
        )
        self.table = PointsTable()
        column.addWidget(self.hint)
        column.addLayout(widget_row(self.add, self.remove, self.stretch))
        column.addWidget(self.table)
        return part

    def _pose_part(self) -> QWidget:
        part = QGroupBox(tr("4  The pose"))
        column = QVBoxLayout(part)
        self.result, self.details = QLabel(), QLabel()
        for label in (self.result, self.details):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.solve = tool_button(tr("Solve"), tr("Fit the pose now; it is also done by itself"))
        self.skyline = tool_button(
            tr("Start from skyline"),
            tr("Find the view by the mountains against the sky, without points"),
        )
        self.show_view = QCheckBox(tr("Show on map"))
        self.show_view.setToolTip(tr("The ground that the camera sees, and where it looks"))
        self.show_view.setChecked(True)
        self.drape = tool_button(tr("Drape on map…"), tr("Make an orthophoto of the picture"))
        self.bridge = number_field(
            0, 500, 0, tr(" m wide"), tr("Ground that a ridge hides within avalanches")
        )
        self.bridge.setPrefix(tr("Hidden gaps: close up to "))
        self.bridge.setSpecialValueText(tr("Hidden gaps: left open"))
        self.bridge.setValue(settings.BRIDGE.get())
        self.bridge.valueChanged.connect(self._on_bridge)
        self.name = QLineEdit()
        self.name.setPlaceholderText(tr("name of the camera"))
        self.save = tool_button(tr("Save"), tr("Keep the camera in the project"))
        self.menu = QMenu(self)
        self.more = tool_button(tr("More…"), tr("Share, import, export"))
        self.more.setMenu(self.menu)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        column.addWidget(self.result)
        column.addWidget(self.details)
        column.addLayout(widget_row(self.solve, self.skyline))
        column.addLayout(widget_row(self.show_view, self.drape))
        column.addWidget(self.bridge)
        column.addLayout(widget_row(self.name, self.save, self.more))
        return part

    def _on_focal(self, _index: int) -> None:
        kind = self.focal_as.currentData()
        start = {DEGREES: 60.0, PIXELS: 2000.0}
        self._tell(focal_as=kind, **({"focal": start[kind]} if kind in start else {}))

    def _on_bridge(self, metres: float) -> None:
        settings.BRIDGE.set(metres)
        self.bridge_chosen.emit()

    def _tell(self, **changes: object) -> None:
        self.changed.emit(changes)
