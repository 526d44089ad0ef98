"""What the Camera dock asks of the survey worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..core.camera import CameraRecord
from ..core.survey.protocol import ComputeViewshed, Drape, FitSkyline, Register, SolvePose

if TYPE_CHECKING:
    from .pose_draft import PoseDraft

POSE, LOOK, DRAPE, FOLLOW = "pose", "look", "drape", "follow"


@dataclass(frozen=True)
class Ticket:
    """Tells our answers from those that others ask for: what was asked, and for which picture."""

    kind: str
    picture: str


class CameraRequests(QObject):
    """Sends requests, and tells what came back.

    Signals
    -------
    posed
        (picture, CameraRecord).
    seen
        (picture, Seen): what the newest camera sees.
    draped
        (picture, path of a GeoTIFF).
    followed
        (picture, Registered): how the camera has turned since the picture that it was posed in.
    refused
        (`POSE`, `LOOK`, `DRAPE` or `FOLLOW`, picture, text).
    """

    posed = pyqtSignal(str, object)
    seen = pyqtSignal(str, object)
    draped = pyqtSignal(str, str)
    followed = pyqtSignal(str, object)
    refused = pyqtSignal(str, str, str)

    def __init__(self, surveyor, parent: QObject) -> None:
        super().__init__(parent)
        self._surveyor = surveyor
        surveyor.answered.connect(self._on_answered)
        surveyor.refused.connect(self._on_refused)

    def close(self) -> None:
        """Hear no more."""
        self._surveyor.answered.disconnect(self._on_answered)
        self._surveyor.refused.disconnect(self._on_refused)

    def solve(self, sheet: PoseDraft) -> None:
        """Fit the pose to the points that are complete."""
        request = SolvePose(
            points=[point.to_json() for point in sheet.points if point.complete],
            width=sheet.width,
            height=sheet.height,
            epsg=sheet.epsg,
            dem=list(sheet.dem),
            position=None if sheet.position is None else [*sheet.position, None],
            position_sigma=[sheet.position_sigma, sheet.position_sigma, 5.0],
            height_above_ground=sheet.height_above_ground,
            focal=sheet.focal_px,
            projection=sheet.projection,
        )
        self._ask(POSE, sheet, request)

    def fit_skyline(self, sheet: PoseDraft, start: CameraRecord) -> None:
        """Pose the camera by the mountains against the sky alone."""
        request = FitSkyline(record=start.to_json(), picture=sheet.picture, dem=list(sheet.dem))
        self._ask(POSE, sheet, request)

    def look(self, sheet: PoseDraft) -> None:
        """What of the terrain the picture shows."""
        request = ComputeViewshed(record=sheet.record.to_json(), dem=list(sheet.dem))
        self._ask(LOOK, sheet, request)

    def drape(self, sheet: PoseDraft, path: str) -> None:
        """Lay the picture on the map, as a GeoTIFF."""
        request = Drape(
            record=sheet.record.to_json(), dem=list(sheet.dem), picture=sheet.picture, path=path
        )
        self._ask(DRAPE, sheet, request)

    def follow(self, sheet: PoseDraft, reference: str) -> None:
        """How the camera has turned since another picture of it."""
        request = Register(
            record=sheet.record.to_json(),
            dem=list(sheet.dem),
            reference=reference,
            picture=sheet.picture,
        )
        self._ask(FOLLOW, sheet, request)

    def _ask(self, kind: str, sheet: PoseDraft, request: object) -> None:
        self._surveyor.ask(f"camera {kind}", Ticket(kind, sheet.picture), request)

    def _on_answered(self, ticket: object, answer: object) -> None:
        if not isinstance(ticket, Ticket):
            return
        if ticket.kind == POSE:
            self.posed.emit(ticket.picture, CameraRecord.from_json(answer.record))
        elif ticket.kind == LOOK:
            self.seen.emit(ticket.picture, answer)
        elif ticket.kind == FOLLOW:
            self.followed.emit(ticket.picture, answer)
        else:
            self.draped.emit(ticket.picture, answer.path)

    def _on_refused(self, ticket: object, text: str) -> None:
        if isinstance(ticket, Ticket):
            self.refused.emit(ticket.kind, ticket.picture, text)
