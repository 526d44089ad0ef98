"""Made-up ground and cameras for the tests of `core.projection`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.camera import Camera, CameraRecord
from core.camera.refraction import curvature_drop
from core.projection.lines_of_sight import trace_lines_of_sight
from core.projection.range_map import azimuth_range, compute_range_map
from core.projection.viewshed import Viewshed
from core.terrain import Terrain

X, Y = 2_600_000.0, 1_200_000.0
"""Where cameras stand; grounds are functions of x and y from here."""

Ground = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


def slope(x, y):
    """Rising to the north with 30 degrees from 200 m on."""
    return np.maximum(y - 200, 0) * np.tan(np.radians(30)) + 0 * x


def ridge(x, y):
    """That slope, with a ridge across it at 600 m that hides what lies behind."""
    return slope(x, y) + 15 * np.exp(-(((y - 600) / 20) ** 2))


def crest(x, y):
    """That slope up to a crest at 700 m, and a steep mountain that looks over it from behind."""
    return np.where(y < 700, slope(x, y), 0) + 2.5 * np.maximum(y - 3500, 0)


def sight_of(ground: Ground, camera: Camera, half: int = 1000, cell: float = 5.0) -> Viewshed:
    """What a camera sees of a ground that reaches from (X, Y) ``half`` m to all sides, and five
    times that to the north.
    """
    x = np.arange(-half, half + cell, cell)
    y = np.arange(-half / 2, 5 * half + cell, cell)[::-1]
    heights = ground(*np.meshgrid(x, y)).astype(np.float32)
    terrain = Terrain(heights, X + x[0], Y + y[0], cell)
    lines = trace_lines_of_sight(
        terrain, tuple(camera.position), azimuths=azimuth_range(camera), step=0.5 / camera.f
    )
    return Viewshed(CameraRecord(camera, 2056), terrain, lines, compute_range_map(camera, lines))


def webcam(width: int = 600, height: int = 400, **changes: float) -> Camera:
    """Looking north, 20 m above the ground."""
    pose = {"x": X, "y": Y, "z": 20.0, "yaw": 0.0, "pitch": 15.0, "roll": 1.0, "f": 600.0}
    return Camera(width, height, **{**pose, **changes})


def visible(sight: Viewshed, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether rays to places on the ground (N, 3) are free up to 1 m before them: by marching."""
    camera = sight.record.camera
    offset = points - camera.position
    distance = np.hypot(offset[:, 0], offset[:, 1])
    heading = offset[:, :2] / distance[:, None]
    tangent = (offset[:, 2] - curvature_drop(distance)) / distance
    free = np.ones(len(points), bool)
    for step in np.arange(20, distance.max(), 1.0):
        on = free & (step < distance - 1)
        z = sight.terrain.sample(camera.x + heading[on, 0] * step, camera.y + heading[on, 1] * step)
        free[on] = ~(z > camera.z + tangent[on] * step + curvature_drop(step) + 0.02)
    u, v = camera.project(points).T
    return (
        free
        & (np.abs(u - camera.cx) < camera.width / 2)
        & (np.abs(v - camera.cy) < camera.height / 2)
    )


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((one & other).sum() / (one | other).sum())
