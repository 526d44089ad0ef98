"""A mask to start from is kept where no click was made."""

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

# Pixels of the network's input: how far round a change its probabilities are shown, for other
# thresholds to move it, and how far from a click a change may begin.
_REACH = 8
_NEAR = 3

_CHANGED, _CHOSEN = 1, 2


class MaskCorrection:
    """A mask to start from, changed by clicks only where they were made.

    Where the network disagrees with the mask, whole connected parts are changed or none of them:
    a positive click adds the part that it lies in, a negative one takes it away. Positive clicks
    never take away and negative ones never add, at any threshold.

    Parameters
    ----------
    values
        (H, W) float32 in 0..1; not to be changed while this is in use.
    threshold
        At which mask and network are compared.
    """

    def __init__(self, values: NDArray[np.float32], threshold: float) -> None:
        self._values = values
        self._threshold = threshold
        self._mask = values > threshold
        self._filled = bounding_roi(values > 0)

    def apply(self, clicks: Sequence[Click], answers: Sequence[Prediction]) -> Prediction:
        """The mask after ``clicks``.

        Parameters
        ----------
        clicks
            On centres of pixels of the image, or between them.
        answers
            Of the network, in the order of the clicks.

        Returns
        -------
        Prediction
            The network's probabilities in the changed parts and, if they stay on their side of
            the threshold, close round these; all else as in the mask.
        """
        latest, where = self._latest(answers)
        scale = answers[-1].roi.size[0] / answers[-1].coarse.shape[0]
        above, mask = latest > self._threshold, self._mask[where.slices]
        changes = []
        for positive in (True, False):
            differs = (above > mask if positive else mask > above).view(np.uint8)
            box = _choose(differs, [c for c in clicks if c.positive == positive], where, scale)
            if box is not None:
                box, near = _reach(differs, box, scale)
                within = near & (mask[box.slices] != positive) & (differs[box.slices] != _CHANGED)
                changes.append((box, within))
        return self._changed(latest, where, changes)

    def _latest(self, answers: Sequence[Prediction]) -> tuple[NDArray[np.float32], Roi]:
        """What the network said last of each pixel, in a window round all that it looked at."""
        needed: list[Prediction] = []
        for answer in reversed(answers):
            if not any(union([answer.roi, newer.roi]) == newer.roi for newer in needed):
                needed.append(answer)
        if len(needed) == 1:
            return needed[0].crop, needed[0].roi
        where = union([answer.roi for answer in needed])
        latest = self._values[where.slices].copy()
        for answer in reversed(needed):
            latest[answer.roi.shifted(-where.row_min, -where.col_min).slices] = answer.crop
        return latest, where

    def _changed(
        self,
        latest: NDArray[np.float32],
        where: Roi,
        changes: Sequence[tuple[Roi, NDArray[np.bool_]]],
    ) -> Prediction:
        """The mask with what is ``latest`` in the pixels of ``changes``, boxes in ``where``."""
        boxes = [box.shifted(where.row_min, where.col_min) for box, _ in changes]
        filled = [self._filled] if self._filled is not None else []
        roi = union([*boxes, *filled] or [Roi(0, 0, 0, 0)])
        result = self._values[roi.slices].copy()
        for box, (inner, within) in zip(boxes, changes, strict=True):
            target = result[box.shifted(-roi.row_min, -roi.col_min).slices]
            np.copyto(target, latest[inner.slices], where=within)
        height, width = self._values.shape
        return Prediction((height, width), result, (InputView(roi, roi.size),))


def _choose(
    differs: NDArray[np.uint8], clicks: Sequence[Click], where: Roi, scale: float
) -> Roi | None:
    """Mark the parts of `differs` in which clicks lie, or almost; the box round them."""
    boxes = []
    for click in clicks:
        if where.contains(click):
            row, col = round(click.row) - where.row_min, round(click.col) - where.col_min
            seed = _nearest(differs, row, col, math.ceil(_NEAR * scale))
            if seed is not None:
                _, _, _, (left, top, width, height) = cv2.floodFill(
                    differs, None, seed[::-1], _CHOSEN, flags=4
                )
                boxes.append(Roi(top, top + height - 1, left, left + width - 1))
    return union(boxes) if boxes else None


def _nearest(differs: NDArray[np.uint8], row: int, col: int, radius: int) -> tuple[int, int] | None:
    """The changed pixel nearest to one within a radius; None if there is none, or it is chosen."""
    top, left = max(0, row - radius), max(0, col - radius)
    rows, cols = np.nonzero(differs[top : row + radius + 1, left : col + radius + 1])
    distances = np.hypot(rows + top - row, cols + left - col)
    if not (distances <= radius).any():
        return None
    nearest = int(distances.argmin())
    seed = int(rows[nearest]) + top, int(cols[nearest]) + left
    return seed if differs[seed] == _CHANGED else None


def _reach(differs: NDArray[np.uint8], box: Roi, scale: float) -> tuple[Roi, NDArray[np.bool_]]:
    """The surroundings of what is chosen: the box that holds them, and which of its pixels."""
    height, width = differs.shape
    box = box.grown(math.ceil((_REACH + 1) * scale), (height, width))
    chosen = differs[box.slices] == _CHOSEN
    # On a grid as coarse as the network's: in all pixels it would take ten times as long.
    step = max(1, round(scale))
    coarse = np.ascontiguousarray(chosen[::step, ::step]).view(np.uint8)
    grown = cv2.dilate(coarse, np.ones((2 * _REACH + 1,) * 2, np.uint8)).view(np.bool_)
    near = np.repeat(np.repeat(grown, step, axis=1), step, axis=0)
    return box, chosen | near[: chosen.shape[0], : chosen.shape[1]]
