"""Sliding windows over inputs that are too large, or too detailed, for one pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..model.arrays import Floats
from ..prompts import Click
from .geometry import Size

PredictWindow = Callable[[Floats, Sequence[Click]], Floats]


def window_offsets(length: int, window: int, overlap: float) -> list[int]:
    """Return the first pixels of windows that cover ``length`` with at least ``overlap``."""
    if length <= window:
        return [0]
    count = math.ceil((length / window - overlap) / (1 - overlap))
    shared = int(window * (count - length / window) / (count - 1))
    offsets = (min(i * (window - shared), length - window) for i in range(count))
    return list(dict.fromkeys(offsets))  # rounding can put two windows at the end


def predict_in_windows(
    image: Floats, clicks: Sequence[Click], window: Size, overlap: float, predict: PredictWindow
) -> Floats:
    """Compute the mean (1, 1, H, W) of the predictions of all windows of an image (1, C, H, W).

    `predict` maps a part of it and the clicks in its pixels to (1, 1, h, w) probabilities.
    """
    height, width = image.shape[2:]
    total = np.zeros((1, 1, height, width), np.float32)
    count = np.zeros_like(total)
    for rows, cols in _windows((height, width), window, overlap):
        moved = [Click(c.row - rows.start, c.col - cols.start, c.positive) for c in clicks]
        total[:, :, rows, cols] += predict(image[:, :, rows, cols], moved)
        count[:, :, rows, cols] += 1
    return total / count


def _windows(size: Size, window: Size, overlap: float) -> Iterator[tuple[slice, slice]]:
    for row in window_offsets(size[0], window[0], overlap):
        for col in window_offsets(size[1], window[1], overlap):
            yield slice(row, row + window[0]), slice(col, col + window[1])
