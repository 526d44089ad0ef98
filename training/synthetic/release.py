"""Release areas: slabs along a crown, loose snow from a point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ground import Ground
from .noise import Plane, fractal
from .terrain import SceneTerrain

STEEPNESS = (29.0, 49.0)
"""Degrees of slope between which snow breaks loose."""


@dataclass(frozen=True, eq=False)
class Release:
    """Snow that breaks loose.

    Attributes
    ----------
    kind
        ``slab`` or ``loose``.
    west, north
        Local coordinates of the upper left corner of `level`, m.
    cell
        Side of the cells of `level`, m.
    level
        (rows, cols) float32 how far inside the release each cell is, m; negative outside.
    """

    kind: str
    west: float
    north: float
    cell: float
    level: Plane

    def starts(self, count: int, rng: np.random.Generator) -> Plane:
        """Draw (count, 2) places inside; (0, 2) where nothing breaks loose."""
        cells = np.argwhere(self.level > 0)
        if not len(cells):
            return np.empty((0, 2), np.float32)
        place = cells[rng.integers(len(cells), size=count)] + rng.uniform(0, 1, (count, 2))
        place *= self.cell
        starts = np.stack([self.west + place[:, 1], self.north - place[:, 0]], axis=1)
        return starts.astype(np.float32)


def break_slab(
    terrain: SceneTerrain,
    ground: Ground,
    place: tuple[float, float],
    size: tuple[float, float],
    rng: np.random.Generator,
) -> Release:
    """Break a slab: its crown follows the contour, its flanks the fall line, both with jags.

    Parameters
    ----------
    place
        (x, y) local coordinates of the middle of the crown, m.
    size
        Width along the crown, and length down the slope measured on the map; m.
    """
    width, length = size
    x, y, west, north, cell = _grid(place, width / 2 + length)
    z = terrain.sample(terrain.dem, x, y)
    middle = len(z) // 2
    down, gradient = _fall_line(terrain, ground, place)
    east, up = x - np.float32(place[0]), y - np.float32(place[1])
    across = east * -down[1] + up * down[0]
    # Half by elevation, so that the crown follows the contour round a bowl or a rib.
    below = 0.6 * (z[middle, middle] - z) / gradient + 0.4 * (east * down[0] + up * down[1])
    jags = fractal(x.shape, rng, 0.4 * width / cell, 4 / cell, 1.4)
    wave = fractal(x.shape, rng, width / cell, 0.2 * width / cell, 2.0)
    bow = rng.uniform(0, 0.25) * width * np.abs(2 * across / width) ** 3
    crown = below - 0.08 * width * wave - 0.05 * width * np.abs(jags) - bow
    flank = width / 2 - np.abs(across) - 0.05 * width * (wave + np.abs(jags))
    foot = length - below + 0.1 * length * jags
    level = np.minimum(np.minimum(crown, flank), foot)
    # Not over the ridge: the slope has to face about the same way.
    rise = terrain.sample(ground.east, x, y), terrain.sample(ground.north, x, y)
    facing = -(rise[0] * down[0] + rise[1] * down[1]) / (np.hypot(*rise) + 1e-6)
    level = np.minimum(level, 30 * (facing - 0.5))
    return Release("slab", west, north, cell, _where_steep(level, terrain, ground, x, y))


def break_point(
    terrain: SceneTerrain,
    ground: Ground,
    place: tuple[float, float],
    size: float,
    rng: np.random.Generator,
) -> Release:
    """Break loose snow from a spot of a diameter of `size` m."""
    x, y, west, north, cell = _grid(place, size)
    distance = np.hypot(x - np.float32(place[0]), y - np.float32(place[1]))
    level = size / 2 - distance + 0.15 * size * fractal(x.shape, rng, 12, 3, 1.0)
    return Release("loose", west, north, cell, _where_steep(level, terrain, ground, x, y))


def _grid(place: tuple[float, float], reach: float) -> tuple[Plane, Plane, float, float, float]:
    """Places round a place: x, y, upper left corner, side of a cell."""
    cell = float(np.clip(reach / 150, 0.5, 2.5))
    side = 2 * int(np.ceil(1.4 * reach / cell)) + 1
    steps = (np.arange(side) - side // 2) * cell
    x, y = np.meshgrid(place[0] + steps, place[1] - steps)
    corner = place[0] - cell * side / 2, place[1] + cell * side / 2
    return x.astype(np.float32), y.astype(np.float32), *corner, cell


def _fall_line(
    terrain: SceneTerrain, ground: Ground, place: tuple[float, float]
) -> tuple[NDArray[np.float64], float]:
    """Unit vector downhill (east, north) and gradient, over the surroundings of a place."""
    steps = np.linspace(-25, 25, 11, dtype=np.float32)
    x, y = np.meshgrid(steps + np.float32(place[0]), steps + np.float32(place[1]))
    rise = np.array(
        [terrain.sample(plane, x, y).mean() for plane in (ground.east, ground.north)], np.float64
    )
    gradient = max(float(np.hypot(*rise)), 0.3)
    return -rise / gradient, gradient


def _where_steep(
    level: NDArray[np.floating], terrain: SceneTerrain, ground: Ground, x: Plane, y: Plane
) -> Plane:
    """Keep to ground of the right steepness and without rock; degrees count like metres."""
    slope = terrain.sample(ground.slope, x, y)
    level = np.minimum(level, np.minimum(slope - STEEPNESS[0], STEEPNESS[1] - slope))
    return np.asarray(np.minimum(level, -8 * terrain.sample(ground.rock, x, y)), np.float32)
