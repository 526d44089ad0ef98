"""Adjustment to control points and to the skyline of the photo.

Which terrain makes the skyline depends on the camera's position, so these points are found anew
after each round of the adjustment; within a round they are fixed, and only their distance from the
photo's skyline counts. Trees and roofs rise above the terrain's skyline and clouds hide it: weights
fall off with the distance (Tukey), and columns beyond a limit do not count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .adjustment import Adjustment, adjust
from .skyline_constraint import SkylineConstraint
from .skyline_fit import SIGMA

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .camera import Camera

    Floats = NDArray[np.float64]

_COUNT = 200  # points that are compared
_LIMITS = (15.0, 7.0, 3.0, 3.0)  # sigmas beyond which a point does not count, per round
_LEAST_SHARE = 0.2  # of the photo's width that must agree
# Independent observations that the skyline of a whole photo counts as: by how its residuals follow
# each other, within these; and the sharpest sigma, pixels (of 1600), of its own residuals.
_WEIGHTS = (8.0, 40.0)
_SHARPEST = 1.0
_SHARP_LIMIT = 3.0  # sigmas: from this round's limit on, sigma and weight are the skyline's own
_SPAN = 0.005  # of the width, to either side, over which the skyline's slope is taken
_NOT_USED = (
    "The skyline was not used: the photo's and the DEM's differ too much at the pose of the "
    "control points. Check the points, the position and that the DEM reaches the horizon."
)


@dataclass(frozen=True, eq=False)
class SkylineObservation:
    """Skyline of a photo, and a source of the terrain's.

    Attributes
    ----------
    rows
        (W,) v at which the sky ends, NaN where unknown; see `skyline_detection.detect_skyline`.
    terrain_points
        Returns the points (N, 3) of terrain that make the skyline for a camera.
    """

    rows: Floats
    terrain_points: Callable[[Camera], Floats]


def adjust_with_skyline(
    fit: Adjustment, skyline: SkylineObservation | None
) -> tuple[Adjustment, list[str]]:
    """Refine an adjustment to control points by the skyline of the photo, if there is one.

    Return the given fit and a warning where the skyline does not agree with it.
    """
    if skyline is None:
        return fit, []
    best = fit
    for limit in _LIMITS:
        constraint = _make_constraint(best.camera, skyline, limit)
        found = constraint and adjust(replace(fit.problem, skyline=constraint), best.camera)
        if not found:
            return fit, [_NOT_USED]
        best = found
    return best, []


def _make_constraint(
    camera: Camera, skyline: SkylineObservation, limit: float
) -> SkylineConstraint | None:
    """Return the constraint of the points that agree; None where these are too few.

    Neighbours along a skyline have correlated errors, so all together weigh as few observations.
    """
    points, projected = _select_across(camera, skyline.terrain_points(camera))
    observed, slope = _interpolate_row(skyline.rows, projected[:, 0])
    length = np.hypot(1, slope)
    sigma = SIGMA * camera.width / 1600
    distance = np.nan_to_num((projected[:, 1] - observed) / length / sigma, nan=np.inf)
    weights = np.maximum(0, 1 - (distance / limit) ** 2) ** 2  # Tukey's
    near = weights > 0
    if weights.sum() < _LEAST_SHARE * len(weights) or not near.any():
        return None
    weight = _WEIGHTS[0]
    if limit <= _SHARP_LIMIT:
        own = distance[near] * sigma
        sigma, weight = _own_sigma(own, sigma, camera.width / 1600), _own_weight(own)
    return SkylineConstraint(
        points[near],
        np.stack([projected[:, 0], observed], axis=1)[near],
        (np.stack([-slope, np.ones_like(slope)], axis=1) / length[:, None])[near],
        sigma * np.sqrt(len(weights) / weight / weights[near]),
    )


def _own_sigma(residuals: Floats, most: float, unit: float) -> float:
    """Return the robust standard deviation of residuals (N,), pixels, within limits."""
    found = 1.4826 * float(np.median(np.abs(residuals)))
    return min(most, max(_SHARPEST * unit, found))


def _own_weight(residuals: Floats) -> float:
    """Return how many independent observations neighbouring residuals (N,) amount to.

    As of a first-order autoregression.
    """
    centred = residuals - residuals.mean()
    spread = float(centred @ centred)
    following = float(centred[1:] @ centred[:-1]) / spread if spread > 0 else 1.0
    count = len(residuals) * (1 - following) / (1 + max(following, 0.0))
    return min(max(count, _WEIGHTS[0]), _WEIGHTS[1])


def _select_across(camera: Camera, points: Floats) -> tuple[Floats, Floats]:
    """Return points (N, 3) evenly across the photo, and their projections (N, 2)."""
    projected = camera.project(points)
    inside = np.flatnonzero((projected[:, 0] >= 0) & (projected[:, 0] <= camera.width - 1))
    chosen = inside[np.linspace(0, len(inside) - 1, min(_COUNT, len(inside))).astype(np.intp)]
    return points[chosen], projected[chosen]


def _interpolate_row(rows: Floats, columns: Floats) -> tuple[Floats, Floats]:
    """Return v of a skyline (W,) at columns (N,), and its slope there; NaN where unknown."""
    u, span = np.arange(len(rows)), _SPAN * len(rows)
    before, at, after = (
        np.interp(columns + shift, u, rows, left=np.nan, right=np.nan) for shift in (-span, 0, span)
    )
    return at, (after - before) / (2 * span)
