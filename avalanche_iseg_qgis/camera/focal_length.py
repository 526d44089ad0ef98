"""The focal length that a camera wrote into its photo (EXIF)."""

from __future__ import annotations

from osgeo import gdal

_FILM_WIDTH = 36.0  # millimetres


def exif_focal_length(path: str, width: int, height: int) -> float | None:
    """Return the focal length of a photo in pixels; None if its EXIF does not state it."""
    try:
        data = gdal.Open(path)
    except RuntimeError:  # where GDAL's exceptions are on, as from GDAL 4
        return None
    text = "" if data is None else data.GetMetadataItem("EXIF_FocalLengthIn35mmFilm") or ""
    digits = "".join(sign for sign in text if sign.isdigit() or sign == ".")
    if not digits or not float(digits):
        return None
    return float(digits) / _FILM_WIDTH * max(width, height)
