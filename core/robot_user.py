"""The robot user of the click protocol: it corrects the largest error at its deepest point."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import PromptError
from .prompts import Click


class RobotUser:
    """Clicks one object by its ground truth, always at the same pixels for the same predictions.

    Missed object pixels and wrongly covered background pixels are two regions. The next click
    goes to the pixel farthest from the border of its region (the picture's edge is a border too):
    positive if the missed region is strictly deeper, otherwise negative; among equally deep
    pixels the first in row-major order wins. No pixel is clicked twice. This is the protocol of
    Sofiiuk et al. 2021 (arXiv 2102.06583), used by the whole family of published results.

    Parameters
    ----------
    mask
        (H, W) ground truth: 1 object, 0 background, -1 ignored (never clicked).
    reference
        Published behaviour once nothing is left to correct: a negative click at (0, 0), again and
        again. Otherwise `next_click` returns None.
    """

    def __init__(self, mask: NDArray[np.int8], *, reference: bool = False) -> None:
        if mask.ndim != 2:
            raise PromptError(f"The ground truth needs shape (H, W), got {mask.shape}.")
        self._object = mask == 1
        self._background = mask == 0
        self._not_clicked = np.ones(mask.shape, dtype=bool)
        self._reference = reference

    def next_click(self, prediction: NDArray[np.bool_]) -> Click | None:
        """Return the click that corrects ``prediction`` most, and remember it.

        Parameters
        ----------
        prediction
            (H, W) bool, the mask after the clicks so far (all False before the first).

        Raises
        ------
        PromptError
            If the prediction has another shape than the ground truth.
        """
        if prediction.shape != self._object.shape:
            raise PromptError(
                f"The prediction has shape {prediction.shape} but the ground truth "
                f"{self._object.shape}; compare masks of one picture at one resolution."
            )
        covered = prediction.astype(bool, copy=False)
        missed_depth, missed = self._deepest(self._object & ~covered)
        surplus_depth, surplus = self._deepest(self._background & covered)
        if missed_depth == surplus_depth == 0 and not self._reference:
            return None
        positive = missed_depth > surplus_depth
        row, col = missed if positive else surplus
        self._not_clicked[row, col] = False
        return Click(row, col, positive)

    def _deepest(self, error: NDArray[np.bool_]) -> tuple[float, tuple[int, int]]:
        """Depth in pixels and (row, col) of the deepest pixel not clicked yet; 0 at (0, 0) if none.

        Only the bounding box of the error is transformed: everything outside it is border, and no
        pixel outside is nearer than the one-pixel frame put round the box.
        """
        left, top, width, height = cv2.boundingRect(error.view(np.uint8))
        if width == 0:
            return 0.0, (0, 0)
        box = (slice(top, top + height), slice(left, left + width))
        framed = np.pad(error[box].view(np.uint8), 1)
        distance = _exact_distance(framed)
        depth = distance[1:-1, 1:-1] * self._not_clicked[box]
        row, col = np.unravel_index(int(depth.argmax()), depth.shape)
        deepest = float(depth[row, col])
        return (deepest, (top + int(row), left + int(col))) if deepest > 0 else (0.0, (0, 0))


def _exact_distance(mask: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W) Euclidean distance to the nearest zero pixel, correctly rounded.

    With Intel's IPP the last bit depends on threads and on where the array lies in memory, and
    decides between equally deep pixels: the clicks would not be the same from run to run.
    """
    used = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        distance = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    finally:
        cv2.ipp.setUseIPP(used)
    return np.asarray(distance, np.float32)
