"""A mapped avalanche, as a layer of the plugin holds it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Part = Sequence[NDArray[np.float64]]

TIMES = ("observed_at", "released_from", "released_to", "created_at", "modified_at")
"""Fields that hold times."""


@dataclass(frozen=True, eq=False)
class AvalancheRecord:
    """Outline and attributes.

    Attributes
    ----------
    parts
        Polygons: of each its rings, (N, 2) and closed, outer ring first.
    attributes
        Values by the names of the plugin's fields, None where unknown; times as ISO 8601.
    """

    parts: Sequence[Part]
    attributes: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Identifier of the outline, "" without one."""
        return self.text("uuid")

    @property
    def group(self) -> str:
        """Identifier of the avalanche that the outline is a part of."""
        return self.text("avalanche_id") or self.name

    @property
    def is_rejected(self) -> bool:
        """Whether a reviewer rejected it: it is no part of what is told to others."""
        return self.text("review") == "rejected"

    def text(self, field: str) -> str:
        """Return an attribute as text, "" if it is unknown."""
        value = plain_value(self.attributes.get(field))
        return "" if value is None else str(value)

    def number(self, field: str) -> float | None:
        """Return an attribute as a finite number; None if it is unknown, or none."""
        try:
            value = float(self.attributes.get(field))  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return None
        return value if math.isfinite(value) else None

    def moment(self, field: str) -> datetime | None:
        """Return an attribute as a time in UTC; None if it is unknown, or none."""
        text = self.text(field).replace("/", "-").replace("Z", "+00:00")
        if text.endswith(("+00", "-00")):
            text += ":00"
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            return None
        if found.tzinfo is None:
            return found.replace(tzinfo=timezone.utc)
        return found.astimezone(timezone.utc)

    def to_json(self) -> dict[str, Any]:
        """Return the attributes as JSON: what is unknown as None, times in UTC with Z."""
        found = {name: plain_value(value) for name, value in self.attributes.items()}
        return {**found, **{name: iso_time(self.moment(name)) for name in TIMES if name in found}}

    def moved(self, move: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> AvalancheRecord:
        """Return the avalanche with all points (N, 2) moved."""
        return replace(self, parts=[[move(ring) for ring in part] for part in self.parts])


def plain_value(value: Any) -> Any:  # noqa: ANN401
    """Return an attribute as JSON has it: what is no number is None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def iso_time(moment: datetime | None) -> str | None:
    """Return a time in UTC as ISO 8601 with Z; None for None."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def ring_area(ring: NDArray[np.float64]) -> float:
    """Return the signed area of a closed ring: positive counter-clockwise, y up."""
    x, y = (ring - ring[0]).T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)


def area_of(parts: Sequence[Part]) -> float:
    """Return the area of polygons less their holes."""
    return sum(
        abs(ring_area(outer)) - sum(abs(ring_area(hole)) for hole in holes)
        for outer, *holes in parts
    )


def centre_of(parts: Sequence[Part]) -> tuple[float, float]:
    """Return the centroid of the largest polygon, without its holes."""
    outer = max((part[0] for part in parts), key=lambda ring: abs(ring_area(ring)))
    x, y = (outer - outer[0]).T
    cross = x[:-1] * y[1:] - x[1:] * y[:-1]
    total = float(cross.sum())
    if total == 0:
        return float(outer[0, 0]), float(outer[0, 1])
    east = float(((x[:-1] + x[1:]) * cross).sum() / (3 * total))
    north = float(((y[:-1] + y[1:]) * cross).sum() / (3 * total))
    return float(outer[0, 0]) + east, float(outer[0, 1]) + north
