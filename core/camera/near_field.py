"""Near field: ground about a camera that is not looked at, as the DEM is wrong there.

A camera on a crest, a roof or a mast stands where DEMs are uncertain by metres, and a metre of
ground that is not there, twenty metres before the camera, hides a valley.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .camera import Camera
    from .ray_casting import Floats, HeightsAt

NEAREST = 20.0
"""Metres: closer ground is not looked at, unless told otherwise."""

_UNKNOWN_HEIGHT = 5.0  # metres: sigma of the height of a camera without covariance
_LEAST_LIMIT = 5.0  # metres under the DEM that are never refused
_LOW = 0.5  # metres below the DEM, from which a camera is below it
_SIGMAS = 3.0
_FARTHEST, _STEP = 250.0, 5.0  # metres
_NEARER, _FLAT = 20.0, 60.0  # times farther than it errs, ground errs by three degrees, by one
_LINES = 33  # azimuths in the photo
_SHARE = 0.9  # of them, along which the ground falls away


@dataclass(frozen=True)
class NearField:
    """How a camera stands on a DEM.

    Attributes
    ----------
    depth
        Metres of the camera under the ground, negative above it; NaN where that is unknown.
    limit
        Three sigma of that, metres: of the camera's height and place, and of the DEM.
    suggested
        Metres not to look at; None where the camera stands clearly above the ground.
    """

    depth: float
    limit: float
    suggested: float | None

    @property
    def is_buried(self) -> bool:
        """Whether the camera is farther under the ground than uncertainty explains."""
        return self.depth > self.limit

    def warnings(self, given: float | None) -> list[str]:
        """Return what to say of it; ``given`` is the near field that is in force, if any."""
        if self.is_buried:
            return [
                f"The camera is {self.depth:.0f} m under the ground of the DEM, and three sigma "
                f"are {self.limit:.0f} m: nothing can be mapped with it. Check its height, its "
                "position, and whether both heights are of one vertical datum (ellipsoidal "
                "heights differ by some 50 m in the Alps)."
            ]
        if self.suggested is None:
            return []
        where = (
            f"{self.depth:.1f} m below the DEM"
            if self.depth > 0
            else f"only {-self.depth:.1f} m above the DEM"
        )
        looked = (
            f"{given:g} m around it are not looked at, as given."
            if given is not None
            else f"the ground within {self.suggested:.0f} m is not looked at, for it may hide the "
            "rest (--near-field M changes that)."
        )
        return [f"The camera is {where}, which is within what is known of both: {looked}"]


def examine_near_field(
    camera: Camera,
    covariance: Sequence[Sequence[float]] | None,
    heights_at: HeightsAt,
    cell: float = 0.0,
    noise: float = 0.0,
) -> NearField:
    """Examine how a camera stands on the ground.

    Parameters
    ----------
    camera, covariance
        The camera, and the covariance of its `record.PARAMETERS`; None if unknown.
    heights_at
        Heights of the ground, NaN where unknown.
    cell, noise
        Size of the DEM's cells and standard deviation of its noise, metres; 0 where unknown.
    """
    x, y, z = (float(value) for value in camera.position)
    ground = _sample(heights_at, np.array([x]), np.array([y]))[0]
    depth = float(ground) - z
    if math.isnan(depth):
        return NearField(math.nan, math.inf, None)
    step = max(cell, _STEP)
    east, north = step * np.array([1, -1, 0, 0]), step * np.array([0, 0, 1, -1])
    around = _sample(heights_at, x + east, y + north)
    rises = np.abs(np.nan_to_num(around - ground)) / step
    slope = math.hypot(max(rises[:2]), max(rises[2:]))
    spread = np.diag(np.asarray(covariance, np.float64))[:3] if covariance is not None else None
    height = _UNKNOWN_HEIGHT**2 if spread is None else spread[2]
    place = (0.0 if spread is None else max(spread[:2])) + cell**2 / 12
    limit = max(_LEAST_LIMIT, _SIGMAS * math.sqrt(height + slope**2 * place + noise**2))
    if depth <= (_LOW if noise < _LOW / 2 else -2 * noise):
        return NearField(depth, limit, None)
    return NearField(depth, limit, _suggest(camera, heights_at, max(depth, noise, 1.0)))


def _suggest(camera: Camera, heights_at: HeightsAt, margin: float) -> float:
    """Return the distance from which on the ground does not matter, metres.

    It errs by the margin (metres), so it is three degrees off at most there. And it lies below the
    camera by the margin along most lines of the view; or, where it is level, is one degree off.
    """
    u = np.linspace(0, camera.width - 1, _LINES)
    azimuth, _ = camera.line_of_sight_angles(np.stack([u, np.full_like(u, camera.cy)], axis=1))
    distance = np.arange(NEAREST, _FARTHEST + _STEP, _STEP)
    x = camera.x + np.sin(azimuth)[:, None] * distance
    y = camera.y + np.cos(azimuth)[:, None] * distance
    ground = _sample(heights_at, x.ravel(), y.ravel()).reshape(x.shape)
    below = ~(ground > camera.z - margin)
    first = np.where(below.any(axis=1), distance[below.argmax(axis=1)], _FARTHEST)
    found = float(np.quantile(first, _SHARE))
    found = min(max(min(found, _FLAT * margin), _NEARER * margin, NEAREST), _FARTHEST)
    return math.ceil(found / 10) * 10.0


def _sample(heights_at: HeightsAt, x: Floats, y: Floats) -> Floats:
    return np.asarray(heights_at(x, y), np.float64)
