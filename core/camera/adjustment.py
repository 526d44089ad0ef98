"""Least-squares adjustment of pose and lens to control points and priors.

Of one camera, or of several that share parameters: their position (views of one station), or their
lens (cameras of one model).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import least_squares

from .camera import Camera
from .jacobian import (
    FOCAL,
    K1,
    K2,
    POSE,
    POSITION,
    PRINCIPAL_POINT,
    SCALES,
    apply_step,
    parameter_values,
    projection_jacobian,
    rotation_jacobian,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from .jacobian import Places
    from .skyline_constraint import SkylineConstraint

    Floats = NDArray[np.float64]

K1_SIGMA = 0.15
"""Standard deviation of the priors of k1, and of k2 where it is fitted, about 0."""


@dataclass(frozen=True, eq=False)
class JointPrior:
    """What is known together of some parameters, such as from other views of a station.

    Attributes
    ----------
    chosen
        (M,) the parameters: places in `core.camera.jacobian`; none of the rotation.
    values
        (M,) as of `parameter_values`.
    root
        (K, M) square root of the information matrix: ``root.T @ root``.
    """

    chosen: Places
    values: Floats
    root: Floats


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
    principal_point, principal_point_sigma
        Prior (cx, cy) and its standard deviation, pixels; 0 holds the principal point.
    k2_sigma
        Standard deviation of the prior of k2 about 0.
    joint
        What other photos tell of shared parameters.
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
    principal_point: tuple[float, float] = (0.0, 0.0)
    principal_point_sigma: float = 0.0
    k2_sigma: float = K1_SIGMA
    joint: JointPrior | None = None

    def subset(self, chosen: NDArray[np.bool_]) -> AdjustmentProblem:
        """Return the problem of the control points (N,) chosen."""
        return replace(
            self,
            points=self.points[chosen],
            pixels=self.pixels[chosen],
            sigmas=self.sigmas[chosen],
        )

    def parameters(self, camera: Camera) -> Places:
        """Return the parameters (P,) that are fitted: places in `core.camera.jacobian`."""
        has_distortion = not camera.projection.is_panorama
        chosen = [*POSE, FOCAL, *([K1] if has_distortion else [])]
        chosen += PRINCIPAL_POINT if self.principal_point_sigma else ()
        chosen += [K2] if self.fit_k2 and has_distortion else []
        return np.array(chosen)

    def normalized_residuals(self, camera: Camera) -> Floats:
        """Return projected less observed in sigmas, (2 N,); NaN if a point cannot be projected."""
        return ((camera.project(self.points) - self.pixels) / self.sigmas[:, None]).ravel()

    def prior_residuals(self, camera: Camera) -> Floats:
        """Return parameters less priors in sigmas: of the position (3,), the lens and all else."""
        values = np.zeros(len(SCALES))
        values[:3] = (camera.position - self.position) / self.position_sigmas
        values[FOCAL] = (camera.f - self.focal) / self.focal_sigma
        values[K1] = (camera.k1 - self.k1) / self.k1_sigma
        values[K2] = camera.k2 / self.k2_sigma
        if self.principal_point_sigma:
            offset = np.array([camera.cx, camera.cy]) - self.principal_point
            values[8:10] = offset / self.principal_point_sigma
        parts = [values[_without_rotation(self.parameters(camera))]]
        if self.joint:
            change = parameter_values(camera)[self.joint.chosen] - self.joint.values
            parts.append(self.joint.root @ change)
        if self.skyline:
            parts.append(self.skyline.normalized_residuals(camera))
        return np.concatenate(parts)

    def jacobians(self, camera: Camera) -> tuple[Floats, Floats]:
        """Return derivatives of the normalized (2 N, P) and prior residuals (M, P)."""
        chosen = self.parameters(camera)
        observed = projection_jacobian(camera, self.points, chosen) / self.sigmas[:, None, None]
        slopes = np.zeros(len(SCALES))
        slopes[:3] = 1 / self.position_sigmas
        slopes[FOCAL] = camera.f / self.focal_sigma
        slopes[K1], slopes[K2] = 1 / self.k1_sigma, 1 / self.k2_sigma
        if self.principal_point_sigma:
            slopes[8:10] = camera.width / self.principal_point_sigma
        slopes *= SCALES
        parts = [np.diag(slopes)[_without_rotation(chosen)][:, chosen]]
        if self.joint:
            others = np.zeros((len(self.joint.root), len(SCALES)))
            others[:, self.joint.chosen] = self.joint.root
            parts.append(others[:, chosen])
        if self.skyline:
            parts.append(self.skyline.jacobian(camera, chosen))
        return observed.reshape(-1, len(chosen)), np.concatenate(parts)


def _without_rotation(chosen: Places) -> Places:
    return chosen[(chosen < len(POSITION)) | (chosen >= len(POSE))]


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
        (2 N, P) their derivatives by `AdjustmentProblem.parameters`.
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
    def parameters(self) -> Places:
        """(P,) places of the parameters that were fitted."""
        return self.problem.parameters(self.camera)

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
    fits = adjust_jointly([problem], [initial], (), max_evaluations)
    return fits[0] if fits else None


def adjust_jointly(
    problems: Sequence[AdjustmentProblem],
    initial: Sequence[Camera],
    shared: Collection[int],
    max_evaluations: int = 100,
) -> list[Adjustment] | None:
    """Find the optimum of several cameras that share parameters, near initial poses.

    Parameters
    ----------
    problems, initial
        Of each camera; all begin with the same values of what they share. A prior of that stands in
        one of the problems: in the others its sigma is infinite.
    shared
        Parameters that all have in common; see `core.camera.jacobian`.

    Returns
    -------
    The adjustment of each camera, or None where an initial pose cannot project all of its points.
    """
    views = list(zip(problems, initial, strict=True))
    if not all(np.isfinite(p.normalized_residuals(camera)).all() for p, camera in views):
        return None
    columns = joint_columns([p.parameters(camera) for p, camera in views], shared)
    count = 1 + max(int(own.max()) for own in columns)

    @lru_cache(maxsize=2)  # of the same step, residuals and derivatives are asked for
    def moved(step: tuple[float, ...]) -> list[Camera]:
        return [
            apply_step(camera, np.array(step)[own], problem.parameters(camera))
            for (problem, camera), own in zip(views, columns, strict=True)
        ]

    def residuals(step: Floats) -> Floats:
        parts = []
        for problem, camera in zip(problems, moved(tuple(step.tolist())), strict=True):
            parts += [problem.normalized_residuals(camera), problem.prior_residuals(camera)]
        return np.concatenate(parts)

    def jacobian(step: Floats) -> Floats:
        parts = []
        for problem, camera, own in zip(
            problems, moved(tuple(step.tolist())), columns, strict=True
        ):
            rows = np.concatenate(problem.jacobians(camera))
            rows[:, 3:6] = rows[:, 3:6] @ rotation_jacobian(step[own[3:6]])
            part = np.zeros((len(rows), count))
            part[:, own] = rows
            parts.append(part)
        return np.concatenate(parts)

    found = least_squares(
        residuals,
        np.zeros(count),
        jacobian,
        xtol=1e-9,
        ftol=1e-11,
        gtol=1e-10,
        max_nfev=max_evaluations,
    )
    return [
        _adjustment(problem, camera)
        for problem, camera in zip(problems, moved(tuple(found.x.tolist())), strict=True)
    ]


def joint_columns(parameters: Sequence[Places], shared: Collection[int]) -> list[Places]:
    """Return the column of each parameter of each camera among those of all; shared ones first."""
    common = sorted({int(p) for own in parameters for p in own if p in shared})
    columns, count = [], len(common)
    for own in parameters:
        column = []
        for parameter in own.tolist():
            if parameter in common:
                column.append(common.index(parameter))
            else:
                column.append(count)
                count += 1
        columns.append(np.array(column))
    return columns


def _adjustment(problem: AdjustmentProblem, camera: Camera) -> Adjustment:
    """Return the adjustment of a camera that is the optimum."""
    residuals, priors = problem.normalized_residuals(camera), problem.prior_residuals(camera)
    observed, prior = problem.jacobians(camera)
    chi2 = float(residuals @ residuals + priors @ priors)
    return Adjustment(problem, camera, residuals, observed, prior.T @ prior, chi2)
