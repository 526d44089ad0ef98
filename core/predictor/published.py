"""Where the published code looks at the next click, its faults included.

RITM's ZoomIn and LimitLongestSide and the avalanche work's CropBBox keep state that can make the
way to the network and the way back differ; comparing with published numbers needs just that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..prompts import Box, Click
from .geometry import Roi, Size, fit
from .options import PredictorOptions, Zoom
from .planning import PlanState, ViewPlan, roi_of_box
from .view import InputView


def plan_published_view(
    size: Size,
    clicks: Sequence[Click],
    box: Box | None,
    object_box: Roi | None,
    memory: PlanState,
    options: PredictorOptions,
) -> ViewPlan:
    """As `plan`, with the published transforms and their state (facts 3.3)."""
    if box is not None:
        roi = roi_of_box(box, size)
        inputs: tuple[InputView, ...] = (InputView(roi, roi.size, antialias=False),)
        outputs, moved = inputs, False
    else:
        inputs, outputs, memory, moved = _published_zoom(size, clicks, object_box, memory, options)
    frame = inputs[-1].size if inputs else size
    limit = options.limit_longest_side
    if limit is None:
        return ViewPlan(inputs, outputs, memory, moved)
    if max(frame) > limit:
        view = InputView(Roi.whole(frame), fit(frame, limit), antialias=False)
        inputs = (*inputs, view)
        memory = replace(memory, limit=view)
        moved = True
    if memory.limit is not None:  # stale views still act on the way back
        outputs = (*outputs, memory.limit)
    return ViewPlan(inputs, outputs, memory, moved)


def _published_zoom(
    size: Size,
    clicks: Sequence[Click],
    object_box: Roi | None,
    memory: PlanState,
    options: PredictorOptions,
) -> tuple[tuple[InputView, ...], tuple[InputView, ...], PlanState, bool]:
    zoom = options.zoom
    if zoom is None:
        return (), (), memory, False
    wanted: Roi | None = None
    if len(clicks) > zoom.skip_clicks:
        positive = [click for click in clicks if click.positive]
        if object_box is not None:
            grown = object_box.including(positive)
            wanted = grown.expand(zoom.expansion_ratio, zoom.min_crop_size, size)
        elif zoom.skip_clicks < 0:
            wanted = Roi.whole(size)
    if wanted is None:  # passes through, but a window left from before still acts on the way back
        stale = () if memory.roi is None else (_published_view(memory.roi, zoom),)
        return (), stale, memory, False
    current = memory.roi
    moved = current is None or not _published_contains(current, clicks)
    moved = moved or wanted.iou(current or wanted) < zoom.recompute_iou
    roi = wanted if moved or current is None else current
    view = (_published_view(roi, zoom),)
    return view, view, replace(memory, roi=roi), moved


def _published_view(roi: Roi, zoom: Zoom) -> InputView:
    target = zoom.size
    size = target if isinstance(target, tuple) else fit(roi.size, target)
    return InputView(roi, size, antialias=False)


def _published_contains(roi: Roi, clicks: Sequence[Click]) -> bool:
    """The published test, to which a click on the last row or column is outside."""
    return all(
        roi.row_min <= click.row < roi.row_max and roi.col_min <= click.col < roi.col_max
        for click in clicks
        if click.positive
    )
