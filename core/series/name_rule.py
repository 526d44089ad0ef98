"""Name rule: how camera and time of a photo are read from its path; can be edited and tried.

For QGIS's own Python too: standard library only, Python 3.9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cached_property
from pathlib import PurePosixPath

from ..capture_time import find_named_time, to_utc
from ..errors import IsegError

_FIELDS = {
    "camera": r".+?",
    "year": r"(?:19|20)\d\d",
    "month": r"\d\d?",
    "day": r"\d\d?",
    "hour": r"\d\d?",
    "minute": r"\d\d",
    "second": r"\d\d",
    "epoch": r"\d{9,10}",
}
_JOINED = {
    "date": ("year", "month", "day"),
    "time": ("hour", "minute", "second"),
    "hhmm": ("hour", "minute"),
}
_EXACT = {"year": r"\d{4}", "month": r"\d\d", "day": r"\d\d", "hour": r"\d\d"}
_PIECES = re.compile(r"\{(\w*)\}|(\*)|([^{*]+|.)", re.DOTALL)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d\d))?", re.IGNORECASE)
_WORDS = re.compile(r"[\s_.,;@+()\[\]#-]+")
_COUNTER = re.compile(r"[A-Za-z]{0,4}\d{3,}|\d+")
_NO_CAMERA = {
    "img", "dsc", "dscn", "image", "images", "photo", "photos", "foto", "fotos", "bild", "bilder",
    "pic", "pict", "picture", "pictures", "snapshot", "snap", "current", "latest", "archive",
    "archiv", "hd", "hu", "lm", "la", "full", "large", "big", "small", "original", "orig", "at",
    "um", "utc", "gmt", "cet", "cest", "mez", "mesz", "z", "h", "jpg",
}  # fmt: skip
"""Words that cameras and servers write beside the time; they name no camera."""


@dataclass(frozen=True)
class NamedPhoto:
    """What a rule reads from one path.

    Attributes
    ----------
    path
        As given.
    camera
        Name of the camera; empty if the rule does not fit the path.
    taken_at
        UTC; None if the path does not tell it.
    fault
        For the user: why camera or time is missing; empty if both are there.
    """

    path: str
    camera: str
    taken_at: datetime | None
    fault: str


@dataclass(frozen=True)
class NameRule:
    """How camera and time stand in paths of photos.

    Attributes
    ----------
    pattern
        Empty: camera and time are found by themselves (`core.capture_time`). A template such as
        ``{camera}/{date}/{hhmm}*`` or ``{camera}_{year}-{month}-{day}_{time}``: compared with the
        end of the path without its suffix; ``*`` is any text without ``/``. Fields are camera,
        year, month, day, hour, minute, second, epoch (seconds since 1970), and date, time and hhmm
        for digits in a row. Or a regular expression with groups of these names: ``(?P<camera>…)``.
        What has no field, camera or time, is found by itself.
    zone
        Of times that name none: ``UTC``, ``+01:00``, ``Europe/Vienna``; empty for that of this
        computer.

    Examples
    --------
    >>> from core.series import NameRule
    >>> rule = NameRule("{camera}/{date}/{hhmm}*", "UTC")
    >>> photo = rule.read("tirol/nordkette/20240115/1030_hd.jpg")
    >>> photo.camera, photo.taken_at.isoformat()
    ('nordkette', '2024-01-15T10:30:00+00:00')
    """

    pattern: str = ""
    zone: str = ""

    def __post_init__(self) -> None:
        _ = self._expression, self._tzinfo  # faults are told now, not at the first photo

    def read(self, path: str, now: datetime | None = None) -> NamedPhoto:
        """Read camera and time from a path with forward slashes."""
        found = None
        if self._expression is not None:
            stem = PurePosixPath(path).with_suffix("").as_posix() if path else path
            found = self._expression.search(stem)
            if found is None:
                return NamedPhoto(path, "", None, "The rule does not fit this name.")
        groups = {} if found is None else found.groupdict()
        camera = (groups.get("camera") or "").strip(" _-.")
        has_time = bool(groups.get("year") or groups.get("epoch"))
        when = self._time_of(groups) if has_time else None
        if not has_time or not camera:
            named = find_named_time(path, now, self._tzinfo)
            when = when if has_time else named.when
            camera = camera or _find_camera(named.before, named.after)
        if has_time and when is None:
            return NamedPhoto(path, camera, None, "What the rule takes for the time is none.")
        fault = "" if when is not None else "No time in the name."
        return NamedPhoto(path, camera, when, fault)

    def to_json(self) -> dict[str, str]:
        """Return the rule as JSON."""
        return {"pattern": self.pattern, "zone": self.zone}

    @cached_property
    def _expression(self) -> re.Pattern[str] | None:
        if not self.pattern:
            return None
        is_expression = "(?P<" in self.pattern
        text = self.pattern if is_expression else _translate(self.pattern)
        try:
            expression = re.compile(text, re.IGNORECASE)
        except re.error as error:
            raise IsegError(f"The name rule {self.pattern!r} cannot be read: {error}.") from error
        unknown = sorted(set(expression.groupindex) - set(_FIELDS))
        if unknown:
            raise IsegError(
                f"The name rule {self.pattern!r} has a group {unknown[0]!r}: known are "
                f"{', '.join(_FIELDS)}."
            )
        if "year" in expression.groupindex:
            for field in ("month", "day", "hour"):
                if field not in expression.groupindex:
                    raise IsegError(
                        f"The name rule {self.pattern!r} has a year but no {field}: give year, "
                        "month, day and hour, or none of them."
                    )
        return expression

    @cached_property
    def _tzinfo(self) -> tzinfo | None:
        return parse_zone(self.zone)

    def _time_of(self, groups: dict[str, str | None]) -> datetime | None:
        if groups.get("epoch"):
            return datetime.fromtimestamp(int(groups["epoch"] or 0), timezone.utc)
        names = ("year", "month", "day", "hour", "minute", "second")
        try:
            return to_utc(
                datetime(*(int(groups.get(name) or 0) for name in names)),  # type: ignore[arg-type]
                zone=self._tzinfo,
            )
        except ValueError:
            return None


def try_rule(rule: NameRule, paths: Iterable[str], now: datetime | None = None) -> list[NamedPhoto]:
    """Return what a rule gives for each path: for the user to look at before it is used."""
    return [rule.read(path, now) for path in paths]


def parse_zone(text: str) -> tzinfo | None:
    """Return a time zone; None for an empty text, which is the zone of this computer.

    Raises
    ------
    IsegError
        If there is no such zone.
    """
    name = text.strip()
    if not name:
        return None
    if name.upper() in ("UTC", "GMT", "Z"):
        return timezone.utc
    offset = _OFFSET.fullmatch(name)
    if offset and int(offset[2]) <= 14 and int(offset[3] or 0) < 60:
        ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(-ahead if offset[1] == "-" else ahead)
    try:
        from zoneinfo import ZoneInfo

        return ZoneInfo(name)
    except (ImportError, LookupError, OSError, ValueError) as error:  # unknown, or no list of zones
        raise IsegError(
            f"The time zone {text!r} is not known here: give UTC, an offset such as +01:00, or a "
            "name such as Europe/Vienna."
        ) from error


def _translate(template: str) -> str:
    """Return the regular expression of a template."""
    seen: set[str] = set()
    text = r"(?:^|/)"
    for field, star, literal in _PIECES.findall(template):
        if star:
            text += r"[^/]*"
        elif literal:
            text += re.escape(literal)
        elif field in _JOINED:
            for name in _JOINED[field]:
                optional = "?" if name == "second" else ""
                text += f"(?:{_field(name, seen, _EXACT)}){optional}"
        elif field in _FIELDS:
            text += _field(field, seen, {"camera": r"[^/]+?"})
        else:
            raise IsegError(
                f"The name rule {template!r} has a field {field!r}: known are "
                f"{', '.join((*_FIELDS, *_JOINED))}."
            )
    return text + "$"


def _field(name: str, seen: set[str], special: dict[str, str]) -> str:
    """Return the group of a field; where it stands again, the same text is meant."""
    if name in seen:
        return f"(?P={name})"
    seen.add(name)
    return f"(?P<{name}>{special.get(name, _FIELDS[name])})"


def _find_camera(before: str, after: str) -> str:
    """Return the words of a path round its time that name the camera: of the file, else a folder.

    Counters are passed over: numbers alone, and IMG1234, P1010203 and the like.
    """
    *folders, last = before.split("/")
    for part in (f"{last} {after}", *reversed(folders)):
        words = [
            word
            for word in _WORDS.split(part)
            if word and not _COUNTER.fullmatch(word) and word.lower() not in _NO_CAMERA
        ]
        if words:
            return "_".join(words)
    return ""
