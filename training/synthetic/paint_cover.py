"""Appearance of a painted avalanche: changes to the slope inside its outline."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.random import Generator

from .paint_fields import Field, between, fractal, shade, soften, step, unit
from .paint_outline import PaintedOutline
from .paint_planes import colour

_GREY_OF_SNOW = 200.0
_BRIGHT_SNOW = 215.0
_FINE_DETAIL = 20.0
_LEAST_VISIBLE = 5.0
_WHITEST = 250.0


def lay_avalanche(rng: Generator, planes: Field, outline: PaintedOutline, light: float) -> None:
    """Paint one avalanche into (3, H, W) float32 planes in place.

    Parameters
    ----------
    light
        Direction in radians towards which relief is bright, as in `paint_fields.shade`.
    """
    scale = min(outline.mask.shape) / 256
    rows, cols = outline.window
    planes = planes[:, rows, cols]
    soft = soften(outline.mask[rows, cols].astype(np.float32), between(rng, 0.4, 2.5))
    along = outline.along[rows, cols]
    grey = planes.mean(axis=0)
    base = soften(grey, between(rng, 1.5, 6) * scale)
    detail = np.clip(grey - base, -_FINE_DETAIL, _FINE_DETAIL)
    change = detail * np.float32(between(rng, 0.15, 1.5) - 1)
    around = cv2.blur(grey, (2 * round(16 * scale) + 1,) * 2)
    buried = np.clip(around - np.float32(15) - grey, 0, None) * np.float32(rng.uniform(0, 0.8))
    change += buried
    change -= np.clip(grey - _WHITEST, 0, None)  # else white snow has no room to brighten
    deposit = step(along, rng.uniform(-0.1, 0.7), between(rng, 0.15, 1))
    brighter = rng.random() < 0.3 and float(grey.mean()) < _BRIGHT_SNOW
    surface = _tone(rng, along, deposit, outline.angle, scale, brighter)
    surface += _relief(rng, soft, deposit, light, scale)
    if outline.crowned:
        surface += _crown(rng, soft, along, outline.angle)
    # In shadow and on dark ground there is less light to tell things apart by.
    surface *= np.clip((base + buried) / np.float32(_GREY_OF_SNOW), 0.35, 1.15)
    visible = math.sqrt(float((soft * surface * surface).sum()) / float(soft.sum()))
    needed = _LEAST_VISIBLE + 0.6 * float(detail.std())
    change += surface * np.float32(max(1.0, needed / visible))
    planes += soft * change
    if rng.random() < 0.2:
        planes += soft * deposit * _dirt(rng)


def _tone(
    rng: Generator, along: Field, deposit: Field, angle: float, scale: float, brighter: bool
) -> Field:
    """Darker or brighter than the slope, unevenly, with streaks downhill."""
    size = (along.shape[0], along.shape[1])
    offset = between(rng, 4, 28) if brighter else -between(rng, 3, 45)
    uneven = fractal(rng, size, (48 * scale, 48 * scale), gain=0.6, finest=6 * scale)
    tone = np.float32(offset) * (1 + np.float32(rng.uniform(0, 0.45)) * uneven)
    tone *= 1 + np.float32(rng.uniform(-0.65, 0.5)) * (1 - deposit)
    if rng.random() < 0.6:
        across = between(rng, 2.5, 9) * scale
        streaks = fractal(rng, size, (across * rng.uniform(8, 20), across), angle, 0.6)
        tone += np.float32(between(rng, 1, 10)) * streaks * (1 - np.float32(0.6) * deposit)
    return tone


def _relief(rng: Generator, soft: Field, deposit: Field, light: float, scale: float) -> Field:
    """Shaded blocks, rougher in the deposit, and its thickness at the rim."""
    block = between(rng, 4, 16) * scale
    size = (soft.shape[0], soft.shape[1])
    heights = fractal(rng, size, (block, block), gain=rng.uniform(0.5, 0.85), finest=1.5)
    blocks = np.clip(unit(shade(heights, light)), -2.5, 2.5)
    floor = np.float32(rng.uniform(0.15, 0.8))
    relief: Field = np.float32(between(rng, 2.5, 18)) * blocks * (floor + (1 - floor) * deposit)
    thick = between(rng, 1, 5) * scale
    rim = shade(soften(soft, thick), light) * np.float32(thick * 2.5)
    relief += np.float32(between(rng, 2, 30)) * rim * deposit
    return relief


def _crown(rng: Generator, soft: Field, along: Field, angle: float) -> Field:
    """Paint the crown, where the slab broke off: mostly a dark line, lit on some slopes."""
    edge = np.clip(shade(soften(soft, between(rng, 0.6, 2.0)), angle), 0, None)
    edge *= np.float32(1 / max(float(edge.max()), 1e-6))
    edge *= step(-along, -rng.uniform(0.15, 0.5), 0.2)
    strength = between(rng, 10, 90) * (0.5 if rng.random() < 0.25 else -1)
    edge *= np.float32(strength)
    return edge


def _dirt(rng: Generator) -> Field:
    """Brown of a wet slide that took earth along."""
    amount = between(rng, 3, 40)
    return colour(-0.35 * amount, -0.6 * amount, -amount)
