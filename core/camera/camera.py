"""Camera: pose and lens, projection from map to photo and back.

Conventions, defined here only:

- Pixels: (u, v), u to the right, v down, whole numbers at pixel centres, (0, 0) the upper left
  pixel; the photo covers -0.5 to width - 0.5. The principal point lies at
  ((width - 1) / 2, (height - 1) / 2) unless given.
- World: x east, y north in metres of a projected CRS, z up in metres of the DEM's vertical datum.
- Camera axes: right, down, forward (those of OpenCV).
- yaw: azimuth of the forward axis in the map grid (not true north), clockwise from grid north;
  pitch: positive upwards; roll: positive where the camera is turned clockwise seen from behind.
- Distortion (pinhole and fisheye): Brown's model with k1, k2, k3, p1 and p2 as in OpenCV; of a
  fisheye, on its equidistant plane. See `core.camera.lens`.
- Cylindrical panorama: ``u = cx + f azimuth``, ``v = cy - f tan(elevation)``; equirectangular:
  ``v = cy - f elevation``, in radians, relative to the camera's axes.
- Fisheye (equidistant): the radius is f times the angle from the forward axis, in radians.
- A point at horizontal distance d appears lower by ``(1 - k) d^2 / (2 R)``; see `refraction`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CameraError
from .lens import Distortion, Projection, to_plane, to_rays
from .refraction import REFRACTION, curvature_drop

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


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
    k1, k2, k3
        Radial distortion; 0 for panoramas.
    p1, p2
        Tangential distortion; 0 for panoramas.
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
    k3: float = 0.0
    p1: float = 0.0
    p2: float = 0.0

    def __post_init__(self) -> None:
        if math.isnan(self.cx):
            object.__setattr__(self, "cx", (self.width - 1) / 2)
        if math.isnan(self.cy):
            object.__setattr__(self, "cy", (self.height - 1) / 2)
        names = ["x", "y", "z", "yaw", "pitch", "roll", "f", "cx", "cy", "k1", "k2", "refraction"]
        names += ["k3", "p1", "p2"]
        if not all(math.isfinite(getattr(self, name)) for name in names):
            raise CameraError("A camera's position, angles and lens need finite numbers.")
        if self.width < 1 or self.height < 1 or self.f <= 0:
            raise CameraError(
                f"A camera of {self.width} x {self.height} pixels with a focal length of "
                f"{self.f:g} pixels cannot be: all three must be positive."
            )
        if self.projection.is_panorama and not self.distortion.is_none:
            raise CameraError("Panoramas have no distortion: k1, k2, k3, p1 and p2 are 0.")

    @cached_property
    def distortion(self) -> Distortion:
        """Distortion of the lens."""
        reach = self.projection.largest_radius
        return Distortion(self.k1, self.k2, self.k3, self.p1, self.p2, reach)

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
        plane = self.distortion.apply(to_plane(self.projection, rays))
        return np.array([self.cx, self.cy]) + self.f * plane

    # --- photo to map --------------------------------------------------------------------

    def pixel_rays(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Return the rays of pixels (N, 2): (N, 3) unit vectors east, north, up at the camera."""
        rays = self.camera_rays(np.asarray(pixels, np.float64).reshape(-1, 2))
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

    def camera_rays(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rays of pixels (N, 2) as unit vectors (N, 3) in camera axes."""
        plane = self.distortion.undo((pixels - (self.cx, self.cy)) / self.f)
        rays = np.stack(to_rays(self.projection, *plane.T), axis=1)
        return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))

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
    east, north = math.sin(yaw), math.cos(yaw)
    level, up = math.cos(pitch), math.sin(pitch)
    cosine, sine = math.cos(roll), math.sin(roll)
    # Without roll, right is (north, -east, 0) and down is (up east, up north, -level).
    return np.array(
        [
            [cosine * north + sine * up * east, -cosine * east + sine * up * north, -sine * level],
            [cosine * up * east - sine * north, cosine * up * north + sine * east, -cosine * level],
            [level * east, level * north, up],
        ]
    )


def angles_from_rotation(rotation: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return yaw (0 to 360), pitch and roll in degrees: the inverse of `rotation_from_angles`."""
    right, _, forward = rotation
    yaw = math.atan2(forward[0], forward[1])
    pitch = math.asin(min(1.0, max(-1.0, float(forward[2]))))
    level = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    upward = np.array(
        [
            level[1] * forward[2],
            -level[0] * forward[2],
            level[0] * forward[1] - level[1] * forward[0],
        ]
    )
    roll = math.atan2(-float(right @ upward), float(right @ level))
    return math.degrees(yaw) % 360, math.degrees(pitch), math.degrees(roll)
