"""Effort in clicks, from curves: the IoUs of one object after its first, second, … click."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..errors import PromptError

DROP = 0.02
"""A click that lowers the IoU by more than this does harm; less is the noise of a good mask."""


@dataclass(frozen=True)
class NoC:
    """Number of clicks for one object.

    Attributes
    ----------
    count
        Clicks until the IoU was reached, or the maximum if it never was.
    reached
        Whether it was: distinguishes success at the last click from failure.
    """

    count: int
    reached: bool


class Failures(NamedTuple):
    """Numbers of objects that took all clicks. Published tables give the sum."""

    never_reached: int
    reached_at_last_click: int


def noc(
    ious: Sequence[float], threshold: float, max_clicks: int, *, start: float | None = None
) -> NoC:
    """Count the clicks until the IoU reaches a threshold (NoC, Sofiiuk et al. 2021, section 4).

    Parameters
    ----------
    ious
        IoU after click 1, 2, …; may be shorter than ``max_clicks``, clicks beyond do not count.
    threshold
        IoU to reach, 0 to 1.
    max_clicks
        Clicks allowed, at least 1.
    start
        IoU before the first click, after a box or a start mask. If it suffices the count is 0.

    Raises
    ------
    PromptError
        If ``max_clicks`` is less than 1.

    Examples
    --------
    >>> from core.metrics import noc
    >>> noc([0.55, 0.81, 0.87], threshold=0.85, max_clicks=20)
    NoC(count=3, reached=True)
    """
    if max_clicks < 1:
        raise PromptError(f"At least one click must be allowed, got max_clicks={max_clicks}.")
    if start is not None and start >= threshold:
        return NoC(0, True)
    for count, value in enumerate(ious[:max_clicks], start=1):
        if value >= threshold:
            return NoC(count, True)
    return NoC(max_clicks, False)


def failures(nocs: Sequence[NoC], max_clicks: int) -> Failures:
    """Count the objects that never reached the IoU, and those that did at the last click."""
    never = sum(not item.reached for item in nocs)
    last = sum(item.reached and item.count == max_clicks for item in nocs)
    return Failures(never, last)


def iou_at(ious: Sequence[Sequence[float]], ks: Sequence[int]) -> dict[int, float]:
    """Compute the mean IoU over objects after each of ``ks`` clicks (IoU@k).

    A curve that ended before click k counts with its last value.

    Raises
    ------
    PromptError
        If there are no curves, a curve is empty, or a k is less than 1.
    """
    return {k: sum(reached) / len(reached) for k in ks for reached in [ious_at(ious, k)]}


def ious_at(ious: Sequence[Sequence[float]], k: int) -> list[float]:
    """Return the IoU of every object after ``k`` clicks, as `iou_at` takes the mean of."""
    if not ious or not all(ious):
        raise PromptError("A mean IoU needs at least one object, and an IoU of every object.")
    if k < 1:
        raise PromptError(f"Clicks are counted from 1, got k={k}.")
    return [curve[min(k, len(curve)) - 1] for curve in ious]


def harm(ious: Sequence[Sequence[float]], drop: float = DROP) -> float:
    """Compute the share of clicks, 0 to 1, that lower the IoU by more than ``drop``.

    The first IoU of a curve is not counted; without any counted click the share is 0.
    """
    steps = [after - before for curve in ious for before, after in pairwise(curve)]
    return sum(step < -drop for step in steps) / len(steps) if steps else 0.0


def bootstrap_interval(
    values: Sequence[float], seed: int = 0, statistic: Callable[..., Any] = np.mean
) -> tuple[float, float]:
    """Compute the interval that holds the mean in 95 % of 2,000 resamples of the values.

    Or another ``statistic``, such as `numpy.median`, that takes an ``axis``.

    The percentile bootstrap (Efron 1979) over objects: what another drawing of as many objects
    could have given. The same values and seed always give the same interval.

    Raises
    ------
    PromptError
        If there are no values.
    """
    if not values:
        raise PromptError("An interval needs at least one value.")
    sample = np.asarray(values, np.float64)
    drawn = np.random.default_rng(seed).integers(len(sample), size=(2000, len(sample)))
    low, high = np.percentile(statistic(sample[drawn], axis=1), (2.5, 97.5))
    return float(low), float(high)


def seconds_per_click(seconds: float, clicks: int) -> float | None:
    """Compute the mean time per click in seconds (SPC); None without clicks."""
    return seconds / clicks if clicks else None
