"""A camera that was aimed anew, or zoomed: its view found roughly, by features of any place.

SIFT features are matched, and a rotation, with a zoom where more of them agree with one, is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .rotation_fit import fit_rotation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .camera import Camera

    Floats = NDArray[np.float64]
    Photo = NDArray[np.uint8]

_HALF = 2  # photos are searched at half of their size
_FEATURES = 2000
_RATIO = 0.8  # of the distances of the nearest and the second feature
_FEWEST = 8  # matches that agree
_ZOOMED = 1.5  # times as many matches agree with a zoom as without
_STEP = 16  # pixels between which a warp is linear


@dataclass(frozen=True, eq=False)
class Aim:
    """A rough view: rotation (3, 3) of the camera's axes, and the camera with the new lens."""

    rotation: Floats
    lens: Camera


def find_aim(old: Photo, new: Photo, camera: Camera, lens: Camera) -> Aim | None:
    """Find how a camera was turned, by any angle, and zoomed.

    Parameters
    ----------
    old, new
        (H, W, 3) uint8 RGB.
    camera
        Of the old photo.
    lens
        Of the new photo, before a zoom.
    """
    small, other = (c.resized(c.width // _HALF, c.height // _HALF) for c in (camera, lens))
    before, after = _match_features(_grey(old, small), _grey(new, other))
    plain = fit_rotation(small, before, after, other)
    best, zoom = plain, 1.0
    if not camera.projection.is_panorama and len(before) > _FEWEST:
        ratio = _zoom(small, other, before, after)
        zoomed = fit_rotation(small, before, after, replace(other, f=other.f * ratio))
        if zoomed.inliers.sum() > max(_FEWEST, _ZOOMED * plain.inliers.sum()):
            best, zoom = zoomed, ratio
    if best.inliers.sum() < _FEWEST:
        return None
    return Aim(best.rotation, replace(lens, f=lens.f * zoom))


def seen_by(
    photo: NDArray[np.uint8], lens: Camera, rotation: Floats, camera: Camera
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a photo as another camera at its place would have taken it, and where it shows any.

    Parameters
    ----------
    photo
        (H', W') or (H', W', 3) of ``lens``.
    rotation
        From the axes of ``camera`` to those of the photo's.
    camera
        The other, for (H, W).
    """
    width, height = camera.width, camera.height
    cols, rows = np.arange(0, width + _STEP, _STEP), np.arange(0, height + _STEP, _STEP)
    grid = np.stack(np.meshgrid(cols, rows), axis=-1).reshape(-1, 2).astype(np.float64)
    places = np.nan_to_num(lens.project_rays(camera.camera_rays(grid) @ rotation.T), nan=-1e4)
    coarse = places.reshape(len(rows), len(cols), 2).astype(np.float32)
    at_cols, at_rows = np.meshgrid(
        np.arange(width, dtype=np.float32) / _STEP, np.arange(height, dtype=np.float32) / _STEP
    )
    full = cv2.remap(coarse, at_cols, at_rows, cv2.INTER_LINEAR)
    warped = cv2.remap(photo, full, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    size = np.array([lens.width, lens.height]) - 0.5
    return np.asarray(warped), np.asarray(((full > -0.5) & (full < size)).all(axis=2))


def _grey(photo: Photo, camera: Camera) -> Photo:
    """Return a photo in the camera's size, of equalized contrast."""
    small = cv2.resize(photo, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    equalise = cv2.createCLAHE(4.0, (8, 8))
    return np.asarray(equalise.apply(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)))


def _match_features(old: Photo, new: Photo) -> tuple[Floats, Floats]:
    """Return pixels (N, 2) of both photos whose SIFT features are alike."""
    sift = cv2.SIFT.create(_FEATURES)
    found = [sift.detectAndCompute(photo, None) for photo in (old, new)]
    if any(descriptors is None or len(descriptors) < 2 for _, descriptors in found):
        return np.empty((0, 2)), np.empty((0, 2))
    (points, descriptors), (other_points, other_descriptors) = found
    ranked = cv2.BFMatcher().knnMatch(descriptors, other_descriptors, k=2)
    matches = [first for first, second in ranked if first.distance < _RATIO * second.distance]
    before = np.array([points[match.queryIdx].pt for match in matches]).reshape(-1, 2)
    after = np.array([other_points[match.trainIdx].pt for match in matches]).reshape(-1, 2)
    return before, after


def _zoom(camera: Camera, lens: Camera, old: Floats, new: Floats) -> float:
    """Return the ratio of the focal length to that of ``lens`` of most matches; 1 if unclear.

    The homography between the lenses' planes is a rotation, its first two rows times the ratio.
    """
    before, after = (
        c.distortion.undo((pixels - (c.cx, c.cy)) / c.f) * c.f
        for c, pixels in ((camera, old), (lens, new))
    )
    matrix, _ = cv2.findHomography(before, after, cv2.RANSAC, 3.0, maxIters=4000)
    if matrix is None:
        return 1.0
    scale = np.diag([1 / lens.f, 1 / lens.f, 1]) @ matrix @ np.diag([camera.f, camera.f, 1])
    first, second, third = np.linalg.norm(scale, axis=1)
    ratio = float(np.sqrt(first * second) / third) if third > 0 else 1.0
    return ratio if 0.2 < ratio < 5 else 1.0
