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
    """Return how much lower points at a horizontal distance appear than on a flat Earth.

    ``(1 - k) d^2 / (2 R)``, metres, for distances d of any shape and the refraction coefficient k.
    """
    return (1 - refraction) / (2 * EARTH_RADIUS) * np.square(np.asarray(distance, np.float64))
