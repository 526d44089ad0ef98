"""Terrain about control points and a camera, for posing it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .noise import estimate_noise, without_noise

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .sources import Dem
    from .terrain import Terrain

_MARGIN = 2000.0  # metres of terrain around the places, for rays of points left out
_MOST_CELLS = 50_000_000  # of terrain in memory; coarser beyond


def read_surroundings(dem: Dem, places: ArrayLike, noise: float | None) -> Terrain:
    """Read the terrain around x and y (N, 2) into memory, without its noise.

    `noise` is its standard deviation, metres; None estimates it.
    """
    xy = np.asarray(places, np.float64)[:, :2]
    low, high = xy.min(axis=0) - _MARGIN, xy.max(axis=0) + _MARGIN
    cell = max(dem.cell, math.sqrt(float(np.prod(high - low)) / _MOST_CELLS))
    terrain = dem.read_terrain((*low, *high), cell)
    return without_noise(terrain, estimate_noise(terrain) if noise is None else noise)
