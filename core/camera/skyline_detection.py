"""Detection of the skyline in a photo.

The optimal path through all columns, by dynamic programming: it follows edges and separates pixels
that look like sky from those that look like land. Sky is at first what is as smooth as the photo's
top, then (twice more) what has the colours and texture above the last path: naive Bayes on
histograms. Far ridges in haze, and land that is black at dusk, are as smooth as sky: there the
first sharp edge below a calm sky is taken. On synthetic scenes this beat other methods, such as the
distance from a fitted sky colour, which fails with clouds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter, median_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.float32]

_WIDTH = 640  # of the photo in which the path is searched
_ROUNDS = 3
_EDGE = 10.0  # reward of a strong edge, in pixels that clearly look like sky
_STEP = 1.5  # cost of a row up or down from column to column, in the same unit
_APART = 4  # rows beside the path that are no samples
_BELOW = 0.3  # of the height: rows of land that are samples
_COLOURS, _TEXTURES = (24, 16, 16), 24  # histogram bins
# Contrast between sky and land, in L*a*b*, of a certain column: less where the sky is calm.
_CONTRAST, _LEAST_CONTRAST, _CALM = 3.0, 1.0, 3.0
_BOX = 5  # rows above and below an edge, whose means are compared; columns, too
_CLEAR_EDGE, _NOISE = 5.0, 0.3  # times the sky's usual difference of these; which is at least this
_CALMER = 1.3  # times the roughness of the sky above: of what is sky, too
# A first edge: the share of columns along it, of the sky above that may have edges, the step over
# two rows by that over all, and how far above another path (of the height, in a share of columns).
_COVERED, _BUSY, _SHARP, _ABOVE = 0.75, 0.003, 0.5, (0.02, 0.2)
_JUMP = 0.006  # of the width: largest distance from neighbouring columns
_AROUND = 0.02  # of the width: neighbouring columns
_TOP = 0.01  # of the height: less sky than this is none


def detect_skyline(photo: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Detect the skyline of a photo (H, W, 3), RGB: ridges, roofs and trees against the sky.

    Return v (W,) of the edge between the last pixel of sky and the first of land (so half numbers),
    NaN where uncertain: no contrast, a jump as at trees and masts, or no sky.
    """
    height, width = photo.shape[:2]
    shrink = min(1.0, _WIDTH / width)
    size = max(2, round(width * shrink)), max(2, round(height * shrink))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    rough = _find_path(small)
    first = _first_edge(small)
    if first is not None and _is_better(first, rough, small):
        rough = first
    columns = (np.arange(width) + 0.5) * (size[0] / width) - 0.5
    path = np.interp(columns, np.arange(size[0]), rough) * (height / size[1])
    inside = (path > _TOP * height) & (path < height - 1)
    rows, contrast = _refine(photo, path, reach=max(2, round(1.5 / shrink)))
    around = median_filter(rows, max(3, round(_AROUND * width)), mode="nearest")
    above = np.maximum(path - 0.03 * height, 4.0)
    calm = float(np.median(_refine(photo, above, reach=2)[1][inside])) if inside.any() else 0.0
    least = min(_CONTRAST, max(_LEAST_CONTRAST, _CALM * calm))
    certain = inside & (contrast > least) & (np.abs(rows - around) < max(2.0, _JUMP * width))
    return np.where(certain, rows, np.nan)


def _find_path(photo: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Find the first row of land (W,): 0 for columns without sky, H for columns without land."""
    height = len(photo)
    lab = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab = cv2.GaussianBlur(lab, (0, 0), 0.8)
    across, along = (cv2.Sobel(lab, -1, *order, scale=0.25) for order in ((1, 0), (0, 1)))
    gradient = np.sqrt((across**2 + along**2).sum(axis=2))
    edge = np.minimum(gradient / max(float(np.percentile(gradient, 90)), 1e-3), 2) / 2
    between = (np.pad(edge, ((1, 0), (0, 0))) + np.pad(edge, ((0, 1), (0, 0)))) / 2
    between[[0, -1]] = 0
    texture = np.log(cv2.GaussianBlur(gradient, (0, 0), 2) + 0.05)
    bins = _histogram_bins(lab, texture)
    smooth = float(np.percentile(texture[: max(2, height // 12)], 20))
    usual = max(float(np.median(texture[height // 2 :])), smooth + 0.5)
    landlike = np.clip(4 * (texture - smooth) / (usual - smooth) - 2, -1.5, 1.5)
    path = _best_path(landlike, between)
    rows = np.arange(height)[:, None]
    for _ in range(_ROUNDS - 1):
        sky = rows < path - _APART
        land = (rows > path + _APART) & (rows < path + _BELOW * height)
        if not (sky.any() and land.any()):
            break
        colour_odds, texture_odds = (_log_odds(part, sky, land) for part in bins)
        path = _best_path(np.clip(colour_odds / 4 + texture_odds / 2, -1.5, 1.5), between)
    return path


def _is_better(first: NDArray[np.intp], path: NDArray[np.intp], photo: NDArray[np.uint8]) -> bool:
    """Return whether a first edge (W,) lies clearly above another path (W,), or below all calm sky.

    Below, what lies between must be as smooth across as what lies above the path.
    """
    apart, share = _ABOVE[0] * len(photo), _ABOVE[1]
    if (first < path - apart).mean() > share:
        return True
    if (first > path + apart).mean() <= share:
        return False
    grey = photo.astype(np.float32).mean(axis=2)
    change = np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    rows = np.arange(len(photo))[:, None]
    above, between = rows < path - _APART, (rows > path + _APART) & (rows < first - _APART)
    if not (above.any() and between.any()):
        return False
    return bool(change[between].mean() < _CALMER * change[above].mean() + 0.1)


def _first_edge(photo: NDArray[np.uint8]) -> NDArray[np.intp] | None:
    """Find the first sharp edge below a calm sky: the first row of land (W,); None without one."""
    lab = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    rows, height = np.arange(len(photo) + 1), len(photo)
    sums = np.pad(np.cumsum(cv2.blur(lab, (_BOX, 1)), axis=0), ((1, 0), (0, 0), (0, 0)))

    def steps(reach: int) -> Plane:  # across the edge above each row, as far as there are rows
        up, down = np.maximum(rows - reach, 0), np.minimum(rows + reach, height)
        above = (sums[rows] - sums[up]) / np.maximum(rows - up, 1)[:, None, None]
        below = (sums[down] - sums[rows]) / np.maximum(down - rows, 1)[:, None, None]
        found = _lengths(below - above)
        found[[0, -1]] = 0
        return found

    wide = steps(_BOX)
    usual = max(float(np.median(wide[_BOX : max(2 * _BOX, height // 8)])), _NOISE)
    peak = wide >= maximum_filter(wide, (2 * _BOX + 1, 1))
    strong = wide > _CLEAR_EDGE * usual
    clear = strong & peak
    landlike = np.where(np.logical_or.accumulate(clear, axis=0)[:-1], 1.0, -1.0)
    path = _best_path(landlike, np.minimum(wide / (1.5 * _CLEAR_EDGE * usual), 1.0))
    columns = np.arange(len(path))
    inside = (path > _TOP * height) & (path < height - 1)
    near = np.zeros(len(path), bool)
    for shift in range(-2, 3):
        near |= clear[np.clip(path + shift, 0, height), columns]
    sky = rows[:, None] < path - 2 * _BOX
    busy = float(strong[sky].mean()) if sky.any() else 1.0
    if (near & inside).mean() < _COVERED or busy > _BUSY:
        return None
    narrow, at = steps(2), (np.clip(path, 1, height - 1), columns)
    with np.errstate(divide="ignore", invalid="ignore"):  # photos without any contrast
        return path if float(np.median(narrow[at] / wide[at])) > _SHARP else None


def _histogram_bins(
    lab: Plane, texture: Plane
) -> tuple[tuple[NDArray[np.int64], tuple[int, ...]], tuple[NDArray[np.int64], tuple[int, ...]]]:
    """Return the histogram bins (H, W) of colours and textures, and the histograms' shapes."""
    low, span = np.array([0, -32, -64], np.float32), np.array([100, 64, 128], np.float32)
    share = np.clip((lab - low) / span, 0, 0.999)
    parts = (share * np.array(_COLOURS, np.float32)).astype(np.int64)
    colour = (parts[..., 0] * _COLOURS[1] + parts[..., 1]) * _COLOURS[2] + parts[..., 2]
    rough = (np.clip((texture + 3) / 5.7, 0, 0.999) * _TEXTURES).astype(np.int64)
    return (colour, _COLOURS), (rough, (_TEXTURES,))


def _log_odds(
    bins: tuple[NDArray[np.int64], tuple[int, ...]],
    sky: NDArray[np.bool_],
    land: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the log odds (H, W) of land against sky of each pixel's bin."""
    index, shape = bins
    count = int(np.prod(shape))
    shares = []
    for part in (land, sky):
        counts = np.bincount(index[part], minlength=count).reshape(shape).astype(np.float64)
        shares.append(gaussian_filter(counts, 0.7) / counts.sum() + 0.1 / count)
    return np.asarray(np.log(shares[0] / shares[1]).ravel()[index])


def _best_path(landlike: NDArray[np.floating], edge: Plane) -> NDArray[np.intp]:
    """Find the cheapest path: the first row of land (W,) in each column, 0 to H.

    `landlike` (H, W) is above 0 for land, below 0 for sky, up to 1.5; `edge` (H + 1, W) is the
    strength, 0 to 1, of the edge above each row.
    """
    above = np.pad(np.cumsum(landlike, axis=0), ((1, 0), (0, 0)))
    cost = np.ascontiguousarray((above - _EDGE * edge).T)
    climb = _STEP * np.arange(cost.shape[1])
    for column in range(1, len(cost)):  # cheapest way to each row of the column
        before = cost[column - 1]
        down = np.minimum.accumulate(before - climb) + climb
        up = np.minimum.accumulate((before + climb)[::-1])[::-1] - climb
        cost[column] += np.minimum(down, up)
    path = np.empty(len(cost), np.intp)
    path[-1] = cost[-1].argmin()
    for column in range(len(cost) - 2, -1, -1):
        path[column] = (cost[column] + np.abs(climb - climb[path[column + 1]])).argmin()
    return path


def _refine(
    photo: NDArray[np.uint8], path: NDArray[np.float64], reach: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return v (W,) of the strongest edge near a path, and the contrast across it in L*a*b*."""
    height, width = photo.shape[:2]
    middle = np.rint(path).astype(np.intp)
    span = reach + 4
    rows = np.clip(middle + np.arange(-span, span)[:, None], 0, height - 1)
    strip = photo[rows, np.arange(width)].astype(np.float32) / 255
    lab = cv2.GaussianBlur(cv2.cvtColor(strip, cv2.COLOR_RGB2LAB), (5, 1), 0.7)
    sums = np.pad(np.cumsum(lab, axis=0), ((1, 0), (0, 0), (0, 0)))
    steps = np.arange(4, 2 * span - 3)  # edge above this row of the strip
    near = [_lengths(2 * sums[steps] - sums[steps - n] - sums[steps + n]) / n for n in (1, 4)]
    best = near[0].argmax(axis=0)
    rows_found = np.clip(middle - span + steps[best], 1, height - 1) - 0.5
    return rows_found.astype(np.float64), near[1][best, np.arange(width)].astype(np.float64)


def _lengths(colours: Plane) -> Plane:
    return np.asarray(np.linalg.norm(colours, axis=2))
