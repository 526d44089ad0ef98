"""The camera work on one photo: its draft, how it changes, and what is computed from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from qgis.core import QgsCoordinateReferenceSystem
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ..core.camera import CameraRecord
from ..core.camera.resizing import resized
from ..core.errors import CameraError
from ..core.files import normal_path
from ..core.projection.cache import default_folder
from ..core.projection.range_map import RangeMap
from ..i18n import tr
from ..layers.grid import Grid
from ..session.history import History
from ..worker.requests import Receiver
from .drift import describe_doubt, with_drift
from .focal_length import exif_focal_length
from .heights import TerrainHeights
from .photo_grid import PhotoGrid
from .points import PosePoint, merged, with_click, with_point
from .pose_crs import with_crs
from .pose_draft import PIXELS, PoseDraft, description_of, initial_camera
from .pose_store import PoseStore
from .project_entries import ProjectEntries
from .requests import CameraRequests
from .station import differ_in_shared, missing_points, takes_part, with_shared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..core.survey.protocol import ComputedViewshed, Posed, PosedStation, Registered
    from ..worker.camera_client import CameraClient

_SOLVE_DELAY, _VIEW_DELAY = 300, 800  # ms without a change


class PoseSession(QObject):
    """Owns the draft of the open photo: stores it, has the pose solved and its view computed.

    Signals
    -------
    changed
        The draft, the selected point, the pose or what it sees.
    warning
        (text) for the user: something to act on.
    draped
        (photo, path of its orthophoto).

    Attributes
    ----------
    draft
        Of the open photo; its `photo` is empty where none is open.
    selected
        Index of the selected point.
    computing
        Whether a newer pose is awaited.
    failure
        Why there is no newer pose; empty if there is.
    doubt
        Why it is not known whether the camera has moved since it was posed; empty if it is.
    seen
        The worker's answer about the view of the newest pose, once it is there.
    range_map
        The terrain that every pixel sees, by the newest pose.
    heights
        Of the terrain, in the CRS of the pose.
    """

    changed = pyqtSignal()
    warning = pyqtSignal(str)
    draped = pyqtSignal(str, str)

    def __init__(self, client: CameraClient, parent: QObject) -> None:
        super().__init__(parent)
        self._requests, self._store = CameraRequests(client), PoseStore(ProjectEntries())
        self.draft = PoseDraft()
        self._dragged: tuple[int, str] | None = None  # index and side of a point
        self._begin_history(self.draft)
        self.selected: int | None = None
        self.computing = False
        self.failure = self.doubt = ""
        self.seen: ComputedViewshed | None = None
        self.range_map: RangeMap | None = None
        self.heights = TerrainHeights((), 0)
        self._solve_timer = self._timer(_SOLVE_DELAY, self.solve)
        self._view_timer = self._timer(_VIEW_DELAY, self._compute_view)

    @property
    def grid(self) -> Grid:
        """The pixels of the photo, and where its layer has them."""
        return Grid(self.draft.width, self.draft.height)

    @property
    def crs(self) -> QgsCoordinateReferenceSystem:
        """Of pose and points; not valid until it is chosen."""
        if not self.draft.epsg:
            return QgsCoordinateReferenceSystem()
        return QgsCoordinateReferenceSystem.fromEpsgId(self.draft.epsg)

    @property
    def map_grid(self) -> PhotoGrid | None:
        """The photo's pixels as places on the map, once the range map is known."""
        return PhotoGrid(self.range_map, self.heights, self.crs) if self.range_map else None

    @property
    def photos(self) -> list[str]:
        """Files of the photos that have a draft in the project."""
        try:
            return self._store.photos
        except CameraError as error:
            self.warning.emit(str(error))
            return []

    def is_open(self, photo: str) -> bool:
        """Return whether this is the open photo, by whatever path."""
        return photo == self.draft.photo or (
            bool(photo and self.draft.photo) and normal_path(photo) == normal_path(self.draft.photo)
        )

    def draft_of(self, photo: str) -> PoseDraft | None:
        """Return the draft of any photo, if it has one."""
        return self.draft if self.is_open(photo) else self._stored(photo)

    def photos_with_points(self) -> list[PoseDraft]:
        """Return the drafts of the other photos of the project that have complete points."""
        others = [self._stored(photo) for photo in self.photos if photo and not self.is_open(photo)]
        return [draft for draft in others if draft is not None and draft.gcps]

    @property
    def station_views(self) -> list[PoseDraft]:
        """The other photos that are solved together with the open one."""
        station = self.draft.station
        others = self.photos_with_points() if station else []
        return [other for other in others if other.station == station and takes_part(other)]

    @property
    def missing(self) -> int:
        """How many points the open photo still needs, with those of its station."""
        return missing_points(self.draft, self.station_views)

    # --- which photo -----------------------------------------------------------------------

    def open_photo(self, photo: str, width: int, height: int) -> None:
        """Open a photo, with the draft that the project has of it."""
        if self.is_open(photo):
            return
        draft = self._stored(photo)
        if draft is None or (draft.width, draft.height) != (width, height):
            dem, epsg = self.draft.dem, self.draft.epsg  # often the same
            draft = PoseDraft(photo, width, height, dem, epsg)
            focal = exif_focal_length(photo, width, height)
            if focal is not None:
                draft = replace(draft, focal_as=PIXELS, focal=focal)
        self._open(draft)

    def close_photo(self) -> None:
        """Have no photo open; its draft stays in the project."""
        self._open(PoseDraft(dem=self.draft.dem, epsg=self.draft.epsg))

    def reset(self) -> None:
        """Start anew: another project is open."""
        self._open(PoseDraft())

    def close(self) -> None:
        """Stop what is to be computed, and clear what was."""
        self._solve_timer.stop()
        self._view_timer.stop()
        self.selected, self.failure, self.doubt = None, "", ""
        self.seen, self.range_map = None, None
        self.computing = False

    def _open(self, draft: PoseDraft) -> None:
        self.close()
        self.draft = draft
        self._begin_history(draft)
        self._open_heights()
        if draft.record is not None:
            self._view_timer.start()
        self.changed.emit()

    def _stored(self, photo: str) -> PoseDraft | None:
        try:
            return self._store.read(photo)
        except CameraError as error:
            self.warning.emit(str(error))
            return None

    # --- changes ---------------------------------------------------------------------------

    def change(self, **changes: Any) -> None:  # noqa: ANN401
        """Change fields of the draft: stored at once, and solved soon if it matters."""
        self._set_draft(replace(self.draft, **changes))

    def change_crs(self, epsg: int) -> None:
        """Change the CRS of pose and points, which stay where they are.

        Raises
        ------
        CameraError
            If it does not reach them.
        """
        if epsg != self.draft.epsg:
            draft = with_crs(self.draft, epsg)
            self._begin_history(draft)  # earlier points are in another CRS
            self._set_draft(draft)

    def join_station(self, photo: str, *, joined: bool) -> None:
        """Let a photo be solved together with the open one, or by itself again.

        Raises
        ------
        CameraError
            If it cannot be brought to the CRS of the open one.
        """
        other = self._stored(photo)
        if other is None:
            return
        if joined:
            draft = replace(self.draft, station=self.draft.station or str(uuid4()))
            self._store.write(with_shared(other, draft))
            self._set_draft(draft)
        else:
            self._store.write(replace(other, station=""))
        self._solve_timer.start()
        self.changed.emit()

    def _set_draft(self, draft: PoseDraft) -> None:
        before = self.draft
        if draft.near_field != before.near_field and draft.record is not None:
            near_field = draft.near_field or None
            draft = replace(draft, record=replace(draft.record, near_field_m=near_field))
            self._view_timer.start()
        self.draft = draft
        if draft == before:
            return
        if draft.photo:
            self._store.write(draft)
        if draft.station and differ_in_shared(draft, before):
            for view in self.photos_with_points():
                if view.station == draft.station:
                    self._store.write(with_shared(view, draft))
        if (draft.dem, draft.epsg) != (before.dem, before.epsg):
            self._open_heights()
        if replace(draft, record=None) != replace(before, record=None):
            self._solve_timer.start()
        self.changed.emit()

    def click(self, side: str, position: tuple[float, float]) -> None:
        """Complete a point by a click in the photo or on the map, or begin one."""
        points, index = with_click(self.draft.points, side, position, self.selected)
        self.selected = index if points[index].complete else None
        self._change_points(points)

    def move_point(self, index: int, side: str, position: tuple[float, float]) -> None:
        """Move a point; `select` ends a drag, which is undone as a whole."""
        before = self.draft.points
        points = with_point(before, index, before[index].with_position(side, position))
        if points != before:
            if self._dragged == (index, side):
                self._history.undo()
            self._change_points(points)
            self._dragged = index, side

    def edit_point(self, index: int, **changes: Any) -> None:  # noqa: ANN401
        """Change name, numbers or use of a point."""
        points = self.draft.points
        others = [point.name for at, point in enumerate(points) if at != index]
        if changes.get("name", "-") in ("", *others):
            self.warning.emit(tr("Every point needs a name of its own."))
            self.changed.emit()
            return
        self._change_points(with_point(points, index, replace(points[index], **changes)))

    def select(self, index: int | None) -> None:
        """Select a point, or none."""
        self._dragged = None
        if index != self.selected:
            self.selected = index
            self.changed.emit()

    def remove_selected(self) -> None:
        """Remove the selected point."""
        if self.selected is not None:
            points, index = self.draft.points, self.selected
            self.selected = None
            self._change_points((*points[:index], *points[index + 1 :]))

    def add_points(self, points: Sequence[PosePoint]) -> None:
        """Add points of a table, with names that are free."""
        self._change_points(merged(self.draft.points, points))

    @property
    def can_undo(self) -> bool:
        """Whether the points have been changed."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether a change of the points has been undone."""
        return self._history.can_redo

    def undo(self) -> None:
        """Undo the last change of the points."""
        self._history.undo()
        self._restore_points()

    def redo(self) -> None:
        """Redo the change of the points that was undone last."""
        self._history.redo()
        self._restore_points()

    def _restore_points(self) -> None:
        self.selected, self._dragged = None, None
        self.change(points=self._history.current)

    def _change_points(self, points: tuple[PosePoint, ...]) -> None:
        """Change the points, as one step to be undone."""
        self._dragged = None
        if points != self.draft.points:
            self._history.change(points)
            self.change(points=points)

    def _begin_history(self, draft: PoseDraft) -> None:
        self._history = History(draft.points)
        self._dragged = None

    def use_camera(self, record: CameraRecord) -> None:
        """Use a camera, and find out whether it has turned since the photo that it was posed in.

        Raises
        ------
        CameraError
            If its photos have another shape.
        """
        record = resized(record, self.draft.width, self.draft.height)
        self._use_pose(self.draft.with_record(record))
        draft = self.draft
        if record.image in ("", Path(draft.photo).name):
            return
        try:
            reference = self._store.find_photo(record.image, draft.photo)
        except CameraError as error:
            self.warning.emit(str(error))
            return
        if reference:
            receiver = self._receiver(self._on_registered, self._on_not_registered)
            self._requests.register(draft, record, reference, receiver)
            self._await_pose()
        else:
            text = tr(
                "The camera was posed in {}, which is not beside this photo: whether it has "
                "moved since is not known. Compare the drawn skyline with the photo."
            )
            self._on_not_registered(text.format(record.image))

    def follow_camera(self, reference: str) -> None:
        """Pose the photo by another one of its camera, once it is known how far that has turned.

        A photo in which that cannot be found out stays without a pose, so that nothing is mapped
        to a wrong place; `warning` says so. Nothing happens if the other one has no pose.
        """
        posed = self._stored(reference)
        if posed is None or posed.record is None or not self.draft.photo:
            return
        try:
            record = resized(posed.record, self.draft.width, self.draft.height)
        except CameraError as error:
            self._on_not_followed(reference, str(error))
            return
        draft = replace(self.draft.with_record(record), dem=posed.dem)

        def follow(found: Registered) -> None:
            if found.trusted:
                after = CameraRecord.from_json(found.record)
                self._use_pose(with_drift(draft, record, after))
            else:
                self._on_not_followed(reference, found.reason)

        receiver = self._receiver(follow, partial(self._on_not_followed, reference))
        self._requests.register(draft, record, reference, receiver)
        self._await_pose()

    def _on_not_followed(self, reference: str, reason: str) -> None:
        text = tr(
            "The camera of {} does not fit this photo: {} Avalanches stay in the photo until it is "
            "posed."
        )
        self._on_not_registered(text.format(Path(reference).name, reason))

    def _use_pose(self, draft: PoseDraft) -> None:
        """Go on with a pose that was not solved here."""
        self._store.write(draft)
        self._open(draft)

    def _on_registered(self, found: Registered) -> None:
        before = self.draft.record
        if before is None:
            return  # it was replaced meanwhile
        if found.trusted:
            after = CameraRecord.from_json(found.record)
            self._use_pose(with_drift(self.draft, before, after))
        else:
            self._on_not_registered(describe_doubt(found))

    def _on_not_registered(self, text: str) -> None:
        """Tell it in the dock too, where it stays."""
        self.computing = False
        if self.draft.record is None:
            self.failure = text
        else:
            self.doubt = text
        self.changed.emit()
        self.warning.emit(text)

    # --- what is computed ------------------------------------------------------------------

    def solve(self) -> None:
        """Fit the pose, if there are enough points and the terrain is known."""
        draft, others = self.draft, self.station_views
        if not (draft.photo and draft.dem and draft.epsg) or missing_points(draft, others):
            return
        if others:
            views = [draft, *others]
            failed = self._receiver(self._on_posed, self._on_not_posed).failed
            receiver = Receiver(partial(self._on_station_posed, views), failed)
            self._requests.solve_station(views, receiver)
        else:
            self._requests.solve(draft, self._receiver(self._on_posed, self._on_not_posed))
        self._await_pose()

    def _await_pose(self) -> None:
        self.computing = True
        self.changed.emit()

    def start_from_skyline(self) -> None:
        """Pose the camera by the skyline; points come later.

        Raises
        ------
        CameraError
            If the position of the camera or the terrain there is not known yet.
        """
        draft = self.draft
        if draft.position is None or not draft.dem:
            raise CameraError(
                tr("Choose the terrain model and click where the camera stands first.")
            )
        ground = self.heights.at(*draft.position)
        if math.isnan(ground):
            raise CameraError(tr("The terrain model does not reach the place of the camera."))
        if draft.record is not None:
            camera = draft.record.camera
        else:
            camera = initial_camera(draft, draft.position, ground + draft.height_above_ground)
        receiver = self._receiver(self._on_posed, self._on_not_posed)
        self._requests.fit_skyline(draft, CameraRecord(camera, draft.epsg), receiver)
        self._await_pose()

    def drape(self, path: str) -> None:
        """Make an orthophoto, a GeoTIFF; `draped` is emitted whatever photo is open then."""
        photo, record = self.draft.photo, self.draft.record
        if record is None:
            return
        receiver = Receiver(lambda answer: self.draped.emit(photo, answer.path), self.warning.emit)
        self._requests.drape(self.draft, record, path, receiver)

    def _receiver(self, answered: Callable[[Any], None], failed: Callable[[str], None]) -> Receiver:
        """Return a receiver that does nothing once another photo is open."""
        photo = self.draft.photo

        def receive(function: Callable[[Any], None], value: Any) -> None:  # noqa: ANN401
            if photo == self.draft.photo:
                function(value)

        return Receiver(partial(receive, answered), partial(receive, failed))

    def _on_station_posed(self, views: Sequence[PoseDraft], answer: PosedStation) -> None:
        """Take the poses of all photos of a station, whichever of them is open by now."""
        if not any(self.is_open(view.photo) for view in views):
            return  # another project, perhaps
        for view, content in zip(views, answer.records):  # noqa: B905 - Python 3.9
            if self.is_open(view.photo):
                self._take_pose(content)
            else:
                self._store.write(replace(view, record=_posed(view, content)))

    def _on_posed(self, answer: Posed) -> None:
        self._take_pose(answer.record)

    def _take_pose(self, content: Mapping[str, Any]) -> None:
        record = _posed(self.draft, content)
        self.failure = self.doubt = ""
        self.seen, self.range_map, self.computing = None, None, False
        self.change(record=record)
        self._view_timer.start()

    def _on_not_posed(self, text: str) -> None:
        self.failure, self.computing = text, False
        self.changed.emit()

    def _compute_view(self) -> None:
        record = self.draft.record
        if record is not None and self.draft.dem:
            receiver = self._receiver(self._on_seen, self._on_not_seen)
            self._requests.compute_view(self.draft, record, receiver)

    def _on_not_seen(self, text: str) -> None:
        self.warning.emit(tr("The view is not known: {}").format(text))

    def _on_seen(self, seen: ComputedViewshed) -> None:
        if not seen.folder:
            text = tr(
                "What the camera sees could not be kept on this computer, so it cannot be shown: "
                "make room in {}, or close programs that use its files, and pose the camera again."
            )
            self.warning.emit(text.format(default_folder()))
            return
        try:
            range_map = RangeMap.open(Path(seen.folder))
        except (OSError, ValueError, CameraError) as error:
            self.warning.emit(tr("What the camera sees could not be opened: {}").format(error))
            return
        record = self.draft.record
        if record is None or range_map.camera != record.camera:
            return  # of an earlier pose: a newer answer is on its way
        self.seen, self.range_map = seen, range_map
        self.changed.emit()

    def _open_heights(self) -> None:
        self.heights = TerrainHeights(self.draft.dem if self.draft.epsg else (), self.draft.epsg)

    def _timer(self, milliseconds: int, act: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(act)
        return timer


def _posed(draft: PoseDraft, content: Mapping[str, Any]) -> CameraRecord:
    """Return the new pose of a photo, with what stays when it is posed anew."""
    record = CameraRecord.from_json(content)
    return replace(record, image=Path(draft.photo).name, **description_of(draft.record))
