"""A photo's skyline beside control points: terrain that has to lie on it.

What the terrain shows against the sky depends on where the camera stands. So the places that make
the skyline are taken from the terrain, and taken anew whenever the pose has been refined; between
two rounds they are places as others are, of which only the distance from the photo's skyline
counts. Trees and roofs stand above the terrain's skyline, and clouds hide it: only the columns
that agree with the pose so far have a say, and the less the farther they are off.
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

_COUNT = 200  # places that are compared
_REACHES = (15.0, 7.0, 3.0, 3.0)  # sigmas beyond which a place has no say, round by round
_FEWEST = 0.2  # of the photo's width that has to agree
_WORTH = 8.0  # independent observations that the skyline of a whole photo counts as
_SPAN = 0.005  # of the width, to either side, over which the skyline's slope is taken
_NOT_USED = (
    "The skyline was not used: the photo's and the DEM's differ too much at the pose of the "
    "control points. Check the points, the position and that the DEM reaches the horizon."
)


@dataclass(frozen=True, eq=False)
class SkylineObservation:
    """The skyline of a photo, and that of the terrain.

    Attributes
    ----------
    rows
        (W,) v at which the sky ends, NaN where unknown; see `sky.photo_skyline`.
    places
        Gives the ground (N, 3) that makes the skyline of a camera's view.
    """

    rows: Floats
    terrain_points: Callable[[Camera], Floats]


def adjust_with_skyline(
    fit: Adjustment, viewshed: SkylineObservation | None
) -> tuple[Adjustment, list[str]]:
    """Let the skyline help.

    Parameters
    ----------
    fit
        Of control points alone.
    viewshed
        Of its photo; None leaves the fit alone.

    Returns
    -------
    fit, warnings
        The same fit, and why, where the skyline does not agree with it.
    """
    if viewshed is None:
        return fit, []
    best = fit
    for reach in _REACHES:
        ridge = _make_constraint(best.camera, viewshed, reach)
        found = ridge and adjust(replace(fit.problem, skyline=ridge), best.camera)
        if not found:
            return fit, [_NOT_USED]
        best = found
    return best, []


def _make_constraint(
    camera: Camera, viewshed: SkylineObservation, reach: float
) -> SkylineConstraint | None:
    """What agrees so far; None where that is too little.

    Neighbours in a skyline err together: all of them weigh as much as a few observations.
    """
    places, drawn = _select_across(camera, viewshed.terrain_points(camera))
    seen, slope = _interpolate_row(viewshed.rows, drawn[:, 0])
    steep = np.hypot(1, slope)
    sigma = SIGMA * camera.width / 1600
    off = np.nan_to_num((drawn[:, 1] - seen) / steep / sigma, nan=np.inf)
    weights = np.maximum(0, 1 - (off / reach) ** 2) ** 2  # Tukey's
    near = weights > 0
    if weights.sum() < _FEWEST * len(weights) or not near.any():
        return None
    return SkylineConstraint(
        places[near],
        np.stack([drawn[:, 0], seen], axis=1)[near],
        (np.stack([-slope, np.ones_like(slope)], axis=1) / steep[:, None])[near],
        sigma * np.sqrt(len(weights) / _WORTH / weights[near]),
    )


def _select_across(camera: Camera, places: Floats) -> tuple[Floats, Floats]:
    """Places (N, 3) evenly across the photo, and where they are drawn (N, 2)."""
    drawn = camera.project(places)
    inside = np.flatnonzero((drawn[:, 0] >= 0) & (drawn[:, 0] <= camera.width - 1))
    chosen = inside[np.linspace(0, len(inside) - 1, min(_COUNT, len(inside))).astype(np.intp)]
    return places[chosen], drawn[chosen]


def _interpolate_row(rows: Floats, columns: Floats) -> tuple[Floats, Floats]:
    """Height v of a skyline (W,) at columns (N,), and its slope there; NaN where unknown."""
    u, span = np.arange(len(rows)), _SPAN * len(rows)
    before, at, after = (
        np.interp(columns + off, u, rows, left=np.nan, right=np.nan) for off in (-span, 0, span)
    )
    return at, (after - before) / (2 * span)
