"""The origin of an image."""

from __future__ import annotations

import hashlib
import struct

import pytest
from clock import utc
from rasters import texture, write

from avalanche_iseg_qgis.layers.origin import parse_observed_at, read_origin

pytestmark = pytest.mark.usefixtures("vienna")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2024-01-15_10-30.jpg", utc(2024, 1, 15, 9, 30)),
        ("cam3_2024-07-15_10-30-05.jpg", utc(2024, 7, 15, 8, 30, 5)),
        ("20240115_1030.jpg", utc(2024, 1, 15, 9, 30)),
        ("cam1_20240115_103059.jpg", utc(2024, 1, 15, 9, 30, 59)),
        ("20240115T103000Z.png", utc(2024, 1, 15, 10, 30)),
        ("2024-01-15T10:30:00Z.png", utc(2024, 1, 15, 10, 30)),
        ("2024-01-15 10.30.00.jpg", utc(2024, 1, 15, 9, 30)),
        ("2024_01_15_10_30_00.jpg", utc(2024, 1, 15, 9, 30)),
        ("202401151030.jpg", utc(2024, 1, 15, 9, 30)),
        ("20240115103000.jpg", utc(2024, 1, 15, 9, 30)),
        ("IMG_20240115_103000123.jpg", utc(2024, 1, 15, 9, 30)),
        ("Screenshot 2024-01-15 10h30m20s.png", utc(2024, 1, 15, 9, 30, 20)),
        ("cams/axams/2024/01/15/1030_hd.jpg", utc(2024, 1, 15, 9, 30)),
        ("2020-02-02_11-11/2024-01-15_10-30.jpg", utc(2024, 1, 15, 9, 30)),
        ("2024-01-15.jpg", None),
        ("2024-13-45_10-30.jpg", None),
        ("20240115_2530.jpg", None),
        ("DSC_0042.jpg", None),
        ("9920240115103000.jpg", None),
        ("", None),
    ],
)
def test_time_in_the_name(name, expected):
    assert parse_observed_at(name) == expected


def photo(folder, name="DSC_1.jpg", **tags):
    """A JPEG with EXIF: make, model, and in the sub-directory time and offset."""
    path = write(folder / name, texture(40, 60).astype("uint8"), driver="JPEG")
    if not tags:
        return path
    codes = {"make": 0x010F, "model": 0x0110, "changed": 0x0132, "time": 0x9003, "offset": 0x9011}
    first = {k: v for k, v in tags.items() if k in ("make", "model", "changed")}
    second = {k: v for k, v in tags.items() if k in ("time", "offset")}
    sub = 8 + 2 + 12 * (len(first) + 1) + 4
    data_at = sub + 2 + 12 * len(second) + 4
    data = b""

    def entries(values):
        nonlocal data
        made = b""
        for key in sorted(values, key=codes.get):
            text = values[key].encode("latin-1") + b"\0"
            if len(text) <= 4:  # in the place of its address
                made += struct.pack("<HHI4s", codes[key], 2, len(text), text)
                continue
            made += struct.pack("<HHII", codes[key], 2, len(text), data_at + len(data))
            data += text + b"\0" * (len(text) % 2)
        return made

    one = entries(first) + struct.pack("<HHII", 0x8769, 4, 1, sub)
    two = entries(second)
    tiff = b"II*\0" + struct.pack("<IH", 8, len(first) + 1) + one + bytes(4)
    tiff += struct.pack("<H", len(second)) + two + bytes(4) + data
    segment = b"Exif\0\0" + tiff
    content = path.read_bytes()
    mark = b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment
    path.write_bytes(content[:2] + mark + content[2:])
    return path


@pytest.mark.parametrize(
    ("tags", "observed_at", "camera"),
    [
        (
            {"make": "NIKON", "model": "NIKON D850", "time": "2024:01:15 10:30:00"},
            utc(2024, 1, 15, 9, 30),
            "NIKON D850",
        ),
        (
            {"make": "Mobotix", "model": "M73-long", "time": "2024:07:15 10:30:00"},
            utc(2024, 7, 15, 8, 30),
            "Mobotix M73-long",
        ),
        (
            {"model": "longname", "time": "2024:01:15 10:30:00", "offset": "+05:30"},
            utc(2024, 1, 15, 5, 0),
            "longname",
        ),
        (
            {"make": "makeonly", "time": "2024:01:15 22:30:00", "offset": "-07:00"},
            utc(2024, 1, 16, 5, 30),
            "makeonly",
        ),
        ({"make": "makeonly", "time": "0000:00:00 00:00:00"}, None, "makeonly"),
        ({"make": "makeonly", "time": "                   "}, None, "makeonly"),
        ({}, None, None),
    ],
)
def test_exif(tmp_path, tags, observed_at, camera):
    path = photo(tmp_path, **tags)
    origin = read_origin(str(path))
    assert origin.observed_at == observed_at
    assert origin.camera == camera
    assert origin.image_name == "DSC_1.jpg"
    assert origin.path == str(path)
    assert origin.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_exif_stands_above_the_name(tmp_path):
    path = photo(tmp_path, "20200101_0000.jpg", time="2024:01:15 10:30:00")
    assert read_origin(str(path)).observed_at == utc(2024, 1, 15, 9, 30)
    path = photo(tmp_path, "20200101_0100.jpg")
    assert read_origin(str(path)).observed_at == utc(2020, 1, 1, 0, 0)


@pytest.mark.parametrize(
    ("name", "tags", "expected"),
    [
        ("a.jpg", {"time": "2024:01:15 10:30:00", "offset": "Z"}, utc(2024, 1, 15, 10, 30)),
        ("a.jpg", {"changed": "2024:01:15 10:30:00"}, utc(2024, 1, 15, 9, 30)),
        ("20240115_1030.jpg", {"time": "1970:01:01 00:00:12"}, utc(2024, 1, 15, 9, 30)),
        ("20240115_1030.jpg", {"time": "2099:01:01 00:00:00"}, utc(2024, 1, 15, 9, 30)),
        ("20240115_1030.jpg", {"time": "0001:01:01 00:00:00"}, utc(2024, 1, 15, 9, 30)),
        ("20240115_1920x1080.jpg", {"time": "1980:01:01 00:00:00"}, None),
        ("1705314600.jpg", {"make": "roundshot"}, utc(2024, 1, 15, 10, 30)),
    ],
)
def test_clocks_and_names(tmp_path, name, tags, expected):
    path = photo(tmp_path, name, **tags)
    origin = read_origin(str(path))
    assert origin.observed_at == expected
    assert origin.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "time", ["0001:01:01 00:00:00", "9999:99:99 99:99:99", "\xb0\xb0", "x" * 19]
)
def test_the_reading_thread_survives_any_clock(tmp_path, time):
    from qgis.core import QgsRasterLayer
    from waiting import wait_until

    from avalanche_iseg_qgis.layers.reader import ImageReader
    from avalanche_iseg_qgis.layers.source import open_source

    reader, found = ImageReader(), []
    reader.origin_read.connect(found.append)
    for name in ("a.jpg", "b.jpg"):
        path = photo(tmp_path, name, time=time, model="Leica \xae")
        reader.request_origin(open_source(QgsRasterLayer(str(path), name)))
    wait_until(lambda: len(found) == 2, what="both origins")
    assert all(origin.sha256 and origin.camera for origin in found)
    reader.close()


@pytest.mark.parametrize("source", ["x" * 300, "/a/" + "b" * 5000, "dbname='a' " * 99, "a\0b"])
def test_sources_of_any_length(source):
    assert read_origin(source, "layer").image_name == "layer"


def test_no_file():
    origin = read_origin("url=http://somewhere", "Orthophoto")
    assert origin.image_name == "Orthophoto"
    assert origin.sha256 is None
    assert origin.observed_at is None


def test_a_file_that_is_no_image(tmp_path):
    path = tmp_path / "t.jpg"
    path.write_text("x")
    assert read_origin(str(path)).sha256


def test_very_large_files_are_not_hashed(tmp_path):
    path = tmp_path / "t.tif"
    with path.open("wb") as file:
        file.truncate(257 * 2**20)
    assert read_origin(str(path)).sha256 is None
