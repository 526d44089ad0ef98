"""Visibility of a terrain from a camera: ray ends of pixels, and visible points.

Lines of sight over a fan of azimuths carry the tangent of the elevation angle of the terrain by
range. Its running maximum is monotonous, so that a ray's first hit is a binary search, and a place
is in view where it reaches the maximum before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .camera import SceneCamera, curvature_drop
from .noise import Plane
from .terrain import CELL, SceneTerrain

NEAREST = 12.0
"""Terrain closer than this (m) is not seen: a coarse model would bury the camera."""

_SPREAD = 1e4
"""More than any tangent: keeps the lines apart in one sorted array."""


@dataclass(frozen=True, eq=False)
class SceneSight:
    """Lines of sight from a camera.

    Attributes
    ----------
    first, step
        Azimuth of the first line relative to the yaw, and between lines; radians.
    ranges
        (N,) horizontal distances, m.
    tangents
        (A, N) tangent of the terrain's apparent elevation angle.
    highest
        (A, N) running maximum of `tangents` along the range.
    """

    camera: SceneCamera
    first: float
    step: float
    ranges: Plane
    tangents: Plane
    highest: Plane

    def skyline(self, azimuth: Plane) -> Plane:
        """Tangent of the skyline's elevation angle at azimuths relative to the yaw."""
        return np.asarray(self.highest[self._line(azimuth), -1])

    def hits(self, azimuth: Plane, tangent: Plane) -> tuple[Plane, NDArray[np.bool_]]:
        """Intersect rays with the terrain.

        Parameters
        ----------
        azimuth, tangent
            (H, W) relative to the yaw, radians; tangent of the elevation angle.

        Returns
        -------
        distance, land
            (H, W) float32 horizontal distance of the terrain met, m, and (H, W) bool False for
            rays into the sky; their distance is that of the skyline below them.
        """
        line = self._line(azimuth)
        skyline = self.highest[line, -1]
        shifts = np.arange(len(self.highest)) * _SPREAD
        keys = (self.highest + shifts[:, None]).ravel()
        lowered = np.minimum(tangent, skyline)
        flat = np.searchsorted(keys, (lowered + shifts[line]).ravel()).reshape(line.shape)
        count = len(self.ranges)
        index = np.clip(flat - line * count, 1, count - 1)
        start = line * count + index - 1
        before, after = self.tangents.ravel()[start], self.tangents.ravel()[start + 1]
        share = np.clip((lowered - before) / np.maximum(after - before, 1e-9), 0, 1)
        near = self.ranges[index - 1]
        distance = near + share * (self.ranges[index] - near)
        return distance.astype(np.float32), tangent <= skyline

    def sees(self, points: NDArray[np.floating], tolerance: float = CELL / 4) -> NDArray[np.bool_]:
        """Return whether points (N, 3) are in the fan, no terrain more than `tolerance` m above."""
        offset = np.asarray(points, np.float64) - (self.camera.x, self.camera.y, self.camera.z)
        distance = np.hypot(offset[:, 0], offset[:, 1])
        azimuth = np.arctan2(offset[:, 0], offset[:, 1]) - np.radians(self.camera.yaw)
        azimuth = (azimuth + np.pi) % (2 * np.pi) - np.pi
        tangent = (offset[:, 2] - curvature_drop(distance) + tolerance) / distance
        index = np.clip(np.searchsorted(self.ranges, distance - CELL) - 1, 0, None)
        seen = tangent >= self.highest[self._line(azimuth), index]
        end = self.first + self.step * len(self.highest)
        return np.asarray(
            seen & (azimuth >= self.first) & (azimuth <= end) & (distance > self.ranges[0])
        )

    def _line(self, azimuth: NDArray[np.floating]) -> NDArray[np.intp]:
        line = np.rint((azimuth - self.first) / self.step).astype(np.intp)
        return np.asarray(np.clip(line, 0, len(self.highest) - 1))


def look(terrain: SceneTerrain, camera: SceneCamera, lines_per_pixel: float = 2.0) -> SceneSight:
    """Trace the lines of sight over the camera's field of view."""
    azimuth, _ = camera.directions()
    first, last = float(azimuth.min()), float(azimuth.max())
    count = max(2, round((last - first) * camera.f * lines_per_pixel))
    step = (last - first) / (count - 1)
    ranges = _ranges(terrain)
    bearing = np.radians(camera.yaw) + first + step * np.arange(count)
    x = (camera.x + np.sin(bearing)[:, None] * ranges).astype(np.float32)
    y = (camera.y + np.cos(bearing)[:, None] * ranges).astype(np.float32)
    height = terrain.sample(terrain.dem, x, y)
    rows, cols = terrain.dem.shape
    inside = (x >= 0) & (x <= cols * CELL) & (y <= 0) & (y >= -rows * CELL)
    drop = camera.z + curvature_drop(ranges)
    tangents = np.where(inside, (height - drop.astype(np.float32)) / ranges, np.float32(-100))
    highest = np.maximum.accumulate(tangents, axis=1)
    return SceneSight(camera, first, step, ranges, tangents, highest)


def _ranges(terrain: SceneTerrain) -> Plane:
    """Half a cell apart, wider in the distance, up to the model's diagonal."""
    diagonal = CELL * float(np.hypot(*terrain.dem.shape))
    near = np.arange(NEAREST, 1700, CELL / 2)
    far = 1700 * 1.0015 ** np.arange(np.ceil(np.log(diagonal / 1700) / np.log(1.0015)))
    return np.concatenate([near, far]).astype(np.float32)
