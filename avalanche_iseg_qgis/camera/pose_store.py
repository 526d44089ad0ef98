"""Pose drafts that are stored in the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import CameraError
from ..core.json_files import MALFORMED, parse_json
from .pose_draft import PoseDraft

if TYPE_CHECKING:
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
        photos = self._photos()
        if photo not in photos:
            return None
        try:
            content = parse_json(self._entries.read(_DRAFT.format(photos.index(photo)), ""))
            dem = [self._entries.to_absolute_path(path) for path in content["dem"]]
            return PoseDraft.from_json(photo, {**content, "dem": dem})
        except MALFORMED as error:
            raise CameraError(
                f"What the project keeps of the camera of {photo} cannot be read: {error!r}."
            ) from error

    def write(self, draft: PoseDraft) -> None:
        """Store a draft: with every change, so that nothing is lost."""
        entries, photos = self._entries, self.photos
        if draft.photo not in photos:
            photos.append(draft.photo)
            entries.write(_PHOTOS, json.dumps([entries.to_stored_path(path) for path in photos]))
        dem = [entries.to_stored_path(path) for path in draft.dem]
        text = json.dumps({**draft.to_json(), "dem": dem}, allow_nan=False)
        entries.write(_DRAFT.format(photos.index(draft.photo)), text)

    def find_photo(self, name: str, beside: str) -> str:
        """Return a photo by its file name, beside another or among those stored; else ""."""
        name = Path(name).name
        known = (Path(path) for path in self.photos if Path(path).name == name)
        found = (path for path in (Path(beside).with_name(name), *known) if path.is_file())
        return str(next(found, ""))

    @property
    def photos(self) -> list[str]:
        """Files that have a draft; none where the project's list of them is damaged."""
        try:
            return self._photos()
        except CameraError:
            return []

    def _photos(self) -> list[str]:
        try:
            paths = parse_json(self._entries.read(_PHOTOS, "[]"))
            if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
                raise ValueError("it is no list of files")
        except ValueError as error:
            raise CameraError(
                f"The project's list of posed photos cannot be read ({error}). Pose the photos "
                "anew, or open an earlier copy of the project."
            ) from error
        return [self._entries.to_absolute_path(path) for path in paths]
