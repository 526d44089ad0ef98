"""Outlines: tracing, simplification, georeference, files, overlays."""

from __future__ import annotations

import json
import math
import sqlite3
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from rasterio.crs import CRS
from rasterio.warp import transform as reproject
from scipy.ndimage import gaussian_filter
from shapely.geometry import shape

from core.errors import ImageError, IsegError
from core.outline import (
    check_output_path,
    draw_overlay,
    ground_area,
    mask_to_polygons,
    pixel_to_map,
    write_mask,
    write_outline,
    write_outlines,
)
from core.prompts import Box, Click

LV95 = CRS.from_epsg(2056).to_wkt()
TRANSFORM = (0.5, 0.0, 2_700_000.0, 0.0, -0.5, 1_200_000.0)


def grid(*rows: str) -> np.ndarray:
    return np.array([[char == "#" for char in row] for row in rows])


def blobs(size: int, sigma: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((size, size))
    field = gaussian_filter(noise, sigma)
    return field > field.std()


def disc(size: int, radius: float) -> np.ndarray:
    rows, cols = np.mgrid[:size, :size]
    return np.hypot(rows - size / 2, cols - size / 2) < radius


def rasterised(geometry: shapely.MultiPolygon, size: tuple[int, int]) -> np.ndarray:
    if geometry.is_empty:
        return np.zeros(size, bool)
    return rasterio.features.rasterize([geometry], out_shape=size).astype(bool)


# ---------------------------------------------------------------- polygons


def test_one_pixel_covers_its_square_in_corner_convention() -> None:
    mask = np.zeros((5, 7), bool)
    mask[2, 4] = True
    outline = mask_to_polygons(mask)
    assert outline.bounds == (4, 2, 5, 3)
    assert outline.area == 1
    # A click on this pixel, (row 2, col 4), lies at its centre.
    assert outline.centroid.coords[0] == (4.5, 2.5)


@pytest.mark.parametrize("size", [(4, 4), (0, 0)])
def test_empty_mask_gives_an_empty_multipolygon(size: tuple[int, int]) -> None:
    outline = mask_to_polygons(np.zeros(size, bool))
    assert isinstance(outline, shapely.MultiPolygon)
    assert outline.is_empty
    assert outline.is_valid


def test_full_mask_is_the_image_frame() -> None:
    assert mask_to_polygons(np.ones((30, 40), bool)).equals(shapely.box(0, 0, 40, 30))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, bool])
def test_non_zero_numbers_are_the_object(dtype: type) -> None:
    mask = np.array([[0, 7], [0, 0]]).astype(dtype)
    assert mask_to_polygons(mask).bounds == (1, 0, 2, 1)


def test_mask_with_channels_is_refused() -> None:
    with pytest.raises(ImageError, match=r"\(H, W\).*\(4, 4, 3\)"):
        mask_to_polygons(np.ones((4, 4, 3), bool))


def test_mask_need_not_be_contiguous() -> None:
    mask = blobs(64, 5)
    assert mask_to_polygons(mask.T[::2]).equals(mask_to_polygons(mask.T[::2].copy()))


def test_a_hole_stays_and_an_island_in_it_too() -> None:
    outline = mask_to_polygons(grid("#####", "#...#", "#.#.#", "#...#", "#####"), tolerance=0)
    assert sorted(part.area for part in outline.geoms) == [1, 16]
    assert outline.area == 17


def test_pixels_touching_at_a_corner_are_two_parts() -> None:
    outline = mask_to_polygons(grid("#.", ".#"))
    assert len(outline.geoms) == 2
    assert outline.is_valid


def test_holes_touching_at_a_corner_are_valid() -> None:
    outline = mask_to_polygons(grid("####", "#.##", "##.#", "####"), tolerance=0)
    assert outline.is_valid
    assert outline.area == 14


@pytest.mark.parametrize(("min_area", "areas"), [(0, [1, 6]), (1, [1, 6]), (2, [6]), (7, [])])
def test_min_area_leaves_smaller_parts_out(min_area: float, areas: list[float]) -> None:
    outline = mask_to_polygons(grid("###..", "###.#"), tolerance=0, min_area=min_area)
    assert sorted(part.area for part in outline.geoms) == areas


def test_only_parts_through_given_pixels_are_kept() -> None:
    mask = np.zeros((20, 30), bool)
    mask[2:6, 3:9] = mask[10:18, 20:28] = mask[12:14, 2:4] = True
    boxes = shapely.box(3, 2, 9, 6), shapely.box(20, 10, 28, 18), shapely.box(2, 12, 4, 14)
    for points, kept in (
        ([(3.4, 8.2)], [0]),
        ([(3, 5), (11, 21), (12, 22)], [0, 1]),
        ([(12.6, 3.4), (0, 0)], [2]),  # one beside the mask says nothing
        ([(0, 0)], [0, 1, 2]),
        ([(500, -7)], [0, 1, 2]),
        ([], [0, 1, 2]),
    ):
        outline = mask_to_polygons(mask, tolerance=0, through=points)
        assert outline.equals(shapely.union_all([boxes[part] for part in kept])), points
    diagonal = np.eye(2, dtype=bool)
    assert mask_to_polygons(diagonal, tolerance=0, through=[(0, 0)]).area == 1


def test_largest_only_keeps_one_part() -> None:
    mask = grid("###..", "###.#", ".....", "##...")
    assert mask_to_polygons(mask, tolerance=0, largest_only=True).equals(shapely.box(0, 0, 3, 2))
    assert mask_to_polygons(np.zeros((2, 2)), largest_only=True).is_empty


TWO_HOLES = ("########", "#.##...#", "####...#", "########")


@pytest.mark.parametrize(
    ("fill", "area"), [(False, 25), (0, 25), (1, 26), (5.9, 26), (6, 32), (True, 32)]
)
def test_fill_holes_up_to_an_area(fill: bool | float, area: float) -> None:
    assert mask_to_polygons(grid(*TWO_HOLES), tolerance=0, fill_holes=fill).area == area


def test_filling_a_hole_takes_its_island_in() -> None:
    mask = grid("#####", "#...#", "#.#.#", "#...#", "#####")
    outline = mask_to_polygons(mask, tolerance=0, fill_holes=True)
    assert len(outline.geoms) == 1
    assert outline.equals(shapely.box(0, 0, 5, 5))


def random_masks(seed: int) -> list[np.ndarray]:
    """Noise of all densities: full of touching corners, holes and islands."""
    rng = np.random.default_rng(seed)
    return [rng.random(rng.integers(1, 13, 2)) < rng.random() for _ in range(200)]


@pytest.mark.parametrize("seed", range(3))
def test_exact_outlines_rasterise_to_the_mask_again(seed: int) -> None:
    for mask in random_masks(seed):
        outline = mask_to_polygons(mask, tolerance=0)
        assert outline.is_valid
        assert outline.area == mask.sum()
        np.testing.assert_array_equal(rasterised(outline, mask.shape), mask)


@pytest.mark.parametrize("tolerance", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("fill", [False, True, 3])
def test_every_outline_is_valid(tolerance: float, fill: bool | float) -> None:
    for mask in random_masks(seed=7):
        outline = mask_to_polygons(mask, tolerance=tolerance, fill_holes=fill)
        assert outline.is_valid
        assert isinstance(outline, shapely.MultiPolygon)
        assert outline.is_empty == (not mask.any())


def test_a_mask_lies_where_it_lies_however_large_the_image() -> None:
    small = blobs(60, 4)
    large = np.zeros((200, 300), bool)
    large[100:160, 200:260] = small
    for smoothing in (0, 2):
        outline = mask_to_polygons(np.pad(small, 20), smoothing=smoothing)
        moved = shapely.affinity.translate(outline, 180, 80)
        assert mask_to_polygons(large, smoothing=smoothing).equals(moved)


def test_smoothing_rounds_off_and_keeps_area_and_place() -> None:
    rough = disc(400, 120) ^ (np.random.default_rng(0).random((400, 400)) < 0.05)
    smooth = mask_to_polygons(rough, smoothing=3, tolerance=0, largest_only=True)
    assert smooth.is_valid
    assert smooth.symmetric_difference(shapely.Point(200.5, 200.5).buffer(120)).area < 1500
    exact = mask_to_polygons(rough, tolerance=0, largest_only=True)
    assert smooth.length < 0.2 * exact.length


def test_smoothing_lets_no_part_vanish() -> None:
    mask = np.zeros((100, 150), bool)
    mask[10:50, 10:50] = True
    mask[70, 70:73] = True  # far smaller than the Gaussian
    mask[20:80, 120] = True  # and thinner
    mask[0, 149] = True
    for sigma in (0.5, 2, 8):
        outline = mask_to_polygons(mask, tolerance=0, smoothing=sigma)
        assert len(outline.geoms) == 4
        assert outline.is_valid
        assert outline.area > 0.7 * mask.sum()
    assert mask_to_polygons(np.zeros((5, 5)), smoothing=2).is_empty


def test_the_edge_of_the_image_rounds_nothing_off() -> None:
    mask = np.zeros((100, 120), bool)
    mask[30:] = True
    outline = mask_to_polygons(mask, tolerance=0, smoothing=4)
    assert outline.equals(shapely.box(0, 30, 120, 100))


def test_only_the_largest_parts_and_holes_are_outlined() -> None:
    mask = np.zeros((60, 200), bool)
    mask[5:55, 5:100] = True
    for size in (1, 2, 3, 4):  # holes in the large part, and small parts beside it
        mask[10 : 10 + size, 20 * size : 20 * size + size] = False
        mask[10 : 10 + size, 100 + 20 * size : 100 + 21 * size] = True
    outline = mask_to_polygons(mask, tolerance=0, max_parts=3)
    assert sorted(part.area for part in outline.geoms) == [9, 16, 50 * 95 - 9 - 16]
    # The background round the parts counts as the largest of the holes.
    assert mask_to_polygons(mask, tolerance=0, max_parts=5).area == mask.sum()


@pytest.mark.parametrize("tolerance", [0.7, 1.0, 2.0, 4.0])
@pytest.mark.parametrize(("size", "sigma"), [(300, 6), (800, 20)])
def test_simplifying_keeps_area_centroid_and_distance(
    size: int, sigma: float, tolerance: float
) -> None:
    mask = blobs(size, sigma)
    exact = mask_to_polygons(mask, tolerance=0)
    outline = mask_to_polygons(mask, tolerance=tolerance)
    assert outline.is_valid
    assert abs(outline.area / exact.area - 1) <= 0.01
    assert outline.centroid.distance(exact.centroid) < 0.5
    assert shapely.hausdorff_distance(outline, exact) <= tolerance + 1e-9


def test_no_part_changes_its_area_by_more_than_a_hundredth() -> None:
    mask = blobs(300, 4)
    exact = mask_to_polygons(mask, tolerance=0)
    outline = mask_to_polygons(mask, tolerance=3)
    tree = shapely.STRtree(outline.geoms)
    for part in exact.geoms:
        nearest = outline.geoms[int(tree.nearest(part.representative_point()))]
        assert abs(nearest.area / part.area - 1) <= 0.01 + 1e-9


def test_outline_has_about_as_many_points_as_a_person_draws() -> None:
    mask = disc(1000, 400)
    exact = shapely.get_num_coordinates(mask_to_polygons(mask, tolerance=0))
    simple = mask_to_polygons(mask)
    assert exact > 1500
    assert 30 < shapely.get_num_coordinates(simple) < 150
    # The disc is drawn about the centre of pixel (500, 500).
    assert simple.centroid.distance(shapely.Point(500.5, 500.5)) < 0.1
    assert abs(simple.area / (math.pi * 400**2) - 1) < 0.003


def test_a_straight_slope_becomes_one_edge() -> None:
    rows, cols = np.mgrid[:200, :200]
    outline = mask_to_polygons(cols > rows)
    assert shapely.get_num_coordinates(outline) < 10


def test_real_outline_of_a_photo(shared: Path) -> None:
    path = min((shared / "berkeley" / "masks").glob("*.png"))
    mask = cv2.imread(str(path))[..., 0] > 128
    outline = mask_to_polygons(mask)
    again = rasterised(outline, mask.shape)
    assert outline.is_valid
    assert (again & mask).sum() / (again | mask).sum() > 0.98


# ---------------------------------------------------------------- georeference


def test_a_plain_image_lies_where_qgis_shows_it() -> None:
    moved = pixel_to_map(shapely.MultiPolygon([shapely.box(4, 2, 5, 3)]), None)
    assert moved.bounds == (4, -3, 5, -2)


def test_map_coordinates_follow_the_transform() -> None:
    moved = pixel_to_map(shapely.MultiPolygon([shapely.box(10, 20, 12, 24)]), TRANSFORM)
    assert moved.bounds == (2_700_005, 1_199_988, 2_700_006, 1_199_990)


def test_rotated_transform_and_affine_object_agree_with_rasterio() -> None:
    affine = rasterio.Affine.rotation(30)
    point = shapely.MultiPolygon([shapely.box(7, 3, 8, 4)])
    corners = set(np.round(pixel_to_map(point, affine).geoms[0].exterior.coords, 6).flatten())
    xs, ys = rasterio.transform.xy(affine, [3, 3, 4, 4], [7, 8, 8, 7], offset="ul")
    assert corners == set(np.round([*xs, *ys], 6))


def test_area_in_metres_of_a_projected_crs() -> None:
    square = shapely.MultiPolygon([shapely.box(2_700_000, 1_200_000, 2_700_400, 1_200_100)])
    assert ground_area(square, LV95) == pytest.approx(40_000, rel=1e-3)


@pytest.mark.parametrize("code", [4326, 3857, 32632, 31287])
def test_area_is_the_same_in_every_crs(code: int) -> None:
    ring = [(11.0, 47.0), (11.02, 47.0), (11.02, 47.01), (11.0, 47.01)]
    xs, ys = reproject(CRS.from_epsg(4326), CRS.from_epsg(code), *zip(*ring, strict=True))
    outline = shapely.MultiPolygon([shapely.Polygon(zip(xs, ys, strict=True))])
    # Spheroidal quadrangle: N cos(lat) dlon times M dlat with WGS 84's radii at 47.005 degrees.
    lat, e2 = math.radians(47.005), 0.00669438
    prime = 6_378_137 / math.sqrt(1 - e2 * math.sin(lat) ** 2)
    meridian = prime**3 * (1 - e2) / 6_378_137**2
    expected = prime * math.cos(lat) * math.radians(0.02) * meridian * math.radians(0.01)
    assert ground_area(outline, CRS.from_epsg(code).to_wkt()) == pytest.approx(expected, rel=2e-4)


def test_area_is_unknown_without_a_crs_and_zero_if_empty() -> None:
    square = shapely.MultiPolygon([shapely.box(0, 0, 1, 1)])
    assert ground_area(square, None) is None
    assert ground_area(square, 'LOCAL_CS["site grid",UNIT["metre",1]]') is None
    assert ground_area(shapely.MultiPolygon(), LV95) == 0


# ---------------------------------------------------------------- outline files


def outline_in_lv95() -> shapely.MultiPolygon:
    mask = disc(200, 60)
    mask[90:110, 90:110] = False
    return pixel_to_map(mask_to_polygons(mask), TRANSFORM)


PROPERTIES = {"model": "tiny", "area_px": 12, "area_m2": 3.5, "checked": True, "note": None}


def test_geopackage_keeps_crs_geometry_and_attributes(tmp_path: Path) -> None:
    path = tmp_path / "Lawine für Ötzi.gpkg"
    outline = outline_in_lv95()
    write_outline(path, outline, crs_wkt=LV95, properties=PROPERTIES)
    meta, _, geometries, fields = pyogrio.raw.read(path, layer="avalanches")
    assert CRS.from_user_input(meta["crs"]).to_epsg() == 2056
    assert meta["geometry_type"] == "MultiPolygon"
    assert shapely.from_wkb(geometries[0]).equals(outline)
    assert dict(zip(meta["fields"], (column[0] for column in fields), strict=True)) == PROPERTIES
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_geopackage_without_crs_is_undefined_cartesian(tmp_path: Path) -> None:
    path = tmp_path / "photo.gpkg"
    write_outline(
        path, pixel_to_map(mask_to_polygons(disc(50, 9)), None), crs_wkt=None, properties={}
    )
    with sqlite3.connect(path) as database:
        query = "SELECT table_name, srs_id FROM gpkg_geometry_columns"
        assert database.execute(query).fetchall() == [("avalanches", -1)]
    database.close()


def test_geojson_is_in_longitude_and_latitude(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    outline = outline_in_lv95()
    write_outline(path, outline, crs_wkt=LV95, properties=PROPERTIES)
    content = json.loads(path.read_text(encoding="utf-8"))
    (feature,) = content["features"]
    assert "crs" not in content
    assert feature["properties"] == PROPERTIES
    centre = shape(feature["geometry"]).centroid
    x, y = reproject(CRS.from_epsg(4326), CRS.from_epsg(2056), [centre.x], [centre.y])
    assert (x[0], y[0]) == pytest.approx(outline.centroid.coords[0], abs=0.05)


@pytest.mark.parametrize("crs", [LV95, None])
@pytest.mark.parametrize("flipped", [False, True])
def test_geojson_rings_turn_as_the_standard_demands(
    tmp_path: Path, crs: str | None, flipped: bool
) -> None:
    outline = outline_in_lv95()
    if flipped:
        outline = shapely.reverse(outline)
    write_outline(tmp_path / "a.geojson", outline, crs_wkt=crs, properties={})
    content = json.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))
    (part,) = shape(content["features"][0]["geometry"]).geoms
    assert part.exterior.is_ccw
    assert [ring.is_ccw for ring in part.interiors] == [False]


def test_geojson_without_crs_says_so(tmp_path: Path) -> None:
    path = tmp_path / "photo.geojson"
    outline = pixel_to_map(mask_to_polygons(disc(400, 50)), None)
    write_outline(path, outline, crs_wkt=None, properties={"model": "tiny"})
    (feature,) = json.loads(path.read_text(encoding="utf-8"))["features"]
    assert shape(feature["geometry"]).equals(outline)
    assert feature["properties"]["model"] == "tiny"
    assert "no CRS" in feature["properties"]["coordinates"]


@pytest.mark.parametrize("name", ["empty.gpkg", "empty.geojson"])
@pytest.mark.parametrize("crs", [LV95, None])
def test_an_empty_outline_can_be_written(tmp_path: Path, name: str, crs: str | None) -> None:
    write_outline(tmp_path / name, mask_to_polygons(np.zeros((3, 3))), crs_wkt=crs, properties={})
    _, _, geometries, _ = pyogrio.raw.read(tmp_path / name)
    assert len(geometries) == 1
    assert geometries[0] is None or shapely.from_wkb(geometries[0]).is_empty


def several_features() -> list[tuple[shapely.MultiPolygon, dict[str, object]]]:
    masks = [disc(200, 60), disc(200, 20), np.zeros((200, 200), bool)]
    masks[1][80:120, 95:105] = False  # two parts
    outlines = [pixel_to_map(mask_to_polygons(mask), TRANSFORM) for mask in masks]
    values = [("first", 3, 0.91, None), ("Zweite", 10, 0.5, "Übung"), ("none", 1, 0.0, None)]
    names = ("name", "clicks", "iou", "note")
    return [
        (outline, dict(zip(names, row, strict=True)))
        for outline, row in zip(outlines, values, strict=True)
    ]


@pytest.mark.parametrize("crs", [LV95, None])
def test_several_outlines_are_features_of_one_layer(tmp_path: Path, crs: str | None) -> None:
    path = tmp_path / "all.gpkg"
    features = several_features()
    write_outlines(path, features, crs_wkt=crs)
    assert [name for name, _ in pyogrio.list_layers(path)] == ["avalanches"]
    meta, _, geometries, columns = pyogrio.raw.read(path, layer="avalanches")
    assert meta["fields"].tolist() == ["name", "clicks", "iou", "note"]
    for number, (outline, attributes) in enumerate(features):
        read = geometries[number] and shapely.from_wkb(geometries[number])
        assert read.equals(outline) if not outline.is_empty else not read or read.is_empty
        assert [column[number] for column in columns] == list(attributes.values())
    assert len(geometries) == 3


def test_several_outlines_in_geojson_keep_their_order(tmp_path: Path) -> None:
    features = several_features()[:2]
    write_outlines(tmp_path / "all.geojson", features, crs_wkt=None)
    content = json.loads((tmp_path / "all.geojson").read_text(encoding="utf-8"))
    assert [item["properties"]["name"] for item in content["features"]] == ["first", "Zweite"]
    assert all("no CRS" in item["properties"]["coordinates"] for item in content["features"])
    assert [len(shape(item["geometry"]).geoms) for item in content["features"]] == [1, 2]
    for item, (outline, _) in zip(content["features"], features, strict=True):
        assert shape(item["geometry"]).area == pytest.approx(outline.area)


@pytest.mark.parametrize("name", ["a.gpkg", "a.GeoJSON"])
def test_writing_again_replaces(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for size in (30, 40):
        outline = mask_to_polygons(np.ones((size, size)))
        write_outline(path, outline, crs_wkt=None, properties={"size": size})
    _, _, geometries, fields = pyogrio.raw.read(path)
    assert [shapely.from_wkb(geometry).area for geometry in geometries] == [1600]
    assert fields[0].tolist() == [40]


@pytest.mark.parametrize("name", ["a.shp", "a", "a.png", "geojson"])
def test_unknown_outline_format_names_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(IsegError, match=rf"{name}: .*\.geojson, \.gpkg"):
        write_outline(tmp_path / name, shapely.MultiPolygon(), crs_wkt=None, properties={})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.png", "a.tif"])
def test_a_missing_folder_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(IsegError, match=r"make the folder .*nowhere first"):
        check_output_path(tmp_path / "nowhere" / name)


def test_a_geopackage_open_elsewhere_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    write_outline(path, shapely.MultiPolygon(), crs_wkt=None, properties={})
    other = sqlite3.connect(path)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("CREATE TABLE mine (number INTEGER)")
    before = path.read_bytes()
    with pytest.raises(IsegError, match=r"open in another program \(a\.gpkg-wal"):
        write_outline(path, outline_in_lv95(), crs_wkt=LV95, properties={})
    assert path.read_bytes() == before
    other.execute("DROP TABLE mine")
    other.close()
    write_outline(path, outline_in_lv95(), crs_wkt=LV95, properties={})


def test_a_geopackage_with_other_layers_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "survey.gpkg"
    write_outline(path, outline_in_lv95(), crs_wkt=LV95, properties={})
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE roads (number INTEGER)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(IsegError, match=r"survey\.gpkg holds other layers \(roads\)"):
        write_outline(path, outline_in_lv95(), crs_wkt=LV95, properties={})
    assert path.read_bytes() == before


def test_a_bad_crs_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(IsegError, match=r"a\.gpkg could not be written"):
        write_outline(tmp_path / "a.gpkg", outline_in_lv95(), crs_wkt="rubbish", properties={})
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.geojson").mkdir()
    with pytest.raises(IsegError, match=r"a\.geojson could not be written: .*"):
        write_outline(tmp_path / "a.geojson", outline_in_lv95(), crs_wkt=None, properties={})
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.geojson"]


FULL_DISK = """
import resource, signal, sys
import numpy as np
from core.errors import IsegError
from core.outline import mask_to_polygons, write_mask, write_outline
path = sys.argv[1]
mask = np.random.default_rng(0).random((100, 100)) > 0.5
outline = mask_to_polygons(mask, tolerance=0)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
try:
    if path.endswith(("gpkg", "geojson")):
        write_outline(path, outline, crs_wkt=None, properties={})
    else:
        write_mask(path, mask, transform=None, crs_wkt=None)
except IsegError as error:
    print("refused:", error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are a POSIX matter")
@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.png", "a.tif"])
def test_a_full_disk_is_told_and_the_old_file_stays(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"the old file")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("refused:"), done.stdout + done.stderr
    assert name in done.stdout
    assert path.read_bytes() == b"the old file"
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


# ---------------------------------------------------------------- mask files


def test_mask_png_holds_0_and_255(tmp_path: Path) -> None:
    mask = disc(40, 10)
    write_mask(tmp_path / "ä.png", mask, transform=TRANSFORM, crs_wkt=LV95)
    content = np.fromfile(tmp_path / "ä.png", np.uint8)
    stored = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(stored, mask * np.uint8(255))


def test_mask_tif_is_georeferenced(tmp_path: Path) -> None:
    mask = disc(40, 10)
    write_mask(tmp_path / "m.tif", mask, transform=TRANSFORM, crs_wkt=LV95)
    with rasterio.open(tmp_path / "m.tif") as stored:
        assert stored.crs.to_epsg() == 2056
        assert tuple(stored.transform)[:6] == TRANSFORM
        assert stored.dtypes == ("uint8",)
        np.testing.assert_array_equal(stored.read(1), mask * np.uint8(255))


def test_mask_tif_of_a_plain_image(tmp_path: Path) -> None:
    write_mask(tmp_path / "m.tiff", disc(40, 10), transform=None, crs_wkt=None)
    assert (cv2.imread(str(tmp_path / "m.tiff"), cv2.IMREAD_UNCHANGED) > 0).sum() > 250


def test_unknown_mask_format_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(IsegError, match=r"\.png, \.tif, \.tiff"):
        write_mask(tmp_path / "m.jpg", disc(9, 3), transform=None, crs_wkt=None)


# ---------------------------------------------------------------- overlay

GREY = np.full((240, 320, 3), 100, np.uint8)


def test_overlay_tints_inside_and_only_there() -> None:
    mask = np.zeros((240, 320), bool)
    mask[50:100, 60:200] = True
    drawn = draw_overlay(GREY, mask, colour=(200, 0, 100), opacity=0.5)
    assert drawn[75, 100].tolist() == [150, 50, 100]
    assert drawn[50, 100].tolist() == [200, 0, 100]
    np.testing.assert_array_equal(drawn[~mask], GREY[~mask])
    assert drawn.dtype == np.uint8
    assert (GREY == 100).all(), "the image given was changed"


def test_overlay_outlines_holes_but_not_the_image_frame() -> None:
    mask = np.ones((240, 320), bool)
    mask[100:120, 100:120] = False
    drawn = draw_overlay(GREY, mask, colour=(200, 0, 100), opacity=0)
    assert drawn[99, 110].tolist() == [200, 0, 100]
    assert drawn[0, 0].tolist() == [100, 100, 100]


@pytest.mark.parametrize("shape", [(300, 400), (4000, 6000)])
def test_clicks_show_in_small_and_large_images(shape: tuple[int, int]) -> None:
    pixels = np.full((*shape, 3), 128, np.uint8)
    row, col = shape[0] // 2, shape[1] // 3
    clicks = [Click(row, col), Click(row, 2 * col, positive=False)]
    drawn = draw_overlay(pixels, np.zeros(shape, bool), clicks)
    changed = (drawn != pixels).any(axis=2)
    green = (drawn[..., 1] > 140) & (drawn[..., 0] < 60)
    red = (drawn[..., 0] > 200) & (drawn[..., 1] < 80)
    # Both discs have an area that the eye finds, whatever the number of pixels.
    for marker in (green[:, : shape[1] // 2], red[:, shape[1] // 2 :]):
        assert 5e-5 < marker.sum() / marker.size < 5e-3
    assert not green[:, shape[1] // 2 :].any()
    assert not red[:, : shape[1] // 2].any()
    assert changed[row, col]
    assert changed[row, 2 * col]


def test_the_sign_tells_positive_from_negative() -> None:
    clicks = [Click(100, 50), Click(100, 150, positive=False)]
    drawn = draw_overlay(GREY, np.zeros((240, 320), bool), clicks)
    assert drawn[99, 50].tolist() == [255, 255, 255], "the plus has a vertical arm"
    assert drawn[99, 150].tolist() != [255, 255, 255]
    assert drawn[100, 50].tolist() == drawn[100, 150].tolist() == [255, 255, 255]


def test_clicks_at_the_edge_and_fractional_ones_are_drawn() -> None:
    clicks = [Click(0, 0), Click(239.4, 318.6, positive=False)]
    drawn = draw_overlay(GREY, np.zeros((240, 320), bool), clicks)
    assert (drawn[0, 0] != 100).any()
    assert (drawn[239, 319] != 100).any()


def test_box_is_a_frame() -> None:
    drawn = draw_overlay(GREY, np.zeros((240, 320), bool), box=Box(50, 150, 60, 260))
    for row, col in ((50, 60), (50, 150), (150, 260), (100, 60)):
        assert drawn[row, col].tolist() != [100, 100, 100]
    assert drawn[100, 160].tolist() == [100, 100, 100]
    assert drawn[20, 20].tolist() == [100, 100, 100]


def test_overlay_refuses_a_mask_of_another_size() -> None:
    with pytest.raises(ImageError, match=r"\(3, 4\).*\(240, 320\)"):
        draw_overlay(GREY, np.zeros((3, 4), bool))


def test_overlays_can_be_laid_over_each_other() -> None:
    left, right = np.zeros((2, 240, 320), bool)
    left[:, :160] = True
    right[:, 160:] = True
    drawn = draw_overlay(draw_overlay(GREY, left, colour=(255, 0, 0)), right, colour=(0, 0, 255))
    assert drawn[10, 10, 0] > drawn[10, 10, 2]
    assert drawn[10, 310, 2] > drawn[10, 310, 0]
