"""Land cover and shading of the terrain, as planes on the grid of the elevation model."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .conditions import Conditions
from .noise import Plane, fractal, smoothstep
from .terrain import CELL, SceneTerrain, gradient


@dataclass(frozen=True, eq=False)
class Ground:
    """Planes of (rows, cols) float32.

    Attributes
    ----------
    east, north
        Rise of the terrain, per metre.
    slope
        Steepness, degrees, over about 20 m.
    rock
        Positive where rock shows, more the steeper; snow where negative.
    forest
        Share of the ground under trees.
    openness
        Share of the sky seen from there, about 0.3 to 1.
    shadow
        How deep the place lies in the shadow of others, m; negative in the sun.
    """

    east: Plane
    north: Plane
    slope: Plane
    rock: Plane
    forest: Plane
    openness: Plane
    shadow: Plane


def cover(terrain: SceneTerrain, day: Conditions, rng: np.random.Generator) -> Ground:
    """Lay snow, rock and forest on a terrain, and light it."""
    dem = terrain.dem
    east, north = cv2.split(gradient(dem))
    smooth = cv2.split(gradient(cv2.GaussianBlur(dem, (0, 0), 10 / CELL)))
    slope = np.degrees(np.arctan(np.hypot(*smooth)))
    ridge = (dem - cv2.GaussianBlur(dem, (0, 0), 40 / CELL)) / 10
    rock = (slope - (48 - day.rockiness)) / 8 + 0.35 * np.clip(ridge, -1.5, 1.5)
    rock += 0.55 * fractal(dem.shape, rng, longest=60, shortest=3, slope=1.2)
    return Ground(
        east,
        north,
        slope,
        rock.astype(np.float32),
        _forest(dem, slope, ridge, day, rng),
        _openness(dem),
        cast_shadow(dem, day.sun),
    )


def release_ground(ground: Ground, day: Conditions, dem: Plane) -> NDArray[np.bool_]:
    """(rows, cols) where an avalanche can start: steep, open, snow-covered."""
    steep = (ground.slope > 32) & (ground.slope < 46)
    return steep & (ground.rock < -0.2) & (ground.forest < 0.1) & (dem > day.snowline + 60)


def _forest(
    dem: Plane, slope: Plane, ridge: Plane, day: Conditions, rng: np.random.Generator
) -> Plane:
    patches = fractal(dem.shape, rng, longest=120, shortest=6, slope=1.3)
    height = dem + 70 * patches + 12 * np.clip(slope - 38, 0, None) - 25 * ridge
    below = smoothstep(day.treeline + 60, day.treeline - 120, height)
    gaps = smoothstep(-1.3, 1.6, patches + 2.2 * day.forest - 0.6)
    flat = smoothstep(8, 16, slope)  # valley floors are meadows
    forest: Plane = below * gaps * flat
    return forest


def _openness(dem: Plane) -> Plane:
    """Hollows see less of the sky, at every scale."""
    closed = np.zeros_like(dem)
    small, scale = dem, CELL
    for _ in range(4):
        hollow = cv2.GaussianBlur(small, (0, 0), 3) - small
        closed += cv2.resize(hollow, dem.shape[::-1], interpolation=cv2.INTER_LINEAR) / scale
        small = cv2.resize(small, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        scale *= 2
    return np.asarray(np.clip(0.9 - 0.13 * closed, 0.4, 1.05))


def cast_shadow(dem: Plane, sun: NDArray[np.float32]) -> Plane:
    """Cast shadow, as of `Ground`.

    Turn the sun to the left, then the highest ray so far is a running maximum.
    """
    rows, cols = dem.shape
    rise = float(sun[2] / np.hypot(sun[0], sun[1])) * CELL
    side = int(np.ceil(np.hypot(rows, cols)))
    # Angle of the direction to the sun in image axes; that direction becomes "left".
    turn = cv2.getRotationMatrix2D(
        ((cols - 1) / 2, (rows - 1) / 2), float(np.degrees(np.arctan2(sun[1], -sun[0]))), 1.0
    )
    turn[:, 2] += (side - cols) / 2, (side - rows) / 2
    turned = cv2.warpAffine(
        dem, turn, (side, side), flags=cv2.INTER_LINEAR, borderValue=float(dem.min()) - 1e4
    )
    ramp = rise * np.arange(side, dtype=np.float32)
    depth = np.maximum.accumulate(turned + ramp, axis=1)
    # What a cell's own neighbours shade is left to the shading of its slope.
    depth[:, 2:] = depth[:, :-2] - (turned + ramp)[:, 2:]
    back: Plane = cv2.warpAffine(
        depth, turn, (cols, rows), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return np.clip(back, -50, 50)
