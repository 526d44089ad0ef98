"""Lenses: directions in camera axes to coordinates on the image plane at focal length 1, and back.

On the plane, x is right, y is down, and the principal point is the origin. Pinhole and fisheye
lenses are distorted there by Brown's model as in OpenCV: with ``s = x^2 + y^2``

``x (1 + k1 s + k2 s^2 + k3 s^3) + 2 p1 x y + p2 (s + 2 x^2)`` and
``y (1 + k1 s + k2 s^2 + k3 s^3) + p1 (s + 2 y^2) + 2 p2 x y``.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_NODES = 4097  # of the table that inverts distortion
_ROUNDS = 12  # of the iteration that inverts tangential distortion
_TINY = 1e-12


class Projection(str, enum.Enum):
    """How directions map to the image plane.

    Pinhole: tangents. Cylindrical panorama: azimuth across, tangent of the elevation down.
    Equirectangular panorama: azimuth across, elevation down. Fisheye: the angle from the axis as
    the radius (equidistant). Azimuth and elevation are relative to the camera's axes.
    """

    PINHOLE = "pinhole"
    CYLINDRICAL = "cylindrical"
    EQUIRECTANGULAR = "equirectangular"
    FISHEYE = "fisheye"

    @property
    def is_panorama(self) -> bool:
        """Whether it is stitched: without distortion, up to a full turn wide."""
        return self in (Projection.CYLINDRICAL, Projection.EQUIRECTANGULAR)

    @property
    def largest_radius(self) -> float:
        """Radius on the plane up to which distortion is inverted: 72 degrees, or half a turn."""
        return math.pi if self is Projection.FISHEYE else 3.0


def to_plane(projection: Projection, rays: Floats) -> Floats:
    """Return the plane's x and y (N, 2) of rays (N, 3) of any length; NaN behind a pinhole."""
    right, down, forward = rays.T
    with np.errstate(divide="ignore", invalid="ignore"):
        if projection is Projection.PINHOLE:
            depth = np.where(forward > 0, forward, np.nan)
            return np.stack([right / depth, down / depth], axis=1)
        if projection is Projection.FISHEYE:
            across = np.hypot(right, down)
            ratio = np.arctan2(across, forward) / np.maximum(across, _TINY)
            return np.stack([right * ratio, down * ratio], axis=1)
        level = np.hypot(right, forward)
        tangent = down / level
        below = tangent if projection is Projection.CYLINDRICAL else np.arctan(tangent)
        return np.stack([np.arctan2(right, forward), below], axis=1)


def to_rays(
    projection: Projection, x: NDArray[np.floating], y: NDArray[np.floating]
) -> list[Floats]:
    """Return right, down, forward of rays through the plane's x and y, of one shape or broadcast.

    Of any length; NaN where no direction maps to.
    """
    if projection is Projection.PINHOLE:
        return [x, y, np.ones_like(x * y)]
    if projection is Projection.CYLINDRICAL:
        return [np.sin(x), y, np.cos(x)]
    if projection is Projection.EQUIRECTANGULAR:
        below = np.where(np.abs(y) <= math.pi / 2 + 1e-6, y, np.nan)
        return [np.sin(x) * np.cos(below), np.sin(below), np.cos(x) * np.cos(below)]
    angle = np.hypot(x, y)
    angle = np.where(angle <= math.pi, angle, np.nan)
    ratio = np.sinc(angle / math.pi)  # sine by angle
    return [x * ratio, y * ratio, np.cos(angle)]


def plane_jacobian(projection: Projection, rays: Floats) -> Floats:
    """Return the derivatives (N, 2, 3) of `to_plane` by the rays (N, 3)."""
    right, down, forward = rays.T
    zero = np.zeros_like(right)
    if projection is Projection.PINHOLE:
        rows = [
            [1 / forward, zero, -right / forward**2],
            [zero, 1 / forward, -down / forward**2],
        ]
    elif projection is Projection.FISHEYE:
        across = np.maximum(np.hypot(right, down), _TINY)
        square = across**2 + forward**2
        ratio = np.arctan2(across, forward) / across
        bend = (forward / square - ratio) / across**2  # of the ratio, by right and down
        ahead = -1 / square
        rows = [
            [ratio + right**2 * bend, right * down * bend, right * ahead],
            [right * down * bend, ratio + down**2 * bend, down * ahead],
        ]
    else:
        square = right**2 + forward**2
        level = np.sqrt(square)
        turn = [forward / square, zero, -right / square]
        fall = [-down * right / level**3, 1 / level, -down * forward / level**3]
        if projection is Projection.EQUIRECTANGULAR:
            fall = [part / (1 + (down / level) ** 2) for part in fall]
        rows = [turn, fall]
    return np.asarray(np.array(rows).transpose(2, 0, 1))


@dataclass(frozen=True)
class Distortion:
    """Distortion on the image plane, see the module's docstring; up to a largest radius."""

    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    largest_radius: float = 3.0

    @property
    def is_none(self) -> bool:
        """Whether the lens is ideal."""
        return not (self.is_radial or self.is_tangential)

    @property
    def is_radial(self) -> bool:
        """Whether any of k1, k2 and k3 is not 0."""
        return bool(self.k1 or self.k2 or self.k3)

    @property
    def is_tangential(self) -> bool:
        """Whether p1 or p2 is not 0."""
        return bool(self.p1 or self.p2)

    def apply(self, plane: Floats) -> Floats:
        """Distort x and y (N, 2); NaN beyond the radius from which they would fold back."""
        if self.is_none:
            return plane
        square = np.sum(plane**2, axis=1)
        with np.errstate(invalid="ignore"):
            factor = np.where(square < self.max_radius() ** 2, self._factor(square), np.nan)
        return plane * factor[:, None] + self._tangential(plane)

    def undo(self, plane: Floats) -> Floats:
        """Return what `apply` distorts to x and y (N, 2); NaN where nothing is."""
        if self.is_none:
            return plane
        ideal = plane
        for _ in range(_ROUNDS if self.is_tangential else 1):
            straight = plane - self._tangential(ideal) if self.is_tangential else plane
            ratio = self.undistortion_ratio(np.hypot(straight[:, 0], straight[:, 1]))
            ideal = straight * ratio[:, None]
        return ideal

    def jacobian(self, plane: Floats) -> Floats:
        """Return the derivatives (N, 2, 2) of `apply` by x and y (N, 2)."""
        x, y = plane.T
        square = x**2 + y**2
        factor = self._factor(square)
        slope = 2 * (self.k1 + square * (2 * self.k2 + 3 * self.k3 * square))
        mixed = slope * x * y + 2 * (self.p1 * x + self.p2 * y)
        rows = [
            [factor + slope * x**2 + 2 * self.p1 * y + 6 * self.p2 * x, mixed],
            [mixed, factor + slope * y**2 + 6 * self.p1 * y + 2 * self.p2 * x],
        ]
        return np.asarray(np.array(rows).transpose(2, 0, 1))

    def undistortion_ratio(self, radius: NDArray[np.floating]) -> Floats:
        """Return undistorted by distorted radius, for distorted radii of any shape.

        Of radial distortion alone. NaN where no direction projects to that radius.
        """
        if not self.is_radial:
            return np.ones_like(radius, dtype=np.float64)
        table = np.linspace(0, self.max_radius(), _NODES)
        radius = np.asarray(radius, np.float64)
        ideal = np.interp(radius, table * self._factor(table**2), table, right=np.nan)
        for _ in range(2):  # Newton, from a table accurate to 1e-6
            square = ideal**2
            slope = 1 + square * (3 * self.k1 + square * (5 * self.k2 + 7 * self.k3 * square))
            with np.errstate(divide="ignore", invalid="ignore"):
                step = (ideal * self._factor(square) - radius) / slope
            ideal = ideal - np.where(np.abs(step) < 1e-3, step, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(radius < 1e-9, 1.0, ideal / radius)

    def max_radius(self) -> float:
        """Return the radius up to which the distorted radius grows."""
        # Derivative 1 + 3 k1 s + 5 k2 s^2 + 7 k3 s^3 = 0 in s = r^2
        roots = np.roots([7 * self.k3, 5 * self.k2, 3 * self.k1, 1.0]) if self.is_radial else ()
        real = [root.real for root in roots if abs(root.imag) < 1e-12 and root.real > 0]
        return min([self.largest_radius, *(0.999 * math.sqrt(root) for root in real)])

    def _factor(self, square: Floats) -> Floats:
        return 1 + square * (self.k1 + square * (self.k2 + square * self.k3))

    def _tangential(self, plane: Floats) -> Floats:
        towards = np.array([self.p2, self.p1])
        square = np.sum(plane**2, axis=1, keepdims=True)
        return np.asarray(towards * square + 2 * plane * (plane @ towards)[:, None])
