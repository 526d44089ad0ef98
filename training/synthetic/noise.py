"""Random fields: the only source of roughness, from mountain ranges down to grains of snow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft


def fractal(
    shape: tuple[int, int],
    rng: np.random.Generator,
    longest: float,
    shortest: float = 2.0,
    slope: float = 2.0,
) -> NDArray[np.float32]:
    """Band-limited fractal noise that continues over opposite edges.

    Parameters
    ----------
    shape
        (rows, cols) of the field.
    rng
        Source of randomness.
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
    field: NDArray[np.float32] = fft.irfft2(white * gain, s=shape)
    field *= 1 / max(float(field.std()), 1e-12)
    return field


def smoothstep(low: float, high: float, value: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rise smoothly from 0 at `low` to 1 at `high`; falls where `low` exceeds `high`."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    eased: NDArray[np.float32] = t * t * (3 - 2 * t)
    return eased
