"""Horizon of the lines of sight about some points, in a table by azimuth and distance.

Looking a hundred thousand points up in a table takes a tenth of searching the lines of sight for
each of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .binary_search import search_sorted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .lines_of_sight import LinesOfSight

    Floats = NDArray[np.float32]

_ACROSS = 0.25  # of the terrain's cell, from line to line: lines of sight may lie closer
_MOST_ENTRIES = 1_500_000  # of a table; more take as long as searching
_LEAST_POINTS = 0.1  # of the entries: fewer points are searched faster
_ROW = 4096  # points in a row, as OpenCV takes no more than 32767
_NOTHING = np.float32(-1e4)  # tangent of the horizon where no ground lies before


@dataclass(frozen=True, eq=False)
class HorizonTable:
    """Tangents of the horizon's elevation angle; made by `tabulate_horizon`.

    Attributes
    ----------
    tangents
        (L, D) float32; as it appears, see `LinesOfSight`.
    first, step
        Azimuth of the first row, from where azimuths count, and from row to row, radians.
    nearest, spacing
        Distance of the first column, and from column to column, metres.
    """

    tangents: Floats
    first: float
    step: float
    nearest: float
    spacing: float

    def lookup(self, azimuth: Floats, distance: Floats) -> Floats:
        """Interpolate the tangents at azimuths and distances (N,)."""
        row = (azimuth - np.float32(self.first)) * np.float32(1 / self.step)
        col = (distance - np.float32(self.nearest)) * np.float32(1 / self.spacing)
        return interpolate(self.tangents, col, row)


def tabulate_horizon(
    lines: LinesOfSight, north: float, azimuth: Floats, distance: Floats
) -> HorizonTable | None:
    """Tabulate the horizon about points: azimuths (N,) clockwise from `north`, distances (N,).

    As dense as the lines' samples of the terrain. None where searching the lines is faster: of few
    points far from each other, or where lines of sight are missing.
    """
    spacing = lines.cell / 2
    near, far = float(distance.min()) - spacing, float(distance.max()) + spacing
    stride = max(1, int(_ACROSS * lines.cell / (lines.step * max(far, 1.0))))
    count, begin = len(lines.unknown), (north - lines.first) / lines.step
    begin -= round(begin / (full := 2 * math.pi / lines.step)) * full
    low = math.floor(begin + float(azimuth.min()) / lines.step) - 1
    high = math.ceil(begin + float(azimuth.max()) / lines.step) + 1
    chosen = np.arange(low, high + stride, stride)
    places = near + spacing * np.arange(math.ceil((far - near) / spacing) + 1)
    entries = len(chosen) * len(places)
    if near <= 0 or entries > min(_MOST_ENTRIES, len(distance) / _LEAST_POINTS):
        return None
    closed = count * lines.step > 2 * math.pi - lines.step / 2
    line = chosen % count if closed else np.clip(chosen, 0, count - 1)
    if (lines.starts[line] == lines.starts[line + 1]).any():
        return None
    tangents = _interpolate_nodes(lines, line, places)
    return HorizonTable(tangents, (low - begin) * lines.step, stride * lines.step, near, spacing)


def _interpolate_nodes(
    lines: LinesOfSight, line: NDArray[np.intp], places: NDArray[np.floating]
) -> Floats:
    """Interpolate the horizon's tangents (L, D) of lines (L,) at distances (D,)."""
    start, end = lines.starts[line], lines.starts[line + 1]
    near, far = (np.full(len(line), place, np.float32) for place in places[[0, -1]])
    first = np.maximum(search_sorted(lines.distances, start, end, near) - 1, start)
    count = np.minimum(search_sorted(lines.distances, start, end, far) + 1, end) - first
    node = np.arange(count.sum()) + np.repeat(first - np.cumsum(count) + count, count)
    # All lines in one row, each behind the one before. Heights, not tangents, are linear.
    behind = 2 * (float(lines.distances.max(initial=0)) + places[-1]) * np.arange(len(line))
    known = lines.distances[node].astype(np.float64)
    heights = known * lines.tangents[node]
    wanted = (behind[:, None] + places).ravel()
    found = np.interp(wanted, known + np.repeat(behind, count), heights)
    tangents = (found.reshape(len(line), -1) / places).astype(np.float32)
    nothing = places < lines.distances[start][:, None]
    tangents[nothing] = _NOTHING
    beyond = places > lines.distances[end - 1][:, None]
    return np.where(beyond, lines.tangents[end - 1][:, None], tangents)


def interpolate(values: Floats, col: Floats, row: Floats) -> Floats:
    """Interpolate values (R, C) at columns and rows (N,); the nearest outside, NaN beside NaN."""
    size = len(col)
    lines = -(-size // _ROW)
    places = np.zeros((2, lines * _ROW), np.float32)
    places[0, :size], places[1, :size] = col, row
    found = cv2.remap(
        values,
        places[0].reshape(lines, _ROW),
        places[1].reshape(lines, _ROW),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(found.ravel()[:size])
