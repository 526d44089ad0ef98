"""Files of terrain models (DEMs)."""

from __future__ import annotations

from pathlib import Path

from ..core.files import visible_files

_SUFFIXES = (".tif", ".tiff", ".asc", ".vrt", ".img", ".bil", ".dem", ".hgt")


def dem_files(folder: str) -> tuple[str, ...]:
    """Return the files in a folder that may be tiles of a DEM."""
    return tuple(map(str, visible_files(Path(folder), *_SUFFIXES)))
