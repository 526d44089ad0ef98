"""A webcam: pinhole with one radial coefficient, curved Earth and refraction included.

Pixel centres are whole numbers from 0, u to the right, v down. Yaw is the azimuth in the map grid,
clockwise from north; pitch is positive upwards; roll turns the camera clockwise as seen from
behind. A world point at horizontal distance d appears lower by ``(1 - REFRACTION) d^2 / (2 R)``.
Normalised coordinates r are distorted to ``r (1 + k1 r^2)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS = 6_371_000.0
REFRACTION = 0.13


def curvature_drop(distance: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return how much lower a point at a horizontal distance (m) appears, in m."""
    return np.asarray((1 - REFRACTION) / (2 * EARTH_RADIUS) * distance**2)


@dataclass(frozen=True)
class SceneCamera:
    """Pose and lens.

    Attributes
    ----------
    width, height
        Of the image, pixels.
    x, y, z
        Local coordinates (see `Terrain`), m.
    yaw, pitch, roll
        Degrees.
    f
        Focal length, pixels. The principal point is the image's centre.
    k1
        Radial distortion.
    """

    width: int
    height: int
    x: float
    y: float
    z: float
    yaw: float
    pitch: float
    roll: float
    f: float
    k1: float = 0.0

    @property
    def centre(self) -> tuple[float, float]:
        """Principal point (u, v), pixels."""
        return (self.width - 1) / 2, (self.height - 1) / 2

    def axes(self) -> NDArray[np.float64]:
        """(3, 3) rows: right, down, forward in east, north, up."""
        yaw, pitch, roll = np.radians([self.yaw, self.pitch, self.roll])
        level = np.array([np.cos(yaw), -np.sin(yaw), 0])
        forward = np.array(
            [np.cos(pitch) * np.sin(yaw), np.cos(pitch) * np.cos(yaw), np.sin(pitch)]
        )
        upward = np.cross(level, forward)
        right = np.cos(roll) * level - np.sin(roll) * upward
        return np.stack([right, np.cross(forward, right), forward])

    def project(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Project (N, 3) local coordinates, m, to (N, 2) pixels (u, v); NaN behind the camera."""
        offset = np.asarray(points, np.float64) - (self.x, self.y, self.z)
        offset[:, 2] -= curvature_drop(np.hypot(offset[:, 0], offset[:, 1]))
        right, down, forward = offset @ self.axes().T[:, 0], *(offset @ self.axes().T[:, 1:]).T
        depth = np.where(forward > 0, forward, np.nan)
        across, along = right / depth, down / depth
        stretch = self.f * (1 + self.k1 * (across**2 + along**2))
        return np.stack([across * stretch, along * stretch], axis=1) + self.centre

    def directions(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute every pixel's azimuth relative to the yaw, radians, and tangent of elevation."""
        u = ((np.arange(self.width) - self.centre[0]) / self.f).astype(np.float32)
        v = ((np.arange(self.height) - self.centre[1]) / self.f).astype(np.float32)
        shrink = self._undistort(np.hypot(u, v[:, None]))
        yaw = np.radians(self.yaw)
        turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
        # Columns: to the right of the yaw, along it, up.
        axes = (self.axes() @ turn.T).astype(np.float32)
        across, along, up = (
            (u * axes[0, i] + v[:, None] * axes[1, i]) * shrink + axes[2, i] for i in range(3)
        )
        return np.arctan2(across, along), up / np.hypot(across, along)

    def _undistort(self, radius: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the ratio of undistorted to distorted radius."""
        straight = np.linspace(0, 1.3 * float(radius.max()), 2000)
        bent = straight * (1 + self.k1 * straight**2)
        ratio = np.interp(radius, bent, straight) / np.maximum(radius, 1e-9)
        ratio[radius < 1e-6] = 1.0
        return ratio.astype(np.float32)
