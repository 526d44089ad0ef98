"""Where a picture comes from: file, time, camera."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

from osgeo import gdal

from .image_origin import ImageOrigin

_HASHED = 256 * 2**20  # bytes; larger files take too long
_CHUNK = 2**20
_NAME_TIME = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_./]?(\d\d)[-_./]?(\d\d)"  # day
    r"[T_ ./-]{0,3}(\d\d)[-_.:h]?(\d\d)(?:[-_.:m]?(\d\d))?"  # time
    r"(?:[._]?\d{3})?s?(Z)?(?!\d)"  # milliseconds, UTC
)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")


def read_origin(path: str, name: str = "") -> ImageOrigin:
    """Look a file up; not in the main thread, as it is read whole.

    Parameters
    ----------
    path
        A file, or what else a layer has for its source.
    name
        Of the layer, used where there is no file.
    """
    file = Path(path)
    if not file.is_file():
        return ImageOrigin(name or path, path, parse_observed_at(name))
    tags = _exif(path)
    observed_at = _observed_in_exif(tags) or parse_observed_at(path)
    return ImageOrigin(file.name, path, observed_at, _camera(tags), _sha256(file))


def parse_observed_at(path: str) -> datetime | None:
    """Time, in UTC, that webcams and cameras write into file and folder names.

    2024-01-15_10-30, 20240115_103000, IMG_20240115_103000123, 20240115T103000Z,
    2024/01/15/1030_hd and the like; local time of this computer unless it ends in Z.
    """
    parts = Path(path).parts[-4:]
    if not parts:
        return None
    text = "/".join((*parts[:-1], Path(parts[-1]).stem))
    for found in reversed(list(_NAME_TIME.finditer(text))):
        *numbers, utc = found.groups(default="0")
        try:
            when = datetime(*(int(number) for number in numbers))
        except ValueError:  # other digits
            continue
        return when.replace(tzinfo=timezone.utc) if utc == "Z" else _to_utc(when)
    return None


def _exif(path: str) -> dict[str, str]:
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        dataset = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_READONLY)
        if dataset is None:
            return {}
        return {**dataset.GetMetadata("EXIF"), **dataset.GetMetadata()}
    except RuntimeError:  # where some other plugin made GDAL raise exceptions
        return {}
    finally:
        gdal.PopErrorHandler()


def _observed_in_exif(tags: dict[str, str]) -> datetime | None:
    for kind in ("Original", "Digitized"):
        try:
            text = tags.get(f"EXIF_DateTime{kind}", "").strip()
            when = datetime.strptime(text, "%Y:%m:%d %H:%M:%S")
        except ValueError:  # missing, blank, or zeros
            continue
        offset = _OFFSET.fullmatch(tags.get(f"EXIF_OffsetTime{kind}", "").strip())
        if offset is None:
            return _to_utc(when)
        sign, hours, minutes = offset.groups()
        ahead = timedelta(hours=int(hours), minutes=int(minutes))
        when = when - ahead if sign == "+" else when + ahead
        return when.replace(tzinfo=timezone.utc)
    return None


def _camera(tags: dict[str, str]) -> str | None:
    make, model = (tags.get(f"EXIF_{key}", "").strip() for key in ("Make", "Model"))
    if make and not model.lower().startswith(make.lower()):
        return f"{make} {model}".strip()
    return model or None


def _to_utc(local: datetime) -> datetime:
    return local.astimezone(timezone.utc)


def _sha256(file: Path) -> str | None:
    try:
        if file.stat().st_size > _HASHED:
            return None
        digest = hashlib.sha256()
        with file.open("rb") as content:
            for chunk in iter(lambda: content.read(_CHUNK), b""):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()
