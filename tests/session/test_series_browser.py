"""Looking through a series, without QGIS: which photo is next, what is shown, what is noted."""

from __future__ import annotations

import json
from random import Random

import pytest

from avalanche_iseg_qgis.core.errors import IsegError
from avalanche_iseg_qgis.core.series import (
    Look,
    Observation,
    PhotoState,
    Presence,
    Screening,
    SeriesStore,
    release_intervals,
)
from avalanche_iseg_qgis.series.browser import PhotoFilter, SeriesBrowser, day_of


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "winter"
    for camera in ("davos", "klosters"):
        for day in (15, 16):
            (folder / camera).mkdir(parents=True, exist_ok=True)
            for hour in (8, 10, 12):
                (folder / camera / f"{camera}_2024-01-{day}_{hour:02}-00.jpg").write_bytes(b"x")
    (folder / "davos" / "no_time.png").write_bytes(b"x")
    return folder


def names(browser) -> list[str]:
    return [photo.path.name for photo in browser.shown]


def test_photos_follow_each_other_by_camera_and_time(folder):
    browser = SeriesBrowser.open(folder)
    assert len(browser.shown) == 13
    assert names(browser)[0] == "davos_2024-01-15_08-00.jpg"
    assert names(browser)[-1] == "no_time.png"  # is not lost
    assert browser.next() == browser.shown[0]
    browser.current = browser.shown[0]
    assert browser.next(-1) is None
    browser.current = browser.next()
    assert browser.current == browser.shown[1]
    browser.current = browser.shown[-1]
    assert browser.next() is None


def test_what_is_noted_is_there_for_the_next_person(folder):
    browser = SeriesBrowser.open(folder)
    first, second, third = browser.shown[:3]
    browser.note(first, PhotoState.NOTHING)
    browser.note(second, PhotoState.HIDDEN)
    browser.note_avalanches(third, [Observation(third.key, avalanche="a")], 1)
    browser.note_avalanches(third, [Observation(third.key, avalanche="b")], 2)
    browser.note(first, PhotoState.HIDDEN)
    other = SeriesBrowser.open(folder / "winter.series")
    assert [other.state_of(photo) for photo in (first, second, third)] == [
        PhotoState.HIDDEN, PhotoState.HIDDEN, PhotoState.AVALANCHES,
    ]  # fmt: skip
    assert other.count_of(third) == 2
    assert other.count_of(first) == 0
    assert other.progress() == {
        PhotoState.UNSEEN: 10, PhotoState.HIDDEN: 2, PhotoState.AVALANCHES: 1,
    }  # fmt: skip


def test_what_a_colleague_notes_is_taken_in(folder):
    browser, colleague = SeriesBrowser.open(folder), SeriesBrowser.open(folder)
    photo = browser.shown[4]
    colleague.note(photo, PhotoState.NOTHING)
    assert browser.state_of(photo) is PhotoState.UNSEEN
    browser.refresh()
    assert browser.state_of(photo) is PhotoState.NOTHING


def test_filters_and_the_photo_that_is_next_in_them(folder):
    browser = SeriesBrowser.open(folder)
    browser.photo_filter = PhotoFilter(camera="klosters")
    assert len(browser.shown) == 6
    assert browser.days() == ["2024-01-15", "2024-01-16"]
    browser.photo_filter = PhotoFilter(camera="klosters", day="2024-01-16")
    assert {day_of(photo) for photo in browser.shown} == {"2024-01-16"}
    browser.current = browser.shown[1]
    browser.photo_filter = PhotoFilter(camera="davos", state=PhotoState.UNSEEN)
    assert browser.next() == browser.shown[0]  # the open one is not shown
    browser.current = browser.shown[0]
    browser.note(browser.current, PhotoState.NOTHING)
    assert browser.next() == browser.shown[1]  # stays until the filter is set again
    browser.photo_filter = browser.photo_filter
    assert names(browser)[0] == "davos_2024-01-15_10-00.jpg"


def test_photos_that_screening_found_useless_are_passed_over_if_wanted(folder):
    key = SeriesBrowser.open(folder).shown[0].key
    SeriesStore.open(folder / "winter.series").append(
        [Screening(key, look=Look.FOG, by="program"), Screening("other", by="program")]
    )
    browser = SeriesBrowser.open(folder)
    assert browser.is_screened
    browser.photo_filter = PhotoFilter(usable_only=True)
    assert len(browser.shown) == 12
    browser.photo_filter = PhotoFilter()
    assert browser.look_of(browser.shown[0]) is Look.FOG


def test_photos_of_the_same_camera_by_their_distance_in_time(folder):
    browser = SeriesBrowser.open(folder)
    davos = [photo for photo in browser.shown if photo.camera == "davos" and photo.taken_at]
    others = [davos[0], davos[3], browser.shown[-2]]
    assert browser.by_distance(davos[1], others) == [davos[0], davos[3]]
    assert browser.by_distance(davos[4], others) == [davos[3], davos[0]]
    assert browser.by_distance(davos[0], [davos[0]]) == []


RING = ((5.0, 5.0), (20.0, 5.0), (20.0, 20.0))


def outlined(photo, avalanche="a", **changes) -> Observation:
    return Observation(
        photo.key, avalanche=avalanche, rings=(RING,), parts=(1,), size=(40, 30), **changes
    )


def sources(browser, photo) -> list[tuple[str, str]]:
    """Avalanches and the times of the last photos that outline them."""
    found = browser.sources_for(photo)
    return list({s.outline.avalanche: s.photo.path.name[-9:-4] for s in found}.items())


def test_outlines_go_into_later_photos_of_the_camera_until_a_person_has_noted_them(folder):
    browser = SeriesBrowser.open(folder)
    davos = [photo for photo in browser.photos if photo.camera == "davos" and photo.taken_at]
    klosters = [photo for photo in browser.photos if photo.camera == "klosters"]
    browser.note(davos[0], PhotoState.NOTHING)
    browser.note_avalanches(davos[1], [outlined(davos[1]), outlined(davos[1], "b")], 2)
    assert sources(browser, davos[0]) == sources(browser, davos[1]) == []
    assert sources(browser, davos[4]) == [("a", "10-00"), ("b", "10-00")]
    assert browser.sources_for(davos[4])[0].without == [davos[0]]
    assert all(not sources(browser, photo) for photo in (*klosters, browser.photos[-1]))
    browser.note_avalanches(davos[2], [outlined(davos[2])], 1)
    assert sources(browser, davos[2]) == [("b", "10-00")]
    assert sources(browser, davos[3]) == [("a", "12-00"), ("b", "10-00")]
    stands_in, *_ = browser.sources_for(davos[3])  # where that of noon cannot be registered
    assert (stands_in.outline.avalanche, stands_in.photo) == ("a", davos[1])
    browser.drop(davos[3], ["b"])
    assert sources(browser, davos[3]) == [("a", "12-00")]
    assert len(sources(browser, davos[4])) == 2  # it may be seen again
    browser.note(davos[4], PhotoState.NOTHING)
    assert sources(browser, davos[4]) == sources(browser, davos[5]) == []
    assert sources(SeriesBrowser.open(folder), davos[3]) == [("a", "12-00")]


@pytest.mark.parametrize("how", ["note_avalanches", "drop"])
def test_what_is_taken_back_is_as_if_it_was_never_noted(folder, how):
    browser = SeriesBrowser.open(folder)
    first, second, third, fourth = browser.shown[:4]
    browser.note_avalanches(first, [outlined(first)], 1)
    before = sources(browser, second), browser.release_interval("a")
    if how == "drop":
        browser.drop(second, ["a"])
    else:
        browser.note_avalanches(second, [outlined(second)], 1)
    assert sources(browser, second) == []
    browser.take_back(second, ["a"], 0)
    for each in (browser, SeriesBrowser.open(folder)):
        assert (sources(each, second), each.release_interval("a")) == before
        assert each.state_of(second) is PhotoState.UNSEEN
        assert each.observation(second, "a") is None
        assert sources(each, third) == sources(each, fourth) == [("a", "08-00")]
    browser.note_avalanches(second, [outlined(second)], 1)  # and again
    assert SeriesBrowser.open(folder).observation(second, "a").presence is Presence.PRESENT


@pytest.mark.parametrize("seed", range(6))
def test_a_release_interval_is_that_of_the_whole_series(folder, seed):
    random = Random(seed)  # noqa: S311 - the same photos at each run
    browser = SeriesBrowser.open(folder)
    photos = [photo for photo in browser.photos if photo.taken_at]
    for photo in photos:
        look = random.choice([Look.CLEAR, Look.CLEAR, Look.FOG, Look.REPEAT])
        browser.overrule(photo, look)
        browser.note(photo, random.choice(list(PhotoState)))
    for name in "abc":
        for photo in random.sample(photos, 3):
            presence = random.choice([*Presence, Presence.PRESENT])
            browser.note_avalanches(photo, [outlined(photo, name, presence=presence)], 1)
    whole = release_intervals(photos, browser.store.read())
    for name in "abc":
        found, expected = browser.release_interval(name), whole.get(name)
        assert found == expected


def test_a_day_has_its_photos_and_releases(folder):
    browser = SeriesBrowser.open(folder)
    photos = [photo for photo in browser.photos if photo.taken_at]
    for photo in photos:
        same = [p for p in photos if (p.camera, day_of(p)) == (photo.camera, day_of(photo))]
        assert browser.day_photos(photo) == same
    assert browser.day_photos(browser.photos[-1]) == []  # has no time
    browser.note(photos[2], PhotoState.NOTHING)
    browser.note_avalanches(photos[3], [outlined(photos[3])], 1)
    (release,) = browser.day_releases(browser.day_photos(photos[4]))
    assert (release.after_photo, release.before_photo) == (photos[2].key, photos[3].key)
    assert browser.day_releases(browser.day_photos(photos[0])) == []


def test_taking_one_of_two_back_leaves_the_other(folder):
    browser = SeriesBrowser.open(folder)
    photo = browser.shown[0]
    browser.note_avalanches(photo, [outlined(photo), outlined(photo, "b")], 2)
    browser.take_back(photo, ["a", "never noted"], 1)
    other = SeriesBrowser.open(folder)
    assert other.state_of(photo) is PhotoState.AVALANCHES
    assert other.count_of(photo) == 1
    assert other.observation(photo, "b") is not None


def test_next_passes_over_what_cannot_be_seen_and_was_looked_at(folder):
    browser = SeriesBrowser.open(folder)
    shown = browser.shown
    browser.store.append([Screening(shown[n].key, look=Look.FOG, by="program") for n in (1, 2)])
    browser.refresh()
    browser.current = shown[0]
    assert browser.next() == shown[1]
    browser.skips_unusable = True
    assert browser.next() == shown[3]
    browser.current = shown[3]
    assert browser.next(-1) == shown[0]
    assert len(browser.shown) == 13  # they are still shown
    browser.overrule(shown[2], Look.HAZE)
    assert browser.next(-1) == shown[2]
    assert SeriesBrowser.open(folder).look_of(shown[2]) is Look.HAZE
    browser.current = shown[0]
    browser.note(shown[2], PhotoState.NOTHING)
    assert browser.next_unseen() == shown[3]
    for photo in shown[3:]:
        browser.note(photo, PhotoState.NOTHING)
    assert browser.next_unseen() is None


def test_photos_are_found_by_their_files(folder):
    browser = SeriesBrowser.open(folder)
    photo = browser.shown[3]
    assert browser.find(str(folder / "davos" / ".." / "davos" / photo.path.name)) == photo
    assert browser.find("") is None
    assert browser.find(str(folder / "other.jpg")) is None


@pytest.mark.parametrize("kind", ["empty", "missing", "damaged", "newer"])
def test_what_is_no_series_is_said(tmp_path, kind):
    folder = tmp_path / "f"
    if kind != "missing":
        folder.mkdir()
    if kind in ("damaged", "newer"):
        (folder / "f.series").mkdir()
        content = (
            "{"
            if kind == "damaged"
            else json.dumps(
                {"format": "avalanche-iseg series", "version": 99, "folders": [], "rule": {}}
            )
        )
        (folder / "f.series" / "series.json").write_text(content)
    with pytest.raises(IsegError) as error:
        SeriesBrowser.open(folder)
    assert "f" in str(error.value)


def test_nothing_is_noted_where_it_cannot_be_written(folder, monkeypatch):
    browser = SeriesBrowser.open(folder)
    photo = browser.shown[0]

    def full(_records) -> None:
        raise IsegError("the disk is full")

    monkeypatch.setattr(browser.store, "append", full)
    with pytest.raises(IsegError):
        browser.note(photo, PhotoState.NOTHING)
    assert browser.state_of(photo) is PhotoState.UNSEEN
