"""Release areas for AvaFrame: single polygons without holes, with a thickness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from .avalanche import AvalancheRecord

RELEASE = "release"
FIELDS = {"name": str, "thickness": float, "date": str, "uuid": str}
"""Fields and their types; their names fit a shapefile."""


@dataclass(frozen=True, eq=False)
class ReleaseArea:
    """One polygon: a closed ring (N, 2), and values of `FIELDS`."""

    ring: NDArray[np.float64]
    values: dict[str, Any]


def release_areas(
    avalanches: Iterable[AvalancheRecord],
    *,
    thickness: float | None = None,
    whole_avalanches: bool = False,
) -> tuple[list[ReleaseArea], list[str]]:
    """Return release areas and warnings about them.

    Each part of an outline is an area of its own. Holes are filled, with a warning: AvaFrame would
    read them as further areas.

    Parameters
    ----------
    thickness
        Metres, for outlines without a fracture depth; None leaves it open.
    whole_avalanches
        Take all outlines, not only those whose part is "release".
    """
    areas: list[ReleaseArea] = []
    warnings: list[str] = []
    number = 0
    for avalanche in avalanches:
        if not whole_avalanches and avalanche.text("part") != RELEASE:
            continue
        number += 1
        name = f"rel{number:03d}"
        depth = avalanche.number("fracture_depth_cm")
        known = thickness if depth is None else depth / 100
        when = avalanche.moment("released_to") or avalanche.moment("observed_at")
        if known is None:
            warnings.append(
                f"{name} ({avalanche.name}) has no fracture depth: give a thickness, or enter it "
                "in AvaFrame."
            )
        if any(len(part) > 1 for part in avalanche.parts):
            warnings.append(
                f"{name} ({avalanche.name}) has holes, which are filled: a release area has none."
            )
        for count, part in enumerate(avalanche.parts, 1):
            values = {
                "name": name if len(avalanche.parts) == 1 else f"{name}_{count}",
                "thickness": known,
                "date": when.strftime("%Y-%m-%d") if when else "",
                "uuid": avalanche.name,
            }
            areas.append(ReleaseArea(part[0], values))
    return areas, warnings
