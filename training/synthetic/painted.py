"""Painted avalanches: quick two-dimensional training samples without terrain or camera."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from core.datasets import ImageSample

from .paint_camera import degrade_image
from .paint_cover import lay_avalanche
from .paint_fields import Size
from .paint_outline import LEAST_SHARE, draw_outline
from .paint_over import add_lift, add_shadow, add_sky
from .paint_planes import to_image, to_planes
from .paint_slope import make_snowy, paint_slope

__all__ = ["PAINTED", "make_snowy", "paint_avalanches", "paint_slope", "painted_sample"]

PAINTED = "painted"
"""Name of every painted image."""
_COUNT_SHARES = (0.55, 0.3, 0.15)


def painted_sample(
    rng: Generator, size: Size, background: NDArray[np.uint8] | None = None
) -> ImageSample:
    """Paint one training image with 1 to 3 avalanches.

    Parameters
    ----------
    size
        (H, W) in pixels, 64 or more each; the background's own where there is one.
    background
        (H, W, 3) uint8 RGB photo to make snowy; None paints a slope.

    Returns
    -------
    Sample ``painted`` with one layer; the objects are numbered from 1 as they came down.
    """
    slope = paint_slope(rng, size) if background is None else make_snowy(rng, background)
    image, labels = paint_avalanches(rng, slope)
    image, labels = _under_light(rng, image, labels)
    objects = tuple((number, 0) for number in range(1, int(labels.max()) + 1))
    layers = labels[None].astype(np.int32)
    return ImageSample(PAINTED, degrade_image(rng, image), layers, objects)


def paint_avalanches(
    rng: Generator, image: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Paint 1 to 3 avalanches on any image, younger ones over older ones.

    Parameters
    ----------
    image
        (H, W, 3) uint8 RGB, not written to.

    Returns
    -------
    The (H, W, 3) uint8 image, and (H, W) uint8 labels: 0 for none, else the number of the
    avalanche on top, 1 to k, each of at least 1 % of the image.
    """
    planes = to_planes(image)
    size = (image.shape[0], image.shape[1])
    labels = np.zeros(size, np.uint8)
    light = float(rng.uniform(-np.pi, np.pi))
    for number in range(1, 2 + int(rng.choice(3, p=_COUNT_SHARES))):
        outline = draw_outline(rng, size)
        if _hides(outline.mask, labels):
            break
        lay_avalanche(rng, planes, outline, light)
        labels[outline.mask] = number
    return to_image(planes), labels


def _under_light(
    rng: Generator, image: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Add shadow, lift and sky at random; no sky that hides too much of an avalanche."""
    planes = to_planes(image)
    if rng.random() < 0.5:
        add_shadow(rng, planes)
    if rng.random() < 0.12:
        add_lift(rng, planes)
    shown = to_image(planes)
    if rng.random() < 0.12:
        hidden = add_sky(rng, planes) > 0.5
        if not _hides(hidden, labels):
            return to_image(planes), np.where(hidden, np.uint8(0), labels)
    return shown, labels


def _hides(hidden: NDArray[np.bool_], labels: NDArray[np.uint8]) -> bool:
    """Return whether too little of an avalanche would be left to be an object."""
    before = np.bincount(labels.ravel(), minlength=2)[1:]
    left = np.bincount(labels[~hidden], minlength=len(before) + 1)[1:]
    least = np.maximum(before // 2, LEAST_SHARE / 2 * labels.size)
    return bool(((before > 0) & (left < least)).any())
