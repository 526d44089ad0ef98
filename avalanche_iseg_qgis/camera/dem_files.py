"""Files of terrain models (DEMs)."""

from __future__ import annotations

from pathlib import Path

_SUFFIXES = (".tif", ".tiff", ".asc", ".vrt", ".img", ".bil", ".dem", ".hgt")


def dem_files(folder: str) -> tuple[str, ...]:
    """Return the files in a folder that may be tiles of a DEM."""
    return tuple(
        str(path) for path in sorted(Path(folder).iterdir()) if path.suffix.lower() in _SUFFIXES
    )
