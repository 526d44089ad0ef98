"""Where the sky ends in a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WIDTH = 800  # pixels of the width at which the path is looked for
_BLUR = 1.2
_EDGE = 12.0  # change of grey value over two pixels that is an edge beyond doubt
_BELOW_EDGES = 0.35  # cost of an edge that the path leaves above it: the sky has few
_STEEP = 0.12  # cost per pixel that the path climbs
_FARTHEST = 12  # pixels that it may climb from one column to the next
_NEAR = 3  # rows from the path within which the edge is strongest
_LEAST = 3.0  # change of grey value below which a column says nothing
_WINDOW = 5  # columns


def picture_skyline(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The row at which the sky ends in each column.

    The path from left to right along the strongest edge that has few edges above it, found by
    dynamic programming: mountains against haze or cloud are told better by their edge than by the
    colour of the sky.

    Parameters
    ----------
    picture
        (H, W, 3) RGB.

    Returns
    -------
    ndarray
        (W,) float64, v of the first row below the sky, less a half: the edge itself; NaN where no
        edge is seen, or the picture shows no sky.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, _WIDTH / width)
    size = max(2, round(width * scale)), max(2, round(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    strength = _strength(small)
    path = _path(strength)
    columns = np.arange(len(path))
    path, top = _peaks(strength, path)
    found = np.where(strength[path, columns] >= _LEAST, top, np.nan)
    found[path <= 1] = np.nan
    found = _without_specks(found)
    rows = np.interp(
        (np.arange(width) + 0.5) * size[0] / width - 0.5, columns, found, left=np.nan, right=np.nan
    )
    return np.asarray((rows + 0.5) * height / size[1] - 0.5)


def _strength(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W) change of colour from one row to the next, over two pixels."""
    smooth = cv2.GaussianBlur(picture, (0, 0), _BLUR)
    strength = np.zeros(picture.shape[:2], np.float32)
    strength[1:-1] = np.abs(smooth[2:] - smooth[:-2]).max(axis=2)
    return strength


def _path(strength: NDArray[np.float32]) -> NDArray[np.intp]:
    """(W,) rows of the cheapest path."""
    height, width = strength.shape
    edge = np.minimum(strength / _EDGE, 1.0)
    above = np.cumsum(np.maximum(edge - 0.25, 0), axis=0) - np.maximum(edge - 0.25, 0)
    cost = _BELOW_EDGES * above - edge
    steps = np.arange(-_FARTHEST, _FARTHEST + 1)
    climb = (_STEEP * np.abs(steps)).astype(np.float32)
    total = cost[:, 0].copy()
    came = np.zeros((width, height), np.int8)
    padding = np.full(_FARTHEST, np.inf, np.float32)
    for column in range(1, width):
        padded = np.concatenate([padding, total, padding])
        ways = np.lib.stride_tricks.sliding_window_view(padded, len(steps)) + climb
        best = ways.argmin(axis=1)
        came[column] = steps[best]
        total = ways[np.arange(height), best] + cost[:, column]
    path = np.empty(width, np.intp)
    path[-1] = int(total.argmin())
    for column in range(width - 1, 0, -1):
        path[column - 1] = path[column] + came[column, path[column]]
    return path


def _peaks(
    strength: NDArray[np.float32], path: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The strongest change near a path: rows, and its place between them by a parabola."""
    rows = path[:, None] + np.arange(-_NEAR, _NEAR + 1)
    rows = np.clip(rows, 1, len(strength) - 2)
    columns = np.arange(len(path))
    best = rows[columns, strength[rows, columns[:, None]].argmax(axis=1)]
    before, here, after = (strength[best + step, columns].astype(float) for step in (-1, 0, 1))
    bend = np.minimum(before - 2 * here + after, -1e-6)
    return best, best + np.clip(0.5 * (before - after) / bend, -0.5, 0.5)


def _without_specks(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns that differ from all their neighbours are unsure: birds, wires, noise."""
    padded = np.pad(rows, _WINDOW // 2, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)
    known = np.isfinite(around).sum(axis=1) > _WINDOW // 2
    middle = np.where(known, np.nan_to_num(np.median(np.nan_to_num(around), axis=1)), np.nan)
    return np.where(np.abs(rows - middle) <= _FARTHEST, rows, np.nan)
