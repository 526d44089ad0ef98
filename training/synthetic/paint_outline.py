"""Outlines of avalanches: release, track and deposit along a winding line downhill."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .paint_fields import Field, Size, between, fractal

KINDS = ("tongue", "cone", "slab", "fan", "patch")
KIND_SHARES = (0.36, 0.16, 0.2, 0.16, 0.12)
LEAST_SHARE = 0.02
_MARGIN = 8
_STEPS = np.linspace(0, 1, 48)
_KNOTS = (0.0, 0.06, 0.25, 0.45, 0.65, 0.85, 1.0)


@dataclass(frozen=True, eq=False)
class PaintedOutline:
    """Shape of one painted avalanche.

    Attributes
    ----------
    mask
        (H, W) bool.
    along
        (H, W) float32: 0 at the height of the release, 1 at that of the toe.
    angle
        Downhill direction in radians as in `paint_fields.fractal`.
    crowned
        Whether it broke off along a line, as slabs do.
    """

    mask: NDArray[np.bool_]
    along: Field
    angle: float
    crowned: bool

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the avalanche and what its soft edge reaches."""
        x, y, width, height = cv2.boundingRect(self.mask.view(np.uint8))
        return (
            slice(max(y - _MARGIN, 0), y + height + _MARGIN),
            slice(max(x - _MARGIN, 0), x + width + _MARGIN),
        )


def draw_outline(rng: Generator, size: Size) -> PaintedOutline:
    """Draw an avalanche of 2 % to about 60 % of the image; the frame may cut it."""
    while True:
        kind = str(rng.choice(KINDS, p=KIND_SHARES))
        angle = float(rng.normal(0, 0.22 if rng.random() < 0.85 else 0.7))
        parts = _placed(rng, size, _parts(rng, kind), angle)
        mask = _jagged(rng, _filled(parts, size))
        if mask.mean() >= LEAST_SHARE:
            crowned = kind in ("slab", "patch") or (kind == "tongue" and rng.random() < 0.5)
            return PaintedOutline(mask, _along(mask, angle), angle, crowned)


def _parts(rng: Generator, kind: str) -> list[NDArray[np.float64]]:
    """Polygons (N, 2) of (across, along) that overlap to one avalanche of length about 1."""
    centre = between(rng, 0.01, 0.12) * _waver(rng, 4)
    width = _profile(rng, kind)
    parts = [_ribbon(rng, centre, _STEPS, width)]
    if kind in ("tongue", "fan", "cone") and rng.random() < 0.5:
        parts += [_arm(rng, centre) for _ in range(rng.integers(1, 4))]
    if kind != "patch" and rng.random() < 0.6:
        parts += [_toe(rng, centre, width) for _ in range(rng.integers(1, 5))]
    return parts


def _profile(rng: Generator, kind: str) -> NDArray[np.float64]:
    """Half width at each of the steps downhill, for a length of 1."""
    if kind == "cone":
        return rng.uniform(0.08, 0.3) * _STEPS ** rng.uniform(0.7, 1.4) + 0.004
    track = rng.uniform(0.02, 0.07)
    if kind == "tongue":
        crown, foot = rng.uniform(0.03, 0.16), rng.uniform(0.05, 0.2)
        widths = [crown * 0.5, crown, crown, track, track, foot, foot * 0.8]
    elif kind == "slab":
        crown, waist, foot = rng.uniform(0.15, 0.5), rng.uniform(0.05, 0.2), rng.uniform(0.06, 0.25)
        widths = [crown * 0.9, crown, crown * rng.uniform(0.5, 1), waist, waist, foot, foot]
    elif kind == "fan":
        foot = rng.uniform(0.2, 0.45)
        widths = [0.01, track, track * 1.5, foot * 0.4, foot * 0.7, foot, foot]
    else:
        crown = rng.uniform(0.25, 0.9)
        widths = list(crown * rng.uniform(0.6, 1.0, len(_KNOTS)))
    return np.interp(_STEPS, _KNOTS, widths)


def _ribbon(
    rng: Generator,
    centre: NDArray[np.float64],
    along: NDArray[np.float64],
    width: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Polygon round a centre line; both sides waver on their own and the lower end is round."""
    closing = np.sqrt(np.clip((1 - _STEPS) / rng.uniform(0.05, 0.2), 0, 1))
    sides = []
    for sign in (-1, 1):
        edge = width * closing * np.exp(rng.uniform(0.1, 0.3) * _waver(rng, 8))
        sides.append(np.stack([centre + sign * edge, along], axis=1))
    return np.concatenate([sides[0], sides[1][::-1]])


def _waver(rng: Generator, knots: int) -> NDArray[np.float64]:
    """Random curve through ``knots`` values of standard deviation 1, at each of the steps."""
    values = rng.normal(0, 1, (1, knots))
    curve = cv2.resize(values, (len(_STEPS), 1), interpolation=cv2.INTER_CUBIC)
    waver: NDArray[np.float64] = curve[0]
    return waver


def _arm(rng: Generator, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw a second release that joins the track from the side."""
    top, joint = rng.uniform(-0.2, 0.2), rng.uniform(0.25, 0.7)
    bend = (1 - _STEPS) ** rng.uniform(0.7, 1.6)
    target = np.interp(joint, _STEPS, centre)
    across = target + rng.choice([-1, 1]) * rng.uniform(0.08, 0.35) * bend
    width = rng.uniform(0.015, 0.09) * (0.4 + 0.6 * np.sin(math.pi * _STEPS ** rng.uniform(0.4, 1)))
    return _ribbon(rng, across, top + (joint - top) * _STEPS, width)


def _toe(
    rng: Generator, centre: NDArray[np.float64], width: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Draw a branch of the deposit."""
    start, end = rng.uniform(0.4, 0.85), rng.uniform(0.9, 1.25)
    origin = np.interp(start, _STEPS, centre)
    foot = float(np.interp(start, _STEPS, width))
    across = origin + rng.uniform(-2, 2) * max(foot, 0.08) * _STEPS ** rng.uniform(0.7, 1.5)
    toe = np.full_like(_STEPS, rng.uniform(0.25, 0.8) * foot + 0.01)
    return _ribbon(rng, across, start + (end - start) * _STEPS, toe)


def _placed(
    rng: Generator, size: Size, parts: list[NDArray[np.float64]], angle: float
) -> list[NDArray[np.float64]]:
    """Turn downhill, scale to a random share of the image and move there: (x, y) in pixels."""
    sin, cos = math.sin(angle), math.cos(angle)
    turned = [part @ np.array([[cos, -sin], [sin, cos]]) for part in parts]
    area = sum(abs(cv2.contourArea(part.astype(np.float32))) for part in turned)
    wanted = between(rng, 0.035, 0.9) * size[0] * size[1]
    scale = min(math.sqrt(wanted / area), 1.7 * max(size))
    points = np.concatenate(turned) * scale
    low, high = points.min(axis=0), points.max(axis=0)
    frame = np.array([size[1], size[0]], np.float64)
    room = frame - (high - low)
    inside = rng.uniform(0, 1, 2) * room - low
    anywhere = frame * rng.uniform(0.2, 0.8, 2) - (low + high) / 2
    shift = np.where((room > 0) & (rng.random() < 0.75), inside, anywhere)
    return [part * scale + shift for part in turned]


def _filled(parts: list[NDArray[np.float64]], size: Size) -> Field:
    canvas = np.zeros(size, np.uint8)
    for part in parts:
        cv2.fillPoly(canvas, [np.round(part * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
    return canvas.astype(np.float32) / np.float32(255)


def _jagged(rng: Generator, canvas: Field) -> NDArray[np.bool_]:
    """Push the outline to and fro by a random field; keep its large connected parts."""
    height, width = canvas.shape
    extent = min(height, width)
    cell = extent * between(rng, 0.04, 0.3)
    gain = rng.uniform(0.4, 0.75)
    reach = np.float32(cell * between(rng, 0.04, 0.22))
    x = fractal(rng, (height, width), (cell, cell), gain=gain) * reach
    y = fractal(rng, (height, width), (cell, cell), gain=gain) * reach
    x += np.arange(width, dtype=np.float32)
    y += np.arange(height, dtype=np.float32)[:, None]
    pushed = cv2.remap(canvas, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    parts, labels, stats, _ = cv2.connectedComponentsWithStats((pushed > 0.5).astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA]
    kept = areas >= 0.1 * areas[1:].max(initial=1)
    kept[0] = False
    mask: NDArray[np.bool_] = kept[labels] if parts > 1 else np.zeros(canvas.shape, np.bool_)
    return mask


def _along(mask: NDArray[np.bool_], angle: float) -> Field:
    rows = np.arange(mask.shape[0], dtype=np.float32)[:, None] * np.float32(math.cos(angle))
    along = rows + np.arange(mask.shape[1], dtype=np.float32) * np.float32(math.sin(angle))
    inside = along[mask]
    low, high = float(inside.min()), float(inside.max())
    scaled: Field = (along - np.float32(low)) / np.float32(max(high - low, 1.0))
    return scaled
