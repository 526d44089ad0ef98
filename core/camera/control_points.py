"""Ground control points: known both in the photo and on the map."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ControlPoint:
    """Ground control point (GCP).

    Attributes
    ----------
    name
        Unique in its table.
    u, v
        Position in the photo, pixels; see `core.camera.camera`.
    x, y, z
        Position on the map, metres; z None takes the terrain's height.
    use
        Whether the pose is fitted to it; False for a check point.
    sigma
        Standard deviation of u and of v, pixels.

    Examples
    --------
    >>> from core.camera import ControlPoint
    >>> ControlPoint("church", u=470.0, v=243.5, x=2725293.3, y=1124989.8).use
    True
    """

    name: str
    u: float
    v: float
    x: float
    y: float
    z: float | None = None
    use: bool = True
    sigma: float = 1.0
