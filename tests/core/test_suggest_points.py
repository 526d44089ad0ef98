"""Suggested control points: photos of a known terrain, rough poses, and what must be refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import cv2
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from ray_caster import hit
from winter_fixtures import error_deg

from core.camera import Camera, CameraRecord, read_gcps
from core.commands import main
from core.errors import CameraError, TerrainError
from core.image import write_png
from core.projection.rendered_view import orthophoto_layer, sunlit_layer
from core.projection.suggested_points import RoughPose, suggest_points
from core.terrain import Terrain
from core.terrain.sunlight import shade, sun_position

WEST, NORTH, CELL = 2_700_000.0, 1_150_000.0, 20.0
SUN = 150.0, 30.0
TRUTH = Camera(600, 400, WEST + 2400, NORTH - 4300, 0, yaw=4, pitch=11, roll=1, f=640)


def mountains(seed=0, cells=240):
    """A rough range in the north, before which the ground is nearly flat."""
    rng, heights = np.random.default_rng(seed), np.zeros((cells, cells), np.float32)
    for parts, weight in ((4, 260), (9, 180), (20, 110), (45, 60), (90, 26), (180, 10)):
        noise = rng.normal(0, 1, (parts, parts)).astype(np.float32)
        heights += weight * cv2.resize(noise, (cells, cells), interpolation=cv2.INTER_CUBIC)
    high = np.clip(np.linspace(1.2, -0.8, cells, dtype=np.float32), 0.04, 1)[:, None]
    return Terrain(heights * high + 1500 * high + 1000, WEST, NORTH, CELL)


def take(terrain, camera, sun=SUN, seed=0, mottled=0.25):
    """The photo: slopes turned to the sun, ground of different brightness, air, sky, noise."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[: camera.height, : camera.width]
    ground = hit(terrain, camera, np.stack([u.ravel(), v.ravel()], axis=1).astype(float))
    x, y, _ = ground.T
    step = CELL / 2
    east = (terrain.sample(x + step, y) - terrain.sample(x - step, y)) / CELL
    north = (terrain.sample(x, y + step) - terrain.sample(x, y - step)) / CELL
    azimuth, height = np.radians(sun)
    light = np.sin(height) - np.cos(height) * (east * np.sin(azimuth) + north * np.cos(azimuth))
    light = np.maximum(light, 0) / np.sqrt(1 + east**2 + north**2)
    patches = cv2.resize(rng.random((60, 60), np.float32), terrain.heights.shape[::-1])
    kind = Terrain(patches, terrain.west, terrain.north, terrain.cell).sample(x, y)
    far = np.hypot(x - camera.x, y - camera.y)
    grey = (30 + 190 * light) * (1 + mottled * (kind - 0.5))
    grey = grey * np.exp(-far / 15000) + 190 * (1 - np.exp(-far / 15000))
    grey = np.nan_to_num(grey, nan=205).reshape(camera.height, camera.width)
    photo = np.clip(grey + rng.normal(0, 3, grey.shape), 0, 255).astype(np.uint8)
    return np.repeat(photo[:, :, None], 3, axis=2)


@pytest.fixture(scope="module")
def terrain():
    return mountains()


@pytest.fixture(scope="module")
def truth(terrain):
    ground = terrain.sample(TRUTH.x, TRUTH.y)
    return replace(TRUTH, z=float(ground) + 120)


@pytest.fixture(scope="module")
def photo(terrain, truth):
    return take(terrain, truth)


def rough(truth, yaw=0.0, pitch=0.0, roll=0.0, east=0.0, north=0.0, up=0.0, focal=1.0):
    return replace(
        truth, yaw=truth.yaw + yaw, pitch=truth.pitch + pitch, roll=truth.roll + roll,
        x=truth.x + east, y=truth.y + north, z=truth.z + up, f=truth.f * focal,
    )  # fmt: skip


def suggest(photo, start, terrain, sun=SUN, known=None):
    record = CameraRecord(start, 2056)
    return suggest_points(photo, record, terrain, lambda v: sunlit_layer(v.terrain, sun), known)


@pytest.mark.parametrize(
    "off",
    [
        {"yaw": 2.0, "pitch": -1.0},
        {"yaw": -4.5, "pitch": 1.5, "roll": 1.5},
        {"yaw": 1.5, "east": 30, "north": -20, "up": 8},
        {"yaw": -2.0, "focal": 1.05},
    ],
)
def test_points_lie_where_their_ground_is(terrain, truth, photo, off):
    found = suggest(photo, rough(truth, **off), terrain, known=RoughPose(25, 3, 0.05))
    assert found.trusted, found.reason
    used = [point for point in found.points if point.use]
    places = np.array([(p.x, p.y, p.z) for p in used])
    errors = np.hypot(*(truth.project(places) - [(p.u, p.v) for p in used]).T)
    assert np.median(errors) < 1.5
    assert np.percentile(errors, 90) < 5
    assert error_deg(found.camera, truth) < 0.35
    assert np.median(errors) < 3 * used[0].sigma


@pytest.mark.parametrize("kind", ["noise", "sky", "night", "another place", "other aim"])
def test_what_does_not_fit_is_refused(terrain, truth, photo, kind):
    rng = np.random.default_rng(1)
    shown = {
        "noise": rng.integers(0, 255, photo.shape, np.uint8),
        "sky": np.full_like(photo, 200),
        "night": (rng.random(photo.shape) * 9).astype(np.uint8),
        "another place": take(mountains(5), replace(truth, z=1100.0)),
        "other aim": photo,
    }[kind]
    start = rough(truth, yaw=60) if kind == "other aim" else truth
    try:
        found = suggest(shown, start, terrain)
    except (CameraError, TerrainError):
        return
    assert not found.trusted
    assert "by hand" in found.reason


def test_photos_of_another_size_are_refused(terrain, truth, photo):
    with pytest.raises(CameraError, match="300 x 200"):
        suggest(cv2.resize(photo, (300, 200)), truth, terrain)


# --- the command ----------------------------------------------------------------------------


def write_world(folder, terrain, photo, start):
    profile = {"driver": "GTiff", "width": 240, "height": 240, "count": 1, "crs": "EPSG:2056",
               "transform": from_origin(WEST - CELL / 2, NORTH + CELL / 2, CELL, CELL)}  # fmt: skip
    with rasterio.open(folder / "dem.tif", "w", dtype="float32", **profile) as target:
        target.write(terrain.heights.astype(np.float32), 1)
    light = np.nan_to_num(sunlit_layer(terrain, SUN).heights)
    with rasterio.open(folder / "ortho.tif", "w", dtype="uint8", **profile) as target:
        target.write(np.clip(light, 1, 255).astype(np.uint8), 1)
    write_png(folder / "photo.png", photo)
    CameraRecord(start, 2056).write(folder / "rough.json")


def command(folder, *options):
    return main(["camera", "suggest-points", str(folder / "photo.png"), "--camera",
                 str(folder / "rough.json"), "--dem", str(folder / "dem.tif"), "-o",
                 str(folder / "gcps.csv"), *map(str, options)])  # fmt: skip


def test_the_table_is_solved(terrain, truth, photo, tmp_path, capsys):
    write_world(tmp_path, terrain, photo, rough(truth, yaw=1.5, pitch=-0.8))
    assert command(tmp_path, "--orthophoto", tmp_path / "ortho.tif") == 0
    told = capsys.readouterr().out
    assert "pieces of terrain agree" in told
    points = read_gcps(tmp_path / "gcps.csv")
    out = [point.name for point in points if not point.use]
    assert all(name in told for name in out)
    assert main(["camera", "solve", str(tmp_path / "gcps.csv"), "--image",
                 str(tmp_path / "photo.png"), "--dem", str(tmp_path / "dem.tif"), "--crs",
                 "EPSG:2056", "--position", f"{truth.x},{truth.y},{truth.z}", "-o",
                 str(tmp_path / "camera.json")]) == 0  # fmt: skip
    assert error_deg(CameraRecord.read(tmp_path / "camera.json").camera, truth) < 0.3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--time", "yesterday"), "2024-01-15T10:30"),
        (("--time", "2024-01-15T10:30", "--zone", "Nowhere/At"), "Nowhere"),
        (("--orthophoto", "missing.tif"), "missing.tif"),
    ],
)
def test_wrong_options_are_told(terrain, truth, photo, tmp_path, capsys, options, told):
    write_world(tmp_path, terrain, photo, truth)
    assert command(tmp_path, *options) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("options", [(), ("--time", "2024-01-15T23:30")])
def test_without_a_sun_the_terrain_is_lit_as_on_a_map(
    terrain, truth, photo, tmp_path, capsys, options
):
    write_world(tmp_path, terrain, np.full_like(photo, 200), truth)
    assert command(tmp_path, *options) == 2
    assert "lit as on a map" in capsys.readouterr().err


def test_an_orthophoto_of_another_place_is_told(terrain, truth, photo, tmp_path):
    write_world(tmp_path, terrain, photo, truth)
    away = Terrain(terrain.heights, WEST + 90_000, NORTH, CELL)
    with pytest.raises(TerrainError, match="No orthophoto"):
        orthophoto_layer([tmp_path / "ortho.tif"], away, CELL, 2056)


# --- the sun --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "longitude", "latitude", "expected"),
    [
        ((2024, 6, 20, 11, 22), 10.0, 47.0, (180.5, 66.4)),
        ((2024, 12, 21, 11, 18), 10.0, 47.0, (180.0, 19.6)),
        ((2024, 3, 20, 12, 7), 0.0, 0.0, (None, 90.0)),
        ((2024, 3, 20, 6, 7), 0.0, 0.0, (90.0, 0.0)),
        ((2024, 3, 20, 18, 7), 0.0, 0.0, (270.0, 0.0)),
        ((2024, 12, 21, 1, 53), 151.2, -33.9, (0.0, 79.5)),
    ],
)
def test_the_sun_stands_where_almanacs_have_it(time, longitude, latitude, expected):
    azimuth, elevation = sun_position(datetime(*time, tzinfo=timezone.utc), longitude, latitude)
    assert elevation == pytest.approx(expected[1], abs=0.4)
    if expected[0] is not None:
        assert abs((azimuth - expected[0] + 180) % 360 - 180) < 1.5


@pytest.mark.parametrize(("azimuth", "side"), [(180, "north"), (0, "south"), (90, "west")])
@pytest.mark.parametrize("elevation", [30.0, 45.0])
def test_a_wall_casts_its_shadow_away_from_the_sun(azimuth, side, elevation):
    heights = np.zeros((121, 121), np.float32)
    heights[58:63, 58:63] = 100
    dark = shade(Terrain(heights, 0.0, 0.0, 5.0), azimuth, elevation) < 0.4
    line = {"north": dark[:58, 60][::-1], "south": dark[63:, 60], "west": dark[60, :58][::-1]}[side]
    length = 5 * (1 + int(line[1:].argmin()))
    assert length == pytest.approx(100 / np.tan(np.radians(elevation)), abs=15)
    others = {"north": dark[66:, 60], "south": dark[:55, 60], "west": dark[60, 66:]}[side]
    assert not others.any()
