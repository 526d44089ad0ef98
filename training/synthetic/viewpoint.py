"""Position and view of the webcam."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .camera import CYLINDRICAL, EQUIRECTANGULAR, FISHEYE, PINHOLE, SceneCamera, curvature_drop
from .terrain import CELL, SceneTerrain

_ATTEMPTS = 60
_CANDIDATES, _FEWEST = 600, 12
"""Places tried, and how many of them have to be in view."""

_FIELDS = ((38, 62), (18, 38), (8, 18))
"""Horizontal field of view, degrees: wide webcams, ordinary ones, telephoto."""

_WIDE_FIELDS = {CYLINDRICAL: (80, 170), EQUIRECTANGULAR: (80, 170), FISHEYE: (80, 140)}
"""The same of panoramas and fisheyes."""


def choose_camera(
    terrain: SceneTerrain,
    release: NDArray[np.bool_],
    size: tuple[int, int],
    rng: np.random.Generator,
    projection: str = PINHOLE,
) -> SceneCamera | None:
    """Find a place that sees slopes where avalanches can start, and aim at them.

    Parameters
    ----------
    release
        (rows, cols) where avalanches can start.
    size
        (width, height) of the image.
    projection
        One of `camera.PROJECTIONS`.

    Returns
    -------
    None where the terrain has no such place.
    """
    cells = np.argwhere(release)
    for _ in range(_ATTEMPTS if len(cells) else 0):
        place = _place(terrain, rng)
        chosen = cells[rng.integers(len(cells), size=_CANDIDATES)]
        targets = _points(terrain, chosen, rng)
        distance = np.hypot(targets[:, 0] - place[0], targets[:, 1] - place[1])
        near = (distance > 350) & (distance < 3800)
        if near.sum() < _FEWEST:
            continue
        targets = targets[near][_in_view(terrain, place, targets[near])]
        if len(targets) < _FEWEST:
            continue
        camera = _aim(place, targets, size, rng, projection)
        if _is_walled_in(terrain, camera):
            continue
        pixels = camera.project(targets)
        inside = ((pixels > 0.08 * np.array(size)) & (pixels < 0.92 * np.array(size))).all(axis=1)
        if inside.sum() >= 8:
            return camera
    return None


def _place(terrain: SceneTerrain, rng: np.random.Generator) -> NDArray[np.float64]:
    """(x, y, z) in the valley or on the side opposite to the range, some metres above ground."""
    along = rng.uniform(-1500, 1500)
    back = rng.uniform(-100, 150) if rng.random() < 0.3 else rng.uniform(150, 1300)
    angle = np.pi / 2 * terrain.turns  # of the valley's direction, counter-clockwise from east
    east = terrain.valley[0] + along * np.cos(angle) + back * np.sin(angle)
    north = terrain.valley[1] + along * np.sin(angle) - back * np.cos(angle)
    return np.array([east, north, terrain.height_at(east, north) + rng.uniform(6, 30)])


def _points(
    terrain: SceneTerrain, cells: NDArray[np.intp], rng: np.random.Generator
) -> NDArray[np.float64]:
    """(N, 3) local coordinates of places in cells (row, col)."""
    shift = rng.uniform(-0.5, 0.5, cells.shape)
    x = (cells[:, 1] + 0.5 + shift[:, 1]) * CELL
    y = -(cells[:, 0] + 0.5 + shift[:, 0]) * CELL
    return np.stack([x, y, terrain.heights(x, y)], axis=1)


def _in_view(
    terrain: SceneTerrain, place: NDArray[np.float64], targets: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return whether no terrain lies between, sampled at 200 places."""
    share = np.linspace(0.01, 0.985, 200)[:, None]
    x = (place[0] + share * (targets[:, 0] - place[0])).astype(np.float32)
    y = (place[1] + share * (targets[:, 1] - place[1])).astype(np.float32)
    distance = np.hypot(targets[:, 0] - place[0], targets[:, 1] - place[1])
    drop = share * curvature_drop(distance) - curvature_drop(share * distance)
    ray = place[2] + share * (targets[:, 2] - place[2]) - drop
    return np.asarray((terrain.sample(terrain.dem, x, y) < ray + 2).all(axis=0))


def _is_walled_in(terrain: SceneTerrain, camera: SceneCamera) -> bool:
    """Return whether near terrain fills much of the image: no webcam is placed like that."""
    half = np.arctan(camera.width / 2 / camera.f)
    azimuth = np.radians(camera.yaw) + np.linspace(-half, half, 12)
    distance = np.linspace(20, 320, 25)[:, None]
    x, y = camera.x + np.sin(azimuth) * distance, camera.y + np.cos(azimuth) * distance
    height = terrain.sample(terrain.dem, x.astype(np.float32), y.astype(np.float32))
    angle = np.arctan((height - camera.z) / distance).max(axis=0)
    low = np.radians(camera.pitch) - 0.45 * camera.height / camera.f
    return bool((angle > low + 0.3 * camera.height / camera.f).mean() > 0.25)


def _aim(
    place: NDArray[np.float64],
    targets: NDArray[np.float64],
    size: tuple[int, int],
    rng: np.random.Generator,
    projection: str,
) -> SceneCamera:
    """Put one of the targets somewhere about the middle of the image."""
    kind = rng.choice(len(_FIELDS), p=[0.45, 0.33, 0.22])
    if projection == PINHOLE:
        f = size[0] / 2 / np.tan(np.radians(rng.uniform(*_FIELDS[kind])) / 2)
    else:
        f = size[0] / np.radians(rng.uniform(*_WIDE_FIELDS[projection]))
    x, y, z = place.tolist()
    across, along, up = (targets[rng.integers(len(targets))] - place).tolist()
    yaw = np.arctan2(across, along) + np.arctan(rng.uniform(-0.22, 0.22) * size[0] / f)
    low = np.arctan(rng.uniform(-0.2, 0.08) * size[1] / f)
    pitch = np.arctan(up / np.hypot(across, along)) + low
    return SceneCamera(
        size[0],
        size[1],
        x,
        y,
        z,
        yaw=float(np.degrees(yaw)) % 360,
        pitch=float(np.degrees(pitch)),
        roll=float(rng.normal(0, 0.7)),
        f=float(f),
        k1=float(rng.uniform(-0.12, 0.04)) if kind == 0 and projection == PINHOLE else 0.0,
        projection=projection,
    )
