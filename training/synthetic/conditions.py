"""Season, weather and light of a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROCK = np.array([0.19, 0.18, 0.17])
_WARM = np.array([1.0, 0.0, -1.0])


@dataclass(frozen=True, eq=False)
class Conditions:
    """Season, weather, snow and light of a day.

    Attributes
    ----------
    sun
        (3,) unit vector towards the sun: east, north, up.
    cloud
        0 clear sky to 1 overcast.
    haze
        Extinction, 1/m.
    rockiness
        Degrees by which rock shows on gentler ground than usual.
    treeline, snowline
        Elevations, m: forest grows below the one, bare ground shows below the other.
    forest
        Share of the forest's area that has trees.
    frost
        How much snow lies on the trees, 0 to 1.
    texture
        Roughness of the snow's surface, 1 is usual.
    dust
        Dirt on old snow, 0 to 1.
    rock
        (3,) albedo of rock.
    """

    sun: NDArray[np.float32]
    cloud: float
    haze: float
    rockiness: float
    treeline: float
    snowline: float
    forest: float
    frost: float
    texture: float
    dust: float
    rock: NDArray[np.float32]


def draw_conditions(rng: np.random.Generator, valley_floor: float) -> Conditions:
    """Draw a day between November and May; the valley floor's elevation is in m."""
    spring = rng.random() < 0.3
    azimuth = np.radians(rng.uniform(95, 265))
    elevation = np.radians(rng.uniform(28, 55) if spring else rng.uniform(7, 35))
    sun = [np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation)]
    sky = rng.random()
    cloud = 0.0 if sky < 0.5 else (rng.uniform(0.2, 0.7) if sky < 0.75 else rng.uniform(0.9, 1.0))
    bare = spring or rng.random() < 0.15
    return Conditions(
        sun=np.array([*sun, np.sin(elevation)], np.float32),
        cloud=float(cloud),
        haze=float(10 ** rng.uniform(-5.3, -3.9)),
        rockiness=float(rng.uniform(-8, 5)),
        treeline=valley_floor + float(rng.uniform(-350, 650)),
        snowline=valley_floor + float(rng.uniform(50, 500) if bare else -500),
        forest=float(rng.uniform(0.3, 0.95)),
        frost=0.0 if bare else float(rng.uniform(0, 1) ** 2),
        texture=float(10 ** rng.uniform(-0.4, 0.4)),
        rock=np.asarray(
            _ROCK * rng.uniform(0.6, 1.8) * (1 + rng.uniform(0, 0.25) * _WARM), np.float32
        ),
        dust=float(rng.uniform(0, 1) ** 2 * (1.0 if spring else 0.4)),
    )
