"""A folder of things that took long to make, bounded in size; the least used go first."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..errors import IsegError
from ..zoo.cache import cache_dir

MOST_BYTES = 2 * 1024**3
"""Of a cache, before its least recently used entries are deleted."""

_Value = TypeVar("_Value")


def default_folder() -> Path:
    """``sights`` beside the models that were downloaded; see `core.zoo.cache.cache_dir`."""
    return cache_dir() / "sights"


def cache_key(*parts: object) -> str:
    """Name of an entry that depends on these parts, by what `repr` says of them."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def load_or_make(
    folder: Path,
    key: str,
    load: Callable[[Path], _Value],
    make: Callable[[], _Value],
    save: Callable[[_Value, Path], None],
    most_bytes: int = MOST_BYTES,
) -> _Value:
    """What was kept under a key; else made, kept for the next time, and loaded as then.

    An entry that cannot be loaded is made anew; a disk that is full or may not be written to
    costs time only.

    Parameters
    ----------
    folder
        Of the cache; made if it is missing.
    key
        See `cache_key`.
    load
        Given the entry's folder; raises `IsegError` if it is damaged.
    make
        Called if there is no entry.
    save
        Given what was made and an empty folder.
    most_bytes
        Older entries beyond this are deleted.
    """
    entry = folder / key
    if entry.is_dir():
        try:
            thing = load(entry)
            os.utime(entry)
        except (IsegError, OSError):
            shutil.rmtree(entry, ignore_errors=True)
        else:
            return thing
    thing = make()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as part:
            save(thing, Path(part) / key)
            (Path(part) / key).rename(entry)
        _evict(folder, most_bytes, entry)
        return load(entry)
    except (IsegError, OSError):
        return thing  # the cache only saves time


def _evict(folder: Path, most_bytes: int, newest: Path) -> None:
    """Delete the entries not used for longest until the rest is small enough."""
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
