"""Least-squares adjustment of pose and lens to control points and priors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import least_squares

from .camera import Camera
from .jacobian import SCALES, apply_step, projection_jacobian, rotation_jacobian

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .skyline_constraint import SkylineConstraint

    Floats = NDArray[np.float64]

K1_SIGMA = 0.15
"""Standard deviation of the priors of k1, and of k2 where it is fitted, about 0."""


@dataclass(frozen=True, eq=False)
class AdjustmentProblem:
    """Observations and priors that a pose is fitted to.

    Attributes
    ----------
    points
        (N, 3) x, y, z of control points.
    pixels
        (N, 2) observed u, v.
    sigmas
        (N,) standard deviations of u and of v, pixels.
    position, position_sigmas
        (3,) prior of the camera's position; infinite sigmas if unknown.
    focal, focal_sigma
        Prior of the focal length, pixels; infinite sigma if unknown.
    fit_k2
        Whether k2 is fitted too.
    k1, k1_sigma
        Prior of k1.
    skyline
        Constraint that counts as a prior; see `skyline_adjustment`.
    """

    points: Floats
    pixels: Floats
    sigmas: Floats
    position: Floats
    position_sigmas: Floats
    focal: float
    focal_sigma: float
    fit_k2: bool = False
    k1: float = 0.0
    k1_sigma: float = K1_SIGMA
    skyline: SkylineConstraint | None = None

    def subset(self, chosen: NDArray[np.bool_]) -> AdjustmentProblem:
        """Return the problem of the control points (N,) chosen."""
        return replace(
            self,
            points=self.points[chosen],
            pixels=self.pixels[chosen],
            sigmas=self.sigmas[chosen],
        )

    def parameter_count(self, camera: Camera) -> int:
        """Return the number of parameters: position, rotation, f, and of a lens k1 (and k2)."""
        return 7 if camera.projection.is_panorama else 8 + self.fit_k2

    def normalized_residuals(self, camera: Camera) -> Floats:
        """Return projected less observed in sigmas, (2 N,); NaN if a point cannot be projected."""
        return ((camera.project(self.points) - self.pixels) / self.sigmas[:, None]).ravel()

    def prior_residuals(self, camera: Camera) -> Floats:
        """Return parameters less priors in sigmas, (5 or 6,), and those of the skyline (M,)."""
        lens = [(camera.f - self.focal) / self.focal_sigma]
        if not camera.projection.is_panorama:
            lens += [(camera.k1 - self.k1) / self.k1_sigma]
            lens += [camera.k2 / K1_SIGMA] if self.fit_k2 else []
        position = (camera.position - self.position) / self.position_sigmas
        skyline = [self.skyline.normalized_residuals(camera)] if self.skyline else []
        return np.concatenate([position, lens, *skyline])

    def jacobians(self, camera: Camera) -> tuple[Floats, Floats]:
        """Return derivatives of the normalized (2 N, P) and prior residuals (5 or 6 and M, P)."""
        count = self.parameter_count(camera)
        observed = projection_jacobian(camera, self.points, count) / self.sigmas[:, None, None]
        prior = np.zeros((count - 3, count))
        prior[:3, :3] = np.diag(1 / self.position_sigmas)
        prior[3, 6] = camera.f / self.focal_sigma
        sigmas = np.array([self.k1_sigma, K1_SIGMA])[: count - 7]
        prior[range(4, count - 3), range(7, count)] = 1 / sigmas
        prior *= SCALES[:count]
        if self.skyline:
            prior = np.concatenate([prior, self.skyline.jacobian(camera, count)])
        return observed.reshape(-1, count), prior


@dataclass(frozen=True, eq=False)
class Adjustment:
    """Optimum of an `AdjustmentProblem`.

    Attributes
    ----------
    problem, camera
        What was fitted, and the result.
    normalized_residuals
        (2 N,) as of `AdjustmentProblem.normalized_residuals`.
    jacobian
        (2 N, P) their derivatives by the parameters of `core.camera.jacobian`.
    prior_information
        (P, P) information matrix of the priors.
    chi2
        Sum of squares of all residuals, in sigmas, priors included.
    """

    problem: AdjustmentProblem
    camera: Camera
    normalized_residuals: Floats
    jacobian: Floats
    prior_information: Floats
    chi2: float

    @property
    def residuals(self) -> Floats:
        """(N, 2) projected less observed, pixels."""
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


def adjust(
    problem: AdjustmentProblem, initial: Camera, max_evaluations: int = 100
) -> Adjustment | None:
    """Find the optimum near an initial pose; None where that cannot project all points."""
    if not np.isfinite(problem.normalized_residuals(initial)).all():
        return None
    count = problem.parameter_count(initial)

    def residuals(step: Floats) -> Floats:
        camera = apply_step(initial, step)
        return np.concatenate(
            [problem.normalized_residuals(camera), problem.prior_residuals(camera)]
        )

    def jacobian(step: Floats) -> Floats:
        camera, rotated = apply_step(initial, step), np.eye(count)
        rotated[3:6, 3:6] = rotation_jacobian(step[3:6])
        return np.concatenate(problem.jacobians(camera)) @ rotated

    found = least_squares(
        residuals,
        np.zeros(count),
        jacobian,
        xtol=1e-9,
        ftol=1e-11,
        gtol=1e-10,
        max_nfev=max_evaluations,
    )
    camera = apply_step(initial, found.x)
    observed, prior = problem.jacobians(camera)
    return Adjustment(
        problem,
        camera,
        found.fun[: 2 * len(problem.points)],
        observed,
        prior.T @ prior,
        2 * float(found.cost),
    )
