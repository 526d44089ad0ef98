"""A name rule, tried on the names of photos. Free of QGIS and Qt."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import IsegError
from ..core.series import NamedPhoto, NameRule, try_rule

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class RuleTrial:
    """What a rule gives.

    Attributes
    ----------
    photos
        For each name, in their order.
    cameras
        Number of photos of each.
    without_time
        Number of names that tell no time: EXIF is asked for these.
    doubled
        Number of photos beyond the first of the same camera and time.
    fault
        Why the rule cannot be read; empty if it can.
    """

    photos: Sequence[NamedPhoto]
    cameras: Counter[str]
    without_time: int
    doubled: int
    fault: str = ""


def try_on(names: Sequence[str], pattern: str, zone: str) -> RuleTrial:
    """Try a rule on keys of photos; see `NameRule`."""
    try:
        photos = try_rule(NameRule(pattern.strip(), zone.strip()), names)
    except IsegError as error:
        return RuleTrial((), Counter(), 0, 0, str(error))
    dated = [(_camera(photo), photo.taken_at) for photo in photos if photo.taken_at is not None]
    return RuleTrial(
        photos,
        Counter(map(_camera, photos)),
        len(photos) - len(dated),
        len(dated) - len(set(dated)),
    )


def outermost(folders: Sequence[Path]) -> list[Path]:
    """Return folders without those that lie in another one of them, or are there already."""
    found: list[Path] = []
    for folder in folders:
        if not any(folder == other or other in folder.parents for other in found):
            found = [*(other for other in found if folder not in other.parents), folder]
    return found


def _camera(photo: NamedPhoto) -> str:
    return photo.camera or photo.path.partition("/")[0]
