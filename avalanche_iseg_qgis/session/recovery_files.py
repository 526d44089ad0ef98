"""Files in which unfinished work is kept, until it is finished or given up.

They lie in one folder of the user's profile, which several QGIS may use at once. The names of one
QGIS's files begin with its owner, and it holds a lock of that name as long as it lives: files whose
lock is free are of a QGIS that has ended, in whatever way.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..core.files import write_text
from ..core.json_files import parse_json

_DELAY = 0.05  # seconds: what changes again and again is written once
_LOCK, _KEPT, _DAMAGED = ".lock", ".json", ".damaged"
_LEFT_OVER = 3600.0  # seconds, after which nobody writes to a temporary folder any more


@dataclass(frozen=True)
class RecoveryFile:
    """What a QGIS that has ended, or this one, has kept.

    Attributes
    ----------
    name
        Without the owner of its QGIS.
    content
        A JSON object.
    """

    path: Path
    name: str
    content: dict[str, Any]


class RecoveryFiles:
    """The files of this QGIS, written in a thread, and those of others that have ended.

    Parameters
    ----------
    folder
        Made when the first file is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._owner = ""
        self._locks: dict[str, IO[bytes]] = {}  # by owner
        self._wanted: dict[str, Callable[[], str] | None] = {}  # by name; None removes the file
        self._condition = threading.Condition()
        self._is_writing = self._is_closed = False
        self._thread: threading.Thread | None = None
        self._owner_lock = threading.Lock()
        self.error = ""  # why the latest file could not be written

    # --- own files ---------------------------------------------------------------------------

    def put(self, name: str, build: Callable[[], str]) -> None:
        """Write a file soon, in place of the one of that name; ``build`` runs in the thread."""
        self._want(name, build)

    def drop(self, name: str) -> None:
        """Remove a file soon, if there is one."""
        self._want(name, None)

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until all is written, at most so long; return whether it is."""
        with self._condition:
            return self._condition.wait_for(
                lambda: not self._wanted and not self._is_writing, seconds
            )

    def close(self) -> None:
        """Write what is left, and leave the files to the next QGIS."""
        self.flush()
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(5.0)
        for owner in list(self._locks):
            self._release(owner)

    def _want(self, name: str, build: Callable[[], str] | None) -> None:
        with self._condition:
            self._wanted.pop(name, None)  # what is asked for last is done last
            self._wanted[name] = build
            self._condition.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_all, daemon=True)
            self._thread.start()

    def _write_all(self) -> None:
        while True:
            with self._condition:
                self._is_writing = False
                self._condition.notify_all()
                self._condition.wait_for(lambda: self._wanted or self._is_closed)
                if not self._wanted:
                    return
            time.sleep(_DELAY)
            with self._condition:
                wanted, self._wanted, self._is_writing = self._wanted, {}, True
            for name, build in wanted.items():
                self._write(name, build)

    def _write(self, name: str, build: Callable[[], str] | None) -> None:
        try:
            path = self._own_path(name)
            if build is None:
                path.unlink(missing_ok=True)
            else:
                write_text(path, build())
            self.error = ""
        except Exception as error:  # the thread must survive any, for what is kept next
            self.error = f"{type(error).__name__}: {error}"

    def _own_path(self, name: str) -> Path:
        with self._owner_lock:
            if not self._owner:
                self._folder.mkdir(parents=True, exist_ok=True)
                owner = uuid.uuid4().hex
                if not self._take(owner):
                    raise OSError(f"{self._folder} cannot be locked")
                self._owner = owner
        return self._folder / f"{self._owner}.{name}{_KEPT}"

    # --- files of others ---------------------------------------------------------------------

    def orphans(self) -> tuple[list[RecoveryFile], list[Path]]:
        """Return the files of QGIS that have ended, oldest first, and the damaged ones.

        They are this QGIS's from now on; damaged ones are set aside under another name.
        """
        found, damaged = [], []
        for path in sorted(self._folder.glob(f"*{_KEPT}"), key=_age):
            owner, _, name = path.stem.partition(".")
            if owner == self._owner or not self._take(owner) or not path.exists():
                continue
            try:
                content = parse_json(path.read_text(encoding="utf-8"))
                if not isinstance(content, dict):
                    raise ValueError("no JSON object")
            except (OSError, ValueError, RecursionError):
                damaged.append(self.set_aside(path))
            else:
                found.append(RecoveryFile(path, name, content))
        self._clean()
        return found, damaged

    def adopt(self, kept: RecoveryFile) -> None:
        """Make a file of another QGIS one of this one, under the same name."""
        with contextlib.suppress(OSError):
            kept.path.replace(self._own_path(kept.name))

    def remove(self, kept: RecoveryFile) -> None:
        """Remove a file that is not wanted any more."""
        with contextlib.suppress(OSError):
            kept.path.unlink()

    def set_aside(self, path: Path) -> Path:
        """Rename a damaged file, so that it is not offered again; return its new path."""
        aside = path.with_suffix(_DAMAGED)
        with contextlib.suppress(OSError):
            path.replace(aside)
        return aside

    def _clean(self) -> None:
        """Remove locks without files, and what was left of writing."""
        for lock in self._folder.glob(f"*{_LOCK}"):
            owner = lock.stem
            if owner == self._owner or any(self._folder.glob(f"{owner}.*{_KEPT}")):
                continue
            if self._take(owner):
                self._release(owner)
                with contextlib.suppress(OSError):
                    lock.unlink()
        for rest in self._folder.glob(".writing-*"):
            if time.time() - _age(rest) > _LEFT_OVER:
                shutil.rmtree(rest, ignore_errors=True)

    def _take(self, owner: str) -> bool:
        """Take the lock of an owner, unless a QGIS that lives has it."""
        if owner in self._locks:
            return True
        path = self._folder / f"{owner}{_LOCK}"
        try:
            file = path.open("ab")
        except OSError:
            return False
        try:
            _lock(file)
            is_same = path.stat().st_ino == os.fstat(file.fileno()).st_ino
        except OSError:
            is_same = False
        if not is_same:  # locked, or removed meanwhile
            file.close()
            return False
        self._locks[owner] = file
        return True

    def _release(self, owner: str) -> None:
        self._locks.pop(owner).close()


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _lock(file: IO[bytes]) -> None:
    """Lock a file until it is closed, by whatever end of the process; OSError if it is locked."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
