"""Terrain within an outline: slope, and grid cells with their coverage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import MultiPolygon, Polygon

    from ..terrain import Terrain

SLOPE_STEP = 5.0
"""Metres to each side over which slope is taken, so that slopes of all DEMs can be compared,
whatever their cell size."""

_MOST_CELLS = 12_000  # of a grid: the graph of `fall_line` is then searched in 50 ms
_FINEST = 0.5  # metres
_FINER = 4  # parts of a cell's side by which its coverage is counted


def terrain_gradient(
    terrain: Terrain, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute dz/dx and dz/dy (N, 2) at x and y (N,), by the 3 x 3 operator of Horn (1981).

    NaN within `SLOPE_STEP` of unknown ground.
    """
    rise = np.zeros((len(x), 2))
    for east in (-1, 0, 1):
        for north in (-1, 0, 1):
            if east or north:
                height = terrain.sample(x + east * SLOPE_STEP, y + north * SLOPE_STEP)
                weights = np.array([east * (2 - abs(north)), north * (2 - abs(east))])
                rise += weights * height[:, None]
    return rise / (8 * SLOPE_STEP)


def weighted_quantiles(
    values: NDArray[np.float64], weights: NDArray[np.float64], shares: tuple[float, ...]
) -> list[float]:
    """Return the quantiles `shares` (0 to 1) of values (N,) with weights (N,)."""
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    middles = below - weights[order] / 2
    found = np.interp(np.asarray(shares) * below[-1], middles, values[order])
    return [float(value) for value in found]


@dataclass(frozen=True, eq=False)
class OutlineCells:
    """Grid over the bounds of an outline.

    Attributes
    ----------
    size
        Size of the square cells, metres.
    x, y
        (R, C) centres, metres; the first row is the northernmost.
    z
        (R, C) metres; NaN where unknown.
    gradient
        (R, C, 2) see `terrain_gradient`.
    parts
        (4 R, 4 C) bool, whether each sixteenth of a cell has its centre in the outline.
    """

    size: float
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    gradient: NDArray[np.float64]
    parts: NDArray[np.bool_]

    @property
    def cover(self) -> NDArray[np.float64]:
        """(R, C) share of each cell that lies in the outline, 0 to 1."""
        rows, cols = self.z.shape
        return np.asarray(self.parts.reshape(rows, _FINER, cols, _FINER).mean(axis=(1, 3)))

    @property
    def known(self) -> NDArray[np.bool_]:
        """(R, C) whether both height and slope are known."""
        return np.asarray(np.isfinite(self.z) & np.isfinite(self.gradient).all(axis=2))

    def to_parts(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Repeat values of cells (R, C) for their `parts`, (4 R, 4 C)."""
        return values.repeat(_FINER, axis=0).repeat(_FINER, axis=1)


def make_outline_cells(outline: Polygon | MultiPolygon, terrain: Terrain) -> OutlineCells:
    """Make a grid over an outline on the map, which is not empty, of about ten thousand cells."""
    from rasterio.features import rasterize
    from rasterio.transform import from_origin

    west, south, east, north = outline.bounds
    size = max(_FINEST, math.sqrt((east - west) * (north - south) / _MOST_CELLS))
    west, north = west - size, north + size
    rows, cols = math.ceil((north - south) / size) + 1, math.ceil((east - west) / size) + 1
    x, y = np.meshgrid(
        west + (np.arange(cols) + 0.5) * size, north - (np.arange(rows) + 0.5) * size
    )
    parts = rasterize(
        [outline],
        out_shape=(rows * _FINER, cols * _FINER),
        transform=from_origin(west, north, size / _FINER, size / _FINER),
        dtype="uint8",
    )
    rise = terrain_gradient(terrain, x.ravel(), y.ravel()).reshape(rows, cols, 2)
    return OutlineCells(size, x, y, terrain.sample(x, y), rise, parts.astype(bool))
