"""Overlays on a slope with its avalanches: cast shadow, lifts, sky above the ridge."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.random import Generator

from .paint_fields import Field, between, fractal, quantile, step
from .paint_planes import colour, cover

_BLUE_SHADE = (0.94, 1.0, 1.08)


def add_shadow(rng: Generator, planes: Field) -> None:
    """Cast shadow of a ridge, a soft-edged part of the slope, or of clouds."""
    size = (planes.shape[1], planes.shape[2])
    extent = min(size)
    cell = extent * rng.uniform(0.3, 1.0)
    field = fractal(
        rng, size, (cell, cell * 0.6), rng.uniform(-1, 1), gain=rng.uniform(0.35, 0.6), finest=3
    )
    towards = rng.uniform(0, 2 * math.pi)
    rows = np.linspace(-1.7, 1.7, size[0], dtype=np.float32)[:, None] * np.float32(
        math.cos(towards)
    )
    cols = np.linspace(-1.7, 1.7, size[1], dtype=np.float32) * np.float32(math.sin(towards))
    field += np.float32(rng.uniform(0.5, 4)) * (rows + cols)
    dark = step(field, quantile(field, rng.uniform(0.3, 0.9)), between(rng, 0.03, 0.8))
    depth = rng.uniform(0.15, 0.6)
    left = np.float32(1 - depth) * colour(*_BLUE_SHADE) ** np.float32(rng.uniform(0, 1.5))
    planes *= 1 - dark * (1 - left)


def add_lift(rng: Generator, planes: Field) -> None:
    """Draw cables and pylons of a lift."""
    height, width = planes.shape[1:]
    lines = np.zeros((height, width), np.uint8)
    y = np.array([rng.uniform(-0.2, 0.3), rng.uniform(0.6, 1.2)]) * height
    x = rng.uniform(-0.1, 1.1, 2) * width
    ends = np.round(np.stack([x, y], axis=1) * 8).astype(np.int32)
    cv2.polylines(lines, [ends], False, 150, 1, cv2.LINE_AA, 3)
    for share in np.arange(rng.uniform(0, 0.3), 1, rng.uniform(0.15, 0.4)):
        foot = x[0] + share * (x[1] - x[0]), y[0] + share * (y[1] - y[0])
        tall = height * rng.uniform(0.02, 0.08)
        post = np.round(np.array([foot, (foot[0], foot[1] + tall)]) * 8).astype(np.int32)
        cv2.polylines(lines, [post], False, 255, int(rng.integers(1, 3)), cv2.LINE_AA, 3)
    tone = rng.uniform(30, 120)
    cover(planes, lines.astype(np.float32) / np.float32(255), colour(tone, tone, tone))


def add_sky(rng: Generator, planes: Field) -> Field:
    """Paint sky over a jagged ridge, blue or overcast, into (3, H, W) planes.

    Returns
    -------
    (H, W) float32: how far the sky covers each pixel, 0 to 1.
    """
    height, width = planes.shape[1:]
    skyline = fractal(rng, (2, width), (width / 3, width / 3), gain=rng.uniform(0.4, 0.6))[0]
    level = rng.uniform(0.05, 0.3) + rng.uniform(0.01, 0.06) * skyline
    level += np.linspace(-1, 1, width) * rng.normal(0, 0.1)
    rows = np.arange(height)[:, None]
    above: Field = np.clip(level * height - rows, 0, 1).astype(np.float32)
    blue, tone = rng.uniform(0, 1), rng.uniform(140, 245)
    cover(planes, above, colour(tone * (1 - 0.45 * blue), tone * (1 - 0.2 * blue), tone))
    return above
