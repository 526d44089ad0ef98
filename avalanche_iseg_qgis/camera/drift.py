"""The drift of a camera: how far it has turned between two photos."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..i18n import tr
from .points import PHOTO, PosePoint

if TYPE_CHECKING:
    from ..core.camera import Camera, CameraRecord
    from ..core.survey.protocol import Registered
    from .pose_draft import PoseDraft


def with_drift(draft: PoseDraft, before: CameraRecord, after: CameraRecord) -> PoseDraft:
    """Return the draft with the turned camera, and with its points where that projects them."""
    points = tuple(_moved(point, before.camera, after.camera) for point in draft.points)
    return replace(draft, record=replace(after, name=before.name), points=points)


def describe_doubt(found: Registered) -> str:
    """Return why a registration is not trusted, for users."""
    return tr(
        "Whether the camera has moved could not be found out ({}) The pose stays as it was: "
        "compare the drawn skyline with the photo, or add new points."
    ).format(found.reason)


def _moved(point: PosePoint, before: Camera, after: Camera) -> PosePoint:
    gcp = point.to_gcp()
    if gcp is None or gcp.z is None:
        return point
    place = [[gcp.x, gcp.y, gcp.z]]
    shift = np.subtract(after.project(place), before.project(place))[0]
    if not np.isfinite(shift).all():
        return point
    return point.with_position(PHOTO, (gcp.u + float(shift[0]), gcp.v + float(shift[1])))
