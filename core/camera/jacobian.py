"""Parameters of the adjustment: a step applied to a camera, and derivatives by the parameters.

Parameters, in this order and in units of `SCALES`: position x, y, z; rotation vector about the
camera's axes; ln f; k1; principal point, in widths of the photo; k2. A fit has some of them, which
are named by their places in that order. Those of a lens serve photos of any size.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .camera import angles_from_rotation
from .lens import plane_jacobian, to_plane
from .refraction import EARTH_RADIUS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .camera import Camera

    Floats = NDArray[np.float64]

    Places = NDArray[np.intp]

# Position 10 m, rotation 0.01 rad, ln f 2 %, k1 0.05, principal point 1 % of the width, k2 0.05.
SCALES = np.array([10, 10, 10, 0.01, 0.01, 0.01, 0.02, 0.05, 0.01, 0.01, 0.05])
POSITION, POSE, FOCAL, K1, PRINCIPAL_POINT, K2 = range(3), range(6), 6, 7, (8, 9), 10
"""Places of parameters."""


def apply_step(camera: Camera, step: Floats, chosen: Places) -> Camera:
    """Return the camera after a step (P,) of the chosen parameters (P,)."""
    change = np.zeros(len(SCALES))
    change[chosen] = step * SCALES[chosen]
    x, y, z = (camera.position + change[:3]).tolist()
    k1, cx, cy, k2 = change[K1:].tolist()
    yaw, pitch, roll = angles_from_rotation(_rotation(change[3:6]) @ camera.rotation_matrix())
    return replace(
        camera,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        x=x,
        y=y,
        z=z,
        f=camera.f * math.exp(change[FOCAL]),
        k1=camera.k1 + k1,
        cx=camera.cx + cx * camera.width,
        cy=camera.cy + cy * camera.width,
        k2=camera.k2 + k2,
    )


def parameter_values(camera: Camera) -> Floats:
    """Return the parameters (11,) of a camera in units of `SCALES`; 0 for its rotation."""
    width, height = camera.width, camera.height
    across, down = camera.cx - (width - 1) / 2, camera.cy - (height - 1) / 2
    lens = [math.log(camera.f / width), camera.k1, across / width, down / width, camera.k2]
    return np.asarray(np.array([*camera.position, 0, 0, 0, *lens]) / SCALES)


def projection_jacobian(camera: Camera, points: Floats, chosen: Places) -> Floats:
    """Return derivatives (N, 2, P) of the pixels of points (N, 3) by the chosen parameters (P,)."""
    offset = points - camera.position
    curvature = (1 - camera.refraction) / EARTH_RADIUS
    drop = curvature / 2 * np.sum(offset[:, :2] ** 2, axis=1)
    rotation = camera.rotation_matrix()
    rays = (offset - np.array([0, 0, 1]) * drop[:, None]) @ rotation.T
    by_ray, by_lens = _lens_jacobian(camera, rays)
    by_offset = by_ray @ rotation
    jacobian = np.empty((len(points), 2, len(SCALES)))
    jacobian[:, :, :3] = -by_offset
    jacobian[:, :, :2] += by_offset[:, :, 2:] * (curvature * offset[:, None, :2])
    (x, y, z), (right, down, ahead) = rays.T[:, :, None], np.moveaxis(by_ray, 2, 0)
    jacobian[:, :, 3] = y * ahead - z * down
    jacobian[:, :, 4] = z * right - x * ahead
    jacobian[:, :, 5] = x * down - y * right
    jacobian[:, :, (FOCAL, K1, K2)] = by_lens
    jacobian[:, :, PRINCIPAL_POINT] = camera.width * np.eye(2)
    return np.asarray(jacobian[:, :, chosen] * SCALES[chosen])


def _lens_jacobian(camera: Camera, rays: Floats) -> tuple[Floats, Floats]:
    """Return the derivatives of pixels by rays in camera axes, and by ln f, k1, k2: (N, 2, 3)."""
    plane = to_plane(camera.projection, rays)
    distortion = camera.distortion
    by_ray = distortion.jacobian(plane) @ plane_jacobian(camera.projection, rays)
    square = np.sum(plane**2, axis=1)[:, None]
    by_lens = np.stack([distortion.apply(plane), plane * square, plane * square**2], axis=2)
    return camera.f * by_ray, camera.f * by_lens


def record_jacobian(camera: Camera, chosen: Places) -> Floats:
    """Return the derivatives (8 or 10, P) of `record.PARAMETERS` by the chosen parameters (P,).

    Ten with a principal point among them. k2 is no parameter of a record.
    """
    jacobian = np.diag(SCALES)[:K2]
    jacobian[FOCAL, FOCAL] *= camera.f
    jacobian[PRINCIPAL_POINT, PRINCIPAL_POINT] *= camera.width
    for axis in range(3):
        ahead, behind = (
            camera.rotated(_rotation(step * np.eye(3)[axis])) for step in (1e-6, -1e-6)
        )
        angles = [
            (getattr(ahead, angle) - getattr(behind, angle) + 180) % 360 - 180
            for angle in ("yaw", "pitch", "roll")
        ]
        jacobian[3:6, 3 + axis] = np.array(angles) / 2e-6 * SCALES[3]
    rows = K2 if PRINCIPAL_POINT[0] in chosen else PRINCIPAL_POINT[0]
    return np.asarray(jacobian[:rows, chosen])


def rotation_jacobian(step: Floats) -> Floats:
    """Return the left Jacobian of SO(3), (3, 3): further rotation by change of a rotation step."""
    vector = step * SCALES[3:6]
    angle = float(np.linalg.norm(vector))
    cross = _cross_matrix(vector)
    cubic = (1 - np.sinc(angle / np.pi)) / angle**2 if angle > 1e-4 else 1 / 6
    return np.asarray(
        np.eye(3) + 0.5 * np.sinc(angle / (2 * np.pi)) ** 2 * cross + cubic * cross @ cross
    )


def _rotation(vector: Floats) -> Floats:
    """Return the rotation (3, 3) about a vector, by its length in radians."""
    angle = float(np.linalg.norm(vector))
    cross = _cross_matrix(vector)
    square = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.asarray(np.eye(3) + np.sinc(angle / np.pi) * cross + square * cross @ cross)


def _cross_matrix(vector: Floats) -> Floats:
    x, y, z = vector
    return np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
