"""Release intervals: from the last photo without an avalanche to the first with it.

For QGIS's own Python too: NumPy only, Python 3.9.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .listing import SeriesPhoto
from .records import Look, Observation, PhotoState, Presence, SeriesState
from .screening import is_place_seen


class TimeQuality(str, enum.Enum):
    """How well the time of a release is known: the length of its interval."""

    HOUR = "hour"
    HOURS = "hours"
    DAY = "day"
    DAYS = "days"
    OPEN = "open"


_LIMITS = (
    (timedelta(hours=1), TimeQuality.HOUR),
    (timedelta(hours=6), TimeQuality.HOURS),
    (timedelta(hours=24), TimeQuality.DAY),
)


@dataclass(frozen=True)
class ReleaseInterval:
    """When an avalanche released.

    Attributes
    ----------
    avalanche
        Identifier.
    after, before
        UTC: of the last photo in which its place could be seen without it, None if there is none;
        and of the first with it.
    after_photo, before_photo
        Keys of these photos; the first is empty where there is none.
    quality
        Class of the length: up to an hour, up to 6 hours, a day, longer, or open: never seen
        without it.
    missed
        Number of photos between them in which the place could not be seen, or that nobody has
        looked at.
    last_seen
        UTC, of the last photo with it.
    by_program
        Whether one of the two photos was judged by the program alone: look at it.
    """

    avalanche: str
    after: datetime | None
    before: datetime
    after_photo: str
    before_photo: str
    quality: TimeQuality
    missed: int
    last_seen: datetime
    by_program: bool


def release_intervals(
    photos: Sequence[SeriesPhoto], state: SeriesState
) -> dict[str, ReleaseInterval]:
    """Find the release interval of each avalanche that some photo shows.

    A photo shows a place without an avalanche if it was noted so, or if a person has looked at it
    and not outlined this avalanche, unless the place could not be seen in it (`is_place_seen`).
    Pictures of a camera that was stuck tell nothing: they were taken earlier than they say. Only
    photos of cameras that have shown the avalanche count.
    """
    of_avalanche: dict[str, list[Observation]] = {}
    for observation in state.observations.values():
        of_avalanche.setdefault(observation.avalanche, []).append(observation)
    by_key = {photo.key: photo for photo in photos}
    found = {
        avalanche: _interval(avalanche, seen, by_key, photos, state)
        for avalanche, seen in sorted(of_avalanche.items())
    }
    return {avalanche: interval for avalanche, interval in found.items() if interval is not None}


def presence_in(photo: str, avalanche: str, place: Observation, state: SeriesState) -> Presence:
    """Return what a photo tells of an avalanche at a place; see `release_intervals`."""
    screening = state.screenings.get(photo)
    if screening is not None and screening.look is Look.REPEAT:
        return Presence.HIDDEN
    noted = state.observations.get((avalanche, photo))
    if noted is not None:
        return noted.presence
    looked = state.state_of(photo) in (PhotoState.NOTHING, PhotoState.AVALANCHES)
    if not looked or (screening is not None and not is_place_seen(screening, place)):
        return Presence.HIDDEN
    return Presence.ABSENT


def _interval(
    avalanche: str,
    observed: Sequence[Observation],
    by_key: Mapping[str, SeriesPhoto],
    photos: Iterable[SeriesPhoto],
    state: SeriesState,
) -> ReleaseInterval | None:
    shown = [o for o in observed if o.presence is Presence.PRESENT and o.photo in by_key]
    places = {by_key[o.photo].camera: o for o in shown}
    judged = [
        (photo, presence_in(photo.key, avalanche, places[photo.camera], state))
        for photo in sorted(photos, key=_order)
        if photo.camera in places
    ]
    present = [index for index, (_, seen) in enumerate(judged) if seen is Presence.PRESENT]
    if not present:
        return None
    absent = [i for i, (_, seen) in enumerate(judged[: present[0]]) if seen is Presence.ABSENT]
    first, last = judged[present[0]][0], judged[present[-1]][0]
    before = judged[absent[-1]][0] if absent else None
    ends = [first] if before is None else [first, before]
    return ReleaseInterval(
        avalanche,
        None if before is None else before.taken_at,
        first.time,
        "" if before is None else before.key,
        first.key,
        _quality(before, first),
        present[0] - (absent[-1] + 1 if absent else 0),
        last.time,
        any(_is_by_program(avalanche, photo.key, state) for photo in ends),
    )


def _is_by_program(avalanche: str, photo: str, state: SeriesState) -> bool:
    noted = state.observations.get((avalanche, photo))
    return noted is not None and noted.is_by_program


def _quality(before: SeriesPhoto | None, first: SeriesPhoto) -> TimeQuality:
    if before is None:
        return TimeQuality.OPEN
    length = first.time - before.time
    return next((quality for limit, quality in _LIMITS if length <= limit), TimeQuality.DAYS)


def _order(photo: SeriesPhoto) -> tuple[datetime, str]:
    return photo.time, photo.key
