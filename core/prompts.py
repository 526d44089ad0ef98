"""Prompts of a user: clicks, a box, a start mask.

Coordinates are pixels of the full image, centres on integers, origin in the upper left corner,
``row`` down and ``col`` to the right. They may be fractional.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from reprlib import repr as _short
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import PromptError

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

    def __post_init__(self) -> None:
        object.__setattr__(self, "clicks", tuple(self.clicks))
        if self.mask is not None and np.asarray(self.mask).ndim != 2:
            raise PromptError(f"A mask needs shape (H, W), got {np.asarray(self.mask).shape}.")

    @property
    def empty(self) -> bool:
        """Whether there are no prompts."""
        return not self.clicks and self.box is None and self.mask is None


def _finite(*values: Any) -> bool:  # noqa: ANN401
    """Return whether all values are numbers that a pixel could have."""
    try:
        return all(math.isfinite(value) for value in values)
    except (TypeError, OverflowError):
        return False
