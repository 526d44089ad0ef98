"""Refinement view: the surroundings of the latest click at twice the network's resolution.

A view of the whole object at a few hundred pixels a side leaves its outline coarse. Once the
object is found, the quarter of the window round the latest click is segmented by itself and
blended into the prediction. (FocalClick, Chen et al. 2022, refines likewise, by a second network.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..model.arrays import sample_at
from ..prompts import Click
from .geometry import Roi
from .prediction import Prediction
from .view import InputView

_SHARE = 0.5  # of the window's sides
_SMALLEST = 64  # pixels of the image: smaller parts hold no more detail
_BLENDED = 0.15  # of the part's sides, along which it is faded into the window


def refinement_view(view: InputView, click: Click) -> InputView | None:
    """Return the refinement view within a view, of the same size; None if it is too small."""
    roi, side = view.roi, round(max(view.roi.size) * _SHARE)
    part = Roi(
        *_interval(click.row, side, roi.row_min, roi.row_max),
        *_interval(click.col, side, roi.col_min, roi.col_max),
    )
    return InputView(part, view.size) if min(part.size) >= _SMALLEST else None


def blend(window: Prediction, part: Prediction) -> Prediction:
    """Blend the prediction of a part into that of its window, at twice the resolution.

    Each has a single view of the same image.
    """
    (view,), (inner,) = window.views, part.views
    fine = InputView(view.roi, (2 * view.size[0], 2 * view.size[1]))
    values = resample(window.coarse, view, fine)
    rows, cols = fine.frame_coordinates
    weight = np.minimum.outer(
        _weights(rows, (inner.roi.row_min, inner.roi.row_max), window.size[0]),
        _weights(cols, (inner.roi.col_min, inner.roi.col_max), window.size[1]),
    )
    values += weight * (resample(part.coarse, inner, fine) - values)
    return Prediction(window.size, values, (fine,))


def resample(values: NDArray[np.float32], view: InputView, other: InputView) -> NDArray[np.float32]:
    """Resample (h, w) values of a view at the pixels of another, repeating its edges."""
    return sample_at(values, *view.view_coordinates(*other.frame_coordinates))


def _interval(at: float, length: int, first: int, last: int) -> tuple[int, int]:
    """Return the interval of a length about ``at``, moved into first to last."""
    length = min(length, last - first + 1)
    start = min(max(round(at - length / 2), first), last + 1 - length)
    return start, start + length - 1


def _weights(
    positions: NDArray[np.float64], part: tuple[int, int], length: int
) -> NDArray[np.float32]:
    """Return (N,) weights of a part: 1 inside, less towards its edges but for the image's own."""
    first, last = part
    margin = _BLENDED * (last - first + 1)
    before = np.inf if first == 0 else (positions - first) / margin
    after = np.inf if last == length - 1 else (last - positions) / margin
    inside = (positions >= first - 0.5) & (positions <= last + 0.5)
    weight = np.clip(np.minimum(before, after), 0, 1) * inside
    return np.asarray(weight, np.float32)
