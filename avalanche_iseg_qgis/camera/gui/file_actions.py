"""Actions of the Camera dock with files: cameras, points, orthophotos, the shared library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtWidgets import QFileDialog, QMessageBox

from ... import settings
from ...core.camera import CameraRecord
from ...core.camera.foreign_gcps import inspect_gcp_table
from ...core.camera.gcp_table import read_gcps, write_gcps
from ...core.camera.station import Station, is_station
from ...core.camera.turning import as_stored, turned, turned_back, turned_point
from ...core.containers import orientation_of
from ...core.errors import IsegError
from ...i18n import tr
from ...layers.kinds import check_not_open
from .. import library
from ..points import PosePoint
from .columns_dialog import ColumnsDialog
from .details import CameraDetailsDialog

if TYPE_CHECKING:
    from ...core.camera import ControlPoint
    from ...messages import Messages
    from ..pose_session import PoseSession
    from .camera_dock import CameraDock

_CAMERA = "JSON (*.json)"
_TABLE = "CSV (*.csv)"
_TABLES = "CSV, TXT (*.csv *.txt *.tsv *.dat *.points *.gcp);;* (*)"
_TIFF = "GeoTIFF (*.tif)"


class CameraFileActions(QObject):
    """What buttons and menus of the dock do with files; asks for their names."""

    def __init__(
        self, dock: CameraDock, session: PoseSession, messages: Messages, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._dock, self._session, self._messages = dock, session, messages
        self.library = library.CameraLibrary()
        dock.save.clicked.connect(lambda _=False: self._try(self.save))
        dock.drape.clicked.connect(lambda _=False: self._try(self.drape))
        dock.saved_menu.aboutToShow.connect(lambda: self._try(self.fill_saved))
        for menu, text, act in (
            (dock.points_menu, tr("Import points…"), self.import_points),
            (dock.points_menu, tr("Export points (CSV)…"), self.export_points),
            (dock.menu, tr("Details…"), self.edit_details),
            (dock.menu, tr("Add to shared camera library"), self.share),
            (dock.menu, tr("Choose the library file…"), self.choose_library),
            (dock.menu, tr("Export camera…"), self.export_camera),
            (dock.menu, tr("Import camera…"), self.import_camera),
        ):
            menu.addAction(text).triggered.connect(lambda _=False, a=act: self._try(a))

    # --- saved cameras ------------------------------------------------------------------------

    def save(self) -> None:
        """Save the camera in the project, under the name in the dock."""
        record = self._named_record()
        if record is not None:
            self.library.save(record)
            text = tr("The camera {} is saved in the project: save the project too.")
            self._messages.inform(text.format(record.name))

    def share(self) -> None:
        """Save the camera in the library file."""
        record = self._named_record()
        if record is None:
            return
        if not library.FILE.get():
            self.choose_library()
        if library.FILE.get():
            self.library.share(record)
            text = tr("The camera {} is in the library {}.")
            self._messages.inform(text.format(record.name, library.FILE.get()))

    def choose_library(self) -> None:
        """Ask for the library file."""
        path, _ = QFileDialog.getSaveFileName(
            self._dock,
            tr("Library of cameras, old or new"),
            library.FILE.get(),
            _CAMERA,
            "",
            QFileDialog.Option.DontConfirmOverwrite,
        )
        if path:
            library.FILE.set(path)

    def fill_saved(self) -> None:
        """Fill the menu with the cameras that fit the photo."""
        menu, draft = self._dock.saved_menu, self._session.draft
        menu.clear()
        cameras = self.library.cameras_for(draft.width, draft.height) if draft.photo else []
        for record in cameras:
            action = menu.addAction(record.name)
            action.triggered.connect(lambda _=False, r=record: self._try(lambda: self._use(r)))
        if not cameras:
            menu.addAction(tr("no saved camera for this photo size")).setEnabled(False)

    def saved_names(self) -> list[str]:
        """Return the names of saved cameras for a photo that has no pose and no points yet."""
        draft = self._session.draft
        if not draft.photo or draft.record is not None or draft.points:
            return []
        try:
            return [camera.name for camera in self.library.cameras_for(draft.width, draft.height)]
        except IsegError:  # reported when the menu is opened
            return []

    def _use(self, record: CameraRecord) -> None:
        if self._may_replace():
            self._session.use_camera(record)

    def _named_record(self) -> CameraRecord | None:
        record, name = self._session.draft.record, self._dock.name.text().strip()
        if record is None or not name:
            self._messages.warn(tr("Give the camera a name first, and pose it."))
            return None
        record = replace(record, name=name, author=record.author or settings.AUTHOR.get())
        self._session.change(record=record)
        return record

    def edit_details(self) -> None:
        """Ask for author, validity and foreground."""
        record = self._session.draft.record
        if record is None:
            self._messages.warn(tr("There is no pose yet to describe."))
            return
        dialog = CameraDetailsDialog(
            record, str(Path(self._session.draft.photo).parent), self._dock
        )
        if dialog.exec():
            self._session.change(record=replace(record, **dialog.values()))

    # --- files -----------------------------------------------------------------------------

    def drape(self) -> None:
        """Make an orthophoto."""
        if self._session.draft.record is None:
            self._messages.warn(tr("There is no pose yet to make an orthophoto by."))
            return
        path = self._ask_save(tr("Orthophoto"), "_ortho.tif", _TIFF)
        if path:
            check_not_open(path)
            self._session.drape(path)

    def show_orthophoto(self, photo: str, path: str) -> None:
        """Add an orthophoto to the map."""
        layer = QgsRasterLayer(path, tr("{} on the map").format(Path(photo).stem))
        QgsProject.instance().addMapLayer(layer)

    def export_camera(self) -> None:
        """Write camera.json."""
        record = self._session.draft.record
        if record is None:
            self._messages.warn(tr("There is no pose to export yet."))
            return
        path = self._ask_save(tr("Camera"), "_camera.json", _CAMERA)
        if path:
            _as_displayed(record, self._orientation).write(path)

    def import_camera(self) -> None:
        """Use the camera of a camera.json; of a station.json, save the camera of each view."""
        path = self._ask_open(tr("Camera"), _CAMERA)
        if path and is_station(path):
            self._import_station(path)
        elif path:
            draft, record = self._session.draft, CameraRecord.read(path)
            self._use(as_stored(record, self._orientation, (draft.width, draft.height)))

    def _import_station(self, path: str) -> None:
        """Save the views of a station as cameras of the project."""
        station = Station.read(path)
        records = [CameraRecord.read(Path(path).parent / file) for file in station.views.values()]
        for record in records:
            self.library.save(record)
        text = tr("Saved as cameras of the project: {}. Choose one with “Saved camera…”.")
        self._messages.inform(text.format("; ".join(record.name for record in records)))

    def export_points(self) -> None:
        """Write the points that are complete, in pixels of the photo as displayed."""
        draft = self._session.draft
        if not draft.gcps:
            self._messages.warn(tr("There are no complete points to export yet."))
            return
        size, orientation = (draft.width, draft.height), self._orientation
        gcps = [_moved(point, turned_point, size, orientation) for point in draft.gcps]
        path = self._ask_save(tr("Control points"), "_points.csv", _TABLE)
        if path:
            write_gcps(path, gcps)

    def import_points(self) -> None:
        """Read points, in the CRS of the pose and pixels of the photo as displayed."""
        path = self._ask_open(tr("Control points"), _TABLES)
        if not path:
            return
        draft, orientation = self._session.draft, self._orientation
        size = (draft.width, draft.height) if orientation < 5 else (draft.height, draft.width)
        points = self._read_points(path, size)
        if points and orientation != 1:
            points = [_moved(point, turned_back, size, orientation) for point in points]
            self._messages.inform(
                tr("The points are taken in pixels of the photo as its EXIF orientation turns it.")
            )
        self._session.add_points([PosePoint.from_gcp(point) for point in points])

    def _read_points(self, path: str, size: tuple[int, int]) -> list[ControlPoint]:
        """Read a table; ask what the columns hold where it is that of another program."""
        columns = inspect_gcp_table(path, size)
        if columns is None:
            return read_gcps(path)
        dialog = ColumnsDialog(path, size, columns, self._dock)
        return dialog.points if dialog.exec() else []

    @property
    def _orientation(self) -> int:
        """EXIF orientation of the open photo, which QGIS does not apply."""
        return orientation_of(self._session.draft.photo)

    def _ask_save(self, title: str, ending: str, kinds: str) -> str:
        photo = Path(self._session.draft.photo or tr("camera"))
        start = str(photo.with_name(photo.stem + ending))
        return str(QFileDialog.getSaveFileName(self._dock, title, start, kinds)[0])

    def _ask_open(self, title: str, kinds: str) -> str:
        folder = str(Path(self._session.draft.photo).parent)
        return str(QFileDialog.getOpenFileName(self._dock, title, folder, kinds)[0])

    def _may_replace(self) -> bool:
        count = len(self._session.draft.points)
        if not count:
            return True
        answer = QMessageBox.question(
            self._dock,
            tr("Use another camera?"),
            tr("It replaces the pose and the {} points of this photo.").format(count),
        )
        return bool(answer == QMessageBox.StandardButton.Yes)

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except IsegError as error:
            self._messages.warn(str(error))


def _as_displayed(record: CameraRecord, orientation: int) -> CameraRecord:
    """Return the record of a photo in QGIS, which shows it as stored, for it as displayed."""
    return record if orientation == 1 else turned(record, orientation)


def _moved(
    point: ControlPoint, move: Callable[..., tuple[float, float]], *how: object
) -> ControlPoint:
    """Return a control point elsewhere in the photo."""
    u, v = move(point.u, point.v, *how)
    return replace(point, u=u, v=v)
