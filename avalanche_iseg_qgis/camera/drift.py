"""A camera that has moved a little between two pictures."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from ..i18n import tr
from .points import PICTURE, PosePoint

if TYPE_CHECKING:
    from ..core.camera import Camera, CameraRecord
    from ..core.survey.protocol import Registered
    from .pose_draft import PoseDraft


def with_drift(sheet: PoseDraft, record: CameraRecord) -> PoseDraft:
    """The sheet with a camera that has turned, and with its points where that draws them."""
    before = sheet.record.camera
    points = tuple(_moved(point, before, record.camera) for point in sheet.points)
    return replace(sheet, record=replace(record, name=sheet.record.name), points=points)


def how_it_moved(sheet: PoseDraft, found: Registered) -> str:
    """What has been found out, for people; ``sheet`` has the camera of the other picture."""
    if not found.trusted:
        return tr(
            "Whether the camera has moved could not be found out ({}) The pose stays as it was: "
            "compare the drawn skyline with the picture, or pair points anew."
        ).format(found.reason)
    return tr("The camera has turned by {:.3f}° ({:.1f} px) since {}: the pose follows.").format(
        found.record.get("drift_deg") or 0.0, found.shift_px, sheet.record.image
    )


def _moved(point: PosePoint, before: Camera, after: Camera) -> PosePoint:
    if not point.complete or point.z is None:
        return point
    place = [[point.x, point.y, point.z]]
    u, v = (after.project(place) - before.project(place))[0].tolist()
    moved = math.isfinite(u) and math.isfinite(v)
    return point.at(PICTURE, (point.u + u, point.v + v)) if moved else point
