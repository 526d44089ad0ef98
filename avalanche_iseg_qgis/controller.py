"""The parts that are open while avalanches are mapped, and how they are joined."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsMapLayer, QgsProject, QgsRasterLayer
from qgis.gui import QgisInterface, QgsMapLayerComboBox, QgsMapTool
from qgis.PyQt.QtCore import QObject, Qt, QTimer, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QFileDialog, QMessageBox

from . import settings
from .actions.accept import AcceptedOutlineSaver
from .actions.avalanche_list import AvalancheListController
from .actions.classify import ClassifyActions
from .actions.demo import open_demo
from .actions.editors import EditorsController
from .actions.export import ExportActions
from .actions.history import HistoryActions
from .actions.overlay import SegmentationOverlay
from .actions.recovery import RecoveryController
from .actions.review import ReviewActions
from .actions.save import FeatureSaver
from .actions.setup import SetupActions
from .actions.start_from import StartFromActions
from .camera.gui.controller import CameraController
from .canvas.brush import Brush
from .canvas.map_tool import SegmentTool
from .core.errors import IsegError
from .core.files import normal_path
from .features import target
from .features.history import HistoryFollower, no_history, place_of
from .features.reference import resolve
from .features.stacking import add_image
from .georef.georeferencer import Georeferencer
from .gui.avalanches_dock import AvalanchesDock
from .gui.segment_dock import SegmentDock
from .gui.shortcuts import KeyActions
from .gui.widgets import retire
from .i18n import tr
from .layers.kinds import file_of, is_photo
from .layers.reader import ImageReader
from .messages import HELP, Messages
from .models.catalogue import usable
from .series.controller import MappingActions, SeriesController
from .session.draft import DraftState, FeatureRef, ObjectDraft
from .session.qt_session import QtSession
from .session.session import empty_text
from .worker.camera_client import CameraClient
from .worker.segmentation_client import SegmentationClient
from .worker.settings import ShapeSettings, WorkerSettings
from .worker.state import WorkerState

if TYPE_CHECKING:
    from .core.worker.protocol import Loaded
    from .session.mapped_image import MappedImage


_LAYOUT_DELAY = 100  # ms until the window has made room for new docks


class PluginController(QObject):
    """Made when the plugin is first used; `close` takes all of it away."""

    def __init__(self, iface: QgisInterface) -> None:
        super().__init__(iface.mainWindow())
        self._iface, self._canvas = iface, iface.mapCanvas()
        self._earlier_tool: QgsMapTool | None = None
        self._loaded: Loaded | None = None
        self._arrival = QTimer(self)
        self._arrival.setSingleShot(True)
        self._arrival.timeout.connect(self._choose_new)
        self._told: set[str] = set()  # layers of which was said that avalanches go there
        self._is_following = False  # one panel the other
        window = iface.mainWindow()
        self.messages = Messages(iface)
        warn = self.messages.warn
        self.segmentation_client = SegmentationClient(self)
        self.camera_client = CameraClient(self)
        self.reader = ImageReader(self)
        self.session = session = QtSession(self.segmentation_client, self.reader, self)
        session.may_discard = self._may_discard
        self.dock, self.avalanches_dock = SegmentDock(window), AvalanchesDock(window)
        self.camera = CameraController(iface, self.camera_client, self)
        self.georeferencer = Georeferencer(
            self._canvas, session, self.camera, self.camera_client, self
        )
        photo_canvas = self.camera.photo_dock.canvas
        self.brush = Brush(self)
        self.tool = SegmentTool(self._canvas, session, self.brush)
        self.photo_tool = SegmentTool(photo_canvas, session, self.brush)
        self._brush_keys = self._make_brush_keys()
        for tool in (self.tool, self.photo_tool):
            tool.shows_preview = self.dock.preview.isChecked
        self.overlay = SegmentationOverlay(self._canvas, session, self.dock, self.tool, self)
        self.photo_overlay = SegmentationOverlay(
            photo_canvas, session, self.dock, self.photo_tool, self
        )
        self.avalanche_list = AvalancheListController(
            iface, session, self.avalanches_dock, warn, self
        )
        self.classify = ClassifyActions(iface, self.avalanches_dock, self.messages, self)
        self.review = ReviewActions(iface, self.avalanches_dock, self.messages, self)
        self.history_follower = HistoryFollower(warn, self)
        self.history = HistoryActions(iface, self.avalanches_dock, warn, self)
        self.editors = EditorsController(session, self.avalanches_dock, warn, self)
        self.avalanche_list.who_edits = self.editors.who_edits
        self.feature_saver = FeatureSaver(
            session, self.segmentation_client, self.georeferencer, self.dock, self
        )
        self.start_actions = StartFromActions(
            iface, session, self.georeferencer, self.dock.import_menu, warn, self._activate_tool
        )
        self.avalanche_list.start_from = self.start_actions.from_features
        self.export_actions = ExportActions(iface, session, self.messages)
        self.keeper = RecoveryController(session, self.dock, warn, self)
        self.series: SeriesController | None = None  # made when one is first wanted
        self._connect()
        self.setup_actions = SetupActions(
            iface, self.dock, self.segmentation_client, self._restart_worker, self
        )
        for dock in (self.dock, self.avalanches_dock):
            iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        window.tabifyDockWidget(self.dock, self.camera.dock)
        for dock in (self.camera.dock, self.camera.photo_dock):
            dock.hide()  # until cameras are wanted
        self._layout = QTimer(self)
        self._layout.setSingleShot(True)
        self._layout.timeout.connect(self._share_height)
        self._layout.start(_LAYOUT_DELAY)
        self._set_shape()
        self._show_prompts()

    def open(self, *, take_tool: bool = True) -> None:
        """Show the panels, start the worker, activate the map tool."""
        settings.PANELS_OPEN.set(True)
        self.configure_worker()
        self.segmentation_client.start()
        self.dock.setUserVisible(True)
        self.avalanches_dock.show()
        active = self._iface.activeLayer()
        if active in self._images():
            self.dock.layer.setLayer(active)
        self._choose_layer()
        self._show_posed_photo()
        if take_tool:
            self._activate_tool()

    def open_camera(self) -> None:
        """Show the panels in which a photo's camera is posed, with the current photo."""
        self.camera_client.start()
        photo = self._current_photo()
        if photo is not None:
            self.camera.dock.photo.setLayer(photo)
        self.camera.open()

    def open_series(self) -> None:
        """Show the panel in which a series of photos is looked through."""
        if self.series is None:
            self.series = SeriesController(
                self._iface,
                self.session,
                self.dock,
                self.camera,
                self.camera_client,
                self.messages,
                self._mapping(),
                self,
            )
            self.avalanche_list.listed.connect(self.series.follow_list)
        self.series.dock.setUserVisible(True)

    def _mapping(self) -> MappingActions:
        """Return what a series needs of the mapping of avalanches."""
        saver = AcceptedOutlineSaver(
            self.session,
            self.segmentation_client,
            self.georeferencer,
            self.feature_saver,
            self.avalanche_list.refresh,
        )
        return MappingActions(
            list_avalanches=lambda: [each.feature_ref for each in self.avalanches_dock.entries],
            add_outlines=saver.add,
            save_edits=self.avalanche_list.save_edits,
            take_tool=self._activate_tool,
        )

    def _share_height(self) -> None:
        """Give the panel Segment the height that shows all its parts, the list the rest."""
        docks = [self.dock, self.avalanches_dock]
        room = self.dock.height() + self.avalanches_dock.height()
        needed = min(self.dock.height() + self.dock.hidden_height, room)
        along = Qt.Orientation.Vertical
        self._iface.mainWindow().resizeDocks(docks, [needed, room - needed], along)

    def close(self) -> None:
        """Leave no item, dock, connection or process behind."""
        self._canvas.mapToolSet.disconnect(self._on_tool_set)
        QgsProject.instance().layersRemoved.disconnect(self._choose_layer)
        QgsProject.instance().layersAdded.disconnect(self._on_layers_added)
        self._arrival.stop()
        self._layout.stop()
        if self._canvas.mapTool() is self.tool:
            self._deactivate_tool()
        if self.series is not None:
            self.series.close()
        self.keeper.close()
        self.setup_actions.close()
        self.avalanche_list.close()
        for part in (self.classify, self.review, self.history, self.history_follower, self.editors):
            part.close()
        self._brush_keys.close()
        self.georeferencer.close()
        for overlay in (self.overlay, self.photo_overlay):
            overlay.close()
        for tool in (self.tool, self.photo_tool):
            tool.close()
        self.camera.close()
        self.reader.close()
        self.segmentation_client.stop()
        self.camera_client.stop()
        for dock in (self.dock, self.avalanches_dock):
            self._iface.removeDockWidget(dock)
            retire(dock)
        self.deleteLater()

    def configure_worker(self) -> None:
        """Configure the workers by the options and the panel."""
        self.camera_client.configure(settings.INTERPRETER.get())
        self.segmentation_client.configure(
            WorkerSettings(
                interpreter=settings.INTERPRETER.get(),
                model=settings.MODEL.get(),
                device=settings.DEVICE.get(),
                threads=settings.THREADS.get(),
            )
        )

    def _connect(self) -> None:
        dock, session, warn = self.dock, self.session, self.messages.warn
        dock.layer_chosen.connect(self._choose_layer)
        dock.open_image.clicked.connect(lambda _=False: self._open_image())
        dock.demo.clicked.connect(lambda _=False: self._open_demo())
        dock.shape_changed.connect(self._set_shape)
        dock.model_chosen.connect(self._on_model)
        dock.new_target_requested.connect(self._make_target)
        dock.write_back.toggled.connect(self._set_write_back)
        dock.slider_released.connect(self._canvas.setFocus)
        dock.threshold_reset.connect(self._reset_threshold)
        dock.help.clicked.connect(lambda _=False: QDesktopServices.openUrl(QUrl(HELP)))
        dock.closed.connect(lambda: settings.PANELS_OPEN.set(False))
        dock.restart.clicked.connect(self._restart_worker)
        dock.replaced.buttons[0].clicked.connect(lambda _=False: session.move_to_new_file())
        dock.tool.clicked.connect(self._toggle_tool)
        dock.brush.clicked.connect(self._toggle_brush)
        self.brush.changed.connect(self._show_brush)
        for button, action in (
            (dock.undo, session.undo),
            (dock.redo, session.redo),
            (dock.finish, session.finish),
            (dock.discard, session.discard),
        ):
            button.clicked.connect(lambda _=False, a=action: a())
        session.image_changed.connect(self._on_image)
        session.prompts_changed.connect(self._show_prompts)
        session.prediction_changed.connect(self._show_hint)
        session.outline_changed.connect(self._show_hint)
        session.message.connect(warn)
        session.draft_changed.connect(self._warn_of_waiting)
        self.feature_saver.saved.connect(self._on_saved)
        self.segmentation_client.state_changed.connect(self._show_state)
        self.camera_client.state_changed.connect(self._warn_of_camera)
        self.camera.camera_changed.connect(self._on_camera)
        self._canvas.mapToolSet.connect(self._on_tool_set)
        QgsProject.instance().layersRemoved.connect(self._choose_layer)
        QgsProject.instance().layersAdded.connect(self._on_layers_added)

    # --- image -----------------------------------------------------------------------------

    def _choose_layer(self, _removed: object = None) -> None:
        """Open the layer that the panel shows, if it is not the current image."""
        layer, image = self.dock.layer.currentLayer(), self.session.image
        is_open = layer is not None and image is not None and image.layer_id == layer.id()
        if image is None or not is_open or image.source.needs_pixel_size:
            self.session.choose(layer, self.dock.pixel_size.value())
            self._show_posed_photo()

    def _show_posed_photo(self) -> None:
        """Show the photo beside the map, if the map shows only the outlines in it."""
        photo, image = self._current_photo(), self.session.image
        on_map = self._canvas.mapSettings().destinationCrs().isValid()
        if on_map and photo is not None and self.georeferencer.pose_of(image) is not None:
            self.camera_client.start()
            self.camera.show_photo()
            self._follow(self.camera.dock.photo, photo)

    def _open_image(self) -> None:
        """Add an image file to the project, choose it and zoom to it."""
        kinds = tr("Images (*.jpg *.jpeg *.png *.tif *.tiff);;All files (*)")
        path, _ = QFileDialog.getOpenFileName(self.dock, tr("Image"), "", kinds)
        if not path:
            return
        layer = QgsRasterLayer(path, Path(path).stem)
        if not layer.isValid():
            self.messages.warn(tr("{} is no image that QGIS can read.").format(path))
            return
        add_image(layer)
        self.dock.layer.setLayer(layer)
        view = self._canvas.mapSettings()
        self._canvas.setExtent(view.layerExtentToOutputExtent(layer, layer.extent()))
        self._canvas.refresh()

    def _on_layers_added(self, layers: Sequence[QgsMapLayer]) -> None:
        """Choose a new picture, once a project that is being opened is there as a whole."""
        if any(isinstance(layer, QgsRasterLayer) for layer in layers):
            self._arrival.start(0)

    def _choose_new(self) -> None:
        """Choose a picture if there is none in hand, the active layer first."""
        if self.dock.layer.currentLayer() is not None or not self.dock.isVisible():
            return
        images = self._images()
        if images:
            self.dock.layer.setLayer(images[0])

    def _images(self) -> list[QgsRasterLayer]:
        """Return the rasters of the project, the active one first, but for the camera's terrain."""
        layers = [self._iface.activeLayer(), *QgsProject.instance().mapLayers().values()]
        rasters = [layer for layer in layers if isinstance(layer, QgsRasterLayer)]
        terrain = self.camera.pose_session.draft.dem
        return [layer for layer in rasters if file_of(layer) not in terrain]

    def _open_demo(self) -> None:
        try:
            self.dock.layer.setLayer(open_demo(self._iface))
        except IsegError as error:
            self.messages.warn(str(error))
        self._activate_tool()

    def _on_image(self) -> None:
        image = self.session.image
        self.dock.demo.setVisible(image is None)
        self.dock.show_pixel_size(needed=image is not None and image.source.needs_pixel_size)
        text = ""
        if image is not None and image.replaced:
            text = tr("{} is another image now. This avalanche is in the one before.")
            text = text.format(image.origin.image_name)
        self.dock.replaced.show_text(text)
        self._show_grid()
        photo = self._current_photo()
        if self.camera.dock.isVisible() and photo is not None:
            self._follow(self.camera.dock.photo, photo)

    def _follow(self, combo: QgsMapLayerComboBox, layer: QgsMapLayer) -> None:
        """Choose the same photo in the other panel, which does not choose one here in turn."""
        if self._is_following:
            return
        self._is_following = True
        try:
            combo.setLayer(layer)
        finally:
            self._is_following = False

    def _current_photo(self) -> QgsMapLayer | None:
        """Return the layer of the current image, if that is a photo."""
        image = self.session.image
        layer = QgsProject.instance().mapLayer(image.layer_id) if image else None
        return layer if layer is not None and is_photo(layer) else None

    # --- camera ----------------------------------------------------------------------------

    def _on_camera(self) -> None:
        """Follow the Camera panel: another photo, or another pose of it."""
        photo, image = self.camera.dock.photo.currentLayer(), self.session.image
        differs = photo is not None and (image is None or not _is_of(image, photo))
        if differs and self.camera.dock.isVisible():
            self._follow(self.dock.layer, photo)
        self._show_grid()

    def _show_grid(self) -> None:
        """Let clicks on the map count, where a posed photo is the image."""
        self.tool.photo_grid = self.georeferencer.grid
        self.tool.show_prompts()

    def _on_saved(self, ref: FeatureRef) -> None:
        self.avalanche_list.note_saved(ref)
        if self.series is not None:
            self.series.note_saved(ref)
        found = resolve(ref)
        if found is None:
            return
        found[0].triggerRepaint()
        if ref.layer_id not in self._told:
            self._told.add(ref.layer_id)
            text = tr("In the layer “{}”. Save writes it to its file.").format(found[0].name())
            if not place_of(found[0])[1]:
                text += " " + no_history(found[0])
            self.messages.inform(text)
        if self.dock.open_form.isChecked():
            self._iface.openFeatureForm(*found, False, False)

    # --- tool ------------------------------------------------------------------------------

    def _activate_tool(self) -> None:
        if self._canvas.mapTool() is not self.tool:
            self._earlier_tool = self._canvas.mapTool()
            self._canvas.setMapTool(self.tool)
        self._canvas.setFocus()

    def _deactivate_tool(self) -> None:
        if self._earlier_tool is not None:
            self._canvas.setMapTool(self._earlier_tool)
        else:
            self._canvas.unsetMapTool(self.tool)

    def _toggle_tool(self) -> None:
        if self._canvas.mapTool() is self.tool:
            self._deactivate_tool()
        else:
            self._activate_tool()

    def _on_tool_set(self, new: QgsMapTool, _old: QgsMapTool | None = None) -> None:
        self.dock.tool.setChecked(new is self.tool)
        self._brush_keys.enable(enabled=new is self.tool)
        if new is self.tool:
            self.camera.photo_dock.set_tool(self.photo_tool)
            self.camera.photo_dock.show_pose.setChecked(False)  # points would hide avalanches

    # --- brush -----------------------------------------------------------------------------

    def _make_brush_keys(self) -> KeyActions:
        """Make the keys of the brush, which others may use while the map tool is not."""
        keys = KeyActions(self._iface)
        keys.add("AvalancheISeg_brush", tr("Brush or clicks"), "B", self.brush.toggle)
        larger, smaller = partial(self.brush.grow, 1), partial(self.brush.grow, -1)
        keys.add("AvalancheISeg_brush_larger", tr("Larger brush"), ".", larger)
        keys.add("AvalancheISeg_brush_smaller", tr("Smaller brush"), ",", smaller)
        keys.enable(enabled=False)
        return keys

    def _toggle_brush(self) -> None:
        self._activate_tool()
        self.brush.toggle()

    def _show_brush(self) -> None:
        self.dock.brush.setChecked(self.brush.active)
        self._show_hint()

    # --- panel -----------------------------------------------------------------------------

    def _set_shape(self) -> None:
        self.session.shape = self.dock.shape_settings
        self._show_hint()

    def _reset_threshold(self) -> None:
        if self._loaded is not None:
            self.dock.threshold.value = self._loaded.threshold

    def _show_prompts(self) -> None:
        draft = self.session.draft
        self.dock.undo.setEnabled(bool(draft and draft.history.can_undo))
        self.dock.redo.setEnabled(bool(draft and draft.history.can_redo))
        self.dock.finish.setEnabled(bool(draft and not draft.prompts.empty))
        self.dock.discard.setEnabled(bool(draft and draft.has_work))
        write_back = draft is not None and draft.feature_ref is not None and draft.write_back
        self.dock.offer_write_back(offered=bool(draft and draft.feature_ref))
        self.dock.write_back.setChecked(write_back)
        self._show_hint()

    def _show_hint(self) -> None:
        draft = self.session.draft
        text = _hint(draft, self.session.shape)
        if self.brush.active and draft is not None:
            text = tr(
                "Left: paint. Right, or Shift: erase. Shift and wheel: size, {} px. B or Esc: "
                "clicks again."
            ).format(f"{self.brush.radius:g}")
        self.dock.hint.setText(text)

    def _set_write_back(self, chosen: bool) -> None:
        draft = self.session.draft
        if draft is not None and draft.feature_ref is not None and draft.write_back != chosen:
            draft.write_back = chosen
            self.session.draft_changed.emit(self.session.image)

    def _show_state(self) -> None:
        client = self.segmentation_client
        self.dock.show_state(client.state, client.text)
        self._warn_of_waiting()
        loaded = client.loaded
        if loaded is not None and loaded is not self._loaded:
            self._loaded = loaded
            self.dock.show_models(usable(settings.MODEL.get()), settings.MODEL.get())
            self.dock.show_devices(list(client.welcome.devices), settings.DEVICE.get())
            self.dock.threshold.value = loaded.threshold
            self.session.adopt_threshold(loaded.threshold)

    def _warn_of_camera(self) -> None:
        """Say why what needs the camera is not done, if its worker cannot go on."""
        client = self.camera_client
        if client.state is WorkerState.BROKEN and client.busy:
            self.messages.warn(client.text)

    def _warn_of_waiting(self, _image: object = None) -> None:
        """Say why an object that was finished is not a feature, if the worker cannot go on."""
        draft, client = self.session.draft, self.segmentation_client
        is_waiting = draft is not None and draft.state is DraftState.FINISHING
        if is_waiting and client.state is WorkerState.BROKEN:
            self.messages.warn(client.text)

    # --- worker ----------------------------------------------------------------------------

    def _on_model(self) -> None:
        settings.MODEL.set(self.dock.model.currentData())
        settings.DEVICE.set(self.dock.device.currentData())
        self.configure_worker()

    def _restart_worker(self) -> None:
        self.configure_worker()
        self.segmentation_client.restart()

    def _make_target(self) -> None:
        image = self.session.image
        if image is None:
            self.messages.warn(tr("Choose an image first: the layer is made for its kind."))
            return
        path, _ = QFileDialog.getSaveFileName(
            self.dock,
            tr("GeoPackage for avalanches"),
            target.default_path(QgsProject.instance(), image.origin.path),
            tr("GeoPackage (*.gpkg)"),
            "",
            QFileDialog.Option.DontConfirmOverwrite,
        )
        if not path:
            return
        try:
            self.dock.target.setLayer(self.feature_saver.make_layer(image, path))
        except IsegError as error:
            self.messages.warn(str(error))

    def _may_discard(self) -> bool:
        answer = QMessageBox.question(
            self._iface.mainWindow(),
            tr("Discard this avalanche?"),
            tr("The clicks and the outline will be lost."),
            QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return bool(answer == QMessageBox.StandardButton.Discard)


def _is_of(image: MappedImage, layer: QgsMapLayer) -> bool:
    """Return whether an image is that of a layer, by whatever path."""
    return normal_path(image.source.path) == normal_path(file_of(layer))


def _hint(draft: ObjectDraft | None, shape: ShapeSettings) -> str:
    """Return what to do next."""
    if draft is None:
        return tr("Choose an image, a photo or a raster layer, to begin.")
    if draft.prompts.empty:
        return tr("Drag a box round an avalanche, or click on it.")
    if draft.is_empty(shape):
        return empty_text()
    if draft.prompts.clicks:
        return tr(
            "Left click: add. Right click: remove. Click a mark to delete it. Enter: save the "
            "outline."
        )
    return tr("Click on what is missing, right click on what is too much. Enter: save the outline.")
