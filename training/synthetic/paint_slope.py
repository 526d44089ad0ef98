"""Snow slopes to paint avalanches on: procedural ones, and any photo made snowy."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .paint_fields import Field, Size, between, fractal, quantile, shade, soften, step, unit
from .paint_planes import colour, cover, to_image, to_planes


def paint_slope(rng: Generator, size: Size) -> NDArray[np.uint8]:
    """Paint a procedural snow slope with ridges, rock, forest and tracks.

    The size is (H, W) in pixels, 64 or more each; the slope is (H, W, 3) uint8 RGB.
    """
    angle = float(rng.normal(0, 0.25))
    light = float(rng.choice([-1, 1]) * rng.uniform(0.2, 2.2))
    extent = min(size)
    cell = (extent * rng.uniform(0.4, 1.0), extent * rng.uniform(0.12, 0.45))
    relief = fractal(rng, size, cell, angle, rng.uniform(0.4, 0.6))
    lit = _lit(rng, relief, light)
    tone = np.float32(rng.uniform(140, 225)) + np.float32(between(rng, 3, 26)) * lit
    broad = fractal(rng, size, (extent / 2, extent / 2), finest=extent / 8)
    tone += np.float32(between(rng, 2, 18)) * broad
    tone += _texture(rng, size, angle)
    if rng.random() < 0.35:
        tone += _tracks(rng, size)
    image = tone[None] * _tint(rng)
    if rng.random() < 0.6:
        _add_rock(rng, image, relief, lit, angle)
    if rng.random() < 0.22:
        _add_forest(rng, image, broad)
    return to_image(image)


def make_snowy(rng: Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Push an (H, W, 3) uint8 RGB photo towards snow: pale, low in contrast, bright, bluish."""
    size = (image.shape[0], image.shape[1])
    planes = to_planes(image)
    grey = planes.mean(axis=0)
    planes += np.float32(rng.uniform(0.6, 1.0)) * (grey - planes)
    target = rng.uniform(140, 225)
    planes -= np.float32(grey.mean())
    planes *= np.float32(rng.uniform(0.2, 0.7))
    planes += np.float32(target)
    planes *= _tint(rng)
    if rng.random() < 0.5:
        extent, angle = min(size), float(rng.normal(0, 0.25))
        relief = fractal(rng, size, (extent * 0.6, extent * rng.uniform(0.15, 0.4)), angle)
        planes += np.float32(between(rng, 2, 20)) * _lit(rng, relief, float(rng.uniform(-2, 2)))
    return to_image(planes)


def _lit(rng: Generator, relief: Field, light: float) -> Field:
    """Light on broad ridges and on what is finer, in random shares."""
    scale = min(relief.shape) / 256
    fine = unit(shade(soften(relief, between(rng, 0.8, 3.0) * scale), light))
    broad = unit(shade(soften(relief, between(rng, 3.0, 9.0) * scale), light))
    return unit(fine + np.float32(between(rng, 0.3, 5)) * broad)


def _tint(rng: Generator) -> Field:
    """Factors of red, green and blue: mostly a little blue, sometimes warm."""
    warmth = rng.normal(-0.02, 0.025)
    return colour(1 + warmth, 1, 1 - warmth)


def _texture(rng: Generator, size: Size, angle: float) -> Field:
    """Fine grain of snow, or ripples that wind left."""
    extent = min(size)
    if rng.random() < 0.75:
        cell = between(rng, 4, 24) * extent / 256
        grain = fractal(rng, size, (cell, cell), gain=rng.uniform(0.5, 0.9), finest=1.5)
    else:
        across = between(rng, 3, 9) * extent / 256
        turn = angle + float(rng.uniform(-1.6, 1.6))
        grain = fractal(rng, size, (across * rng.uniform(4, 10), across), turn, 0.6)
    return grain * np.float32(between(rng, 0.5, 7))


def _tracks(rng: Generator, size: Size) -> Field:
    """Brighter or darker lines as skiers, roads or fences draw them."""
    height, width = size
    lines = np.zeros(size, np.uint8)
    for _ in range(rng.integers(1, 5)):
        count = int(rng.integers(3, 9))
        y = np.linspace(rng.uniform(-0.2, 0.5), rng.uniform(0.5, 1.2), count) * height
        x = rng.uniform(0, width) + np.cumsum(rng.normal(0, rng.uniform(0.02, 0.15), count)) * width
        fine = np.linspace(0, count - 1, 40)
        at = np.arange(count)
        smooth = np.stack([np.interp(fine, at, x), np.interp(fine, at, y)], axis=1)
        points = np.round(smooth * 8).astype(np.int32)
        cv2.polylines(lines, [points], False, 255, int(rng.integers(1, 3)), cv2.LINE_AA, 3)
    strength = rng.choice([-1, 1]) * between(rng, 4, 30) / 255
    return lines.astype(np.float32) * np.float32(strength)


def _add_rock(rng: Generator, planes: Field, relief: Field, lit: Field, angle: float) -> None:
    """Rock where a second field and the steepness of the relief are high."""
    size = (planes.shape[1], planes.shape[2])
    extent = min(size)
    across = extent * between(rng, 0.06, 0.35)
    cell = (across * between(rng, 0.6, 4), across)
    field = fractal(rng, size, cell, angle, rng.uniform(0.55, 0.85))
    field += (
        np.float32(rng.uniform(0, 1)) * np.abs(lit) + np.float32(rng.uniform(-0.7, 0.7)) * relief
    )
    share = between(rng, 0.02, 0.3)
    bare = step(field, quantile(field, 1 - share), between(rng, 0.1, 0.6))
    bare *= np.float32(rng.uniform(0.55, 1.0))
    grain = fractal(rng, size, (12.0, 7.0), gain=0.8)
    tone = np.float32(between(rng, 35, 130)) * (1 + np.float32(0.22) * grain)
    tone += np.float32(rng.uniform(0, 12)) * lit
    warmth = rng.uniform(-0.06, 0.12)
    cover(planes, bare, tone[None] * colour(1 + warmth, 1, 1 - warmth))


def _add_forest(rng: Generator, planes: Field, broad: Field) -> None:
    """Speckles of dark trees, denser towards the foot of the slope."""
    height, width = planes.shape[1:]
    extent = min(height, width)
    tree = between(rng, 1.5, 4) * extent / 256
    trees = fractal(rng, (height, width), (2 * tree, tree), gain=0.7, finest=min(tree, 2.0))
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    density = broad + np.float32(rng.uniform(1, 3)) * down
    density -= np.float32(quantile(density, rng.uniform(0.6, 0.95)))
    dark = step(trees + np.clip(density, -3, 0.6), rng.uniform(0.7, 1.3), 0.8)
    dark *= np.float32(rng.uniform(0.5, 0.95))
    tone = rng.uniform(45, 110)
    cover(planes, dark, colour(tone * 0.92, tone, tone * rng.uniform(0.85, 1.1)))
