"""What a posed camera sees, and how that is kept on disk."""

from __future__ import annotations

import json
import math
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from core.camera import Camera, CameraRecord, Projection
from core.errors import TerrainError
from core.projection import viewshed as sight_module
from core.projection.cache import cache_key, default_folder, load_or_make
from core.projection.viewshed import Viewshed, compute_viewshed
from core.terrain import Terrain
from core.terrain.sources import Dem, open_dem

DEM_DIR = Path(__file__).parents[2].parent / "shared" / "data" / "dem"
X, Y = 2_600_000.0, 1_200_000.0
CAMERA = Camera(320, 200, X, Y, 150.0, yaw=0.0, pitch=-3.0, roll=0.0, f=400.0, refraction=1.0)


def dem_of(folder: Path, height, half: int = 300, cell: float = 10.0, epsg: int = 2056) -> Dem:
    """A DEM around (X, Y), its heights a function of x and y from there."""
    axis = cell * np.arange(-half, half + 1)
    x, y = np.meshgrid(axis, axis[::-1])
    heights = np.broadcast_to(height(x, y), x.shape).astype(np.float32)
    corner = X + axis[0] - cell / 2, Y + axis[-1] + cell / 2
    with rasterio.open(
        folder / "dem.tif",
        "w",
        driver="GTiff",
        width=heights.shape[1],
        height=heights.shape[0],
        count=1,
        dtype="float32",
        crs=f"EPSG:{epsg}",
        transform=from_origin(*corner, cell, cell),
        nodata=-9999,
    ) as file:
        file.write(np.nan_to_num(heights, nan=-9999), 1)
    return open_dem(folder / "dem.tif", epsg)


def flat(x, y):
    return np.zeros_like(x)


def wall(x, y):
    """100 m high, from y = 970 to 1000, only in the middle."""
    return np.where((y >= 970) & (y <= 1000) & (np.abs(x) < 200), 100.0, 0.0)


def hills(x, y):
    return 40 * np.sin(x / 190) + 60 * np.cos(y / 240) + 0.1 * y


def seen(tmp_path: Path, height, camera: Camera = CAMERA, **kwargs) -> Viewshed:
    dem = dem_of(tmp_path, height, **kwargs)
    return compute_viewshed(CameraRecord(camera, dem.epsg), dem, tmp_path / "cache")


def demo(name: str, view: int) -> CameraRecord:
    pose = json.loads((DEM_DIR / "demo_cameras.json").read_text())[name]["cameras"][view]
    place = {axis: pose[axis] for axis in "xyz"}
    angles = {"yaw": pose["azimuth_grid_deg"], "pitch": pose["pitch_deg"], "roll": 2.0}
    camera = Camera(pose["width"], pose["height"], **place, **angles, f=pose["f_px"], k1=-0.1)
    return CameraRecord(camera.resized(960, 540), 31287)


# --- what is seen -----------------------------------------------------------------------------


def test_the_terrain_is_that_of_the_field_of_view(tmp_path):
    sight = seen(tmp_path, hills)
    west, south, east, north = sight.terrain.bounds
    assert (south - Y) == pytest.approx(0, abs=40)
    assert (north - Y) == pytest.approx(3000, abs=10)
    reach = 3000 * math.sqrt(2) * math.sin(math.atan(160 / 400))
    assert (east - X) == pytest.approx(reach, abs=60)
    assert (west - X) == pytest.approx(-reach, abs=60)
    assert not sight.warnings


def test_a_panorama_sees_all_round(tmp_path):
    camera = replace(
        CAMERA, width=1200, f=1200 / (2 * math.pi), projection=Projection.CYLINDRICAL, pitch=0.0
    )
    sight = seen(tmp_path, hills, camera)
    assert np.isfinite(sight.terrain.heights).sum() == 601 * 601
    assert np.isfinite(sight.range_map.distances[-1]).all()
    assert np.isfinite(sight.skyline_rows()).all()


def test_real_terrain_in_its_own_and_in_another_crs(tmp_path):
    from pyproj import Transformer

    record = demo("avaMal", 0)
    path = DEM_DIR / "avaMal_dem_5m_epsg31287.tif"
    here = compute_viewshed(record, open_dem(path, 31287), tmp_path)
    to_lv95 = Transformer.from_crs(31287, 2056, always_xy=True)
    camera = record.camera
    x, y = to_lv95.transform(camera.x, camera.y)
    away = np.radians(camera.yaw)
    ahead = to_lv95.transform(camera.x + 1e3 * np.sin(away), camera.y + 1e3 * np.cos(away))
    yaw = np.degrees(np.arctan2(ahead[0] - x, ahead[1] - y))
    assert abs((yaw - camera.yaw + 180) % 360 - 180) > 2  # the grids are turned
    moved = replace(record, camera=replace(camera, x=x, y=y, yaw=yaw), epsg=2056)
    there = compute_viewshed(moved, open_dem(path, 2056), tmp_path)
    one, other = here.range_map.distances, there.range_map.distances
    assert (np.isnan(one) == np.isnan(other)).mean() > 0.995
    assert np.nanmedian(np.abs(one - other)) < 2  # metres of two grids, 4e-4 apart
    assert np.nanpercentile(np.abs(one / other - 1), 95) < 0.01


# --- skyline, ridges, incidence ---------------------------------------------------------------


def test_the_skyline_runs_between_ground_and_sky(tmp_path):
    sight = compute_viewshed(
        demo("avaAlr", 1), open_dem(DEM_DIR / "avaAlr_dem_5m_epsg31287.tif", 31287), tmp_path
    )
    rows = sight.skyline_rows()
    found = np.flatnonzero(np.isfinite(rows))
    assert len(found) > 900
    camera = sight.record.camera
    azimuth, tangent = camera.line_of_sight_angles(np.stack([found, rows[found]], axis=1))
    error = (tangent - sight.lines_of_sight.skyline(azimuth)) * camera.f
    assert np.median(np.abs(error)) < 0.01
    assert np.percentile(np.abs(error), 95) < 0.3
    land = np.isfinite(sight.range_map.distances)
    assert not land[np.maximum(np.ceil(rows[found]).astype(int) - 1, 0), found].any()
    assert land[np.floor(rows[found]).astype(int) + 1, found].all()


def test_there_is_no_skyline_where_ground_fills_the_column_or_is_missing(tmp_path):
    assert np.isnan(seen(tmp_path, flat, replace(CAMERA, pitch=-25.0)).skyline_rows()).all()
    turned = replace(CAMERA, roll=80.0, pitch=0.0)
    rows = seen(tmp_path, flat, turned).skyline_rows()
    assert np.isnan(rows).sum() > 50
    assert np.isfinite(rows).sum() > 20


def test_ridges_are_where_ground_is_hidden(tmp_path):
    sight = seen(tmp_path, wall)
    points = np.concatenate(sight.ridges())
    camera = sight.record.camera
    corners = [[X + x, Y + 1000.0, 100.0] for x in (-190.0, 0.0, 190.0)]
    tops = camera.project(corners)
    for u, v in tops:
        assert np.hypot(*(points - [u, v]).T).min() < 2
    between = np.abs(points[:, 0] - tops[1, 0]) < 60
    on_wall = np.abs(points[:, 1] - tops[1, 1]) < 2
    skyline = np.abs(points[:, 1] - sight.skyline_rows()[points[:, 0]]) < 2
    assert (on_wall | skyline)[between].all()


@pytest.mark.parametrize("angle", [2.0, 10.0, 40.0])
def test_incidence_on_a_plane(tmp_path, angle):
    rise = math.tan(math.radians(angle))
    camera = replace(CAMERA, z=0.0, pitch=0.0, y=Y)
    sight = seen(tmp_path, lambda x, y: -5 + np.maximum(0, y - 500) * rise, camera)
    level = np.array([[160.0, camera.cy]])
    assert sight.incidence_angles(level)[0] == pytest.approx(angle, abs=0.2)
    up = min(angle / 2, 10)
    above = [[160.0, camera.cy - 400 * math.tan(math.radians(up))]]
    assert sight.incidence_angles(above)[0] == pytest.approx(angle - up, abs=0.2)
    assert np.isnan(sight.incidence_angles([[160.0, -5.0]])).all()


# --- what is said -----------------------------------------------------------------------------


def test_a_camera_under_the_ground(tmp_path):
    def bump(depth):
        return lambda x, y: np.where(np.hypot(x, y) < 15, 150 + depth, 0)

    with pytest.raises(TerrainError, match="20 m under the ground"):
        seen(tmp_path, bump(20))
    assert "2.0 m below the DEM" in seen(tmp_path, bump(2.0)).warnings[0]
    assert seen(tmp_path, bump(0.2)).warnings == ()


def test_holes_and_dems_that_begin_farther_away_are_told(tmp_path):
    sight = seen(tmp_path, lambda x, y: np.where(np.hypot(x, y - 900) < 90, np.nan, 0))
    assert "has gaps" in sight.warnings[0]
    sight = seen(tmp_path, flat, replace(CAMERA, y=Y - 3500))
    assert "does not reach the camera" in sight.warnings[0]


def test_what_cannot_be_seen_says_why(tmp_path):
    dem = dem_of(tmp_path, flat)
    record = CameraRecord(CAMERA, 2056)
    for changes, words in (
        ({"pitch": 60.0}, "all of the photo is sky"),
        ({"x": Y, "y": X}, "does not cover"),
        ({"y": Y + 4000}, "does not cover"),
    ):
        with pytest.raises(TerrainError, match=words):
            compute_viewshed(
                replace(record, camera=replace(CAMERA, **changes)), dem, tmp_path / "cache"
            )
    with pytest.raises(TerrainError, match="open in EPSG:2056, the camera is posed in EPSG:21781"):
        compute_viewshed(replace(record, epsg=21781), dem, tmp_path / "cache")


def test_large_views_get_larger_cells(tmp_path, monkeypatch):
    monkeypatch.setattr(sight_module, "_MOST_CELLS", 10_000)
    sight = seen(tmp_path, hills)
    assert sight.terrain.cell == 40.0
    assert sight.terrain.heights.size < 12_000
    assert any("cells" in warning for warning in sight.warnings)


# --- the cache --------------------------------------------------------------------------------


@pytest.fixture
def made(monkeypatch) -> list[int]:
    """One entry for every time that lines of sight are traced."""
    times = []
    trace = sight_module.trace_lines_of_sight

    def counted(*args, **kwargs):
        times.append(1)
        return trace(*args, **kwargs)

    monkeypatch.setattr(sight_module, "trace_lines_of_sight", counted)
    return times


def test_a_second_look_is_taken_from_disk(tmp_path, made):
    told: list[float] = []
    dem = dem_of(tmp_path, hills)
    record = CameraRecord(CAMERA, 2056)
    first = compute_viewshed(record, dem, tmp_path / "cache", told.append)
    assert told == sorted(told)
    assert (told[0] > 0, told[-1]) == (True, 1.0)
    second = compute_viewshed(replace(record, name="other"), dem, tmp_path / "cache")
    assert len(made) == 1
    np.testing.assert_array_equal(first.range_map.distances, second.range_map.distances)
    points = [[X, Y + 900, 0.0], [X + 50, Y + 1500, 300.0]]
    np.testing.assert_array_equal(
        first.lines_of_sight.is_visible(points), second.lines_of_sight.is_visible(points)
    )
    assert second.record.name == "other"


def test_another_pose_or_dem_is_looked_at_anew(tmp_path, made):
    dem = dem_of(tmp_path, hills)
    record = CameraRecord(CAMERA, 2056)
    for camera in (CAMERA, replace(CAMERA, yaw=0.01), replace(CAMERA, k1=-0.01), CAMERA):
        compute_viewshed(replace(record, camera=camera), dem, tmp_path / "cache")
    assert len(made) == 3
    os.utime(tmp_path / "dem.tif", (1, 1))
    compute_viewshed(record, open_dem(tmp_path / "dem.tif", 2056), tmp_path / "cache")
    assert len(made) == 4


@pytest.mark.parametrize("name", ["ranges.npy", "view.json", "tangents.npy", "lines.json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_entry_is_made_anew(tmp_path, made, name, damage):
    dem = dem_of(tmp_path, hills)
    record = CameraRecord(CAMERA, 2056)
    for _ in range(2):
        compute_viewshed(record, dem, tmp_path / "cache")
    (path,) = (tmp_path / "cache").glob(f"*/{name}")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        path.unlink()
    for _ in range(2):
        compute_viewshed(record, dem, tmp_path / "cache")
    assert len(made) == 2


def test_work_that_is_stopped_leaves_nothing(tmp_path):
    dem = dem_of(tmp_path, hills)

    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute_viewshed(CameraRecord(CAMERA, 2056), dem, tmp_path / "cache", stop)
    assert not list((tmp_path / "cache").glob("*"))


def put(folder: Path, key: str, size: int = 1000, most: int = 2500) -> str:
    def save(content: str, entry: Path) -> None:
        entry.mkdir()
        (entry / "text").write_text(content)

    def load(entry: Path) -> str:
        return "from disk" if (entry / "text").is_file() else ""

    return load_or_make(folder, key, load, lambda: "x" * size, save, most)


def test_the_entries_not_used_for_longest_are_deleted(tmp_path):
    for age, key in ((30, "a"), (20, "b")):
        put(tmp_path, key)
        os.utime(tmp_path / key, (age, age))
    assert put(tmp_path, "a") == "from disk"  # used just now
    put(tmp_path, "c")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "c"]
    put(tmp_path, "large", 5000)
    assert [entry.name for entry in tmp_path.iterdir()] == ["large"]


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert put(tmp_path / "file", "a") == "x" * 1000


def test_a_damaged_entry_that_cannot_be_deleted_is_passed_by(tmp_path, monkeypatch):
    """As where a process has its file mapped, on Windows."""

    def save(content: str, entry: Path) -> None:
        entry.mkdir()
        (entry / "text").write_text(content)

    def load(entry: Path) -> str:
        if not (entry / "text").is_file():
            raise TerrainError("damaged")
        return str(entry)

    def value() -> str:
        return load_or_make(tmp_path, "a", load, lambda: "made", save)

    stuck = tmp_path / "a"
    (stuck / "part").mkdir(parents=True)
    really = shutil.rmtree
    monkeypatch.setattr(
        shutil, "rmtree", lambda path, **how: None if Path(path) == stuck else really(path, **how)
    )
    assert value() == value() == str(tmp_path / "a-2")
    (tmp_path / "a-2" / "text").unlink()
    assert value() == str(tmp_path / "a-2")
    monkeypatch.undo()
    assert value() == str(tmp_path / "a")


def test_keys_differ_with_any_part():
    keys = {
        cache_key(1, CAMERA),
        cache_key(2, CAMERA),
        cache_key(1, replace(CAMERA, z=150.0000001)),
    }
    assert len(keys) == 3
    assert cache_key(1, CAMERA) == cache_key(1, replace(CAMERA))


def test_the_cache_stands_where_the_models_are(monkeypatch, tmp_path):
    monkeypatch.setenv("AVALANCHE_ISEG_CACHE", str(tmp_path))
    assert default_folder() == tmp_path / "sights"


def test_a_terrain_is_enough_for_a_sight_in_memory():
    """`Viewshed` needs no files: what other modules and tests make by hand works as well."""
    from core.projection.lines_of_sight import trace_lines_of_sight
    from core.projection.range_map import azimuth_range, compute_range_map

    terrain = Terrain(np.zeros((601, 601), np.float32), X - 3000, Y + 3000, 10.0)
    lines = trace_lines_of_sight(
        terrain, (X, Y, 150.0), azimuths=azimuth_range(CAMERA), step=0.5 / CAMERA.f
    )
    sight = Viewshed(CameraRecord(CAMERA, 2056), terrain, lines, compute_range_map(CAMERA, lines))
    assert np.isfinite(sight.skyline_rows()).all()
