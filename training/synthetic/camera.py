"""A webcam: pinhole, panorama or fisheye; curved Earth and refraction included.

Pixel centres are whole numbers from 0, u to the right, v down. Yaw is the azimuth in the map grid,
clockwise from north; pitch is positive upwards; roll turns the camera clockwise as seen from
behind. A world point at horizontal distance d appears lower by ``(1 - REFRACTION) d^2 / (2 R)``.
Normalised coordinates r of a pinhole are distorted to ``r (1 + k1 r^2)``. With azimuth and
elevation relative to the camera's axes: a cylindrical panorama has ``u = cx + f azimuth`` and
``v = cy - f tan(elevation)``, an equirectangular one ``v = cy - f elevation``; of a fisheye, the
distance from the centre is f times the angle from the axis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS = 6_371_000.0
REFRACTION = 0.13
PINHOLE, CYLINDRICAL, EQUIRECTANGULAR, FISHEYE = PROJECTIONS = (
    "pinhole",
    "cylindrical",
    "equirectangular",
    "fisheye",
)

_STEEPEST = 20.0
"""Tangent of the elevation angle, that stands for all beyond."""


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
        Radial distortion, of a pinhole.
    projection
        One of `PROJECTIONS`.
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
    projection: str = PINHOLE

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
        if self.projection != PINHOLE:
            return self.f * self._bend(right, down, forward) + self.centre
        depth = np.where(forward > 0, forward, np.nan)
        across, along = right / depth, down / depth
        stretch = self.f * (1 + self.k1 * (across**2 + along**2))
        return np.stack([across * stretch, along * stretch], axis=1) + self.centre

    def directions(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute every pixel's azimuth relative to the yaw, radians, and tangent of elevation."""
        u = ((np.arange(self.width) - self.centre[0]) / self.f).astype(np.float32)
        v = ((np.arange(self.height) - self.centre[1]) / self.f).astype(np.float32)
        yaw = np.radians(self.yaw)
        turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
        # Columns: to the right of the yaw, along it, up.
        axes = (self.axes() @ turn.T).astype(np.float32)
        right, down, forward = self._unbend(u, v[:, None])
        across, along, up = (
            right * axes[0, i] + down * axes[1, i] + forward * axes[2, i] for i in range(3)
        )
        level = np.maximum(np.hypot(across, along), np.float32(1e-9))
        return np.arctan2(across, along), np.clip(up / level, -_STEEPEST, _STEEPEST)

    def _bend(
        self,
        right: NDArray[np.float64],
        down: NDArray[np.float64],
        forward: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Compute where rays (N,) meet a panorama or a fisheye of focal length 1: (N, 2)."""
        if self.projection == FISHEYE:
            across = np.maximum(np.hypot(right, down), 1e-12)
            angle = np.arctan2(across, forward)
            return np.stack([right / across * angle, down / across * angle], axis=1)
        fall = down / np.hypot(right, forward)
        fall = fall if self.projection == CYLINDRICAL else np.arctan(fall)
        return np.stack([np.arctan2(right, forward), fall], axis=1)

    def _unbend(
        self, u: NDArray[np.float32], v: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Compute right, down and forward of rays through the plane at u (W,) and v (H, 1)."""
        if self.projection == PINHOLE:
            shrink = self._undistort(np.hypot(u, v))
            return u * shrink, v * shrink, np.ones_like(shrink)
        if self.projection == FISHEYE:
            angle = np.maximum(np.hypot(u, v), np.float32(1e-9))
            ratio = np.asarray(np.sin(angle) / angle, np.float32)
            return u * ratio, v * ratio, np.cos(angle)
        low = np.arctan(v) if self.projection == CYLINDRICAL else v
        return np.sin(u) * np.cos(low), np.sin(low) + 0 * u, np.cos(u) * np.cos(low)

    def _undistort(self, radius: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the ratio of undistorted to distorted radius."""
        straight = np.linspace(0, 1.3 * float(radius.max()), 2000)
        bent = straight * (1 + self.k1 * straight**2)
        ratio = np.interp(radius, bent, straight) / np.maximum(radius, 1e-9)
        ratio[radius < 1e-6] = 1.0
        return ratio.astype(np.float32)
