"""Foreground of a webcam photo: roofs, masts, cables; and its time stamp."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .noise import Plane, blend, fractal, lookup, smoothstep

_SHIFT = 4
"""Sub-pixel bits of OpenCV's drawing."""


def draw_foreground(radiance: Plane, snowy: bool, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw, in some images, a roof, or a mast with cables, over the scene.

    Parameters
    ----------
    radiance
        (H, W, 3) float32, changed in place.
    snowy
        Whether snow lies in the valley.

    Returns
    -------
    (H, W) bool, what is hidden now.
    """
    kind = rng.random()
    opacity = np.zeros(radiance.shape[:2], np.uint8)
    if kind < 0.1:
        _draw_roof(radiance, opacity, snowy, rng)
    elif kind < 0.2:
        _draw_cables(radiance, opacity, rng)
    return np.asarray(opacity > 127)


def _draw_roof(
    radiance: Plane, opacity: NDArray[np.uint8], snowy: bool, rng: np.random.Generator
) -> None:
    """Draw a gable in one of the lower corners: wall, and a roof with snow on it."""
    height, width = opacity.shape
    ridge = np.array([rng.uniform(0.05, 0.3) * width, rng.uniform(0.78, 0.92) * height])
    pitch = rng.uniform(0.25, 0.6)
    thick = rng.uniform(0.008, 0.025) * height
    far = ridge + (height - ridge[1]) / pitch * np.array([1.1, pitch])
    near = ridge + ridge[0] * np.array([-1.1, 1.1 * pitch])
    corners = np.stack([near, ridge, far, [far[0], 1.2 * height], [near[0], 1.2 * height]])
    wall = _polygon(opacity.shape, corners)
    eaves = np.stack([near, ridge, far, far - [0, thick], ridge - [0, thick], near])
    cap = _polygon(opacity.shape, eaves)
    if rng.random() < 0.5:
        wall, cap = (np.ascontiguousarray(shape[:, ::-1]) for shape in (wall, cap))
    grain = fractal(opacity.shape, rng, longest=40, shortest=2, slope=1.0)[:, :, None]
    wood = np.array([0.10, 0.075, 0.055], np.float32) * np.float32(rng.uniform(0.5, 1.8))
    cover = np.array([0.55, 0.60, 0.68], np.float32) if snowy else 0.7 * wood
    blend(radiance, wood * (1 + 0.15 * grain), wall.astype(np.float32) / np.float32(255))
    blend(radiance, cover * (1 + 0.03 * grain), cap.astype(np.float32) / np.float32(255))
    np.maximum(opacity, np.maximum(wall, cap), out=opacity)


def _draw_cables(radiance: Plane, opacity: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Draw a mast and the cables that hang from it to the image's edges."""
    height, width = opacity.shape
    shape = np.zeros_like(opacity)
    x, top = rng.uniform(0.1, 0.9) * width, rng.uniform(0.15, 0.6) * height
    thick = max(2, round(rng.uniform(0.004, 0.012) * width))
    cv2.line(shape, (round(x), round(top)), (round(x), height), 255, thick, cv2.LINE_AA)
    share = np.linspace(0, 1, 60)
    for end in (-0.05 * width, 1.05 * width):
        for offset in (0.0, rng.uniform(0.02, 0.05) * height):
            rise = rng.uniform(-0.25, 0.15) * height
            sag = rng.uniform(0.02, 0.1) * height * 4 * share * (1 - share)
            points = np.stack([x + share * (end - x), top + offset + share * rise + sag], axis=1)
            curve = np.rint(points * 2**_SHIFT).astype(np.int32)
            wire = max(1, round(width / 1200))
            cv2.polylines(shape, [curve], False, 255, wire, cv2.LINE_AA, _SHIFT)
    blend(radiance, np.full(3, 0.05, np.float32), shape.astype(np.float32) / np.float32(255))
    np.maximum(opacity, shape, out=opacity)


def _polygon(shape: tuple[int, ...], corners: NDArray[np.float64]) -> NDArray[np.uint8]:
    canvas = np.zeros(shape, np.uint8)
    outline = np.rint(corners * 2**_SHIFT).astype(np.int32)
    cv2.fillPoly(canvas, [outline], 255, cv2.LINE_AA, _SHIFT)
    return canvas


def mist(z: Plane, azimuth: Plane, tangent: Plane, rng: np.random.Generator) -> Plane:
    """Draw the opacity of thin mist in the valley or about the summits, 0 in most scenes.

    Parameters
    ----------
    z
        (H, W) elevation of what the pixels meet, m.
    azimuth, tangent
        (H, W) where they look.
    """
    if rng.random() > 0.2:
        return np.zeros_like(z)
    low, high = np.percentile(z, [5, 95])
    level, soft = rng.uniform(low, high), rng.uniform(60, 250)
    tile = fractal((512, 512), rng, longest=150, shortest=3, slope=1.7)
    wisps = lookup(
        tile,
        (azimuth + np.float32(4)) * np.float32(250),
        (tangent + np.float32(4)) * np.float32(600),
    )
    side = soft if rng.random() < 0.5 else -soft
    body = smoothstep(level - side, level + side, z + np.float32(0.7 * soft) * wisps)
    return np.asarray(body * np.float32(rng.uniform(0.15, 0.5)))


def letter(image: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Write place and time into some images, as webcams do; changes (H, W, 3) uint8 in place."""
    if rng.random() > 0.25:
        return
    height, width = image.shape[:2]
    day, month, hour = (int(rng.integers(a, b)) for a, b in ((1, 29), (1, 6), (7, 18)))
    text = f"Webcam {int(rng.integers(1, 9))}   {day:02d}.{month:02d}.2024  {hour:02d}:00"
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, height / 900
    (across, tall), _ = cv2.getTextSize(text, font, scale, 1)
    left = int(rng.choice([tall, max(tall, width - across - tall)]))
    base = 2 * tall if rng.random() < 0.5 else height - tall
    if rng.random() < 0.5:
        upper, lower = (left - tall // 2, base - 3 * tall // 2), (left + across, base + tall // 2)
        cv2.rectangle(image, upper, lower, (30, 30, 30), -1)
    cv2.putText(image, text, (left, base), font, scale, (245, 245, 245), 1, cv2.LINE_AA)
