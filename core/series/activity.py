"""Activity: what each camera showed on each day, days without avalanches included.

For QGIS's own Python too: NumPy only, Python 3.9.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timezone, tzinfo

from ..exchange.activity import ObservedDay
from .listing import SeriesPhoto, list_photos
from .records import Look, PhotoState, SeriesState, SeriesStore
from .release_times import ReleaseInterval, release_intervals

FULL, LIMITED, NONE = "full", "limited", "none"


@dataclass(frozen=True)
class DayActivity:
    """A camera's day.

    Attributes
    ----------
    date, camera
        The day in the zone that was asked for.
    photos, repeats, dark
        Number of photos; those that repeat an earlier picture; those at night.
    looked_at, nothing_released, could_not_see, with_avalanches
        Number of photos that a person has looked at, and by what was found.
    observation
        ``full`` if half of the photos by day, repeats left out, were looked at and showed the
        place; ``limited`` if some; ``none`` if none: then nothing is known of the day.
    avalanches_in_view
        Largest number of avalanches that one photo showed.
    new_avalanches
        Avalanches that were first seen on this day; None, not 0, without an observation.
    new_same_day
        Those of them that cannot have released on an earlier day.
    """

    date: date
    camera: str
    photos: int
    repeats: int
    dark: int
    looked_at: int
    nothing_released: int
    could_not_see: int
    with_avalanches: int
    observation: str
    avalanches_in_view: int | None
    new_avalanches: int | None
    new_same_day: int | None


def day_activity(
    photos: Sequence[SeriesPhoto],
    state: SeriesState,
    intervals: Mapping[str, ReleaseInterval],
    zone: tzinfo | None = None,
) -> list[DayActivity]:
    """Count each camera's days, in the order of camera and day; see `DayActivity`.

    ``zone`` tells where days begin; None is that of this computer.
    """
    days: dict[tuple[str, date], list[SeriesPhoto]] = {}
    for photo in photos:
        if photo.taken_at is not None:
            days.setdefault((photo.camera, _day(photo.taken_at, zone)), []).append(photo)
    by_photo: dict[str, list[ReleaseInterval]] = {}
    for interval in intervals.values():
        by_photo.setdefault(interval.before_photo, []).append(interval)
    return [
        _count(camera, day, taken, state, by_photo, zone)
        for (camera, day), taken in sorted(days.items())
    ]


def observed_days(store: SeriesStore) -> tuple[list[ObservedDay], dict[str, str]]:
    """Return the days (UTC) of a series for `activity_rows`, and the camera of each image's name.

    Names that several photos have are left out.

    Raises
    ------
    IsegError
        If the series, or its photos, cannot be read.
    """
    photos, state = list_photos(store.folders, store.rule).photos, store.read()
    rows = day_activity(photos, state, release_intervals(photos, state), timezone.utc)
    days = [ObservedDay(row.date.isoformat(), row.camera, row.observation) for row in rows]
    names = Counter(photo.path.name for photo in photos)
    cameras = {p.path.name: p.camera for p in photos if names[p.path.name] == 1}
    return days, cameras


def to_csv(rows: Sequence[DayActivity]) -> str:
    """Return a table with a heading; what is not known is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    names = [column.name for column in fields(DayActivity)]
    writer.writerow(names)
    writer.writerows([getattr(row, name) for name in names] for row in rows)
    return text.getvalue()


def _count(
    camera: str,
    day: date,
    photos: Sequence[SeriesPhoto],
    state: SeriesState,
    by_photo: Mapping[str, Sequence[ReleaseInterval]],
    zone: tzinfo | None,
) -> DayActivity:
    looks = [state.look_of(photo.key) for photo in photos]
    states = [state.state_of(photo.key) for photo in photos]
    repeats, dark = looks.count(Look.REPEAT), looks.count(Look.NIGHT)
    seen = [
        photo
        for photo, look, found in zip(photos, looks, states)  # noqa: B905 - Python 3.9
        if found in (PhotoState.NOTHING, PhotoState.AVALANCHES) and look is not Look.REPEAT
    ]
    by_day = len(photos) - repeats - dark
    observation = NONE if not seen else FULL if 2 * len(seen) >= by_day else LIMITED
    new = [interval for photo in photos for interval in by_photo.get(photo.key, ())]
    same_day = [
        interval
        for interval in new
        if interval.after is not None and _day(interval.after, zone) == day
    ]
    is_known = bool(seen or new)
    return DayActivity(
        day,
        camera,
        len(photos),
        repeats,
        dark,
        len(states) - states.count(PhotoState.UNSEEN),
        states.count(PhotoState.NOTHING),
        states.count(PhotoState.HIDDEN),
        states.count(PhotoState.AVALANCHES),
        observation,
        max((_in_view(photo, state) for photo in seen), default=0) if is_known else None,
        len(new) if is_known else None,
        len(same_day) if is_known else None,
    )


def _in_view(photo: SeriesPhoto, state: SeriesState) -> int:
    review = state.reviews.get(photo.key)
    noted = 0 if review is None or review.state is not PhotoState.AVALANCHES else review.count
    return max(noted, len(state.avalanches_in(photo.key)))


def _day(time: datetime, zone: tzinfo | None) -> date:
    return time.astimezone(zone).date()
