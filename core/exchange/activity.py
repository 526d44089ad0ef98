"""A table of what was observed, by day and camera, for indices of activity."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from .avalanche import iso_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .avalanche import AvalancheRecord

_LIMITED, _NONE = "limited", "none"
_SIZES = (1, 2, 3, 4, 5)
_TYPES = ("slab", "loose", "glide", "slush", "cornice")
_MOISTURES = ("dry", "wet", "mixed")
COLUMNS = (
    "date",
    "camera",
    "images",
    "avalanches",
    "largest_size",
    *(f"size_{size}" for size in _SIZES),
    "size_unknown",
    *_TYPES,
    *_MOISTURES,
    "area_m2",
    "first_observed",
    "last_observed",
    "observation",
)


class ObservedDay(NamedTuple):
    """How well a camera's day was observed: ``full``, ``limited`` or ``none``; date ISO, UTC."""

    date: str
    camera: str
    observation: str


def activity_rows(
    avalanches: Iterable[AvalancheRecord],
    days: Iterable[ObservedDay] = (),
    cameras: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Return a row by `COLUMNS` for each day (UTC) and camera that was observed.

    Outlines of one ``avalanche_id`` are one avalanche, and its area that of its largest outline.
    The size is a person's, else the suggested one. Avalanches without a time have an empty date.

    Parameters
    ----------
    avalanches
        What was mapped.
    days
        Days of cameras; those without avalanches have a row of zeros where something could be seen
        and was looked at, and of empty values where nothing is known.
    cameras
        Name of the camera by ``image_name``, as in ``days``; default: what the outline tells.
    """
    groups: dict[tuple[str, str], dict[str, list[AvalancheRecord]]] = defaultdict(dict)
    for number, avalanche in enumerate(avalanches):
        moment = avalanche.moment("observed_at")
        day = moment.strftime("%Y-%m-%d") if moment else ""
        known = (cameras or {}).get(avalanche.text("image_name"), "")
        camera = known or avalanche.text("camera_id") or avalanche.text("camera")
        groups[day, camera].setdefault(avalanche.group or str(number), []).append(avalanche)
    observed = {(day.date, day.camera): day.observation for day in days}
    return [
        {"date": day, "camera": camera, **_day(groups.get((day, camera)), observed, day, camera)}
        for day, camera in sorted(groups.keys() | observed.keys())
    ]


def _day(
    grouped: Mapping[str, list[AvalancheRecord]] | None,
    observed: Mapping[tuple[str, str], str],
    day: str,
    camera: str,
) -> dict[str, Any]:
    observation = observed.get((day, camera), "")
    if grouped is None and observation == _NONE:
        return {"observation": _NONE}
    if grouped and observation == _NONE:
        observation = _LIMITED  # somebody saw the avalanches
    return {**_figures(list((grouped or {}).values())), "observation": observation}


def activity_csv(rows: Iterable[dict[str, Any]]) -> str:
    """Return the table as CSV."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def _figures(grouped: list[list[AvalancheRecord]]) -> dict[str, Any]:
    every = [outline for outlines in grouped for outline in outlines]
    sizes = [_size(outlines) for outlines in grouped]
    moments = sorted(filter(None, (outline.moment("observed_at") for outline in every)))
    areas = [[outline.number("area_m2") or 0.0 for outline in outlines] for outlines in grouped]
    known = [size for size in sizes if size is not None]
    return {
        "images": len({outline.text("image_name") for outline in every} - {""}),
        "avalanches": len(grouped),
        "largest_size": max(known, default=""),
        **{f"size_{size}": known.count(size) for size in _SIZES},
        "size_unknown": len(sizes) - len(known),
        **{kind: _count(grouped, "type", kind) for kind in _TYPES},
        **{kind: _count(grouped, "moisture", kind) for kind in _MOISTURES},
        "area_m2": round(sum(map(max, areas)), 1),
        "first_observed": iso_time(moments[0]) if moments else "",
        "last_observed": iso_time(moments[-1]) if moments else "",
    }


def _size(outlines: list[AvalancheRecord]) -> int | None:
    for field in ("size_eaws", "size_suggested"):
        sizes = [outline.number(field) for outline in outlines]
        known = [round(size) for size in sizes if size is not None]
        if known:
            return max(known)
    return None


def _count(grouped: list[list[AvalancheRecord]], field: str, code: str) -> int:
    return sum(any(outline.text(field) == code for outline in outlines) for outlines in grouped)
