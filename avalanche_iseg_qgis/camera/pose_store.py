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

    def read(self, photo: str) -> PoseDraft | None:
        """Return the draft of a photo, if there is one.

        Raises
        ------
        CameraError
            If it is damaged.
        """
        index = self._index(photo, self.photos)
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
            photos = self.photos
        except CameraError:
            photos = self._salvage()
        index = self._index(draft.photo, photos)
        if index is None:
            index = len(photos)
            photos.append(draft.photo)
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
        """Files that have a draft; "" where that is not known.

        Raises
        ------
        CameraError
            If the list is damaged.
        """
        try:
            paths = parse_json(self._entries.read(_PHOTOS, "[]"))
        except MALFORMED as error:
            raise _damaged_list() from error
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise _damaged_list()
        return [self._entries.to_absolute_path(path) if path else "" for path in paths]

    @staticmethod
    def _index(photo: str, photos: Sequence[str]) -> int | None:
        """Return the place of a photo, by whatever path; the last one counts, None without any."""
        wanted = normal_path(photo)
        same = (i for i, path in enumerate(photos) if path and normal_path(path) == wanted)
        return max(same, default=None)

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


def _damaged_list() -> CameraError:
    return CameraError(
        tr(
            "What the project keeps of cameras and photos is damaged: poses that were stored in it "
            "are not found. Open a sound copy of the project, or pose the photos again."
        )
    )
