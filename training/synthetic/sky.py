"""The sky, its clouds, and ranges beyond the elevation model."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .conditions import Conditions
from .noise import Plane, blend, fractal, lookup, smoothstep

ZENITH = np.array([0.16, 0.33, 0.75], np.float32)
HORIZON = np.array([0.62, 0.76, 0.95], np.float32)
HIGH_SUN = np.array([1.0, 0.94, 0.84], np.float32)
LOW_SUN = np.array([1.0, 0.74, 0.50], np.float32)
GREY = np.array([0.70, 0.74, 0.80], np.float32)


def sunlight(day: Conditions) -> NDArray[np.float32]:
    """(3,) radiance of white ground that faces the sun: the lower, the redder; none in clouds."""
    high = float(np.clip((day.sun[2] - 0.05) / 0.4, 0, 1))
    clear = np.float32((1 - day.cloud) ** 1.5)
    return np.asarray(clear * (LOW_SUN + high * (HIGH_SUN - LOW_SUN)), np.float32)


def air_light(day: Conditions) -> NDArray[np.float32]:
    """(3,) radiance of thick haze."""
    return np.asarray((1 - day.cloud) * HORIZON * 0.95 + day.cloud * GREY, np.float32)


def paint_sky(
    azimuth: Plane, tangent: Plane, day: Conditions, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Paint the sky and far ranges: (H, W, 3) float32 radiance.

    Parameters
    ----------
    azimuth, tangent
        (H, W) where the pixels look: radians, and tangent of the elevation angle.
    """
    height = smoothstep(-0.02, 0.7, tangent)[:, :, None] ** np.float32(0.6)
    clear = HORIZON * (1 - height) + ZENITH * height
    tile = fractal((512, 512), rng, longest=200, shortest=2, slope=1.6)
    # Clouds are drawn out sideways.
    field = lookup(
        tile,
        azimuth * np.float32(180) + np.float32(2000),
        tangent * np.float32(500) + np.float32(2000),
    )
    veil = smoothstep(1.6 - 2.6 * day.cloud, 2.2 - 1.6 * day.cloud, field)[:, :, None]
    veil *= np.float32(min(1.0, 3 * day.cloud))
    clouds = GREY * (1.05 + 0.10 * field[:, :, None] * (1.2 - day.cloud))
    sky = (clear * (1 - veil) + clouds * veil).astype(np.float32)
    for layer in range(int(rng.integers(0, 3)), 0, -1):
        _add_range(sky, azimuth, tangent, layer, day, rng)
    return sky


def _add_range(
    sky: NDArray[np.float32],
    azimuth: Plane,
    tangent: Plane,
    layer: int,
    day: Conditions,
    rng: np.random.Generator,
) -> None:
    """Draw a range on the horizon, the paler the farther."""
    crest = np.cumsum(rng.standard_normal((1, 2048)), axis=1)
    crest -= np.linspace(crest[0, 0], crest[0, -1], 2048)
    line = (0.02 + 0.025 * layer) + 0.02 * crest / (crest.std() + 1e-6)
    cols = (azimuth + np.float32(np.pi)) * np.float32(2047 / (2 * np.pi))
    top = cv2.remap(line.astype(np.float32), cols, np.zeros_like(cols), cv2.INTER_LINEAR)
    tile = fractal((512, 512), rng, longest=60, shortest=2, slope=1.2)
    faces = lookup(
        tile,
        (azimuth + np.float32(7)) * np.float32(900),
        (tangent + np.float32(7)) * np.float32(900),
    )
    shade = (0.62 + 0.14 * (1 - 0.7 * day.cloud) * np.clip(faces, -2, 2))[:, :, None]
    colour = np.array([0.80, 0.88, 1.0], np.float32) * shade
    fade = 0.35 + 0.15 * layer
    inside = smoothstep(-0.0008, 0.0008, top - tangent)
    blend(sky, (1 - fade) * colour + fade * air_light(day), inside)
