"""Least squares: the pose and lens that fit control points and what is known beforehand."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import least_squares

from .camera import Camera, Projection
from .refraction import EARTH_RADIUS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .skyline_constraint import SkylineConstraint

    Floats = NDArray[np.float64]

K1_SIGMA = 0.15
"""Standard deviation of k1, and of k2 where it is fitted, about 0."""

# Units of the parameters: position 10 m, rotation 0.01 rad, ln f 2 %, k1 and k2 0.05.
SCALES = np.array([10, 10, 10, 0.01, 0.01, 0.01, 0.02, 0.05, 0.05])


@dataclass(frozen=True, eq=False)
class AdjustmentProblem:
    """What a pose is to fit.

    Attributes
    ----------
    places
        (N, 3) x, y, z of control points.
    pixels
        (N, 2) where they are seen.
    sigmas
        (N,) standard deviations of u and of v, pixels.
    position, position_sigmas
        (3,) where the camera stands; infinite sigmas where nothing is known.
    focal, focal_sigma
        Pixels; infinite sigma where nothing is known.
    second
        Whether k2 is fitted too.
    ridge
        Skyline that counts as knowledge beforehand does; see `skyline_points`.
    """

    points: Floats
    pixels: Floats
    sigmas: Floats
    position: Floats
    position_sigmas: Floats
    focal: float
    focal_sigma: float
    fit_k2: bool = False
    skyline: SkylineConstraint | None = None

    def subset(self, chosen: NDArray[np.bool_]) -> AdjustmentProblem:
        """The same with the control points (N,) chosen."""
        return replace(
            self,
            points=self.points[chosen],
            pixels=self.pixels[chosen],
            sigmas=self.sigmas[chosen],
        )

    def parameter_count(self, camera: Camera) -> int:
        """Number of parameters: position, rotation, f, and of a pinhole k1 (and k2)."""
        return 7 if camera.projection is Projection.CYLINDRICAL else 8 + self.fit_k2

    def normalized_residuals(self, camera: Camera) -> Floats:
        """(2 N,) drawn less seen, in sigmas; NaN where a point is not drawn."""
        return ((camera.project(self.points) - self.pixels) / self.sigmas[:, None]).ravel()

    def prior_residuals(self, camera: Camera) -> Floats:
        """(5 or 6, and M of the ridge,) values less what is known beforehand, in sigmas."""
        lens = [(camera.f - self.focal) / self.focal_sigma]
        if camera.projection is Projection.PINHOLE:
            lens += [camera.k1 / K1_SIGMA, *([camera.k2 / K1_SIGMA] if self.fit_k2 else [])]
        place = (camera.position - self.position) / self.position_sigmas
        return np.concatenate(
            [place, lens, self.skyline.normalized_residuals(camera) if self.skyline else []]
        )


@dataclass(frozen=True, eq=False)
class Adjustment:
    """A pose at its optimum.

    Attributes
    ----------
    problem, camera
        What was fitted, and the result.
    misfits
        (2 N,) as of `AdjustmentProblem.normalized_residuals`.
    slopes
        (2 N, P) their derivatives by the parameters; see `record_jacobian`.
    information
        (P, P) of what is known beforehand: Hessian of half its squares.
    chi2
        Sum of squares of misfits and surprises.
    """

    problem: AdjustmentProblem
    camera: Camera
    normalized_residuals: Floats
    jacobian: Floats
    prior_information: Floats
    chi2: float

    @property
    def residuals(self) -> Floats:
        """(N, 2) drawn less seen, pixels."""
        return self.normalized_residuals.reshape(-1, 2) * self.problem.sigmas[:, None]

    @property
    def rms(self) -> float:
        """Root mean square per point, pixels."""
        return float(np.sqrt(np.mean(np.sum(self.residuals**2, axis=1))))

    @property
    def degrees_of_freedom(self) -> float:
        """Observations less the parameters that they determine (priors determine the rest)."""
        normal = self.jacobian.T @ self.jacobian
        used = np.trace(np.linalg.pinv(normal + self.prior_information, hermitian=True) @ normal)
        return max(0.0, self.normalized_residuals.size - float(used))


def adjust(problem: AdjustmentProblem, start: Camera, evaluations: int = 100) -> Adjustment | None:
    """The optimum near a start.

    Parameters
    ----------
    problem
        N control points and priors.
    start
        Camera in front of which all points lie.
    evaluations
        Of the model, at most.

    Returns
    -------
    Fit or None
        None where the start does not draw all points.
    """
    if not np.isfinite(problem.normalized_residuals(start)).all():
        return None
    free = problem.parameter_count(start)

    def values(step: Floats) -> Floats:
        camera = apply_step(start, step)
        return np.concatenate(
            [problem.normalized_residuals(camera), problem.prior_residuals(camera)]
        )

    def slopes(step: Floats) -> Floats:
        camera, turned = apply_step(start, step), np.eye(free)
        turned[3:6, 3:6] = rotation_jacobian(step[3:6])
        return np.concatenate(_jacobian(problem, camera)) @ turned

    found = least_squares(
        values, np.zeros(free), slopes, xtol=1e-9, ftol=1e-11, gtol=1e-10, max_nfev=evaluations
    )
    camera = apply_step(start, found.x)
    steep, known = _jacobian(problem, camera)
    return Adjustment(
        problem,
        camera,
        found.fun[: 2 * len(problem.points)],
        steep,
        known.T @ known,
        2 * float(found.cost),
    )


def apply_step(camera: Camera, step: Floats) -> Camera:
    """The camera after a step (7 to 9,) of its parameters, in their units."""
    change = step * SCALES[: len(step)]
    x, y, z = camera.position + change[:3]
    lens = dict(zip(("k1", "k2"), change[7:], strict=False))
    return replace(
        camera.rotated(rotation_from_vector(change[3:6])),
        x=float(x),
        y=float(y),
        z=float(z),
        f=camera.f * math.exp(change[6]),
        **{name: getattr(camera, name) + float(value) for name, value in lens.items()},
    )


def projection_jacobian(camera: Camera, places: Floats, free: int) -> Floats:
    """Derivatives (N, 2, P) of the pixels of places (N, 3) by the first `parameter_count` parameters."""
    offset = places - camera.position
    bend = (1 - camera.refraction) / EARTH_RADIUS
    drop = bend / 2 * np.sum(offset[:, :2] ** 2, axis=1)
    axes = camera.rotation_matrix()
    seen = (offset - np.array([0, 0, 1]) * drop[:, None]) @ axes.T
    by_seen, by_lens = _lens_jacobian(camera, seen)
    by_offset = by_seen @ axes
    slopes = np.empty((len(places), 2, 9))
    slopes[:, :, :3] = -by_offset
    slopes[:, :, :2] += by_offset[:, :, 2:] * (bend * offset[:, None, :2])
    slopes[:, :, 3:6] = np.cross(seen[:, None, :], by_seen)
    slopes[:, :, 6:] = by_lens
    return np.asarray(slopes[:, :, :free] * SCALES[:free])


def _lens_jacobian(camera: Camera, seen: Floats) -> tuple[Floats, Floats]:
    """Pixels by directions in camera axes (N, 2, 3), and by ln f, k1, k2 (N, 2, 3)."""
    right, down, forward = seen.T
    zero = np.zeros_like(right)
    if camera.projection is Projection.CYLINDRICAL:
        square = right**2 + forward**2
        level = np.sqrt(square)
        by_seen = np.array(
            [
                [forward / square, zero, -right / square],
                [-down * right / level**3, 1 / level, -down * forward / level**3],
            ]
        )
        drawn = np.stack([np.arctan2(right, forward), down / level], axis=1)
        by_lens = np.stack([drawn, np.zeros_like(drawn), np.zeros_like(drawn)], axis=2)
        return camera.f * by_seen.transpose(2, 0, 1), camera.f * by_lens
    x, y = right / forward, down / forward
    square = x**2 + y**2
    stretch = 1 + square * (camera.k1 + square * camera.k2)
    bend = 2 * (camera.k1 + 2 * camera.k2 * square)  # d stretch / dx = bend x
    by_plane = np.array(
        [[stretch + bend * x**2, bend * x * y], [bend * x * y, stretch + bend * y**2]]
    )
    plane = np.array([[1 / forward, zero, -x / forward], [zero, 1 / forward, -y / forward]])
    by_seen = np.einsum("ijn,jkn->nik", by_plane, plane)
    straight = np.stack([x, y], axis=1)[:, :, None]
    by_lens = straight * np.stack([stretch, square, square**2], axis=1)[:, None, :]
    return camera.f * by_seen, camera.f * by_lens


def _jacobian(problem: AdjustmentProblem, camera: Camera) -> tuple[Floats, Floats]:
    """Derivatives of misfits (2 N, P) and of surprises (5 or 6 and M, P) at a camera."""
    free = problem.parameter_count(camera)
    steep = projection_jacobian(camera, problem.points, free) / problem.sigmas[:, None, None]
    known = np.zeros((free - 3, free))
    known[:3, :3] = np.diag(1 / problem.position_sigmas)
    known[3, 6] = camera.f / problem.focal_sigma
    known[range(4, free - 3), range(7, free)] = 1 / K1_SIGMA
    known *= SCALES[:free]
    if problem.skyline:
        known = np.concatenate([known, problem.skyline.jacobian(camera, free)])
    return steep.reshape(-1, free), known


def record_jacobian(camera: Camera, free: int) -> Floats:
    """Derivatives (8, P) of the record's parameters by the parameters here; k2 is left out."""
    change = np.zeros((8, free))
    kept = min(free, 8)
    change[:kept, :kept] = np.diag(SCALES[:kept])
    change[6, 6] *= camera.f
    for axis in range(3):
        ahead, behind = (
            camera.rotated(rotation_from_vector(sign * 1e-6 * np.eye(3)[axis])) for sign in (1, -1)
        )
        angles = [
            (getattr(ahead, angle) - getattr(behind, angle) + 180) % 360 - 180
            for angle in ("yaw", "pitch", "roll")
        ]
        change[3:6, 3 + axis] = np.array(angles) / 2e-6 * SCALES[3]
    return change


def rotation_from_vector(vector: Floats) -> Floats:
    """(3, 3) rotation by a vector (3,), radians: Rodrigues' formula."""
    angle = float(np.linalg.norm(vector))
    cross = _cross_matrix(vector)
    return np.asarray(
        np.eye(3)
        + np.sinc(angle / np.pi) * cross
        + 0.5 * np.sinc(angle / (2 * np.pi)) ** 2 * cross @ cross
    )


def rotation_jacobian(step: Floats) -> Floats:
    """(3, 3) further rotation per change of a rotation vector: the left Jacobian of SO(3)."""
    vector = step * SCALES[3]
    angle = float(np.linalg.norm(vector))
    cross = _cross_matrix(vector)
    cubic = (1 - np.sinc(angle / np.pi)) / angle**2 if angle > 1e-4 else 1 / 6
    return np.asarray(
        np.eye(3) + 0.5 * np.sinc(angle / (2 * np.pi)) ** 2 * cross + cubic * cross @ cross
    )


def _cross_matrix(vector: Floats) -> Floats:
    x, y, z = vector
    return np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
