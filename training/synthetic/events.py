"""Avalanches of a scene, drawn until enough of them are visible."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .avalanche import Appearance, Avalanche, compose
from .camera import SceneCamera
from .conditions import Conditions
from .flow import GRID, Motion, Tracks, slide
from .ground import Ground
from .release import Release, break_point, break_slab
from .render import PixelGround, label_image
from .sight import SceneSight
from .terrain import CELL, SceneTerrain, to_cells

PARTICLES = 4000
_LOOSE = 0.4
"""Share of loose snow avalanches."""

_NEAREST = 200.0
"""m from the camera."""

_ATTEMPTS = 25
_ROCKIEST = 0.2
"""Largest share of bare rock under an avalanche."""

_HIDDEN = 0.5
"""Smallest share of its area that has to be in view."""

SMALLEST = 0.0006
"""Share of the image that an avalanche has to cover."""


def draw_avalanches(
    terrain: SceneTerrain,
    ground: Ground,
    day: Conditions,
    sight: SceneSight,
    frame: PixelGround,
    release: NDArray[np.bool_],
    rng: np.random.Generator,
    goal: int | None = None,
) -> list[Avalanche]:
    """Draw one to five avalanches, or up to `goal`, in view, none on another.

    None if no attempt gave one. They start where `release` (rows, cols) lets them.
    """
    pixels = np.argwhere(_seen_release(frame, release))
    goal = goal or int(rng.choice(5, p=[0.3, 0.3, 0.2, 0.12, 0.08])) + 1
    # A day's avalanches look alike; in flat light only tone is left to tell them.
    clarity = float(rng.uniform(0.4 + 0.2 * day.cloud, 1.0))
    rock = ground.rock > 0
    taken = np.zeros_like(rock)
    found: list[Avalanche] = []
    for _ in range(_ATTEMPTS if len(pixels) else 0):
        row, col = pixels[rng.integers(len(pixels))]
        place = float(frame.x[row, col]), float(frame.y[row, col])
        resolution = float(frame.distance[row, col]) / sight.camera.f
        broken, motion = _draw_event(terrain, ground, sight.camera, place, resolution, rng)
        starts = broken.starts(PARTICLES, rng)
        if not len(starts):
            continue
        tracks = slide(terrain, starts, motion, rng)
        if not _is_suitable(terrain, tracks, sight, rock, rng):
            continue
        avalanche = compose(tracks, broken, _draw_look(day, clarity, rng), resolution, rng)
        if avalanche is None or (label_image(frame, [avalanche]) > 0).mean() < SMALLEST:
            continue
        spot = footprint(avalanche, taken)
        if (spot & taken).any():
            continue
        found.append(avalanche)
        taken |= cv2.dilate(spot.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        if len(found) == goal:
            break
    return found


def footprint(avalanche: Avalanche, grid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells of the terrain, whose grid is given, that an avalanche touches; (rows, cols)."""
    rows, cols = np.nonzero(avalanche.mask)
    x = avalanche.west + (cols + 0.5) * avalanche.cell
    y = avalanche.north - (rows + 0.5) * avalanche.cell
    touched = np.zeros_like(grid)
    row, col = (-y / CELL).astype(np.intp), (x / CELL).astype(np.intp)
    touched[np.clip(row, 0, grid.shape[0] - 1), np.clip(col, 0, grid.shape[1] - 1)] = True
    return touched


def _seen_release(frame: PixelGround, release: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H, W) pixels, not at the edge, that show ground where avalanches can start."""
    cols, rows = to_cells(frame.x, frame.y)
    seen = cv2.remap(release.astype(np.uint8), cols, rows, cv2.INTER_NEAREST) > 0
    seen &= frame.land & (frame.distance > _NEAREST)
    margin = round(0.06 * len(seen))
    inner = np.zeros_like(frame.land)
    inner[margin:-margin, margin:-margin] = seen[margin:-margin, margin:-margin]
    return inner


def _is_suitable(
    terrain: SceneTerrain,
    tracks: Tracks,
    sight: SceneSight,
    rock: NDArray[np.bool_],
    rng: np.random.Generator,
) -> bool:
    """Return whether tracks are mostly visible and on snow, sampled at some of their cells."""
    cells = np.argwhere(tracks.flux > 0)
    tried = GRID * (cells[rng.integers(len(cells), size=400)] + 0.5)
    x, y = tracks.west + tried[:, 1], tracks.north - tried[:, 0]
    rows, cols = rock.shape
    row = np.clip(-y / CELL, 0, rows - 1).astype(np.intp)
    col = np.clip(x / CELL, 0, cols - 1).astype(np.intp)
    if rock[row, col].mean() > _ROCKIEST:
        return False
    points = np.stack([x, y, terrain.heights(x, y)], axis=1)
    pixels = sight.camera.project(points)
    size = sight.camera.width, sight.camera.height
    shown = sight.sees(points, tolerance=1.0) & ((pixels > 0) & (pixels < size)).all(axis=1)
    return float(shown.mean()) > _HIDDEN


def _draw_event(
    terrain: SceneTerrain,
    ground: Ground,
    camera: SceneCamera,
    place: tuple[float, float],
    resolution: float,
    rng: np.random.Generator,
) -> tuple[Release, Motion]:
    """Draw an avalanche of some share of the image's width, as far as nature has such."""
    size = camera.width * resolution * float(np.exp(rng.uniform(np.log(0.04), np.log(0.5))))
    friction = float(rng.uniform(0.30, 0.60))
    if rng.random() < _LOOSE:
        run = float(np.clip(size * rng.uniform(0.7, 2.5), 30, 1500))
        release = break_point(terrain, ground, place, float(np.clip(0.05 * run, 4, 25)), rng)
        return release, Motion(friction, run, spread=0.09, swell=float(rng.uniform(4, 14)))
    width = float(np.clip(size, 12, 450))
    length = width * float(rng.uniform(0.25, 0.9))
    release = break_slab(terrain, ground, place, (width, length), rng)
    run = length + width * float(np.exp(rng.uniform(np.log(0.6), np.log(6))))
    return release, Motion(friction, min(run, 2000), spread=0.04, swell=float(rng.uniform(2, 9)))


def _draw_look(day: Conditions, clarity: float, rng: np.random.Generator) -> Appearance:
    wet = rng.random() < (0.6 if day.dust > 0.3 else 0.2)
    bright = rng.random() < 0.15
    return Appearance(
        contrast=float(np.clip(clarity + rng.normal(0, 0.15), 0.12, 1)),
        depth=float(rng.uniform(0.6, 3.0)),
        roughness=float(rng.uniform(0.4, 1.3)),
        dirt=float(rng.uniform(0.05, 0.5) if wet else rng.uniform(0, 0.05)),
        brightness=float(rng.uniform(1, 1.05) if bright else rng.uniform(0.62, 0.9)),
    )
