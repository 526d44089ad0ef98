"""Mask correction: a start mask changed only where clicks were made."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..prompts import Click
from .geometry import Roi, bounding_roi, union
from .prediction import Prediction
from .view import InputView

# Pixels of the network's input: margin of a change in which its probabilities replace the mask, so
# that other thresholds can move it, and largest distance between a click and its change.
_MARGIN = 8
_CLICK_RADIUS = 3

_CHANGED, _SELECTED = 1, 2


class MaskCorrection:
    """Start mask, changed by clicks only where they were made.

    Where network and mask differ, connected parts are changed as a whole: a positive click adds
    the part that it lies in, a negative one removes it. Positive clicks never remove and negative
    ones never add, at any threshold.

    Parameters
    ----------
    values
        (H, W) float32, 0 to 1; do not change it while this is in use.
    threshold
        At which mask and network are compared.
    """

    def __init__(self, values: NDArray[np.float32], threshold: float) -> None:
        self._values = values
        self._threshold = threshold
        self._mask = values > threshold
        self._filled = bounding_roi(values > 0)

    def apply(self, clicks: Sequence[Click], predictions: Sequence[Prediction]) -> Prediction:
        """Compute the mask after ``clicks``.

        Parameters
        ----------
        clicks
            On centres of pixels of the image, or between them.
        predictions
            Of the network after each click.

        Returns
        -------
        Prediction
            The network's probabilities in the changed parts and, where they do not cross the
            threshold, in their margin; the start mask elsewhere.
        """
        latest, window = self._latest(predictions)
        scale = predictions[-1].roi.size[0] / predictions[-1].coarse.shape[0]
        above, mask = latest > self._threshold, self._mask[window.slices]
        changes = []
        for positive in (True, False):
            differs = (above > mask if positive else mask > above).view(np.uint8)
            box = _select(differs, [c for c in clicks if c.positive == positive], window, scale)
            if box is not None:
                box, near = _with_margin(differs, box, scale)
                within = near & (mask[box.slices] != positive) & (differs[box.slices] != _CHANGED)
                changes.append((box, within))
        return self._changed(latest, window, changes)

    def _latest(self, predictions: Sequence[Prediction]) -> tuple[NDArray[np.float32], Roi]:
        """Return the latest probability of each pixel, in a window round all input views."""
        needed: list[Prediction] = []
        for prediction in reversed(predictions):
            if not any(newer.roi.encloses(prediction.roi) for newer in needed):
                needed.append(prediction)
        if len(needed) == 1:
            return needed[0].crop, needed[0].roi
        window = union([prediction.roi for prediction in needed])
        latest = self._values[window.slices].copy()
        for prediction in reversed(needed):
            place = prediction.roi.shifted(-window.row_min, -window.col_min)
            latest[place.slices] = prediction.crop
        return latest, window

    def _changed(
        self,
        latest: NDArray[np.float32],
        window: Roi,
        changes: Sequence[tuple[Roi, NDArray[np.bool_]]],
    ) -> Prediction:
        """Return the start mask, ``latest`` in the pixels of ``changes`` (boxes in ``window``)."""
        boxes = [box.shifted(window.row_min, window.col_min) for box, _ in changes]
        filled = [self._filled] if self._filled is not None else []
        roi = union([*boxes, *filled] or [Roi(0, 0, 0, 0)])
        result = self._values[roi.slices].copy()
        for box, (inner, within) in zip(boxes, changes, strict=True):
            target = result[box.shifted(-roi.row_min, -roi.col_min).slices]
            np.copyto(target, latest[inner.slices], where=within)
        height, width = self._values.shape
        return Prediction((height, width), result, (InputView(roi, roi.size),))


def _select(
    differs: NDArray[np.uint8], clicks: Sequence[Click], window: Roi, scale: float
) -> Roi | None:
    """Mark the parts of ``differs`` in or near which clicks lie; return their bounding box."""
    boxes = []
    for click in clicks:
        if window.contains(click):
            row, col = round(click.row) - window.row_min, round(click.col) - window.col_min
            start = _nearest(differs, row, col, math.ceil(_CLICK_RADIUS * scale))
            if start is not None:
                _, _, _, (left, top, width, height) = cv2.floodFill(
                    differs, None, start[::-1], _SELECTED, flags=4
                )
                boxes.append(Roi(top, top + height - 1, left, left + width - 1))
    return union(boxes) if boxes else None


def _nearest(differs: NDArray[np.uint8], row: int, col: int, radius: int) -> tuple[int, int] | None:
    """Return the nearest changed pixel within a radius; None without one, or if it is selected."""
    top, left = max(0, row - radius), max(0, col - radius)
    rows, cols = np.nonzero(differs[top : row + radius + 1, left : col + radius + 1])
    distances = np.hypot(rows + top - row, cols + left - col)
    if not (distances <= radius).any():
        return None
    nearest = int(distances.argmin())
    pixel = int(rows[nearest]) + top, int(cols[nearest]) + left
    return pixel if differs[pixel] == _CHANGED else None


def _with_margin(
    differs: NDArray[np.uint8], box: Roi, scale: float
) -> tuple[Roi, NDArray[np.bool_]]:
    """Return the selected parts with their margin: bounding box, and mask within it."""
    height, width = differs.shape
    box = box.grown(math.ceil((_MARGIN + 1) * scale), (height, width))
    selected = differs[box.slices] == _SELECTED
    # On a grid as coarse as the network's: in all pixels it would take ten times as long.
    step = max(1, round(scale))
    coarse = np.ascontiguousarray(selected[::step, ::step]).view(np.uint8)
    grown = cv2.dilate(coarse, np.ones((2 * _MARGIN + 1,) * 2, np.uint8)).view(np.bool_)
    near = np.repeat(np.repeat(grown, step, axis=1), step, axis=0)
    return box, selected | near[: selected.shape[0], : selected.shape[1]]
