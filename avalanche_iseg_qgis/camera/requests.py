"""What the Camera dock asks of the survey worker."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..core.camera import CameraRecord
from ..core.survey.protocol import Drape, FitSkyline, LookAt, Register, SolvePose
from ..worker.receiver import Receiver

if TYPE_CHECKING:
    from ..core.survey.protocol import Draped, Posed
    from ..worker.camera_client import CameraClient
    from .pose_draft import PoseDraft

POSE, LOOK, DRAPE, FOLLOW = "pose", "look", "drape", "follow"


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

    def __init__(self, client: CameraClient, parent: QObject) -> None:
        super().__init__(parent)
        self._client = client

    def close(self) -> None:
        """Withdraw all requests."""
        for kind in (POSE, LOOK, DRAPE, FOLLOW):
            self._client.withdraw(f"camera {kind}")

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
        self._request(POSE, sheet, request, self._on_posed)

    def fit_skyline(self, sheet: PoseDraft, start: CameraRecord) -> None:
        """Pose the camera by the mountains against the sky alone."""
        request = FitSkyline(record=start.to_json(), picture=sheet.picture, dem=list(sheet.dem))
        self._request(POSE, sheet, request, self._on_posed)

    def look(self, sheet: PoseDraft) -> None:
        """What of the terrain the picture shows."""
        request = LookAt(record=sheet.record.to_json(), dem=list(sheet.dem))
        self._request(LOOK, sheet, request, self.seen.emit)

    def drape(self, sheet: PoseDraft, path: str) -> None:
        """Lay the picture on the map, as a GeoTIFF."""
        request = Drape(
            record=sheet.record.to_json(), dem=list(sheet.dem), picture=sheet.picture, path=path
        )
        self._request(DRAPE, sheet, request, self._on_draped)

    def follow(self, sheet: PoseDraft, reference: str) -> None:
        """How the camera has turned since another picture of it."""
        request = Register(
            record=sheet.record.to_json(),
            dem=list(sheet.dem),
            reference=reference,
            picture=sheet.picture,
        )
        self._request(FOLLOW, sheet, request, self.followed.emit)

    def _request(
        self, kind: str, sheet: PoseDraft, request: object, answered: Callable[[str, Any], None]
    ) -> None:
        receiver = Receiver(
            partial(answered, sheet.picture), partial(self.refused.emit, kind, sheet.picture)
        )
        self._client.request(f"camera {kind}", request, receiver)

    def _on_posed(self, picture: str, answer: Posed) -> None:
        self.posed.emit(picture, CameraRecord.from_json(answer.record))

    def _on_draped(self, picture: str, answer: Draped) -> None:
        self.draped.emit(picture, answer.path)
