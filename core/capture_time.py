"""When an image was taken: from its EXIF tags, and from the names that cameras give to files.

For QGIS's own Python too: standard library only, Python 3.9.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

_FIRST_CAMERAS = 1995  # years before are those of clocks that were never set
_RESET_DAYS = ((1970, 1, 1), (1980, 1, 1), (2000, 1, 1))  # where clocks of many cameras start
_AHEAD = timedelta(days=1)  # by which a right clock may seem to be ahead
_FOLDERS = 3  # above the file that may carry the date

_ZONES = {"Z": 0, "UTC": 0, "GMT": 0, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2}
_NAMED = "UTC|GMT|CEST|CET|MESZ|MEZ"
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}$")
_ZONE = re.compile(rf"(?<![a-z])(?:{_NAMED})(?![a-z])", re.IGNORECASE)
_SIZE = re.compile(r"(?<!\d)\d{2,5}\s?[x×]\s?\d{2,5}(?!\d)", re.IGNORECASE)
# What shows that digits are the size of an image, or a height above the sea.
_UNITS = r"px|pix|pixels?|dpi|mp|kb|mb|m\.?a\.?s\.?l|m[üu]e?\.?m"
_UNIT = rf"(?!\d)(?!\s?[x×*]\s?\d|[ _-]?(?:{_UNITS})(?![a-z])|[pkw](?![a-z0-9]))"
_NAME_TIME = re.compile(
    rf"""
    (?<!\d)(?:
        (?P<year>(?:19|20)\d\d)[-_./]?(?P<month>0[1-9]|1[0-2])[-_./]?(?P<day>0[1-9]|[12]\d|3[01])
      | (?P<day2>0?[1-9]|[12]\d|3[01])(?P<dot>[-_.])(?P<month2>0?[1-9]|1[0-2])(?P=dot)
        (?P<year2>(?:19|20)\d\d)
    )
    (?:[ _]?(?P<t>T)[ _]?|[ _.,@/-]{{0,3}}|[ _-]?(?:at|um)[ _-]?
      |/[^/]*?(?<![\d.:])(?=\d\d[-_.:h]\d\d[-_.:m]\d\d)  # camera_10-30-00 in the folder of a day
    )
    (?P<hour>[01]\d|2[0-3]|\d(?=[.:h]\d\d))(?P<sep>[-_.:h])?(?P<minute>[0-5]\d)
    (?:[-_.:m]?(?P<second>[0-5]\d)(?:[.,_]?\d{{3}}|[.,]\d{{1,9}})?)?
    (?(second)s?|(?(sep)m?(?![a-z])|(?!m(?![a-z]))))
    (?:[ _]?(?P<half>[ap])\.?m(?![a-z]))?
    (?:(?P<z>Z)(?![a-z])|[ _-]?(?P<zone>{_NAMED})(?![a-z]))?
    (?:[ _]?(?P<offset>\+\d\d?(?:[:_-]?\d\d)?|-\d\d:?\d\d|(?<=UTC|GMT)-\d\d?)(?!\d))?
    {_UNIT}
    """,
    re.IGNORECASE | re.VERBOSE,
)
_EPOCH = re.compile(rf"(?<![\d.])(1\d{{9}})(\d{{3}})?{_UNIT}", re.IGNORECASE)
_EXIF_TIME = re.compile(
    r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.\d+)?\s*(\S*)"
)
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d\d)?")


def capture_time(
    path: str, tags: Mapping[str, str], now: datetime | None = None
) -> datetime | None:
    """Return when an image was taken, in UTC; None if neither EXIF nor the name tells.

    The first time in EXIF counts: of taking, or of digitising. If the clock cannot have been right
    (years before digital cameras, the day on which clocks start, the future), or EXIF has none, the
    name counts. Only then, and if EXIF has no other time at all, that of the last change does.

    Parameters
    ----------
    path
        The file: the time may stand in its name and in those of its folders.
    tags
        EXIF tags by name, as GDAL returns them: EXIF_DateTimeOriginal, EXIF_OffsetTimeOriginal …
    now
        Default: the present.
    """
    for kind in ("Original", "Digitized"):
        found = _exif_numbers(tags.get(f"EXIF_DateTime{kind}", ""))
        if found is not None:
            return _exif_time(found, tags, kind, now) or parse_observed_at(path, now)
    named = parse_observed_at(path, now)
    changed = _exif_numbers(tags.get("EXIF_DateTime", ""))
    return named or (_exif_time(changed, tags, "", now) if changed else None)


class NamedTime(NamedTuple):
    """The time that a path names, in UTC, or None; and what stands before and after it."""

    when: datetime | None
    before: str
    after: str


def parse_observed_at(path: str, now: datetime | None = None) -> datetime | None:
    """Parse the time, in UTC, that webcams and cameras write into file and folder names.

    Known are 2024-01-15_10-30, 20240115_103000, IMG_20240115_103000123, 2024-01-15T10-30-00Z,
    15.01.2024 10h30, 2024/01/15/1030_hd, 2024-01-15/10-30-00 and similar names, with or without a
    zone (Z, UTC, CET, MESZ, +05:00, +0530), else in local time of this computer; and seconds or
    milliseconds since 1970 (1705314600). Sizes such as 1920x1080, 1200px or 2160p are no times.
    """
    return find_named_time(path, now).when


def find_named_time(
    path: str, now: datetime | None = None, zone: tzinfo | None = None
) -> NamedTime:
    """Find the time that a path names, as `parse_observed_at` does.

    Parameters
    ----------
    path
        The file: the time may stand in its name and in those of its folders.
    now
        Default: the present.
    zone
        Of names that state none; None is that of this computer.
    """
    parts = [part for part in re.split(r"[/\\]", path) if part]
    if not parts:
        return NamedTime(None, "", "")
    stem = _SUFFIX.sub("", parts[-1])
    above = "".join(f"{part}/" for part in parts[: -1 - _FOLDERS])
    text = _SIZE.sub("", "/".join((*parts[-1 - _FOLDERS : -1], stem)))
    named = _ZONE.search(stem)
    for found in reversed(list(_NAME_TIME.finditer(text))):
        when = _named_time(found, named[0] if named else "", zone)
        if when is not None and when <= _latest(now):
            return NamedTime(when, above + text[: found.start()], text[found.end() :])
    for found in _EPOCH.finditer(text):
        when = datetime.fromtimestamp(int(found[1]), timezone.utc)
        if "/" not in text[found.end() :] and when <= _latest(now):
            return NamedTime(when, above + text[: found.start()], text[found.end() :])
    return NamedTime(None, above + text, "")


def _latest(now: datetime | None) -> datetime:
    return (now or datetime.now(timezone.utc)) + _AHEAD


def _named_time(found: re.Match[str], elsewhere: str, default: tzinfo | None) -> datetime | None:
    """Return a time in UTC; the zone may stand elsewhere in the name, or be the default."""
    year, month, day = (int(found[name] or found[f"{name}2"]) for name in ("year", "month", "day"))
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (found["half"].lower() == "p")
    try:
        when = datetime(year, month, day, hour, minute, second)
    except ValueError:  # 30 February
        return None
    if _is_reset(when):  # a webcam names its files by its clock
        return None
    offset = found["offset"] or ""
    # A range or a number may follow a hyphen: only after a whole time it is an offset.
    is_whole = found["second"] or found["t"] or found["zone"] or ":" in offset
    if offset.startswith("+") or is_whole:
        ahead = _parse_offset(offset[:1] + re.sub("[_-]", ":", offset[1:]))
    else:
        ahead = None
    zone = found["z"] or found["zone"] or elsewhere
    return to_utc(when, _parse_offset(zone) if ahead is None else ahead, default)


def _is_reset(when: datetime) -> bool:
    return (when.year, when.month, when.day) in _RESET_DAYS


def _exif_numbers(text: str) -> tuple[datetime, str] | None:
    """Return the time on the clock, and the offset that is written after it; None if there is none.

    A clock that is impossible, such as the 45th of a month, is year 1.
    """
    found = _EXIF_TIME.fullmatch(text.strip("\0 "))
    if found is None or not any(map(int, found.groups()[:6])):  # missing, blank, or zeros
        return None
    try:
        return datetime(*map(int, found.groups()[:6])), found[7]  # type: ignore[arg-type]
    except ValueError:
        return datetime.min, ""


def _exif_time(
    found: tuple[datetime, str], tags: Mapping[str, str], kind: str, now: datetime | None
) -> datetime | None:
    """Return a time of EXIF in UTC; None if the clock cannot have been right."""
    when, written = found
    if when.year < _FIRST_CAMERAS or _is_reset(when):
        return None
    offsets = (written, tags.get(f"EXIF_OffsetTime{kind}", ""), tags.get("EXIF_OffsetTime", ""))
    known = (ahead for ahead in map(_parse_offset, offsets) if ahead is not None)
    time = to_utc(when, next(known, None))
    return time if time is not None and time <= _latest(now) else None


def _parse_offset(text: str) -> timedelta | None:
    """Parse Z, UTC, +05:00, -0700, +1; None for what is no offset of any place."""
    text = text.strip("\0 ").upper()
    if text in _ZONES:
        return timedelta(hours=_ZONES[text])
    found = _OFFSET.fullmatch(text)
    if found is None:
        return None
    hours, minutes = int(found[2]), int(found[3] or 0)
    ahead = timedelta(hours=hours, minutes=minutes)
    if found[1] == "-":
        ahead = -ahead
    inhabited = timedelta(hours=-11) <= ahead <= timedelta(hours=14)
    return ahead if inhabited and minutes % 15 == 0 and minutes < 60 else None


def to_utc(
    when: datetime, ahead: timedelta | None = None, zone: tzinfo | None = None
) -> datetime | None:
    """Return a time in UTC, from a clock that is so far ahead of it, or else in a zone.

    Without both it is that of this computer. None for times that this computer does not know.
    """
    try:
        if ahead is None:
            return when.replace(tzinfo=zone).astimezone(timezone.utc)
        return (when - ahead).replace(tzinfo=timezone.utc)
    except (OverflowError, OSError, ValueError):  # year 1; on Windows all before 1970
        return None
