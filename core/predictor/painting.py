"""What strokes of brush and eraser force pixels to be, and what later clicks take back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..prompts import Click, Stroke, in_order
from .geometry import Roi, Size, union
from .prediction import Prediction
from .view import InputView

_SPOT = 1.0  # pixels round a click that contradicts a stroke, which are what the click says
_SLACK = 1e-6  # of squared pixels: the same stroke in a window covers the same pixels

StrokeArea = tuple[Roi, NDArray[np.bool_]]
"""Pixels that a stroke covers: bounding box in the image, and mask within it."""


@dataclass(frozen=True, eq=False)
class Painting:
    """Pixels of an image that are object or background whatever the network says.

    Attributes
    ----------
    window
        Round all strokes.
    signs
        (h, w) int8 in the window: 1 object, -1 background, 0 left to the network.
    """

    window: Roi
    signs: NDArray[np.int8]

    def on(self, prediction: Prediction) -> Prediction:
        """Return a prediction with 1 and 0 where strokes force object and background."""
        window = self.window
        roi = union([prediction.roi, window]) if prediction.coarse.any() else window
        values = np.zeros(roi.size, np.float32)
        if prediction.coarse.any():
            inner = prediction.roi.shifted(-roi.row_min, -roi.col_min)
            values[inner.slices] = prediction.crop
        painted = values[window.shifted(-roi.row_min, -roi.col_min).slices]
        painted[self.signs > 0] = 1
        painted[self.signs < 0] = 0
        return Prediction(prediction.size, values, (InputView(roi, roi.size),))


def paint(
    clicks: Sequence[Click], strokes: Sequence[Stroke], areas: Mapping[Stroke, StrokeArea]
) -> Painting | None:
    """Paint strokes and clicks in their order.

    The latest stroke counts. A click that contradicts what is painted under it leaves what was
    painted so to the network again, as far about it as the radius of that stroke, and a spot of
    `_SPOT` pixels round it is what the click says.

    Parameters
    ----------
    clicks
        On pixels of the image.
    strokes
        In order.
    areas
        Of the strokes that lie in the image, at least partly: see `stroke_area`.

    Returns
    -------
    Painting
        None if there is nothing to paint.
    """
    strokes = [stroke for stroke in strokes if stroke in areas]
    if not strokes:
        return None
    window = union([areas[stroke][0] for stroke in strokes])
    signs, radii = np.zeros(window.size, np.int8), np.zeros(window.size, np.float32)
    for prompt in in_order(clicks, strokes):
        sign = 1 if prompt.positive else -1
        if isinstance(prompt, Stroke):
            roi, area = areas[prompt]
            slices = roi.shifted(-window.row_min, -window.col_min).slices
            signs[slices][area] = sign
            radii[slices][area] = prompt.radius
        elif window.contains(prompt):
            row, col = round(prompt.row) - window.row_min, round(prompt.col) - window.col_min
            if signs[row, col] == -sign:
                slices, near = _disc(row, col, float(radii[row, col]), window.size)
                signs[slices][near & (signs[slices] == -sign)] = 0
                slices, near = _disc(row, col, _SPOT, window.size)
                signs[slices][near], radii[slices][near] = sign, _SPOT
    return Painting(window, signs)


def stroke_area(stroke: Stroke, size: Size) -> StrokeArea | None:
    """Return which pixels of an image of ``size`` a stroke covers; None if it covers none."""
    top, bottom, left, right = stroke.bounds()
    first_row, first_col = max(0, math.ceil(top)), max(0, math.ceil(left))
    last_row, last_col = min(size[0] - 1, math.floor(bottom)), min(size[1] - 1, math.floor(right))
    if first_row > last_row or first_col > last_col:
        return None
    roi = Roi(first_row, last_row, first_col, last_col)
    area = np.zeros(roi.size, np.bool_)
    points = [(row - roi.row_min, col - roi.col_min) for row, col in stroke.points]
    for start, end in zip(points, points[1:] or points, strict=False):
        _cover(area, start, end, stroke.radius)
    return (roi, area) if area.any() else None


def _cover(
    area: NDArray[np.bool_], start: tuple[float, float], end: tuple[float, float], radius: float
) -> None:
    """Mark the pixels within a radius of a line."""
    spans = []
    for length, a, b in zip(area.shape, start, end, strict=True):
        low, high = math.ceil(min(a, b) - radius), math.floor(max(a, b) + radius)
        spans.append(slice(max(0, low), max(0, min(length, high + 1))))
    rows, cols = np.arange(spans[0].start, spans[0].stop), np.arange(spans[1].start, spans[1].stop)
    down, right = end[0] - start[0], end[1] - start[1]
    from_row, from_col = (rows - start[0])[:, None], cols - start[1]
    length = down * down + right * right
    along = np.clip((from_row * down + from_col * right) / length, 0, 1) if length else 0.0
    distance = (from_row - along * down) ** 2 + (from_col - along * right) ** 2
    area[spans[0], spans[1]] |= distance <= radius * radius + _SLACK


def _disc(
    row: int, col: int, radius: float, size: Size
) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """Return a disc in an array of ``size``: where it lies, and the mask there."""
    reach = math.floor(radius)
    rows = slice(max(0, row - reach), min(size[0], row + reach + 1))
    cols = slice(max(0, col - reach), min(size[1], col + reach + 1))
    down = np.arange(rows.start, rows.stop)[:, None] - row
    right = np.arange(cols.start, cols.stop) - col
    return (rows, cols), down**2 + right**2 <= radius**2
