"""Where the sun stands, and how it lights a terrain: slopes turned to it, shadows cast."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .terrain import Terrain

LOWEST = 2.0
"""Degrees above the horizon below which no sun is taken."""

_SKY = 0.35  # light of the sky, of that of the sun
_SOFT = 3.0  # metres of depth over which a shadow begins


def sun_position(time: datetime, longitude: float, latitude: float) -> tuple[float, float]:
    """Return azimuth from true north and elevation of the sun, degrees, to about 0.1.

    Parameters
    ----------
    time
        With a zone.
    longitude, latitude
        Degrees.

    Examples
    --------
    >>> from datetime import datetime, timezone
    >>> from core.terrain.sunlight import sun_position
    >>> noon = datetime(2024, 6, 20, 11, 22, tzinfo=timezone.utc)
    >>> [round(angle) for angle in sun_position(noon, 10.0, 47.0)]
    [180, 66]
    """
    moment = time.astimezone(timezone.utc)
    days = (moment - datetime(2000, 1, 1, 12, tzinfo=timezone.utc)).total_seconds() / 86400
    anomaly = math.radians((357.529 + 0.98560028 * days) % 360)
    mean = (280.459 + 0.98564736 * days) % 360
    ecliptic = math.radians(mean + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 3.6e-7 * days)
    ascension = math.atan2(math.cos(tilt) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(tilt) * math.sin(ecliptic))
    sidereal = math.radians((280.46062 + 360.98564737 * days + longitude) % 360)
    hour, north = sidereal - ascension, math.radians(latitude)
    up = math.sin(north) * math.sin(declination)
    up += math.cos(north) * math.cos(declination) * math.cos(hour)
    east = -math.cos(declination) * math.sin(hour)
    along = math.cos(north) * math.sin(declination)
    along -= math.sin(north) * math.cos(declination) * math.cos(hour)
    return math.degrees(math.atan2(east, along)) % 360, math.degrees(math.asin(up))


def shade(terrain: Terrain, azimuth: float, elevation: float) -> NDArray[np.float32]:
    """Return how bright the cells of a terrain are, (R, C) float32, 0 to 1; NaN where unknown.

    The sun stands at ``azimuth`` of the grid and ``elevation``, degrees.
    """
    turn, height = math.radians(azimuth), math.radians(max(elevation, LOWEST))
    sun = np.array([math.sin(turn), math.cos(turn)]) * math.cos(height)
    south, east = np.gradient(terrain.heights, terrain.cell)
    facing = math.sin(height) - east * sun[0] + south * sun[1]
    facing = np.maximum(facing, 0) / np.sqrt(1 + east**2 + south**2)
    depth = _shadow_depth(terrain, azimuth, math.tan(height))
    lit = facing * np.clip(1 - depth / _SOFT, 0, 1)
    upright = 1 / np.sqrt(1 + east**2 + south**2)
    return np.asarray((lit + _SKY * upright) / (1 + _SKY), np.float32)


def _shadow_depth(terrain: Terrain, azimuth: float, rise: float) -> NDArray[np.float32]:
    """Return how deep each cell lies in the shadow of others, metres; 0 in the sun.

    The highest ray that the cells on the way to the sun hold up is found for ways of double length
    each time.
    """
    heights = np.nan_to_num(terrain.heights, nan=-1e4)
    known = heights[heights > -1e4]
    if not known.size:
        return np.zeros_like(heights)
    across = math.sin(math.radians(azimuth)), -math.cos(math.radians(azimuth))
    rows, cols = heights.shape
    longest = min(float(np.ptp(known)) / rise / terrain.cell, math.hypot(rows, cols))
    highest, length = _towards(heights, across, 1.0, rise * terrain.cell), 1.0
    while length < longest:
        farther = _towards(highest, across, length, rise * terrain.cell * length)
        highest = np.maximum(highest, farther)
        length *= 2
    return np.asarray(np.maximum(highest - heights, 0), np.float32)


def _towards(
    plane: NDArray[np.float32], across: tuple[float, float], cells: float, fall: float
) -> NDArray[np.float32]:
    """Return the values of a plane some cells away in a direction (col, row), lowered."""
    shift = np.array([[1, 0, across[0] * cells], [0, 1, across[1] * cells]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = plane.shape[::-1]
    moved = cv2.warpAffine(plane, shift, size, flags=flags, borderValue=-1e4)
    return np.asarray(moved - np.float32(fall), np.float32)
