"""Camera: pose and lens, projection from map to photo and back.

Conventions, defined here only:

- Pixels: (u, v), u to the right, v down, whole numbers at pixel centres, (0, 0) the upper left
  pixel; the photo covers -0.5 to width - 0.5. The principal point lies at
  ((width - 1) / 2, (height - 1) / 2) unless given.
- World: x east, y north in metres of a projected CRS, z up in metres of the DEM's vertical datum.
- Camera axes: right, down, forward (those of OpenCV).
- yaw: azimuth of the forward axis in the map grid (not true north), clockwise from grid north;
  pitch: positive upwards; roll: positive where the camera is turned clockwise seen from behind.
- Distortion (pinhole only): normalised radius r becomes ``r (1 + k1 r^2 + k2 r^4)``, the first
  two terms of Brown's model as in OpenCV.
- Cylindrical panorama: ``u = cx + f azimuth``, ``v = cy - f tan(elevation)``, both relative to
  the camera's axes.
- A point at horizontal distance d appears lower by ``(1 - k) d^2 / (2 R)``; see `refraction`.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CameraError
from .refraction import REFRACTION, curvature_drop

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_NODES = 4097  # of the table that inverts distortion
_LARGEST_RADIUS = 3.0  # normalised (72 degrees off the axis): distortion is inverted up to here


class Projection(str, enum.Enum):
    """Camera model: how directions map to pixels."""

    PINHOLE = "pinhole"
    CYLINDRICAL = "cylindrical"


@dataclass(frozen=True)
class Camera:
    """Pose and lens of a camera; conventions are in the module's docstring.

    Attributes
    ----------
    width, height
        Size of the photo, pixels.
    x, y, z
        Position, metres.
    yaw, pitch, roll
        Orientation, degrees.
    f
        Focal length, pixels; of a cylindrical panorama the radius of the cylinder.
    cx, cy
        Principal point, pixels; NaN takes the photo's centre.
    k1, k2
        Radial distortion; 0 for cylindrical panoramas.
    refraction
        Coefficient k, see `core.camera.refraction`.

    Examples
    --------
    >>> from core.camera import Camera
    >>> camera = Camera(1600, 1000, x=0, y=0, z=1500, yaw=0, pitch=0, roll=0, f=2000)
    >>> camera.project([(0, 1000, 1500), (100, 1000, 1500)]).round(1).tolist()
    [[799.5, 499.6], [999.5, 499.6]]
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
    cx: float = math.nan
    cy: float = math.nan
    k1: float = 0.0
    k2: float = 0.0
    projection: Projection = Projection.PINHOLE
    refraction: float = REFRACTION

    def __post_init__(self) -> None:
        if math.isnan(self.cx):
            object.__setattr__(self, "cx", (self.width - 1) / 2)
        if math.isnan(self.cy):
            object.__setattr__(self, "cy", (self.height - 1) / 2)
        names = ["x", "y", "z", "yaw", "pitch", "roll", "f", "cx", "cy", "k1", "k2", "refraction"]
        if not all(math.isfinite(getattr(self, name)) for name in names):
            raise CameraError("A camera's position, angles and lens need finite numbers.")
        if self.width < 1 or self.height < 1 or self.f <= 0:
            raise CameraError(
                f"A camera of {self.width} x {self.height} pixels with a focal length of "
                f"{self.f:g} pixels cannot be: all three must be positive."
            )
        if self.projection is Projection.CYLINDRICAL and (self.k1 or self.k2):
            raise CameraError("Cylindrical panoramas have no radial distortion: k1 = k2 = 0.")

    @property
    def position(self) -> NDArray[np.float64]:
        """(3,) x, y, z, metres."""
        return np.array([self.x, self.y, self.z])

    def rotation_matrix(self) -> NDArray[np.float64]:
        """Return the rotation from world to camera, (3, 3): rows right, down, forward."""
        return rotation_from_angles(self.yaw, self.pitch, self.roll)

    # --- map to photo --------------------------------------------------------------------

    def project(self, points: ArrayLike) -> NDArray[np.float64]:
        """Project points of the map into the photo.

        Parameters
        ----------
        points
            (N, 3) x, y, z.

        Returns
        -------
        ndarray
            (N, 2) pixels (u, v), also outside of the photo; NaN behind the camera and beyond the
            radius from which the distortion would fold points back into the photo.
        """
        offset = np.asarray(points, np.float64).reshape(-1, 3) - self.position
        offset[:, 2] -= curvature_drop(np.hypot(offset[:, 0], offset[:, 1]), self.refraction)
        return self.project_rays(offset @ self.rotation_matrix().T)

    def project_rays(self, rays: NDArray[np.float64]) -> NDArray[np.float64]:
        """Project rays (N, 3) in camera axes, of any length, to pixels (N, 2); see `project`."""
        right, down, forward = rays.T
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.projection is Projection.CYLINDRICAL:
                u, v = np.arctan2(right, forward), down / np.hypot(right, forward)
            else:
                depth = np.where(forward > 0, forward, np.nan)
                u, v = right / depth, down / depth
                square = u**2 + v**2
                factor = 1 + square * (self.k1 + square * self.k2)
                if self.k1 or self.k2:
                    factor = np.where(square < self._max_radius() ** 2, factor, np.nan)
                u, v = u * factor, v * factor
        return np.stack([self.cx + self.f * u, self.cy + self.f * v], axis=1)

    # --- photo to map --------------------------------------------------------------------

    def pixel_rays(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Return the rays of pixels (N, 2): (N, 3) unit vectors east, north, up at the camera."""
        rays = self._camera_rays(np.asarray(pixels, np.float64).reshape(-1, 2))
        return rays @ self.rotation_matrix()

    def line_of_sight_angles(
        self, pixels: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return azimuth and elevation of the rays of pixels (N, 2).

        These are (N,): the grid azimuth, radians from -pi to pi, and the tangent of the elevation
        angle.
        """
        east, north, up = self.pixel_rays(pixels).T
        with np.errstate(divide="ignore"):
            return np.arctan2(east, north), up / np.hypot(east, north)

    def _camera_rays(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rays of pixels (N, 2) as unit vectors (N, 3) in camera axes."""
        u, v = (pixels[:, 0] - self.cx) / self.f, (pixels[:, 1] - self.cy) / self.f
        if self.projection is Projection.CYLINDRICAL:
            rays = np.stack([np.sin(u), v, np.cos(u)], axis=1)
        else:
            ratio = self.undistortion_ratio(np.hypot(u, v))
            rays = np.stack([u * ratio, v * ratio, np.ones_like(u)], axis=1)
        return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))

    def undistortion_ratio(self, radius: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return undistorted by distorted radius, for distorted normalised radii of any shape.

        NaN where no direction projects to that radius.
        """
        if not (self.k1 or self.k2):
            return np.ones_like(radius, dtype=np.float64)
        table = np.linspace(0, self._max_radius(), _NODES)
        radius = np.asarray(radius, np.float64)
        ideal = np.interp(radius, table * self._distortion_factor(table), table, right=np.nan)
        for _ in range(2):  # Newton, from a table accurate to 1e-6
            square = ideal**2
            slope = 1 + square * (3 * self.k1 + 5 * self.k2 * square)
            with np.errstate(divide="ignore", invalid="ignore"):
                step = (ideal * self._distortion_factor(ideal) - radius) / slope
            ideal = ideal - np.where(np.abs(step) < 1e-3, step, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(radius < 1e-9, 1.0, ideal / radius)

    def _distortion_factor(self, radius: NDArray[np.float64]) -> NDArray[np.float64]:
        square = radius**2
        return 1 + square * (self.k1 + square * self.k2)

    def _max_radius(self) -> float:
        """Return the normalised radius up to which the distorted radius grows."""
        # Derivative 1 + 3 k1 s + 5 k2 s^2 = 0 in s = r^2
        roots = np.roots([5 * self.k2, 3 * self.k1, 1.0]) if self.k1 or self.k2 else np.zeros(0)
        real = [root.real for root in roots if abs(root.imag) < 1e-12 and root.real > 0]
        return min([_LARGEST_RADIUS, *(0.999 * math.sqrt(root) for root in real)])

    # --- other photos of the same camera ---------------------------------------------------

    def resized(self, width: int, height: int) -> Camera:
        """Return the camera of the same view in another size.

        Raises
        ------
        CameraError
            If the aspect ratio differs: then the photo was cropped, see `cropped`.
        """
        scale = width / self.width
        if abs(height - self.height * scale) > max(1.0, 0.002 * height):
            raise CameraError(
                f"The photo has {width} x {height} pixels, the camera {self.width} x "
                f"{self.height}: another shape, not another size of the same view. If it is a "
                "part of the view, `camera register --crop` makes its camera; else pose one for it."
            )
        scale_v = height / self.height
        return replace(
            self,
            width=width,
            height=height,
            f=self.f * scale,
            cx=(self.cx + 0.5) * scale - 0.5,
            cy=(self.cy + 0.5) * scale_v - 0.5,
        )

    def cropped(self, left: int, top: int, width: int, height: int) -> Camera:
        """Return the camera of a part of the photo, whose upper left pixel is (left, top)."""
        return replace(self, width=width, height=height, cx=self.cx - left, cy=self.cy - top)

    def rotated(self, rotation: NDArray[np.float64]) -> Camera:
        """Return the camera with its axes rotated: ``rotation (3, 3) @ rotation_matrix()``."""
        yaw, pitch, roll = angles_from_rotation(rotation @ self.rotation_matrix())
        return replace(self, yaw=yaw, pitch=pitch, roll=roll)


def rotation_from_angles(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """Return the rotation (3, 3) from world to camera of angles in degrees."""
    yaw, pitch, roll = (math.radians(angle) for angle in (yaw, pitch, roll))
    level = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    forward = np.array(
        [math.cos(pitch) * math.sin(yaw), math.cos(pitch) * math.cos(yaw), math.sin(pitch)]
    )
    upward = np.cross(level, forward)
    right = math.cos(roll) * level - math.sin(roll) * upward
    return np.stack([right, np.cross(forward, right), forward])


def angles_from_rotation(rotation: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return yaw (0 to 360), pitch and roll in degrees: the inverse of `rotation_from_angles`."""
    right, _, forward = rotation
    yaw = math.atan2(forward[0], forward[1])
    pitch = math.asin(min(1.0, max(-1.0, float(forward[2]))))
    level = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    upward = np.cross(level, forward)
    roll = math.atan2(-float(right @ upward), float(right @ level))
    return math.degrees(yaw) % 360, math.degrees(pitch), math.degrees(roll)
