"""The ground along lines from a place, and what of it is seen; see `lines`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..terrain import Terrain

    Floats = NDArray[np.float32]


def sample_distances(
    terrain: Terrain, position: tuple[float, float, float], step: float, nearest: float
) -> Floats:
    """Distances of the samples: from the terrain's nearest place to its farthest corner."""
    west, south, east, north = terrain.bounds
    x, y, _ = position
    beside = math.hypot(max(west - x, x - east, 0), max(south - y, y - north, 0))
    farthest = math.hypot(max(x - west, east - x), max(y - south, north - y))
    apart, begin = terrain.cell / 2, max(nearest, beside)
    turn = max(begin, min(apart / step, farthest))
    near = np.arange(begin, turn, apart)
    rest = max(0, math.ceil(math.log(max(farthest, 1) / turn) / math.log1p(step)))
    return np.append(near, turn * (1 + step) ** np.arange(rest + 1)).astype(np.float32)


def sample_profiles(
    terrain: Terrain,
    position: tuple[float, float, float],
    bearings: NDArray[np.floating],
    ranges: Floats,
) -> Floats:
    """(L, N) heights along lines, bilinear as `Terrain.sample`, in a fraction of its time."""
    rows, cols = terrain.heights.shape
    east = (np.sin(bearings) / terrain.cell).astype(np.float32)[:, None]
    south = (-np.cos(bearings) / terrain.cell).astype(np.float32)[:, None]
    col = east * ranges + np.float32((position[0] - terrain.west) / terrain.cell)
    row = south * ranges + np.float32((terrain.north - position[1]) / terrain.cell)
    inside = (col >= 0) & (col <= cols - 1) & (row >= 0) & (row <= rows - 1)
    left = np.clip(col, 0, max(cols - 2, 0)).astype(np.int32)
    upper = np.clip(row, 0, max(rows - 2, 0)).astype(np.int32)
    col -= left
    row -= upper
    corner = upper * cols + left
    flat = terrain.heights.ravel()
    right, below = min(cols - 1, 1), cols if rows > 1 else 0

    def between(at: NDArray[np.int32]) -> Floats:
        start = flat[at]
        return np.asarray(start + col * (flat[at + right] - start))

    above = between(corner)
    heights = above + row * (between(corner + below) - above)
    heights[~inside] = np.nan
    return np.asarray(heights)


def visible_nodes(
    tangents: Floats, ranges: Floats
) -> tuple[NDArray[np.int64], Floats, Floats, Floats]:
    """Of profiles (L, N): nodes per line, their distances and tangents, and `unknown`."""
    missing = np.isnan(tangents)
    unknown = _first_unknown(missing, ranges)
    tangents[missing] = -np.inf
    before = np.empty_like(tangents)  # the highest up to the sample before
    before[:, 0] = -np.inf
    np.maximum.accumulate(tangents[:, :-1], axis=1, out=before[:, 1:])
    seen = tangents > before
    line, sample = np.nonzero(seen)
    horizon, tangent, distance = before[seen], tangents[seen], ranges[sample]
    # After hidden ground, a node more: where the ray over the occluding edge meets ground again.
    edge = np.maximum(sample - 1, 0)
    hidden, back = tangents[line, edge], ranges[edge]
    again = (hidden < horizon) & np.isfinite(horizon)
    # Unknown ground counts as a pit; as in `LinesOfSight.intersect`, heights are straight between.
    low = back[again] * (horizon[again] - np.maximum(hidden[again], np.float32(-1e6)))
    high = distance[again] * (tangent[again] - horizon[again])
    back = back[again] + (distance[again] - back[again]) * low / (low + high)
    place = np.arange(len(line)) + np.cumsum(again)
    distances = np.empty(len(line) + len(back), np.float32)
    heights = np.empty_like(distances)
    distances[place], heights[place] = distance, tangent
    distances[place[again] - 1], heights[place[again] - 1] = back, horizon[again]
    counts = seen.sum(axis=1) + np.bincount(line[again], minlength=len(seen))
    return counts, distances, heights, unknown


def _first_unknown(missing: NDArray[np.bool_], ranges: Floats) -> Floats:
    """(L,) distance of each line's first unknown sample before a known one, else inf."""
    last = missing.shape[1] - 1 - np.argmin(missing[:, ::-1], axis=1)
    first = np.argmax(missing, axis=1)
    gap = missing[np.arange(len(missing)), first] & (first < last) & ~missing.all(axis=1)
    return np.where(gap, ranges[first], np.float32(np.inf))
