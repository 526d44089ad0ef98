"""Summary of one model on one data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import PromptError
from .clicks import Failures, NoC, failures, harm, iou_at, noc, seconds_per_click

NOC_PERCENTS = (80, 85, 90)
"""IoUs in percent for which the NoC is reported."""

IOU_AT_CLICKS = (1, 2, 3, 5, 7, 10, 20)
"""Numbers of clicks k for which IoU@k is reported."""


class Curve(NamedTuple):
    """IoUs of one object.

    Attributes
    ----------
    ious
        IoU after click 1, 2, …; empty if ``start`` sufficed.
    start
        IoU after a box or a start mask, before the first click; None without these.
    """

    ious: Sequence[float]
    start: float | None = None

    @property
    def steps(self) -> list[float]:
        """All IoUs in order, including the start."""
        return [*([] if self.start is None else [self.start]), *self.ious]


@dataclass(frozen=True)
class Summary:
    """Measures of one model on one data set.

    Attributes
    ----------
    noc
        Mean number of clicks by IoU in percent; None above the target IoU, where it cannot be
        measured.
    failures
        Objects that took all clicks, by IoU in percent, likewise.
    iou_at
        Mean IoU by number of clicks.
    harm
        Share of clicks that lower the IoU by more than `core.metrics.DROP`.
    seconds_per_click, seconds
        Mean time per click (None without clicks) and total time in seconds.
    """

    noc: dict[int, float | None]
    failures: dict[int, Failures | None]
    iou_at: dict[int, float]
    harm: float
    seconds_per_click: float | None
    seconds: float


def summarise(
    curves: Sequence[Curve], seconds: float, *, max_clicks: int, target_iou: float
) -> Summary:
    """Summarise the curves of all objects of a data set.

    Parameters
    ----------
    curves
        One per object.
    seconds
        Total time.
    max_clicks
        Clicks allowed per object.
    target_iou
        IoU at which the clicks stopped; greater than 1 if they never did.

    Raises
    ------
    PromptError
        If there are no curves, or one has neither a start nor a click.
    """
    if not curves:
        raise PromptError("There are no objects to summarise; choose a data set that has some.")
    nocs = {percent: _nocs(curves, percent, max_clicks, target_iou) for percent in NOC_PERCENTS}
    reached = [curve.ious or curve.steps for curve in curves]
    clicks = sum(len(curve.ious) for curve in curves)
    return Summary(
        noc={key: _mean_count(items) for key, items in nocs.items()},
        failures={k: failures(items, max_clicks) if items else None for k, items in nocs.items()},
        iou_at=iou_at(reached, [k for k in IOU_AT_CLICKS if k <= max_clicks]),
        harm=harm([curve.steps for curve in curves]),
        seconds_per_click=seconds_per_click(seconds, clicks),
        seconds=seconds,
    )


def _nocs(curves: Sequence[Curve], percent: int, max_clicks: int, target_iou: float) -> list[NoC]:
    """Compute the NoC of every object; an empty list above the target IoU."""
    threshold = percent / 100
    if threshold > target_iou:
        return []
    return [noc(curve.ious, threshold, max_clicks, start=curve.start) for curve in curves]


def _mean_count(nocs: Sequence[NoC]) -> float | None:
    return sum(item.count for item in nocs) / len(nocs) if nocs else None
