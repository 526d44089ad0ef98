"""Saved cameras: in the project, and in a file that colleagues share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.camera import CameraRecord
from ..core.errors import CameraError
from ..core.files import write_text
from ..core.json_files import parse_json
from ..core.text_files import read_text
from ..i18n import tr
from ..settings import Setting
from .project_entries import ProjectEntries

if TYPE_CHECKING:
    from collections.abc import Iterable

_CAMERAS = "/camera/cameras"
FILE = Setting("camera_library", "")
"""The library file; empty where there is none."""


class CameraLibrary:
    """Cameras by name. A camera of the project hides one of the same name in the file."""

    def __init__(self) -> None:
        self._entries = ProjectEntries()

    @property
    def of_project(self) -> list[CameraRecord]:
        """Cameras saved in the project."""
        return _parse(self._entries.read(_CAMERAS, "[]"), tr("the project"))

    @property
    def of_file(self) -> list[CameraRecord]:
        """Cameras in the library file, none where there is no file.

        Raises
        ------
        CameraError
            If the file cannot be read.
        """
        path = Path(FILE.get())
        if not FILE.get():
            return []
        try:
            return _parse(read_text(path), str(path))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            if isinstance(error, CameraError):
                raise
            raise CameraError(
                tr("The camera library {} cannot be read: {}.").format(path, error)
            ) from error

    def cameras_for(self, width: int, height: int) -> list[CameraRecord]:
        """Return the cameras of photos of this size, then those of the same shape.

        Raises
        ------
        CameraError
            If the library file cannot be read.
        """
        by_name = {record.name: record for record in (*self.of_file, *self.of_project)}
        fitting = [record for record in by_name.values() if _fits(record, width, height)]
        return sorted(fitting, key=lambda r: (r.camera.width != width, r.name.lower()))

    def save(self, record: CameraRecord) -> None:
        """Save a camera in the project, in place of one of the same name."""
        self._entries.write(_CAMERAS, _text(_with(self.of_project, record)))

    def share(self, record: CameraRecord) -> None:
        """Save a camera in the library file, in place of one of the same name.

        Raises
        ------
        CameraError
            If the file cannot be read or written.
        """
        path = Path(FILE.get())
        text = _text(_with(self.of_file, record))
        try:
            write_text(path, text)
        except OSError as error:
            reason = error.strerror or error
            raise CameraError(
                tr(
                    "The camera library {} could not be written: {}. Check that its folder exists "
                    "and may be written to."
                ).format(path, reason)
            ) from error


def _fits(record: CameraRecord, width: int, height: int) -> bool:
    try:
        record.camera.resized(width, height)
    except CameraError:
        return False
    return True


def _with(records: Iterable[CameraRecord], record: CameraRecord) -> list[CameraRecord]:
    return [*(other for other in records if other.name != record.name), record]


def _text(records: Iterable[CameraRecord]) -> str:
    cameras = [record.to_json() for record in records]
    return json.dumps(cameras, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _parse(text: str, source: str) -> list[CameraRecord]:
    try:
        cameras = parse_json(text)
    except ValueError as error:
        raise CameraError(
            tr("The cameras in {} cannot be read: {}.").format(source, error)
        ) from error
    if not isinstance(cameras, list) or not all(isinstance(camera, dict) for camera in cameras):
        raise CameraError(tr("{} holds no list of cameras.").format(source))
    return [CameraRecord.from_json(camera) for camera in cameras]
