"""Robot user: clicks the deepest point of the largest error, to measure NoC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import PromptError
from .metrics import iou
from .prompts import Click


class ClickResult(NamedTuple):
    """A click, the (H, W) bool mask after it, and its IoU with the ground truth."""

    click: Click
    mask: NDArray[np.bool_]
    iou: float


def simulate_clicks(
    truth: NDArray[np.int8],
    predict: Callable[[tuple[Click, ...]], NDArray[np.bool_]],
    *,
    max_clicks: int,
    target_iou: float,
    mask: NDArray[np.bool_] | None = None,
    user: RobotUser | None = None,
) -> Iterator[ClickResult]:
    """Click and predict by turns, until the target is reached or no error is left.

    Parameters
    ----------
    truth
        (H, W) ground truth: 1 object, 0 background, -1 ignored.
    predict
        Called with all clicks so far, in order; returns the (H, W) bool mask.
    max_clicks, target_iou
        Ends the clicks when either is reached.
    mask
        (H, W) bool mask before the first click; empty by default.
    user
        Who clicks; by default a `RobotUser` of the truth.

    Raises
    ------
    PromptError
        If a mask has another shape than the ground truth.

    Examples
    --------
    >>> import numpy as np
    >>> from core.robot_user import simulate_clicks
    >>> truth = np.zeros((40, 40), np.int8)
    >>> truth[10:30, 10:30] = 1
    >>> predict = lambda clicks: (truth == 1) & (np.indices(truth.shape)[1] < 20 * len(clicks))
    >>> steps = simulate_clicks(truth, predict, max_clicks=5, target_iou=0.9)
    >>> [round(step.iou, 2) for step in steps]
    [0.5, 1.0]
    """
    user = user or RobotUser(truth)
    mask = np.zeros(truth.shape, np.bool_) if mask is None else mask
    clicks: tuple[Click, ...] = ()
    while len(clicks) < max_clicks:
        click = user.next_click(mask)
        if click is None:
            return
        clicks += (click,)
        mask = predict(clicks)
        result = ClickResult(click, mask, iou(mask, truth))
        yield result
        if result.iou >= target_iou:
            return


class RobotUser:
    """Deterministic user that knows the ground truth of one object.

    Missed object pixels and wrongly covered background pixels are two regions. The next click is
    the pixel farthest from the border of its region (the image's edge is a border too): positive
    if the missed region is strictly deeper, otherwise negative; of equally deep pixels the first
    in row-major order. No pixel is clicked twice. This is the protocol of Sofiiuk et al. 2021
    (arXiv 2102.06583) and of all published results of the family.

    Parameters
    ----------
    mask
        (H, W) ground truth: 1 object, 0 background, -1 ignored (never clicked).
    reference
        Published behaviour when no error is left: a negative click at (0, 0), again and again.
        Otherwise `next_click` returns None.

    Examples
    --------
    >>> import numpy as np
    >>> from core.robot_user import RobotUser
    >>> truth = np.zeros((9, 9), np.int8)
    >>> truth[2:7, 2:7] = 1
    >>> RobotUser(truth).next_click(np.zeros((9, 9), bool))
    Click(row=4, col=4, positive=True)
    """

    def __init__(self, mask: NDArray[np.int8], *, reference: bool = False) -> None:
        if mask.ndim != 2:
            raise PromptError(f"The ground truth needs shape (H, W), got {mask.shape}.")
        self._object = mask == 1
        self._background = mask == 0
        self._not_clicked = np.ones(mask.shape, dtype=bool)
        self._reference = reference

    def next_click(self, prediction: NDArray[np.bool_]) -> Click | None:
        """Return the click that corrects ``prediction`` most, and exclude its pixel from now on.

        The prediction is the (H, W) mask after the clicks so far, all False before the first.

        Raises
        ------
        PromptError
            If the prediction has another shape than the ground truth.
        """
        if prediction.shape != self._object.shape:
            raise PromptError(
                f"The prediction has shape {prediction.shape} but the ground truth "
                f"{self._object.shape}; compare masks of one image at one resolution."
            )
        missed, surplus = self._errors(prediction)
        missed_depth, deepest_missed = self._deepest(missed)
        surplus_depth, deepest_surplus = self._deepest(surplus)
        if missed_depth == surplus_depth == 0 and not self._reference:
            return None
        positive = missed_depth > surplus_depth
        row, col = deepest_missed if positive else deepest_surplus
        self._not_clicked[row, col] = False
        return Click(row, col, positive)

    def _errors(self, prediction: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return (H, W) bool masks of what is missed and of what is too much."""
        covered = prediction.astype(bool, copy=False)
        return self._object & ~covered, self._background & covered

    def _deepest(self, error: NDArray[np.bool_]) -> tuple[float, tuple[int, int]]:
        """Return depth in pixels and (row, col) of the deepest unclicked pixel, or 0, (0, 0).

        Only the bounding box of the error, with a frame of one pixel, is transformed: no pixel
        outside is nearer than the frame.
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


class NoisyUser(RobotUser):
    """User who clicks like people: somewhere in the largest error, and not always inside it.

    The error and the sign of the click are the robot's. The place is drawn from the connected
    region of the deepest pixel with a probability that grows with the depth, which is how real
    first and later clicks lie on average (distance-transform baseline of Antonov et al. 2024,
    RClicks, arXiv 2410.11722), and then misses by a hand's tremor: some clicks fall beyond the
    edge, and mean the region all the same.

    Parameters
    ----------
    mask
        As for `RobotUser`.
    rng
        Source of chance.

    Examples
    --------
    >>> import numpy as np
    >>> from core.robot_user import NoisyUser
    >>> truth = np.zeros((9, 9), np.int8)
    >>> truth[2:7, 2:7] = 1
    >>> NoisyUser(truth, np.random.default_rng(1)).next_click(np.zeros((9, 9), bool)).positive
    True
    """

    TREMOR = 0.004
    """Standard deviation of a miss, as a share of the image's longer side (2 pixels of 500)."""

    def __init__(self, mask: NDArray[np.int8], rng: np.random.Generator) -> None:
        super().__init__(mask)
        self._rng = rng

    def next_click(self, prediction: NDArray[np.bool_]) -> Click | None:
        """Return a click on the error that the robot would click, and exclude its pixel."""
        aim = super().next_click(prediction)
        if aim is None:
            return None
        deepest = int(aim.row), int(aim.col)
        missed, surplus = self._errors(prediction)
        row, col = self._miss(missed if aim.positive else surplus, deepest)
        if self._not_clicked[row, col]:
            self._not_clicked[row, col], self._not_clicked[deepest] = False, True
            return Click(row, col, aim.positive)
        return aim

    def _miss(self, error: NDArray[np.bool_], deepest: tuple[int, int]) -> tuple[int, int]:
        """Draw a (row, col) from the region of the error's deepest pixel, and a tremor."""
        _, regions = cv2.connectedComponents(error.view(np.uint8))
        depth = _exact_distance(np.pad(error.view(np.uint8), 1))[1:-1, 1:-1]
        weight = np.cumsum(np.where(regions == regions[deepest], depth, 0), dtype=np.float64)
        drawn = int(np.searchsorted(weight, self._rng.uniform(0, weight[-1]), side="right"))
        place = np.array(np.unravel_index(min(drawn, weight.size - 1), error.shape), np.float64)
        place += self._rng.normal(0, self.TREMOR * max(error.shape), 2)
        row, col = np.clip(np.rint(place), 0, np.array(error.shape) - 1).astype(int)
        return int(row), int(col)


def _exact_distance(mask: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compute the (H, W) Euclidean distance to the nearest zero pixel, correctly rounded.

    With Intel's IPP the last bit depends on threads and memory alignment, and decides between
    equally deep pixels: clicks would differ from run to run.
    """
    used = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        distance = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    finally:
        cv2.ipp.setUseIPP(used)
    return np.asarray(distance, np.float32)
