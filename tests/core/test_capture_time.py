"""When an image was taken, by its name and its EXIF tags."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from clock import utc

from core.capture_time import capture_time, parse_observed_at

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


pytestmark = pytest.mark.usefixtures("vienna")


HALF_PAST_NINE = utc(2024, 1, 15, 9, 30)  # 10:30 in Vienna


@pytest.mark.parametrize(
    "name",
    [
        "cam_20240115_1920x1080.jpg",
        "cam_20240115_1920X1080.jpg",
        "cam_20240115_1600 x 1200.jpg",
        "cam_20240115-2048×1536.jpg",
        "202401151920x1080.jpg",
        "cam_20240115_1200px.jpg",
        "cam_20240115_1200 px.jpg",
        "cam_20240115_1200pixel.jpg",
        "cam_20240115_1440p.jpg",
        "cam_20240115_2160p.jpg",
        "cam_20240115_4k.jpg",
        "cam_20240115_1920w.jpg",
        "cam_20240115_1600kB.jpg",
        "cam_20240115_2340masl.jpg",
        "cam_20240115_2340 m.a.s.l.jpg",
        "davos_20240115_2340m.jpg",  # above the sea
        "cam_20240115_10mp.jpg",
        "cam_1920x1080_1200px.jpg",
    ],
)
def test_sizes_are_no_times(name):
    assert parse_observed_at(name, NOW) is None


@pytest.mark.parametrize(
    "name",
    [
        "cam_20240115_1030_1920x1080.jpg",
        "cam_1920x1080_20240115_1030.jpg",
        "cam_20240115_1920x1080_1030.jpg",
        "20240115103000_1920x1080.jpg",
        "cam_20240115_1030_1200px.jpg",
        "cam_20240115_1030_2160p.jpg",
        "cam_20240115_1030_4k.jpg",
        "4k_20240115_1030.jpg",
        "cam_20240115_1030_720p.jpg",
    ],
)
def test_a_size_beside_a_time(name):
    assert parse_observed_at(name, NOW) == HALF_PAST_NINE


@pytest.mark.parametrize(
    ("name", "hour", "minute"),
    [
        ("2024-01-15T10:30:00+05:00.jpg", 5, 30),
        ("2024-01-15T10:30:00+0530.jpg", 5, 0),
        ("2024-01-15T10-30-00+05-00.jpg", 5, 30),
        ("20240115_103000+01.jpg", 9, 30),
        ("20240115T103000-0700.jpg", 17, 30),
        ("20240115T1030-0700.jpg", 17, 30),
        ("2024-01-15 10:30:00 -03:30.jpg", 14, 0),
        ("2024-01-15_10-30_UTC.jpg", 10, 30),
        ("2024-01-15_1030utc.jpg", 10, 30),
        ("2024-01-15_10-30 GMT.jpg", 10, 30),
        ("20240115_1030Z.jpg", 10, 30),
        ("2024-01-15T10-30-00Z.jpg", 10, 30),
        ("2024-01-15T10-30-00.123Z.jpg", 10, 30),
        ("2024-01-15_10-30_CET.jpg", 9, 30),
        ("2024-01-15_10-30-00-CEST.jpg", 8, 30),
        ("2024-01-15_1030MEZ.jpg", 9, 30),
        ("2024-01-15_1030_MESZ.jpg", 8, 30),
        ("2024-01-15_10-30_UTC+2.jpg", 8, 30),
        ("2024-01-15_10-30_GMT-5.jpg", 15, 30),
        ("UTC_20240115_1030.jpg", 10, 30),
        ("20240115_1030_1920x1080_UTC.jpg", 10, 30),
        ("utc/20240115_1030.jpg", 9, 30),  # a folder says nothing
        ("20240115_1030_zurs.jpg", 9, 30),
        ("20240115_1030-1200.jpg", 9, 30),  # from … to …
        ("20240115_1030+9900.jpg", 9, 30),  # no offset of any place
        ("cetona_20240115_1030.jpg", 9, 30),
    ],
)
def test_zones(name, hour, minute):
    assert parse_observed_at(name, NOW) == utc(2024, 1, 15, hour, minute)


def test_a_zone_does_not_follow_the_summer():
    assert parse_observed_at("20240715_1030.jpg", NOW) == utc(2024, 7, 15, 8, 30)
    assert parse_observed_at("20240715_1030_CET.jpg", NOW) == utc(2024, 7, 15, 9, 30)


@pytest.mark.parametrize(
    "name",
    [
        "20240115_1030.jpg",
        "20240115103000.jpg",
        "IMG_20240115_103000.jpg",
        "15.01.2024 10h30.jpg",
        "15.1.2024 10:30.jpg",
        "15-01-2024_10-30-00.jpg",
        "15.01.2024_1030.jpg",
        "2024-01-15 10h30.jpg",
        "2024-01-15/10-30-00.jpg",
        "roundshot/2024-01-15/10-30-00/2024-01-15-10-30-00_full.jpg",
        "2024-01-15/10-30-00/full.jpg",
        "2024-01-15/cam1_10-30-00.jpg",
        r"C:\cams\2024-01-15\10-30-00.jpg",
        "20240115/103000.jpg",
        "2024/01/15/1030_hd.jpg",
        "Screen Shot 2024-01-15 at 10.30.00 AM.png",
        "Bildschirmfoto 2024-01-15 um 10.30.00.png",
        "20240115_1030_99.jpg",  # a number, no seconds
        "cam 2024-01-15 10.30",  # a layer's name
    ],
)
def test_names_of_webcams(name):
    assert parse_observed_at(name, NOW) == HALF_PAST_NINE


def test_afternoon():
    assert parse_observed_at("2024-01-15 at 2.30.00 PM.png", NOW) == utc(2024, 1, 15, 13, 30)
    assert parse_observed_at("2024-01-15 at 12.30.00 AM.png", NOW) == utc(2024, 1, 14, 23, 30)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1705314600.jpg", utc(2024, 1, 15, 10, 30)),
        ("cam1_1705314600_hd.jpg", utc(2024, 1, 15, 10, 30)),
        ("1705314600123.jpg", utc(2024, 1, 15, 10, 30)),
        ("1705314600/a.jpg", None),
        ("1899999999.jpg", None),  # in 2030
        ("9999999999.jpg", None),
        ("170531460.jpg", None),
        ("17053146000.jpg", None),
        ("1705314600px.jpg", None),
    ],
)
def test_seconds_since_1970(name, expected):
    assert parse_observed_at(name, NOW) == expected


@pytest.mark.parametrize(
    "name",
    [
        "30.02.2024 10h30.jpg",
        "2023-02-29_10-30.jpg",
        "2024-13-45_10-30.jpg",
        "20240431_1030.jpg",
        "20240115_2530.jpg",
        "20240115_1061.jpg",
        "20240100_1030.jpg",
        "20991231_1200.jpg",
        "2024-01-15.jpg",
        "2024-01-15/IMG_1234.jpg",
        "DSC_0042.jpg",
        "9920240115103000.jpg",
        "",
        "/",
        "url=https://a.b/wms?" + "layers=x&" * 900,
    ],
)
def test_what_is_no_time(name):
    assert parse_observed_at(name, NOW) is None


CLOCK = "2024:01:15 10:30:00"


@pytest.mark.parametrize(
    "clock",
    [
        "1970:01:01 00:00:12",
        "1980:01:01 00:00:00",
        "1994:12:31 23:59:59",
        "2000:01:01 00:04:00",
        "2099:12:31 23:59:59",
        "2026:01:03 00:00:00",
        "0001:01:01 00:00:00",
        "9999:12:31 23:59:59",
        "2024:13:45 10:30:00",
        "2024:01:15 25:61:00",
    ],
)
def test_an_impossible_clock_yields_to_the_name(clock):
    tags = {"EXIF_DateTimeOriginal": clock}
    assert capture_time("20240115_1030.jpg", tags, NOW) == HALF_PAST_NINE
    assert capture_time("DSC_1.jpg", tags, NOW) is None
    changed = {**tags, "EXIF_DateTime": CLOCK}  # when it was edited, not when it was taken
    assert capture_time("DSC_1.jpg", changed, NOW) is None


@pytest.mark.parametrize(
    "clock", ["1999:02:23 16:01:00", "2024:07:01 00:00:00", "2026:01:01 12:00:00"]
)
def test_a_possible_clock_stands_above_the_name(clock):
    found = capture_time("20240115_1030.jpg", {"EXIF_DateTimeOriginal": clock}, NOW)
    assert found.astimezone().strftime("%Y:%m:%d %H:%M:%S") == clock


@pytest.mark.parametrize(
    ("offset", "hour", "minute"),
    [
        ("Z", 10, 30),
        ("z", 10, 30),
        ("UTC", 10, 30),
        ("+00:00", 10, 30),
        ("+05:30", 5, 0),
        ("-0700", 17, 30),
        ("+1", 9, 30),
        ("", 9, 30),
        ("   :  ", 9, 30),
        ("+99:99", 9, 30),
        ("abc", 9, 30),
    ],
)
def test_offsets_of_exif(offset, hour, minute):
    tags = {"EXIF_DateTimeOriginal": CLOCK, "EXIF_OffsetTimeOriginal": offset}
    assert capture_time("a.jpg", tags, NOW) == utc(2024, 1, 15, hour, minute)


def test_an_offset_after_the_time_and_that_of_another_tag():
    assert capture_time("a.jpg", {"EXIF_DateTimeOriginal": f"{CLOCK}Z"}, NOW).hour == 10
    assert capture_time("a.jpg", {"EXIF_DateTimeOriginal": f"{CLOCK}+05:00"}, NOW).hour == 5
    tags = {"EXIF_DateTimeOriginal": CLOCK, "EXIF_OffsetTime": "+02:00"}
    assert capture_time("a.jpg", tags, NOW).hour == 8


def test_which_tag_counts():
    tags = {"EXIF_DateTimeDigitized": CLOCK, "EXIF_DateTime": "2024:05:05 05:05:05"}
    assert capture_time("a.jpg", tags, NOW) == HALF_PAST_NINE
    only = {"EXIF_DateTime": CLOCK}
    assert capture_time("a.jpg", only, NOW) == HALF_PAST_NINE
    assert capture_time("20240116_1030.jpg", only, NOW) == utc(2024, 1, 16, 9, 30)
    blank = {"EXIF_DateTimeOriginal": "    :  :     :  :  ", "EXIF_DateTime": CLOCK}
    assert capture_time("a.jpg", blank, NOW) == HALF_PAST_NINE
    zeros = {"EXIF_DateTimeOriginal": "0000:00:00 00:00:00", "EXIF_DateTime": CLOCK}
    assert capture_time("a.jpg", zeros, NOW) == HALF_PAST_NINE
    assert capture_time("a.jpg", {}, NOW) is None


def test_the_present_is_the_limit():
    name = datetime.now().strftime("%Y%m%d_%H%M.jpg")
    assert parse_observed_at(name) is not None
    assert parse_observed_at("20990101_1200.jpg") is None
