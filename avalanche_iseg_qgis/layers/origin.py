"""The origin of an image: file, time, camera, SHA-256."""

from __future__ import annotations

import hashlib
from pathlib import Path

from osgeo import gdal

from ..core.capture_time import capture_time, parse_observed_at
from ..core.files import is_file
from .image_origin import ImageOrigin

_MAX_HASHED = 256 * 2**20  # bytes; larger files take too long
_CHUNK = 2**20


def read_origin(path: str, name: str = "") -> ImageOrigin:
    """Read the origin of an image; outside of the main thread, for the whole file is read.

    Parameters
    ----------
    path
        A file, or any other source of a layer.
    name
        Name of the layer, used if there is no file.
    """
    file = Path(path)
    if not is_file(path):
        return ImageOrigin(name or path, path, parse_observed_at(name))
    tags = _read_exif(path)
    return ImageOrigin(file.name, path, capture_time(path, tags), _exif_camera(tags), _sha256(file))


def _read_exif(path: str) -> dict[str, str]:
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        dataset = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_READONLY)
        if dataset is None:
            return {}
        tags = {**dataset.GetMetadata("EXIF"), **dataset.GetMetadata()}
    except RuntimeError:  # where another plugin has switched GDAL's exceptions on
        return {}
    finally:
        gdal.PopErrorHandler()
    # Texts that are not UTF-8 come as bytes.
    return {k: v if isinstance(v, str) else v.decode("latin-1") for k, v in tags.items()}


def _exif_camera(tags: dict[str, str]) -> str | None:
    make, model = (tags.get(f"EXIF_{key}", "").strip() for key in ("Make", "Model"))
    if make and not model.lower().startswith(make.lower()):
        return f"{make} {model}".strip()
    return model or None


def _sha256(file: Path) -> str | None:
    try:
        if file.stat().st_size > _MAX_HASHED:
            return None
        digest = hashlib.sha256()
        with file.open("rb") as content:
            for chunk in iter(lambda: content.read(_CHUNK), b""):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()
