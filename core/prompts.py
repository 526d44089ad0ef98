"""Prompts of a user: clicks, strokes of a brush, a box, a start mask.

Coordinates are pixels of the full image, centres on integers, origin in the upper left corner,
``row`` down and ``col`` to the right. They may be fractional.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from reprlib import repr as _short
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import PromptError
from .json_files import is_true

BOX_GUIDANCE = 0.5
"""Value of the mask guidance inside a box, for models trained on boxes."""


@dataclass(frozen=True)
class Click:
    """One click: on the object (``positive``) or on the background.

    Examples
    --------
    >>> from core.prompts import Click
    >>> Click(row=120, col=80.5, positive=False)
    Click(row=120, col=80.5, positive=False)
    """

    row: float
    col: float
    positive: bool = True

    def __post_init__(self) -> None:
        if not _finite(self.row, self.col):
            raise PromptError(
                f"A click needs finite coordinates, got ({_short(self.row)}, {_short(self.col)})."
            )


@dataclass(frozen=True)
class Box:
    """Axis-parallel box; ``row_max`` and ``col_max`` are inclusive.

    Examples
    --------
    >>> from core.prompts import Box
    >>> Box.from_corners((40, 90), (10, 20))
    Box(row_min=10, row_max=40, col_min=20, col_max=90)
    """

    row_min: float
    row_max: float
    col_min: float
    col_max: float

    def __post_init__(self) -> None:
        values = (self.row_min, self.row_max, self.col_min, self.col_max)
        if not _finite(*values):
            raise PromptError(f"A box needs finite coordinates, got {_short(values)}.")
        if self.row_max < self.row_min or self.col_max < self.col_min:
            raise PromptError(
                "A box needs row_min <= row_max and col_min <= col_max, got rows "
                f"{self.row_min} to {self.row_max}, columns {self.col_min} to {self.col_max}."
            )

    @classmethod
    def from_corners(cls, first: tuple[float, float], second: tuple[float, float]) -> Box:
        """Build a box from two opposite (row, col) corners, in any order."""
        (r0, c0), (r1, c1) = first, second
        return cls(min(r0, r1), max(r0, r1), min(c0, c1), max(c0, c1))


@dataclass(frozen=True)
class Stroke:
    """One stroke of a brush (``positive``: these pixels are object) or an eraser (background).

    It covers the pixels whose centres lie within ``radius`` of the line through ``points``, which
    may leave the image: what lies beside it counts for nothing.

    Attributes
    ----------
    points
        (row, col) each, one or more.
    radius
        In pixels, 1 to `MAX_RADIUS`.
    after
        How many clicks were made before it: strokes and clicks act in the order in which they
        were made.

    Examples
    --------
    >>> from core.prompts import Stroke
    >>> Stroke([(40, 50), (40, 80.5)], radius=6, after=2).points
    ((40, 50), (40, 80.5))
    """

    points: Sequence[tuple[float, float]]
    radius: float
    positive: bool = True
    after: int = 0

    MAX_RADIUS = 1000

    def __post_init__(self) -> None:
        points = tuple((row, col) for row, col in self.points)
        object.__setattr__(self, "points", points)
        if not points or not all(_finite(*point) for point in points):
            raise PromptError(
                f"A stroke needs one or more finite (row, col) points, got {_short(points)}."
            )
        if not _finite(self.radius) or not 1 <= self.radius <= self.MAX_RADIUS:
            raise PromptError(
                f"A stroke needs a radius of 1 to {self.MAX_RADIUS} pixels, "
                f"got {_short(self.radius)}."
            )
        if not isinstance(self.after, int) or self.after < 0:
            raise PromptError(
                f"A stroke needs the number of clicks before it, got {_short(self.after)}."
            )

    def bounds(self) -> tuple[float, float, float, float]:
        """Return (row_min, row_max, col_min, col_max) of what it covers."""
        rows, cols = [row for row, _ in self.points], [col for _, col in self.points]
        around = self.radius
        return min(rows) - around, max(rows) + around, min(cols) - around, max(cols) + around

    def to_json(self) -> dict[str, Any]:
        """Encode as it is stored with a feature, and sent to a worker."""
        return {
            "after": self.after,
            "positive": int(self.positive),
            "radius": self.radius,
            "points": [list(point) for point in self.points],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Stroke:
        """Decode what `to_json` has made.

        Raises
        ------
        PromptError
            If the values are none of a stroke.
        LookupError, TypeError, ValueError
            If it is damaged otherwise.
        """
        return cls(
            content["points"], content["radius"], is_true(content["positive"]), content["after"]
        )


@dataclass(frozen=True, eq=False)
class Prompts:
    """All prompts of one object.

    Attributes
    ----------
    clicks
        Clicks in order; later clicks correct earlier ones.
    box
        Round the object: it sets the input view.
    mask
        (H, W) start mask, bool or probabilities from 0 to 1: the first mask guidance. Do not change
        it while it is in use.
    strokes
        Of brush and eraser, in order.

    Examples
    --------
    >>> from core.prompts import Box, Click, Prompts
    >>> prompts = Prompts([Click(30, 40), Click(5, 5, positive=False)], Box(10, 50, 20, 70))
    >>> len(prompts.clicks), prompts.empty
    (2, False)
    """

    clicks: Sequence[Click] = ()
    box: Box | None = None
    mask: NDArray[Any] | None = None
    strokes: Sequence[Stroke] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "clicks", tuple(self.clicks))
        object.__setattr__(self, "strokes", tuple(self.strokes))
        if self.mask is not None and np.asarray(self.mask).ndim != 2:
            raise PromptError(f"A mask needs shape (H, W), got {np.asarray(self.mask).shape}.")

    @property
    def empty(self) -> bool:
        """Whether there are no prompts."""
        return not (self.clicks or self.strokes) and self.box is None and self.mask is None


def in_order(clicks: Sequence[Click], strokes: Sequence[Stroke]) -> Iterator[Click | Stroke]:
    """Yield clicks and strokes in the order in which they were made."""
    for count in range(len(clicks) + 1):
        if count:
            yield clicks[count - 1]
        last = count == len(clicks)
        yield from (s for s in strokes if s.after == count or (last and s.after > count))


def _finite(*values: Any) -> bool:  # noqa: ANN401
    """Return whether all values are numbers that a pixel could have."""
    try:
        return all(math.isfinite(value) for value in values)
    except (TypeError, OverflowError):
        return False
