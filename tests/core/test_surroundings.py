"""The worker poses on the terrain that the command line poses on: without the DEM's noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from core.camera import Camera, CameraRecord
from core.survey.poses import solve_pose
from core.survey.protocol import SolvePose
from core.survey.viewshed_cache import ViewshedCache

EPSG, WEST, NORTH, CELL, SIZE = 2056, 2_600_000.0, 1_160_000.0, 10.0, (800, 500)


def heights_at(x, y):
    east, north = x - WEST, NORTH - y
    return 1500 + 0.3 * np.maximum(0, 3000 - north) + 40 * np.sin(east / 400) * np.cos(north / 300)


def write_dem(path: Path, noise: float) -> str:
    x, y = np.meshgrid(WEST + (np.arange(400) + 0.5) * CELL, NORTH - (np.arange(400) + 0.5) * CELL)
    heights = heights_at(x, y) + np.random.default_rng(2).normal(0, noise, x.shape)
    profile = {"driver": "GTiff", "width": 400, "height": 400, "count": 1, "dtype": "float32"}
    transform = rasterio.Affine(CELL, 0, WEST, 0, -CELL, NORTH)
    with rasterio.open(path, "w", crs=f"EPSG:{EPSG}", transform=transform, **profile) as file:
        file.write(heights.astype(np.float32), 1)
    return str(path)


def request(dem: str, count=10, **more) -> SolvePose:
    x, y = WEST + 2000.0, NORTH - 3600.0
    camera = Camera(*SIZE, x, y, float(heights_at(x, y)) + 80, 0.0, 6.0, 0.5, 700.0)
    rng = np.random.default_rng(4)
    east, north = x + rng.uniform(-900, 900, 200), y + rng.uniform(700, 2800, 200)
    places = np.stack([east, north, heights_at(east, north)], axis=1)
    pixels = camera.project(places)
    inside = ((pixels > 5) & (pixels < np.subtract(SIZE, 6))).all(axis=1)
    rows = zip(pixels[inside][:count].tolist(), places[inside][:count].tolist(), strict=True)
    points = [
        {"name": f"P{i}", "u_px": u, "v_px": v, "x": px, "y": py}  # heights are the DEM's
        for i, ((u, v), (px, py, _)) in enumerate(rows)
    ]
    known = {"position": (x, y, None), "height_above_ground": 80.0, **more}
    return SolvePose(points, *SIZE, EPSG, dem=(dem,), **known)


@pytest.mark.parametrize("noise", [0.0, 4.0])
def test_heights_are_smoothed_by_the_noise_of_the_dem(tmp_path, noise):
    dem = write_dem(tmp_path / "dem.tif", noise)
    heights = {}
    for given in (None, 0.0, noise):
        posed = solve_pose(request(dem, dem_noise=given), ViewshedCache(), lambda: True)
        record = CameraRecord.from_json(posed.record)
        true = [heights_at(fit.point.x, fit.point.y) for fit in record.points]
        heights[given] = np.std([fit.point.z for fit in record.points] - np.array(true))
    assert heights[None] == pytest.approx(heights[noise], rel=0.3, abs=0.3)
    assert heights[None] < 0.75 * heights[0.0] or noise == 0


def test_one_more_point_reads_the_terrain_again_only_where_it_lies_elsewhere(tmp_path):
    dem = write_dem(tmp_path / "dem.tif", 1.0)
    cache = ViewshedCache()
    for count in (8, 9, 10):
        solve_pose(request(dem, count), cache, lambda: True)
    assert len(cache._surroundings) == 1
    solve_pose(request(dem, 8, dem_noise=0.0), cache, lambda: True)
    assert len(cache._surroundings) == 2
