"""All that is open while avalanches are mapped, and how its parts are joined."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject, Qt
from qgis.PyQt.QtWidgets import QFileDialog, QMessageBox

from . import settings
from .actions.avalanche_list import AvalancheListController
from .actions.export import ExportActions
from .actions.overlay import SegmentationOverlay
from .actions.save import FeatureSaver
from .actions.start_from import StartFromActions
from .camera.gui.controller import CameraController
from .canvas.map_tool import SegmentTool
from .core.errors import IsegError
from .features import target
from .features.queries import find_feature
from .georef.georeferencer import Georeferencer
from .georef.map_prompts import MapPrompts
from .gui.avalanches_dock import AvalanchesDock
from .gui.segment_dock import SegmentDock
from .i18n import tr
from .layers.kinds import file_of, is_photo
from .layers.reader import ImageReader
from .messages import Messages
from .session.draft import FeatureRef, ObjectDraft
from .session.mapped_image import MappedImage
from .session.session import SegmentationSession
from .worker.camera_client import CameraClient
from .worker.segmentation_client import SegmentationClient
from .worker.settings import WorkerSettings
from .worker.state import WorkerState


class PluginController(QObject):
    """Made when the plugin is first used; `close` takes all of it away."""

    def __init__(self, iface) -> None:
        super().__init__(iface.mainWindow())
        self._iface, self._canvas = iface, iface.mapCanvas()
        self._earlier_tool = None
        self._loaded = None
        window = iface.mainWindow()
        self.notices = Messages(iface)
        self.service = SegmentationClient(self)
        self.reader = ImageReader(self)
        self.workspace = SegmentationSession(self.service, self.reader, self)
        self.workspace.may_discard = self._may_discard
        self.dock, self.list = SegmentDock(window), AvalanchesDock(window)
        self.surveyor = CameraClient(self)
        self.desk = CameraController(iface, self.surveyor, self)
        self.ground = Georeferencer(self._canvas, self.workspace, self.desk, self.surveyor, self)
        self._on_map = MapPrompts(self.workspace)
        self.tool = SegmentTool(self._canvas, self._on_map)
        self.picture_tool = SegmentTool(self.desk.photo_canvas, self.workspace)
        self.display = SegmentationOverlay(self._canvas, self.workspace, self.dock, self.tool, self)
        self.picture_display = SegmentationOverlay(
            self.desk.photo_canvas, self.workspace, self.dock, self.picture_tool, self
        )
        self.finished = AvalancheListController(
            iface, self.workspace, self.list, self.notices.warn, self
        )
        self.saver = FeatureSaver(self.workspace, self.service, self.ground, self.dock, self)
        self.imports = StartFromActions(
            iface, self.workspace, self.ground, self.dock.import_menu, self.notices.warn
        )
        self.exports = ExportActions(iface, self.workspace, self.notices)
        self._join()
        for dock in (self.dock, self.list):
            iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        window.tabifyDockWidget(self.dock, self.desk.dock)
        for dock in (self.desk.dock, self.desk.photo_dock):
            dock.hide()  # until cameras are wanted
        self._shape_changed()
        self._show_prompts()

    def open(self) -> None:
        """Show the panels, warm the worker up, take the tool in hand."""
        self.configure_worker()
        self.service.start()
        self.dock.setUserVisible(True)
        self.list.show()
        layer = self._iface.activeLayer()
        if isinstance(layer, QgsRasterLayer):
            self.dock.layer.setLayer(layer)
        self._choose_layer()
        self._take_tool()

    def open_camera(self) -> None:
        """Show the panels in which a photo's camera is posed, with the photo in hand."""
        self.surveyor.start()
        image = self.workspace.image
        layer = QgsProject.instance().mapLayer(image.layer_id) if image else None
        if layer is not None and is_photo(layer):
            self.desk.dock.photo.setLayer(layer)
        self.desk.open()

    def close(self) -> None:
        """Leave no item, dock, connection or process behind."""
        self._canvas.mapToolSet.disconnect(self._on_tool_set)
        if self._canvas.mapTool() is self.tool:
            self._give_tool_back()
        self.finished.close()
        self.ground.close()
        for display in (self.display, self.picture_display):
            display.close()
        for tool in (self.tool, self.picture_tool):
            tool.close()
        self.desk.close()
        self.reader.close()
        self.service.stop()
        self.surveyor.stop()
        for dock in (self.dock, self.list):
            self._iface.removeDockWidget(dock)
            dock.deleteLater()
        self.deleteLater()

    def configure_worker(self) -> None:
        """Let the worker be as the options and the panel say."""
        self.surveyor.configure(settings.INTERPRETER.get())
        self.service.configure(
            WorkerSettings(
                interpreter=settings.INTERPRETER.get(),
                model=settings.MODEL.get(),
                device=settings.DEVICE.get(),
                threads=settings.THREADS.get(),
            )
        )

    def _join(self) -> None:
        dock, space = self.dock, self.workspace
        dock.layer_chosen.connect(self._choose_layer)
        dock.shape_changed.connect(self._shape_changed)
        dock.model_chosen.connect(self._on_model)
        dock.new_target_requested.connect(self._new_target)
        dock.browse.clicked.connect(self._browse_model)
        dock.slider_released.connect(self._canvas.setFocus)
        dock.restart.clicked.connect(self._start_again)
        dock.tool.clicked.connect(self._toggle_tool)
        for button, action in (
            (dock.undo, space.undo),
            (dock.redo, space.redo),
            (dock.finish, space.finish),
            (dock.discard, space.discard),
        ):
            button.clicked.connect(lambda _=False, a=action: a())
        space.image_changed.connect(self._on_image)
        space.prompts_changed.connect(self._show_prompts)
        space.said.connect(self.notices.warn)
        self.saver.said.connect(self.notices.warn)
        self.saver.saved.connect(self._on_saved)
        self.service.state_changed.connect(self._show_state)
        self.ground.said.connect(self.notices.warn)
        self.desk.camera_changed.connect(self._on_camera)
        self._canvas.mapToolSet.connect(self._on_tool_set)

    # --- image -----------------------------------------------------------------------------

    def _choose_layer(self) -> None:
        layer, image = self.dock.layer.currentLayer(), self.workspace.image
        same = layer is not None and image is not None and image.layer_id == layer.id()
        if not same or image.source.needs_pixel_size:
            self.workspace.choose(layer, self.dock.pixel_size.value())

    def _on_image(self) -> None:
        image = self.workspace.image
        self.dock.show_pixel_size(needed=image is not None and image.source.needs_pixel_size)

        self._on_camera()
        layer = QgsProject.instance().mapLayer(image.layer_id) if image else None
        if self.desk.dock.isVisible() and layer is not None and is_photo(layer):
            self.desk.dock.photo.setLayer(layer)

    # --- camera ----------------------------------------------------------------------------

    def _on_camera(self) -> None:
        """Another photo on the desk, or another pose of it."""
        photo, image = self.desk.dock.photo.currentLayer(), self.workspace.image
        begun = image is not None and photo is not None and image.source.path != file_of(photo)
        if photo is not None and (image is None or begun) and self.desk.dock.isVisible():
            self.dock.layer.setLayer(photo)
        self._on_map.through = self.ground.grid
        self.tool.show_prompts()

    def _on_saved(self, _image: MappedImage, home: FeatureRef) -> None:
        self.finished.refresh()
        layer, feature = find_feature(home)
        layer.triggerRepaint()
        if self.dock.open_form.isChecked():
            self._iface.openFeatureForm(layer, feature, False, False)

    # --- tool ------------------------------------------------------------------------------

    def _take_tool(self) -> None:
        if self._canvas.mapTool() is not self.tool:
            self._earlier_tool = self._canvas.mapTool()
            self._canvas.setMapTool(self.tool)
        self._canvas.setFocus()

    def _give_tool_back(self) -> None:
        if self._earlier_tool is not None:
            self._canvas.setMapTool(self._earlier_tool)
        else:
            self._canvas.unsetMapTool(self.tool)

    def _toggle_tool(self) -> None:
        if self._canvas.mapTool() is self.tool:
            self._give_tool_back()
        else:
            self._take_tool()

    def _on_tool_set(self, new, _old=None) -> None:
        self.dock.tool.setChecked(new is self.tool)
        if new is self.tool:
            self.desk.photo_dock.set_tool(self.picture_tool)

    # --- panel -----------------------------------------------------------------------------

    def _shape_changed(self) -> None:
        self.workspace.shape = self.dock.shape_settings

    def _show_prompts(self) -> None:
        draft = self.workspace.draft
        begun = bool(draft and not draft.prompts.empty)
        self.dock.undo.setEnabled(bool(draft and draft.history.can_undo))
        self.dock.redo.setEnabled(bool(draft and draft.history.can_redo))
        self.dock.finish.setEnabled(begun)
        self.dock.discard.setEnabled(bool(draft and (begun or draft.history.touched)))
        self.dock.offer_write_back(offered=bool(draft and draft.home))
        self.dock.hint.setText(_hint(draft))

    def _show_state(self) -> None:
        self.dock.show_state(self.service.state, self.service.text)
        welcome, loaded = self.service.welcome, self.service.loaded
        if self.service.state is WorkerState.READY and welcome is not None:
            self.dock.show_models(dict(welcome.models), list(welcome.devices))
        if loaded is not None and loaded is not self._loaded:
            self._loaded = loaded
            self.dock.threshold.value = loaded.threshold

    # --- worker ----------------------------------------------------------------------------

    def _on_model(self) -> None:
        settings.MODEL.set(self.dock.model.currentData())
        settings.DEVICE.set(self.dock.device.currentData())
        self.configure_worker()

    def _browse_model(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self.dock, tr("Model file"), "", tr("Models (*.safetensors *.pth)")
        )
        if path:
            settings.MODEL.set(path)
            self.dock.show_models(
                {path: Path(path).stem, **self.dock.models()}, self.dock.devices()
            )
            self.configure_worker()

    def _start_again(self) -> None:
        self.configure_worker()
        self.service.start()

    def _new_target(self) -> None:
        image = self.workspace.image
        if image is None:
            self.notices.warn(tr("Choose an image first: the layer is made for its kind."))
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
            self.dock.target.setLayer(self.saver.make_layer(image, path))
        except IsegError as error:
            self.notices.warn(str(error))

    def _may_discard(self) -> bool:
        answer = QMessageBox.question(
            self._iface.mainWindow(),
            tr("Discard this avalanche?"),
            tr("Its clicks and its mask would be lost."),
            QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return answer == QMessageBox.StandardButton.Discard


def _hint(draft: ObjectDraft | None) -> str:
    """What to do next."""
    if draft is None:
        return tr("Choose an image, a photo or a raster layer, to begin.")
    if draft.prompts.empty:
        return tr("Click on an avalanche, or drag a box round it.")
    if draft.prompts.clicks:
        return tr(
            "Left click: more of it. Right click: less. Click on a mark takes it away. "
            "Enter finishes."
        )
    return tr("Click on what is missing, right click on what is too much. Enter finishes.")
