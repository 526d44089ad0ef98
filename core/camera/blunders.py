"""Control points that contradict the others: found by what the fit gains without them."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import comb
from scipy.stats import f as fisher

from .refine import Fit, Problem, refine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

_CALM = 1.5  # squared misfit per degree of freedom up to which nothing is looked for
_TRIED = 5  # exclusions of each size that are fitted: those that promise most
_ENOUGH, _SHARE = 5, 0.6  # points that must stay: at least so many, and more than this share
_DOUBT, _CERTAIN = math.log(1e-3), math.log(1e-5)  # chance that honest noise looks like this
_GAIN = 3.0  # times that the others' residuals must shrink for points to be left out
_FAR = 10.0  # pixels by which each of them must miss the pose of the others
_PLACES = 1.0  # metres to which places are taken to be known, lest near points are blamed


def find_blunders(fit: Fit) -> tuple[Mask, Mask]:
    """Find control points that contradict the others.

    Points are singled out, alone, in pairs or one after the other, where an F test says that
    honest noise of whatever size does not explain what the fit gains without them. They are left
    out only where that is overwhelming: by chance once in 100 000 times, the others fitted three
    times better, each missed by 10 pixels or more, and at least 5 points and 60 % staying.

    Parameters
    ----------
    fit
        Of all N points.

    Returns
    -------
    wrong, doubtful
        (N,) points to leave out; points to look at, which stay.
    """
    count = len(fit.problem.places)
    nothing = np.zeros(count, bool)
    whole = refine(_forgiving(fit), fit.camera)
    most = min(count - _ENOUGH, math.ceil(count * (1 - _SHARE)) - 1)
    if whole is None or most < 1 or whole.chi2 < _CALM * whole.freedom:
        return nothing, nothing
    best, rest, chosen = 0.0, whole, nothing
    base, out = whole, nothing
    while out.sum() < most:
        found = [
            (_log_chance(whole, other), other, left_out)
            for left_out in _promising(base, out, most)
            if (other := refine(whole.problem.only(~left_out), base.camera, 30)) is not None
        ]
        if not found:
            break
        chance, base, out = min(found, key=lambda entry: entry[0])
        if chance >= best:
            break
        best, rest, chosen = chance, base, out
    if best > _DOUBT:
        return nothing, nothing
    missed = fit.problem.only(chosen).misfits(rest.camera) * np.repeat(
        fit.problem.sigmas[chosen], 2
    )
    far = np.hypot(*missed.reshape(-1, 2).T)
    if best < _CERTAIN and whole.rms > _GAIN * rest.rms and not (far < _FAR).any():
        return chosen, nothing
    return nothing, chosen


def _forgiving(fit: Fit) -> Problem:
    """The problem with the pixels that places known to a metre cost added to the sigmas."""
    distance = np.linalg.norm(fit.problem.places - fit.camera.position, axis=1)
    sigmas = np.hypot(fit.problem.sigmas, fit.camera.f * _PLACES / distance)
    return replace(fit.problem, sigmas=sigmas)


def _promising(base: Fit, out: Mask, most: int) -> list[Mask]:
    """Which one or two more points to leave out, by what a linear model gains without them."""
    inverse = np.linalg.pinv(base.slopes.T @ base.slopes + base.information, hermitian=True)
    slopes = base.slopes.reshape(-1, 2, base.slopes.shape[1])
    misfits = base.misfits.reshape(-1, 2)
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


def _log_chance(whole: Fit, rest: Fit) -> float:
    """Logarithm of the chance that leaving some points out gains so much by noise alone.

    Snedecor's F with Bonferroni's correction for the choice among all points. The noise of the
    rest is taken to be no less than its sigmas say.
    """
    count = len(whole.problem.places)
    gone = count - len(rest.problem.places)
    freedom = rest.freedom
    if freedom < 1:
        return 0.0
    noise = max(1.0, rest.chi2 / freedom)
    ratio = (whole.chi2 - rest.chi2) / (2 * gone) / noise
    return float(fisher.logsf(ratio, 2 * gone, freedom) + math.log(comb(count, gone)))
