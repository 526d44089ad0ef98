"""The camera work in QGIS: docks, map tools and overlays joined with the pose session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsPointXY, QgsProject, QgsRasterLayer
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QObject, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QDockWidget

from ...core.errors import IsegError
from ...gui.widgets import retire
from ...i18n import tr
from ...layers.kinds import is_photo
from ...messages import Messages
from ..points import MAP, PHOTO
from ..pose_crs import transformed
from ..pose_quality import next_step, pose_status, step_of_next
from ..pose_session import PoseSession
from ..station import missing_points
from .camera_dock import CameraDock
from .file_actions import CameraFileActions
from .inputs import PoseInputs
from .overlays import CameraOverlays
from .photo_dock import PhotoDock
from .station_menu import StationMenu
from .tools import CameraTools

if TYPE_CHECKING:
    from ...worker.camera_client import CameraClient

_LAYOUT_DELAY = 100  # ms until the window has made room for new docks


class CameraController(QObject):
    """Owns what poses cameras; made when it is first needed, removed as a whole by `close`.

    Signals
    -------
    camera_changed
        The open photo, its pose, or what that sees.
    """

    camera_changed = pyqtSignal()

    def __init__(self, iface: QgisInterface, client: CameraClient, parent: QObject) -> None:
        super().__init__(parent)
        self._iface, self._canvas, self._client = iface, iface.mapCanvas(), client
        window = iface.mainWindow()
        self._messages = Messages(iface)
        self.dock, self.photo_dock = CameraDock(window), PhotoDock(window)
        self.pose_session = session = PoseSession(client, self)
        self.overlays = CameraOverlays(self._canvas, self.photo_dock, self.dock, session, self)
        self.file_actions = CameraFileActions(self.dock, session, self._messages, self)
        StationMenu(self.dock.station_menu, session, self._messages, self)
        self._tools = CameraTools(self._canvas, self.photo_dock, self.dock, self.overlays, self)
        self._inputs = PoseInputs(self.dock, self.photo_dock, session, self._messages, self)
        self._layout_timer = QTimer(self)
        self._layout_timer.setSingleShot(True)
        self._layout_timer.setInterval(_LAYOUT_DELAY)
        self._layout_timer.timeout.connect(self._share_room)
        self.photo_dock.closed.connect(self._layout_timer.start)
        self._join()
        self._place_docks()
        self._inputs.offer_layers()
        self._show()

    def open(self) -> None:
        """Show the docks, with the photo that is active, else the one last worked on."""
        self.show_photo()
        self.photo_dock.show_pose.setChecked(True)
        self.dock.setUserVisible(True)
        layer = self._iface.activeLayer()
        if is_photo(layer):
            self.dock.photo.setLayer(layer)
        elif self.dock.photo.currentLayer() is None:
            self._inputs.open_last_photo()

    def show_photo(self) -> None:
        """Show the photo beside the map."""
        if not self.photo_dock.isVisible():
            self._layout_timer.start()
        self.photo_dock.setUserVisible(True)

    def follow(self, layer: QgsRasterLayer, reference: str) -> None:
        """Pose the photo of a layer by another photo of its camera, which was posed."""
        self.dock.photo.setLayer(layer)
        self._client.start()
        self.pose_session.follow_camera(reference)

    def close(self) -> None:
        """Remove all items, docks, tools and connections."""
        project = QgsProject.instance()
        project.readProject.disconnect(self._on_project)
        project.cleared.disconnect(self._on_project)
        self._layout_timer.stop()
        self._inputs.close()
        self._tools.close()
        self.pose_session.close()
        self.overlays.close()
        self.photo_dock.close_canvas()
        for dock in (self.dock, self.photo_dock):
            self._iface.removeDockWidget(dock)
            retire(dock)
        self.deleteLater()

    def _place_docks(self) -> None:
        """Make the photo a column of its own, between the layers and the map."""
        window, across = self._iface.mainWindow(), Qt.Orientation.Horizontal
        self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.photo_dock, across)

    def _share_room(self) -> None:
        """Give a third of the window to the photo, and most of the height to the Camera dock."""
        window = self._iface.mainWindow()
        layers = window.findChild(QDockWidget, "Layers")
        avalanches = window.findChild(QDockWidget, "AvalancheISegAvalanches")
        for docks, shares, along, room in (
            ((layers, self.photo_dock), (0.12, 0.33), Qt.Orientation.Horizontal, window.width()),
            ((self.dock, avalanches), (0.65, 0.2), Qt.Orientation.Vertical, window.height()),
        ):
            if all(dock is not None for dock in docks):
                window.resizeDocks(docks, [int(share * room) for share in shares], along)
        self.photo_dock.show_all()

    # --- joining ---------------------------------------------------------------------------

    def _join(self) -> None:
        dock, session, tools = self.dock, self.pose_session, self._tools
        project, messages = QgsProject.instance(), self._messages
        dock.changed.connect(lambda changes: session.change(**changes))
        dock.bridge_changed.connect(self.camera_changed)
        dock.solve.clicked.connect(lambda _=False: self._solve())
        dock.skyline.clicked.connect(lambda _=False: self._start_from_skyline())
        dock.remove.clicked.connect(lambda _=False: session.remove_selected())
        dock.undo.clicked.connect(lambda _=False: session.undo())
        dock.redo.clicked.connect(lambda _=False: session.redo())
        dock.table.selected.connect(session.select)
        dock.table.edited.connect(lambda index, changes: session.edit_point(index, **changes))
        dock.table.deleted.connect(session.remove_selected)
        dock.table.warning.connect(messages.warn)
        session.changed.connect(self._show)
        session.warning.connect(messages.warn)
        session.draped.connect(self.file_actions.show_orthophoto)
        tools.clicked.connect(self._on_clicked)
        tools.moved.connect(self._on_moved)
        tools.selected.connect(session.select)
        tools.deleted.connect(session.remove_selected)
        tools.undone.connect(session.undo)
        tools.redone.connect(session.redo)
        tools.position_clicked.connect(self._on_position)
        project.readProject.connect(self._on_project)
        project.cleared.connect(self._on_project)

    def _show(self) -> None:
        session, dock = self.pose_session, self.dock
        draft = session.draft
        views = session.station_views
        dock.show_draft(draft, session.selected)
        missing = missing_points(draft, views)
        saved = self.file_actions.saved_names()
        dock.hint.setText(next_step(draft, missing, saved))
        dock.lead_to(step_of_next(draft, saved))
        dock.show_station(len(views) + 1)
        dock.show_quality(
            *pose_status(
                draft,
                session.failure,
                session.seen,
                computing=session.computing,
                doubt=session.doubt,
            )
        )
        dock.undo.setEnabled(session.can_undo)
        dock.redo.setEnabled(session.can_redo)
        self._inputs.show_terrain()
        self.camera_changed.emit()

    def _on_project(self, *_args: object) -> None:
        self.pose_session.reset()
        self._inputs.offer_layers()
        self._inputs.open_last_photo()

    # --- clicks ----------------------------------------------------------------------------

    def _on_clicked(self, side: str, point: QgsPointXY) -> None:
        position = self._position(side, point)
        if position is not None:
            self.pose_session.click(side, position)

    def _on_moved(self, side: str, index: int, point: QgsPointXY) -> None:
        position = self._position(side, point)
        if position is not None:
            self.pose_session.move_point(index, side, position)

    def _on_position(self, point: QgsPointXY) -> None:
        position = self._position(MAP, point)
        if position is not None:
            self.pose_session.change(position=position)

    def _position(self, side: str, point: QgsPointXY) -> tuple[float, float] | None:
        """Return (u, v) in the photo or (x, y) on the map of a point on a canvas.

        None, with a message, where it is outside of the photo or of the CRS of the pose.
        """
        session = self.pose_session
        if not session.draft.photo:
            self._messages.warn(tr("Choose a photo first, in the Camera panel."))
            return None
        if side == PHOTO:
            row, col = session.grid.to_pixel(point)
            if session.grid.contains(row, col):
                return col, row
            self._messages.warn(tr("That is beside the photo: click on the photo itself."))
            return None
        if not session.draft.epsg:
            self._messages.warn(tr("Choose the terrain model first, or the CRS."))
            return None
        place = transformed(point, self._canvas.mapSettings().destinationCrs(), session.crs)
        if place is None:
            text = tr("EPSG:{} does not reach that place.")
            self._messages.warn(text.format(session.draft.epsg))
            return None
        return place.x(), place.y()

    def _solve(self) -> None:
        draft, missing = self.pose_session.draft, self.pose_session.missing
        if missing or not draft.dem:
            self._messages.warn(next_step(draft, missing))
        else:
            self.pose_session.solve()

    def _start_from_skyline(self) -> None:
        try:
            self.pose_session.start_from_skyline()
        except IsegError as error:
            self._messages.warn(str(error))
