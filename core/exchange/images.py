"""The image files that avalanches were mapped in."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ImageError
from ..file_names import FileFinder
from ..files import is_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .avalanche import AvalancheRecord

_CHUNK = 1 << 20


class ImageFiles:
    """Finds image files: where an avalanche says, else by its name in folders.

    Parameters
    ----------
    folders
        Where to look.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._finders = [FileFinder(folder) for folder in folders]
        self._hashes: dict[Path, str] = {}

    def find(self, avalanche: AvalancheRecord) -> Path:
        """Return the file of an avalanche's image.

        Raises
        ------
        ImageError
            If it is not there, or another image now: webcams write each over the last.
        """
        name = avalanche.text("image_name")
        found = self._candidates(avalanche.text("image_path"), name)
        if not found:
            raise ImageError(f"Its image {name or 'without a name'} is not there.")
        known = avalanche.text("image_sha256")
        for path in found:
            if not known or self._sha256(path) == known:
                return path
        raise ImageError(f"The file {found[0]} is another image than the one it was mapped in.")

    def _candidates(self, path: str, name: str) -> list[Path]:
        found = [Path(path)] if path and is_file(path) else []
        for finder in self._finders:
            with contextlib.suppress(ValueError):  # a name that leads out of the folder
                found += filter(None, [finder.find(name)])
        return found

    def _sha256(self, path: Path) -> str:
        if path not in self._hashes:
            digest = hashlib.sha256()
            with path.open("rb") as file:
                for chunk in iter(lambda: file.read(_CHUNK), b""):
                    digest.update(chunk)
            self._hashes[path] = digest.hexdigest()
        return self._hashes[path]
