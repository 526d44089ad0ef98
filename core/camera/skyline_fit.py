"""Orientation of a camera from its skyline, without control points.

The position is known. Headings at which the terrain's skyline resembles the photo's are searched
all round; the best are refined together with pitch, roll and focal length. Trees, roofs and clouds
hide parts of a skyline, so a fit is rated by the share of the photo's width that agrees, not by
the distance of the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.optimize import least_squares

from .skyline_search import APART, heading_difference, search_headings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from .camera import Camera

    Floats = NDArray[np.float64]

SIGMA = 3.0
"""Standard deviation of a skyline detected in a photo 1600 pixels wide, pixels."""

_COLUMNS = 240  # of the photo that are compared
_REACH = 3.75  # sigmas at which the agreement of a column falls to 0
_HEADING_SIGMAS = 3.0  # from the heading given, within which is searched
_FAR = 1e3  # pixels: distance of a column whose skyline is unknown
_ROLL_SIGMA = 3.0  # degrees
_BOUNDS = np.array([3.0, 4.0, 10.0, 3.0])  # yaw, pitch, roll in degrees; ln f in its sigmas
# Share of the width that must agree; the share of it that may agree elsewhere; and the residual,
# in pixels (of 1600) per share that agrees here but not elsewhere. By chance, other mountains reach
# 60 % of the width, within 2 px, 1.7 times what they reach elsewhere; hence no wider limits.
_FEWEST, _CLEAR, _GOOD = 0.25, 0.7, 7.0
# Or, where the skylines agree sharply: the same shares with limits of the fit's own residual, which
# is at most so many pixels. By chance, other headings then reach 83 % and more of the best one.
_SHARP_CLEAR, _SHARP, _OWN, _SHARPEST = 0.75, 1.6, 1.5, 1.0
_RIVALS = 3  # other headings that are named


class TerrainSkyline(Protocol):
    """Source of the terrain's skyline: `core.projection.lines_of_sight.LinesOfSight`."""

    def skyline(self, azimuth: ArrayLike) -> Floats:
        """Return the tangent of the skyline's elevation angle at azimuths, radians."""


@dataclass(frozen=True)
class SkylineFit:
    """Best orientation, and whether it can be trusted.

    Attributes
    ----------
    camera
        Camera with orientation and focal length fitted.
    residual_px
        Median distance between the skylines where they agree, pixels.
    agreeing
        Share of the photo's width where they agree; columns are weighted by their distance.
    next_best
        The same share at the best heading elsewhere.
    columns
        Share of the photo's columns in which a skyline was detected.
    trusted
        Whether the pose can be used without asking the user.
    reason
        Why not, and what to do; empty if trusted.
    """

    camera: Camera
    residual_px: float
    agreeing: float
    next_best: float
    columns: float
    trusted: bool
    reason: str


def fit_skyline(
    rows: ArrayLike,
    lines: TerrainSkyline,
    camera: Camera,
    focal_sigma: float = 0.10,
    heading: float | None = None,
    heading_sigma: float = 15.0,
) -> SkylineFit:
    """Find the orientation at which the terrain's skyline matches that of the photo.

    Parameters
    ----------
    rows
        (W,) v at which the sky ends, NaN where unknown; see `detect_skyline`.
    lines
        Lines of sight from the camera's position, such as of `core.projection.trace_horizon`.
    camera
        Camera of which position, lens and size are used.
    focal_sigma
        Standard deviation of its focal length, as a share of it.
    heading, heading_sigma
        Grid azimuth that it looks to, and its standard deviation, degrees: no heading farther off
        than three of these is tried. None searches all round.
    """
    rows = np.asarray(rows, np.float64)
    known = np.flatnonzero(np.isfinite(rows))
    share = len(known) / len(rows)
    if share < _FEWEST:
        reason = (
            f"A skyline was found in {share:.0%} of the photo's columns only: take a clear day's "
            "photo that shows the mountains against the sky, or pair control points."
        )
        return SkylineFit(camera, math.inf, 0.0, 0.0, share, False, reason)
    chosen = known[np.linspace(0, len(known) - 1, min(_COLUMNS, len(known))).astype(int)]
    pixels = np.stack([chosen.astype(np.float64), rows[chosen]], axis=1)
    within = (
        (0.0, 180.0) if heading is None else (heading, max(1.0, _HEADING_SIGMAS * heading_sigma))
    )
    starts = search_headings(
        pixels, lambda at: np.arctan(lines.skyline(at)), camera, focal_sigma, within
    )
    found = [_refine(start, camera.f, focal_sigma, pixels, lines) for start in starts]
    found.sort(key=lambda entry: -entry[0])
    agreeing, residual, best = found[0]
    others = [entry for entry in found if heading_difference(best.yaw, entry[2].yaw) > APART]
    agreeing, following = agreeing * share, (others[0][0] if others else 0.0) * share
    unit = camera.width / 1600
    sigma = max(_SHARPEST * unit, _OWN * residual)
    sharp = [
        share * _agreement(other, pixels, lines, sigma)
        for other in (best, *(other for _, _, other in others))
    ]
    reason = ""
    if not (residual < _SHARP * unit and _is_clear(sharp[0], max(sharp[1:], default=0.0))):
        rivals = _distinct([o.yaw for worth, _, o in others if worth * share > _CLEAR * agreeing])
        reason = _reason_for_doubt(agreeing, following, residual, unit, best.yaw, rivals)
    return SkylineFit(best, residual, agreeing, following, share, not reason, reason)


def _is_clear(agreeing: float, following: float) -> bool:
    return agreeing >= _FEWEST and following < _SHARP_CLEAR * agreeing


def _distinct(headings: Sequence[float]) -> list[float]:
    """Return the first headings that lie apart."""
    kept: list[float] = []
    for heading in headings:
        if all(heading_difference(heading, other) > APART for other in kept):
            kept.append(heading)
    return kept[:_RIVALS]


def _agreement(camera: Camera, pixels: Floats, lines: TerrainSkyline, sigma: float) -> float:
    """Return the share of columns that agree, weighted by their distance in sigmas (pixels)."""
    distance = np.abs(skyline_residuals(camera, pixels, lines)) / sigma
    return float(np.maximum(0, 1 - (distance / _REACH) ** 2).mean())


def skyline_residuals(camera: Camera, pixels: Floats, lines: TerrainSkyline) -> Floats:
    """Return heights (N,) of the terrain's skyline over pixels (N, 2) of the photo's, pixels."""
    azimuth, tangent = camera.line_of_sight_angles(pixels)
    above = np.arctan(np.asarray(lines.skyline(azimuth), np.float64)) - np.arctan(tangent)
    return np.nan_to_num(above * camera.f, nan=_FAR, posinf=_FAR, neginf=-_FAR)


def _refine(
    start: Camera, focal: float, focal_sigma: float, pixels: Floats, lines: TerrainSkyline
) -> tuple[float, float, Camera]:
    """Return agreeing share, median residual there (pixels) and camera of the nearest optimum."""
    sigma = SIGMA * start.width / 1600

    def apply(step: Floats) -> Camera:
        yaw, pitch, roll, stretch = step
        return replace(
            start,
            yaw=float(start.yaw + yaw) % 360,
            pitch=float(start.pitch + pitch),
            roll=float(roll),
            f=focal * math.exp(focal_sigma * stretch),
        )

    def residuals(step: Floats) -> Floats:
        skyline = skyline_residuals(apply(step), pixels, lines) / sigma
        return np.concatenate([skyline, [step[2] / _ROLL_SIGMA, step[3]]])

    first = np.array([0.0, 0.0, 0.0, math.log(start.f / focal) / focal_sigma])
    step = least_squares(  # a narrow loss from the start: a wide one would follow the trees
        residuals, first, loss="cauchy", diff_step=1e-4, x_scale=(1, 1, 1, 0.3),
        bounds=(-_BOUNDS, _BOUNDS), max_nfev=40,
    ).x  # fmt: skip
    camera = apply(step)
    distance = np.abs(skyline_residuals(camera, pixels, lines)) / sigma
    near = distance[distance < _REACH]
    residual = float(np.median(near)) * sigma if near.size else math.inf
    return float(np.maximum(0, 1 - (distance / _REACH) ** 2).mean()), residual, camera


def _reason_for_doubt(
    agreeing: float,
    following: float,
    residual: float,
    unit: float,
    heading: float,
    rivals: Sequence[float],
) -> str:
    """Return why the user has to check a fit, and what to do; empty if it can be trusted."""
    if following > _CLEAR * agreeing >= _CLEAR * _FEWEST:
        named = " and ".join(f"{rival:.1f}" for rival in rivals)
        return (
            f"Another heading fits nearly as well: {named} degrees of the grid (over "
            f"{following:.0%} of the photo's width; the best, {heading:.1f}, over {agreeing:.0%}). "
            "Look at the drawn skyline, give the heading if you know it, and pair control points "
            "where it is wrong."
        )
    if agreeing < _FEWEST or residual > _GOOD * unit * (agreeing - following):
        return (
            f"The skylines agree over {agreeing:.0%} of the photo's width at best, there within "
            f"{residual:.1f} px: check the camera's position and focal length, that the DEM "
            "reaches the horizon, and that the sky is clear. Pair control points instead."
        )
    return ""
