"""Cameras, control points, outlines and range maps of 0.1.0, by the commands of today."""

from __future__ import annotations

import csv
import hashlib
import json
import zipfile

import numpy as np
import pytest
import rasterio
from running import MADE, STAMP, lay_out, run
from shapely.geometry import shape


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return lay_out(tmp_path_factory.mktemp("cameras"), "project", "models", "camera")


SINCE = {"loo_sigmas", "closed_frac"}
"""Fields that were added to those of then."""


def read(path) -> dict:
    return json.loads(path.read_text())


def test_control_points_are_solved_to_the_same_camera(folder):
    """In both dialects; with every field that a camera file had."""
    about = ["--name", "Hut", "--author", "A. Mapper", "--valid-from", "2024-01-01"]
    about += ["--valid-to", "2024-12-31T12:00:00+01:00", "--crs", "EPSG:2056"]
    about += ["--position", "2785611,1171326", "--height-above-ground", "8"]
    about += ["--position-sigma", "10,10,5", "--dem", "dem.tif", "--image", "picture.jpg"]
    then = read(MADE / "camera" / "camera.json")
    for table in ("gcps.csv", "gcps_semicolon.csv"):
        run(folder, "core", "camera", "solve", table, *about, "-o", "now.json")
        now = read(folder / "now.json")
        assert now.keys() - {"sigma_px", "position_prior"} == then.keys()  # sigmas points have had
        assert [p.keys() - SINCE for p in now["points"]] == [p.keys() for p in then["points"]]
        assert np.hypot(now["x"] - then["x"], now["y"] - then["y"]) < 5
        for name in ("yaw_deg", "pitch_deg", "roll_deg"):
            assert now[name] == pytest.approx(then[name], abs=0.1)
        for name in ("format", "epsg", "name", "author", "valid_from", "valid_to", "projection",
                     "covariance_parameters", "image", "dem", "width", "height"):  # fmt: skip
            assert now[name] == then[name]


def test_a_camera_file_keeps_all_that_it_has(folder):
    """Through ``check --json``, which reads it whole and tells it."""
    done = run(folder, "core", "camera", "check", "camera.json", "--json")
    told, then = json.loads(done.stdout), read(MADE / "camera" / "camera.json")
    told = told.get("camera", told)
    changed = {name: told.get(name) for name in then if told.get(name) != then[name]}
    assert changed == {}


def test_a_new_picture_is_registered_to_an_old_camera(folder):
    """The file names its picture and the mask of its foreground."""
    run(folder, "core", "camera", "register", "moved.jpg", "--camera", "camera.json",
        "-o", "now.json")  # fmt: skip
    now, then = read(folder / "now.json"), read(MADE / "camera" / "registered.json")
    assert now.keys() == then.keys()
    assert now["drift_deg"] == pytest.approx(then["drift_deg"], abs=0.05)
    assert now["yaw_deg"] == pytest.approx(then["yaw_deg"], abs=0.05)
    run(folder, "core", "camera", "check", "registered.json", "--dem", "dem.tif")


def test_outlines_have_the_same_form(folder):
    segment = ["core", "segment", "picture.jpg", "--click", "144,245", "--engine", "torch"]
    run(folder, *segment, "--out", "now.geojson")
    (now,), (then,) = (
        read(path)["features"] for path in (folder / "now.geojson", folder / "outline.geojson")
    )
    first, second = shape(now["geometry"]), shape(then["geometry"])
    assert first.intersection(second).area > 0.98 * second.area
    assert kinds(now["properties"]) == kinds(then["properties"])
    assert {"crs"} & read(folder / "now.geojson").keys() == {"crs"} & read(
        folder / "outline.geojson"
    ).keys()


def kinds(properties: dict) -> dict:
    return {name: type(value).__name__ for name, value in properties.items()}


def test_an_old_outline_goes_to_the_map_as_then(folder):
    to_map = ["core", "camera", "to-map", "outline.geojson", "--camera", "camera.json"]
    to_map += ["--dem", "dem.tif", "--no-cache", "--bridge", "5"]
    run(folder, *to_map, "--vertices", "now.csv", "-o", "now.geojson")
    (now,), (then,) = (
        read(path)["features"] for path in (folder / "now.geojson", folder / "on_map.geojson")
    )
    known = {name: now["properties"][name] for name in now["properties"] if name not in SINCE}
    assert list(known) == list(then["properties"])
    assert kinds(known) == kinds(then["properties"])
    for name, value in then["properties"].items():
        if name.startswith("sigma_map"):  # errors of marks and heights count since
            assert value < now["properties"][name] < 4 * value
        elif isinstance(value, float):
            assert now["properties"][name] == pytest.approx(value, rel=0.02, abs=0.02), name
        elif name not in ("uuid", "avalanche_id", "created_at", "modified_at"):
            assert now["properties"][name] == value, name
    first, second = shape(now["geometry"]), shape(then["geometry"])
    assert first.intersection(second).area > 0.98 * second.area
    with (folder / "now.csv").open() as new, (folder / "vertices.csv").open() as old:
        assert next(csv.reader(new)) == next(csv.reader(old))


def test_an_old_outline_on_the_map_goes_into_the_picture(folder):
    run(folder, "core", "camera", "to-image", "on_map.geojson", "--camera", "camera.json",
        "--dem", "dem.tif", "--no-cache", "-o", "drawn.png")  # fmt: skip
    with rasterio.open(folder / "drawn.png") as file:
        drawn = file.read(1)
    assert drawn.shape == (300, 480)
    assert drawn[245, 144] == 1
    assert 20 < drawn.astype(bool).sum() < 0.2 * drawn.size


def test_a_range_map_of_then_stays_beside_that_of_now(tmp_path):
    """Visibility is computed in another way since: an earlier version may go on with its own."""
    folder = lay_out(tmp_path, "project", "camera")
    dem = folder.resolve() / "dem.tif"
    assert dem.stat().st_mtime == STAMP  # as when it was made
    identity = repr([(str(dem), dem.stat().st_size, dem.stat().st_mtime_ns)])
    name = (folder / "cache_key.txt").read_text().strip()
    name = name.replace("DEM", hashlib.sha256(identity.encode()).hexdigest())
    key = hashlib.sha256(name.encode()).hexdigest()[:32]
    with zipfile.ZipFile(folder / "cache.zip") as archive:
        archive.extractall(folder / "cache" / "sights" / key)
    (ranges,) = (folder / "cache").rglob("ranges.npy")
    before = sorted(file.relative_to(folder) for file in (folder / "cache").rglob("*"))
    stamps = {file: (folder / file).stat().st_ino for file in before}
    to_map = ["core", "camera", "to-map", "small.png", "--camera", "small.json"]
    run(folder, *to_map, "--dem", "dem.tif", "-o", "now.geojson")
    after = {file.relative_to(folder) for file in (folder / "cache").rglob("*")}
    assert set(before) < after
    assert {file: (folder / file).stat().st_ino for file in before} == stamps
    (now,), (then,) = (
        read(path)["features"] for path in (folder / "now.geojson", folder / "small.geojson")
    )
    assert now["properties"]["area_m2"] == pytest.approx(then["properties"]["area_m2"], rel=0.01)
    distances = np.load(ranges)
    np.save(ranges, distances * np.float32(0.97))
    run(folder, *to_map, "--dem", "dem.tif", "-o", "altered.geojson")
    (altered,) = read(folder / "altered.geojson")["features"]
    assert altered["properties"]["range_med_m"] != then["properties"]["range_med_m"]
