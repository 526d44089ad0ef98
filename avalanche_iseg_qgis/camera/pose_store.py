"""Unfinished and finished work on cameras, kept in the project."""

from __future__ import annotations

import json
from pathlib import Path

from qgis.core import QgsProject

from ..core.errors import CameraError
from .library import SCOPE
from .pose_draft import PoseDraft

_PICTURES = "/camera/pictures"
_SHEET = "/camera/sheet{}"


class PoseStore:
    """A sheet for every picture, by its file; files are kept relative to the project's."""

    def read(self, picture: str) -> PoseDraft | None:
        """The sheet of a picture.

        Raises
        ------
        CameraError
            If it is damaged.
        """
        pictures = self.pictures
        if picture not in pictures:
            return None
        project = QgsProject.instance()
        text, _ = project.readEntry(SCOPE, _SHEET.format(pictures.index(picture)), "")
        try:
            content = json.loads(text)
            dem = tuple(project.readPath(path) for path in content["dem"])
        except (ValueError, KeyError, TypeError) as error:
            raise CameraError(
                f"What the project keeps of the camera of {picture} cannot be read: {error!r}."
            ) from error
        return PoseDraft.from_json(picture, dem, content)

    def write(self, sheet: PoseDraft) -> None:
        """Keep a sheet: with every change, so that nothing is lost."""
        project, pictures = QgsProject.instance(), self.pictures
        if sheet.picture not in pictures:
            pictures.append(sheet.picture)
            paths = [project.writePath(path) for path in pictures]
            project.writeEntry(SCOPE, _PICTURES, json.dumps(paths))
        dem = [project.writePath(path) for path in sheet.dem]
        text = json.dumps({**sheet.to_json(), "dem": dem}, allow_nan=False)
        project.writeEntry(SCOPE, _SHEET.format(pictures.index(sheet.picture)), text)

    def picture_named(self, name: str, beside: str) -> str:
        """A picture by its file's name, beside another or among those kept; empty if nowhere."""
        name = Path(name).name
        known = (Path(path) for path in self.pictures if Path(path).name == name)
        found = (path for path in (Path(beside).with_name(name), *known) if path.is_file())
        return str(next(found, ""))

    @property
    def pictures(self) -> list[str]:
        """Files that have a sheet."""
        project = QgsProject.instance()
        text, _ = project.readEntry(SCOPE, _PICTURES, "[]")
        return [project.readPath(path) for path in json.loads(text)]
