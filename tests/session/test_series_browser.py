"""Looking through a series, without QGIS: which photo is next, what is shown, what is noted."""

from __future__ import annotations

import json

import pytest

from avalanche_iseg_qgis.core.errors import IsegError
from avalanche_iseg_qgis.core.series import Look, PhotoState, Screening, SeriesStore
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
    browser.note_avalanche(third, "a", 1)
    browser.note_avalanche(third, "b", 2)
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


def test_nearest_photo_of_the_same_camera(folder):
    browser = SeriesBrowser.open(folder)
    davos = [photo for photo in browser.shown if photo.camera == "davos" and photo.taken_at]
    others = [davos[0], davos[3], browser.shown[-2]]
    assert browser.nearest(davos[1], others) == davos[0]
    assert browser.nearest(davos[4], others) == davos[3]
    assert browser.nearest(davos[0], [davos[0]]) is None


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
