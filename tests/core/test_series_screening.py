"""Screening: spoilt photos are told from usable ones, against the camera's own usual look."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from clock import utc

from core.series import (
    Look,
    Observation,
    PhotoLook,
    Screening,
    SeriesPhoto,
    is_place_seen,
    measure_look,
    screen,
)

SIZE = 640, 400


def slope(seed=0):
    """A slope with rocks under a plain sky, (H, W) 0 to 1."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.random((20, 32)), SIZE, interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(rng.random((100, 160)), SIZE, interpolation=cv2.INTER_CUBIC)
    grey = np.clip(0.25 + 0.35 * coarse + 0.25 * fine, 0, 1)
    grey[:60] = 0.8
    return grey


def take(grey, seed, light=1.0):
    """A photo of it: noise, and light of the hour."""
    rng = np.random.default_rng(seed)
    shown = grey * light * (1 + 0.1 * np.linspace(-1, 1, SIZE[0]) * rng.normal())
    shown = shown[:, :, None] * 255 + rng.normal(0, 2, (*grey.shape, 3))
    return np.clip(shown, 0, 255).astype(np.uint8)


def foggy(grey, share):
    return grey * (1 - share) + 0.8 * share


def spotted(grey, seed):
    rng = np.random.default_rng(seed)
    blots = cv2.resize(rng.random((4, 7)), SIZE, interpolation=cv2.INTER_CUBIC)
    share = np.clip((blots - 0.5) * 8, 0, 1)
    return grey * (1 - share) + share * (0.3 * cv2.GaussianBlur(grey, (0, 0), 15) + 0.4)


SPOILT = {
    "night": (Look.NIGHT, lambda grey: grey * 0.03),
    "dusk": (Look.UNDEREXPOSED, lambda grey: grey * 0.3),
    "burnt": (Look.OVEREXPOSED, lambda grey: grey * 2.5),
    "fog": (Look.FOG, lambda grey: foggy(grey, 0.97)),
    "haze": (Look.HAZE, lambda grey: foggy(grey, 0.6)),
    "lens": (Look.SNOW_ON_LENS, lambda grey: spotted(grey, 3)),
}


def series(changes, days=6, per_day=6, seed=0):
    """Photos of some days, of which some are changed, and their looks."""
    grey = slope(seed)
    photos, looks = [], {}
    for index in range(days * per_day):
        day, hour = divmod(index, per_day)
        key = f"s/cam_{index:03}.jpg"
        taken_at = utc(2024, 1, 1 + day, 8 + hour)
        photos.append(SeriesPhoto(key, Path(key), "cam", taken_at))
        change = changes.get(index, lambda grey: grey)
        looks[key] = measure_look(take(change(grey), index, 0.9 + 0.2 * (index % 3) / 2))
    return photos, looks


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_spoilt_photos_are_told(seed):
    places = dict(zip((14, 17, 20, 23, 26, 29), SPOILT, strict=True))
    photos, looks = series({index: SPOILT[name][1] for index, name in places.items()}, seed=seed)
    found = screen(photos, looks)
    expected = [SPOILT[places[i]][0] if i in places else Look.CLEAR for i in range(len(photos))]
    assert [screening.look for screening in found] == expected
    assert all(screening.reason and screening.is_by_program for screening in found)


def test_the_norm_is_the_cameras_own():
    # What is pale for one camera is the best that another ever shows.
    photos, looks = series(dict.fromkeys(range(36), lambda grey: foggy(grey, 0.55)))
    assert {screening.look for screening in screen(photos, looks)} == {Look.CLEAR}


def test_a_week_of_fog_does_not_become_usual():
    fog = dict.fromkeys(range(18, 36), lambda grey: foggy(grey, 0.97))
    photos, looks = series(fog)
    assert [s.look for s in screen(photos, looks)][18:] == [Look.FOG] * 18


@pytest.mark.parametrize("stamp", [False, True])
def test_a_stuck_camera_is_noticed(stamp):
    photos, looks = series({})
    grey = slope()
    for index in (9, 10, 11):
        pixels = take(grey, 999)
        if stamp:
            cv2.putText(pixels, f"{index}:00", (5, 390), 0, 1, (255, 255, 255), 2)
        looks[photos[index].key] = measure_look(pixels)
    found = screen(photos, looks)
    assert [s.look is Look.REPEAT for s in found] == [i in (10, 11) for i in range(len(photos))]
    assert {found[10].repeat_of, found[11].repeat_of} == {photos[9].key}


def test_equal_nights_are_no_stuck_camera():
    photos, looks = series({})
    for photo in photos[6:9]:
        looks[photo.key] = measure_look(np.zeros((400, 640, 3), np.uint8))
    assert [s.look for s in screen(photos, looks)[6:9]] == [Look.NIGHT] * 3


def test_photos_that_cannot_be_read_and_those_not_measured():
    photos, looks = series({})
    looks[photos[3].key] = None
    del looks[photos[4].key]
    found = screen(photos, looks)
    assert len(found) == len(photos) - 1
    assert found[3].look is Look.UNREADABLE


def test_one_photo_alone_is_not_sorted_out():
    photos, looks = series({})
    assert [s.look for s in screen(photos[:1], looks)] == [Look.CLEAR]


def test_a_look_comes_back_from_json_and_is_judged_alike():
    photos, looks = series({14: SPOILT["fog"][1], 20: SPOILT["lens"][1]})
    once = {key: PhotoLook.from_json(json.loads(json.dumps(looks[key].to_json()))) for key in looks}
    again = {key: PhotoLook.from_json(once[key].to_json()) for key in once}
    assert screen(photos, once) == screen(photos, again)
    assert [s.look for s in screen(photos, once)] == [s.look for s in screen(photos, looks)]


def test_a_cloud_before_part_of_the_slope_hides_what_lies_there():
    def cloud(grey):
        share = np.clip((np.arange(SIZE[1]) - 250) / 30, 0, 1)[:, None] * 0.98
        return foggy(grey, share)

    photos, looks = series({20: cloud})
    screening = screen(photos, looks)[20]
    upper = ((300.0, 100.0), (400.0, 100.0), (350.0, 180.0))
    lower = tuple((x, y + 220) for x, y in upper)
    at = utc(2024, 1, 1)
    seen = [
        is_place_seen(screening, Observation("p", at, "a", "u", rings=(ring,), size=SIZE))
        for ring in (upper, lower)
    ]
    assert seen == [True, False]


@pytest.mark.parametrize("look", list(Look))
def test_a_person_overrules_the_screening(look):
    screening = Screening("p", utc(2024, 1, 1), "anna", look, blocks="0" * 160)
    place = Observation("p", utc(2024, 1, 1), "anna", "u")
    assert is_place_seen(screening, place) is look.usable


def test_ten_photos_a_minute_do_not_push_the_clear_days_out():
    photos, looks = series({})
    start = photos[-1].taken_at + timedelta(hours=1)
    grey = slope()
    for index in range(80):  # half a day of fog
        key = f"s/fog_{index:03}.jpg"
        photos.append(SeriesPhoto(key, Path(key), "cam", start + index * timedelta(minutes=6)))
        looks[key] = measure_look(take(foggy(grey, 0.97), 5000 + index))
    assert {s.look for s in screen(photos, looks)[36:56]} == {Look.FOG}
