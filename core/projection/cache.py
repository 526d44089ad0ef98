"""Cache folder of bounded size; the least recently used entries are deleted first."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ..errors import IsegError
from ..files import replacing
from ..zoo.cache import cache_dir

MOST_BYTES = 2 * 1024**3
"""Default size limit of a cache."""
_MOST_STUCK = 10  # entries of one key

_Value = TypeVar("_Value")


def default_folder() -> Path:
    """Return the folder ``sights`` in the user's cache; see `core.zoo.cache.cache_dir`."""
    return cache_dir() / "sights"


def cache_key(*parts: object) -> str:
    """Return the key of an entry that depends on these parts: a hash of their `repr`."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def load_or_make(
    folder: Path,
    key: str,
    load: Callable[[Path], _Value],
    make: Callable[[], _Value],
    save: Callable[[_Value, Path], None],
    most_bytes: int = MOST_BYTES,
) -> _Value:
    """Load an entry of the cache; if missing or damaged, make, save and load it.

    An entry that is damaged and cannot be deleted (a process has it mapped, on Windows) is passed
    by: another one of the same key, with a number, takes its place.

    If the disk cannot be written to, the value is made each time. `load` raises `IsegError` if an
    entry's folder is damaged; `save` writes a value into an empty folder. Entries beyond
    `most_bytes` are deleted, the least recently used first.
    """
    for entry in (folder / key, *(folder / f"{key}-{number}" for number in range(2, _MOST_STUCK))):
        if not entry.exists():
            break
        try:
            value = load(entry)
        except (IsegError, OSError):
            shutil.rmtree(entry, ignore_errors=True)
            if not entry.exists():
                break
        else:
            with suppress(OSError):  # of another user, or on a disk that is read-only
                os.utime(entry)
            return value
    value = make()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(entry) as temporary:
            save(value, temporary)
        _evict(folder, most_bytes, entry)
        return load(entry)
    except (IsegError, OSError):
        return value  # the cache only saves time


def _evict(folder: Path, most_bytes: int, newest: Path) -> None:
    """Delete the least recently used entries until the rest is small enough."""
    entries = sorted(
        (entry for entry in folder.iterdir() if entry.is_dir() and entry != newest),
        key=lambda entry: entry.stat().st_mtime,
        reverse=True,
    )
    total = _entry_size(newest)
    for entry in entries:
        total += _entry_size(entry)
        if total > most_bytes:
            shutil.rmtree(entry, ignore_errors=True)


def _entry_size(entry: Path) -> int:
    return sum(path.stat().st_size for path in entry.rglob("*") if path.is_file())
