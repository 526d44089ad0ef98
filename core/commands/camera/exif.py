"""Focal length, place and heading from the EXIF of a photo."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from ...raster_files import opened_raster

_DIAGONAL_35MM = math.hypot(36, 24)
_NUMBERS = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.ASCII)
_MILLIMETRES = {"2": 25.4, "3": 10.0}  # of FocalPlaneResolutionUnit: inch, centimetre


@dataclass(frozen=True)
class ExifPlace:
    """Where a photo was taken.

    Attributes
    ----------
    longitude, latitude
        Degrees, WGS 84.
    altitude
        Metres above the sea or the ellipsoid, which EXIF leaves open; None if unknown.
    error
        How far the place may be off, metres; None if unknown.
    """

    longitude: float
    latitude: float
    altitude: float | None = None
    error: float | None = None


def place(path: Path) -> ExifPlace | None:
    """Return where a photo was taken, by ``GPSLatitude`` and the like; None if unknown."""
    tags = _read_tags(path)
    degrees = []
    for axis, limit, signs in (("Longitude", 180.0, "EW"), ("Latitude", 90.0, "NS")):
        numbers = _NUMBERS.findall(tags.get(f"EXIF_GPS{axis}", ""))[:3]
        hemisphere = tags.get(f"EXIF_GPS{axis}Ref", "").strip().upper()[:1]
        value = sum(float(number) / 60**power for power, number in enumerate(numbers))
        if not numbers or hemisphere not in signs or not hemisphere or not value <= limit:
            return None
        degrees.append(-value if hemisphere == signs[1] else value)
    if degrees == [0.0, 0.0]:  # what some cameras write for "unknown"
        return None
    altitude = _parse_number(tags.get("EXIF_GPSAltitude"))
    if altitude and re.search("0*1$", tags.get("EXIF_GPSAltitudeRef", "")):
        altitude = -altitude
    error = _parse_number(tags.get("EXIF_GPSHPositioningError"))
    return ExifPlace(degrees[0], degrees[1], altitude, error)


def heading(path: Path) -> tuple[float, bool] | None:
    """Return where the camera looked, degrees clockwise, and whether from magnetic north.

    By ``GPSImgDirection``; None if unknown.
    """
    tags = _read_tags(path)
    found = _NUMBERS.findall(tags.get("EXIF_GPSImgDirection", ""))
    if not found or not 0 <= float(found[0]) <= 360:
        return None
    return float(found[0]) % 360, tags.get("EXIF_GPSImgDirectionRef", "T").strip() == "M"


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
    match = _NUMBERS.search(text or "")
    value = float(match[0]) if match else 0.0
    return value if 0 < value < math.inf else None
