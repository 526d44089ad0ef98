"""Records of a series: what people and programs noted about its photos, in a folder of text files.

The folder lies beside the outlines. Each author appends to a file of their own, one JSON object a
line, so two people on one share, or a copied folder, never write the same file; the state of the
series is the union of all files, and of several notes about the same thing the latest holds. A
line that a crash cut off is passed over.

For QGIS's own Python too: standard library only, Python 3.9.
"""

from __future__ import annotations

import enum
import getpass
import json
import math
import os
import platform
import re
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Union

from ..errors import IsegError, write_errors
from ..files import visible_files, write_text
from ..json_files import MALFORMED, parse_json, read_json
from ..text_files import read_limited
from .name_rule import NameRule

SUFFIX = ".series"
"""Of the folder, beside the outlines: ``winter.series``."""

FORMAT, VERSION = "avalanche-iseg series", 1
_SETTINGS = "series.json"
_LARGEST_SETTINGS = 1 << 20  # bytes
_PROGRAM = "program"


class PhotoState(str, enum.Enum):
    """What a person found in a photo."""

    UNSEEN = "not looked at"
    NOTHING = "nothing released"
    HIDDEN = "could not see"
    AVALANCHES = "avalanches"


class Look(str, enum.Enum):
    """How a photo looks, by screening: classes of which only the first two are worth a look."""

    CLEAR = "clear"
    HAZE = "haze"
    FOG = "fog"
    NIGHT = "night"
    UNDEREXPOSED = "underexposed"
    OVEREXPOSED = "overexposed"
    SNOW_ON_LENS = "snow on the lens"
    REPEAT = "repeat"
    UNREADABLE = "unreadable"

    @property
    def usable(self) -> bool:
        """Whether a person should look at the photo."""
        return self in (Look.CLEAR, Look.HAZE)


class Presence(str, enum.Enum):
    """Whether a photo shows an avalanche at its place."""

    PRESENT = "present"
    ABSENT = "absent"
    HIDDEN = "hidden"


@dataclass(frozen=True)
class Note:
    """What all records have.

    Attributes
    ----------
    photo
        Key of the photo, see `SeriesPhoto`.
    at
        UTC, when it was noted; whole milliseconds. Of notes about the same thing the latest holds.
    by
        Who: a person, or `program`.
    """

    photo: str
    at: datetime = field(default_factory=lambda: _now())
    by: str = field(default_factory=lambda: default_author())

    @property
    def is_by_program(self) -> bool:
        """Whether no person stands behind it: persons overrule programs, whenever they noted."""
        return self.by == _PROGRAM


@dataclass(frozen=True)
class Review(Note):
    """What a person found in a photo: the state, and the number of avalanches."""

    state: PhotoState = PhotoState.UNSEEN
    count: int = 0


@dataclass(frozen=True)
class Screening(Note):
    """How a photo looks.

    Attributes
    ----------
    look
        Class.
    figure
        Share of the camera's terrain that can be seen as usual, 0 to 1.
    reason
        For the user.
    blocks
        How well each block of the photo can be seen, row by row from the upper left: 0 nothing to
        9 as usual, "-" where nothing is ever to be seen (sky, flat snow). Empty if unknown.
    repeat_of
        Key of the earlier photo that is the same picture; empty unless ``look`` is REPEAT.
    """

    look: Look = Look.CLEAR
    figure: float = 1.0
    reason: str = ""
    blocks: str = ""
    repeat_of: str = ""


@dataclass(frozen=True)
class Observation(Note):
    """One avalanche in one photo.

    Attributes
    ----------
    avalanche
        Identifier, the same in all photos.
    presence
        Whether the photo shows it.
    confidence
        How well a carried outline fits, 0 to 1; 1 for what a person outlined or judged.
    rings
        Outline in pixels of the photo as displayed, corner convention as in `mask_to_polygons`:
        rings of (x, y), the outer ring of each part followed by its holes; empty if none is kept
        here, as where a layer holds it.
    parts
        Number of rings of each part.
    size
        (width, height) of the photo as displayed, pixels; (0, 0) without rings.

    A person's note that is hidden with a confidence of 0 takes back what was noted before.
    """

    avalanche: str = ""
    presence: Presence = Presence.PRESENT
    confidence: float = 1.0
    rings: tuple[tuple[tuple[float, float], ...], ...] = ()
    parts: tuple[int, ...] = ()
    size: tuple[int, int] = (0, 0)

    @classmethod
    def taken_back(cls, photo: str, avalanche: str) -> Observation:
        """Return the note that nothing is noted of an avalanche in a photo any more."""
        return cls(photo, avalanche=avalanche, presence=Presence.HIDDEN, confidence=0.0)

    @property
    def is_taken_back(self) -> bool:
        """Whether this note only takes earlier ones back."""
        is_void = self.presence is Presence.HIDDEN and self.confidence == 0 and not self.rings
        return is_void and not self.is_by_program


Record = Union[Review, Screening, Observation]  # noqa: UP007 - Python 3.9
_CLOCK, _LATEST = threading.Lock(), [datetime.min.replace(tzinfo=timezone.utc)]
_KINDS: Mapping[str, type[Record]] = {
    "review": Review,
    "screening": Screening,
    "observation": Observation,
}
_ENUMS = {"state": PhotoState, "look": Look, "presence": Presence}


@dataclass
class SeriesState:
    """What holds of all that was noted.

    Attributes
    ----------
    reviews, screenings
        By key of the photo.
    observations
        By avalanche and key of the photo.
    conflicts
        Pairs of records (overruled, holding) in which two persons state different things.
    """

    reviews: dict[str, Review] = field(default_factory=dict)
    screenings: dict[str, Screening] = field(default_factory=dict)
    observations: dict[tuple[str, str], Observation] = field(default_factory=dict)
    conflicts: list[tuple[Record, Record]] = field(default_factory=list)
    _shown: dict[str, list[str]] = field(default_factory=dict)

    def state_of(self, photo: str) -> PhotoState:
        """Return the state of a photo; not looked at where nobody has noted one."""
        review = self.reviews.get(photo)
        return PhotoState.UNSEEN if review is None else review.state

    def look_of(self, photo: str) -> Look | None:
        """Return how a photo looks; None if it was not screened."""
        screening = self.screenings.get(photo)
        return None if screening is None else screening.look

    def avalanches_in(self, photo: str) -> list[str]:
        """Return the avalanches that a photo shows."""
        return self._shown.get(photo, [])


class SeriesStore:
    """The folder of a series: where its photos are, the name rule, and the records.

    Parameters
    ----------
    path
        The folder, ``*.series``; see `create` and `open`.
    folders
        Of the photos.
    rule
        How camera and time are read from names.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from core.series import PhotoState, Review, SeriesStore
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = SeriesStore.create(Path(folder, "winter.series"), [Path(folder)])
    ...     store.append([Review("davos/1.jpg", state=PhotoState.NOTHING)])
    ...     store.read().state_of("davos/1.jpg").value
    'nothing released'
    """

    def __init__(self, path: Path, folders: Sequence[Path], rule: NameRule) -> None:
        self.path = path
        self.folders = tuple(folders)
        self.rule = rule

    @classmethod
    def create(
        cls, path: str | Path, folders: Sequence[Path], rule: NameRule | None = None
    ) -> SeriesStore:
        """Make the folder, or write other folders and another rule into it; records stay.

        Raises
        ------
        IsegError
            If it cannot be written, or is a folder of something else.
        """
        path = Path(path)
        store = cls(path, folders, rule or NameRule())
        if path.is_dir() and any(path.iterdir()) and not (path / _SETTINGS).is_file():
            raise IsegError(f"{path} holds other files: name a new folder for the series.")
        with write_errors(path):
            path.mkdir(exist_ok=True)
            content = {
                "format": FORMAT,
                "version": VERSION,
                "folders": [_relative(folder, path) for folder in folders],
                "rule": store.rule.to_json(),
            }
            text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
            write_text(path / _SETTINGS, text)
        return store

    @classmethod
    def open(cls, path: str | Path) -> SeriesStore:
        """Open the folder of a series.

        Raises
        ------
        IsegError
            If it is none, cannot be read, or was written by a newer version.
        """
        path = Path(path)
        try:
            content = read_json(path / _SETTINGS, _LARGEST_SETTINGS)
            if content["format"] != FORMAT:
                raise ValueError(f"its format is {content['format']!r}")
            if int(content["version"]) > VERSION:
                raise IsegError(
                    f"{path} was written by a newer version of Avalanche ISeg: update this one."
                )
            folders = [Path(os.path.normpath(path / text)) for text in content["folders"]]
            rule = content.get("rule") or {}
            known = NameRule(str(rule.get("pattern", "")), str(rule.get("zone", "")))
        except IsegError:
            raise
        except (OSError, *MALFORMED) as error:
            reason = getattr(error, "strerror", None) or error
            raise IsegError(
                f"{path} cannot be read as a series: {reason}. Make one with "
                "`avalanche-iseg series list FOLDER --save NAME.series`."
            ) from error
        return cls(path, folders, known)

    def append(self, records: Iterable[Record]) -> None:
        """Add records to the files of their authors; they are on the disk when this returns.

        Raises
        ------
        IsegError
            If a file cannot be written.
        """
        lines: dict[str, list[str]] = {}
        for record in records:
            lines.setdefault(record.by, []).append(_to_line(record))
        for author, texts in lines.items():
            path = self.path / f"{_file_name(author)}.jsonl"
            with write_errors(path), path.open("ab+") as file:
                if file.tell() == 0:
                    header = {"format": FORMAT, "version": VERSION, "by": author}
                    texts.insert(0, json.dumps(header, ensure_ascii=False))
                else:
                    file.seek(-1, os.SEEK_END)
                    if file.read(1) != b"\n":  # a crash cut the last line off
                        file.write(b"\n")
                file.write("".join(f"{text}\n" for text in texts).encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())

    def write_computed(self, name: str, records: Iterable[Record]) -> None:
        """Write what a program found in place of what it found before; see `by_program`.

        Raises
        ------
        IsegError
            If the file cannot be written.
        """
        header = json.dumps({"format": FORMAT, "version": VERSION, "by": _PROGRAM})
        lines = [header, *sorted(map(_to_line, records))]
        path = self.path / f"{_PROGRAM}-{name}.jsonl"
        with write_errors(path):
            write_text(path, "".join(f"{line}\n" for line in lines))

    def read(self) -> SeriesState:
        """Return what holds; see `merge_records`.

        Raises
        ------
        IsegError
            If a file cannot be read, or was written by a newer version.
        """
        return merge_records(self.records())

    def records(self) -> list[Record]:
        """Return all records of all authors."""
        found: list[Record] = []
        try:
            for path in visible_files(self.path, ".jsonl"):
                found += _read_records(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise IsegError(f"The series {self.path} cannot be read: {reason}.") from error
        return found

    def take_in(self, other: SeriesStore) -> int:
        """Add what persons noted in another folder of the same series and this one lacks.

        Nothing is lost: both keep all that was noted, and the latest holds. What programs found is
        computed again. Return the number of records added.
        """
        known = {_to_line(record) for record in self.records()}
        lacking = [
            record
            for record in other.records()
            if not record.is_by_program and _to_line(record) not in known
        ]
        self.append(lacking)
        return len(lacking)


def merge_records(records: Iterable[Record]) -> SeriesState:
    """Return what holds of all records, whatever their order.

    Persons overrule programs. Of two persons, or of two notes of one, the later holds.
    """
    state = SeriesState()
    latest: dict[tuple[str, ...], Record] = {}
    for record in sorted(records, key=_rank):
        key = _subject(record)
        before = latest.get(key)
        if before is not None and _is_tied(before, record) and _to_line(before) > _to_line(record):
            continue
        if before is not None and _is_conflict(before, record):
            state.conflicts.append((before, record))
        latest[key] = record
    for record in latest.values():
        if isinstance(record, Review):
            state.reviews[record.photo] = record
        elif isinstance(record, Screening):
            state.screenings[record.photo] = record
        elif not record.is_taken_back:
            state.observations[record.avalanche, record.photo] = record
            if record.presence is Presence.PRESENT:
                state._shown.setdefault(record.photo, []).append(record.avalanche)
    return state


def default_author() -> str:
    """Return the name under which this person notes on this computer."""
    try:
        return f"{getpass.getuser()}@{platform.node()}"
    except (OSError, KeyError, ImportError):  # no such user, as in some containers
        return f"user@{platform.node()}"


def by_program() -> dict[str, Any]:
    """Return author and time of what a program finds: the same at each run, so files are too."""
    return {"by": _PROGRAM, "at": datetime(1970, 1, 1, tzinfo=timezone.utc)}


def photo_folders(paths: Sequence[Path], rule: NameRule) -> tuple[Sequence[Path], NameRule]:
    """Return folders of photos and their rule; a series given alone fills in what ``rule`` leaves.

    Raises
    ------
    IsegError
        If the series cannot be read.
    """
    if len(paths) != 1 or paths[0].suffix != SUFFIX:
        return paths, rule
    store = SeriesStore.open(paths[0])
    own = NameRule(rule.pattern or store.rule.pattern, rule.zone or store.rule.zone)
    return store.folders, own


def new_avalanche() -> str:
    """Return an identifier for an avalanche that is new."""
    return str(uuid.uuid4())


def _now() -> datetime:
    """Return the time to the millisecond, later than any before: the later of two notes holds."""
    now = datetime.now(timezone.utc)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    with _CLOCK:
        _LATEST[0] = max(now, _LATEST[0] + timedelta(milliseconds=1))
        return _LATEST[0]


def _rank(record: Record) -> tuple[bool, datetime, str, tuple[str, ...]]:
    return not record.is_by_program, record.at, record.by, _subject(record)


def _is_tied(first: Record, second: Record) -> bool:
    """Whether one person noted both at one moment; their text decides then, whatever the order."""
    return first.at == second.at and first.by == second.by


def _subject(record: Record) -> tuple[str, ...]:
    more = (record.avalanche,) if isinstance(record, Observation) else ()
    return (type(record).__name__, record.photo, *more)


def _is_conflict(before: Record, after: Record) -> bool:
    if before.by == after.by or before.is_by_program:
        return False
    return replace(before, at=after.at, by=after.by) != after


def _file_name(author: str) -> str:
    """Return an author's name as that of a file on any system."""
    return re.sub(r"[^\w.@-]+", "_", author).strip(".") or "user"


def _relative(folder: Path, path: Path) -> str:
    """Return a folder relative to that of the series, so that both can be moved together."""
    try:
        return Path(os.path.relpath(folder.resolve(), path.resolve())).as_posix()
    except ValueError:  # another drive
        return str(folder.resolve())


# --- lines ---------------------------------------------------------------------------------------


def _to_line(record: Record) -> str:
    kind = next(name for name, known in _KINDS.items() if isinstance(record, known))
    content: dict[str, Any] = {"kind": kind}
    for name, value in record.__dict__.items():
        if isinstance(value, enum.Enum):
            content[name] = value.value
        elif isinstance(value, datetime):
            content[name] = value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        elif value not in ("", (), (0, 0)):
            content[name] = value
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _read_records(path: Path) -> list[Record]:
    """Read the records of one author; lines that a crash cut off are passed over."""
    text = read_limited(path).decode("utf-8", errors="replace")
    found = []
    for line in text.split("\n"):
        if not line:
            continue
        try:
            content = parse_json(line)
            if content.get("format") == FORMAT:
                newer = int(content["version"]) > VERSION
            else:
                newer = False
                found.append(_from_json(content))
        except MALFORMED:
            continue
        if newer:
            raise IsegError(
                f"{path} was written by a newer version of Avalanche ISeg: update this one."
            )
    return found


def _from_json(content: Mapping[str, Any]) -> Record:
    kind = _KINDS[content["kind"]]
    values: dict[str, Any] = {}
    for name in kind.__dataclass_fields__:
        if name not in content:
            continue
        value = content[name]
        if name == "at":
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
            if value.tzinfo is None:
                raise ValueError("a time without a zone")
        elif name in _ENUMS:
            value = _ENUMS[name](value)
        elif name == "rings":
            value = tuple(tuple((float(x), float(y)) for x, y in ring) for ring in value)
        elif name == "parts":
            value = tuple(int(count) for count in value)
        elif name == "size":
            value = (int(value[0]), int(value[1]))
        elif name == "count":
            value = int(value)
        elif name in ("figure", "confidence"):
            value = float(value)
            if not math.isfinite(value):
                raise ValueError(f"{name} is no finite number")
        else:
            value = str(value)
        values[name] = value
    return kind(**{"by": "", "photo": "", **values})
