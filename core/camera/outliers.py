"""Outliers among control points: the fit improves significantly without them."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import comb
from scipy.stats import f as fisher

from .adjustment import Adjustment, AdjustmentProblem, adjust
from .initial_pose import initial_poses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .camera import Camera

    Mask = NDArray[np.bool_]

_CONSISTENT = 1.5  # chi2 per degree of freedom up to which no outliers are sought
_TRIED = 5  # exclusions of each size that are fitted: the most promising
_LEAST, _SHARE = 5, 0.6  # points that must stay: at least so many, and more than this share
_MAP_SIGMA = 1.0  # metres, accuracy of control points on the map: matters for near points
# Doubtful points: p-value below 1e-4. Left out: p-value below 1e-3, the others' residuals shrink
# threefold, and each is at least 10 pixels from their pose.
_DOUBTFUL, _CERTAIN, _GAIN, _FAR = math.log(1e-4), math.log(1e-3), 3.0, 10.0
_GROSS = 0.02  # of the photo's width: residuals beyond which the forward search is needed too
_SUBSETS = 40  # random subsets of the forward search


def find_outliers(fit: Adjustment) -> tuple[Mask, Mask]:
    """Find control points that contradict the others, given the adjustment to all N points.

    An F test decides whether noise, of any size, explains what the fit gains without one or more
    points. At least 5 points and 60 % stay. Return the points (N,) to leave out, and those to
    check, which stay.
    """
    count = len(fit.problem.points)
    nothing = np.zeros(count, bool)
    whole = adjust(_with_map_errors(fit), fit.camera)
    most = min(count - _LEAST, math.ceil(count * (1 - _SHARE)) - 1)
    if whole is None or most < 1 or whole.chi2 < _CONSISTENT * whole.degrees_of_freedom:
        return nothing, nothing
    found = _eliminate_backward(whole, most)
    if whole.rms > _GROSS * fit.camera.width:
        found += _search_forward(whole, most)
    rated = [(_log_p_value(whole, rest), rest, out) for rest, out in found]
    p_value, rest, out = min(rated, key=lambda entry: entry[0], default=(0.0, whole, nothing))
    errors = rest.camera.project(fit.problem.points[out]) - fit.problem.pixels[out]
    near = np.hypot(errors[:, 0], errors[:, 1]) < _FAR
    if p_value < _CERTAIN and whole.rms > _GAIN * rest.rms and not near.any():
        return out, nothing
    return nothing, out if p_value < _DOUBTFUL else nothing


def _with_map_errors(fit: Adjustment) -> AdjustmentProblem:
    """Return the problem with `_MAP_SIGMA`, in pixels, added to the sigmas."""
    distance = np.linalg.norm(fit.problem.points - fit.camera.position, axis=1)
    sigmas = np.hypot(fit.problem.sigmas, fit.camera.f * _MAP_SIGMA / distance)
    return replace(fit.problem, sigmas=sigmas)


def _eliminate_backward(whole: Adjustment, most: int) -> list[tuple[Adjustment, Mask]]:
    """Fit without one or two points, and go on from the best fit while it improves."""
    found: list[tuple[Adjustment, Mask]] = []
    base, out, best = whole, np.zeros(len(whole.problem.points), bool), 0.0
    while out.sum() < most:
        level = [
            (rest, without)
            for without in _select_candidates(base, out, most)
            if (rest := adjust(whole.problem.subset(~without), base.camera, 30)) is not None
        ]
        if not level:
            break
        found += level
        base, out = min(level, key=lambda entry: _log_p_value(whole, entry[0]))
        p_value = _log_p_value(whole, base)
        if p_value >= best:
            break
        best = p_value
    return found


def _select_candidates(base: Adjustment, out: Mask, most: int) -> list[Mask]:
    """Select one or two more points to leave out, by the gain of a linear model without them."""
    inverse = np.linalg.pinv(
        base.jacobian.T @ base.jacobian + base.prior_information, hermitian=True
    )
    jacobians = base.jacobian.reshape(-1, 2, base.jacobian.shape[1])
    residuals = base.normalized_residuals.reshape(-1, 2)
    staying = np.flatnonzero(~out)
    chosen: list[Mask] = []
    for size in range(1, min(2, most - int(out.sum())) + 1):
        groups = np.array(list(combinations(range(len(staying)), size)))
        jacobian = jacobians[groups].reshape(len(groups), 2 * size, -1)
        errors = residuals[groups].reshape(len(groups), 2 * size, 1)
        redundancy = np.eye(2 * size) - jacobian @ inverse @ jacobian.transpose(0, 2, 1)
        weights = np.linalg.pinv(redundancy, hermitian=True)
        gain = (errors.transpose(0, 2, 1) @ weights @ errors).ravel()
        for group in groups[np.argsort(-gain)[:_TRIED]]:
            mask = out.copy()
            mask[staying[group]] = True
            chosen.append(mask)
    return chosen


def _search_forward(whole: Adjustment, most: int) -> list[tuple[Adjustment, Mask]]:
    """Fit growing sets of the points that fit best: forward search (Atkinson and Riani 2000).

    It begins with the subset of least trimmed squares (Rousseeuw 1984). Needed where residuals are
    gross: `_eliminate_backward` begins with the pose by all points, which is then far off.
    """
    problem, count = whole.problem, len(whole.problem.points)
    few, rng = count - most, np.random.default_rng(0)
    best, camera = math.inf, whole.camera
    for _ in range(_SUBSETS):
        chosen = problem.subset(rng.permutation(count) < _LEAST)
        for start in initial_poses(chosen, whole.camera)[:1]:
            fit = adjust(chosen, start, 10)
            if fit is None:
                continue
            trimmed = float(np.sum(np.sort(_squared_residuals(problem, fit.camera))[:few]))
            if trimmed < best:
                best, camera = trimmed, fit.camera
    found: list[tuple[Adjustment, Mask]] = []
    for staying in range(few, count):
        out = np.ones(count, bool)
        out[np.argsort(_squared_residuals(problem, camera))[:staying]] = False
        grown = adjust(problem.subset(~out), camera)
        if grown is not None:
            camera = grown.camera
            found.append((grown, out))
    return found


def _squared_residuals(problem: AdjustmentProblem, camera: Camera) -> NDArray[np.float64]:
    """Return the squared residual of each point, (N,); infinite if it cannot be projected."""
    squares = np.sum(problem.normalized_residuals(camera).reshape(-1, 2) ** 2, axis=1)
    return np.where(np.isfinite(squares), squares, np.inf)


def _log_p_value(whole: Adjustment, rest: Adjustment) -> float:
    """Return the logarithm of the p-value of the gain by leaving some points out.

    F test with Bonferroni's correction for the choice among all points. The noise of the rest is
    at least that of its sigmas.
    """
    count = len(whole.problem.points)
    gone = count - len(rest.problem.points)
    freedom = rest.degrees_of_freedom
    if freedom < 1:
        return 0.0
    noise = max(1.0, rest.chi2 / freedom)
    ratio = (whole.chi2 - rest.chi2) / (2 * gone) / noise
    return float(fisher.logsf(ratio, 2 * gone, freedom) + math.log(comb(count, gone)))
