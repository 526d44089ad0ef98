"""Diagnosis: a common mistake in all control points, without which they would fit well."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CameraError
from .validation import FEET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .adjustment import Adjustment, AdjustmentProblem
    from .camera import Camera

_POOR = 0.005  # of the photo's width: rms from which a mistake is sought
_LEAST_POINTS, _GAIN = 6, 5.0  # a hypothesis must make the rms so many times smaller


def reject_common_mistake(
    fit: Adjustment,
    problem: AdjustmentProblem,
    solve: Callable[[AdjustmentProblem, Camera], Adjustment | None],
) -> None:
    """Refuse a poor pose that one common mistake explains.

    `fit` is the best pose, perhaps without outliers; `problem` has all points. `solve` returns the
    best pose of a problem, for the photo size and projection of a camera.

    Raises
    ------
    CameraError
        With the mistake and how to correct it.
    """
    if fit.rms < _POOR * fit.camera.width or len(problem.points) < _LEAST_POINTS:
        return
    for hypothesis, describe in _hypotheses(problem, fit.camera):
        other = solve(hypothesis, fit.camera)
        if other is not None and other.rms < fit.rms / _GAIN:
            raise CameraError(
                f"The best pose misses its control points by {fit.rms:.0f} pixels, but by "
                f"{other.rms:.1f} pixels only {describe(other.camera)}"
            )


def _hypotheses(
    problem: AdjustmentProblem, camera: Camera
) -> Iterator[tuple[AdjustmentProblem, Callable[[Camera], str]]]:
    """Yield problems with one mistake undone, and its description, given the resulting pose."""
    upwards = problem.pixels * (1, -1) + (0, camera.height - 1)
    yield replace(problem, pixels=upwards), _flipped
    yield replace(problem, points=problem.points * (1, 1, FEET)), _in_feet
    if np.isfinite(problem.position_sigmas).all():
        yield replace(problem, position_sigmas=np.full(3, math.inf)), _elsewhere


def _flipped(camera: Camera) -> str:
    if abs(camera.roll) < 90:
        return "if v_px is counted from the bottom: count it downwards from the top."
    return "if the photo is mirrored: count u_px from the left of the true photo."


def _in_feet(_: Camera) -> str:
    return "if z is in feet: multiply it by 0.3048."


def _elsewhere(camera: Camera) -> str:
    return (
        f"if the camera stands at ({camera.x:.0f}, {camera.y:.0f}, {camera.z:.0f}), not at the "
        "position given. Correct it, or give it a larger sigma."
    )
