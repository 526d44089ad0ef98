"""Pose drafts that are stored in the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import CameraError
from ..core.files import is_file, normal_path
from ..core.json_files import MALFORMED, parse_json
from ..i18n import tr
from .pose_draft import PoseDraft

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .project_entries import ProjectEntries

_PHOTOS = "/camera/pictures"
_DRAFT = "/camera/sheet{}"


class PoseStore:
    """A draft for every photo, by its file."""

    def __init__(self, entries: ProjectEntries) -> None:
        self._entries = entries
        self._read_from: tuple[str, str] | None = None  # what the list below was read from
        self._photos: list[str] = []
        self._places: dict[str, int] = {}  # of the photos, by their files

    def read(self, photo: str) -> PoseDraft | None:
        """Return the draft of a photo, if there is one.

        Raises
        ------
        CameraError
            If it is damaged.
        """
        index = self._index(photo)
        if index is None:
            return None
        try:
            content = parse_json(self._entries.read(_DRAFT.format(index), ""))
            dem = [self._entries.to_absolute_path(path) for path in content["dem"]]
            return PoseDraft.from_json(photo, {**content, "dem": dem})
        except MALFORMED as error:
            raise CameraError(
                f"What the project keeps of the camera of {photo} cannot be read: {error!r}."
            ) from error

    def write(self, draft: PoseDraft) -> None:
        """Store a draft: with every change, so that nothing is lost."""
        entries = self._entries
        try:
            photos, index = self.photos, self._index(draft.photo)
        except CameraError:
            photos = self._salvage()
            index = _places(photos).get(normal_path(draft.photo))
        if index is None:
            index = len(photos)
            photos = [*photos, draft.photo]
            stored = [entries.to_stored_path(path) if path else "" for path in photos]
            entries.write(_PHOTOS, json.dumps(stored))
        dem = [entries.to_stored_path(path) for path in draft.dem]
        text = json.dumps({**draft.to_json(), "dem": dem}, allow_nan=False)
        entries.write(_DRAFT.format(index), text)

    def find_photo(self, name: str, beside: str) -> str:
        """Return a photo by its file name, beside another or among those stored; else ""."""
        name = Path(name).name
        known = (Path(path) for path in self.photos if Path(path).name == name)
        found = (path for path in (Path(beside).with_name(name), *known) if is_file(path))
        return str(next(found, ""))

    @property
    def photos(self) -> list[str]:
        """Files that have a draft, "" where that is not known; the same list until it changes.

        Raises
        ------
        CameraError
            If the list is damaged.
        """
        text = self._entries.read(_PHOTOS, "[]")
        source = text, self._entries.to_absolute_path("./")  # the project may be saved elsewhere
        if source == self._read_from:
            return self._photos
        try:
            paths = parse_json(text)
        except MALFORMED as error:
            raise _damaged_list() from error
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise _damaged_list()
        self._photos = [self._entries.to_absolute_path(path) if path else "" for path in paths]
        self._places = _places(self._photos)
        self._read_from = source
        return self._photos

    def _index(self, photo: str) -> int | None:
        """Return the place of a photo, by whatever path; None without any."""
        _ = self.photos
        return self._places.get(normal_path(photo))

    def _salvage(self) -> list[str]:
        """Return what is left of a damaged list: no draft loses its place to another photo."""
        try:
            found = parse_json(self._entries.read(_PHOTOS, "[]"))
        except MALFORMED:
            found = []
        photos = [
            self._entries.to_absolute_path(path) if path and isinstance(path, str) else ""
            for path in (found if isinstance(found, list) else [])
        ]
        while self._entries.read(_DRAFT.format(len(photos)), ""):
            photos.append("")
        return photos


def _places(photos: Sequence[str]) -> dict[str, int]:
    """Return the place of each photo by its file; of several of one file the last one counts."""
    return {normal_path(path): index for index, path in enumerate(photos) if path}


def _damaged_list() -> CameraError:
    return CameraError(
        tr(
            "What the project keeps of cameras and photos is damaged: poses that were stored in it "
            "are not found. Open a sound copy of the project, or pose the photos again."
        )
    )
