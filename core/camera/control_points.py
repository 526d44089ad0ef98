"""Ground control points: places known both in the photo and on the map."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ControlPoint:
    """A ground control point (GCP).

    Attributes
    ----------
    name
        Unique in its table.
    u, v
        In the photo, pixels; see `core.camera.camera`.
    x, y, z
        On the map, metres; z None takes the terrain's height.
    use
        Whether the pose is fitted to it.
    sigma
        Standard deviation of u and of v, pixels.
    """

    name: str
    u: float
    v: float
    x: float
    y: float
    z: float | None = None
    use: bool = True
    sigma: float = 1.0
