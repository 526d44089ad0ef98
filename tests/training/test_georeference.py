"""Cameras, terrain and outlines on the map, on synthetic scenes whose truth is made elsewhere."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pyogrio
import pytest
import shapely
from rasterio.features import rasterize

from core.camera import CameraRecord
from core.camera.gcp_table import read_gcps
from core.camera.registration import register
from core.camera.resection import PosePrior, solve_pose
from core.camera.skyline_detection import detect_skyline
from core.camera.skyline_fit import fit_skyline
from core.commands import main
from core.image import read_image
from core.projection.attributes import measure_attributes
from core.projection.footprint import compute_footprint, view_cone
from core.projection.horizon import trace_horizon
from core.projection.map_grid import MapGrid
from core.projection.orthophoto import drape
from core.projection.range_map import in_image
from core.projection.to_image import polygon_to_mask
from core.projection.to_map import mask_to_map
from core.projection.viewshed import compute_viewshed
from core.terrain.sources import open_dem
from training.synthetic.files import write_scene
from training.synthetic.scene import make_scene

SEED = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    write_scene(make_scene(SEED, 960, 600), folder)
    return folder


@pytest.fixture(scope="module")
def record(folder) -> CameraRecord:
    return CameraRecord.read(folder / "camera.json")


@pytest.fixture(scope="module")
def dem(folder):
    return open_dem([folder / "dem.tif"], 2056)


@pytest.fixture(scope="module")
def sight(record, dem):
    return compute_viewshed(record, dem)


@pytest.fixture(scope="module")
def image(folder):
    return read_image(folder / "picture.jpg").pixels


def avalanches(folder) -> list[tuple[np.ndarray, shapely.MultiPolygon]]:
    """(mask as seen, outline on the map) of each."""
    _, _, shapes, (numbers, _) = pyogrio.raw.read(folder / "outlines.gpkg")
    labels = cv2.imread(str(folder / "labels.png"), cv2.IMREAD_UNCHANGED)
    outlines = [shapely.MultiPolygon(shapely.get_parts(s)) for s in shapely.from_wkb(shapes)]
    return [(labels == k, outline) for k, outline in zip(numbers, outlines, strict=True)]


def test_control_points_are_drawn_where_they_are(folder, record):
    points = read_gcps(folder / "gcps.csv")
    drawn = record.camera.project([(p.x, p.y, p.z) for p in points])
    np.testing.assert_allclose(drawn, [(p.u, p.v) for p in points], atol=0.05)


def test_exact_points_give_the_true_camera(folder, record):
    truth = record.camera
    found = solve_pose(read_gcps(folder / "gcps.csv"), (960, 600), epsg=2056).camera
    assert np.linalg.norm(found.position - truth.position) < 1
    assert found.f == pytest.approx(truth.f, rel=2e-3)


def test_masks_and_outlines_both_ways(folder, sight):
    """On ground that is seen, and not flatly: 95 % and more of the outline, and its area."""
    tried = 0
    for mask, outline in avalanches(folder):
        drawn = polygon_to_mask(outline, sight)
        if (drawn & mask).sum() < 0.95 * (drawn | mask).sum():
            continue  # trees or the foreground hide a part of it
        tried += 1
        found = mask_to_map(mask, sight)
        assert found.lost_pixels < 0.02
        grid, seen = clear_ground(sight, outline.union(found.polygon))
        true, mapped = (cells(shape, grid) & seen for shape in (outline, found.polygon))
        assert (true & mapped).sum() > 0.95 * (true | mapped).sum()
        assert mapped.sum() == pytest.approx(true.sum(), rel=0.03)
    assert tried >= 1


def clear_ground(sight, shape) -> tuple[MapGrid, np.ndarray]:
    """Cells that are seen at more than 10 degrees."""
    camera = sight.record.camera
    grid = MapGrid.covering(shape.bounds, 1.0, 4_000_000)
    heights = grid.sample_heights(sight.terrain)
    pixels = grid.project(heights, camera)
    seen = grid.visible_cells(in_image(pixels, camera), heights, sight)
    south, east = np.gradient(heights, grid.cell)
    x, y, z = grid.x - camera.x, (grid.y - camera.y)[:, None], heights - camera.z
    into = (x * east - y * south - z) / np.sqrt((x**2 + y**2 + z**2) * (1 + east**2 + south**2))
    return grid, seen & (into > np.sin(np.radians(10)))


def cells(shape, grid: MapGrid) -> np.ndarray:
    from affine import Affine

    return rasterize([shape], (grid.rows, grid.cols), transform=Affine(*grid.transform)) > 0


def test_attributes_of_what_was_mapped(folder, sight):
    for mask, outline in avalanches(folder):
        drawn = polygon_to_mask(outline, sight)
        if (drawn & mask).sum() < 0.95 * (drawn | mask).sum():
            continue
        found = measure_attributes(mask_to_map(mask, sight).polygon, sight.terrain, sight)
        assert found["area_surface_m2"] > found["area_m2"] > 0
        assert found["z_max"] > found["z_min"]
        assert 0 < found["slope_mean_deg"] < 60
        assert found["length_m"] >= (found["z_max"] - found["z_min"]) * 0.9
        assert found["size_suggested"] in (1, 2, 3, 4, 5)


def test_orthophoto_and_footprint(sight, image, record):
    ground = compute_footprint(sight)
    assert ground.is_valid
    colours, transform = drape(image, sight, cell=5.0)
    assert transform[0] == 5.0
    shown = (colours[..., 3] > 0).sum() * 25.0
    assert shown == pytest.approx(ground.area, rel=0.15)  # but for what is seen flatly
    far = shapely.hausdorff_distance(shapely.Point(record.camera.position[:2]), ground)
    assert view_cone(record, 2 * far).buffer(5).covers(ground)


def test_the_skyline_alone_finds_the_heading(record, dem, image):
    truth = record.camera
    start = replace(truth, yaw=0.0, pitch=0.0, roll=0.0, f=truth.f * 1.04)
    found = fit_skyline(detect_skyline(image), trace_horizon(start, dem), start)
    assert found.trusted, found.reason
    assert abs((found.camera.yaw - truth.yaw + 180) % 360 - 180) < 0.25
    assert found.camera.pitch == pytest.approx(truth.pitch, abs=0.1)
    assert found.camera.f == pytest.approx(truth.f, rel=0.015)


def test_commands_use_the_skyline(folder, record, tmp_path, capsys):
    """Alone with a focal length 12 % off, and beside three points."""
    truth, out = record.camera, tmp_path / "camera.json"
    dem = ["--dem", str(folder / "dem.tif"), "--crs", "EPSG:2056", "-o", str(out)]
    place = ["--position", ",".join(map(str, truth.position))]
    image = str(folder / "picture.jpg")
    lens = ["--focal", str(1.12 * truth.f), "--focal-sigma", "15%"]
    assert main(["camera", "skyline", image, *place, *lens, *dem]) == 0
    found = CameraRecord.read(out).camera
    assert abs((found.yaw - truth.yaw + 180) % 360 - 180) < 0.25
    assert found.f == pytest.approx(truth.f, rel=0.02)
    rows = (folder / "gcps.csv").read_text(encoding="utf-8").splitlines()
    table = tmp_path / "few.csv"
    table.write_text("\n".join([rows[0], *rows[1::3][:4]]), encoding="utf-8")
    solve_it = ["camera", "solve", str(table), *place, *dem, "--skyline"]
    assert main([*solve_it, "--image", image]) == 0
    found = CameraRecord.read(out)
    assert not [text for text in found.warnings if "skyline" in text]
    assert found.camera.yaw == pytest.approx(truth.yaw, abs=0.1)
    capsys.readouterr()
    assert main([*solve_it, "--image-size", "960,600"]) == 2
    assert "give --image and --dem" in capsys.readouterr().err


def test_no_sky_no_heading(record, dem):
    grey = np.full((600, 960, 3), 128, np.uint8)
    found = fit_skyline(detect_skyline(grey), trace_horizon(record.camera, dem), record.camera)
    assert not found.trusted
    assert "control points" in found.reason


def turned(image, camera, yaw, pitch, roll):
    """The image of the camera after a turn, and that camera."""
    other = replace(
        camera, yaw=camera.yaw + yaw, pitch=camera.pitch + pitch, roll=camera.roll + roll
    )
    lens = np.array([[camera.f, 0, camera.cx], [0, camera.f, camera.cy], [0, 0, 1]])
    warp = lens @ other.rotation_matrix() @ camera.rotation_matrix().T @ np.linalg.inv(lens)
    size = camera.width, camera.height
    return cv2.warpPerspective(image, warp, size, borderMode=cv2.BORDER_REFLECT), other


@pytest.mark.parametrize("turn", [(0.05, 0.0, 0.0), (0.2, -0.12, 0.1), (-0.25, 0.1, -0.3)])
def test_a_camera_that_turned_is_followed(image, record, turn):
    camera = replace(record.camera, k1=0.0)
    moved, truth = turned(image, camera, *turn)
    light = np.clip(255 * (moved / 255.0) ** 0.8 - 6, 0, 255).astype(np.uint8)
    found = register(image, light, camera)
    assert found.trusted, found.reason
    middle = camera.position + 2000 * camera.pixel_rays([[300, 350], [700, 450], [480, 300]])
    error = np.hypot(*(found.camera.project(middle) - truth.project(middle)).T)
    assert error.max() < 0.5


def test_fog_and_other_views_are_refused(image, record):
    noise = np.random.default_rng(0).normal(0, 2, image.shape)
    fog = (0.03 * image + 200 + noise).astype(np.uint8)
    assert not register(image, fog, record.camera).trusted
    other = np.ascontiguousarray(image[::-1, ::-1])
    assert not register(image, other, record.camera).trusted


def test_position_prior_and_noise(folder, record):
    """8 of the points, 1 px and 1 m: over draws, the heading within 0.1 degrees (median)."""
    points, truth = read_gcps(folder / "gcps.csv"), record.camera
    rng, missed = np.random.default_rng(0), []
    for _ in range(10):
        some = [
            replace(
                points[i],
                **{
                    name: getattr(points[i], name) + rng.normal()
                    for name in ("u", "v", "x", "y", "z")
                },
            )
            for i in rng.permutation(len(points))[:8]
        ]
        place = tuple(truth.position + rng.normal(size=3) * (10, 10, 5))
        camera = solve_pose(some, (960, 600), epsg=2056, prior=PosePrior(position=place)).camera
        missed.append(abs(camera.yaw - truth.yaw))
    assert np.median(missed) < 0.1
