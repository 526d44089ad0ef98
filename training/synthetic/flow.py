"""Snow on its way down: many particles that slide by terrain, friction and chance."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .noise import Plane, fractal
from .terrain import CELL, SceneTerrain, gradient

GRID = 2.5
"""Side of the cells in which tracks are counted, m."""

STRIDE = 3.5
"""Way of a particle in one step, m."""

_GRAVITY = 9.81
_LOOSE = 2.0
"""Particles in a cell of the terrain that do not push yet."""

_MARGIN = 5
"""Cells round all particles that their pressure needs."""

_DRAG = 1 / 60
"""Resistance that grows with speed squared, 1/m."""


@dataclass(frozen=True)
class Motion:
    """Parameters of an avalanche's motion.

    Attributes
    ----------
    friction
        Coulomb friction: steeper ground accelerates.
    length
        Way after which the snow tires, m.
    spread
        Sideways wandering, radians for each step.
    swell
        How much crowded snow pushes apart, m2 for each step.
    """

    friction: float
    length: float
    spread: float
    swell: float


@dataclass(frozen=True, eq=False)
class Tracks:
    """Paths of particles, on a grid of its own.

    Attributes
    ----------
    west, north
        Local coordinates of the grid's upper left corner, m.
    flux
        (rows, cols) float32 how much snow came through.
    rest
        (rows, cols) float32 how much stopped there.
    streaks
        (rows, cols) float32 pattern drawn out along the flow, about -1 to 1.
    """

    west: float
    north: float
    flux: Plane
    rest: Plane
    streaks: Plane


def slide(terrain: SceneTerrain, starts: Plane, motion: Motion, rng: np.random.Generator) -> Tracks:
    """Let particles go from (N, 2) local coordinates, m."""
    ways, stops = _ways(terrain, starts, motion, rng)
    margin = 40.0
    west = GRID * np.floor((float(ways[..., 0].min()) - margin) / GRID)
    north = GRID * np.ceil((float(ways[..., 1].max()) + margin) / GRID)
    cols = int(np.ceil((float(ways[..., 0].max()) + margin - west) / GRID))
    rows = int(np.ceil((north - float(ways[..., 1].min()) + margin) / GRID))
    col = ((ways[..., 0] - west) / GRID).astype(np.intp)
    row = ((north - ways[..., 1]) / GRID).astype(np.intp)
    cell = row * cols + col
    moving = np.arange(len(ways))[:, None] <= stops
    tone = np.broadcast_to(rng.standard_normal(len(starts), dtype=np.float32), cell.shape)
    flux = _count(cell[moving], None, (rows, cols))
    mark = _count(cell[moving], tone[moving], (rows, cols))
    rest = _count(cell[stops, np.arange(len(starts))], None, (rows, cols))
    blurred = cv2.GaussianBlur(mark, (0, 0), 0.7) / np.sqrt(
        cv2.GaussianBlur(flux, (0, 0), 0.7) + 0.05
    )
    streaks = np.clip(blurred / (2 * float(blurred[flux > 0].std()) + 1e-6), -1, 1)
    return Tracks(west, north, flux, rest, streaks)


def _count(cell: NDArray[np.intp], weight: Plane | None, shape: tuple[int, int]) -> Plane:
    """Sum weights by grid cell; without weights, count."""
    counts = np.bincount(cell, weight, minlength=shape[0] * shape[1])
    return counts.reshape(shape).astype(np.float32)


def _ways(
    terrain: SceneTerrain, starts: Plane, motion: Motion, rng: np.random.Generator
) -> tuple[Plane, NDArray[np.intp]]:
    """(steps, N, 2) local coordinates, and (N,) step at which each particle stops."""
    window = _Window(terrain, starts, reach=1.3 * motion.length, rng=rng)
    count = len(starts)
    place = starts.astype(np.float32).copy()
    aim = -window.rise(place)
    aim /= np.linalg.norm(aim, axis=1, keepdims=True) + 1e-6
    energy = np.full(count, 4.0, np.float32)  # speed squared, m2/s2
    friction = motion.friction * rng.uniform(0.85, 1.2, count).astype(np.float32)
    reach = motion.length * rng.uniform(0.55, 1.1, count).astype(np.float32)
    steps = int(1.2 * motion.length / STRIDE) + 8
    ways = np.empty((steps, count, 2), np.float32)
    stops = np.full(count, steps - 1)
    moving = np.ones(count, bool)
    for step in range(steps):
        ways[step] = place
        rise = window.rise(place)
        tired = np.maximum(step * STRIDE / reach - 0.8, 0)
        incline = -(rise * aim).sum(axis=1)
        level = 1 / np.sqrt(1 + (rise**2).sum(axis=1))
        pull = _GRAVITY * level * (incline - friction - 2 * tired)
        energy += 2 * STRIDE * (pull - _DRAG * energy / 2)
        halted = moving & ((energy <= 0) | ~window.inside(place))
        stops[halted] = step
        moving &= ~halted
        if not moving.any():
            return ways[: step + 1], np.minimum(stops, step)
        speed2 = np.maximum(energy, 2.0)[:, None]
        aim -= rise * (_GRAVITY * STRIDE / speed2)
        side = rng.normal(0, motion.spread, count).astype(np.float32)[:, None]
        aim += side * np.stack([-aim[:, 1], aim[:, 0]], axis=1)
        aim /= np.linalg.norm(aim, axis=1, keepdims=True) + 1e-6
        push = window.pressure(place)
        place = np.where(moving[:, None], place + STRIDE * aim + motion.swell * push, place)
    return ways, stops


class _Window:
    """Rise of the terrain near the starts, roughened a little as snow is."""

    def __init__(
        self, terrain: SceneTerrain, starts: Plane, reach: float, rng: np.random.Generator
    ) -> None:
        rows, cols = terrain.dem.shape
        low, high = starts.min(axis=0) - reach, starts.max(axis=0) + reach
        self._left, right = max(0, int(low[0] / CELL)), min(cols, int(high[0] / CELL) + 1)
        self._top, bottom = max(0, int(-high[1] / CELL)), min(rows, int(-low[1] / CELL) + 1)
        dem = cv2.GaussianBlur(terrain.dem[self._top : bottom, self._left : right], (0, 0), 1.2)
        dem += 0.25 * fractal(dem.shape, rng, longest=20, shortest=3, slope=1.5)
        self._rise = gradient(dem)
        self._scale = np.array([1 / CELL, -1 / CELL], np.float32)
        self._corner = np.array([0.5 + self._left, 0.5 + self._top], np.float32)
        self._end = np.array([right - self._left - 2, bottom - self._top - 2], np.float32)

    def _cells(self, place: Plane) -> Plane:
        return np.asarray(place * self._scale - self._corner)

    def rise(self, place: Plane) -> Plane:
        """(N, 2) rise to the east and to the north at places (N, 2)."""
        cells = self._cells(place)
        rise: Plane = cv2.remap(
            self._rise,
            cells[:, :1].copy(),
            cells[:, 1:].copy(),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return rise[:, 0]

    def pressure(self, place: Plane) -> Plane:
        """(N, 2) push away from where places (N, 2) crowd, 1/m."""
        cells = np.rint(self._cells(place)).astype(np.intp)
        cells -= cells.min(axis=0) - _MARGIN
        cols, rows = cells.max(axis=0) + 1 + _MARGIN
        col, row = cells.T
        crowd = np.bincount(row * cols + col, minlength=rows * cols).reshape(rows, cols)
        crowd = cv2.GaussianBlur(crowd.astype(np.float32), (0, 0), 1.2)
        slope = gradient(np.log(crowd + np.float32(_LOOSE)))
        push: Plane = -slope[row, col]
        return push

    def inside(self, place: Plane) -> NDArray[np.bool_]:
        """Return whether places (N, 2) lie on the model."""
        cells = self._cells(place)
        return np.asarray(((cells > 1) & (cells < self._end)).all(axis=1))
