"""Choice of the input view for the next click.

A plan is a chain of views from the image to the network's input, and a chain by which its output
is mapped back. Here both are the same single view; they differ in `published` only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..prompts import Box, Click
from .geometry import Roi, Size, fit
from .options import PredictorOptions, Zoom
from .view import InputView

DEFAULT_LIMIT = 800
_BOX_MARGIN = 1.2
# Growth of a window that cuts the object off, so that few passes follow a long avalanche.
_CUT_OFF_RATIO = 2.0
# A zoomed window with a lower `Roi.iou` with the image is worth a second pass.
_WORTH_ZOOMING = 0.5


@dataclass(frozen=True)
class PlanState:
    """State of planning between clicks.

    ``roi`` is the current zoom window, ``limit`` the last view of the published LimitLongestSide.
    """

    roi: Roi | None = None
    limit: InputView | None = None


@dataclass(frozen=True)
class ViewPlan:
    """Views to the network's input and back (outermost first), and the state after them."""

    inputs: tuple[InputView, ...]
    outputs: tuple[InputView, ...]
    state: PlanState
    moved: bool = False


def plan_view(
    size: Size,
    clicks: Sequence[Click],
    box: Box | None,
    object_box: Roi | None,
    cut_off: bool,
    state: PlanState,
    options: PredictorOptions,
    *,
    from_mask: bool = False,
) -> ViewPlan:
    """Choose the input view.

    Parameters
    ----------
    size
        (height, width) of the image.
    object_box
        Bounding box of the object found so far (`Prediction.object_box`), None if there is none.
    cut_off
        Whether the object touches an edge of its window (`Prediction.is_cut_off`).
    from_mask
        Whether there is a start mask, which counts as a click.
    """
    zoom = options.zoom
    limit = options.limit_longest_side or DEFAULT_LIMIT
    positive = [click for click in clicks if click.positive]
    wanted: Roi | None = None
    if box is not None:
        wanted = roi_of_box(box, size).including(positive).expand(_BOX_MARGIN, 1, size)
    elif zoom and object_box and len(clicks) + from_mask > zoom.skip_clicks:
        ratio = max(zoom.expansion_ratio, _CUT_OFF_RATIO) if cut_off else zoom.expansion_ratio
        wanted = object_box.including(positive).expand(ratio, zoom.min_crop_size, size)
    if wanted is None:
        whole = Roi.whole(size)
        zoomed = zoom is not None and zoom.skip_clicks < 0
        new = PlanState(whole if zoomed else None)
        return _single(whole, _overview_size(size, zoom, limit), new, state.roi != new.roi)
    current = state.roi
    if current is not None and not cut_off and _still_fits(current, wanted, positive, zoom):
        wanted = current
    return _single(
        wanted, _zoomed_size(wanted.size, zoom, limit), PlanState(wanted), wanted != current
    )


def _single(roi: Roi, size: Size, state: PlanState, moved: bool = False) -> ViewPlan:
    view = (InputView(roi, size),)
    return ViewPlan(view, view, state, moved)


def _still_fits(current: Roi, wanted: Roi, positive: Sequence[Click], zoom: Zoom | None) -> bool:
    overlap = zoom.recompute_iou if zoom is not None else 1.0
    return all(map(current.contains, positive)) and wanted.iou(current) >= overlap


def _overview_size(size: Size, zoom: Zoom | None, limit: int) -> Size:
    """Return the input size for the whole image: with zoom, that of a zoomed window at most."""
    if zoom is not None and zoom.overview_size is not None:
        return zoom.overview_size
    if zoom is not None and isinstance(zoom.size, int) and max(size) <= min(zoom.size, limit):
        return size
    return _zoomed_size(size, zoom, limit)


def _zoomed_size(size: Size, zoom: Zoom | None, limit: int) -> Size:
    if zoom is None:
        return fit(size, limit) if max(size) > limit else size
    if isinstance(zoom.size, tuple):
        return zoom.size
    return fit(size, min(zoom.size, limit))


def needs_second_pass(
    first: ViewPlan, object_box: Roi | None, size: Size, zoom: Zoom | None
) -> bool:
    """Return whether a click gets a second pass, zoomed on what the first one found.

    As published: only with ``skip_clicks=0``, after a view of the whole image, and if the zoomed
    window would be small in it.
    """
    if zoom is None or object_box is None or zoom.skip_clicks > 0:
        return False
    window = object_box.expand(zoom.expansion_ratio, zoom.min_crop_size, size)
    return first.state.roi is None and window.iou(Roi.whole(size)) < _WORTH_ZOOMING


def roi_of_box(box: Box, size: Size) -> Roi:
    """Return the pixels within the image that a box covers at least partly."""
    rows = np.clip([math.floor(box.row_min), math.ceil(box.row_max)], 0, size[0] - 1)
    cols = np.clip([math.floor(box.col_min), math.ceil(box.col_max)], 0, size[1] - 1)
    return Roi(int(rows[0]), int(rows[1]), int(cols[0]), int(cols[1]))
