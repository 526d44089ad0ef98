"""Requests of the Camera dock to the camera worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.survey.protocol import (
    ComputeViewshed,
    Drape,
    FitSkyline,
    Register,
    SolvePose,
    SolveStation,
)
from .pose_draft import view_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.camera import CameraRecord
    from ..worker.camera_client import CameraClient
    from ..worker.requests import Receiver
    from .pose_draft import PoseDraft

_POSE, _VIEW, _DRAPE, _REGISTRATION = "camera pose", "camera view", "camera drape", "registration"


class CameraRequests:
    """Sends requests, each with its own receiver; each replaces an earlier one of its kind."""

    def __init__(self, client: CameraClient) -> None:
        self._client = client

    def solve(self, draft: PoseDraft, receiver: Receiver) -> None:
        """Request the pose that fits the complete points: answered with `Posed`."""
        request = SolvePose(
            points=[point.to_json() for point in draft.points if point.complete],
            width=draft.width,
            height=draft.height,
            focal=draft.focal_px,
            **_known(draft),
        )
        self._request(_POSE, request, receiver)

    def solve_station(self, views: Sequence[PoseDraft], receiver: Receiver) -> None:
        """Request the poses of the photos of a station jointly: answered with `PosedStation`.

        What they have in common is that of the first one.
        """
        first = views[0]
        request = SolveStation(
            views=[
                {
                    "name": name,
                    "width": view.width,
                    "height": view.height,
                    "points": [point.to_json() for point in view.points if point.complete],
                }
                for name, view in zip(view_names(views), views)  # noqa: B905 - Python 3.9
            ],
            focal=None if first.zooms else first.focal_px,
            zooms=first.zooms,
            **_known(first),
        )
        self._request(_POSE, request, receiver)

    def fit_skyline(self, draft: PoseDraft, start: CameraRecord, receiver: Receiver) -> None:
        """Request the pose that fits the skyline alone: answered with `Posed`."""
        request = FitSkyline(picture=draft.photo, **_view(draft, start))
        self._request(_POSE, request, receiver)

    def compute_view(self, draft: PoseDraft, record: CameraRecord, receiver: Receiver) -> None:
        """Request what of the terrain the photo shows: answered with `ComputedViewshed`."""
        self._client.request(_VIEW, ComputeViewshed(**_view(draft, record)), receiver)

    def drape(self, draft: PoseDraft, record: CameraRecord, path: str, receiver: Receiver) -> None:
        """Request an orthophoto, a GeoTIFF at ``path``: answered with `Draped`."""
        request = Drape(picture=draft.photo, path=path, **_view(draft, record))
        self._request(_DRAPE, request, receiver)

    def register(
        self, draft: PoseDraft, record: CameraRecord, reference: str, receiver: Receiver
    ) -> None:
        """Request how the camera has turned since another photo: answered with `Registered`."""
        request = Register(reference=reference, picture=draft.photo, **_view(draft, record))
        self._request(_REGISTRATION, request, receiver)

    def _request(self, slot: str, request: Any, receiver: Receiver) -> None:  # noqa: ANN401
        """Request what the user has asked for: a worker that has failed is tried again."""
        self._client.request(slot, request, receiver)
        self._client.ensure_started()


def _known(draft: PoseDraft) -> dict[str, Any]:
    """Return the fields of a request that say what is known of a camera before it is solved."""
    return {
        "epsg": draft.epsg,
        "dem": list(draft.dem),
        "position": None if draft.position is None else [*draft.position, None],
        "position_sigma": [draft.position_sigma, draft.position_sigma, 5.0],
        "height_above_ground": draft.height_above_ground,
        "projection": draft.projection,
        "near_field": draft.near_field or None,
        "principal_point_sigma": draft.principal_point_sigma or None,
    }


def _view(draft: PoseDraft, record: CameraRecord) -> dict[str, Any]:
    return {"record": record.to_json(), "dem": list(draft.dem)}
