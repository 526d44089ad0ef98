"""Ray casting: intersect the rays of a few pixels with the terrain by marching.

For whole photos see `core.projection`, which builds on this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .refraction import curvature_drop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .camera import Camera

    Floats = NDArray[np.float64]
    HeightsAt = Callable[[Floats, Floats], Floats]
    # Heights (N,) at x (N,) and y (N,), metres; NaN where unknown.

_NEAREST, _FARTHEST = 30.0, 60_000.0  # metres; nearer ground is often the roof below the camera
_GROWTH = 1.0025  # of the steps: 2.5 m at 1 km
_HALVINGS = 12


def cast_rays(
    cameras: Sequence[Camera], pixels: Floats, terrain: HeightsAt, nearest: float | None = None
) -> Floats:
    """Find the ground x, y, z (N, 3) that pixels (N, 2) show, each in the photo of its own camera.

    The cameras have one CRS and one refraction coefficient. `terrain` returns heights (M,) at x and
    y (M,), NaN where unknown. Ground closer than `nearest` is not looked at (metres; by default
    30, as that is often the roof below the camera). NaN in the sky and where ground is unknown.
    """
    rays = [
        camera.line_of_sight_angles(pixel[None])
        for camera, pixel in zip(cameras, pixels, strict=True)
    ]
    azimuth, tangent = np.array([[float(part[0]) for part in ray] for ray in rays]).T[:, :, None]
    x, y, z = np.array([camera.position for camera in cameras]).T[:, :, None]
    refraction = cameras[0].refraction

    def points_at(distance: Floats) -> tuple[Floats, Floats, Floats]:
        """Return x, y, z of the rays at horizontal distances (N, M)."""
        height = z + tangent * distance + curvature_drop(distance, refraction)
        return x + np.sin(azimuth) * distance, y + np.cos(azimuth) * distance, height

    def clearance(distance: Floats) -> Floats:
        """Return the heights (N, M) of the rays over the ground."""
        east, north, height = points_at(distance)
        ground = np.asarray(terrain(east.ravel(), north.ravel()))
        return np.asarray(height - ground.reshape(distance.shape))

    nearest = max(_NEAREST, nearest or 0.0)
    count = int(np.log(_FARTHEST / nearest) / np.log(_GROWTH)) + 1
    steps = np.broadcast_to(np.geomspace(nearest, _FARTHEST, count), (len(pixels), count))
    over = clearance(steps)
    hits = (over[:, :-1] > 0) & (over[:, 1:] <= 0)  # False beside unknown ground
    first = np.argmax(hits, axis=1)[:, None]
    low, high = (np.take_along_axis(steps, first + shift, axis=1) for shift in (0, 1))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        under = clearance(middle) <= 0
        low, high = np.where(under, low, middle), np.where(under, middle, high)
    distance = np.where(np.any(hits, axis=1, keepdims=True), (low + high) / 2, np.nan)
    return np.concatenate(points_at(distance), axis=1)
