"""Listing: the photos of fixed cameras in folders, found by names alone.

For QGIS's own Python too: standard library only, Python 3.9.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ..capture_time import capture_time
from ..errors import IsegError
from .exif_times import read_exif_times
from .name_rule import NameRule

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"))
"""Of photos, in lower case."""


@dataclass(frozen=True)
class SeriesPhoto:
    """A photo of a series.

    Attributes
    ----------
    key
        Name of the folder of the series, and the path below it, with forward slashes: the same
        for everyone who has the folder, wherever it lies.
    path
        The file.
    camera
        Name of the camera, by the rule.
    taken_at
        UTC; None where neither name nor EXIF tells.
    """

    key: str
    path: Path
    camera: str
    taken_at: datetime | None

    @property
    def time(self) -> datetime:
        """UTC; a ValueError for a photo without a time, which has no place in a series."""
        if self.taken_at is None:
            raise ValueError(f"{self.key} has no time")
        return self.taken_at


@dataclass(frozen=True)
class Listing:
    """The photos of a series, sorted by camera, time and name.

    Attributes
    ----------
    photos
        Those with a time.
    undated
        Photos without a time: they have no place in the series.
    """

    photos: Sequence[SeriesPhoto]
    undated: Sequence[SeriesPhoto]

    def cameras(self) -> dict[str, list[SeriesPhoto]]:
        """Return the photos of each camera, in the order of time."""
        found: dict[str, list[SeriesPhoto]] = {}
        for photo in self.photos:
            found.setdefault(photo.camera, []).append(photo)
        return found


def list_photos(
    folders: Sequence[Path], rule: NameRule | None = None, now: datetime | None = None
) -> Listing:
    """List the photos in folders and all folders below; no pixels are read.

    The time is that of the name; EXIF is read only where the name has none. Webcams name their
    files by a clock that is set by the network, and often write no EXIF.

    Parameters
    ----------
    folders
        Their names differ, since they begin the keys of photos.
    rule
        How camera and time are read; the default finds them by itself.
    now
        Default: the present. Times beyond it are none.

    Raises
    ------
    IsegError
        If a folder cannot be read, or two have one name.
    """
    rule = rule or NameRule()
    found = [_read(key, path, rule, now) for key, path in photo_files(folders)]
    dated = [photo for photo in found if photo.taken_at is not None]
    dated.sort(key=lambda photo: (photo.camera, photo.taken_at, photo.key))
    undated = sorted((p for p in found if p.taken_at is None), key=lambda photo: photo.key)
    return Listing(dated, undated)


def photo_files(folders: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return key and file of each photo in folders and all folders below; errors as `list_photos`.

    Their names are what a `NameRule` is tried on.
    """
    names = [_name(folder) for folder in folders]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise IsegError(
            f"Two folders of the series are named {twice[0]}: rename one, or name the folder above."
        )
    return [each for folder in folders for each in _files(Path(folder), _name(folder))]


def _read(key: str, path: Path, rule: NameRule, now: datetime | None) -> SeriesPhoto:
    named = rule.read(key, now)
    photo = SeriesPhoto(key, path, named.camera or key.partition("/")[0], named.taken_at)
    if named.taken_at is not None:
        return photo
    tags = read_exif_times(path)
    return replace(photo, taken_at=capture_time("", tags, now)) if tags else photo


def _name(folder: Path) -> str:
    return unicodedata.normalize("NFC", Path(os.path.abspath(folder)).name)  # noqa: PTH100


def _files(folder: Path, name: str, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Path]]:
    """Yield key and path of each photo in a folder and below; hidden ones are passed over.

    A folder that is a link to one of those above it is not entered again.
    """
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        with os.scandir(folder) as entries:
            below = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise IsegError(
            f"The folder {folder} cannot be read: {error.strerror or error}. Check its name and "
            "whether it may be read."
        ) from error
    for entry in below:
        if entry.name.startswith("."):
            continue
        key = f"{name}/{unicodedata.normalize('NFC', entry.name)}"
        if entry.is_dir():
            yield from _files(Path(entry.path), key, (*above, real))
        elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:  # noqa: PTH122
            yield key, Path(entry.path)
