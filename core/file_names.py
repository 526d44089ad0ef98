"""File names as other systems write them, and names that data sets give, matched to files.

Standard library only.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path


def same_name(name: str) -> str:
    """Return the form of a name in which equal words are equal: composed (NFC), slashes forward.

    macOS and some archives store accents as characters of their own (NFD); Windows writes
    backslashes.
    """
    return unicodedata.normalize("NFC", name).replace("\\", "/")


class FileFinder:
    """Finds files of a folder by the names that a list, a table or an index gives them.

    The file of exactly this name comes first; otherwise the one whose name is the same word, see
    `same_name`. Folders are listed once, when they are first needed.

    Parameters
    ----------
    folder
        Where names begin. What lies outside of it is not found.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._listed: dict[Path, dict[str, str]] = {}

    def find(self, name: str) -> Path | None:
        """Return the file of a name, which may begin with folders; None if there is none.

        Raises
        ------
        ValueError
            If the name leads out of the folder, or is no name of a file.
        """
        if "\0" in name or not name.strip("./\\"):
            raise ValueError(f"{name!r} is no name of a file")
        forward = name if "\\" not in name or self._is_file(name) else name.replace("\\", "/")
        parts = forward.split("/")
        if os.path.isabs(forward) or ".." in parts or Path(forward).is_absolute():  # noqa: PTH117
            raise ValueError(f"{name} lies outside the folder {self.folder}")
        exact = self.folder / forward
        if self._is_file(forward):
            return exact
        place = self.folder
        for part in parts:
            if part in ("", "."):
                continue
            found = self._names(place).get(same_name(part))
            if found is None:
                return None
            place = place / found
        return place if place.is_file() else None

    def _is_file(self, name: str) -> bool:
        try:
            return (self.folder / name).is_file()
        except (OSError, ValueError):  # too long for a name, or of a kind that no system has
            return False

    def _names(self, folder: Path) -> dict[str, str]:
        if folder not in self._listed:
            names = sorted(os.listdir(folder)) if folder.is_dir() else []  # noqa: PTH208
            self._listed[folder] = {same_name(name): name for name in names}
        return self._listed[folder]
