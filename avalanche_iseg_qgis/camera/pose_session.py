"""The camera work in hand: the sheet of one picture, how it changes, what is known from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ..core.camera import CameraRecord
from ..core.camera.resizing import resized
from ..core.errors import CameraError
from ..core.projection.range_map import RangeMap
from ..i18n import tr
from .drift import how_it_moved, with_drift
from .gui.details import kept
from .heights import TerrainHeights
from .places import exif_focal, in_crs
from .points import joined, with_click, with_point
from .pose_draft import PIXELS, PoseDraft, start_camera
from .pose_store import PoseStore
from .requests import LOOK, POSE, CameraRequests

_SOLVE_DELAY, _LOOK_DELAY = 300, 800  # ms without a change


class PoseSession(QObject):
    """Values, and what becomes of them: kept in the project, solved, looked at.

    Signals
    -------
    changed
        Anything of the sheet, the point chosen, the pose or what it sees.
    said
        (text): something that the user should read.
    told
        (text): something that has been done.

    Attributes
    ----------
    sheet
        Of the picture in hand; with an empty `picture` there is none.
    chosen
        Index of the point that is selected.
    refusal
        Why there is no newer pose; empty if there is.
    seen
        The worker's `Seen` of the newest pose, once it is known.
    ranges
        The ground that every pixel sees, by the newest pose.
    heights
        Of the terrain, in the CRS of the pose.
    """

    changed = pyqtSignal()
    said = pyqtSignal(str)
    told = pyqtSignal(str)

    def __init__(self, asking: CameraRequests, parent: QObject) -> None:
        super().__init__(parent)
        self._asking, self._store = asking, PoseStore()
        self.sheet, self.chosen, self.refusal = PoseDraft(), None, ""
        self.seen, self.ranges = None, None
        self.heights = TerrainHeights((), 0)
        self._solve_soon = self._timer(_SOLVE_DELAY, self.solve)
        self._look_soon = self._timer(_LOOK_DELAY, self._look)
        asking.posed.connect(self._on_posed)
        asking.seen.connect(self._on_seen)
        asking.followed.connect(self._on_followed)
        asking.refused.connect(self._on_refused)

    def take(self, picture: str, width: int, height: int) -> None:
        """Take a picture in hand, with what the project has of it."""
        if picture == self.sheet.picture:
            return
        sheet = self._kept(picture)
        if sheet is None or (sheet.width, sheet.height) != (width, height):
            focal = exif_focal(picture, width, height)
            known = {} if focal is None else {"focal_as": PIXELS, "focal": focal}
            here = {"dem": self.sheet.dem, "epsg": self.sheet.epsg}  # often the same
            sheet = PoseDraft(picture, width, height, **here, **known)
        self._let_go()
        self.sheet = sheet
        self._show_heights()
        if sheet.record is not None:
            self._look_soon.start()
        self.changed.emit()

    def drop(self) -> None:
        """Nothing in hand; what the project keeps stays there."""
        self._let_go()
        self.sheet = PoseDraft(dem=self.sheet.dem, epsg=self.sheet.epsg)
        self.changed.emit()

    def forget(self) -> None:
        """Another project: nothing is known."""
        self._let_go()
        self.sheet = PoseDraft()
        self.changed.emit()

    def sheet_of(self, picture: str) -> PoseDraft | None:
        """What is known of any picture."""
        return self.sheet if picture == self.sheet.picture else self._kept(picture)

    def _kept(self, picture: str) -> PoseDraft | None:
        try:
            return self._store.read(picture)
        except CameraError as error:
            self.said.emit(str(error))
            return None

    # --- changes ---------------------------------------------------------------------------

    def change(self, **changes: object) -> None:
        """Change the sheet: kept at once, and solved soon if it matters."""
        self._set(replace(self.sheet, **changes))

    def change_crs(self, epsg: int) -> None:
        """Another CRS for pose and points, which stay where they are.

        Raises
        ------
        CameraError
            If it does not reach them.
        """
        if epsg != self.sheet.epsg:
            self._set(in_crs(self.sheet, epsg))

    def _set(self, sheet: PoseDraft) -> None:
        before, self.sheet = self.sheet, sheet
        if sheet == before:
            return
        if sheet.picture:
            self._store.write(sheet)
        if (sheet.dem, sheet.epsg) != (before.dem, before.epsg):
            self._show_heights()
        if replace(sheet, record=None) != replace(before, record=None):
            self._solve_soon.start()
        self.changed.emit()

    def click(self, side: str, place: tuple[float, float]) -> None:
        """A place in the picture or on the map: finishes a point, or begins one."""
        points, at = with_click(self.sheet.points, side, place, self.chosen)
        self.chosen = at if points[at].complete else None
        self.change(points=points)

    def move(self, index: int, side: str, place: tuple[float, float]) -> None:
        """A point elsewhere."""
        point = self.sheet.points[index].at(side, place)
        self.change(points=with_point(self.sheet.points, index, point))

    def edit(self, index: int, **changes: object) -> None:
        """Another name, number or use of a point."""
        points = self.sheet.points
        others = [point.name for at, point in enumerate(points) if at != index]
        if changes.get("name", "-") in ("", *others):
            self.said.emit(tr("Every point needs a name of its own."))
            self.changed.emit()
            return
        self.change(points=with_point(points, index, replace(points[index], **changes)))

    def choose(self, index: int | None) -> None:
        """Select a point."""
        if index != self.chosen:
            self.chosen = index
            self.changed.emit()

    def remove_chosen(self) -> None:
        """The selected point less."""
        if self.chosen is not None:
            points, at = self.sheet.points, self.chosen
            self.chosen = None
            self.change(points=(*points[:at], *points[at + 1 :]))

    def add_points(self, points: list) -> None:
        """Points of a table, with names that are free."""
        self.change(points=joined(self.sheet.points, points))

    def use(self, record: CameraRecord) -> None:
        """Take over a camera that exists.

        Raises
        ------
        CameraError
            If its pictures have another shape.
        """
        sheet = self.sheet.with_record(resized(record, self.sheet.width, self.sheet.height))
        self._adopt(sheet)
        if record.image in ("", Path(sheet.picture).name):
            return
        reference = self._store.picture_named(record.image, sheet.picture)
        if reference:
            self._asking.follow(sheet, reference)
        else:
            self.said.emit(
                tr(
                    "The camera was posed in {}, which is not beside this photo: whether it has "
                    "moved since is not known. Compare the drawn skyline with the picture."
                ).format(record.image)
            )

    def _adopt(self, sheet: PoseDraft) -> None:
        """Take over a pose that was not solved here."""
        self._let_go()
        self.sheet = sheet
        self._store.write(sheet)
        self._show_heights()
        self._look_soon.start()
        self.changed.emit()

    def _on_followed(self, picture: str, found: object) -> None:
        """The camera of another picture has been compared with this one."""
        sheet = self.sheet
        if picture != sheet.picture or sheet.record is None:
            return
        if found.trusted:
            self._adopt(with_drift(sheet, CameraRecord.from_json(found.record)))
        (self.told if found.trusted else self.said).emit(how_it_moved(sheet, found))

    # --- what comes of them ----------------------------------------------------------------

    def solve(self) -> None:
        """Fit the pose, if there are enough points and the terrain is known."""
        sheet = self.sheet
        if sheet.picture and sheet.dem and sheet.epsg and not sheet.missing:
            self._asking.solve(sheet)

    def start_from_skyline(self) -> None:
        """Pose the camera by the skyline; points come later.

        Raises
        ------
        CameraError
            If it is not known yet where the camera stands.
        """
        sheet = self.sheet
        if sheet.position is None or not sheet.dem:
            raise CameraError(
                tr("Choose the terrain model and click where the camera stands first.")
            )
        ground = self.heights.at(*sheet.position)
        if ground != ground:
            raise CameraError(tr("The terrain model does not reach the place of the camera."))
        start = sheet.record and sheet.record.camera
        start = start or start_camera(sheet, ground + sheet.height_above_ground)
        self._asking.fit_skyline(sheet, CameraRecord(start, sheet.epsg))

    def drape(self, path: str) -> None:
        """Lay the picture on the map."""
        self._asking.drape(self.sheet, path)

    def close(self) -> None:
        """Do nothing more."""
        self._let_go()

    def _on_posed(self, picture: str, record: CameraRecord) -> None:
        if picture != self.sheet.picture:
            return
        record = replace(record, image=Path(picture).name, **kept(self.sheet.record))
        self.refusal, self.seen, self.ranges = "", None, None
        self.change(record=record)
        self._look_soon.start()

    def _look(self) -> None:
        if self.sheet.record is not None and self.sheet.dem:
            self._asking.look(self.sheet)

    def _on_seen(self, picture: str, seen: object) -> None:
        if picture != self.sheet.picture:
            return
        try:
            ranges = RangeMap.open(Path(seen.folder))
        except (OSError, ValueError, CameraError) as error:
            self.said.emit(tr("What the camera sees could not be opened: {}").format(error))
            return
        if self.sheet.record is None or ranges.camera != self.sheet.record.camera:
            return  # of an earlier pose: a newer answer is on its way
        self.seen, self.ranges = seen, ranges
        self.changed.emit()

    def _on_refused(self, kind: str, picture: str, text: str) -> None:
        if picture != self.sheet.picture:
            return
        if kind == POSE:
            self.refusal = text
            self.changed.emit()
        else:
            self.said.emit(text if kind != LOOK else tr("The view is not known: {}").format(text))

    def _show_heights(self) -> None:
        self.heights = TerrainHeights(self.sheet.dem if self.sheet.epsg else (), self.sheet.epsg)

    def _let_go(self) -> None:
        self._solve_soon.stop()
        self._look_soon.stop()
        self.chosen, self.refusal, self.seen, self.ranges = None, "", None, None

    def _timer(self, milliseconds: int, act) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(act)
        return timer
