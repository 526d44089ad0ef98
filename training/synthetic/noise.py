"""Planes: random fields, the only source of roughness from ranges to grains of snow, and blends."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

Plane = NDArray[np.float32]


def fractal(
    shape: tuple[int, int],
    rng: np.random.Generator,
    longest: float,
    shortest: float = 2.0,
    slope: float = 2.0,
) -> Plane:
    """Make band-limited fractal noise that continues over opposite edges.

    Parameters
    ----------
    shape
        (rows, cols) of the field.
    longest, shortest
        Wavelengths in cells between which there is power.
    slope
        Fall of the amplitude with frequency: 0 is white, 1 clouds, 2 smooth hills.

    Returns
    -------
    ndarray
        (rows, cols) float32 of mean 0 and standard deviation 1.
    """
    rows, cols = shape
    white = fft.rfft2(rng.standard_normal(shape, dtype=np.float32))
    frequency = np.hypot(fft.fftfreq(rows)[:, None], fft.rfftfreq(cols)[None]).astype(np.float32)
    frequency[0, 0] = 1.0
    # Soft ends of the band: sharp ones ring.
    gain = frequency**-slope
    gain *= 1 / (1 + (frequency * longest) ** -4) / (1 + (frequency * shortest) ** 4)
    gain[0, 0] = 0
    field: Plane = fft.irfft2(white * gain, s=shape)
    field *= 1 / max(float(field.std()), 1e-12)
    return field


def lookup(tile: Plane, cols: Plane, rows: Plane) -> Plane:
    """Interpolate a field that continues over its edges, of any channels, at (H, W) places."""
    found: Plane = cv2.remap(tile, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return found


def smoothstep(low: float, high: float, value: Plane) -> Plane:
    """Rise smoothly from 0 at `low` to 1 at `high`; fall where `low` exceeds `high`."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    eased: Plane = t * t * (3 - 2 * t)
    return eased


def blend(under: Plane, colour: Plane, share: Plane) -> None:
    """Lay a colour, (3,) or (H, W, 3), over (H, W, 3) in place, opaque where `share` is 1."""
    under += share[:, :, None] * (colour - under)
