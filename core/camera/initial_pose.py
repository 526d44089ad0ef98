"""First poses for `refine`: from nothing but control points, or with the position known.

Position known: for many focal lengths, the rotation that turns the rays of the pixels best into
the bearings of the points (Kabsch 1976). Unknown: for many focal lengths, SQPnP (Terzakis and
Lourakis 2020); for a panorama, whose points may lie all around, the former from many places.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .camera import Camera, Projection, angles_from_rotation
from .refraction import curvature_drop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .adjustment import AdjustmentProblem

    Floats = NDArray[np.float64]

_FOCALS = {Projection.PINHOLE: (0.4, 6.0), Projection.CYLINDRICAL: (0.15, 6.0)}  # of the width
_STEPS = 40  # focal lengths looked at
_KEPT = 3  # starts of each kind
_KNOWN = 1000.0  # metres: a position with a larger sigma is as good as unknown


def initial_poses(problem: AdjustmentProblem, blank: Camera) -> list[Camera]:
    """Poses to begin with, the best first of each kind.

    Parameters
    ----------
    problem
        At least 3 control points; 4 if the position is unknown.
    blank
        A camera of the right photo and projection; its pose and lens do not matter.
    """
    blank = replace(blank, yaw=0.0, pitch=0.0, roll=0.0, k1=0.0, k2=0.0)
    focals = _focal_lengths(problem, blank)
    found: list[Camera] = []
    if (problem.position_sigmas < _KNOWN).all():
        found += _fit_rotations(problem, blank, focals, problem.position[None])
    if len(problem.points) >= 4:
        if blank.projection is Projection.PINHOLE:
            found += _solve_pnp(problem, blank, focals)
        elif not found:
            found += _fit_rotations(
                problem, blank, focals[::4], _candidate_positions(problem.points)
            )
    return found


def _focal_lengths(problem: AdjustmentProblem, blank: Camera) -> Floats:
    low, high = (blank.width * share for share in _FOCALS[blank.projection])
    if math.isfinite(problem.focal_sigma):
        spread = max(0.15, 3 * problem.focal_sigma / problem.focal)
        low, high = problem.focal / (1 + spread), problem.focal * (1 + spread)
    return np.geomspace(low, high, _STEPS)


def _fit_rotations(
    problem: AdjustmentProblem, blank: Camera, focals: Floats, places: Floats
) -> list[Camera]:
    """The best rotations for focal lengths (F,) at camera positions (M, 3)."""
    turn = blank.rotation_matrix().T
    rays = np.stack([replace(blank, f=f).pixel_rays(problem.pixels) @ turn for f in focals])
    offset = problem.points - places[:, None, :]
    offset[:, :, 2] -= curvature_drop(np.hypot(*np.moveaxis(offset[:, :, :2], 2, 0)))
    bearings = offset / np.linalg.norm(offset, axis=2, keepdims=True)
    weights = 1 / problem.sigmas
    covariance = np.einsum("fni,mnj,n->fmij", rays, bearings, weights**2)
    left, _, right = np.linalg.svd(covariance)
    left[..., 2] *= np.sign(np.linalg.det(left @ right))[..., None]
    axes = left @ right  # world to camera
    missed = np.einsum("fmij,mnj->fmni", axes, bearings) - rays[:, None]
    errors = focals[:, None] * np.sqrt(np.einsum("fmni,n->fm", missed**2, weights**2))
    best = np.argsort(errors, axis=None)
    return [
        _with_pose(blank, places[m], axes[f, m], focals[f])
        for f, m in _select_distinct(np.stack(np.unravel_index(best, errors.shape), axis=1))
    ]


def _solve_pnp(problem: AdjustmentProblem, blank: Camera, focals: Floats) -> list[Camera]:
    """The best poses by SQPnP for focal lengths (F,)."""
    middle = problem.points.mean(axis=0)
    places, pixels = problem.points - middle, problem.pixels
    found: list[tuple[float, int, Camera]] = []
    for index, focal in enumerate(focals):
        lens = np.array([[focal, 0, blank.cx], [0, focal, blank.cy], [0, 0, 1]])
        _, turns, shifts, _ = cv2.solvePnPGeneric(
            places, pixels, lens, None, flags=cv2.SOLVEPNP_SQPNP
        )
        for turn, shift in zip(turns, shifts, strict=True):
            axes = cv2.Rodrigues(turn)[0]
            camera = _with_pose(blank, middle - axes.T @ shift[:, 0], axes, focal)
            error = float(np.sum(problem.normalized_residuals(camera) ** 2))
            if math.isfinite(error):  # else some point lies behind
                found.append((error, index, camera))
    found.sort(key=lambda entry: entry[0])
    chosen = _select_distinct(np.array([(index, 0) for _, index, _ in found]).reshape(-1, 2))
    kept = {index for index, _ in chosen}
    best: dict[int, Camera] = {}
    for _, index, camera in found:
        if index in kept:
            best.setdefault(index, camera)
    return list(best.values())


def _select_distinct(ranked: NDArray[np.intp]) -> list[tuple[int, int]]:
    """The first few of (focal, place) indices (K, 2) whose focal lengths are no neighbours."""
    chosen: list[tuple[int, int]] = []
    for focal, place in ranked.tolist():
        if all(abs(focal - other) > 2 or place != at for other, at in chosen):
            chosen.append((focal, place))
            if len(chosen) == _KEPT:
                break
    return chosen


def _candidate_positions(places: Floats) -> Floats:
    """(M, 3) where the camera may stand: a grid over the points, three heights each."""
    low, high = places.min(axis=0), places.max(axis=0)
    middle, reach = (low + high) / 2, float((high - low)[:2].max())
    side = np.linspace(-1, 1, 21) * reach
    heights = np.unique(np.linspace(low[2], high[2], 3))
    x, y, z = np.meshgrid(middle[0] + side, middle[1] + side, heights)
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)


def _with_pose(blank: Camera, place: Floats, axes: Floats, focal: float) -> Camera:
    yaw, pitch, roll = angles_from_rotation(axes)
    x, y, z = (float(value) for value in place)
    return replace(blank, x=x, y=y, z=z, yaw=yaw, pitch=pitch, roll=roll, f=float(focal))
