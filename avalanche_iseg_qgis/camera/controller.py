"""The Camera dock and the Picture dock, joined: what the rest of the plugin knows of cameras."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QDockWidget

from ..core.camera import CameraRecord
from ..core.errors import IsegError
from ..core.projection.range_map import RangeMap
from ..i18n import tr
from ..messages import Messages
from .gui.camera_dock import CameraDock
from .gui.file_actions import CameraFileActions
from .gui.inputs import PoseInputs
from .gui.overlays import CameraOverlays
from .gui.photo_dock import PhotoDock
from .gui.tools import CameraTools
from .places import file_of, is_photo
from .points import MAP, PICTURE
from .pose_quality import next_step, result
from .pose_session import PoseSession
from .requests import CameraRequests

_SETTLED = 100  # ms until the window has made room for new docks


class CameraController(QObject):
    """Made when cameras are first needed; `close` takes all of it away.

    Signals
    -------
    camera_changed
        The picture in hand, its pose, or what that sees.
    """

    camera_changed = pyqtSignal()

    def __init__(self, iface, surveyor, parent: QObject) -> None:
        super().__init__(parent)
        self._iface, self._canvas = iface, iface.mapCanvas()
        window = iface.mainWindow()
        self.notices = Messages(iface)
        self.dock, self.picture = CameraDock(window), PhotoDock(window)
        self._asking = CameraRequests(surveyor, self)
        self.work = PoseSession(self._asking, self)
        self.shown = CameraOverlays(self._canvas, self.picture, self.dock, self.work, self)
        self.files = CameraFileActions(self.dock, self.work, self.notices, self)
        self.hands = CameraTools(self._canvas, self.picture, self.dock, self.shown, self)
        self.sources = PoseInputs(self.dock, self.picture, self.work, self.notices, self)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLED)
        self._settled.timeout.connect(self._share_room)
        self.picture.closed.connect(self._settled.start)
        self._join()
        self._place_docks()
        self.sources.offer()
        self._show()

    # --- for the rest of the plugin ----------------------------------------------------------

    @property
    def picture_canvas(self) -> QgsMapCanvas:
        """Shows the photo in hand, in its pixel coordinates."""
        return self.picture.canvas

    @property
    def record(self) -> CameraRecord | None:
        """The camera of the photo in hand."""
        return self.work.sheet.record

    @property
    def ranges(self) -> RangeMap | None:
        """What the photo in hand sees, once that is known."""
        return self.work.ranges

    @property
    def dem(self) -> list[str]:
        """Files of the terrain model."""
        return list(self.work.sheet.dem)

    def record_for(self, layer: QgsRasterLayer | None) -> CameraRecord | None:
        """The camera of a photo; None where there is none, or the layer is no photo."""
        if layer is None or not is_photo(layer):
            return None
        sheet = self.work.sheet_of(file_of(layer))
        return None if sheet is None else sheet.record

    def open(self) -> None:
        """Show the docks, with the photo that is active, else the one last worked on."""
        if not self.picture.isVisible():
            self._settled.start()
        for dock in (self.picture, self.dock):
            dock.setUserVisible(True)
        layer = self._iface.activeLayer()
        if is_photo(layer):
            self.dock.photo.setLayer(layer)
        elif self.dock.photo.currentLayer() is None:
            self.sources.take_last()

    def close(self) -> None:
        """Leave no item, dock, tool or connection behind."""
        project = QgsProject.instance()
        project.readProject.disconnect(self._on_project)
        project.cleared.disconnect(self._on_project)
        self._settled.stop()
        self.sources.close()
        self.hands.close()
        self._asking.close()
        self.work.close()
        self.shown.close()
        self.picture.close_canvas()
        for dock in (self.dock, self.picture):
            self._iface.removeDockWidget(dock)
            dock.deleteLater()
        self.deleteLater()

    def _place_docks(self) -> None:
        """The picture is a column of its own, between the layers and the map."""
        window, across = self._iface.mainWindow(), Qt.Orientation.Horizontal
        self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.picture, across)

    def _share_room(self) -> None:
        """A third of the window to the picture, if shown; most of the height to this panel."""
        window = self._iface.mainWindow()
        layers = window.findChild(QDockWidget, "Layers")
        avalanches = window.findChild(QDockWidget, "AvalancheISegAvalanches")
        for docks, shares, along, room in (
            ((layers, self.picture), (0.12, 0.33), Qt.Orientation.Horizontal, window.width()),
            ((self.dock, avalanches), (0.65, 0.2), Qt.Orientation.Vertical, window.height()),
        ):
            if all(dock is not None for dock in docks):
                window.resizeDocks(docks, [int(share * room) for share in shares], along)
        self.picture.show_all()

    # --- joining ---------------------------------------------------------------------------

    def _join(self) -> None:
        dock, work, project = self.dock, self.work, QgsProject.instance()
        dock.changed.connect(lambda changes: work.change(**changes))
        dock.bridge_chosen.connect(self.camera_changed)
        dock.solve.clicked.connect(lambda _=False: self._solve())
        dock.skyline.clicked.connect(lambda _=False: self._start_from_skyline())
        dock.remove.clicked.connect(lambda _=False: work.remove_chosen())
        dock.table.chosen.connect(work.choose)
        dock.table.edited.connect(lambda index, changes: work.edit(index, **changes))
        dock.table.deleted.connect(work.remove_chosen)
        dock.table.said.connect(self.notices.warn)
        work.changed.connect(self._show)
        work.said.connect(self.notices.warn)
        work.told.connect(self.notices.inform)
        self._asking.draped.connect(self.files.show_draped)
        hands = self.hands
        hands.clicked.connect(self._on_clicked)
        hands.moved.connect(self._on_moved)
        hands.chosen.connect(work.choose)
        hands.deleted.connect(work.remove_chosen)
        hands.stood.connect(self._on_stood)
        project.readProject.connect(self._on_project)
        project.cleared.connect(self._on_project)

    def _show(self) -> None:
        work, dock = self.work, self.dock
        sheet = work.sheet
        dock.show_sheet(sheet, work.chosen)
        dock.hint.setText(next_step(sheet, self.files.names_saved()))
        dock.show_result(*result(sheet, work.refusal, work.seen))
        self.sources.show()
        self.camera_changed.emit()

    # --- what was clicked ------------------------------------------------------------------

    def _on_project(self, *_args: object) -> None:
        self.work.forget()
        self.sources.offer()
        self.sources.take_last()

    def _on_clicked(self, side: str, point: QgsPointXY) -> None:
        place = self._place(side, point)
        if place is not None:
            self.work.click(side, place)

    def _on_moved(self, side: str, index: int, point: QgsPointXY) -> None:
        place = self._place(side, point)
        if place is not None:
            self.work.move(index, side, place)

    def _on_stood(self, point: QgsPointXY) -> None:
        place = self._place(MAP, point)
        if place is not None:
            self.work.change(position=place)

    def _place(self, side: str, point: QgsPointXY) -> tuple[float, float] | None:
        """Where a place of a canvas is in the picture or on the map; None if it is nowhere."""
        sheet = self.work.sheet
        if not sheet.picture:
            self.notices.warn(tr("Choose a photo first, in the Camera panel."))
            return None
        if side == PICTURE:
            u, v = point.x() - 0.5, -point.y() - 0.5
            if -0.5 <= u <= sheet.width - 0.5 and -0.5 <= v <= sheet.height - 0.5:
                return u, v
            self.notices.warn(tr("That is beside the picture: click on the picture itself."))
            return None
        if not sheet.epsg:
            self.notices.warn(tr("Choose the terrain model first, or the CRS."))
            return None
        crs = QgsCoordinateReferenceSystem.fromEpsgId(sheet.epsg)
        shown = self._canvas.mapSettings().destinationCrs()
        try:
            place = QgsCoordinateTransform(shown, crs, QgsProject.instance()).transform(point)
        except QgsCsException:
            self.notices.warn(tr("EPSG:{} does not reach that place.").format(sheet.epsg))
            return None
        return place.x(), place.y()

    def _solve(self) -> None:
        sheet = self.work.sheet
        if sheet.missing or not sheet.dem:
            self.notices.warn(next_step(sheet))
        else:
            self.work.solve()

    def _start_from_skyline(self) -> None:
        try:
            self.work.start_from_skyline()
        except IsegError as error:
            self.notices.warn(str(error))
