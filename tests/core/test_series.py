"""Series of photos: listing, name rules, and what is noted about photos beside the outlines."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from clock import utc

from core.errors import IsegError
from core.series import (
    Look,
    NameRule,
    Observation,
    PhotoState,
    Presence,
    Review,
    Screening,
    SeriesStore,
    list_photos,
    merge_records,
    try_rule,
)

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
pytestmark = pytest.mark.usefixtures("vienna")


# --- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "camera", "when"),
    [
        ("davos/cam2_20240115_103000.jpg", "cam2", utc(2024, 1, 15, 9, 30)),
        ("a/nordkette/2024/01/15/1030_hd.jpg", "nordkette", utc(2024, 1, 15, 9, 30)),
        ("winter/IMG_20240115_103000.jpg", "winter", utc(2024, 1, 15, 9, 30)),
        ("winter/2024-01-15T10-30-00Z_brand joch.jpg", "brand_joch", utc(2024, 1, 15, 10, 30)),
        ("x/Hafelekar 15.01.2024 10h30.jpg", "Hafelekar", utc(2024, 1, 15, 9, 30)),
        ("x/kühtai_1705314600.jpg", "kühtai", utc(2024, 1, 15, 10, 30)),
        ("x/axamer-lizum_20240115_1030_1920x1080.jpg", "axamer_lizum", utc(2024, 1, 15, 9, 30)),
        ("a/Zugspitze/2024-01-15/10-30-00.jpg", "Zugspitze", utc(2024, 1, 15, 9, 30)),
    ],
)
def test_camera_and_time_are_found_by_themselves(path, camera, when):
    found = NameRule().read(path, NOW)
    assert (found.camera, found.taken_at, found.fault) == (camera, when, "")


@pytest.mark.parametrize(
    ("pattern", "path", "camera", "when"),
    [
        ("{camera}/{date}/{hhmm}*", "t/north/20240115/1030_hd.jpg", "north", (9, 30)),
        ("{camera}_{day}{month}{year}_{hour}.{minute}", "t/k2_15012024_10.30.jpg", "k2", (9, 30)),
        ("*_{camera}-{epoch}", "t/x_north-1705314600.jpg", "north", (10, 30)),
        ("{camera}/*", "t/north/20240115_1030.jpg", "north", (9, 30)),
        (r"(?P<camera>[a-z]+)\d+/", "t/north12/20240115_1030.jpg", "north", (9, 30)),
        ("{camera}/{camera}_{date}_{time}", "t/b.c/b.c_20240115_103000.jpg", "b.c", (9, 30)),
    ],
)
def test_a_rule_is_a_template_or_an_expression(pattern, path, camera, when):
    found = NameRule(pattern).read(path, NOW)
    assert (found.camera, found.taken_at) == (camera, utc(2024, 1, 15, *when))


@pytest.mark.parametrize(
    ("zone", "hour"), [("UTC", 10), ("+01:00", 9), ("-0330", 13), ("Europe/London", 10), ("", 9)]
)
@pytest.mark.parametrize("pattern", ["", "{camera}_{date}_{hhmm}"])
def test_the_zone_of_a_rule_counts_where_the_name_has_none(zone, hour, pattern):
    found = NameRule(pattern, zone).read("t/cam_20240115_1000.jpg", NOW).taken_at
    assert found is not None
    assert found.hour == hour
    named = NameRule("", zone).read("t/cam_20240115_100000Z.jpg", NOW).taken_at
    assert named == utc(2024, 1, 15, 10)


def test_trying_a_rule_tells_what_does_not_fit():
    rule = NameRule("{camera}_{year}{month}{day}_{hour}{minute}")
    names = ["a_20240115_1030.jpg", "b-20240115.jpg", "c_20241345_1030.jpg"]
    found = try_rule(rule, names, NOW)
    assert [photo.fault for photo in found] == [
        "",
        "The rule does not fit this name.",
        "What the rule takes for the time is none.",
    ]


@pytest.mark.parametrize(
    ("pattern", "zone", "told"),
    [
        ("{camra}", "", "camra"),
        ("(?P<camera>", "", "cannot be read"),
        ("(?P<kamera>.*)", "", "kamera"),
        ("{camera}{year}", "", "no month"),
        ("", "Europe/Atlantis", "Atlantis"),
        ("", "+99:00", "99"),
    ],
)
def test_a_rule_that_cannot_be_is_told(pattern, zone, told):
    with pytest.raises(IsegError, match=told):
        NameRule(pattern, zone)


# --- listing --------------------------------------------------------------------------------


def photo_with_exif(when: str) -> bytes:
    """The head of a JPEG that has only DateTimeOriginal."""
    text = when.encode() + b"\0"
    ifd = b"\x01\0" + bytes.fromhex("6987 0400 01000000 1a000000") + bytes(4)
    exif = b"\x01\0" + bytes.fromhex("0390 0200 14000000 2c000000") + bytes(4)
    tiff = b"II*\0\x08\0\0\0" + ifd + exif + text
    body = b"Exif\0\0" + tiff
    return b"\xff\xd8\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + b"\xff\xd9"


def test_a_listing_is_sorted_and_reads_exif_only_where_a_name_has_no_time(tmp_path):
    folder = tmp_path / "archive"
    (folder / "north" / ".thumbs").mkdir(parents=True)
    for name in ("b_20240116_0900.jpg", "a_20240115_0900.JPG", "b_20240115_0900.png"):
        (folder / name).write_bytes(photo_with_exif("2011:01:01 00:00:00"))
    (folder / "north" / "P1010001.jpg").write_bytes(photo_with_exif("2024:01:14 10:30:00"))
    (folder / "north" / "P2.jpg").write_bytes(b"\xff\xd8\xff\xd9")
    (folder / "north" / ".thumbs" / "b_20240116_0900.jpg").touch()
    (folder / "north" / "notes.txt").touch()
    (folder / "north" / "again").symlink_to(folder)
    listing = list_photos([folder], now=NOW)
    assert [photo.key for photo in listing.photos] == [
        "archive/a_20240115_0900.JPG",
        "archive/b_20240115_0900.png",
        "archive/b_20240116_0900.jpg",
        "archive/north/P1010001.jpg",
    ]
    assert listing.photos[3].taken_at == utc(2024, 1, 14, 9, 30)
    assert listing.photos[0].taken_at == utc(2024, 1, 15, 8)
    assert [photo.key for photo in listing.undated] == ["archive/north/P2.jpg"]
    assert list(listing.cameras()) == ["a", "b", "north"]


def test_no_pixels_are_read_for_a_listing(tmp_path, monkeypatch):
    for hour in range(24):
        (tmp_path / f"cam_20240115_{hour:02}00.jpg").touch()
    monkeypatch.setattr("core.series.listing.read_exif_times", lambda path: pytest.fail(str(path)))
    assert len(list_photos([tmp_path], now=NOW).photos) == 24


def test_folders_that_cannot_be_are_told(tmp_path):
    with pytest.raises(IsegError, match="cannot be read"):
        list_photos([tmp_path / "none"])
    for part in "ab":
        (tmp_path / part / "davos").mkdir(parents=True)
    with pytest.raises(IsegError, match="named davos"):
        list_photos([tmp_path / "a" / "davos", tmp_path / "b" / "davos"])


# --- records --------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    return SeriesStore.create(tmp_path / "winter.series", [tmp_path], NameRule("{camera}_*", "UTC"))


def records():
    at = utc(2024, 1, 15)
    ring = ((1.0, 2.0), (3.5, 2.0), (3.0, 4.0))
    return [
        Review("a/1.jpg", at, "anna@x", PhotoState.AVALANCHES, 2),
        Review("a/2.jpg", at, "anna@x", PhotoState.NOTHING),
        Screening("a/2.jpg", at, "program", Look.FOG, 0.1, "Fog.", "0-9"),
        Observation("a/1.jpg", at, "bert@y", "u1", Presence.PRESENT, 0.9, (ring,), (1,)),
        Observation("a/2.jpg", at, "bert@y", "u1", Presence.ABSENT),
    ]


def test_records_come_back_as_they_were(store):
    store.append(records())
    opened = SeriesStore.open(store.path)
    assert opened.rule == store.rule
    assert [folder.resolve() for folder in opened.folders] == list(store.folders)
    assert sorted(opened.records(), key=repr) == sorted(records(), key=repr)
    state = opened.read()
    assert state.reviews["a/1.jpg"].count == 2
    assert state.state_of("a/2.jpg") is PhotoState.NOTHING
    assert state.state_of("a/3.jpg") is PhotoState.UNSEEN
    assert state.look_of("a/2.jpg") is Look.FOG
    assert not state.screenings["a/2.jpg"].look.usable
    assert state.avalanches_in("a/1.jpg") == ["u1"]
    assert state.avalanches_in("a/2.jpg") == []


def test_the_order_of_records_does_not_matter():
    at, states = utc(2024, 1, 15), list(PhotoState)
    noted = [
        Review("p", at + timedelta(minutes=i // 2), by, states[i % 4], i)
        for i, by in enumerate(["anna", "bert", "anna", "bert", "program", "anna", "program"])
    ]
    noted.append(Review("p", at + timedelta(days=1), "program", PhotoState.HIDDEN))
    expected = merge_records(noted)
    assert expected.reviews["p"].by == "anna"  # the program's later note counts less
    assert expected.conflicts
    for seed in range(5):
        mixed = random.Random(seed).sample(noted, len(noted))  # noqa: S311
        found = merge_records(mixed)
        assert (found.reviews, found.conflicts) == (expected.reviews, expected.conflicts)


@pytest.mark.parametrize("presence", list(Presence))
def test_a_note_that_was_taken_back_is_as_if_it_never_was(store, presence):
    at = utc(2024, 1, 15)
    note = Observation("p", at, "anna", "u", presence, rings=(((0.0, 0.0), (1.0, 0.0)),))
    back = replace(Observation.taken_back("p", "u"), at=at + timedelta(hours=1), by="bert")
    again = replace(note, at=at + timedelta(hours=2))
    assert merge_records([back, note]).observations == {}
    assert merge_records([back, note]).avalanches_in("p") == []
    assert merge_records([again, back, note]).observations == {("u", "p"): again}
    store.append([note, back])
    assert store.read().observations == {}
    by_program = Observation("p", at, "program", "u", Presence.HIDDEN, 0.0)
    assert merge_records([by_program]).observations  # of no confidence, but found


def test_notes_of_one_moment_do_not_depend_on_their_order():
    at = utc(2024, 1, 15)
    noted = [Review("p", at, "anna", state, count) for state in PhotoState for count in range(3)]
    noted += [Observation("p", at, "program", "u", each, 0.5) for each in Presence]
    expected = merge_records(noted)
    for seed in range(5):
        mixed = random.Random(seed).sample(noted, len(noted))  # noqa: S311
        assert merge_records(mixed) == expected


def test_two_colleagues_merge_without_loss(tmp_path, store):
    other = SeriesStore.create(tmp_path / "copy.series", [tmp_path])
    common, early, late = (utc(2024, 1, 15, hour) for hour in (8, 9, 10))
    base = Review("a/1.jpg", common, "anna@x", PhotoState.NOTHING)
    store.append([base])
    other.append([base])
    store.append([Review("a/1.jpg", late, "anna@x", PhotoState.AVALANCHES, 1)])
    other.append(
        [
            Review("a/1.jpg", early, "bert@y", PhotoState.HIDDEN),
            Review("a/2.jpg", early, "bert@y", PhotoState.NOTHING),
        ]
    )
    assert (store.take_in(other), other.take_in(store)) == (2, 1)
    assert store.take_in(other) == 0
    assert store.read() == other.read()
    state = store.read()
    assert state.state_of("a/1.jpg") is PhotoState.AVALANCHES
    assert state.state_of("a/2.jpg") is PhotoState.NOTHING
    assert [(a.by, b.by) for a, b in state.conflicts] == [
        ("anna@x", "bert@y"),
        ("bert@y", "anna@x"),
    ]


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_that_a_crash_cut_off_costs_only_itself(store, cut):
    store.append(records()[:2])
    path = store.path / "anna@x.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    more = replace(records()[1], photo="a/9.jpg")
    store.append([more])
    found = SeriesStore.open(store.path).records()
    assert records()[0] in found
    assert more in found


def test_a_process_that_is_killed_has_noted_what_it_appended(store):
    code = (
        "import os, sys; from core.series import *; s = SeriesStore.open(sys.argv[1]);"
        "s.append([Review('a/1.jpg', state=PhotoState.HIDDEN)]); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, store.path], cwd=ROOT, check=False)
    assert store.read().state_of("a/1.jpg") is PhotoState.HIDDEN


@pytest.mark.parametrize("name", ["series.json", "anna@x.jsonl"])
def test_a_newer_version_is_told(store, name):
    store.append(records())
    path = store.path / name
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(IsegError, match="newer version"):
        SeriesStore.open(store.path).read()


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": "x"}', '{"format": "avalanche-iseg series"}']
)
def test_what_is_no_series_is_told(store, content):
    (store.path / "series.json").write_text(content)
    with pytest.raises(IsegError, match="as a series"):
        SeriesStore.open(store.path)


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        '{"kind": "other", "photo": "a"}',
        '{"kind": "review", "photo": "a", "state": "bored"}',
        '{"kind": "review", "photo": "a", "at": "yesterday"}',
        '{"kind": "screening", "photo": "a", "figure": NaN}',
        '{"kind": "observation", "photo": "a", "rings": [[1, 2]]}',
    ],
)
def test_lines_that_cannot_be_understood_are_passed_over(store, line):
    store.append(records())
    with (store.path / "bert@y.jsonl").open("a") as file:
        file.write(line + "\n")
    assert len(store.records()) == len(records())


def test_no_folder_of_something_else_becomes_a_series(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(IsegError, match="other files"):
        SeriesStore.create(tmp_path / "mine", [tmp_path])


def test_a_series_moves_with_its_photos(tmp_path):
    (tmp_path / "here" / "photos").mkdir(parents=True)
    SeriesStore.create(tmp_path / "here" / "w.series", [tmp_path / "here" / "photos"])
    (tmp_path / "here").rename(tmp_path / "there")
    store = SeriesStore.open(tmp_path / "there" / "w.series")
    assert store.folders == (tmp_path / "there" / "photos",)
    settings = json.loads((store.path / "series.json").read_text())
    assert settings["folders"] == ["../photos"]
