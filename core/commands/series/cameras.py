"""Posed cameras of a series: ``--camera NAME=FILE``, for carrying and for mapping."""

from __future__ import annotations

import argparse
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...camera import Camera, CameraRecord
from ...camera.resizing import resized
from ...errors import CameraError
from ...image import read_image
from ...series import Listing
from ..camera import common as camera_common

if TYPE_CHECKING:
    from ...series.archive import SeriesCamera


@dataclass(frozen=True)
class PosedCamera:
    """A camera of the series, with the photo that it was posed in, as displayed."""

    photo: Path
    record: CameraRecord

    def in_series(self) -> SeriesCamera:
        """Return what registering needs."""
        from ...series.archive import SeriesCamera

        return SeriesCamera(self.photo, self.record.camera)

    def turned(self, camera: Camera) -> CameraRecord:
        """Return the record for a photo that was registered, with how far it has drifted."""
        fitted = resized(self.record, camera.width, camera.height)
        turn = camera.rotation_matrix() @ fitted.camera.rotation_matrix().T
        angle = np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))
        return replace(fitted, camera=camera, drift_deg=float(np.degrees(angle)))


def add_camera_option(parser: argparse.ArgumentParser, default: str) -> None:
    """Add ``--camera``; ``default`` says what is done without."""
    parser.add_argument(
        "--camera",
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="camera.json of a camera of the series that was posed; repeatable "
        f"(default: {default})",
    )


def read_cameras(given: Sequence[str], listing: Listing) -> dict[str, PosedCamera]:
    """Read the cameras of ``--camera``.

    Raises
    ------
    CameraError
        If the series has no such camera, or the photo that it was posed in is away.
    """
    cameras, known = {}, listing.cameras()
    for text in given:
        name, _, path = text.partition("=")
        if name not in known or not path:
            raise CameraError(
                f"--camera {text}: give NAME=FILE with a camera of the series: {', '.join(known)}."
            )
        record = _read(Path(path))
        photo = camera_common.photo_of(record, Path(path))
        if photo is None:
            raise CameraError(
                f"{path} names no photo that is there: pose the camera in one of its own."
            )
        cameras[name] = PosedCamera(photo, camera_common.fitted(record, read_image(photo)))
    return cameras


def _read(path: Path) -> CameraRecord:
    """Read a camera; one whose file does not name its pose gets the same name at each run."""
    record = CameraRecord.read(path)
    if CameraRecord.read(path).pose_id == record.pose_id:
        return record
    content = replace(record, pose_id="", created_at="")
    name = str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(content.to_json(), sort_keys=True)))
    return replace(content, pose_id=name)
