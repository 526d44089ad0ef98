"""Scenes of panoramas and fisheyes are solved, and map as well as those of an ordinary lens."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import cv2
import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine
from rasterio.features import rasterize

from core.camera import CameraRecord
from core.camera.gcp_table import read_gcps
from core.camera.resection import PosePrior, solve_pose
from core.errors import DatasetError
from core.projection.map_grid import MapGrid
from core.projection.range_map import in_image
from core.projection.to_image import polygon_to_mask
from core.projection.to_map import mask_to_map
from core.projection.viewshed import compute_viewshed
from core.terrain.sources import open_dem
from training.synthetic import command
from training.synthetic.camera import PROJECTIONS, SceneCamera
from training.synthetic.files import write_scene
from training.synthetic.scene import make_scene

SIZE = (960, 600)
SEEDS = {"pinhole": 5, "cylindrical": 9, "equirectangular": 5, "fisheye": 5}


@pytest.fixture(scope="module", params=PROJECTIONS)
def folder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    write_scene(make_scene(SEEDS[request.param], *SIZE, request.param), folder)
    return folder


def solve(folder, dem=None, noise=0.0) -> CameraRecord:
    """Pose the camera from its points with noise, its place known to some metres."""
    truth = CameraRecord.read(folder / "camera.json").camera
    rng = np.random.default_rng(1)
    points = [
        replace(p, u=p.u + noise * rng.normal(), v=p.v + noise * rng.normal())
        for p in read_gcps(folder / "gcps.csv")
    ]
    prior = PosePrior(position=tuple(truth.position + np.array([4, -3, 2])))
    return solve_pose(
        points, SIZE, epsg=2056, prior=prior, projection=truth.projection, terrain=dem
    )


def test_the_file_says_what_lens_it_is(folder):
    record = CameraRecord.read(folder / "camera.json")
    assert record.camera.projection.value == folder.name.rstrip("0123456789")
    points = read_gcps(folder / "gcps.csv")
    assert len(points) >= 8
    drawn = record.camera.project([(p.x, p.y, p.z) for p in points])
    np.testing.assert_allclose(drawn, [(p.u, p.v) for p in points], atol=0.05)


def test_points_are_solved(folder):
    truth = CameraRecord.read(folder / "camera.json").camera
    exact = solve(folder)
    assert exact.rms_px < 0.3
    assert np.linalg.norm(exact.camera.position - truth.position) < 5  # of a telephoto: as known
    assert exact.camera.f == pytest.approx(truth.f, rel=5e-3)
    noisy = solve(folder, noise=1.0)
    assert noisy.rms_px < 1.8
    assert noisy.loo_rms_px < 3.5
    assert abs(noisy.camera.pitch - truth.pitch) < 0.3


def test_masks_reach_the_map(folder):
    """By the pose from the points: on ground seen at more than 10 degrees."""
    dem = open_dem([folder / "dem.tif"], 2056)
    sight = compute_viewshed(solve(folder, noise=0.3), dem)
    labels = cv2.imread(str(folder / "labels.png"), cv2.IMREAD_UNCHANGED)
    _, _, shapes, (numbers, _) = pyogrio.raw.read(folder / "outlines.gpkg")
    found = []
    for number, outline in zip(numbers, shapely.from_wkb(shapes), strict=True):
        mask = labels == number
        drawn = polygon_to_mask(shapely.MultiPolygon(shapely.get_parts(outline)), sight)
        if (drawn & mask).sum() > 0.85 * (drawn | mask).sum():  # else trees hide a part of it
            found.append(iou(mask_to_map(mask, sight).polygon, outline, sight))
    assert found
    assert np.median(found) > 0.9


def iou(mapped, true, sight) -> float:
    """Compare outlines on the map, where the ground is seen."""
    camera = sight.record.camera
    grid = MapGrid.covering(true.union(mapped).bounds, 1.0, 4_000_000)
    heights = grid.sample_heights(sight.terrain)
    pixels = grid.project(heights, camera)
    seen = grid.visible_cells(in_image(pixels, camera), heights, sight)
    south, east = np.gradient(heights, grid.cell)
    x, y, z = grid.x - camera.x, (grid.y - camera.y)[:, None], heights - camera.z
    into = (x * east - y * south - z) / np.sqrt((x**2 + y**2 + z**2) * (1 + east**2 + south**2))
    seen &= into > np.sin(np.radians(10))
    transform, shape = Affine(*grid.transform), (grid.rows, grid.cols)
    first, second = (
        (rasterize([s], shape, transform=transform) > 0) & seen for s in (mapped, true)
    )
    return float((first & second).sum() / (first | second).sum())


@pytest.mark.parametrize("kind", PROJECTIONS)
def test_every_pixel_looks_where_places_are_drawn(kind):
    camera = SceneCamera(120, 80, 100, -200, 1500, 37, 6, 2, 50, projection=kind)
    azimuth, tangent = camera.directions()
    bearing = azimuth.astype(np.float64) + np.radians(37)
    away = 200.0
    up = away * tangent + (1 - 0.13) * away**2 / (2 * 6_371_000)
    places = np.stack(
        [100 + away * np.sin(bearing), -200 + away * np.cos(bearing), 1500 + up], axis=-1
    ).reshape(-1, 3)
    v, u = np.mgrid[:80, :120]
    drawn = camera.project(places)
    steep = np.abs(tangent.ravel()) < 15  # near the zenith, tangents stop
    np.testing.assert_allclose(
        drawn[steep], np.stack([u.ravel(), v.ravel()], axis=1)[steep], atol=0.02
    )


def run(*arguments):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(["synthetic", *map(str, arguments)])
    args.run(args)


def test_command(tmp_path):
    run(tmp_path / "out", "--seed", 5, "--size", "320x200", "--projection", "fisheye")
    content = json.loads((tmp_path / "out" / "scene_000001" / "camera.json").read_text())
    assert content["projection"] == "fisheye"
    with pytest.raises(DatasetError, match="ordinary lens"):
        run(tmp_path / "winter", "--winter", 2, "--projection", "cylindrical")
