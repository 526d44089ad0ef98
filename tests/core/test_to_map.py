"""Masks in the picture to outlines on the map."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from projection_fixtures import X, Y, crest, overlap, ridge, sight_of, slope, visible, webcam
from pyogrio.raw import read as read_layer

from core.camera import Camera, CameraRecord
from core.errors import CameraError, TerrainError
from core.outline import mask_to_polygons
from core.projection import to_map
from core.projection.map_grid import MapGrid, is_ground_visible
from core.projection.to_image import polygon_to_mask
from core.projection.to_map import mask_to_map, outline_to_map
from core.projection.vectorize import vectorize
from core.projection.viewshed import Viewshed, compute_viewshed
from core.terrain.sources import open_dem

DEM_DIR = Path(__file__).parents[2].parent / "shared" / "data" / "dem"


def box(west, south, east, north) -> shapely.Polygon:
    return shapely.box(X + west, Y + south, X + east, Y + north)


def iou(one, other) -> float:
    return one.intersection(other).area / one.union(other).area


@pytest.fixture(scope="module")
def on_slope() -> Viewshed:
    return sight_of(slope, webcam())


@pytest.fixture(scope="module")
def on_ridge() -> Viewshed:
    return sight_of(ridge, webcam())


@pytest.fixture(scope="module")
def below_crest() -> Viewshed:
    return sight_of(crest, webcam(pitch=18.0))


# --- on open ground ---------------------------------------------------------------------------


def test_an_outline_comes_back(on_slope):
    outline = box(-80, 400, 60, 650)
    found = mask_to_map(polygon_to_mask(outline, on_slope), on_slope)
    assert iou(found.polygon, outline) > 0.985
    assert found.polygon.area == pytest.approx(outline.area, rel=0.01)
    assert found.polygon.is_valid
    assert shapely.get_num_coordinates(found.polygon) < 150
    assert (found.visible_fraction, found.gaps, found.bridged) == (1.0, None, False)
    assert found.lost_pixels == 0


@pytest.mark.parametrize("cell", [None, 1.0])
def test_areas_are_not_biased(on_slope, cell):
    """Small outlines, of mostly edge: neither the grid nor where it lies prefers a side."""
    ratios = []
    for shift in np.arange(12) * 1.37:
        outline = shapely.Point(X + shift, Y + 450 + 1.7 * shift).buffer(20)
        mask = polygon_to_mask(outline, on_slope)
        ratios.append(mask_to_map(mask, on_slope, cell=cell).polygon.area / outline.area)
    assert np.mean(ratios) == pytest.approx(1, abs=0.01)


def test_ground_is_where_rays_meet_it(on_slope):
    """The corners of the outline are those of the mask, by the geometry of a plane."""
    camera = on_slope.record.camera
    mask = np.zeros((400, 600), bool)
    mask[120:200, 250:400] = True
    corners = np.array([[249.5, 119.5], [399.5, 119.5], [399.5, 199.5], [249.5, 199.5]])
    rays = camera.pixel_rays(corners)
    # camera + t ray lies on z = (y - 200) tan 30
    rise = np.tan(np.radians(30))
    t = (rise * (camera.y - Y - 200) - camera.z) / (rays[:, 2] - rise * rays[:, 1])
    truth = shapely.Polygon(camera.position[:2] + rays[:, :2] * t[:, None])
    assert iou(mask_to_map(mask, on_slope).polygon, truth) > 0.99


def test_holes_and_parts_are_kept(on_slope):
    outline = box(-80, 400, 60, 650).difference(box(-40, 480, 20, 560))
    outline = outline.union(box(90, 450, 130, 520))
    found = mask_to_map(polygon_to_mask(outline, on_slope), on_slope)
    assert len(found.polygon.geoms) == 2
    assert sum(len(part.interiors) for part in found.polygon.geoms) == 1
    assert iou(found.polygon, outline) > 0.97
    large = mask_to_map(polygon_to_mask(outline, on_slope), on_slope, min_area=5000)
    assert len(large.polygon.geoms) == 1
    assert not large.polygon.intersects(box(90, 450, 130, 520))


def test_probabilities_place_the_edge_within_a_pixel(on_slope):
    """A soft edge that crosses one half a quarter of a pixel beside a pixel's centre."""
    at = np.clip(np.arange(600) - 299.75, -0.5, 0.5) + 0.5
    soft = np.zeros((400, 600), np.float32)
    soft[150:200] = at
    soft[:, 400:] = 0
    west = mask_to_map(soft, on_slope).polygon.bounds[0]
    ((x, _, _),) = on_slope.range_map.unproject([[299.75, 199.5]])
    ((beside, _, _),) = on_slope.range_map.unproject([[300.75, 199.5]])
    assert abs(west - x) < 0.5 * (beside - x) + 0.05


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_masks_of_whole_numbers(on_slope, dtype):
    mask = polygon_to_mask(box(-80, 400, 60, 650), on_slope)
    assert mask_to_map(mask * dtype(255), on_slope).polygon == mask_to_map(mask, on_slope).polygon


def test_outlines_in_pixels_count_from_corners(on_slope):
    mask = np.zeros((400, 600), bool)
    mask[150:210, 240:330] = True
    mask[170:180, 260:270] = False
    pixels = mask_to_polygons(mask, tolerance=0)
    assert outline_to_map(pixels, on_slope).polygon == mask_to_map(mask, on_slope).polygon


def test_the_grid_follows_the_pixels_or_what_is_asked(on_slope, monkeypatch):
    monkeypatch.setattr(to_map, "MOST_CELLS", 100_000)
    mask = polygon_to_mask(box(-80, 400, 60, 650), on_slope)
    assert 0.5 <= mask_to_map(mask, on_slope).cell <= 2.5  # half a cell of the DEM
    assert mask_to_map(mask, on_slope, cell=4.0).cell == 4.0
    assert mask_to_map(mask, on_slope, cell=0.01).cell == pytest.approx(0.6, abs=0.15)


def test_a_single_pixel(on_slope):
    mask = np.zeros((400, 600), bool)
    mask[180, 300] = True
    found = mask_to_map(mask, on_slope).polygon
    (place,) = on_slope.range_map.unproject([[300, 180]])
    assert found.buffer(0.5).contains(shapely.Point(place[:2]))


# --- hidden ground ----------------------------------------------------------------------------


def test_hidden_ground_is_not_invented_but_reported(on_ridge):
    outline = box(-60, 480, 60, 900)
    mask = polygon_to_mask(outline, on_ridge)
    found = mask_to_map(mask, on_ridge)
    grid = MapGrid.covering(outline.bounds, 2.0, 100_000)
    heights = grid.sample_heights(on_ridge.terrain)
    x, y = np.meshgrid(grid.x, grid.y)
    points = np.stack([x, y, heights], axis=-1).reshape(-1, 3)
    truth = visible(on_ridge, points) & shapely.contains_xy(outline, *points[:, :2].T)
    assert truth.sum() * 4 < 0.9 * outline.area  # or nothing is tested
    assert overlap(shapely.contains_xy(found.polygon, *points[:, :2].T), truth) > 0.96
    assert found.polygon.area == pytest.approx(truth.sum() * 4, rel=0.03)
    assert len(found.polygon.geoms) == 2
    assert found.gaps.intersection(found.polygon).area < 0.02 * found.gaps.area
    share = truth.sum() * 4 / outline.area
    assert share - 0.01 < found.visible_fraction < share + 0.06  # a disc does not fill corners
    assert not found.bridged


def test_gaps_are_bridged_on_request(on_ridge):
    outline = box(-60, 480, 60, 900)
    mask = polygon_to_mask(outline, on_ridge)
    found = mask_to_map(mask, on_ridge, bridge=60.0)
    assert found.bridged
    assert found.visible_fraction < 0.95
    assert iou(found.polygon, outline) > 0.95
    assert len(found.polygon.geoms) == 1


def test_crumbs_are_dropped_on_request(on_slope):
    shapes = box(-100, 400, 100, 600), box(120, 500, 130, 510), box(150, 500, 170, 520)
    mask = polygon_to_mask(shapely.MultiPolygon(shapes), on_slope)
    assert len(mask_to_map(mask, on_slope).polygon.geoms) == 3
    (large, small) = mask_to_map(mask, on_slope, min_share=0.005).polygon.geoms
    assert {round(large.area, -4), round(small.area, -2)} == {40_000, 400}
    (largest,) = mask_to_map(mask, on_slope, min_share=1.0).polygon.geoms
    assert largest.area > 30_000


def test_nothing_to_bridge(on_slope):
    found = mask_to_map(polygon_to_mask(box(-80, 400, 60, 650), on_slope), on_slope, bridge=60.0)
    assert not found.bridged


def test_seen_as_by_marching(on_ridge):
    random = np.random.default_rng(0)
    x, y = X + random.uniform(-100, 100, 3000), Y + random.uniform(300, 900, 3000)
    points = np.stack([x, y, on_ridge.terrain.sample(x, y)], axis=1)
    truth = visible(on_ridge, points)
    drawn = on_ridge.record.camera.project(points)
    framed = ((drawn > 0) & (drawn < (599, 399))).all(axis=1)
    assert 0.1 < truth[framed].mean() < 0.9
    assert (is_ground_visible(points, on_ridge) == truth)[framed].mean() > 0.98


def test_a_mask_that_spills_over_the_crest(below_crest):
    """By two pixels, onto a mountain 3 km behind: neither is that mapped, nor the grid spoilt."""
    mask = polygon_to_mask(box(-60, 500, 60, 690), below_crest)
    spilt = mask.copy()
    first = np.flatnonzero(mask.any(axis=1))[0]
    spilt[first - 2 : first] = mask[first]
    clean, found = (mask_to_map(some, below_crest) for some in (mask, spilt))
    behind = below_crest.range_map.distances[first - 2, mask[first]]
    assert np.nanmin(behind) > 3000  # or nothing is tested
    assert found.polygon.bounds[3] < Y + 720
    assert found.cell == clean.cell
    assert iou(found.polygon, clean.polygon) > 0.98
    assert found.lost_pixels > 0


def test_what_lies_far_behind_and_is_meant(below_crest):
    rows = np.flatnonzero(polygon_to_mask(box(-60, 500, 60, 690), below_crest).any(axis=1))
    mask = np.zeros((400, 600), bool)
    mask[rows[0] - 20 : rows[0] + 20, 280:320] = True
    found = mask_to_map(mask, below_crest)
    assert found.lost_pixels == 0
    north = [part.bounds[1] for part in found.polygon.geoms]
    assert min(north) < Y + 720
    assert max(north) > Y + 3000


# --- what cannot be mapped --------------------------------------------------------------------


def test_sky(on_slope):
    sky = np.isnan(on_slope.range_map.distances)
    sky[200:] = False
    assert sky.any()
    with pytest.raises(TerrainError, match="sky"):
        mask_to_map(sky, on_slope)


def test_a_share_in_the_sky_is_said():
    sight = sight_of(lambda x, y: np.where(y < 700, slope(x, y), -3000), webcam(pitch=25.0))
    land = np.isfinite(sight.range_map.distances)
    mask = np.zeros((400, 600), bool)
    mask[:, 280:320] = True
    mask[300:] = False
    found = mask_to_map(mask, sight)
    share = (mask & ~land).sum() / mask.sum()
    assert 0.1 < share < 0.9
    assert found.lost_pixels == pytest.approx(share, abs=0.02)


def test_an_empty_mask(on_slope):
    assert mask_to_map(np.zeros((400, 600), bool), on_slope).polygon.is_empty
    assert outline_to_map(shapely.MultiPolygon(), on_slope).polygon.is_empty


def test_a_mask_of_another_picture(on_slope):
    with pytest.raises(CameraError, match=r"\(300, 200\).*\(600, 400\)"):
        mask_to_map(np.ones((200, 300), bool), on_slope)


# --- tracing ----------------------------------------------------------------------------------


def test_traced_outlines_are_exact_to_half_a_cell():
    grid = MapGrid(0.0, 200.0, 2.0, 100, 100)
    x, y = np.meshgrid(grid.x, grid.y)
    disc = (np.hypot(x - 100, y - 100) < 61).astype(np.float32)
    disc[np.hypot(x - 100, y - 100) < 20] = 0
    disc[5, 5] = 1  # a speckle
    found = vectorize(disc, grid)
    truth = shapely.Point(100, 100).buffer(61).difference(shapely.Point(100, 100).buffer(20))
    assert len(found.geoms) == 1
    assert shapely.hausdorff_distance(found.boundary, truth.boundary, densify=0.05) < 2.0
    assert found.area == pytest.approx(truth.area, rel=0.01)


def test_noise_gives_valid_outlines():
    random = np.random.default_rng(0)
    grid = MapGrid(0.0, 0.0, 1.0, 150, 150)
    for share in (0.4, 0.6):
        found = vectorize((random.random((150, 150)) < share).astype(np.float32), grid)
        assert found.is_valid
        assert not found.is_empty
    speckle = np.zeros((150, 150), np.float32)
    speckle[70, 70] = 1
    assert not vectorize(speckle, grid).is_empty  # for there is nothing larger


# --- real ground ------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "view", "least"), [("avaWog", 0, 0.96), ("avaMal", 1, 0.94)])
def test_real_ground(name, view, least, tmp_path):
    """What is mapped of a simulated avalanche is what is seen of it, and has its area."""
    pose = json.loads((DEM_DIR / "demo_cameras.json").read_text())[name]["cameras"][view]
    angles = {"yaw": pose["azimuth_grid_deg"], "pitch": pose["pitch_deg"], "roll": 0.0}
    place = {axis: pose[axis] for axis in "xyz"}
    camera = Camera(pose["width"], pose["height"], **place, **angles, f=pose["f_px"])
    dem = open_dem(DEM_DIR / f"{name}_dem_5m_epsg31287.tif", 31287)
    sight = compute_viewshed(CameraRecord(camera, 31287), dem, tmp_path)
    fields, _, shapes, columns = read_layer(DEM_DIR / f"{name}_outlines.gpkg", layer="outlines")
    part = columns[list(fields["fields"]).index("part")]
    outline = shapely.from_wkb(shapes[list(part).index("avalanche")])
    found = mask_to_map(polygon_to_mask(outline, sight), sight)
    assert found.polygon.is_valid
    random = np.random.default_rng(0)
    west, south, east, north = outline.buffer(50).bounds
    x, y = random.uniform(west, east, 8_000), random.uniform(south, north, 8_000)
    points = np.stack([x, y, sight.terrain.sample(x, y)], axis=1)
    inside, mapped = (shapely.contains_xy(shape, x, y) for shape in (outline, found.polygon))
    points, inside, mapped = (some[inside | mapped] for some in (points, inside, mapped))
    truth = visible(sight, points) & inside
    assert overlap(mapped, truth) > least
    assert mapped.sum() == pytest.approx(truth.sum(), rel=0.03)
