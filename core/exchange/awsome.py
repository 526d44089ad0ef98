"""Observations for AWSOME, the platform of avalanche warning services: its GenericObservation.

Fields as its admin interface reads them (albina-euregio, `GenericObservation`): a point in WGS 84,
with what is known of the avalanche in ``content`` for people and in ``$data`` for programs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .avalanche import centre_of, iso_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .avalanche import AvalancheRecord

SOURCE = "AvalancheISeg"
_ASPECTS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
_PART_ORDER = ("avalanche", "release", "track", "deposit")


def awsome_observations(avalanches: Iterable[AvalancheRecord]) -> list[dict[str, Any]]:
    """Return an observation for each avalanche, whose parts are in longitude and latitude.

    Parts of one avalanche are one observation: that of the whole, else of the release area.
    """
    chosen: dict[str, AvalancheRecord] = {}
    for number, avalanche in enumerate(avalanches):
        key = avalanche.group or str(number)
        if key not in chosen or _rank(avalanche) < _rank(chosen[key]):
            chosen[key] = avalanche
    return [_observation(avalanche) for avalanche in chosen.values()]


def _rank(avalanche: AvalancheRecord) -> int:
    part = avalanche.text("part") or "avalanche"
    return _PART_ORDER.index(part) if part in _PART_ORDER else len(_PART_ORDER)


def _observation(avalanche: AvalancheRecord) -> dict[str, Any]:
    longitude, latitude = centre_of(avalanche.parts)
    event = avalanche.moment("released_to") or avalanche.moment("observed_at")
    report = avalanche.moment("created_at") or event
    aspect = avalanche.text("aspect_8")
    elevation = avalanche.number("z_release")
    if elevation is None:
        elevation = avalanche.number("z_max")
    return {
        "$id": avalanche.name,
        "$source": SOURCE,
        "$type": "Avalanche",
        "aspect": aspect if aspect in _ASPECTS else None,
        "elevation": elevation,
        "elevationLowerBound": avalanche.number("z_min"),
        "elevationUpperBound": avalanche.number("z_max"),
        "eventDate": iso_time(event),
        "reportDate": iso_time(report),
        "latitude": round(latitude, 6),
        "longitude": round(longitude, 6),
        "locationName": avalanche.text("camera_id") or None,
        "region": None,
        "authorName": avalanche.text("mapper") or None,
        "content": _content(avalanche),
        "stability": None,
        "avalancheProblems": [],
        "dangerPatterns": [],
        "$externalURL": None,
        "$externalImg": None,
        "$data": {name: v for name, v in avalanche.to_json().items() if name != "prompts"},
    }


def _content(avalanche: AvalancheRecord) -> str:
    """Return what is known in words; codes are those of the layer."""
    size = avalanche.number("size_eaws")
    words = [] if size is None else [f"size {size:.0f}"]
    for field in ("type", "moisture", "trigger"):
        value = avalanche.text(field)
        if value and value != "unknown":
            words.append(value)
    before, after = (iso_time(avalanche.moment(f"released_{end}")) for end in ("from", "to"))
    if before and after:
        words.append(f"released between {before} and {after}")
    length = avalanche.number("length_m")
    if length is not None:
        words.append(f"{length:.0f} m long")
    known = ", ".join(words)
    comment = avalanche.text("comment")
    return ". ".join(filter(None, (known[:1].upper() + known[1:], comment)))
