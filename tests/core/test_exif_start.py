"""Where a camera stands and looks by a photo's EXIF: a start for points and skyline."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pyproj import Transformer
from test_camera_command import (  # noqa: F401 -- fixtures
    EPSG,
    TRUTH,
    camera,
    own_cache,
    refusal,
    seen,
    solve,
    terrain,
    world,
)

from core.camera import CameraRecord
from core.camera.map_crs import convergence
from core.commands.camera.exif import heading, place

LONGITUDE, LATITUDE = 1, 3  # tags of GPS; the reference is one before
TO_DEGREES = Transformer.from_crs(EPSG, 4326, always_xy=True)


def gps(x=TRUTH.x + 4, y=TRUTH.y - 3, **more) -> dict[int, object]:
    """Tags of EXIF, as phones write them."""
    longitude, latitude = TO_DEGREES.transform(x, y)
    return {
        1: "N" if latitude >= 0 else "S",
        2: sexagesimal(abs(latitude)),
        3: "E" if longitude >= 0 else "W",
        4: sexagesimal(abs(longitude)),
        **{int(tag[1:]): value for tag, value in more.items()},
    }


def sexagesimal(degrees: float) -> tuple[float, float, float]:
    minutes = degrees % 1 * 60
    return float(int(degrees)), float(int(minutes)), round(minutes % 1 * 60, 4)


def photo(world, path, tags, focal=31):  # noqa: F811
    exif = Image.Exif()
    if focal:
        exif.get_ifd(0x8769)[0xA405] = focal
    exif.get_ifd(0x8825).update(tags)
    Image.open(world / "picture.png").save(path, exif=exif, quality=95)
    return path


def options(world, path, out):  # noqa: F811
    return ("--image", path, "--crs", "EPSG:2056", "-o", out, "--dem", world / "dem.tif")


def test_the_place_is_read(world, tmp_path):  # noqa: F811
    tags = gps(t5=b"\x00", t6=1012.4, t16="M", t17=123.5, t31=8.0)
    found = place(photo(world, tmp_path / "a.jpg", tags))
    assert (found.altitude, found.error) == (pytest.approx(1012.4), 8.0)
    back = Transformer.from_crs(4326, EPSG, always_xy=True)
    assert back.transform(found.longitude, found.latitude) == pytest.approx(
        (TRUTH.x + 4, TRUTH.y - 3), abs=0.05
    )
    assert heading(tmp_path / "a.jpg") == (123.5, True)


@pytest.mark.parametrize(
    ("tags", "sign"), [({1: "S", 3: "W"}, (-1, -1)), ({1: "S"}, (1, -1)), ({3: "W"}, (-1, 1))]
)
def test_hemispheres(world, tmp_path, tags, sign):  # noqa: F811
    found = place(photo(world, tmp_path / "a.jpg", {**gps(), **tags}))
    assert np.sign([found.longitude, found.latitude]).tolist() == list(sign)


@pytest.mark.parametrize(
    "tags",
    [{}, {2: (46.0, 1.0, 2.0), 4: (9.0, 1.0, 2.0)},
     {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
     {1: "N", 2: (246.0, 0.0, 0.0), 3: "E", 4: (9.0, 0.0, 0.0)}],
    ids=["none", "no hemisphere", "zero", "beyond the pole"],
)  # fmt: skip
def test_what_is_no_place(world, tmp_path, tags):  # noqa: F811
    assert place(photo(world, tmp_path / "a.jpg", tags)) is None


def test_solve_starts_there(world, tmp_path, capsys):  # noqa: F811
    out = tmp_path / "camera.json"
    truth = TRUTH.yaw + convergence(EPSG, TRUTH.x, TRUTH.y)
    path = photo(world, tmp_path / "a.jpg", gps(t6=1060.0, t16="T", t17=truth))
    assert camera("solve", world / "gcps.csv", *options(world, path, out)) == 0
    told = capsys.readouterr().err
    assert "EXIF gives the position 2701154, 1200057 (+- 15 m) and the heading" in told
    assert "check the control points" not in told
    found = CameraRecord.read(out).camera
    assert np.linalg.norm(found.position - TRUTH.position) < 10
    assert camera("solve", world / "gcps.csv", *options(world, path, out), "--no-exif") == 0
    assert "EXIF" not in capsys.readouterr().err


def test_without_a_dem_the_height_is_that_of_gps(world, tmp_path):  # noqa: F811
    out = tmp_path / "camera.json"
    path = photo(world, tmp_path / "a.jpg", gps(t6=1030.0))
    assert camera("solve", world / "gcps.csv", *options(world, path, out)[:-2]) == 0
    assert CameraRecord.read(out).camera.z == pytest.approx(TRUTH.z, abs=10)


def test_another_heading_is_told(world, tmp_path, capsys):  # noqa: F811
    path = photo(world, tmp_path / "a.jpg", gps(t6=1012.0, t17=200.0))
    status = camera("solve", world / "gcps.csv", *options(world, path, tmp_path / "c.json"))
    assert status == 0
    grid = (200 - convergence(EPSG, TRUTH.x, TRUTH.y)) % 360
    assert f"EXIF says {grid:.0f}: check the control points" in capsys.readouterr().err


def test_the_skyline_from_exif_alone(world, tmp_path, capsys):  # noqa: F811
    """Place, heading and focal length of a phone; nothing else given."""
    out = tmp_path / "camera.json"
    truth = TRUTH.yaw + convergence(EPSG, TRUTH.x, TRUTH.y)
    path = photo(world, tmp_path / "a.jpg", gps(t6=1060.0, t16="T", t17=truth + 9))
    given = ("--crs", "EPSG:2056", "--dem", world / "dem.tif", "-o", out)
    assert camera("skyline", path, *given, "--height-above-ground", "12") == 0
    told = capsys.readouterr().err
    assert "and the heading" in told
    assert "focal length" in told
    found = CameraRecord.read(out).camera
    assert found.yaw == pytest.approx(TRUTH.yaw, abs=0.6)
    assert found.pitch == pytest.approx(TRUTH.pitch, abs=0.6)
    told = refusal(capsys, camera("skyline", path, *given, "--no-exif"))
    assert "--position, --focal" in told


def test_a_heading_limits_the_search(world, tmp_path, capsys):  # noqa: F811
    out = tmp_path / "camera.json"
    position = f"{TRUTH.x},{TRUTH.y},{TRUTH.z}"
    given = ("--position", position, "--crs", "EPSG:2056", "--focal", 620, "-o", out)
    given = (world / "picture.png", *given, "--dem", world / "dem.tif")
    assert camera("skyline", *given, "--heading", 8, "--heading-sigma", 5) == 0
    assert CameraRecord.read(out).camera.yaw == pytest.approx(TRUTH.yaw, abs=0.5)
    assert camera("skyline", *given, "--heading", 190, "--heading-sigma", 5) == 2
    assert camera("skyline", *given, "--heading", 190, "--heading-sigma", 5, "--force") == 0
    yaw = CameraRecord.read(out).camera.yaw
    assert 170 < yaw < 210
