"""Where a camera looks, from the mountains against the sky alone (B7 of the design note).

The position is taken as known. For every heading and pitch of a coarse grid the skyline of the
picture is compared with that of the terrain; the best few are refined together with roll and
focal length, robustly, for trees, roofs and clouds hide parts of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.optimize import least_squares

from .camera import Camera, Projection

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

SIGMA = 3.0
"""Standard deviation of a skyline found in a picture, pixels."""

_COLUMNS = 240  # of the picture that are compared
_YAWS, _PITCHES = np.arange(0, 360, 0.5), np.arange(-24.0, 25.0, 1.0)  # degrees
_CAP = 40.0  # pixels (of 1600) beyond which a misfit counts no more
_APART = 4.0  # degrees between optima that are different ones
_TRIED = 6
_ROLL_SIGMA, _FOCAL_SIGMA = 3.0, 0.10  # degrees; share
_BOUNDS = np.array([3.0, 4.0, 10.0, 2.0])  # yaw, pitch, roll in degrees; ln f in its sigmas
_FEWEST, _GOOD, _CLEAR = 0.35, 3.5, 2.0  # share of columns; pixels (of 1600); ratio to the next


class Skyline(Protocol):
    """What `core.projection.lines.LinesOfSight` offers of the terrain."""

    def skyline(self, azimuth: ArrayLike) -> Floats:
        """Tangent of the skyline's elevation angle at azimuths, radians."""


@dataclass(frozen=True)
class SkylineFit:
    """The best heading, and whether to believe it.

    Attributes
    ----------
    camera
        Turned, with its focal length adjusted.
    residual_px
        Median distance between the skylines, pixels.
    next_best_px
        That of the best heading elsewhere.
    columns
        Share of the picture's columns in which a skyline was found.
    trusted
        Whether the pose can be used without asking a person.
    reason
        Why not, and what to do; empty if it is.
    """

    camera: Camera
    residual_px: float
    next_best_px: float
    columns: float
    trusted: bool
    reason: str


def fit_skyline(rows: ArrayLike, lines: Skyline, camera: Camera) -> SkylineFit:
    """Turn a camera until the terrain's skyline is that of its picture.

    Parameters
    ----------
    rows
        (W,) v at which the sky ends, NaN where unknown; see `sky.picture_skyline`.
    lines
        The terrain around the camera's position.
    camera
        Position, lens and size count.
    """
    rows = np.asarray(rows, np.float64)
    known = np.flatnonzero(np.isfinite(rows))
    share = len(known) / len(rows)
    if share < 0.1:
        return SkylineFit(camera, math.inf, math.inf, share, False, _few(share))
    chosen = known[np.linspace(0, len(known) - 1, min(_COLUMNS, len(known))).astype(int)]
    pixels = np.stack([chosen.astype(np.float64), rows[chosen]], axis=1)
    found = [_refined(start, pixels, lines) for start in _coarse(camera, pixels, lines)]
    found.sort(key=lambda entry: entry[0])
    residual, best = found[0]
    others = [r for r, other in found[1:] if _between(best.yaw, other.yaw) > _APART]
    following = min(others, default=math.inf)
    unit = camera.width / 1600
    if share < _FEWEST:
        reason = _few(share)
    elif residual > _GOOD * unit:
        reason = (
            f"The skylines differ by {residual:.1f} px at best: check the camera's position, that "
            "the DEM reaches the horizon, and that the sky is clear. Pair control points instead."
        )
    elif following < _CLEAR * residual:
        reason = (
            f"Another heading fits nearly as well ({following:.1f} px, this one {residual:.1f} "
            "px): look at the drawn skyline, and pair control points where it is wrong."
        )
    else:
        reason = ""
    return SkylineFit(best, residual, following, share, not reason, reason)


def skyline_residuals(camera: Camera, pixels: Floats, lines: Skyline) -> Floats:
    """(N,) height of the terrain's skyline over places (N, 2) of the picture's, pixels."""
    azimuth, tangent = camera.directions(pixels)
    over = np.arctan(np.asarray(lines.skyline(azimuth), np.float64)) - np.arctan(tangent)
    return np.nan_to_num(over * camera.f, nan=_CAP, posinf=_CAP, neginf=-_CAP)


def _coarse(camera: Camera, pixels: Floats, lines: Skyline) -> list[Camera]:
    """The best headings and pitches, apart from each other."""
    step = math.radians(float(_YAWS[1]))
    fine = 10  # samples of the skyline for each heading
    table = np.arctan(np.asarray(lines.skyline(np.arange(len(_YAWS) * fine) * step / fine)))
    table = np.nan_to_num(table, nan=-1.0, neginf=-1.0)
    cap = _CAP * camera.width / 1600 / camera.f
    shifts = np.arange(len(_YAWS)) * fine
    errors = np.empty((len(_PITCHES), len(_YAWS)))
    for index, pitch in enumerate(_PITCHES):
        start = replace(camera, yaw=0.0, pitch=float(pitch), roll=0.0)
        azimuth, tangent = start.directions(pixels)
        at = np.rint(azimuth / (step / fine)).astype(int)
        misfit = np.abs(table[(at[:, None] + shifts) % len(table)] - np.arctan(tangent)[:, None])
        errors[index] = np.minimum(misfit, cap).mean(axis=0)
    best: list[Camera] = []
    for place in np.argsort(errors, axis=None):
        pitch, yaw = np.unravel_index(place, errors.shape)
        if all(_between(float(_YAWS[yaw]), other.yaw) > _APART for other in best):
            best.append(
                replace(camera, yaw=float(_YAWS[yaw]), pitch=float(_PITCHES[pitch]), roll=0.0)
            )
            if len(best) == _TRIED:
                break
    return best


def _refined(start: Camera, pixels: Floats, lines: Skyline) -> tuple[float, Camera]:
    """Median misfit and camera of the optimum near a start."""

    def moved(step: Floats) -> Camera:
        yaw, pitch, roll, focal = step
        return replace(
            start,
            yaw=(start.yaw + yaw) % 360,
            pitch=start.pitch + pitch,
            roll=roll,
            f=start.f * math.exp(_FOCAL_SIGMA * focal),
        )

    def values(step: Floats) -> Floats:
        camera = moved(step)
        misfits = skyline_residuals(camera, pixels, lines) / SIGMA
        return np.concatenate([misfits, [step[2] / _ROLL_SIGMA, step[3]]])

    step = np.zeros(4)
    for loss in (30.0, 3.0, 1.0):  # from far to near: skylines have many bumps
        step = least_squares(
            values, step, loss="soft_l1", f_scale=loss, diff_step=1e-3, x_scale=(1, 1, 1, 0.3),
            bounds=(-_BOUNDS, _BOUNDS), max_nfev=40,
        ).x  # fmt: skip
    camera = moved(step)
    if camera.projection is Projection.CYLINDRICAL:
        camera = replace(camera, f=start.f)
    return float(np.median(np.abs(skyline_residuals(camera, pixels, lines)))), camera


def _between(first: float, second: float) -> float:
    return abs((first - second + 180) % 360 - 180)


def _few(share: float) -> str:
    return (
        f"A skyline was found in {share:.0%} of the picture's columns only: take a clear day's "
        "picture that shows the mountains against the sky, or pair control points."
    )
