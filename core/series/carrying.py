"""Carried outlines: outlines of one photo moved into another of the same camera.

The cameras of both photos tell where each pixel went; where the camera was never posed, one of a
usual lens does, for it turns by fractions of a degree. How well an outline still fits is told by
comparing the photos along it and inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..camera import Camera
from ..camera.registration import Registration, register
from ..errors import CameraError
from ..exchange.coco import fill_polygons

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Rings = tuple[tuple[tuple[float, float], ...], ...]

_USUAL_LENS = 1.2  # focal length of webcams, of the photo's width
_BAND = 0.12  # width of the bands along an outline, of the square root of its area
_NARROWEST, _WIDEST = 3, 40  # pixels
_TEXTURE = 3.0  # standard deviation of the Gaussian that texture is finer than, pixels
_AGREEING = 0.5  # correlation of texture of two photos of one surface in different light
_ALIKE, _UNLIKE = 0.1, 0.3  # correlation of texture: the light may be that of another hour
_WEAK = 0.3  # share of the contrast of the old photo that is left where an outline fits


@dataclass(frozen=True)
class CarriedOutline:
    """An outline moved into another photo.

    Attributes
    ----------
    rings
        In pixels of the new photo, corner convention; as many as before.
    confidence
        How well it fits there, 0 to 1: high where snow contrasts along the outline as before and
        the texture inside is the same, and more so than in photos without the avalanche. Where
        there are none of these, rocks and shadows that do not change raise it; other light lowers
        it: it says where to look, not whether the avalanche is there.
    doubtful
        Points of the outline (x, y) at which the contrast is gone.
    """

    rings: Rings
    confidence: float
    doubtful: tuple[tuple[float, float], ...]


def usual_camera(width: int, height: int) -> Camera:
    """Return a camera for photos of a size whose camera was never posed."""
    return Camera(width, height, x=0, y=0, z=0, yaw=0, pitch=0, roll=0, f=_USUAL_LENS * width)


def register_photo(
    reference: NDArray[np.uint8],
    new: NDArray[np.uint8],
    camera: Camera | None = None,
    foreground: NDArray[np.bool_] | None = None,
) -> Registration | None:
    """Return the camera of a new photo; None if it shows another shape, or too little terrain.

    ``camera`` is that of the reference, or None for `usual_camera`; see
    `core.camera.registration.register`.
    """
    height, width = reference.shape[:2]
    try:
        return register(reference, new, camera or usual_camera(width, height), foreground)
    except CameraError:
        return None


def move_rings(rings: Rings, before: Camera, after: Camera) -> Rings:
    """Return where rings of a photo lie in another; both cameras stand at one place.

    Points that the other camera cannot see at all, behind it, are left out.
    """
    moved = []
    for ring in rings:
        pixels = np.array(ring, np.float64).reshape(-1, 2) - 0.5
        rays = before.pixel_rays(pixels) @ after.rotation_matrix().T
        points = after.project_rays(rays) + 0.5
        points = points[np.isfinite(points).all(axis=1)]
        moved.append(tuple((round(x, 2), round(y, 2)) for x, y in points.tolist()))
    return tuple(moved)


def carry_outline(
    rings: Rings,
    old: tuple[NDArray[np.uint8], Camera],
    new: tuple[NDArray[np.uint8], Camera],
    without: Sequence[tuple[NDArray[np.uint8], Camera]] = (),
) -> CarriedOutline:
    """Move an outline from an old photo into a new one, and judge how well it fits there.

    Parameters
    ----------
    rings
        Outline in pixels of the old photo.
    old, new
        Photos, (H, W, 3) uint8 RGB, with their cameras.
    without
        Photos that show the place without the avalanche, best at the hour of the new one.
    """
    moved = move_rings(rings, old[1], new[1])
    mask = fill_rings(rings, old[0].shape[:2])
    if not mask.any() or not fill_rings(moved, new[0].shape[:2]).any():
        return CarriedOutline(moved, 0.0, ())
    part = _surroundings(mask)
    grey = _grey(old[0])
    warped, is_shown = _as_seen_before(new, old[1], grey.shape)
    confidence, at = _compare(grey[part], warped[part], mask[part], is_shown[part])
    if without and confidence > 0:
        empty = [_as_seen_before(other, old[1], grey.shape)[0][part] for other in without]
        inside = mask[part] & is_shown[part]
        confidence *= _likeness(grey[part], warped[part], empty, inside)
    at = at + np.array([part[1].start, part[0].start]) + 0.5
    points = tuple((float(x), float(y)) for x, y in at.tolist())
    doubtful = move_rings((points,), old[1], new[1])[0] if points else ()
    return CarriedOutline(moved, round(confidence, 3), doubtful)


def fill_rings(rings: Rings, shape: Sequence[int]) -> NDArray[np.bool_]:
    """Return the (H, W) mask of an outline: the pixels whose centres lie in an odd number of rings.

    The outline of a mask gives that mask again, but for what its simplification changed.
    """
    closed = [np.array([*ring, ring[0]], np.float64) for ring in rings if len(ring) > 2]
    mask = np.zeros(tuple(shape[:2]), np.bool_)
    if not closed:
        return mask
    # Only the part of the image that they touch: most of it lies outside of all rings.
    low = np.floor(np.min([ring.min(axis=0) for ring in closed], axis=0))
    high = np.ceil(np.max([ring.max(axis=0) for ring in closed], axis=0))
    left, top = (int(each) for each in np.clip(low, 0, mask.shape[::-1]))
    right, bottom = (int(each) for each in np.clip(high, 0, mask.shape[::-1]))
    part = [ring - (left, top) for ring in closed]
    mask[top:bottom, left:right] = fill_polygons([part], bottom - top, right - left)
    return mask


def _grey(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.float32)


def _surroundings(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the part of a photo that is compared."""
    margin = 3 * _band(mask)
    spans = []
    for axis in (1, 0):
        used = np.flatnonzero(mask.any(axis=axis))
        spans.append(slice(max(0, int(used[0]) - margin), int(used[-1]) + 1 + margin))
    return spans[0], spans[1]


def _band(mask: NDArray[np.bool_]) -> int:
    return int(np.clip(_BAND * np.sqrt(mask.sum()), _NARROWEST, _WIDEST))


def _as_seen_before(
    new: tuple[NDArray[np.uint8], Camera], before: Camera, shape: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the new photo as the old camera would have taken it, and where it shows anything."""
    height, width = shape
    step = 16  # pixels between which the map is linear
    cols, rows = np.arange(0, width + step, step), np.arange(0, height + step, step)
    grid = np.stack(np.meshgrid(cols, rows), axis=-1).reshape(-1, 2).astype(np.float64)
    rays = before.pixel_rays(grid) @ new[1].rotation_matrix().T
    places = np.nan_to_num(new[1].project_rays(rays), nan=-1e4)
    coarse = places.reshape(len(rows), len(cols), 2).astype(np.float32)
    at_cols, at_rows = np.meshgrid(
        np.arange(width, dtype=np.float32) / step, np.arange(height, dtype=np.float32) / step
    )
    full = cv2.remap(coarse, at_cols, at_rows, cv2.INTER_LINEAR)
    warped = cv2.remap(_grey(new[0]), full, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    size = np.array([new[1].width, new[1].height]) - 0.5
    return np.asarray(warped), np.asarray(((full > -0.5) & (full < size)).all(axis=2))


def _compare(
    old: NDArray[np.float32],
    new: NDArray[np.float32],
    mask: NDArray[np.bool_],
    is_shown: NDArray[np.bool_],
) -> tuple[float, Floats]:
    """Return how well an outline of the old photo fits the new one, and where not, (N, 2)."""
    band = _band(mask)
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
    inner = (depth > 1) & (depth <= band + 1) & is_shown
    outer = (away > 1) & (away <= band + 1) & is_shown
    edge = (depth > 0) & (depth <= 1.5) & is_shown
    if edge.sum() < 0.5 * ((depth > 0) & (depth <= 1.5)).sum():
        return 0.0, np.empty((0, 2))  # most of it lies outside of the photo
    before, after = (_contrast(photo, inner, outer, band)[edge] for photo in (old, new))
    length = np.sqrt((before**2).sum() * (after**2).sum())
    contrast = float((before * after).sum() / length) if length > 0 else 0.0
    textures = [_texture(photo)[mask & is_shown] for photo in (old, new)]
    texture = _correlation(*textures) / _AGREEING
    strong = np.abs(before) > np.median(np.abs(before))
    is_gone = strong & (after * np.sign(before) < _WEAK * np.abs(before))
    rows, cols = np.nonzero(edge)
    doubtful = np.stack([cols[is_gone], rows[is_gone]], axis=1)[:: max(1, band)]
    confidence = np.sqrt(np.clip(contrast, 0, 1) * np.clip(texture, 0, 1))
    return float(confidence), doubtful.astype(np.float64)


def _likeness(
    old: NDArray[np.float32],
    new: NDArray[np.float32],
    without: Sequence[NDArray[np.float32]],
    inside: NDArray[np.bool_],
) -> float:
    """Return whether a photo is more like the one with the avalanche than like those without it.

    1 if it is, 0 if those without are more alike by `_UNLIKE`.
    """
    texture = _texture(new)[inside]
    with_it = _correlation(texture, _texture(old)[inside])
    without_it = max(_correlation(texture, _texture(photo)[inside]) for photo in without)
    return float(np.clip((with_it - without_it + _UNLIKE) / (_UNLIKE - _ALIKE), 0, 1))


def _contrast(
    photo: NDArray[np.float32], inner: NDArray[np.bool_], outer: NDArray[np.bool_], band: int
) -> NDArray[np.float32]:
    """Return how much brighter it is inside than outside about each pixel, as a logarithm."""
    logarithm, size = np.log(photo + 20), (2 * band + 1, 2 * band + 1)
    means = []
    for side in (inner, outer):
        share = cv2.boxFilter(side.astype(np.float32), -1, size)
        means.append(cv2.boxFilter(logarithm * side, -1, size) / np.maximum(share, 1e-6))
    return np.asarray(means[0] - means[1])


def _texture(photo: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return fine structure of contrast 1 everywhere."""
    fine = photo - cv2.GaussianBlur(photo, (0, 0), _TEXTURE)
    return np.asarray(fine / np.sqrt(cv2.GaussianBlur(fine**2, (0, 0), _TEXTURE) + 4))


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    first, second = first - first.mean(), second - second.mean()
    length = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / length if length > 0 else 0.0
