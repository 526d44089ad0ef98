"""Contours of a field by marching squares, all cells at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOP, _BOTTOM, _LEFT, _RIGHT = range(4)
# Where a contour enters and leaves a square, the higher values on its left, by which of the corners
# are high: 1 upper left, 2 upper right, 4 lower left, 8 lower right. Two high corners across from
# each other are kept apart.
_WAYS = {
    1: ((_LEFT, _TOP),),
    2: ((_TOP, _RIGHT),),
    3: ((_LEFT, _RIGHT),),
    4: ((_BOTTOM, _LEFT),),
    5: ((_BOTTOM, _TOP),),
    6: ((_TOP, _RIGHT), (_BOTTOM, _LEFT)),
    7: ((_BOTTOM, _RIGHT),),
    8: ((_RIGHT, _BOTTOM),),
    9: ((_LEFT, _TOP), (_RIGHT, _BOTTOM)),
    10: ((_TOP, _BOTTOM),),
    11: ((_LEFT, _BOTTOM),),
    12: ((_RIGHT, _LEFT),),
    13: ((_RIGHT, _TOP),),
    14: ((_TOP, _LEFT),),
}


def trace_contours(
    field: NDArray[np.float32], level: float
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Trace the contours of a field (R, C) at a level that its margin is below.

    Return the corners (N, 2) of all contours, column and row, linear between values, and how many
    of them each contour has (K,). Contours are closed, without their first corner once more.
    """
    rows, cols = field.shape
    high = (field > level).view(np.uint8)
    code = high[:-1, :-1] + 2 * high[:-1, 1:] + 4 * high[1:, :-1] + 8 * high[1:, 1:]
    row, col = np.nonzero((code != 0) & (code != 15))
    code, corner = code[row, col], row * cols + col
    # Sides of squares: below each corner's number those to the right of it, above those downwards.
    down = rows * cols
    sides = np.stack([corner, corner + cols, corner + down, corner + 1 + down])
    enters, leaves = [], []
    for which, ways in _WAYS.items():
        at = np.flatnonzero(code == which)
        for enter, leave in ways:
            enters.append(sides[enter, at])
            leaves.append(sides[leave, at])
    side, after = np.concatenate(enters), np.concatenate(leaves)
    order = np.argsort(side)
    side = side[order]
    cycle, lengths = _follow(np.searchsorted(side, after[order]).tolist())
    return _places(field, side[cycle], level), np.array(lengths, np.intp)


def _follow(after: list[int]) -> tuple[list[int], list[int]]:
    """Return the cycles of a permutation, one after another, and their lengths."""
    cycle: list[int] = []
    lengths = []
    left = bytearray(b"\x01") * len(after)
    for start in range(len(after)):
        place, before = start, len(cycle)
        while left[place]:
            left[place] = 0
            cycle.append(place)
            place = after[place]
        if len(cycle) > before:
            lengths.append(len(cycle) - before)
    return cycle, lengths


def _places(
    field: NDArray[np.float32], side: NDArray[np.intp], level: float
) -> NDArray[np.float64]:
    """Return columns and rows (N, 2) at which a field crosses the level on sides of squares."""
    values = field.ravel()
    is_down, corner = np.divmod(side, field.size)
    row, col = np.divmod(corner, field.shape[1])
    start = values[corner].astype(np.float64)
    share = (level - start) / (values[corner + np.where(is_down, field.shape[1], 1)] - start)
    return np.stack([col + share * (1 - is_down), row + share * is_down], axis=1)
