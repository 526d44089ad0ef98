"""Masks as messages carry them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def crop_mask(mask: NDArray[Any]) -> tuple[NDArray[Any], tuple[int, int]]:
    """Return the part of an (H, W) mask that is not 0, of a type that frames carry, and where.

    Where it begins is the (row, col) of its first pixel.
    """
    filled = mask if mask.dtype == bool else mask != 0
    rows = np.flatnonzero(filled.any(axis=1))
    if rows.size == 0:
        return np.zeros((0, 0), np.uint8), (0, 0)
    cols = np.flatnonzero(filled[rows[0] : rows[-1] + 1].any(axis=0))
    part = mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    if part.dtype not in (bool, np.uint8, np.float32):
        part = part.astype(np.float32)
    return part, (int(rows[0]), int(cols[0]))


def paste_mask(part: NDArray[Any], at: Sequence[int], size: Sequence[int]) -> NDArray[Any]:
    """Return the (height, width) mask whose ``part`` begins at (row, col); 0 elsewhere."""
    mask = np.zeros(tuple(size), part.dtype)
    (row, col), (height, width) = at, part.shape
    mask[row : row + height, col : col + width] = part
    return mask
