"""Curvature of the Earth and atmospheric refraction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

EARTH_RADIUS = 6_371_000.0
"""Mean radius, metres."""

REFRACTION = 0.13
"""Coefficient k of terrestrial refraction by day: rays bend with k / `EARTH_RADIUS`."""


def curvature_drop(distance: ArrayLike, refraction: float = REFRACTION) -> NDArray[np.float64]:
    """Return how much lower a point appears than on a flat Earth.

    Parameters
    ----------
    distance
        Horizontal distance, metres, any shape.
    refraction
        Coefficient k.

    Returns
    -------
    ndarray
        ``(1 - k) d^2 / (2 R)``, metres, same shape.
    """
    return (1 - refraction) / (2 * EARTH_RADIUS) * np.square(np.asarray(distance, np.float64))
