"""A closer look round the latest click: the outline there, at twice the network's resolution.

A window shows the whole object at a few hundred pixels a side, which leaves its outline coarse.
Once the object is found, the quarter of the window round the latest click is looked at by itself,
and its answer blended into that of the window. (FocalClick, Chen et al. 2022, refines likewise,
with a second network.)
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..prompts import Click
from .geometry import Roi
from .prediction import Prediction
from .view import InputView

_SHARE = 0.5  # of the window's sides
_SMALLEST = 64  # pixels of the image: below, there is nothing to be seen in more detail
_BLENDED = 0.15  # of the part's sides, along which its answer fades into the window's


def refinement_view(view: InputView, click: Click) -> InputView | None:
    """The part of a view to look at closer, at the view's own size; None if it is too small."""
    roi, side = view.roi, round(max(view.roi.size) * _SHARE)
    part = Roi(
        *_about(click.row, side, roi.row_min, roi.row_max),
        *_about(click.col, side, roi.col_min, roi.col_max),
    )
    return InputView(part, view.size) if min(part.size) >= _SMALLEST else None


def blend(window: Prediction, part: Prediction) -> Prediction:
    """A window's answer with that of a part of it: at twice the resolution, still one window.

    Both are of one image, each with a single view; the part's lies within the window's.
    """
    (view,), (inner,) = window.views, part.views
    fine = InputView(view.roi, (2 * view.size[0], 2 * view.size[1]))
    answer = resample(window.coarse, view, fine)
    rows, cols = fine.frame_coordinates
    weight = np.minimum.outer(
        _fading(rows, (inner.roi.row_min, inner.roi.row_max), window.size[0]),
        _fading(cols, (inner.roi.col_min, inner.roi.col_max), window.size[1]),
    )
    answer += weight * (resample(part.coarse, inner, fine) - answer)
    return Prediction(window.size, answer, (fine,))


def resample(values: NDArray[np.float32], view: InputView, other: InputView) -> NDArray[np.float32]:
    """(h, w) values of a view, at the places of another; at its edges' where that reaches out."""
    rows, cols = view.view_coordinates(*other.frame_coordinates)
    x, y = np.meshgrid(cols.astype(np.float32), rows.astype(np.float32))
    sampled = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled)


def _about(at: float, length: int, first: int, last: int) -> tuple[int, int]:
    """An interval of a length about a place, as far as it fits into another."""
    length = min(length, last - first + 1)
    start = min(max(round(at - length / 2), first), last + 1 - length)
    return start, start + length - 1


def _fading(places: NDArray[np.float64], part: tuple[int, int], length: int) -> NDArray[np.float32]:
    """(N,) weight of a part at places: 1 inside but for its edges, save the image's own."""
    first, last = part
    margin = _BLENDED * (last - first + 1)
    before = np.inf if first == 0 else (places - first) / margin
    after = np.inf if last == length - 1 else (last - places) / margin
    inside = (places >= first - 0.5) & (places <= last + 0.5)
    weight = np.clip(np.minimum(before, after), 0, 1) * inside
    return np.asarray(weight, np.float32)
