"""Length of an avalanche along the fall line, and width across it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from .outline_cells import weighted_quantiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .outline_cells import OutlineCells

ENDS = 0.02
"""Share of the area that counts as the upper end, and as the lower end."""

_STRIP = 2  # cells: thickness of a strip
_OUTSIDE = 10.0  # relative cost outside of the outline, so that separate parts are joined
_FLAT = math.sin(math.radians(5.0))
# Steps of a path: 32 directions, so that no path is more than 1.3 % too long.
_STEPS = [(0, 1), (1, 0)] + [
    (row, sign * col)
    for row, col in ((1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2))
    for sign in (1, -1)
]


def measure_length_and_width(
    cells: OutlineCells, highest: float, lowest: float
) -> tuple[float | None, float | None]:
    """Measure an outline along and across the fall line, metres; None on level ground.

    Length is that of the shortest path on the ground, within the outline if possible, from the
    highest 2 % of the area to the lowest 2 %, extended to the highest and the lowest point by the
    mean slope of these ends. An outline wider than long would thus be measured from corner to
    corner: its length is that of its longest strip straight down.

    Width is horizontal: the area of the widest strip across the mean fall line (the slope of the
    plane fitted to the ground), by the strip's thickness. Holes and gaps do not count.
    """
    down = _fall_direction(cells)
    if down is None:
        return None, None
    straight, width = _measure_strips(cells, down)
    if width > straight:
        return straight, width
    return _measure_path(cells, highest, lowest), width


def _fall_direction(cells: OutlineCells) -> NDArray[np.float64] | None:
    """Return the horizontal unit vector (2,) down the plane fitted to the ground."""
    used = (cells.cover > 0) & np.isfinite(cells.z)
    x, y, z = cells.x[used], cells.y[used], cells.z[used]
    root = np.sqrt(cells.cover[used])
    design = np.column_stack([x - x.mean(), y - y.mean(), np.ones_like(x)])
    plane = np.linalg.lstsq(design * root[:, None], (z - z.mean()) * root, rcond=None)[0][:2]
    steepness = float(np.hypot(*plane))
    return -plane / steepness if steepness > 1e-3 else None


def _measure_strips(cells: OutlineCells, down: NDArray[np.float64]) -> tuple[float, float]:
    """Measure the longest strip down, on the ground, and the widest strip across, metres."""
    rows, cols = np.nonzero(cells.parts)
    step = cells.size * cells.z.shape[0] / cells.parts.shape[0]
    places = np.column_stack([cols, -rows]) * step
    slope = np.nan_to_num(cells.gradient @ down)
    stretch = cells.to_parts(np.hypot(1, slope))[rows, cols]
    thickness = _STRIP * cells.size
    along = places @ down
    across = places @ np.array([-down[1], down[0]])

    def longest(coordinate: NDArray[np.float64], lengths: NDArray[np.float64]) -> float:
        # Each part counts for its two nearest strips, weighted by distance.
        strip, beyond = np.divmod((coordinate - coordinate.min()) / thickness, 1)
        first = strip.astype(np.intp)
        sums = np.bincount(np.r_[first, first + 1], np.r_[(1 - beyond) * lengths, beyond * lengths])
        return float(sums.max() * step**2 / thickness)

    return longest(across, stretch), longest(along, np.ones_like(stretch))


def _measure_path(cells: OutlineCells, highest: float, lowest: float) -> float | None:
    """Measure the length on the ground from end to end; None across unknown ground."""
    inside = (cells.cover >= 0.5) & cells.known
    if not inside.any():
        inside = (cells.cover > 0) & cells.known
    z, cover = cells.z[inside], cells.cover[inside]
    low, high = weighted_quantiles(z, cover, (ENDS, 1 - ENDS))
    top, bottom = inside & (cells.z >= min(high, z.max())), inside & (cells.z <= max(low, z.min()))
    cost, before, _ = dijkstra(
        _build_graph(cells, inside),
        directed=False,
        indices=np.flatnonzero(top),
        return_predecessors=True,
        min_only=True,
    )
    ends = np.flatnonzero(bottom)
    end = int(ends[np.argmin(cost[ends])])
    if not np.isfinite(cost[end]):
        return None
    path = [end]
    while before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    points = np.stack([cells.x, cells.y, cells.z], axis=2).reshape(-1, 3)[path]
    rest_above = (highest - points[-1, 2]) / _mean_slope_sine(cells, top)
    rest_below = (points[0, 2] - lowest) / _mean_slope_sine(cells, bottom)
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum() + rest_above + rest_below)


def _mean_slope_sine(cells: OutlineCells, part: NDArray[np.bool_]) -> float:
    """Return the mean sine of the slope."""
    tangent = np.linalg.norm(cells.gradient[part], axis=1)
    return max(_FLAT, float((tangent / np.hypot(1, tangent)).mean()))


def _build_graph(cells: OutlineCells, inside: NDArray[np.bool_]) -> coo_matrix:
    """Build the graph of neighbouring cells, with the cost of each step."""
    rows, cols = cells.z.shape
    index = np.arange(rows * cols).reshape(rows, cols)
    starts, stops, costs = [], [], []
    for down, right in _STEPS:
        here = (slice(0, rows - down), slice(max(0, -right), cols - max(0, right)))
        there = (slice(down, rows), slice(max(0, right), cols - max(0, -right)))
        length = np.hypot(math.hypot(down, right) * cells.size, cells.z[there] - cells.z[here])
        cost = np.where(inside[here] & inside[there], length, _OUTSIDE * length)
        known = np.isfinite(cost)
        starts.append(index[here][known])
        stops.append(index[there][known])
        costs.append(cost[known])
    where = (np.concatenate(starts), np.concatenate(stops))
    return coo_matrix((np.concatenate(costs), where), shape=(index.size, index.size))
