"""Joint solution of several photos: views of one station, or cameras of one model.

Points weigh as their residuals tell. The solution is told photo by photo: each is the optimum of
its own points and of a prior that holds what all other photos tell of the shared parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .accuracy import PointNoise, joint_point_noise
from .adjustment import (
    Adjustment,
    AdjustmentProblem,
    JointPrior,
    adjust,
    adjust_jointly,
    joint_columns,
)
from .jacobian import FOCAL, K1, K2, POSITION, PRINCIPAL_POINT, parameter_values

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from .camera import Camera
    from .jacobian import Places
    from .ray_casting import Floats

LENS = (FOCAL, K1, *PRINCIPAL_POINT, K2)
"""Parameters of a lens."""

WEIGHTED = PointNoise(1.0, 0.0)
"""Noise of points whose sigmas are what their residuals tell."""

_ROUNDS = 2
_FEW_STEPS = 30  # evaluations, to tell starts apart
_NOTHING = 1e-12  # of the largest: eigenvalues of an information matrix that tell nothing


@dataclass(frozen=True, eq=False)
class JointSolution:
    """Optimum of several photos that share parameters.

    Attributes
    ----------
    fits
        Of each photo, with what the others tell as a prior; its sigmas are those of `noise`.
    noise
        Of the points of all photos.
    columns
        (P,) of each: places of its parameters among those of all, shared ones first.
    covariance
        (Q, Q) of all parameters, in their units.
    chi2
        Of all photos and priors.
    """

    fits: list[Adjustment]
    noise: PointNoise
    columns: list[Places]
    covariance: Floats
    chi2: float


def solve_jointly(
    problems: Sequence[AdjustmentProblem], starts: Sequence[Camera], shared: Collection[int]
) -> JointSolution | None:
    """Solve photos that share parameters from initial poses with the same values of these.

    The first problem's priors of what is shared count. None where a start sees not all points.
    """
    problems = _priors_once(problems, shared)
    fits = adjust_jointly(problems, starts, shared)
    if fits is None:
        return None
    columns = joint_columns([fit.parameters for fit in fits], shared)
    noise = joint_point_noise(fits, columns)
    for _ in range(_ROUNDS):
        weighted = [
            replace(problem, sigmas=noise.sigmas(replace(fit, problem=problem)))
            for problem, fit in zip(problems, fits, strict=True)
        ]
        fits = adjust_jointly(weighted, [fit.camera for fit in fits], shared)
        if fits is None:
            return None
        unweighted = [
            replace(
                fit,
                problem=problem,
                normalized_residuals=problem.normalized_residuals(fit.camera),
                jacobian=problem.jacobians(fit.camera)[0],
            )
            for problem, fit in zip(problems, fits, strict=True)
        ]
        noise = joint_point_noise(unweighted, columns)
    information = [fit.jacobian.T @ fit.jacobian + fit.prior_information for fit in fits]
    alone = [
        adjust(
            replace(fit.problem, joint=_prior_of_others(fits, information, columns, shared, index)),
            fit.camera,
        )
        for index, fit in enumerate(fits)
    ]
    return JointSolution(
        [found or fit for found, fit in zip(alone, fits, strict=True)],
        noise,
        columns,
        np.asarray(np.linalg.pinv(_sum(information, columns), hermitian=True)),
        sum(fit.chi2 for fit in fits),
    )


def best_start(
    problems: Sequence[AdjustmentProblem],
    starts: Sequence[Sequence[Camera]],
    shared: Collection[int],
) -> list[Camera] | None:
    """Return the cameras to which the best of several starts leads; None if all see too little."""
    problems, found = _priors_once(problems, shared), []
    for start in starts:
        fits = adjust_jointly(problems, start, shared, _FEW_STEPS)
        if fits:
            found.append((sum(fit.chi2 for fit in fits), [fit.camera for fit in fits]))
    return min(found, key=lambda entry: entry[0], default=(0.0, None))[1]


def choose_k2(
    problems: Sequence[AdjustmentProblem], starts: Sequence[Camera], shared: Collection[int]
) -> list[AdjustmentProblem]:
    """Return the problems with k2, where Akaike's information criterion prefers it."""
    both = [list(problems), [replace(problem, fit_k2=True) for problem in problems]]
    rated = []
    for tried in both:
        fits = adjust_jointly(_priors_once(tried, shared), starts, shared)
        if fits is None:
            return list(problems)
        residuals = np.concatenate([fit.normalized_residuals for fit in fits])
        squares = float(residuals @ residuals) / len(residuals)
        rated.append(len(residuals) * math.log(squares))
    return both[1] if rated[1] + 2 < rated[0] - 2 else both[0]  # a parameter more, and a margin


def _priors_once(
    problems: Sequence[AdjustmentProblem], shared: Collection[int]
) -> list[AdjustmentProblem]:
    """Return the problems with priors of what is shared in the first one alone."""
    return [problems[0], *(_without_priors(problem, shared) for problem in problems[1:])]


def _without_priors(problem: AdjustmentProblem, shared: Collection[int]) -> AdjustmentProblem:
    """Return the problem without the priors of what is shared: they count once."""
    if POSITION[0] in shared:
        problem = replace(problem, position_sigmas=np.full(3, math.inf))
    if FOCAL in shared:
        problem = replace(problem, focal_sigma=math.inf)
    if K1 in shared:
        problem = replace(problem, k1_sigma=math.inf, k2_sigma=math.inf)
    if PRINCIPAL_POINT[0] in shared and problem.principal_point_sigma:
        problem = replace(problem, principal_point_sigma=math.inf)
    return problem


def _sum(information: Sequence[Floats], columns: Sequence[Places]) -> Floats:
    """Return the information matrix (Q, Q) of all parameters."""
    count = 1 + max(int(own.max()) for own in columns)
    total = np.zeros((count, count))
    for part, own in zip(information, columns, strict=True):
        total[np.ix_(own, own)] += part
    return total


def _prior_of_others(
    fits: Sequence[Adjustment],
    information: Sequence[Floats],
    columns: Sequence[Places],
    shared: Collection[int],
    index: int,
) -> JointPrior:
    """Return what all other photos tell of the parameters that one shares with them.

    At the joint optimum, its own points and priors pull as much one way as the others do the other.
    """
    others = [own for own in range(len(fits)) if own != index]
    fit = fits[index]
    common = np.array([int(p) in shared for p in fit.parameters])
    place = columns[index][common]
    total = _sum([information[i] for i in others], [columns[i] for i in others])
    rest = np.setdiff1d(np.concatenate([columns[i] for i in others]), place)
    between = total[np.ix_(place, rest)]
    inner = np.linalg.pinv(total[np.ix_(rest, rest)], hermitian=True)
    told = total[np.ix_(place, place)] - between @ inner @ between.T
    values, vectors = np.linalg.eigh((told + told.T) / 2)
    kept = values > _NOTHING * max(values.max(), 1.0)
    values, vectors = values[kept], vectors[:, kept]
    _, by_prior = fit.problem.jacobians(fit.camera)
    pull = fit.jacobian.T @ fit.normalized_residuals
    pull += by_prior.T @ fit.problem.prior_residuals(fit.camera)
    chosen = fit.parameters[common]
    shift = vectors @ (vectors.T @ pull[common] / values)
    root = np.sqrt(values)[:, None] * vectors.T
    return JointPrior(chosen, parameter_values(fit.camera)[chosen] + shift, root)
