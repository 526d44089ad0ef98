"""Light and colour of training windows."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def jitter(image: Image, rng: np.random.Generator, strength: float = 1.0) -> Image:
    """Other brightness, contrast and colours, sometimes blur and noise; (H, W, 3) uint8 both."""
    values = image.astype(np.float32)
    if rng.random() < 0.75:
        values *= 1 + strength * rng.uniform(-0.15, 0.4)
        values += strength * rng.uniform(-0.25, 0.25) * 255
    if rng.random() < 0.75:
        values += strength * rng.uniform(-10, 10, 3).astype(np.float32)
    if rng.random() < 0.1:
        values = values.mean(axis=2, keepdims=True).repeat(3, axis=2)
    return _disturb(values, rng)


def push_to_snow(image: Image, rng: np.random.Generator) -> Image:
    """Pale, bright, bluish and of low contrast, as snow in webcams; (H, W, 3) uint8 both."""
    values = image.astype(np.float32)
    grey = values.mean(axis=2, keepdims=True)
    values = grey + rng.uniform(0, 0.35) * (values - grey)
    middle = float(grey.mean())
    level = rng.uniform(110, 225)
    values = level + rng.uniform(0.2, 0.7) * (values - middle)
    values += np.array([-1, 0, 1], np.float32) * rng.uniform(-4, 14)
    return _disturb(values, rng)


def _disturb(values: NDArray[np.float32], rng: np.random.Generator) -> Image:
    """Add, sometimes, a little blur, haze from above, and noise."""
    if rng.random() < 0.15:
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), rng.uniform(0.5, 1.5)), np.float32)
    if rng.random() < 0.1:
        veil = np.linspace(rng.uniform(0, 0.6), 0, len(values), dtype=np.float32)[:, None, None]
        values = values + veil * (rng.uniform(170, 240) - values)
    if rng.random() < 0.25:
        noise = rng.standard_normal(values.shape[:2], np.float32)[..., None]
        values = values + noise * np.float32(rng.uniform(1, 6))
    return np.clip(values, 0, 255).astype(np.uint8)
