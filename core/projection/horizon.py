"""Lines of sight over the full circle, to find a camera's orientation by its skyline."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..camera.refraction import curvature_drop
from .lines_of_sight import LinesOfSight, trace_lines_of_sight
from .range_map import azimuth_range

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..camera import Camera
    from ..terrain import Terrain
    from ..terrain.sources import Dem
    from .threads import Progress

_REACH = 30_000.0  # metres: ridges farther away rarely make the skyline
_MOST_CELLS = 25_000_000  # of terrain; coarser beyond
_STEP = math.radians(0.02)


def trace_horizon(camera: Camera, dem: Dem, progress: Progress | None = None) -> LinesOfSight:
    """Trace the lines of sight of the full circle around a camera, up to 30 km.

    Of the camera, position and refraction are used; `progress` is called with the share done.
    Raises TerrainError if the DEM does not cover the camera's surroundings.
    """
    return trace_lines_of_sight(
        _surroundings(camera, dem),
        (camera.x, camera.y, camera.z),
        step=_STEP,
        refraction=camera.refraction,
        progress=progress,
    )


def skyline_point_finder(dem: Dem) -> Callable[[Camera], NDArray[np.float64]]:
    """Return a function from a camera to the points (N, 3) of terrain that make its skyline.

    The terrain is read once, around the first camera. The function raises TerrainError if that
    camera is off the DEM, or if there is no ground in a view.
    """
    terrain: list[Terrain] = []

    def skyline_points(camera: Camera) -> NDArray[np.float64]:
        if not terrain:
            terrain.append(_surroundings(camera, dem))
        lines = trace_lines_of_sight(
            terrain[0],
            (camera.x, camera.y, camera.z),
            azimuths=azimuth_range(camera),
            step=_STEP,
            refraction=camera.refraction,
        )
        known = np.flatnonzero(np.diff(lines.starts))
        last = lines.starts[known + 1] - 1  # the highest node
        azimuth = lines.first + lines.step * known
        distance = lines.distances[last].astype(np.float64)
        height = distance * lines.tangents[last] + curvature_drop(distance, camera.refraction)
        offset = np.stack([np.sin(azimuth) * distance, np.cos(azimuth) * distance, height], axis=1)
        return np.asarray(offset + camera.position)

    return skyline_points


def _surroundings(camera: Camera, dem: Dem) -> Terrain:
    """Read the terrain up to 30 km around a camera."""
    west, south, east, north = dem.bounds
    bounds = (
        max(west, camera.x - _REACH),
        max(south, camera.y - _REACH),
        min(east, camera.x + _REACH),
        min(north, camera.y + _REACH),
    )
    area = max(0.0, bounds[2] - bounds[0]) * max(0.0, bounds[3] - bounds[1])
    return dem.read_terrain(bounds, max(dem.cell, math.sqrt(area / _MOST_CELLS)))
