"""The dock *Camera*: photo and terrain, position of the camera, points, the pose."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from qgis.core import QgsCoordinateReferenceSystem
from qgis.gui import QgsCollapsibleGroupBoxBasic, QgsDockWidget, QgsProjectionSelectionWidget
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QResizeEvent
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from ... import settings
from ...core.camera import Projection
from ...gui.widgets import (
    fit_width,
    form_layout,
    icon_button,
    menu_button,
    number_field,
    raster_layer_combo,
    scroll_area,
    show_status,
    tool_button,
    widget_row,
)
from ...i18n import tr
from ..pose_draft import DEGREES, PIXELS, UNKNOWN, PoseDraft
from .points_table import PointsTable

_LEAST_TABLE, _MOST_TABLE = 92, 260  # pixels of height


class CameraDock(QgsDockWidget):
    """Widgets of the camera work, without any other state.

    Signals
    -------
    changed
        (dict of fields of `PoseDraft`).
    crs_chosen
        (CRS).
    bridge_changed
        The width up to which hidden gaps in outlines are closed.
    position_typed
        The position of the camera was typed in.
    """

    changed = pyqtSignal(dict)
    bridge_changed = pyqtSignal()
    position_typed = pyqtSignal()
    crs_chosen = pyqtSignal(QgsCoordinateReferenceSystem)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Camera"), parent)
        self.setObjectName("AvalancheISegCamera")
        self.steps = (
            _step(tr("1  Photo and terrain"), self._inputs_part()),
            _step(tr("2  Position of the camera, roughly"), self._position_part()),
            _step(tr("3  Points seen in both"), self._points_part()),
            _step(tr("4  Camera position and view"), self._pose_part()),
        )
        self._area = area = scroll_area(*self.steps)
        area.widget().layout().setSpacing(2)
        area.widget().layout().addStretch(1)
        bar = area.verticalScrollBar().sizeHint().width()
        area.setMinimumWidth(area.widget().minimumSizeHint().width() + bar)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._state_part())
        column.addWidget(area, 1)
        self.setWidget(content)
        self._opened = self.steps[0]
        self._unfolded = set(self.steps)
        self._next: int | None = None
        for step in self.steps:
            step.collapsedStateChanged.connect(partial(self._on_folded, step))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Fold steps up that have no room; called by Qt."""
        super().resizeEvent(event)
        self._make_room()

    def lead_to(self, index: int) -> None:
        """Unfold the step that is next, and others where there is room, once it is another one."""
        if index == self._next:
            return
        self._next, self._opened = index, self.steps[index]
        self._unfolded.update(self.steps)
        for step in self.steps:
            step.setCollapsed(False)
        self._make_room()

    def _on_folded(self, step: QgsCollapsibleGroupBoxBasic, folded: bool) -> None:
        if folded:
            self._unfolded.discard(step)
        elif step not in self._unfolded:  # QGIS tells it too of steps that are shown at first
            self._unfolded.add(step)
            self._opened = step
            self._make_room()

    def _make_room(self) -> None:
        """Fold steps up, but for the one opened last, until all can be seen without scrolling."""
        if not self.isVisible():
            return  # its height is not known yet
        self.table.setFixedHeight(_LEAST_TABLE)
        at = self.steps.index(self._opened)
        far_first = sorted(enumerate(self.steps), key=lambda each: -abs(each[0] - at))
        for index, step in far_first:
            if self.spare >= 0:
                break
            if index != at:
                step.setCollapsed(True)
        height = min(_LEAST_TABLE + self.spare, _MOST_TABLE)
        self.table.setFixedHeight(max(height, _LEAST_TABLE))

    @property
    def spare(self) -> int:
        """Height that is left below the steps, pixels; negative if they have to be scrolled."""
        content, view = self._area.widget(), self._area.viewport()
        for step in self.steps:  # from the inside out, else sizes are those of before
            for widget in (step.layout().itemAt(0).widget(), step):
                widget.layout().activate()
        content.layout().activate()
        wraps = content.hasHeightForWidth()
        needed = content.heightForWidth(view.width()) if wraps else content.sizeHint().height()
        return int(view.height() - needed)

    def show_draft(self, draft: PoseDraft, selected: int | None) -> None:
        """Show a draft; no signal is emitted."""
        lens = (self.focal_as, self.focal, self.projection, self.near_field, self.principal)
        widgets = (self.crs, self.position, self.sigma, self.above, *lens)
        for widget in widgets:
            widget.blockSignals(True)
        if draft.epsg:
            self.crs.setCrs(QgsCoordinateReferenceSystem.fromEpsgId(draft.epsg))
        if not self.position.hasFocus() or not self.position.isModified():
            x_y = draft.position
            self.position.setText("" if x_y is None else f"{x_y[0]:.1f}, {x_y[1]:.1f}")
        self.sigma.setValue(draft.position_sigma)
        self.above.setValue(draft.height_above_ground)
        self.near_field.setValue(draft.near_field)
        self.principal.setValue(100 * draft.principal_point_sigma)
        self.focal_as.setCurrentIndex(self.focal_as.findData(draft.focal_as))
        self.focal.setVisible(draft.focal_as != UNKNOWN)
        degrees = draft.focal_as == DEGREES
        self.focal.setSuffix(tr("° wide") if degrees else tr(" px"))
        widest = 170.0 if draft.projection == Projection.PINHOLE.value else 360.0
        self.focal.setMaximum(widest if degrees else 1e6)
        self.focal.setValue(draft.focal)
        self.projection.setCurrentIndex(self.projection.findData(draft.projection))
        for widget in widgets:
            widget.blockSignals(False)
        if not self.name.hasFocus() and draft.record is not None:
            self.name.setText(draft.record.name or self.name.text())
        self.table.show_draft(draft, selected)
        for widget in (self.show_view, self.drape, self.save):
            widget.setEnabled(draft.record is not None)
        self.remove.setEnabled(selected is not None)

    def show_station(self, count: int) -> None:
        """Show how many photos are solved together."""
        self.station.setText(
            tr("Station: {} photos").format(count) if count > 1 else tr("Station…")
        )

    def show_tiles(self, paths: Sequence[str]) -> None:
        """Show the name of a terrain model that is no layer of the project."""
        if paths:
            path = Path(paths[0])
            several = tr("{} files in {}").format(len(paths), path.parent.name)
            self.tiles.setText(path.name if len(paths) == 1 else several)
        self.tiles.setVisible(bool(paths))

    def show_quality(self, text: str, kind: str, details: str) -> None:
        """Show how good the pose is."""
        show_status(self.result, text, kind)
        self.details.setText(details)
        self.details.setVisible(bool(details))
        self._make_room()

    # --- parts -----------------------------------------------------------------------------

    def _state_part(self) -> QWidget:
        """Make the part above the steps: how good the pose is, and what to do next."""
        part = QWidget()
        column = QVBoxLayout(part)
        column.setContentsMargins(12, 6, 12, 0)
        self.result, self.details, self.hint = QLabel(), QLabel(), QLabel()
        font = self.result.font()
        font.setBold(True)
        self.result.setFont(font)
        for label in (self.result, self.details, self.hint):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(label)
        return part

    def _inputs_part(self) -> QWidget:
        part = QWidget()
        form = form_layout(part)
        self.photo, self.terrain = raster_layer_combo(), raster_layer_combo()
        self.photo.setToolTip(tr("Photo of the webcam"))
        self.terrain.setToolTip(tr("Raster layer of heights (DEM)"))
        self.open_photo = tool_button(tr("Open…"), tr("Add a photo to the project"))
        self.open_tiles = tool_button(
            tr("Folder…"), tr("Take all tiles in a folder, such as those of swissALTI3D")
        )
        self.saved_menu, self.menu = QMenu(self), QMenu(self)
        self.saved = menu_button(
            tr("Saved camera…"), tr("Use a camera that was posed in another photo"), self.saved_menu
        )
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

    def _position_part(self) -> QWidget:
        part = QWidget()
        form = form_layout(part)
        self.position = QLineEdit()
        self.position.editingFinished.connect(self.position_typed)
        self.position.setPlaceholderText(tr("unknown"))
        self.position.setToolTip(tr("x, y in the CRS above; leave it empty if unknown"))
        self.on_map = tool_button(
            tr("Click on map"), tr("Click where the camera stands"), checkable=True
        )
        self.sigma = number_field(0.1, 10000, 1, tr(" m"), tr("Standard deviation of x and y"))
        self.sigma.setPrefix(tr("Accuracy of position: ± "))
        self.above = number_field(0, 500, 1, tr(" m"), tr("Of the camera: mast, roof"))
        self.above.setPrefix(tr("Height above ground: "))
        self.near_field = number_field(
            0,
            1000,
            0,
            tr(" m"),
            tr(
                "Ground so near the camera is not looked at. Where the terrain model is wrong by "
                "metres, on crests and roofs, it would hide what lies behind"
            ),
        )
        self.near_field.setPrefix(tr("Ignore ground within: "))
        self.near_field.setSpecialValueText(tr("Ignore ground within: automatic"))
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
            (Projection.EQUIRECTANGULAR, tr("panorama, equirectangular")),
            (Projection.FISHEYE, tr("fisheye")),
        ):
            self.projection.addItem(text, kind.value)
        self.principal = number_field(
            0,
            20,
            1,
            tr(" %"),
            tr(
                "How far the centre of the lens may be off that of the photo, in shares of its "
                "width: it is found with the pose. For photos that were cut, and for lenses that "
                "are measured closely. Needs 6 points"
            ),
        )
        self.principal.setPrefix(tr("Principal point: ± "))
        self.principal.setSpecialValueText(tr("Principal point: centre"))
        self.projection.setToolTip(tr("Panoramas are bent: straight ridges look curved"))
        form.addRow(tr("Position"), widget_row(self.position, self.on_map))
        form.addRow("", self.sigma)
        form.addRow("", self.above)
        form.addRow("", self.near_field)
        form.addRow(tr("Lens"), widget_row(self.projection, self.focal_as))
        lens = widget_row(self.focal, self.principal)
        lens.setStretch(1, 2)  # its text is the longer one
        form.addRow("", lens)
        self.sigma.valueChanged.connect(lambda value: self._emit_change(position_sigma=value))
        self.above.valueChanged.connect(lambda value: self._emit_change(height_above_ground=value))
        self.near_field.valueChanged.connect(lambda value: self._emit_change(near_field=value))
        self.principal.valueChanged.connect(
            lambda value: self._emit_change(principal_point_sigma=value / 100)
        )
        self.focal.valueChanged.connect(lambda value: self._emit_change(focal=value))
        self.focal_as.activated.connect(self._on_focal)
        self.projection.activated.connect(
            lambda _: self._emit_change(projection=self.projection.currentData())
        )
        return part

    def _points_part(self) -> QWidget:
        part = QWidget()
        column = QVBoxLayout(part)
        self.add = tool_button(
            tr("Add and move points"),
            tr("Click a place in the photo, then the same place on the map; drag to move"),
            checkable=True,
        )
        self.undo = icon_button("/mActionUndo.svg", tr("Undo the last change of points (Ctrl+Z)"))
        self.redo = icon_button("/mActionRedo.svg", tr("Redo what was undone (Ctrl+Shift+Z)"))
        self.remove = icon_button(
            "/mActionDeleteSelected.svg", tr("Delete the selected point (Del)")
        )
        self.points_menu = QMenu(self)
        self.table_menu = menu_button(
            tr("Table…"), tr("Import and export points"), self.points_menu
        )
        self.table = PointsTable()
        column.addLayout(widget_row(self.add, self.undo, self.redo, self.remove, self.table_menu))
        column.addWidget(self.table)
        return part

    def _pose_part(self) -> QWidget:
        part = QWidget()
        column = QVBoxLayout(part)
        self.solve = tool_button(tr("Compute"), tr("Fit the pose now; it is also done by itself"))
        self.skyline = tool_button(
            tr("Start from skyline"),
            tr("Find the view by the mountains against the sky, without points"),
        )
        self.station_menu = QMenu(self)
        self.station = menu_button(
            tr("Station…"),
            tr(
                "Photos that a camera which pans, tilts and zooms took from one position: their "
                "points are solved together, and two points a photo are enough"
            ),
            self.station_menu,
        )
        self.show_view = QCheckBox(tr("Show on map"))
        self.show_view.setToolTip(tr("The terrain that the camera sees, and where it looks"))
        self.show_view.setChecked(True)
        self.drape = tool_button(tr("Make orthophoto…"), tr("Drape the photo on the map"))
        self.bridge = number_field(
            0,
            500,
            0,
            tr(" m"),
            tr(
                "Terrain within an avalanche that a ridge or a hump hides from the camera becomes "
                "part of the outline on the map, up to this width"
            ),
        )
        self.bridge.setPrefix(tr("Close hidden gaps up to: "))
        self.bridge.setSpecialValueText(tr("Close hidden gaps up to: off"))
        self.bridge.setValue(settings.BRIDGE.get())
        self.bridge.valueChanged.connect(self._on_bridge)
        self.name = QLineEdit()
        self.name.setPlaceholderText(tr("name of the camera"))
        self.save = tool_button(tr("Save"), tr("Save the camera in the project"))
        self.more = menu_button(
            tr("More…"), tr("Details, shared cameras, import, export"), self.menu
        )
        column.addLayout(widget_row(self.solve, self.station, self.skyline))
        column.addLayout(widget_row(self.show_view, self.drape))
        column.addWidget(self.bridge)
        column.addLayout(widget_row(self.name, self.save, self.more))
        return part

    def _on_focal(self, _index: int) -> None:
        kind = self.focal_as.currentData()
        start = {DEGREES: 60.0, PIXELS: 2000.0}
        self._emit_change(focal_as=kind, **({"focal": start[kind]} if kind in start else {}))

    def _on_bridge(self, metres: float) -> None:
        settings.BRIDGE.set(metres)
        self.bridge_changed.emit()

    def _emit_change(self, **changes: object) -> None:
        self.changed.emit(changes)


def _step(title: str, content: QWidget) -> QgsCollapsibleGroupBoxBasic:
    """Make a part that folds; of its content, what is hidden stays so when it unfolds."""
    step = QgsCollapsibleGroupBoxBasic(title)
    column = QVBoxLayout(step)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(content)
    return step
