"""Lock between processes on an open file, released by the system even after a crash."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_POLL = 0.2  # seconds between attempts to acquire a lock

if sys.platform == "win32":
    import msvcrt

    def _acquire(handle: IO[bytes]) -> bool:
        try:
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _acquire(handle: IO[bytes]) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def lock_or_fail(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``; see `exclusive_lock`.

    Raises
    ------
    BlockingIOError
        Another process holds it.
    OSError
        The lock file cannot be made, or the file system has no locks.
    """
    with path.open("ab") as handle:
        if not _acquire(handle):
            raise BlockingIOError(f"{path} is held by another process")
        yield


@contextmanager
def exclusive_lock(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file ``path``; call ``on_wait`` repeatedly until it is free.

    The empty file stays: removing it would let a third process lock a new file of that name
    while the second still waits for the old one.

    Raises
    ------
    OSError
        The lock file cannot be made, or the file system has no locks.
    """
    with path.open("ab") as handle:  # closing it releases the lock
        while not _acquire(handle):
            on_wait()
            time.sleep(_POLL)
        yield
