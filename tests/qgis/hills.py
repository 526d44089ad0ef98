"""Hilly ground, and a camera that looks at it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scenery

WEST, NORTH, CELL = 2_700_000.0, 1_150_000.0, 10.0
ROWS, COLS = 400, 400
POSITION = (2_702_000.0, 1_146_400.0)
# east and north of the camera: all over the photo, near and far
PLACES = [(-300, 900), (60, 700), (380, 1000), (-700, 2300), (-90, 1700), (900, 2800), (250, 2100)]


def ground(x, y):
    """A slope that rises to the north, with hills on it."""
    east, north = (np.asarray(x) - WEST) / 1000, (np.asarray(y) - NORTH) / 1000 + 4
    hills = 90 * np.sin(2.1 * east + 1) * np.sin(1.7 * north) + 40 * np.sin(5 * east + 2 * north)
    return 1200 + 60 * north**2 + hills


def camera(width: int, height: int):
    """The camera, as it really is, for a photo of this size."""
    from avalanche_iseg_qgis.core.camera import Camera

    x, y = POSITION[0] + 4, POSITION[1] - 3
    z, focal = float(ground(*POSITION)) + 5, 1300 / 1200 * width
    return Camera(width, height, x, y, z, 4.0, 6.0, 0.5, focal)


def pixel_of(seen_by, east: float, north: float) -> tuple[float, float, float, float]:
    """(u, v) in the photo and (x, y) of a place, given in metres from the camera."""
    x, y = POSITION[0] + east, POSITION[1] + north
    ((u, v),) = seen_by.project([[x, y, float(ground(x, y))]])
    return float(u), float(v), x, y


def write_dem(path: Path) -> Path:
    """The ground as a terrain model in LV95."""
    x = WEST + CELL * (np.arange(COLS) + 0.5)
    y = NORTH - CELL * (np.arange(ROWS)[:, None] + 0.5)
    place = (WEST, CELL, 0, NORTH, 0, -CELL)
    return scenery.write(path, ground(x, y).astype(np.float32), transform=place, epsg=scenery.LV95)
