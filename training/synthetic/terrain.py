"""A mountain range and its valley, as an elevation model on a map."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from affine import Affine
from numpy.typing import NDArray

from .erosion import erode
from .noise import Plane, fractal, smoothstep

CELL = 5.0
"""Side of an elevation cell, m."""

_LENGTH, _DEPTH = 6000, 6300
"""Extent along the valley and across it, m."""

_STAGES = ((120, 30, 40.0), (60, 14, 30.0), (30, 10, 12.0), (15, 8, 6.0))
"""Cell (m), steps and uplift for each step (m) of the erosion, coarse to fine."""


@dataclass(frozen=True, eq=False)
class SceneTerrain:
    """Elevation model, with its landmarks.

    Local coordinates are metres from the upper left corner of the model: x east, y north (so y is
    negative on the map).

    Attributes
    ----------
    dem
        (rows, cols) float32 elevation of cell centres, m.
    west, north
        LV95 coordinates of the upper left corner, m.
    turns
        Quarter turns counter-clockwise from "the valley runs east, the range rises north of it".
    valley
        (x, y) local coordinates of the middle of the valley.
    """

    dem: Plane
    west: float
    north: float
    turns: int
    valley: tuple[float, float]

    @property
    def transform(self) -> Affine:
        """From (col, row), upper left corners in whole numbers, to LV95."""
        return Affine(CELL, 0, self.west, 0, -CELL, self.north)

    def sample(self, field: Plane, x: Plane, y: Plane) -> Plane:
        """Interpolate a field of the model's grid bilinearly at (M, N) local coordinates, m.

        The field has up to four channels; its edge goes on outside.
        """
        cols, rows = to_cells(x, y)
        sampled: Plane = cv2.remap(
            field, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return sampled

    def heights(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> Plane:
        """(N,) elevations at (N,) places, m."""
        if not len(x):
            return np.empty(0, np.float32)
        side = int(np.ceil(np.sqrt(len(x))))  # OpenCV takes no array longer than 32,766
        square = [np.resize(a, (side, side)).astype(np.float32) for a in (x, y)]
        return self.sample(self.dem, *square).ravel()[: len(x)]

    def height_at(self, x: float, y: float) -> float:
        """Elevation at one place, m."""
        return float(self.heights(np.array([x]), np.array([y]))[0])


def to_cells(x: Plane, y: Plane) -> tuple[Plane, Plane]:
    """Local coordinates -> (col, row) with cell centres in whole numbers."""
    return x / np.float32(CELL) - np.float32(0.5), y / np.float32(-CELL) - np.float32(0.5)


def gradient(dem: Plane, cell: float = CELL) -> Plane:
    """(rows, cols) elevations -> (rows, cols, 2) rise to the east and to the north, per metre."""
    south, east = np.gradient(dem, np.float32(cell))
    return np.asarray(np.stack([east, -south], axis=2), np.float32)


def make_terrain(rng: np.random.Generator) -> SceneTerrain:
    """Raise and erode a mountain range north of a valley, then turn it to any side."""
    shape = (round(_DEPTH / 15), round(_LENGTH / 15))
    relief = float(rng.uniform(1.0, 1.6))
    course = _valley_course(rng)
    height = _carve(rng, course, shape, relief)
    fine = _refine(rng, height, (round(_DEPTH / CELL), round(_LENGTH / CELL)))
    fine += float(rng.uniform(900, 1700)) - float(fine.min())
    turns = int(rng.choice(4, p=[0.4, 0.2, 0.2, 0.2]))  # most webcams look at sunny slopes
    middle = np.array([_LENGTH / 2, -(_DEPTH - float(course[shape[1] // 2]))])
    turned, valley = _turn(fine, middle, turns)
    return SceneTerrain(
        turned,
        west=float(rng.integers(2_560_000, 2_790_000)),
        north=float(rng.integers(1_110_000, 1_190_000)),
        turns=turns,
        valley=valley,
    )


def _valley_course(rng: np.random.Generator) -> Plane:
    """(cols,) distance of the valley from the south edge at each 15 m column, m."""
    x = (np.arange(round(_LENGTH / 15)) + 0.5) * 15
    phases = rng.uniform(0, 2 * np.pi, 2)
    course = rng.uniform(1500, 1900) + rng.uniform(50, 250) * np.sin(x / 1100 + phases[0])
    return np.asarray(course + 70 * np.sin(x / 420 + phases[1]), np.float32)


def _carve(rng: np.random.Generator, course: Plane, shape: tuple[int, int], relief: float) -> Plane:
    """Erode from coarse to fine; heights at 15 m cells above the valley's lower end."""
    hardness = fractal(shape, rng, longest=90, shortest=8, slope=1.2)
    strength = np.tan(np.radians(np.clip(39 + 7 * hardness, 30, 62))).astype(np.float32)
    source = float(rng.choice([5e3, 1.5e4, 4e4]))
    floor_width = float(rng.uniform(45, 220))
    distance = np.abs((shape[0] - 0.5 - np.arange(shape[0]))[:, None] * 15 - course)
    height = np.zeros((1, 1), np.float32)
    for cell, steps, uplift in _STAGES:
        size = (round(_LENGTH / cell), round(_DEPTH / cell))
        height = cv2.resize(height, size, interpolation=cv2.INTER_CUBIC)
        height += fractal(size[::-1], rng, 12, 2, 1.5) * (25 if cell == 120 else 0.03 * cell)
        if cell < 120:
            height = _warp(height, rng, amplitude=0.8 if cell > 15 else 0.12, wavelength=8)
        nearest = cv2.resize(distance, size, interpolation=cv2.INTER_AREA)
        base = np.asarray(nearest < max(0.6 * cell, floor_width))
        base[0] = True  # the next valley, behind the range
        floor = np.broadcast_to(0.02 * cell * np.arange(size[0], dtype=np.float32), base.shape)
        height = np.where(base, floor, height)
        limit = cv2.resize(strength, size, interpolation=cv2.INTER_AREA)
        height = erode(height, cell, relief * uplift, 0.009 * uplift, limit, base, source, steps)
    return np.asarray(height, np.float32)


def _refine(rng: np.random.Generator, height: Plane, shape: tuple[int, int]) -> Plane:
    """Bring 15 m cells to the final size: outcrops on steep ground, scree and snow on the rest."""
    height = cv2.resize(height, shape[::-1], interpolation=cv2.INTER_CUBIC)
    height = _warp(height, rng, amplitude=0.5, wavelength=20)
    height = cv2.GaussianBlur(height, (0, 0), 6 / CELL)
    smooth = cv2.GaussianBlur(height, (0, 0), 30 / CELL)
    above = smooth - float(height.min()) - 0.02 * CELL * np.arange(shape[1], dtype=np.float32)
    apron = smoothstep(320, 40, above)
    height = (1 - apron) * height + apron * cv2.GaussianBlur(smooth, (0, 0), 60 / CELL)
    east, north = cv2.split(gradient(height))
    steep = smoothstep(0.9, 1.5, np.hypot(east, north))
    outcrops = np.abs(fractal(shape, rng, longest=16, shortest=2, slope=1.3))
    height += steep * (3.0 * outcrops)
    # Snow fills hollows and rounds what is not too steep for it.
    snow = cv2.GaussianBlur(height, (0, 0), 10 / CELL)
    return np.asarray(steep * height + (1 - steep) * snow, np.float32)


def _warp(field: Plane, rng: np.random.Generator, amplitude: float, wavelength: float) -> Plane:
    """Bend the straight lines that flow in only eight directions leaves; lengths in cells."""
    rows, cols = (
        axis + np.float32(amplitude) * fractal(field.shape, rng, wavelength, wavelength / 3, 1.0)
        for axis in np.indices(field.shape, np.float32)
    )
    bent: Plane = cv2.remap(field, cols, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return bent


def _turn(dem: Plane, place: NDArray[np.float64], turns: int) -> tuple[Plane, tuple[float, float]]:
    """Turn a model and a place on it counter-clockwise by quarters."""
    x, y = float(place[0]), float(place[1])
    for _ in range(turns):
        width = dem.shape[1] * CELL
        dem = np.rot90(dem)
        x, y = -y, x - width
    return np.ascontiguousarray(dem), (x, y)
