"""Choice of the input view as in the published code, its faults included.

State in RITM's ZoomIn and LimitLongestSide and in the avalanche work's CropBBox can make the views
to the network and back differ, which is needed to reproduce published numbers.
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
    state: PlanState,
    options: PredictorOptions,
) -> ViewPlan:
    """Choose the views as `plan_view` does, by the published transforms and their state."""
    if box is not None:
        roi = roi_of_box(box, size)
        inputs: tuple[InputView, ...] = (InputView(roi, roi.size, antialias=False),)
        outputs, moved = inputs, False
    else:
        inputs, outputs, state, moved = _published_zoom(size, clicks, object_box, state, options)
    frame = inputs[-1].size if inputs else size
    limit = options.limit_longest_side
    if limit is None:
        return ViewPlan(inputs, outputs, state, moved)
    if max(frame) > limit:
        view = InputView(Roi.whole(frame), fit(frame, limit), antialias=False)
        inputs = (*inputs, view)
        state = replace(state, limit=view)
        moved = True
    if state.limit is not None:  # outdated views still act on the way back
        outputs = (*outputs, state.limit)
    return ViewPlan(inputs, outputs, state, moved)


def _published_zoom(
    size: Size,
    clicks: Sequence[Click],
    object_box: Roi | None,
    state: PlanState,
    options: PredictorOptions,
) -> tuple[tuple[InputView, ...], tuple[InputView, ...], PlanState, bool]:
    zoom = options.zoom
    if zoom is None:
        return (), (), state, False
    wanted: Roi | None = None
    if len(clicks) > zoom.skip_clicks:
        positive = [click for click in clicks if click.positive]
        if object_box is not None:
            grown = object_box.including(positive)
            wanted = grown.expand(zoom.expansion_ratio, zoom.min_crop_size, size)
        elif zoom.skip_clicks < 0:
            wanted = Roi.whole(size)
    if wanted is None:  # no zoom, but an earlier window still acts on the way back
        outdated = () if state.roi is None else (_published_view(state.roi, zoom),)
        return (), outdated, state, False
    current = state.roi
    moved = current is None or not _published_contains(current, clicks)
    moved = moved or wanted.iou(current or wanted) < zoom.recompute_iou
    roi = wanted if moved or current is None else current
    view = (_published_view(roi, zoom),)
    return view, view, replace(state, roi=roi), moved


def _published_view(roi: Roi, zoom: Zoom) -> InputView:
    target = zoom.size
    size = target if isinstance(target, tuple) else fit(roi.size, target)
    return InputView(roi, size, antialias=False)


def _published_contains(roi: Roi, clicks: Sequence[Click]) -> bool:
    """Test as published: a click on the last row or column is outside."""
    return all(
        roi.row_min <= click.row < roi.row_max and roi.col_min <= click.col < roi.col_max
        for click in clicks
        if click.positive
    )
