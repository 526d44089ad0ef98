"""Simulated clicks for training: which object is meant, first clicks, corrections.

Points of one sample are (2P, 3) float32 as in `core.model.click_maps`: rows 0 to P - 1 positive,
the rest negative, columns row, column (pixels) and order, unused rows -1. Everything random comes
from the generator passed in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.datasets import ImageSample
from core.datasets.base import BACKGROUND, IGNORE, OBJECT
from core.prompts import Click

Mask = NDArray[np.bool_]

SAMPLED_ORDER = 100.0
"""Order of clicks that were drawn at once, before any prediction."""
_LEAST_ERODED = 10  # pixels; an object eroded to fewer is taken whole


@dataclass(frozen=True)
class PointSettings:
    """Parameters of click sampling; the defaults are the published recipe (Sofiiuk et al. 2021).

    Attributes
    ----------
    max_points
        P, the most clicks of one sign.
    gamma
        Each further click is this much less likely than the one before.
    merge_probability, max_merged
        How often the target is made of several objects, and of how many at most.
    expand_ratio
        Width of the border ring, in square roots of the target's area.
    erode_probability, erode_iterations
        How often positive clicks keep away from the outline, and by how many pixels.
    background, other, border
        Shares of negative clicks anywhere, on other objects, and in the border ring.
    first_click_center
        Whether the first click of an object is near its middle: deeper than the greatest depth
        divided by ``inner_k``.
    only_one_first_click
        Whether only the first of several merged objects is sure to get a click.
    """

    max_points: int = 24
    gamma: float = 0.8
    merge_probability: float = 0.15
    max_merged: int = 2
    expand_ratio: float = 0.1
    erode_probability: float = 0.9
    erode_iterations: int = 3
    background: float = 0.1
    other: float = 0.4
    border: float = 0.5
    first_click_center: bool = False
    inner_k: float = 1.7
    only_one_first_click: bool = False


@dataclass(frozen=True, eq=False)
class ClickTarget:
    """Object that one training sample asks for.

    Attributes
    ----------
    mask
        (H, W) int8: 1 object, 0 background, -1 ignore.
    parts
        (H, W) bool each: the objects that the target is made of, none in a background sample.
    others
        (H, W) bool: objects that are not meant.
    """

    mask: NDArray[np.int8]
    parts: tuple[Mask, ...]
    others: Mask


def choose_target(
    image: ImageSample, rng: np.random.Generator, settings: PointSettings
) -> ClickTarget:
    """Draw one object of the image, or sometimes several as one; nothing where it has none."""
    chosen = _draw_objects(image.objects, rng, settings)
    parts = tuple(image.layers[layer] == object_id for object_id, layer in chosen)
    mask = np.zeros(image.image.shape[:2], np.int8)
    for layer in {layer for _, layer in chosen} if chosen else range(len(image.layers)):
        mask[image.layers[layer] == IGNORE] = IGNORE
    for part in parts:
        mask[part] = OBJECT
    others = (image.layers > 0).any(axis=0) & (mask == BACKGROUND)
    return ClickTarget(mask, parts, others)


def sample_points(
    target: ClickTarget, rng: np.random.Generator, settings: PointSettings
) -> NDArray[np.float32]:
    """Draw clicks before any prediction, (2P, 3) float32: a positive one at least, if it can be.

    Negative clicks are neither on the target nor on ignored pixels.
    """
    points = np.full((2 * settings.max_points, 3), -1, np.float32)
    positive = _positive_clicks(target.parts, rng, settings)
    negative = _negative_clicks(target, rng, settings)
    points[: len(positive)] = positive
    points[settings.max_points : settings.max_points + len(negative), :2] = negative
    points[settings.max_points : settings.max_points + len(negative), 2] = SAMPLED_ORDER
    return points


def centre_click(mask: Mask, rng: np.random.Generator, inner_k: float = 1.7) -> Click | None:
    """Positive click on an (H, W) bool object, deeper than the greatest depth over ``inner_k``."""
    depth = _Depth(mask)
    return depth.click(rng, inner_k, positive=True) if depth.greatest else None


def corrective_click(
    probability: NDArray[np.float32],
    mask: NDArray[np.int8],
    rng: np.random.Generator,
    threshold: float = 0.49,
) -> Click | None:
    """Click in the middle of the larger error, None where nothing is wrong.

    Larger is what is deeper; the click is at random where the depth is over half the greatest.
    The (H, W) prediction is wrong where its threshold at ``threshold`` differs from the (H, W)
    int8 ground truth: 1 object, 0 background, -1 ignore (never wrong, never clicked).
    """
    missed = _Depth((mask == OBJECT) & (probability < threshold))
    surplus = _Depth((mask == BACKGROUND) & (probability > threshold))
    positive = missed.greatest > surplus.greatest
    error = missed if positive else surplus
    return error.click(rng, 2.0, positive=positive) if error.greatest else None


def add_click(points: NDArray[np.float32], click: Click, order: int) -> None:
    """Write a click into the next unused row of its sign in (2P, 3) ``points``.

    Where all are in use, the oldest click that was drawn at once makes room, or else the oldest.
    """
    half = len(points) // 2
    rows = points[:half] if click.positive else points[half:]
    free = np.flatnonzero(rows[:, :2].max(axis=1) < 0)
    drawn = np.flatnonzero(rows[:, 2] == SAMPLED_ORDER)
    if len(free):
        slot = free[0]
    elif len(drawn):
        slot = drawn[0]
    else:
        slot = rows[:, 2].argmin()
    rows[slot] = click.row, click.col, order


class _Depth:
    """Distance of a region's pixels to its boundary, the image's edge included.

    Only the bounding box of the region is transformed, and to half a pixel, as published: an exact
    transform takes three times as long, for clicks that are drawn at random anyway.
    """

    def __init__(self, region: Mask) -> None:
        self._left, self._top, width, height = cv2.boundingRect(region.view(np.uint8))
        box = region[self._top : self._top + height, self._left : self._left + width]
        self._depth = _distance(np.pad(box.view(np.uint8), 1))[1:-1, 1:-1]
        self.greatest = float(self._depth.max(initial=0))

    def click(self, rng: np.random.Generator, divisor: float, *, positive: bool) -> Click:
        """Click at random where the depth is over the greatest divided by ``divisor``."""
        deep = np.flatnonzero(self._depth > self.greatest / divisor)
        row, col = divmod(int(rng.choice(deep)), self._depth.shape[1])
        return Click(self._top + row, self._left + col, positive)


def _distance(region: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W) distance to the nearest zero, without Intel's IPP: its last bit is not repeatable."""
    used = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        return np.asarray(cv2.distanceTransform(region, cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)
    finally:
        cv2.ipp.setUseIPP(used)


def _draw_objects(
    objects: tuple[tuple[int, int], ...], rng: np.random.Generator, settings: PointSettings
) -> list[tuple[int, int]]:
    if not objects:
        return []
    most = min(len(objects), settings.max_merged)
    merge = most > 1 and rng.random() < settings.merge_probability
    count = int(rng.integers(2, most + 1)) if merge else 1
    return [objects[i] for i in rng.choice(len(objects), count, replace=False)]


def _draw_count(most: int, gamma: float, rng: np.random.Generator) -> int:
    """Draw k in 0..most, with a probability in proportion to gamma ** k."""
    weights = gamma ** np.arange(most + 1)
    return int(rng.choice(most + 1, p=weights / weights.sum()))


def _draw_pixels(region: Mask, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(count, 2) rows and columns drawn from a region, with repetition; (0, 2) if it is empty."""
    pixels = np.flatnonzero(region)
    if not len(pixels):
        return np.empty((0, 2), np.int64)
    drawn = pixels[rng.integers(len(pixels), size=count)]
    return np.stack(np.divmod(drawn, region.shape[1]), axis=1)


def _positive_clicks(
    parts: tuple[Mask, ...], rng: np.random.Generator, settings: PointSettings
) -> NDArray[np.float32]:
    """(N, 3) clicks: one in each part first, then more in parts drawn at random."""
    if not parts:
        return np.empty((0, 3), np.float32)
    sure = 1 if settings.only_one_first_click else min(len(parts), settings.max_points)
    more = _draw_count(settings.max_points - sure, settings.gamma, rng)
    regions = [_eroded(part, rng, settings) for part in parts]
    if settings.first_click_center:
        clicks = [_centre(part, rng, settings.inner_k) for part in parts[:sure]]
    else:
        clicks = [_with_order(_draw_pixels(region, 1, rng)) for region in regions[:sure]]
    shares = np.bincount(rng.integers(len(parts), size=more), minlength=len(parts))
    for region, count in zip(regions, shares, strict=True):
        clicks.append(_with_order(_draw_pixels(region, int(count), rng)))
    return np.concatenate(clicks)


def _centre(part: Mask, rng: np.random.Generator, inner_k: float) -> NDArray[np.float32]:
    """(1, 3) first click of an object, of order 0; (0, 3) where the object has no pixel."""
    click = centre_click(part, rng, inner_k)
    rows = [(click.row, click.col, 0.0)] if click else []
    return np.array(rows, np.float32).reshape(-1, 3)


def _with_order(pixels: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.insert(pixels.astype(np.float32), 2, SAMPLED_ORDER, axis=1)


def _negative_clicks(
    target: ClickTarget, rng: np.random.Generator, settings: PointSettings
) -> NDArray[np.int64]:
    """(N, 2) rows and columns; places that a sample lacks give way to any background."""
    count = _draw_count(settings.max_points, settings.gamma, rng)
    shares = np.array([settings.background, settings.other, settings.border])
    _, others, border = rng.multinomial(count, shares / shares.sum())
    background = target.mask == BACKGROUND
    drawn = []
    if others and target.parts:
        drawn.append(_draw_pixels(target.others, others, rng))
    if border:
        drawn.append(_draw_pixels(_border_ring(target.mask, settings.expand_ratio), border, rng))
    drawn.append(_draw_pixels(background, count - sum(map(len, drawn)), rng))
    return np.concatenate(drawn)


def _eroded(part: Mask, rng: np.random.Generator, settings: PointSettings) -> Mask:
    if rng.random() >= settings.erode_probability:
        return part
    kernel = np.ones((3, 3), np.uint8)
    eroded = cv2.erode(part.view(np.uint8), kernel, iterations=settings.erode_iterations)
    return eroded.view(np.bool_) if np.count_nonzero(eroded) > _LEAST_ERODED else part


def _border_ring(mask: NDArray[np.int8], ratio: float) -> Mask:
    """Background within ``ratio`` times the square root of the target's area of the target."""
    inside = (mask == OBJECT).view(np.uint8)
    radius = math.ceil(ratio * math.sqrt(np.count_nonzero(inside)))
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    ring: Mask = (cv2.dilate(inside, kernel) > 0) & (mask == BACKGROUND)
    return ring
