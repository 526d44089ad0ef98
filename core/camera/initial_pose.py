"""Initial poses for the adjustment, from control points.

With the position known: for a range of focal lengths, the rotation that best aligns pixel rays
with the directions to the points (Kabsch 1976). Unknown: for a range of focal lengths, SQPnP
(Terzakis and Lourakis 2020); for a panorama, whose points may lie all around, the former from a
grid of positions.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .camera import Camera, angles_from_rotation
from .lens import Projection
from .refraction import curvature_drop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .adjustment import AdjustmentProblem

    Floats = NDArray[np.float64]

_FOCALS = {  # of the width
    Projection.PINHOLE: (0.4, 6.0),
    Projection.CYLINDRICAL: (0.15, 6.0),
    Projection.EQUIRECTANGULAR: (0.15, 6.0),
    Projection.FISHEYE: (0.15, 2.0),
}
_FOCAL_COUNT = 40  # focal lengths tried
_POSE_COUNT = 3  # poses returned by each method
_KNOWN_SIGMA = 1000.0  # metres: a position with a larger sigma counts as unknown


def initial_poses(problem: AdjustmentProblem, blank: Camera) -> list[Camera]:
    """Find initial poses, the best first of each method.

    At least 3 control points are needed, 4 if the position is unknown. `blank` is a camera with the
    photo's size, projection and lens; its pose, focal length and k1 are ignored.
    """
    blank = replace(blank, yaw=0.0, pitch=0.0, roll=0.0, k1=problem.k1)
    focals = _focal_lengths(problem, blank)
    found: list[Camera] = []
    if (problem.position_sigmas < _KNOWN_SIGMA).all():
        found += _fit_rotations(problem, blank, focals, problem.position[None])
    if len(problem.points) >= 4:
        if blank.projection is Projection.PINHOLE:
            found += _solve_pnp(problem, blank, focals)
        elif not found:
            positions = _candidate_positions(problem.points)
            found += _fit_rotations(problem, blank, focals[::4], positions)
    return found


def poses_at(problem: AdjustmentProblem, blank: Camera) -> list[Camera]:
    """Find initial poses at the prior's position, the best first, from 2 control points or more."""
    blank = replace(blank, yaw=0.0, pitch=0.0, roll=0.0, k1=problem.k1)
    return _fit_rotations(problem, blank, _focal_lengths(problem, blank), problem.position[None])


def _focal_lengths(problem: AdjustmentProblem, blank: Camera) -> Floats:
    low, high = (blank.width * share for share in _FOCALS[blank.projection])
    if math.isfinite(problem.focal_sigma):
        spread = max(0.15, 3 * problem.focal_sigma / problem.focal)
        low, high = problem.focal / (1 + spread), problem.focal * (1 + spread)
    return np.geomspace(low, high, _FOCAL_COUNT)


def _fit_rotations(
    problem: AdjustmentProblem, blank: Camera, focals: Floats, positions: Floats
) -> list[Camera]:
    """Find the best rotations for focal lengths (F,) at camera positions (M, 3)."""
    to_camera = blank.rotation_matrix().T
    rays = np.stack([replace(blank, f=f).pixel_rays(problem.pixels) @ to_camera for f in focals])
    seeing = np.isfinite(rays).all(axis=(1, 2))  # of which the lens sees all pixels
    rays, focals = rays[seeing], focals[seeing]
    offset = problem.points - positions[:, None, :]
    offset[:, :, 2] -= curvature_drop(np.hypot(*np.moveaxis(offset[:, :, :2], 2, 0)))
    bearings = offset / np.linalg.norm(offset, axis=2, keepdims=True)
    weights = 1 / problem.sigmas
    covariance = np.einsum("fni,mnj,n->fmij", rays, bearings, weights**2)
    left, _, right = np.linalg.svd(covariance)
    left[..., 2] *= np.sign(np.linalg.det(left @ right))[..., None]
    rotations = left @ right  # world to camera
    misses = np.einsum("fmij,mnj->fmni", rotations, bearings) - rays[:, None]
    errors = focals[:, None] * np.sqrt(np.einsum("fmni,n->fm", misses**2, weights**2))
    best = np.argsort(errors, axis=None)
    return [
        _with_pose(blank, positions[m], rotations[f, m], focals[f])
        for f, m in _select_distinct(np.stack(np.unravel_index(best, errors.shape), axis=1))
    ]


def _solve_pnp(problem: AdjustmentProblem, blank: Camera, focals: Floats) -> list[Camera]:
    """Find the best poses by SQPnP for focal lengths (F,)."""
    centre = problem.points.mean(axis=0)
    points = problem.points - centre
    found: list[tuple[float, int, Camera]] = []
    for index, focal in enumerate(focals):
        rays = replace(blank, f=float(focal)).camera_rays(problem.pixels)
        plane = rays[:, :2] / rays[:, 2:]
        if not np.isfinite(plane).all():  # beyond what the lens sees at that focal length
            continue
        _, vectors, shifts, _ = cv2.solvePnPGeneric(
            points, plane, np.eye(3), None, flags=cv2.SOLVEPNP_SQPNP
        )
        for vector, shift in zip(vectors, shifts, strict=True):
            rotation = cv2.Rodrigues(vector)[0]
            camera = _with_pose(blank, centre - rotation.T @ shift[:, 0], rotation, focal)
            error = float(np.sum(problem.normalized_residuals(camera) ** 2))
            if math.isfinite(error):  # else a point lies behind the camera
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
    """Return the first (focal, position) indices of (K, 2) whose focal lengths are not adjacent."""
    chosen: list[tuple[int, int]] = []
    for focal, position in ranked.tolist():
        if all(abs(focal - other) > 2 or position != at for other, at in chosen):
            chosen.append((focal, position))
            if len(chosen) == _POSE_COUNT:
                break
    return chosen


def _candidate_positions(points: Floats) -> Floats:
    """Return camera positions (M, 3): a grid over the points (N, 3), at three heights."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, reach = (low + high) / 2, float((high - low)[:2].max())
    side = np.linspace(-1, 1, 21) * reach
    heights = np.unique(np.linspace(low[2], high[2], 3))
    x, y, z = np.meshgrid(middle[0] + side, middle[1] + side, heights)
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)


def _with_pose(blank: Camera, position: Floats, rotation: Floats, focal: float) -> Camera:
    yaw, pitch, roll = angles_from_rotation(rotation)
    x, y, z = position.tolist()
    return replace(blank, x=x, y=y, z=z, yaw=yaw, pitch=pitch, roll=roll, f=float(focal))
