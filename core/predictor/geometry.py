"""Integer regions of interest of an image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..prompts import Click

Size = tuple[int, int]


@dataclass(frozen=True)
class Roi:
    """Rows ``row_min`` to ``row_max`` and columns ``col_min`` to ``col_max``, all inclusive."""

    row_min: int
    row_max: int
    col_min: int
    col_max: int

    @classmethod
    def whole(cls, size: Size) -> Roi:
        """Return the region of a whole image of ``size`` (height, width)."""
        return cls(0, size[0] - 1, 0, size[1] - 1)

    @property
    def size(self) -> Size:
        """(height, width) in pixels."""
        return self.row_max - self.row_min + 1, self.col_max - self.col_min + 1

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of these rows and columns in an (H, W, ...) array."""
        return slice(self.row_min, self.row_max + 1), slice(self.col_min, self.col_max + 1)

    def contains(self, click: Click) -> bool:
        """Return whether a click lies inside, edges included."""
        inside_rows = self.row_min <= click.row <= self.row_max
        return inside_rows and self.col_min <= click.col <= self.col_max

    def encloses(self, other: Roi) -> bool:
        """Return whether all of another region lies in this one."""
        rows = self.row_min <= other.row_min and other.row_max <= self.row_max
        return rows and self.col_min <= other.col_min and other.col_max <= self.col_max

    def iou(self, other: Roi) -> float:
        """Compute the product of the IoUs of the row and column intervals."""
        return _interval_iou(
            (self.row_min, self.row_max), (other.row_min, other.row_max)
        ) * _interval_iou((self.col_min, self.col_max), (other.col_min, other.col_max))

    def expand(self, ratio: float, smallest: int, within: Size) -> Roi:
        """Grow about the centre to ``ratio`` times the size, at least ``smallest``; clamp."""
        rows = _expanded(self.row_min, self.row_max, ratio, smallest, within[0])
        cols = _expanded(self.col_min, self.col_max, ratio, smallest, within[1])
        return Roi(*rows, *cols)

    def shifted(self, down: int, right: int) -> Roi:
        """Return the region moved ``down`` rows and ``right`` columns."""
        return Roi(
            self.row_min + down, self.row_max + down, self.col_min + right, self.col_max + right
        )

    def grown(self, margin: int, within: Size) -> Roi:
        """Return the region with a margin all round; clamp."""
        rows = max(0, self.row_min - margin), min(within[0] - 1, self.row_max + margin)
        cols = max(0, self.col_min - margin), min(within[1] - 1, self.col_max + margin)
        return Roi(*rows, *cols)

    def including(self, clicks: Iterable[Click]) -> Roi:
        """Return the smallest region round this one and the pixels of ``clicks``."""
        rows = [self.row_min, self.row_max, *(int(click.row) for click in clicks)]
        cols = [self.col_min, self.col_max, *(int(click.col) for click in clicks)]
        return Roi(min(rows), max(rows), min(cols), max(cols))


def _interval_iou(a: tuple[int, int], b: tuple[int, int]) -> float:
    intersection = max(0, min(a[1], b[1]) - max(a[0], b[0]) + 1)
    union = max(1e-5, max(a[1], b[1]) - min(a[0], b[0]) + 1)
    return intersection / union


def _expanded(low: int, high: int, ratio: float, smallest: int, limit: int) -> tuple[int, int]:
    centre = 0.5 * (low + high)
    length = max(ratio * (high - low + 1), smallest)
    new_low, new_high = round(centre - 0.5 * length), round(centre + 0.5 * length)
    return max(0, new_low), min(limit - 1, new_high)


def bounding_roi(mask: NDArray[np.bool_]) -> Roi | None:
    """Return the bounding box of the true pixels of an (H, W) mask, None if there are none."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return None
    cols = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return Roi(int(rows[0]), int(rows[-1]), int(cols[0]), int(cols[-1]))


def union(rois: Sequence[Roi]) -> Roi:
    """Return the smallest region round one or more."""
    return Roi(
        min(roi.row_min for roi in rois),
        max(roi.row_max for roi in rois),
        min(roi.col_min for roi in rois),
        max(roi.col_max for roi in rois),
    )


def fit(size: Size, longest: int) -> Size:
    """Scale ``size`` so that its longest side is ``longest``; round each side."""
    scale = longest / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
