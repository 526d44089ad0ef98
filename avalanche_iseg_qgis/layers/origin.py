"""The origin of an image: file, time, camera, SHA-256."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

from osgeo import gdal

from .image_origin import ImageOrigin

_MAX_HASHED = 256 * 2**20  # bytes; larger files take too long
_CHUNK = 2**20
_NAME_TIME = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_./]?(\d\d)[-_./]?(\d\d)"  # day
    r"[T_ ./-]{0,3}(\d\d)[-_.:h]?(\d\d)(?:[-_.:m]?(\d\d))?"  # time
    r"(?:[._]?\d{3})?s?(Z)?(?!\d)"  # milliseconds, UTC
)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")


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
    if not file.is_file():
        return ImageOrigin(name or path, path, parse_observed_at(name))
    tags = _read_exif(path)
    observed_at = _exif_time(tags) or parse_observed_at(path)
    return ImageOrigin(file.name, path, observed_at, _exif_camera(tags), _sha256(file))


def parse_observed_at(path: str) -> datetime | None:
    """Parse the time, in UTC, that webcams and cameras write into file and folder names.

    Known are 2024-01-15_10-30, 20240115_103000, IMG_20240115_103000123, 20240115T103000Z,
    2024/01/15/1030_hd and similar names; in local time of this computer unless they end in Z.
    """
    parts = Path(path).parts[-4:]
    if not parts:
        return None
    text = "/".join((*parts[:-1], Path(parts[-1]).stem))
    for found in reversed(list(_NAME_TIME.finditer(text))):
        *numbers, utc = found.groups(default="0")
        year, month, day, hour, minute, second = map(int, numbers)
        try:
            when = datetime(year, month, day, hour, minute, second)
        except ValueError:  # digits that are no time
            continue
        return when.replace(tzinfo=timezone.utc) if utc == "Z" else when.astimezone(timezone.utc)
    return None


def _read_exif(path: str) -> dict[str, str]:
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        dataset = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_READONLY)
        if dataset is None:
            return {}
        return {**dataset.GetMetadata("EXIF"), **dataset.GetMetadata()}
    except RuntimeError:  # where another plugin has switched GDAL's exceptions on
        return {}
    finally:
        gdal.PopErrorHandler()


def _exif_time(tags: dict[str, str]) -> datetime | None:
    for kind in ("Original", "Digitized"):
        try:
            text = tags.get(f"EXIF_DateTime{kind}", "").strip()
            when = datetime.strptime(text, "%Y:%m:%d %H:%M:%S")
        except ValueError:  # missing, blank, or zeros
            continue
        offset = _OFFSET.fullmatch(tags.get(f"EXIF_OffsetTime{kind}", "").strip())
        if offset is None:
            return when.astimezone(timezone.utc)
        sign, hours, minutes = offset.groups()
        ahead = timedelta(hours=int(hours), minutes=int(minutes))
        when = when - ahead if sign == "+" else when + ahead
        return when.replace(tzinfo=timezone.utc)
    return None


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
