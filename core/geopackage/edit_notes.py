"""Notes beside a GeoPackage that say who is editing it, for others on the same share.

A GeoPackage takes the edits of one program at a time, and QGIS writes them only when they are
saved: two people would find out too late. Each QGIS that edits has a note of its own, named
``NAME.gpkg.USER@COMPUTER-PROCESS.editing``; nobody writes that of another one. A note locks
nothing: it is read, and said. One that was not renewed for a while is left over from a program that
ended.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
import re
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ..json_files import MALFORMED, read_json

SUFFIX = ".editing"
RENEWED_EVERY, STALE_AFTER = 60.0, 300.0
"""Seconds."""

_LARGEST = 1 << 14  # bytes


@dataclass(frozen=True)
class EditNote:
    """Who edits a GeoPackage.

    Attributes
    ----------
    who, computer
        Names.
    since
        UTC, ISO 8601.
    age
        Seconds since the note was written or renewed.
    is_own_account
        Whether it is the same account on the same computer: another QGIS of one's own.
    """

    who: str
    computer: str
    since: str
    age: float
    is_own_account: bool

    @property
    def is_stale(self) -> bool:
        """Whether its program has probably ended without taking the note away."""
        return self.age > STALE_AFTER


class OwnNote:
    """The note of this process beside one GeoPackage.

    Parameters
    ----------
    path
        Of the GeoPackage.
    who
        Name of the person.
    """

    def __init__(self, path: str | Path, who: str) -> None:
        author = re.sub(r"[^\w.@-]+", "_", f"{_account()}@{platform.node()}")
        self.path = Path(f"{path}.{author}-{os.getpid()}{SUFFIX}")
        self._content = {
            "who": who,
            "user": _account(),
            "computer": platform.node(),
            "process": os.getpid(),
            "since": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }

    def write(self) -> bool:
        """Write or renew the note; return whether that was possible. It is harmless if not."""
        try:
            self.path.write_text(json.dumps(self._content, ensure_ascii=False), encoding="utf-8")
        except OSError:
            return False
        return True

    def remove(self) -> None:
        """Take the note away."""
        with contextlib.suppress(OSError):
            self.path.unlink()


def notes_of_others(path: str | Path) -> list[EditNote]:
    """Return the notes of others beside a GeoPackage, the newest first; none if it cannot be read.

    Ages are by the clock of the disk, where this process has a note there, too: computers on one
    share disagree about the time.
    """
    path = Path(path)
    found = []
    own = OwnNote(path, "").path.name
    try:
        files = [
            file
            for file in path.parent.iterdir()
            if file.name.startswith(f"{path.name}.") and file.name.endswith(SUFFIX)
        ]
        times = {file: file.stat().st_mtime for file in files}
    except OSError:
        return []
    now = next((times[file] for file in files if file.name == own), time.time())
    for file in files:
        if file.name == own:
            continue
        try:
            content = read_json(file, _LARGEST)
            user, computer = str(content["user"]), str(content["computer"])
            note = EditNote(
                str(content["who"]) or user,
                computer,
                str(content["since"]),
                max(0.0, now - times[file]),
                (user, computer) == (_account(), platform.node()),
            )
            ended = note.is_own_account and not _is_running(int(content["process"]))
        except (OSError, *MALFORMED):
            continue  # being written just now, or no note
        if ended:
            with contextlib.suppress(OSError):
                file.unlink()
            continue
        found.append(note)
    return sorted(found, key=lambda note: note.age)


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, as in some containers
        return "user"


def _is_running(process: int) -> bool:
    """Return whether a process of this computer runs; True where that cannot be asked."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
