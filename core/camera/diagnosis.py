"""Common mistakes in control points, told by the fit: without one, all points would fit well."""

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

_POOR = 0.005  # of the photo's width: residuals for which a mistake is looked for
_MANY, _BETTER = 6, 5.0  # in at least so many points, and that makes them so much smaller


def reject_common_mistake(
    fit: Adjustment,
    problem: AdjustmentProblem,
    optimum: Callable[[AdjustmentProblem, Camera], Adjustment | None],
) -> None:
    """Refuse a poor pose that one common mistake explains.

    Parameters
    ----------
    fit
        The best pose; it may leave points out.
    problem
        With all points.
    optimum
        The best pose of a problem, for the photo and projection of a camera.

    Raises
    ------
    CameraError
        That names the mistake.
    """
    if fit.rms < _POOR * fit.camera.width or len(problem.points) < _MANY:
        return
    for trial, text in _hypotheses(problem, fit.camera):
        other = optimum(trial, fit.camera)
        if other is not None and other.rms < fit.rms / _BETTER:
            raise CameraError(
                f"The best pose misses its control points by {fit.rms:.0f} pixels, but by "
                f"{other.rms:.1f} pixels only {text(other.camera)}"
            )


def _hypotheses(
    problem: AdjustmentProblem, camera: Camera
) -> Iterator[tuple[AdjustmentProblem, Callable[[Camera], str]]]:
    """Problems without a mistake each, and how to say it, by the pose that they lead to."""
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
        f"if the camera stands at ({camera.x:.0f}, {camera.y:.0f}, {camera.z:.0f}), not where you "
        "said. Correct its position, or give it a larger sigma."
    )
