"""Lines of sight all round, for finding where a camera looks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .lines import LinesOfSight, trace

if TYPE_CHECKING:
    from ..camera import Camera
    from ..terrain.sources import Dem
    from .threads import Progress

_REACH = 30_000.0  # metres: ridges farther away rarely make the skyline
_MOST_CELLS = 25_000_000  # of terrain; coarser beyond
_STEP = math.radians(0.02)


def all_round(camera: Camera, dem: Dem, progress: Progress | None = None) -> LinesOfSight:
    """What can be seen from where a camera stands, up to 30 km away.

    Parameters
    ----------
    camera
        Its position and refraction count.
    dem
        In the camera's CRS.
    progress
        Told the share that is done.

    Raises
    ------
    TerrainError
        If the DEM does not reach the camera's surroundings.
    """
    west, south, east, north = dem.bounds
    bounds = (
        max(west, camera.x - _REACH),
        max(south, camera.y - _REACH),
        min(east, camera.x + _REACH),
        min(north, camera.y + _REACH),
    )
    area = max(0.0, bounds[2] - bounds[0]) * max(0.0, bounds[3] - bounds[1])
    return trace(
        dem.window(bounds, max(dem.cell, math.sqrt(area / _MOST_CELLS))),
        (camera.x, camera.y, camera.z),
        step=_STEP,
        refraction=camera.refraction,
        progress=progress,
    )
