"""Which days are learnt from, and which are kept aside; refused where the answer would be noise.

A day is dealt as a whole, with the images of all cameras: the same snow in the same light is
never on both sides. Images without a time count as a day each, but those that look the same
stay together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import TrainingError
from core.image import read_image

from ..data.near_duplicates import difference_hash, near_duplicate_pairs
from ..data.photos import linked_groups
from .images import ImageOutlines

LEAST_OUTLINES, LEAST_DAYS = 20, 4
LEAST_ASIDE, LEAST_DAYS_ASIDE = 6, 2
"""Fewer say nothing: the number of clicks of one avalanche scatters by two to three, so that the
mean over six, before and after the same, is already uncertain by more than a click."""
_ASIDE, _MOST_ASIDE = 1 / 3, 0.5  # share of the outlines
_CHOOSING, _MOST_CHOOSING = 0.2, 0.34
_ALIKE = 16  # of 256 bits, see `near_duplicates`

TRAIN, CHOOSE, ASIDE = "train", "choose", "aside"
"""Sides: learnt from; the mean of old and new weights is chosen on them; measured on at the end."""


@dataclass(frozen=True, eq=False)
class ImageDay:
    """Images that stay together.

    Attributes
    ----------
    name
        The day, or the image without one.
    images
        Of all cameras.
    """

    name: str
    images: Sequence[ImageOutlines]

    @property
    def outlines(self) -> int:
        """Number of outlines in its images."""
        return sum(len(image.objects) for image in self.images)


def gather_days(images: Sequence[ImageOutlines]) -> list[ImageDay]:
    """Group images by day, in the order of names."""
    keys = [[f"day {image.day}" if image.day else f"image {image.path}"] for image in images]
    undated = [place for place, image in enumerate(images) if not image.day]
    if undated:
        hashes = [difference_hash(read_image(images[place].path).pixels) for place in undated]
        for first, second in near_duplicate_pairs(np.array(hashes), _ALIKE):
            keys[undated[first]].append(f"alike {first} {second}")
            keys[undated[second]].append(f"alike {first} {second}")
    groups = [[images[place] for place in group] for group in linked_groups(keys)]
    days = [ImageDay(min(i.day or i.path.name for i in group), group) for group in groups]
    return sorted(days, key=lambda day: day.name)


def deal_days(days: Sequence[ImageDay]) -> dict[str, list[ImageDay]]:
    """Deal days to sides, in an order that depends on their names alone.

    `CHOOSE` gets a fifth of what is not kept aside, or nothing where that is too little to spare.

    Raises
    ------
    TrainingError
        If there are too few outlines or days; says what is missing.
    """
    total = sum(day.outlines for day in days)
    missing = [
        f"{least - count} more {what}"
        for count, least, what in (
            (total, LEAST_OUTLINES, "outlines"),
            (len(days), LEAST_DAYS, "days"),
        )
        if count < least
    ]
    if missing:
        raise TrainingError(
            f"{_count(total, 'outline')} on {_count(len(days), 'day')} are too few to learn from: "
            f"a gain could not be told from chance. Needed are {LEAST_OUTLINES} outlines on "
            f"{LEAST_DAYS} days: map and accept {' on '.join(missing)}."
        )
    waiting = sorted(days, key=lambda day: hashlib.sha256(day.name.encode()).hexdigest())
    aside = _take(waiting, _ASIDE * total, _MOST_ASIDE * total)
    kept = sum(day.outlines for day in aside)
    if kept < LEAST_ASIDE or len(aside) < LEAST_DAYS_ASIDE:
        largest = max(days, key=lambda day: day.outlines)
        raise TrainingError(
            f"The outlines lie on too few days to keep some aside: {largest.name} alone has "
            f"{largest.outlines} of {total}. Map and accept avalanches of other days, so that "
            f"{LEAST_ASIDE} outlines on {LEAST_DAYS_ASIDE} days can be kept aside."
        )
    waiting = [day for day in waiting if day not in aside]
    rest = total - kept
    choosing = _take(waiting, _CHOOSING * rest, _MOST_CHOOSING * rest)
    if len(waiting) - len(choosing) < 2:
        choosing = []
    return {
        TRAIN: [day for day in waiting if day not in choosing],
        CHOOSE: choosing,
        ASIDE: aside,
    }


def _take(days: Sequence[ImageDay], wanted: float, most: float) -> list[ImageDay]:
    """Take days in their order until there are enough outlines, passing over what is too much."""
    taken: list[ImageDay] = []
    count = 0
    for day in days:
        if count >= wanted and len(taken) >= LEAST_DAYS_ASIDE:
            break
        if count + day.outlines <= most:
            taken.append(day)
            count += day.outlines
    return taken


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
