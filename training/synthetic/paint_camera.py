"""Degradation by a webcam: haze, blur, noise, JPEG."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .paint_fields import between, fractal
from .paint_planes import to_image, to_planes


def degrade_image(rng: Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Degrade an (H, W, 3) uint8 RGB image at random as a webcam does."""
    size = (image.shape[0], image.shape[1])
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.1))
    planes = to_planes(image)
    if rng.random() < 0.2:
        drift = fractal(rng, size, (size[0] / 2, size[1]), finest=size[0] / 4)
        haze = np.clip(np.float32(0.1) * drift + np.float32(rng.uniform(0.05, 0.5)), 0, 0.75)
        planes += haze * (np.float32(rng.uniform(170, 240)) - planes)
    planes *= np.float32(rng.uniform(0.85, 1.1))
    if rng.random() < 0.7:
        planes += np.float32(between(rng, 0.4, 4)) * rng.standard_normal(size, np.float32)
    taken = to_image(planes)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 95))]
        packed = cv2.imencode(".jpg", taken, quality)[1]
        taken = np.asarray(cv2.imdecode(packed, cv2.IMREAD_UNCHANGED), np.uint8)
    return taken
