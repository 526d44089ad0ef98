"""Release intervals and activity: what photos of a series tell of when avalanches released."""

from __future__ import annotations

import csv
import io
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from clock import utc

from core.series import (
    Look,
    Observation,
    PhotoState,
    Presence,
    Review,
    Screening,
    SeriesPhoto,
    TimeQuality,
    day_activity,
    merge_records,
    release_intervals,
)
from core.series.activity import to_csv
from core.series.records import by_program

AT = utc(2024, 2, 1)
RING = ((10.0, 10.0), (20.0, 10.0), (15.0, 20.0))
STATES = {"n": PhotoState.NOTHING, "h": PhotoState.HIDDEN, "a": PhotoState.AVALANCHES}


def photo(hours, camera="cam"):
    key = f"s/{camera}_{hours:03}.jpg"
    return SeriesPhoto(key, Path(key), camera, utc(2024, 1, 1) + timedelta(hours=hours))


def read(script, step=2):
    """A series of a script, a letter a photo.

    n nothing released, h could not see, a avalanches but not this one, X this avalanche;
    . not looked at; small letters after it: f fog by the program, r repeat, p absent by program.
    """
    photos, records = [], []
    for index, letters in enumerate(script.split()):
        taken = photo(index * step)
        photos.append(taken)
        key = taken.key
        if letters[0] in STATES:
            records.append(Review(key, AT, "anna", STATES[letters[0]], int(letters[0] == "a")))
        elif letters[0] == "X":
            records.append(Review(key, AT, "anna", PhotoState.AVALANCHES, 1))
            records.append(
                Observation(key, AT, "anna", "u", rings=(RING,), parts=(1,), size=(160, 100))
            )
        look = {"f": Look.FOG, "r": Look.REPEAT, "d": Look.NIGHT}.get(letters[-1])
        if look:
            records.append(Screening(key, **by_program(), look=look, repeat_of="s/x.jpg"))
        if letters[-1] == "p":
            records.append(
                Observation(key, **by_program(), avalanche="u", presence=Presence.ABSENT)
            )
    return photos, merge_records(records)


@pytest.mark.parametrize(
    ("script", "after", "before", "quality", "missed"),
    [
        ("n n X X", 1, 2, TimeQuality.HOURS, 0),
        ("n a X n", 1, 2, TimeQuality.HOURS, 0),
        ("n h X", 0, 2, TimeQuality.HOURS, 1),
        ("n . . X", 0, 3, TimeQuality.HOURS, 2),
        ("n nf X", 0, 2, TimeQuality.HOURS, 1),
        ("n nr X", 0, 2, TimeQuality.HOURS, 1),  # a stuck camera shows an earlier time
        ("n n Xr X", 1, 3, TimeQuality.HOURS, 1),
        (".p .p X", 1, 2, TimeQuality.HOURS, 0),
        ("n . . . . . . X", 0, 7, TimeQuality.DAY, 6),
        ("n" + " h" * 13 + " X", 0, 14, TimeQuality.DAYS, 13),
        ("h . X", None, 2, TimeQuality.OPEN, 2),
        ("n X n X n", 0, 1, TimeQuality.HOURS, 0),
    ],
)
def test_a_release_lies_between_last_without_and_first_with(script, after, before, quality, missed):
    photos, state = read(script)
    found = release_intervals(photos, state)["u"]
    assert found.after == (None if after is None else photos[after].taken_at)
    assert found.before == photos[before].taken_at
    assert (found.quality, found.missed) == (quality, missed)
    assert found.by_program is (after is not None and "p" in script.split()[after])


@pytest.mark.parametrize(
    ("step", "quality"), [(1, "hour"), (6, "hours"), (24, "day"), (25, "days")]
)
def test_the_class_is_the_length(step, quality):
    photos, state = read("n X", step)
    assert release_intervals(photos, state)["u"].quality.value == quality


def test_an_avalanche_that_no_photo_shows_has_no_interval():
    photos, state = read("n .p")
    assert release_intervals(photos, state) == {}


def test_photos_of_a_camera_that_looks_elsewhere_do_not_count():
    photos, state = read("n . X")
    other = photo(3, "other")
    state.reviews[other.key] = Review(other.key, AT, "anna", PhotoState.NOTHING)
    found = release_intervals([*photos, other], state)["u"]
    assert found.after == photos[0].taken_at


def test_a_person_overrules_the_program_on_whether_the_place_could_be_seen():
    photos, state = read("n nf X")
    key = photos[1].key
    state.screenings[key] = Screening(key, AT, "anna", Look.CLEAR)
    assert release_intervals(photos, state)["u"].after == photos[1].taken_at


def test_days_with_zeros_and_days_without_observation_differ():
    script = ("n n n h", "X nr X .d", ". . h .", "n . . .", ". . . .")  # 6 hours apart
    photos, state = read(" ".join(script), step=6)
    intervals = release_intervals(photos, state)
    rows = day_activity(photos, state, intervals, timezone(timedelta(hours=1)))
    told = [(row.observation, row.new_avalanches, row.avalanches_in_view) for row in rows]
    assert told == [
        ("full", 0, 0),
        ("full", 1, 1),
        ("none", None, None),
        ("limited", 0, 0),
        ("none", None, None),
    ]
    assert [(row.photos, row.repeats, row.dark) for row in rows[:2]] == [(4, 0, 0), (4, 1, 1)]
    assert [row.looked_at for row in rows] == [4, 3, 1, 1, 0]
    assert rows[1].new_same_day == 0  # it may have released in the night before
    table = list(csv.DictReader(io.StringIO(to_csv(rows))))
    assert [row["new_avalanches"] for row in table] == ["0", "1", "", "0", ""]
    assert table[0]["date"] == "2024-01-01"


@pytest.mark.parametrize("count", [1, 3])
def test_avalanches_that_a_layer_holds_are_counted_by_the_review(count):
    photos, state = read("n")
    state.reviews[photos[0].key] = Review(photos[0].key, AT, "anna", PhotoState.AVALANCHES, count)
    assert day_activity(photos, state, {}, timezone.utc)[0].avalanches_in_view == count
