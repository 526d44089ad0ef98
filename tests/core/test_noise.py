"""Noise of DEMs: how large it is, and that it hides little of what a camera sees."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from ray_caster import avalanche, camera_of, heights_of, mountainside, see, see_outline, with_noise

from core.camera import Camera, CameraRecord
from core.errors import CameraError
from core.projection import compute_viewshed, mask_to_map, measure_attributes
from core.projection.map_grid import is_ground_visible
from core.terrain import Terrain
from core.terrain.noise import estimate_noise, without_noise


@pytest.fixture(scope="module")
def terrain() -> Terrain:
    return mountainside()


@pytest.fixture(scope="module", params=["good", "mid", "poor"])
def scene(request, terrain):
    return request.param, see_outline(terrain, camera_of(terrain, request.param), avalanche())


def mapped(scene, terrain, noise=None):
    record = CameraRecord(scene.camera, 2056, dem_noise_m=noise)
    viewshed = compute_viewshed(record, terrain)
    return mask_to_map(scene.mask, viewshed), viewshed


# --- how large it is --------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0, 3.0])
def test_noise_is_estimated(terrain, sigma):
    found = estimate_noise(with_noise(terrain, sigma))
    assert found == pytest.approx(sigma, rel=0.15, abs=0.04)


@pytest.mark.parametrize("cell", [2.0, 5.0, 10.0])
def test_ground_is_no_noise(cell):
    assert estimate_noise(mountainside(cell)) < 0.1


def test_nothing_is_known_of_small_and_unknown_terrain():
    heights = np.full((100, 100), np.nan, np.float32)
    assert estimate_noise(Terrain(heights, 0.0, 0.0, 5.0)) == 0
    assert estimate_noise(Terrain(np.zeros((100, 100), np.float32), 0.0, 0.0, 5.0)) == 0
    assert estimate_noise(Terrain(np.ones((9, 9), np.float32), 0.0, 0.0, 5.0)) == 0


def test_smoothing_removes_noise_and_keeps_ridges_and_gaps():
    x, y = np.meshgrid(np.arange(400.0), np.arange(1200.0))
    truth = (2000 + 0.5 * y + np.where(np.abs(x - 200) < 1.5, 30, 0)).astype(np.float32)
    noisy = with_noise(Terrain(truth, 0.0, 0.0, 5.0), 1.0)
    noisy.heights[500:510, 50:60] = np.nan
    smooth = without_noise(noisy, 1.0)
    assert np.array_equal(np.isnan(smooth.heights), np.isnan(noisy.heights))
    error = smooth.heights - truth
    assert np.nanstd(error[:, 20:180]) < 0.5
    assert abs(np.nanmean(error[:, 195:206])) < 0.2
    assert smooth.heights[:, 200].mean() > truth[:, 200].mean() - 1.0
    assert without_noise(noisy, 0.0) is noisy


# --- what is seen -----------------------------------------------------------------------------


def test_outlines_of_good_mid_and_poor_views(scene, terrain):
    view, seen = scene
    least = {"good": 0.993, "mid": 0.986, "poor": 0.98}[view]
    found, _ = mapped(seen, terrain)
    assert seen.iou(found.polygon) >= least
    assert found.closed_fraction == 0


@pytest.mark.parametrize(
    ("sigma", "least"),
    [
        (0.3, {"good": 0.99, "mid": 0.97, "poor": 0.95}),
        (1.0, {"good": 0.985, "mid": 0.94, "poor": 0.90}),
    ],
)
@pytest.mark.parametrize("given", [True, False])
def test_noise_hides_little(scene, terrain, sigma, least, given):
    view, seen = scene
    found, viewshed = mapped(seen, with_noise(terrain, sigma), sigma if given else None)
    assert seen.iou(found.polygon) >= least[view]
    assert viewshed.noise == pytest.approx(sigma, rel=0.15)
    holes = sum(len(part.interiors) for part in found.polygon.geoms)
    assert holes + len(found.polygon.geoms) <= 9
    values = measure_attributes(found, viewshed.terrain, viewshed)
    assert values["closed_frac"] == found.closed_fraction
    assert 0 <= found.closed_fraction < 0.05


def test_narrow_gaps_by_noise_are_closed_and_said(terrain):
    seen = see_outline(terrain, camera_of(terrain, "poor"), avalanche(), 500)
    found, _ = mapped(seen, with_noise(terrain, 1.0, seed=3), 1.0)
    assert 0 < found.closed_fraction < 0.05


@pytest.mark.parametrize("view", ["mid", "poor"])
def test_the_last_part_of_a_ray_is_tested(terrain, view):
    """Ground that faces away, of less than half a cell before a point too, hides it."""
    camera = camera_of(terrain, view)
    viewshed = compute_viewshed(CameraRecord(camera, 2056, dem_noise_m=0.0), terrain)
    west, south, east, north = avalanche().bounds
    xy = np.random.default_rng(1).uniform((west, south), (east, north), (3000, 2))
    points = np.column_stack([xy, heights_of(terrain)(*xy.T)])
    framed = ((camera.project(points) > 0) & (camera.project(points) < (999, 799))).all(axis=1)
    points = points[framed]
    truth = see(terrain, camera, points)
    assert 0.05 < (~truth).mean() < 0.95
    assert (is_ground_visible(points, viewshed) == truth).mean() > 0.99


@pytest.mark.parametrize("depth", [0.015, 0.2])
def test_smooth_ground_hides_by_millimetres(depth):
    """A sill before level ground, seen flatly: all behind it is hidden, by less than a hand."""
    axis = np.arange(0.0, 1001.0, 5.0)
    _, y = np.meshgrid(axis, axis[::-1])
    heights = np.where(y <= 500, 0.02 * y, 10 + 0.01 * (y - 500))
    heights = np.where((y > 500) & (y < 900), heights - depth, heights)
    ground = Terrain(heights.astype(np.float32), 0.0, 1000.0, 5.0)
    camera = Camera(400, 300, 500.0, 0.0, 5.0, yaw=0, pitch=0, roll=0, f=1200, refraction=1.0)
    viewshed = compute_viewshed(CameraRecord(camera, 2056, dem_noise_m=0.0), ground)
    xy = np.random.default_rng(0).uniform((450, 515), (550, 880), (4000, 2))
    points = np.column_stack([xy, ground.sample(*xy.T)])
    offset = points - camera.position
    hidden = 0.01 * offset[:, 1] - offset[:, 2] > 0.003  # under the ray over the sill
    assert hidden.any()
    assert not is_ground_visible(points, viewshed)[hidden].any()


# --- the camera file --------------------------------------------------------------------------


def test_the_camera_file_keeps_what_is_known_of_the_ground(terrain, tmp_path):
    record = CameraRecord(
        camera_of(terrain, "mid"), 2056, near_field_m=80.0, dem_noise_m=0.4, sigma_px=2.5
    )
    record.write(tmp_path / "camera.json")
    assert CameraRecord.read(tmp_path / "camera.json") == record
    plain = replace(record, near_field_m=None, dem_noise_m=None, sigma_px=None).to_json()
    assert not {"near_field_m", "dem_noise_m", "sigma_px"} & set(plain)
    for wrong in (-1, "much", float("nan"), [3]):
        content = json.loads(json.dumps({**plain, "near_field_m": wrong}))
        with pytest.raises(CameraError):
            CameraRecord.from_json(content)
