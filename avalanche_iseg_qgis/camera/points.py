"""Points that are being paired: known in the picture, on the map, or already in both."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..core.camera import ControlPoint

if TYPE_CHECKING:
    from collections.abc import Sequence

PICTURE, MAP = "picture", "map"
"""The two sides of a point."""


@dataclass(frozen=True)
class PosePoint:
    """A control point that may be half finished.

    Attributes
    ----------
    name
        Unique among the points of a picture.
    u, v
        In the picture, pixels (see `core.camera.camera`); None until clicked.
    x, y
        On the map, metres; None until clicked.
    z
        Metres; None takes the terrain's height.
    use
        Whether the pose is fitted to it.
    sigma
        Standard deviation in the picture, pixels.
    """

    name: str
    u: float | None = None
    v: float | None = None
    x: float | None = None
    y: float | None = None
    z: float | None = None
    use: bool = True
    sigma: float = 1.0

    def on(self, side: str) -> tuple[float, float] | None:
        """Where it is in the picture (u, v) or on the map (x, y), if it is known there."""
        first, second = (self.u, self.v) if side == PICTURE else (self.x, self.y)
        return None if first is None or second is None else (first, second)

    @property
    def complete(self) -> bool:
        """Whether it is known on both sides."""
        return self.on(PICTURE) is not None and self.on(MAP) is not None

    def at(self, side: str, place: tuple[float, float]) -> PosePoint:
        """The point elsewhere; on the map it takes the terrain's height there."""
        if side == PICTURE:
            return replace(self, u=place[0], v=place[1])
        return replace(self, x=place[0], y=place[1], z=None)

    def to_json(self) -> dict[str, Any]:
        """With the names that camera files have."""
        return {
            "name": self.name,
            "u_px": self.u,
            "v_px": self.v,
            "x": self.x,
            "y": self.y,
            "z": self.z,
            "use": int(self.use),
            "sigma_px": self.sigma,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> PosePoint:
        """What `to_json` gives."""
        numbers = {"u": "u_px", "v": "v_px", "x": "x", "y": "y", "z": "z"}
        return cls(
            name=str(content["name"]),
            **{key: _number(content.get(name)) for key, name in numbers.items()},
            use=bool(int(content.get("use", 1))),
            sigma=float(content.get("sigma_px") or 1.0),
        )

    @classmethod
    def of(cls, point: ControlPoint) -> PosePoint:
        """A control point of a camera file or a table."""
        return cls(point.name, point.u, point.v, point.x, point.y, point.z, point.use, point.sigma)

    def control_point(self) -> ControlPoint:
        """A point that is complete, for tables."""
        return ControlPoint(self.name, self.u, self.v, self.x, self.y, self.z, self.use, self.sigma)


def with_click(
    points: Sequence[PosePoint], side: str, place: tuple[float, float], chosen: int | None = None
) -> tuple[tuple[PosePoint, ...], int]:
    """The points after a click on one side, and which of them was meant.

    The click finishes the chosen point where that one waits for it, else the first that does; if
    none does it begins another.
    """
    waiting = [at for at, point in enumerate(points) if point.on(side) is None]
    if not waiting:
        return (*points, PosePoint(free_name(points)).at(side, place)), len(points)
    index = chosen if chosen in waiting else waiting[0]
    return with_point(points, index, points[index].at(side, place)), index


def with_point(points: Sequence[PosePoint], index: int, point: PosePoint) -> tuple[PosePoint, ...]:
    """The points with another one in a place."""
    return (*points[:index], point, *points[index + 1 :])


def joined(points: Sequence[PosePoint], more: Sequence[PosePoint]) -> tuple[PosePoint, ...]:
    """Points of two origins; of the second, those whose names are taken get others."""
    for point in more:
        taken = any(point.name == other.name for other in points)
        points = (*points, replace(point, name=free_name(points) if taken else point.name))
    return tuple(points)


def free_name(points: Sequence[PosePoint]) -> str:
    """The first number that no point has for its name."""
    taken = {point.name for point in points}
    return next(str(number) for number in range(1, len(points) + 2) if str(number) not in taken)


def half(points: Sequence[PosePoint]) -> PosePoint | None:
    """The point that waits for its other side."""
    return next((point for point in points if not point.complete), None)


def _number(value: Any) -> float | None:  # noqa: ANN401
    if value is None or not math.isfinite(float(value)):
        return None
    return float(value)
