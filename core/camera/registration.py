"""Registration: the pose of a webcam that moved a little, from another photo of it.

A webcam rotates on its mast and hardly translates, so one rotation explains the motion of all
distant terrain. Patches of terrain are matched, and a rotation is fitted to those that agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..errors import CameraError
from . import patch_matching
from .skyline_detection import detect_skyline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .camera import Camera

    Floats = NDArray[np.float64]

FARTHEST = 20.0
"""Shift beyond which the user is asked, pixels; all lengths here are of a photo of `AREA`."""

FEWEST = 15
"""Patches that must agree."""

AREA = 1600 * 1000
"""Photos are resized to about this number of pixels."""

_LEVELS = (0.5, 1.0)  # scales, coarse to fine
_TOLERANCE = 2.0  # px, of inliers
_SHARE = 0.3  # of the patches that must agree
_SPREAD = 0.07  # standard deviation of the inliers, of the photo's sides
_RESIDUAL = 1.2  # px
_ZOOMED = 1.5  # times as many patches agree with a zoom as without
_DRAWS = 400  # of RANSAC
_DARK, _FLAT = 30, 0.35  # mean grey value; contrast compared with the reference


@dataclass(frozen=True)
class Registration:
    """Pose of a new photo relative to the reference photo.

    Attributes
    ----------
    camera
        Camera of the new photo, in its size; not rotated if fewer than `FEWEST` patches agree.
    turn_deg
        Rotation vector about the camera's axes right, down, forward, degrees.
    shift_px
        Median displacement of terrain, pixels of the reference photo.
    residual_px
        Median residual of the patches that agree, pixels of the reference photo.
    patches, offered
        Number of patches that agree, and of those selected.
    trusted
        Whether the pose can be used without asking the user.
    reason
        For the user: the shift, or why the pose is not trusted and what to do.
    """

    camera: Camera
    turn_deg: tuple[float, float, float]
    shift_px: float
    residual_px: float
    patches: int
    offered: int
    trusted: bool
    reason: str

    @property
    def quality(self) -> float:
        """Share of the patches that agree, 0 to 1."""
        return self.patches / self.offered


@dataclass(frozen=True, eq=False)
class _RotationFit:
    """Rotation (3, 3) of the camera's axes, fitted to pixels (N, 2) of the old and new photo.

    Attributes
    ----------
    residuals
        (N, 2) new pixels less rotated old ones.
    inliers
        (N,) bool, patches that agree.
    """

    rotation: Floats
    old: Floats
    new: Floats
    residuals: Floats
    inliers: NDArray[np.bool_]


def register(
    reference: NDArray[np.uint8],
    new: NDArray[np.uint8],
    camera: Camera,
    foreground: NDArray[np.bool_] | None = None,
) -> Registration:
    """Find how a camera rotated between two photos; check `Registration.trusted` before use.

    Parameters
    ----------
    reference
        (H, W, 3) uint8 RGB, the photo that was posed.
    new
        (H', W', 3) uint8 RGB of the same view, in any size of the same aspect ratio.
    camera
        Camera of the reference photo.
    foreground
        (H, W), True on roofs, masts, logos and time stamps, which do not move as the terrain does.

    Raises
    ------
    CameraError
        If the new photo has another aspect ratio, the reference photo another size than the
        camera, or the reference photo shows too little terrain.

    Examples
    --------
    >>> import cv2, numpy as np
    >>> from core.camera import Camera, register
    >>> noise = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    >>> photo = cv2.resize(noise, (1200, 800), interpolation=cv2.INTER_CUBIC)
    >>> camera = Camera(1200, 800, x=0, y=0, z=0, yaw=0, pitch=0, roll=0, f=1500)
    >>> moved = register(photo, np.roll(photo, 3, axis=1), camera)
    >>> moved.trusted, round(moved.shift_px)
    (True, 3)
    """
    if reference.shape[:2] != (camera.height, camera.width):
        raise CameraError(
            f"The reference photo has {reference.shape[1]} x {reference.shape[0]} pixels, its "
            f"camera {camera.width} x {camera.height}: take the photo the camera was posed in."
        )
    result = camera.resized(new.shape[1], new.shape[0])
    scale = math.sqrt(AREA / (camera.width * camera.height))
    size = round(camera.width * scale), round(camera.height * scale)
    work = camera.resized(*size)
    old, now = _shrink(reference, size), _shrink(new, size)
    at = _select_patches(old, foreground)
    found = _find_rotation(old, now, work, at)
    count = int(found.inliers.sum())
    rotation = found.rotation if count >= FEWEST else np.eye(3)  # a few agree with any rotation
    shift = float(np.median(_lengths(_rotate_pixels(work, at, rotation) - at)))
    residual = float(np.median(_lengths(found.residuals[found.inliers]))) if count else math.inf
    doubt = _reason_for_doubt(found, work, len(at), shift, residual, _describe_change(old, now))
    vector = np.degrees(cv2.Rodrigues(rotation)[0].ravel())
    return Registration(
        camera=result.rotated(rotation),
        turn_deg=(float(vector[0]), float(vector[1]), float(vector[2])),
        shift_px=shift / scale,
        residual_px=residual / scale,
        patches=count,
        offered=len(at),
        trusted=not doubt,
        reason=doubt or f"The terrain moved by {shift / scale:.1f} pixels.",
    )


def _shrink(photo: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA))


def _select_patches(photo: NDArray[np.uint8], foreground: NDArray[np.bool_] | None) -> Floats:
    """Return the centres (N, 2) of patches of terrain."""
    height, width = photo.shape[:2]
    skyline = np.nan_to_num(detect_skyline(photo))
    usable = np.arange(height)[:, None] >= skyline
    if foreground is not None:
        usable &= cv2.resize(foreground.astype(np.uint8), (width, height)) == 0
    at = patch_matching.select_patches(patch_matching.edge_field(photo), usable)
    if len(at) < FEWEST:
        raise CameraError(
            "The reference photo shows too little terrain that could be found again: take a "
            "clear one as reference, or mark less of it as foreground."
        )
    return at


# --- the rotation ----------------------------------------------------------------------------


def _find_rotation(
    old: NDArray[np.uint8], new: NDArray[np.uint8], camera: Camera, at: Floats
) -> _RotationFit:
    """Find the rotation that most patches agree with: a small one or, failing that, any."""
    found = _track(old, new, camera, at, np.eye(3))
    if found.inliers.sum() < max(FEWEST, _SHARE * len(at)):
        initial = _sift_rotation(old, new, camera)
        other = found if initial is None else _track(old, new, camera, at, initial)
        if other.inliers.sum() > found.inliers.sum():
            return other
    return found


def _track(
    old: NDArray[np.uint8], new: NDArray[np.uint8], camera: Camera, at: Floats, rotation: Floats
) -> _RotationFit:
    """Match patches near where a rotation predicts them, and refine it, coarse to fine."""
    for level in _LEVELS:
        size = round(camera.width * level), round(camera.height * level)
        small = camera.resized(*size)
        fields = [patch_matching.edge_field(_shrink(photo, size)) for photo in (old, new)]
        centres = np.rint((at + 0.5) * level - 0.5)
        centres, matches = patch_matching.match_patches(
            fields[0], fields[1], centres, _rotate_pixels(small, centres, rotation)
        )
        fit = _fit_rotation(small, centres, matches)
        rotation = fit.rotation
    return fit


def _rotate_pixels(camera: Camera, pixels: Floats, rotation: Floats) -> Floats:
    """Return where the content of pixels (N, 2) moves when the camera is rotated."""
    return camera.project_rays(camera.pixel_rays(pixels) @ (rotation @ camera.rotation_matrix()).T)


def _fit_rotation(camera: Camera, old: Floats, new: Floats) -> _RotationFit:
    """Fit a rotation to matches of pixels (N, 2) by RANSAC (MSAC), then to its inliers."""
    rotation, inliers = np.eye(3), np.zeros(len(old), bool)
    if len(old) > 2:
        to_camera = camera.rotation_matrix().T
        before, after = camera.pixel_rays(old) @ to_camera, camera.pixel_rays(new) @ to_camera
        pairs = np.random.default_rng(0).integers(len(old), size=(_DRAWS, 2))
        trials = _kabsch(before[pairs], after[pairs])
        errors = np.linalg.norm(after - before @ trials.transpose(0, 2, 1), axis=2) * camera.f
        inliers = errors[np.minimum(errors, _TOLERANCE).sum(axis=1).argmin()] < _TOLERANCE
        for _ in range(5):
            rotation = _kabsch(before[inliers], after[inliers])
            distance = np.linalg.norm(after - before @ rotation.T, axis=1) * camera.f
            limit = 3 * float(np.median(distance[inliers]))
            inliers = distance < min(max(limit, 0.5), _TOLERANCE)
    return _RotationFit(rotation, old, new, new - _rotate_pixels(camera, old, rotation), inliers)


def _kabsch(before: Floats, after: Floats) -> Floats:
    """Return the rotations (..., 3, 3) that best align vectors (..., N, 3) (Kabsch 1976)."""
    left, _, right = np.linalg.svd(np.swapaxes(after, -1, -2) @ before)
    left[..., :, 2] *= np.linalg.det(left @ right)[..., None]  # no reflection
    return np.asarray(left @ right)


def _sift_rotation(old: NDArray[np.uint8], new: NDArray[np.uint8], camera: Camera) -> Floats | None:
    """Find a rotation of any size by SIFT features, on photos of equalized contrast."""
    size = camera.width // 2, camera.height // 2
    equalise, sift = cv2.createCLAHE(4.0, (8, 8)), cv2.SIFT.create(2000)
    found = []
    for photo in (old, new):
        grey = cv2.cvtColor(_shrink(photo, size), cv2.COLOR_RGB2GRAY)
        found.append(sift.detectAndCompute(equalise.apply(grey), None))
    if any(descriptors is None or len(descriptors) < 2 for _, descriptors in found):
        return None
    (points, descriptors), (other_points, other_descriptors) = found
    ranked = cv2.BFMatcher().knnMatch(descriptors, other_descriptors, k=2)
    matches = [first for first, second in ranked if first.distance < 0.8 * second.distance]
    before = np.array([points[match.queryIdx].pt for match in matches]).reshape(-1, 2)
    after = np.array([other_points[match.trainIdx].pt for match in matches]).reshape(-1, 2)
    fitted = _fit_rotation(camera.resized(*size), before, after)
    return fitted.rotation if fitted.inliers.sum() >= 8 else None


# --- plausibility ----------------------------------------------------------------------------


def _reason_for_doubt(
    found: _RotationFit, camera: Camera, offered: int, shift: float, residual: float, change: str
) -> str:
    """Return why the user has to check a rotation; empty if it can be trusted."""
    inliers = found.old[found.inliers]
    if (zoom := _estimate_zoom(found, camera)) is not None:
        return (
            f"The camera seems to have zoomed, by about {100 * zoom:+.1f} %: the reference pose "
            "does not fit this photo. Pose it with control points."
        )
    if len(inliers) < max(FEWEST, _SHARE * offered):
        return (
            f"Only {len(inliers)} of {offered} pieces of terrain were found again: {change}. Take "
            "a photo of clearer weather, or pose this one with control points."
        )
    if (inliers.std(axis=0) < _SPREAD * np.array([camera.width, camera.height])).any():
        return (
            f"Only one part of the photo was found again ({len(inliers)} of {offered} pieces of "
            "terrain). Look at the ridges drawn over the photo before use."
        )
    if residual > _RESIDUAL:
        return (
            "No turn of the camera explains well how the photo changed: was it moved to "
            "another place? Look at the ridges drawn over the photo before use."
        )
    if shift > FARTHEST:
        return (
            f"The camera turned a lot: terrain moved by {100 * shift / camera.width:.1f} % of the "
            "photo's width. Look at the ridges drawn over the photo before use."
        )
    return ""


def _estimate_zoom(found: _RotationFit, camera: Camera) -> float | None:
    """Return the relative change of focal length; None unless many more patches agree with it."""
    if len(found.old) < FEWEST:
        return None
    pairs = np.random.default_rng(1).integers(len(found.old), size=(_DRAWS, 2))
    before, after = (
        _lengths(pixels[pairs[:, 0]] - pixels[pairs[:, 1]]) for pixels in (found.old, found.new)
    )
    far = before > camera.height / 4
    if not far.any():
        return None
    ratio = float(np.median(after[far] / before[far]))
    centre = np.array([camera.cx, camera.cy])
    unzoomed = _fit_rotation(camera, found.old, centre + (found.new - centre) / ratio).inliers.sum()
    enough = unzoomed >= max(FEWEST, _ZOOMED * found.inliers.sum())
    return ratio - 1 if enough else None


def _describe_change(old: NDArray[np.uint8], new: NDArray[np.uint8]) -> str:
    """Return what may have changed the view."""
    grey = [cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32) for photo in (old, new)]
    if grey[1].mean() < _DARK:
        return "it is night"
    contrast = [float(np.median(np.abs(cv2.Laplacian(part, -1, ksize=5)))) for part in grey]
    if contrast[1] < _FLAT * contrast[0]:
        return "fog or clouds hide it"
    return "the view is another, or snow and light changed too much"


def _lengths(vectors: Floats) -> Floats:
    return np.hypot(vectors[:, 0], vectors[:, 1])
