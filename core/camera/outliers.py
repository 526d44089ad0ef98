"""Control points that contradict the others: found by what the fit gains without them."""

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

_CALM = 1.5  # squared misfit per degree of freedom up to which nothing is looked for
_TRIED = 5  # exclusions of each size that are fitted: those that promise most
_ENOUGH, _SHARE = 5, 0.6  # points that must stay: at least so many, and more than this share
_PLACES = 1.0  # metres to which places are taken to be known, lest near points are blamed
# Points are named where honest noise explains them once in 10 000 times; left out where it is
# once in 1000, the others' residuals shrink threefold and each misses their pose by 10 pixels.
_DOUBT, _CERTAIN, _GAIN, _FAR = math.log(1e-4), math.log(1e-3), 3.0, 10.0
_GROSS = 0.02  # of the photo's width: residuals that hide which points cause them
_SUBSETS = 40  # of points, looked at then


def find_outliers(fit: Adjustment) -> tuple[Mask, Mask]:
    """Find control points that contradict the others.

    Points are singled out, alone or together, where an F test says that honest noise, of whatever
    size, does not explain what the fit gains without them. At least 5 points and 60 % stay.

    Parameters
    ----------
    fit
        Of all N points.

    Returns
    -------
    wrong, doubtful
        (N,) points to leave out; points to look at, which stay.
    """
    count = len(fit.problem.points)
    nothing = np.zeros(count, bool)
    whole = adjust(_with_map_errors(fit), fit.camera)
    most = min(count - _ENOUGH, math.ceil(count * (1 - _SHARE)) - 1)
    if whole is None or most < 1 or whole.chi2 < _CALM * whole.degrees_of_freedom:
        return nothing, nothing
    found = _eliminate_backward(whole, most)
    if whole.rms > _GROSS * fit.camera.width:
        found += _search_forward(whole, most)
    rated = [(_log_p_value(whole, rest), rest, out) for rest, out in found]
    chance, rest, out = min(rated, key=lambda entry: entry[0], default=(0.0, whole, nothing))
    missed = rest.camera.project(fit.problem.points[out]) - fit.problem.pixels[out]
    near = np.hypot(missed[:, 0], missed[:, 1]) < _FAR
    if chance < _CERTAIN and whole.rms > _GAIN * rest.rms and not near.any():
        return out, nothing
    return nothing, out if chance < _DOUBT else nothing


def _with_map_errors(fit: Adjustment) -> AdjustmentProblem:
    """The problem with the pixels that places known to a metre cost added to the sigmas."""
    distance = np.linalg.norm(fit.problem.points - fit.camera.position, axis=1)
    sigmas = np.hypot(fit.problem.sigmas, fit.camera.f * _PLACES / distance)
    return replace(fit.problem, sigmas=sigmas)


def _eliminate_backward(whole: Adjustment, most: int) -> list[tuple[Adjustment, Mask]]:
    """Fits without one or two points, and on from the best of them while it gets better."""
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
        chance = _log_p_value(whole, base)
        if chance >= best:
            break
        best = chance
    return found


def _select_candidates(base: Adjustment, out: Mask, most: int) -> list[Mask]:
    """Which one or two more points to leave out, by what a linear model gains without them."""
    inverse = np.linalg.pinv(
        base.jacobian.T @ base.jacobian + base.prior_information, hermitian=True
    )
    slopes = base.jacobian.reshape(-1, 2, base.jacobian.shape[1])
    misfits = base.normalized_residuals.reshape(-1, 2)
    staying = np.flatnonzero(~out)
    chosen: list[Mask] = []
    for size in range(1, min(2, most - int(out.sum())) + 1):
        groups = np.array(list(combinations(range(len(staying)), size)))
        steep = slopes[groups].reshape(len(groups), 2 * size, -1)
        missed = misfits[groups].reshape(len(groups), 2 * size, 1)
        kept = np.eye(2 * size) - steep @ inverse @ steep.transpose(0, 2, 1)
        gain = (missed.transpose(0, 2, 1) @ np.linalg.pinv(kept, hermitian=True) @ missed).ravel()
        for group in groups[np.argsort(-gain)[:_TRIED]]:
            mask = out.copy()
            mask[staying[group]] = True
            chosen.append(mask)
    return chosen


def _search_forward(whole: Adjustment, most: int) -> list[tuple[Adjustment, Mask]]:
    """Fits that grow from few points by those that fit best (Atkinson and Riani 2000).

    The first is the best of many to few points by its least trimmed squares (Rousseeuw 1984).
    Where residuals are gross, the pose by all points is far off and `_eliminate_backward` goes astray.
    """
    problem, count = whole.problem, len(whole.problem.points)
    few, rng = count - most, np.random.default_rng(0)
    best, camera = math.inf, whole.camera
    for _ in range(_SUBSETS):
        chosen = problem.subset(rng.permutation(count) < _ENOUGH)
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
    """(N,) squared misfits per point; infinite where one is not drawn."""
    squares = np.sum(problem.normalized_residuals(camera).reshape(-1, 2) ** 2, axis=1)
    return np.where(np.isfinite(squares), squares, np.inf)


def _log_p_value(whole: Adjustment, rest: Adjustment) -> float:
    """Logarithm of the chance that leaving some points out gains so much by noise alone.

    Snedecor's F with Bonferroni's correction for the choice among all points. The noise of the
    rest is taken to be no less than its sigmas say.
    """
    count = len(whole.problem.points)
    gone = count - len(rest.problem.points)
    freedom = rest.degrees_of_freedom
    if freedom < 1:
        return 0.0
    noise = max(1.0, rest.chi2 / freedom)
    ratio = (whole.chi2 - rest.chi2) / (2 * gone) / noise
    return float(fisher.logsf(ratio, 2 * gone, freedom) + math.log(comb(count, gone)))
