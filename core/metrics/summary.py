"""Summary of one model on one data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import PromptError
from .clicks import (
    Failures,
    NoC,
    bootstrap_interval,
    failures,
    harm,
    ious_at,
    noc,
    seconds_per_click,
)

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
    far
        Damage far from each click but a first one without start, as a share of the object's area.
    """

    ious: Sequence[float]
    start: float | None = None
    far: Sequence[float] = ()

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
        Mean IoU by number of clicks; with a box or a start mask also before the first, under 0.
    noc_interval, iou_at_interval
        95 % intervals of these means, see `bootstrap_interval`.
    harm
        Share of clicks that lower the IoU by more than `core.metrics.DROP`.
    far_damage
        Mean damage of a click far from it, as a share of the object's area; None without clicks.
    seconds_per_click, seconds
        Mean time per click (None without clicks) and total time in seconds.
    """

    noc: dict[int, float | None]
    failures: dict[int, Failures | None]
    iou_at: dict[int, float]
    noc_interval: dict[int, tuple[float, float] | None]
    iou_at_interval: dict[int, tuple[float, float]]
    harm: float
    far_damage: float | None
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
    ious = _ious_by_click(curves, max_clicks)
    far = [value for curve in curves for value in curve.far]
    clicks = sum(len(curve.ious) for curve in curves)
    return Summary(
        noc={key: _mean_count(items) for key, items in nocs.items()},
        failures={k: failures(items, max_clicks) if items else None for k, items in nocs.items()},
        iou_at={k: sum(values) / len(values) for k, values in ious.items()},
        noc_interval={
            key: bootstrap_interval([item.count for item in items]) if items else None
            for key, items in nocs.items()
        },
        iou_at_interval={k: bootstrap_interval(values) for k, values in ious.items()},
        harm=harm([curve.steps for curve in curves]),
        far_damage=sum(far) / len(far) if far else None,
        seconds_per_click=seconds_per_click(seconds, clicks),
        seconds=seconds,
    )


def _ious_by_click(curves: Sequence[Curve], max_clicks: int) -> dict[int, list[float]]:
    """Return the IoU of every object by number of clicks; 0 where a box or a mask came first."""
    reached = [curve.ious or curve.steps for curve in curves]
    after = {k: ious_at(reached, k) for k in IOU_AT_CLICKS if k <= max_clicks}
    starts = [curve.start for curve in curves if curve.start is not None]
    return {0: starts, **after} if starts else after


def _nocs(curves: Sequence[Curve], percent: int, max_clicks: int, target_iou: float) -> list[NoC]:
    """Compute the NoC of every object; an empty list above the target IoU."""
    threshold = percent / 100
    if threshold > target_iou:
        return []
    return [noc(curve.ious, threshold, max_clicks, start=curve.start) for curve in curves]


def _mean_count(nocs: Sequence[NoC]) -> float | None:
    return sum(item.count for item in nocs) / len(nocs) if nocs else None
