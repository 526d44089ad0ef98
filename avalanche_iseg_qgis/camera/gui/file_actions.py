"""Cameras and points to and from files; orthophotos; the library that colleagues share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtWidgets import QFileDialog, QMessageBox

from ... import settings
from ...core.camera import CameraRecord
from ...core.camera.gcp_table import read_gcps, write_gcps
from ...core.errors import IsegError
from ...i18n import tr
from .. import library
from ..points import PosePoint
from .details import CameraDetailsDialog

if TYPE_CHECKING:
    from ...messages import Messages
    from ..pose_session import PoseSession
    from .camera_dock import CameraDock

_CAMERA = "JSON (*.json)"
_TABLE = "CSV (*.csv)"
_TIFF = "GeoTIFF (*.tif)"


class CameraFileActions(QObject):
    """What the buttons and menus of the dock do with files; asks for their names."""

    def __init__(
        self, dock: CameraDock, work: PoseSession, notices: Messages, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._dock, self._work, self._notices = dock, work, notices
        self.library = library.CameraLibrary()
        dock.save.clicked.connect(lambda _=False: self._try(self.save))
        dock.drape.clicked.connect(lambda _=False: self._try(self.drape))
        dock.saved_menu.aboutToShow.connect(lambda: self._try(self.fill_saved))
        for text, act in (
            (tr("Details…"), self.edit_details),
            (None, None),
            (tr("Put into the library"), self.share),
            (tr("Choose the library file…"), self.choose_library),
            (None, None),
            (tr("Export camera…"), self.export_camera),
            (tr("Import camera…"), self.import_camera),
            (None, None),
            (tr("Export points (CSV)…"), self.export_points),
            (tr("Import points (CSV)…"), self.import_points),
        ):
            if text is None:
                dock.menu.addSeparator()
            else:
                action = dock.menu.addAction(text)
                action.triggered.connect(lambda _=False, a=act: self._try(a))

    # --- cameras that are kept ---------------------------------------------------------------

    def save(self) -> None:
        """Keep the camera in the project, under the name in the dock."""
        record = self._named()
        if record is not None:
            self.library.save(record)
            text = tr("The camera {} is kept in the project: save the project too.")
            self._notices.inform(text.format(record.name))

    def share(self) -> None:
        """Put the camera into the library file."""
        record = self._named()
        if record is None:
            return
        if not library.FILE.get():
            self.choose_library()
        if library.FILE.get():
            self.library.share(record)
            text = tr("The camera {} is in the library {}.")
            self._notices.inform(text.format(record.name, library.FILE.get()))

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
        """Offer the cameras that fit the picture."""
        menu, sheet = self._dock.saved_menu, self._work.sheet
        menu.clear()
        cameras = self.library.cameras_for(sheet.width, sheet.height) if sheet.picture else []
        for record in cameras:
            action = menu.addAction(record.name)
            action.triggered.connect(lambda _=False, r=record: self._try(lambda: self._use(r)))
        if not cameras:
            menu.addAction(tr("none for pictures of this shape")).setEnabled(False)

    def names_saved(self) -> list[str]:
        """Of cameras to take over for a picture that has none yet."""
        sheet = self._work.sheet
        if not sheet.picture or sheet.record is not None or sheet.points:
            return []
        try:
            return [camera.name for camera in self.library.cameras_for(sheet.width, sheet.height)]
        except IsegError:  # said when they are asked for
            return []

    def _use(self, record: CameraRecord) -> None:
        if self._may_replace():
            self._work.use(record)

    def _named(self) -> CameraRecord | None:
        record, name = self._work.sheet.record, self._dock.name.text().strip()
        if record is None or not name:
            self._notices.warn(tr("Give the camera a name first, and pose it."))
            return None
        record = replace(record, name=name, author=record.author or settings.AUTHOR.get())
        self._work.change(record=record)
        return record

    def edit_details(self) -> None:
        """Ask for what is kept for people: author, validity, foreground."""
        record = self._work.sheet.record
        if record is None:
            self._notices.warn(tr("There is no pose yet that this would be kept with."))
            return
        dialog = CameraDetailsDialog(record, str(Path(self._work.sheet.picture).parent), self._dock)
        if dialog.exec():
            self._work.change(record=replace(record, **dialog.values()))

    # --- files -----------------------------------------------------------------------------

    def drape(self) -> None:
        """Make an orthophoto."""
        path = self._ask_save(tr("Orthophoto"), "_ortho.tif", _TIFF)
        if path:
            self._work.drape(path)

    def show_draped(self, picture: str, path: str) -> None:
        """Lay an orthophoto on the map."""
        layer = QgsRasterLayer(path, tr("{} on the map").format(Path(picture).stem))
        QgsProject.instance().addMapLayer(layer)

    def export_camera(self) -> None:
        """Write camera.json."""
        record = self._work.sheet.record
        if record is None:
            self._notices.warn(tr("There is no pose to export yet."))
            return
        path = self._ask_save(tr("Camera"), "_camera.json", _CAMERA)
        if path:
            record.write(path)

    def import_camera(self) -> None:
        """Take a camera over from camera.json."""
        path = self._ask_open(tr("Camera"), _CAMERA)
        if path:
            self._use(CameraRecord.read(path))

    def export_points(self) -> None:
        """Write the points that are complete."""
        points = [p.control_point() for p in self._work.sheet.points if p.complete]
        path = self._ask_save(tr("Control points"), "_points.csv", _TABLE)
        if path:
            write_gcps(path, points)

    def import_points(self) -> None:
        """Read points, in the CRS of the pose."""
        path = self._ask_open(tr("Control points"), _TABLE)
        if path:
            self._work.add_points([PosePoint.of(point) for point in read_gcps(path)])

    def _ask_save(self, title: str, ending: str, kinds: str) -> str:
        picture = Path(self._work.sheet.picture)
        start = str(picture.with_name(picture.stem + ending))
        return QFileDialog.getSaveFileName(self._dock, title, start, kinds)[0]

    def _ask_open(self, title: str, kinds: str) -> str:
        folder = str(Path(self._work.sheet.picture).parent)
        return QFileDialog.getOpenFileName(self._dock, title, folder, kinds)[0]

    def _may_replace(self) -> bool:
        count = len(self._work.sheet.points)
        if not count:
            return True
        answer = QMessageBox.question(
            self._dock,
            tr("Take over another camera?"),
            tr("It replaces the pose and the {} points of this picture.").format(count),
        )
        return answer == QMessageBox.StandardButton.Yes

    def _try(self, act) -> None:
        try:
            act()
        except IsegError as error:
            self._notices.warn(str(error))
