"""Rotation of a camera from matches of its pixels in two photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .camera import Camera

    Floats = NDArray[np.float64]

TOLERANCE = 2.0
"""Pixels by which matches that agree may miss a rotation."""

_DRAWS = 400  # of RANSAC
_MARK = 0.3  # px: smallest standard deviation of a match
_SHARED = 0.1  # px: error that all matches may have in common


@dataclass(frozen=True, eq=False)
class RotationFit:
    """Rotation (3, 3) of the camera's axes, fitted to pixels (N, 2) of the old and new photo.

    Attributes
    ----------
    residuals
        (N, 2) new pixels less rotated old ones.
    inliers
        (N,) bool, matches that agree.
    """

    rotation: Floats
    old: Floats
    new: Floats
    residuals: Floats
    inliers: NDArray[np.bool_]

    def covariance(self, camera: Camera) -> Floats:
        """Return the covariance (3, 3) of the rotation vector about the camera's axes, rad^2."""
        if not self.inliers.any():
            return np.full((3, 3), np.inf)
        sigma = max(_MARK, 1.05 * float(np.median(lengths(self.residuals[self.inliers]))))
        rays = camera.camera_rays(self.old[self.inliers])
        information = len(rays) * np.eye(3) - rays.T @ rays
        shared = np.eye(3) * (_SHARED / camera.f) ** 2
        return np.linalg.pinv(information, hermitian=True) * (sigma / camera.f) ** 2 + shared


def rotate_pixels(camera: Camera, pixels: Floats, rotation: Floats, into: Camera) -> Floats:
    """Return where the content of pixels (N, 2) lies in the photo of a camera that was rotated.

    ``into`` is a camera at the same place with the lens of that photo; its angles do not matter.
    """
    return into.project_rays(camera.camera_rays(pixels) @ rotation.T)


def fit_rotation(
    camera: Camera,
    old: Floats,
    new: Floats,
    into: Camera | None = None,
    tolerance: float = TOLERANCE,
) -> RotationFit:
    """Fit a rotation to matches of pixels (N, 2) by RANSAC (MSAC), then to its inliers.

    ``into`` has the lens of the new photo, if that differs.
    """
    into = into or camera
    rotation, inliers = np.eye(3), np.zeros(len(old), bool)
    if len(old) > 2:
        before, after = camera.camera_rays(old), into.camera_rays(new)
        pairs = np.random.default_rng(0).integers(len(old), size=(_DRAWS, 2))
        trials = align_vectors(before[pairs], after[pairs])
        errors = np.linalg.norm(after - before @ trials.transpose(0, 2, 1), axis=2) * into.f
        inliers = errors[np.minimum(errors, tolerance).sum(axis=1).argmin()] < tolerance
        for _ in range(5):
            rotation = align_vectors(before[inliers], after[inliers])
            distance = np.linalg.norm(after - before @ rotation.T, axis=1) * into.f
            limit = 3 * float(np.median(distance[inliers])) if inliers.any() else 0.0
            inliers = distance < min(max(limit, 0.5), tolerance)
    residuals = new - rotate_pixels(camera, old, rotation, into)
    return RotationFit(rotation, old, new, residuals, inliers)


def align_vectors(before: Floats, after: Floats) -> Floats:
    """Return the rotations (..., 3, 3) that best align vectors (..., N, 3) (Kabsch 1976)."""
    left, _, right = np.linalg.svd(np.swapaxes(after, -1, -2) @ before)
    left[..., :, 2] *= np.linalg.det(left @ right)[..., None]  # no reflection
    return np.asarray(left @ right)


def lengths(vectors: Floats) -> Floats:
    """Return the lengths (N,) of vectors (N, 2)."""
    return np.hypot(vectors[:, 0], vectors[:, 1])
