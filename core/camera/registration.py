"""A new photo of a webcam that moved a little: how far it turned, and whether to believe it.

A webcam on its mast turns, it does not travel, so one rotation explains all that is far enough.
Patches of terrain are found again in the new photo, and a rotation is fitted to those that agree
(B6 of the design note).
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
"""Shift beyond which a person is asked; like all lengths here of a photo of `AREA` pixels."""

FEWEST = 15
"""Patches that have to agree."""

AREA = 1600 * 1000
"""Photos are brought to about so many pixels."""

_LEVELS = (0.5, 1.0)
_AGREE = 2.0  # px
_SHARE = 0.3  # of the patches looked for
_SPREAD = 0.07  # standard deviation of the patches that agree, of the photo's sides
_RESIDUAL = 1.2  # px
_ZOOMED = 1.5  # times as many patches agree with a zoom as without
_DRAWS = 400
_DARK, _FLAT = 30, 0.35  # mean grey value; contrast compared with the reference


@dataclass(frozen=True)
class Registration:
    """How a new photo of a camera lies to the reference photo.

    Attributes
    ----------
    camera
        Of the new photo, in its size; not turned where fewer than `FEWEST` patches agree.
    turn_deg
        Rotation vector about the camera's axes right, down, forward, degrees.
    shift_px
        Median displacement of terrain, pixels of the reference photo.
    residual_px
        Median distance of the patches that agree from where the turn puts them, likewise.
    patches, offered
        How many agree, of how many that were looked for.
    trusted
        Whether the turn can be used without asking a person.
    reason
        For people: what was found, or why it is not trusted and what to do.
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
    """A rotation (3, 3) of the camera's axes, and the patches that agree with it.

    Attributes
    ----------
    turn
        (3, 3) rotation.
    old, new
        (N, 2) where patches are in the reference photo and in the new one.
    residuals
        (N, 2) from where the turn puts them to where they are.
    agree
        (N,) bool.
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
    """Find how a camera turned between two photos.

    Parameters
    ----------
    reference
        (H, W, 3) uint8 RGB, the photo that was posed.
    new
        (H', W', 3) uint8 RGB of the same view, in any size of the same shape.
    camera
        Of the reference photo.
    foreground
        (H, W), True where roofs, masts, logos or time stamps are, which do not move as the
        terrain does.

    Returns
    -------
    Registration
        Look at `Registration.trusted` before use.

    Raises
    ------
    CameraError
        If the new photo has another shape, the reference photo not the camera's size, or
        nothing in it could be found again in any photo.
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
    kept = int(found.inliers.sum())
    turn = found.rotation if kept >= FEWEST else np.eye(3)  # a few agree with any turn
    shift = float(np.median(_lengths(_rotate_pixels(work, at, turn) - at)))
    residual = float(np.median(_lengths(found.residuals[found.inliers]))) if kept else math.inf
    doubt = _reason_for_doubt(found, work, len(at), shift, residual, _describe_change(old, now))
    vector = np.degrees(cv2.Rodrigues(turn)[0].ravel())
    return Registration(
        camera=result.rotated(turn),
        turn_deg=(float(vector[0]), float(vector[1]), float(vector[2])),
        shift_px=shift / scale,
        residual_px=residual / scale,
        patches=kept,
        offered=len(at),
        trusted=not doubt,
        reason=doubt or f"The terrain moved by {shift / scale:.1f} pixels.",
    )


def _shrink(photo: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA))


def _select_patches(photo: NDArray[np.uint8], foreground: NDArray[np.bool_] | None) -> Floats:
    """Middles (N, 2) of patches of terrain."""
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


# --- the turn --------------------------------------------------------------------------------


def _find_rotation(
    old: NDArray[np.uint8], new: NDArray[np.uint8], camera: Camera, at: Floats
) -> _RotationFit:
    """The turn that most patches agree with: from about no turn or, failing that, from any."""
    found = _track(old, new, camera, at, np.eye(3))
    if found.inliers.sum() < max(FEWEST, _SHARE * len(at)):
        start = _sift_rotation(old, new, camera)
        other = found if start is None else _track(old, new, camera, at, start)
        if other.inliers.sum() > found.inliers.sum():
            return other
    return found


def _track(
    old: NDArray[np.uint8], new: NDArray[np.uint8], camera: Camera, at: Floats, turn: Floats
) -> _RotationFit:
    """Find patches near where a turn puts them, coarse to fine, and fit it to them."""
    for level in _LEVELS:
        size = round(camera.width * level), round(camera.height * level)
        small = camera.resized(*size)
        fields = [patch_matching.edge_field(_shrink(photo, size)) for photo in (old, new)]
        places = np.rint((at + 0.5) * level - 0.5)
        places, seen = patch_matching.match_patches(
            fields[0], fields[1], places, _rotate_pixels(small, places, turn)
        )
        agreed = _fit_rotation(small, places, seen)
        turn = agreed.rotation
    return agreed


def _rotate_pixels(camera: Camera, pixels: Floats, turn: Floats) -> Floats:
    """Where the camera, turned, draws what it drew at pixels (N, 2)."""
    return camera.project_rays(camera.pixel_rays(pixels) @ (turn @ camera.rotation_matrix()).T)


def _fit_rotation(camera: Camera, old: Floats, new: Floats) -> _RotationFit:
    """Fit a rotation to the largest part of the pairs of pixels (N, 2) that agree with one."""
    turn, agree = np.eye(3), np.zeros(len(old), bool)
    if len(old) > 2:
        axes = camera.rotation_matrix().T
        before, after = camera.pixel_rays(old) @ axes, camera.pixel_rays(new) @ axes
        pairs = np.random.default_rng(0).integers(len(old), size=(_DRAWS, 2))
        turns = _kabsch(before[pairs], after[pairs])
        apart = np.linalg.norm(after - before @ turns.transpose(0, 2, 1), axis=2) * camera.f
        agree = apart[np.minimum(apart, _AGREE).sum(axis=1).argmin()] < _AGREE
        for _ in range(5):
            turn = _kabsch(before[agree], after[agree])
            distance = np.linalg.norm(after - before @ turn.T, axis=1) * camera.f
            limit = 3 * float(np.median(distance[agree]))
            agree = distance < min(max(limit, 0.5), _AGREE)
    return _RotationFit(turn, old, new, new - _rotate_pixels(camera, old, turn), agree)


def _kabsch(before: Floats, after: Floats) -> Floats:
    """(..., 3, 3) rotations that carry vectors (..., N, 3) best to others (Kabsch 1976)."""
    left, _, right = np.linalg.svd(np.swapaxes(after, -1, -2) @ before)
    left[..., :, 2] *= np.linalg.det(left @ right)[..., None]  # no reflection
    return np.asarray(left @ right)


def _sift_rotation(old: NDArray[np.uint8], new: NDArray[np.uint8], camera: Camera) -> Floats | None:
    """A turn of any size, from SIFT features of photos of evened-out contrast."""
    size = camera.width // 2, camera.height // 2
    equalise, sift = cv2.createCLAHE(4.0, (8, 8)), cv2.SIFT.create(2000)
    found = []
    for photo in (old, new):
        grey = cv2.cvtColor(_shrink(photo, size), cv2.COLOR_RGB2GRAY)
        found.append(sift.detectAndCompute(equalise.apply(grey), None))
    if any(marks is None or len(marks) < 2 for _, marks in found):
        return None
    (points, marks), (others, other_marks) = found
    ranked = cv2.BFMatcher().knnMatch(marks, other_marks, k=2)
    matches = [first for first, second in ranked if first.distance < 0.8 * second.distance]
    before = np.array([points[match.queryIdx].pt for match in matches]).reshape(-1, 2)
    after = np.array([others[match.trainIdx].pt for match in matches]).reshape(-1, 2)
    fitted = _fit_rotation(camera.resized(*size), before, after)
    return fitted.rotation if fitted.inliers.sum() >= 8 else None


# --- whether to believe it -------------------------------------------------------------------


def _reason_for_doubt(
    found: _RotationFit, camera: Camera, offered: int, shift: float, residual: float, change: str
) -> str:
    """Why a person has to look at a turn; empty if it can be believed."""
    agreed = found.old[found.inliers]
    if (zoom := _estimate_zoom(found, camera)) is not None:
        return (
            f"The camera seems to have zoomed, by about {100 * zoom:+.1f} %: the reference pose "
            "does not fit this photo. Pose it with control points."
        )
    if len(agreed) < max(FEWEST, _SHARE * offered):
        return (
            f"Only {len(agreed)} of {offered} pieces of terrain were found again: {change}. Take "
            "a photo of clearer weather, or pose this one with control points."
        )
    if (agreed.std(axis=0) < _SPREAD * np.array([camera.width, camera.height])).any():
        return (
            f"Only one part of the photo was found again ({len(agreed)} of {offered} pieces of "
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
    """Change of the focal length, as a share; None unless it makes many more patches agree."""
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
    """What may have happened to the view."""
    grey = [cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32) for photo in (old, new)]
    if grey[1].mean() < _DARK:
        return "it is night"
    contrast = [float(np.median(np.abs(cv2.Laplacian(part, -1, ksize=5)))) for part in grey]
    if contrast[1] < _FLAT * contrast[0]:
        return "fog or clouds hide it"
    return "the view is another, or snow and light changed too much"


def _lengths(vectors: Floats) -> Floats:
    return np.hypot(vectors[:, 0], vectors[:, 1])
