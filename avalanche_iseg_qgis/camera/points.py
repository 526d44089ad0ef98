"""Points of a pose: known in the photo, on the map, or already in both."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..core.camera import ControlPoint
from ..core.json_files import is_true

if TYPE_CHECKING:
    from collections.abc import Sequence

PHOTO, MAP = "photo", "map"
"""The two sides of a point."""


@dataclass(frozen=True)
class PosePoint:
    """A control point that may be known on one side only.

    Attributes
    ----------
    name
        Unique among the points of a photo.
    u, v
        In the photo, pixels (see `core.camera.camera`); None until clicked.
    x, y
        On the map, metres; None until clicked.
    z
        Metres; None takes the terrain's height.
    use
        Whether the pose is fitted to it.
    sigma
        Standard deviation in the photo, pixels.
    """

    name: str
    u: float | None = None
    v: float | None = None
    x: float | None = None
    y: float | None = None
    z: float | None = None
    use: bool = True
    sigma: float = 1.0

    def position(self, side: str) -> tuple[float, float] | None:
        """Return (u, v) in the photo or (x, y) on the map; None where it is not known."""
        first, second = (self.u, self.v) if side == PHOTO else (self.x, self.y)
        return None if first is None or second is None else (first, second)

    @property
    def complete(self) -> bool:
        """Whether the point is known on both sides."""
        return self.position(PHOTO) is not None and self.position(MAP) is not None

    def with_position(self, side: str, position: tuple[float, float]) -> PosePoint:
        """Return the point elsewhere; on the map it takes the terrain's height there."""
        if side == PHOTO:
            return replace(self, u=position[0], v=position[1])
        return replace(self, x=position[0], y=position[1], z=None)

    def to_json(self) -> dict[str, Any]:
        """Return the point as JSON, with the names of camera files."""
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
        """Read what `to_json` returns."""
        numbers = {"u": "u_px", "v": "v_px", "x": "x", "y": "y", "z": "z"}
        return cls(
            name=str(content["name"]),
            **{key: _number(content.get(name)) for key, name in numbers.items()},
            use=is_true(content.get("use", 1)),
            sigma=float(content.get("sigma_px") or 1.0),
        )

    @classmethod
    def from_gcp(cls, point: ControlPoint) -> PosePoint:
        """Make a point of a GCP."""
        return cls(point.name, point.u, point.v, point.x, point.y, point.z, point.use, point.sigma)

    def to_gcp(self) -> ControlPoint | None:
        """Return the point as a GCP; None while it is not complete."""
        photo, on_map = self.position(PHOTO), self.position(MAP)
        if photo is None or on_map is None:
            return None
        return ControlPoint(self.name, *photo, *on_map, self.z, self.use, self.sigma)


def with_click(
    points: Sequence[PosePoint],
    side: str,
    position: tuple[float, float],
    selected: int | None = None,
) -> tuple[tuple[PosePoint, ...], int]:
    """Return the points after a click on one side, and the index of the point that it belongs to.

    The click completes the selected point if that one is unknown on this side, else the first one
    that is; if there is none, it begins another point.
    """
    unknown = [index for index, point in enumerate(points) if point.position(side) is None]
    if not unknown:
        return (*points, PosePoint(free_name(points)).with_position(side, position)), len(points)
    index = selected if selected is not None and selected in unknown else unknown[0]
    return with_point(points, index, points[index].with_position(side, position)), index


def with_point(points: Sequence[PosePoint], index: int, point: PosePoint) -> tuple[PosePoint, ...]:
    """Return the points with another one at an index."""
    return (*points[:index], point, *points[index + 1 :])


def merged(points: Sequence[PosePoint], more: Sequence[PosePoint]) -> tuple[PosePoint, ...]:
    """Return all points; those of ``more`` whose names are taken get other names."""
    for point in more:
        taken = any(point.name == other.name for other in points)
        points = (*points, replace(point, name=free_name(points) if taken else point.name))
    return tuple(points)


def free_name(points: Sequence[PosePoint]) -> str:
    """Return the first number that is not the name of a point."""
    taken = {point.name for point in points}
    return next(str(number) for number in range(1, len(points) + 2) if str(number) not in taken)


def first_incomplete(points: Sequence[PosePoint]) -> PosePoint | None:
    """Return the first point that is known on one side only."""
    return next((point for point in points if not point.complete), None)


def _number(value: Any) -> float | None:  # noqa: ANN401
    if value is None or not math.isfinite(float(value)):
        return None
    return float(value)
