"""From radiance to a webcam's image: exposure, lens, sensor, compression."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_DARKEST = 0.3
"""Radiance below which no camera opens further: forests stay dark."""


def develop(
    radiance: NDArray[np.float32],
    subject: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    gain: float = 1.0,
    grain_rng: np.random.Generator | None = None,
) -> NDArray[np.uint8]:
    """Take an (H, W, 3) uint8 RGB image of (H, W, 3) radiance.

    Exposure, which is set for the `subject` (H, W), colours, sharpness, noise and compression are
    drawn at random by ``rng``: with the same one, it is the same camera. ``gain`` is the factor by
    which it exposes wrongly. ``grain_rng`` draws the noise, by default ``rng``.
    """
    noise = grain_rng or rng
    grey = radiance.mean(axis=2)[subject]
    bright = float(np.percentile(grey[:: max(1, grey.size // 100_000)], 97))
    exposed = radiance * np.float32(gain * rng.uniform(0.7, 1.1) / max(bright, _DARKEST))
    exposed *= np.exp(rng.normal(0, 0.03, 3)).astype(np.float32)
    # A shoulder instead of a hard limit, then the display's gamma.
    shown = (exposed / (1 + exposed**4) ** 0.25) ** np.float32(1 / rng.uniform(1.9, 2.4))
    grey = shown.mean(axis=2, keepdims=True)
    shown = grey + np.float32(rng.uniform(0.55, 1.15)) * (shown - grey)
    shown = _lens(np.clip(shown, 0, 1), rng)
    grain = float(10 ** rng.uniform(-2.8, -1.8))
    shown += grain * noise.standard_normal(shown.shape[:2], dtype=np.float32)[:, :, None]
    shown += 0.5 * grain * noise.standard_normal(shown.shape, dtype=np.float32)
    image = np.clip(shown * 255 + 0.5, 0, 255).astype(np.uint8)
    return _compress(image, int(rng.integers(55, 97)))


def _lens(shown: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Blur, the camera's own sharpening, darker corners."""
    height, width = shown.shape[:2]
    blurred = cv2.GaussianBlur(shown, (0, 0), rng.uniform(0.4, 1.1))
    sharpen = np.float32(rng.choice([0.0, rng.uniform(0.2, 0.9)]))
    blurred += sharpen * (blurred - cv2.GaussianBlur(blurred, (0, 0), 1.5))
    u = np.linspace(-1, 1, width, dtype=np.float32)
    v = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    dark = np.float32(rng.uniform(0, 0.08))
    return np.asarray(blurred * (1 - dark * (u * u + v * v))[:, :, None])


def _compress(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Compress an image as JPEG and decode it again."""
    _, code = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1].copy()
