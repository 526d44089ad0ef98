"""Focal length from the EXIF of a photo."""

from __future__ import annotations

import math
import re
from pathlib import Path

from ...raster_files import opened_raster

_DIAGONAL_35MM = math.hypot(36, 24)
_MILLIMETRES = {"2": 25.4, "3": 10.0}  # of FocalPlaneResolutionUnit: inch, centimetre


def focal_length(path: Path, size: tuple[int, int]) -> float | None:
    """Return the nominal focal length in pixels of a photo of ``size`` (width, height), or None.

    From ``FocalLengthIn35mmFilm`` (equivalent by the photo's diagonal, as CIPA defines it), else
    from ``FocalLength`` and ``FocalPlaneXResolution``, scaled where the photo was resized.
    """
    tags = _read_tags(path)
    equivalent = _parse_number(tags.get("EXIF_FocalLengthIn35mmFilm"))
    if equivalent:
        return equivalent / _DIAGONAL_35MM * math.hypot(*size)
    focal = _parse_number(tags.get("EXIF_FocalLength"))
    resolution = _parse_number(tags.get("EXIF_FocalPlaneXResolution"))
    if not focal or not resolution:
        return None
    unit = _MILLIMETRES.get(tags.get("EXIF_FocalPlaneResolutionUnit", "2").strip(), 25.4)
    sides = [_parse_number(tags.get(f"EXIF_Pixel{axis}Dimension")) or 0.0 for axis in "XY"]
    return focal * resolution / unit * max(size) / (max(sides) or max(size))


def _read_tags(path: Path) -> dict[str, str]:
    """Read EXIF tags, named as by GDAL, of a file that has been read as an image before."""
    with opened_raster(path) as source:
        return dict(source.tags())


def _parse_number(text: str | None) -> float | None:
    """Return the number in GDAL's ``(4.25)`` or ``26``; None unless positive."""
    match = re.search(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", text or "", re.ASCII)
    value = float(match[0]) if match else 0.0
    return value if 0 < value < math.inf else None
