"""Registration: the pose of a webcam that moved a little, from another photo of it.

A webcam rotates on its mast and hardly translates, so one rotation explains the motion of all
distant terrain. Patches of terrain are matched, and a rotation is fitted to those that agree. A
camera that was aimed anew or zoomed is followed, where that is wanted, from a rough view that
features give.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.optimize import minimize_scalar

from ..errors import CameraError
from . import patch_matching
from .aim_change import Aim, find_aim, seen_by
from .rotation_fit import RotationFit, align_vectors, fit_rotation, lengths, rotate_pixels
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
_SHOWN = 0.95  # share of a patch that another aim must show
_ZOOM_STEP = 0.03  # by which a zoom is refined, at most
_SHARE = 0.3  # of the patches that must agree
_SPREAD = 0.07  # standard deviation of the inliers, of the photo's sides
_RESIDUAL = 1.2  # px
_ZOOMED = 1.5  # times as many patches agree with a zoom as without
_PAIRS = 400  # of patches, to estimate a zoom
_DARK, _FLAT = 30, 0.35  # mean grey value; contrast compared with the reference
_NIGHT, _FOG = "it is night", "fog or clouds hide it"


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
        Number of patches that agree, and of those selected (in view, of another aim).
    trusted
        Whether the pose can be used without asking the user.
    reason
        For the user: the shift, or why the pose is not trusted and what to do.
    zoom
        Ratio of the focal lengths, of photos of one size; 1 unless the camera zoomed.
    covariance
        (3, 3) of `turn_deg`, degrees squared; empty if unknown.
    """

    camera: Camera
    turn_deg: tuple[float, float, float]
    shift_px: float
    residual_px: float
    patches: int
    offered: int
    trusted: bool
    reason: str
    zoom: float = 1.0
    covariance: tuple[tuple[float, ...], ...] = ()


def register(
    reference: NDArray[np.uint8],
    new: NDArray[np.uint8],
    camera: Camera,
    foreground: NDArray[np.bool_] | None = None,
    *,
    any_aim: bool = False,
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
    any_aim
        Whether a camera that was aimed anew or zoomed, or gives photos of another shape, is
        followed too, as far as the photos overlap.

    Raises
    ------
    CameraError
        If the new photo has another aspect ratio (without ``any_aim``), the reference photo another
        size than the camera, or the reference photo shows too little terrain.

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
    result = _lens_of(camera, (new.shape[1], new.shape[0]), any_aim)
    work, lens = _working_size(camera), _working_size(result)
    old, now = _shrink(reference, work), _shrink(new, lens)
    fields = _edge_fields(old, work)
    at = _select_patches(old, fields[-1], foreground)
    change = _describe_change(old, now)
    found = _Found(work, lens, at, np.eye(3))
    if (lens.width, lens.height) == (work.width, work.height):
        moved = _edge_fields(now, work)
        near = _track(fields, moved, work, at, np.eye(3))
        if not any_aim and near.inliers.sum() < max(FEWEST, _SHARE * len(at)):
            aim = find_aim(old, now, work, work)
            if aim is not None and aim.lens.f == work.f:
                far = _track(fields, moved, work, at, aim.rotation)
                near = far if far.inliers.sum() > near.inliers.sum() else near
        found = found.with_fit(near)
    doubt = found.doubt(change, any_aim)
    if doubt and any_aim and change not in (_NIGHT, _FOG):
        aim = find_aim(old, now, work, lens)
        other = None if aim is None else _track_aim(fields[-1], now, found, aim)
        if other is not None and (found.fit is None or other.count > found.count):
            found, doubt = other, other.doubt(change, any_aim)
    scale = work.width / camera.width
    vector = np.degrees(cv2.Rodrigues(found.rotation)[0].ravel())
    covariance = np.degrees(np.degrees(found.fit.covariance(work))) if found.fit else None
    zoom = found.lens.f / lens.f
    return Registration(
        camera=replace(result, f=result.f * zoom).rotated(found.rotation),
        turn_deg=(float(vector[0]), float(vector[1]), float(vector[2])),
        shift_px=found.shift / scale,
        residual_px=found.residual / scale,
        patches=found.count,
        offered=len(found.offered),
        trusted=not doubt,
        reason=doubt or f"The terrain moved by {found.shift / scale:.1f} pixels.",
        zoom=zoom,
        covariance=() if covariance is None else tuple(map(tuple, covariance.tolist())),
    )


def _lens_of(camera: Camera, size: tuple[int, int], any_shape: bool) -> Camera:
    """Return the camera for photos of a size, before any turn or zoom."""
    width, height = size
    if not any_shape or abs(height * camera.width - width * camera.height) <= 2 * max(size):
        return camera.resized(width, height)
    # Another shape: what was cut off is found as a zoom.
    scale = width / camera.width
    return replace(camera, width=width, height=height, f=camera.f * scale, cx=math.nan, cy=math.nan)


def _working_size(camera: Camera) -> Camera:
    """Return the camera of about `AREA` pixels."""
    scale = math.sqrt(AREA / (camera.width * camera.height))
    return camera.resized(round(camera.width * scale), round(camera.height * scale))


@dataclass(frozen=True, eq=False)
class _Found:
    """What is known of the new view: cameras of the working size, patches offered, rotation."""

    work: Camera
    lens: Camera
    offered: Floats
    rotation: Floats
    fit: RotationFit | None = None

    def with_fit(self, fit: RotationFit) -> _Found:
        """Return it with a fit; a few patches agree with any rotation."""
        rotation = fit.rotation if fit.inliers.sum() >= FEWEST else np.eye(3)
        return replace(self, fit=fit, rotation=rotation)

    @property
    def count(self) -> int:
        """Number of patches that agree."""
        return int(self.fit.inliers.sum()) if self.fit else 0

    @property
    def shift(self) -> float:
        """Median displacement of the patches, pixels."""
        moved = rotate_pixels(self.work, self.offered, self.rotation, self.lens)
        return float(np.median(lengths(moved - self.offered))) if len(self.offered) else math.inf

    @property
    def residual(self) -> float:
        """Median residual of the patches that agree, pixels."""
        if self.fit is None or not self.count:
            return math.inf
        return float(np.median(lengths(self.fit.residuals[self.fit.inliers])))

    def doubt(self, change: str, any_aim: bool) -> str:
        """Return why the user has to check it; empty if it can be trusted."""
        camera, fit = self.work, self.fit
        zoom = _estimate_zoom(fit, camera) if fit and self.lens.f == camera.f else None
        if zoom is not None:
            return (
                f"The camera seems to have zoomed, by about {100 * zoom:+.1f} %: the reference "
                "pose does not fit this photo. Pose it with control points."
            )
        if fit is None or self.count < max(FEWEST, _SHARE * len(self.offered)):
            return (
                f"Only {self.count} of {len(self.offered)} pieces of terrain were found again: "
                f"{change}. Take a photo of clearer weather, or pose this one with control points."
            )
        spread = fit.old[fit.inliers].std(axis=0)
        if (spread < _SPREAD * np.array([camera.width, camera.height])).any():
            return (
                f"Only one part of the photo was found again ({self.count} of "
                f"{len(self.offered)} pieces of terrain). Look at the ridges drawn over the photo "
                "before use."
            )
        if self.residual > _RESIDUAL:
            return (
                "No turn of the camera explains well how the photo changed: was it moved to "
                "another place? Look at the ridges drawn over the photo before use."
            )
        if self.shift > FARTHEST and not any_aim:
            return (
                f"The camera turned a lot: terrain moved by {100 * self.shift / camera.width:.1f} "
                "% of the photo's width. Look at the ridges drawn over the photo before use."
            )
        return ""


def _shrink(photo: NDArray[np.uint8], camera: Camera) -> NDArray[np.uint8]:
    size = camera.width, camera.height
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA))


def _select_patches(
    photo: NDArray[np.uint8],
    field: NDArray[np.complex64],
    foreground: NDArray[np.bool_] | None,
) -> Floats:
    """Return the centres (N, 2) of patches of terrain, given the photo and its edges."""
    height, width = photo.shape[:2]
    skyline = np.nan_to_num(detect_skyline(photo))
    usable = np.arange(height)[:, None] >= skyline
    if foreground is not None:
        usable &= cv2.resize(foreground.astype(np.uint8), (width, height)) == 0
    at = patch_matching.select_patches(field, usable)
    if len(at) < FEWEST:
        raise CameraError(
            "The reference photo shows too little terrain that could be found again: take a "
            "clear one as reference, or mark less of it as foreground."
        )
    return at


# --- the rotation ----------------------------------------------------------------------------


def _edge_fields(photo: NDArray[np.uint8], camera: Camera) -> list[NDArray[np.complex64]]:
    """Return the edges of a photo at each of `_LEVELS`."""
    sizes = [camera.resized(round(camera.width * v), round(camera.height * v)) for v in _LEVELS]
    return [patch_matching.edge_field(_shrink(photo, size)) for size in sizes]


def _track(
    old: Sequence[NDArray[np.complex64]],
    new: Sequence[NDArray[np.complex64]],
    camera: Camera,
    at: Floats,
    rotation: Floats,
) -> RotationFit:
    """Match patches near where a rotation predicts them, and refine it, coarse to fine."""
    for level, before, after in zip(_LEVELS, old, new, strict=True):
        small = camera.resized(before.shape[1], before.shape[0])
        centres = np.rint((at + 0.5) * level - 0.5)
        centres, matches = patch_matching.match_patches(
            before, after, centres, rotate_pixels(small, centres, rotation, small)
        )
        fit = fit_rotation(small, centres, matches)
        rotation = fit.rotation
    return fit


def _track_aim(
    field: NDArray[np.complex64], new: NDArray[np.uint8], start: _Found, aim: Aim
) -> _Found | None:
    """Match patches with the new photo as the old camera would have taken it, and refine the aim.

    `field` are the edges of the old photo. None where the photos hardly overlap.
    """
    camera, zoomed = start.work, aim.lens.f != start.lens.f
    side = patch_matching.SIDE, patch_matching.SIDE
    found = None
    for _ in range(3 if zoomed else 2):
        warped, shown = seen_by(new, aim.lens, aim.rotation, camera)
        share = cv2.boxFilter(shown.astype(np.float32), -1, side, borderType=cv2.BORDER_CONSTANT)
        col, row = np.rint(start.offered).astype(int).T
        at = start.offered[share[row, col] > _SHOWN]
        if len(at) < FEWEST:
            return found
        centres, matches = patch_matching.match_patches(
            field, patch_matching.edge_field(warped), at, at
        )
        pixels = rotate_pixels(camera, matches, aim.rotation, aim.lens)
        fit = fit_rotation(camera, centres, pixels, aim.lens)
        lens = _refine_zoom(camera, fit, aim.lens) if zoomed else aim.lens
        found = replace(start, lens=aim.lens, offered=at).with_fit(fit)
        aim = Aim(fit.rotation, lens)
    return found


def _refine_zoom(camera: Camera, fit: RotationFit, lens: Camera) -> Camera:
    """Return the lens with the focal length that fits the patches best."""
    if fit.inliers.sum() < FEWEST:
        return lens
    before, new = camera.camera_rays(fit.old[fit.inliers]), fit.new[fit.inliers]

    def error(step: float) -> float:
        after = replace(lens, f=lens.f * math.exp(step)).camera_rays(new)
        return float(np.sum((after - before @ align_vectors(before, after).T) ** 2))

    best = minimize_scalar(error, bounds=(-_ZOOM_STEP, _ZOOM_STEP), method="bounded")
    return replace(lens, f=lens.f * math.exp(float(best.x)))


# --- plausibility ----------------------------------------------------------------------------


def _estimate_zoom(found: RotationFit, camera: Camera) -> float | None:
    """Return the relative change of focal length; None unless many more patches agree with it."""
    if len(found.old) < FEWEST:
        return None
    pairs = np.random.default_rng(1).integers(len(found.old), size=(_PAIRS, 2))
    before, after = (
        lengths(pixels[pairs[:, 0]] - pixels[pairs[:, 1]]) for pixels in (found.old, found.new)
    )
    far = before > camera.height / 4
    if not far.any():
        return None
    ratio = float(np.median(after[far] / before[far]))
    centre = np.array([camera.cx, camera.cy])
    unzoomed = fit_rotation(camera, found.old, centre + (found.new - centre) / ratio).inliers.sum()
    enough = unzoomed >= max(FEWEST, _ZOOMED * found.inliers.sum())
    return ratio - 1 if enough else None


def _describe_change(old: NDArray[np.uint8], new: NDArray[np.uint8]) -> str:
    """Return what may have changed the view."""
    grey = [cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32) for photo in (old, new)]
    if grey[1].mean() < _DARK:
        return _NIGHT
    contrast = [float(np.median(np.abs(cv2.Laplacian(part, -1, ksize=5)))) for part in grey]
    if contrast[1] < _FLAT * contrast[0]:
        return _FOG
    return "the view is another, or snow and light changed too much"
