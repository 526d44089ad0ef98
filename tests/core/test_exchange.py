"""Mapped avalanches in the forms of other programs, by the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from pyogrio.raw import read, write

from core.commands import main
from core.datasets import open_dataset
from core.exchange.coco import fill_polygons, run_lengths
from core.image import write_png
from core.series import NameRule, PhotoState, Review, SeriesStore

LV95 = "EPSG:2056"
EAST, NORTH = 2_690_000.0, 1_180_000.0
PROMPTS = '{"version":1,"clicks":[[20,30,1]],"box":null,"mask":null}'
TEXTS = ("uuid", "avalanche_id", "part", "image_name", "image_path", "image_sha256", "type")
TEXTS += ("moisture", "camera_id", "mapper", "comment", "prompts", "aspect_8", "review")
NUMBERS = ("fracture_depth_cm", "area_m2", "size_eaws", "size_suggested", "z_max", "z_min")
TIMES = ("observed_at", "released_from", "released_to", "created_at")

SQUARE = shapely.box(0, 0, 30, 20)
RING = SQUARE.difference(shapely.box(10, 5, 20, 15))
PARTS = shapely.MultiPolygon([shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 8)])


def layer(path: Path, name: str, features: list[tuple], crs: str | None, append=False) -> Path:
    """Write a table as the plugin's: (geometry, values), what is not given being NULL."""
    columns: dict[str, np.ndarray] = {}
    for names, empty, kind in ((TEXTS, None, object), (NUMBERS, np.nan, float)):
        for field in names:
            columns[field] = np.array([v.get(field, empty) for _, v in features], kind)
    for field in TIMES:
        values = [np.datetime64(v.get(field, "NaT"), "ms") for _, v in features]
        columns[field] = np.array(values, "datetime64[ms]")
    shapes = [shapely.to_wkb(shapely.multipolygons(shapely.get_parts(g))) for g, _ in features]
    write(
        str(path),
        np.array(shapes, object),
        field_data=list(columns.values()),
        fields=list(columns),
        geometry_type="MultiPolygon",
        crs=crs or 'LOCAL_CS["Undefined Cartesian SRS"]',
        driver="GPKG",
        layer=name,
        append=append,
    )
    return path


def in_pixels(shape, left=5, top=5):
    return shapely.transform(shape, lambda xy: np.add(xy, (left, top)) * (1, -1))


def on_map(shape):
    return shapely.transform(shape, lambda xy: np.add(xy, (EAST, NORTH)))


def photo(path: Path, seed=0) -> Path:
    rng = np.random.default_rng(seed)
    write_png(path, rng.integers(0, 255, (60, 80, 3)).astype(np.uint8))
    return path


def export(*arguments: object) -> None:
    assert main(["export", *map(str, arguments)]) == 0


def refusal(capsys, *arguments: object) -> str:
    assert main(["export", *map(str, arguments)]) == 2
    return capsys.readouterr().err


# --- COCO ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [SQUARE, RING, PARTS], ids=["plain", "hole", "parts"])
def test_coco_keeps_an_object_with_its_parts_and_holes(tmp_path, shape):
    photo(tmp_path / "a.png")
    values = {"uuid": "1", "image_name": "a.png", "prompts": PROMPTS, "size_eaws": 2}
    outlines = layer(tmp_path / "o.gpkg", "avalanches_pixels", [(in_pixels(shape), values)], None)
    export("coco", outlines, "-o", tmp_path / "annotations.json")
    content = json.loads((tmp_path / "annotations.json").read_text())
    (annotation,) = content["annotations"]
    assert annotation["area"] == pytest.approx(shape.area)
    west, south, east, north = shape.bounds
    assert annotation["bbox"] == [5, 5, east - west, north - south]
    assert annotation["attributes"]["size_eaws"] == 2
    assert annotation["attributes"]["fracture_depth_cm"] is None
    sample = open_dataset("coco_json", tmp_path)[0]
    assert np.count_nonzero(sample.mask) == shape.area


def test_coco_of_a_raster_and_of_a_photo_that_has_twins_on_the_map(tmp_path):
    photo(tmp_path / "a.png")
    with rasterio.open(
        tmp_path / "ortho.tif",
        "w",
        driver="GTiff",
        width=200,
        height=100,
        count=1,
        dtype="uint8",
        crs=LV95,
        transform=rasterio.Affine(0.5, 0, EAST, 0, -0.5, NORTH + 40),
    ) as raster:
        raster.write(np.zeros((1, 100, 200), np.uint8))
    outlines = tmp_path / "o.gpkg"
    twin = {"uuid": "1", "image_name": "a.png"}
    own = {"uuid": "2", "image_name": "ortho.tif"}
    layer(outlines, "avalanches_pixels", [(in_pixels(SQUARE), twin)], None)
    layer(outlines, "avalanches", [(on_map(PARTS), twin), (on_map(RING), own)], LV95, append=True)
    export("coco", outlines, "-o", tmp_path / "c.json")
    content = json.loads((tmp_path / "c.json").read_text())
    names = {image["id"]: image["file_name"] for image in content["images"]}
    found = {names[entry["image_id"]]: entry for entry in content["annotations"]}
    assert set(found) == {"a.png", "ortho.tif"}
    assert found["a.png"]["area"] == SQUARE.area
    assert found["ortho.tif"]["area"] == pytest.approx(4 * RING.area)
    assert found["ortho.tif"]["bbox"] == [0, 40, 60, 40]


def test_an_image_that_was_replaced_or_is_away_is_no_image_of_the_outline(tmp_path, capsys):
    photo(tmp_path / "now.png")
    replaced = {"uuid": "1", "image_name": "now.png", "image_sha256": "0" * 64}
    away = {"uuid": "2", "image_name": "gone.png"}
    outside = {"uuid": "3", "image_name": "../now.png"}
    features = [(in_pixels(SQUARE), values) for values in (replaced, away, outside)]
    outlines = layer(tmp_path / "o.gpkg", "avalanches_pixels", features, None)
    said = refusal(capsys, "coco", outlines, "-o", tmp_path / "c.json")
    assert "1 is left out. The file" in said
    assert "2 is left out. Its image gone.png is not there" in said
    assert "--images" in said
    assert not (tmp_path / "c.json").exists()
    (tmp_path / "kept").mkdir()
    photo(tmp_path / "kept" / "gone.png")
    export("coco", outlines, "--images", tmp_path / "kept", "-o", tmp_path / "c.json")
    assert len(json.loads((tmp_path / "c.json").read_text())["annotations"]) == 1


def test_polygons_are_filled_by_pixel_centres_and_run_lengths_are_those_of_coco():
    rng = np.random.default_rng(3)
    for _ in range(30):
        points = rng.uniform(-10, 50, (7, 2))
        ring = np.concatenate([points, points[:1]])
        x, y = np.meshgrid(np.arange(40) + 0.5, np.arange(30) + 0.5)
        polygon = shapely.Polygon(points)
        if not polygon.is_valid:
            continue
        mask = fill_polygons([[ring]], 30, 40)
        assert np.array_equal(mask, shapely.contains_xy(polygon, x, y))
        runs = run_lengths(mask)
        values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        assert np.array_equal(values.reshape(30, 40, order="F"), mask)


# --- GeoJSON ------------------------------------------------------------------------------------


def test_geojson_has_prompts_as_json_in_degrees(tmp_path):
    values = {"uuid": "a", "prompts": PROMPTS, "observed_at": "2026-01-03T10:00", "area_m2": 12.5}
    outlines = layer(tmp_path / "o.gpkg", "avalanches", [(on_map(RING), values)], LV95)
    export("geojson", outlines, "-o", tmp_path / "o.geojson")
    (feature,) = json.loads((tmp_path / "o.geojson").read_text())["features"]
    assert feature["properties"]["prompts"]["clicks"] == [[20, 30, 1]]
    assert (feature["id"], feature["properties"]["area_m2"]) == ("a", 12.5)
    assert feature["properties"]["size_eaws"] is None
    assert feature["properties"]["observed_at"] == "2026-01-03T10:00:00Z"
    shape = shapely.geometry.shape(feature["geometry"])
    assert shape.is_valid
    assert len(shape.geoms[0].interiors) == 1
    assert shape.geoms[0].exterior.is_ccw
    assert not shape.geoms[0].interiors[0].is_ccw
    lon, lat = shape.centroid.coords[0]
    assert (round(lon, 1), round(lat, 1)) == (8.6, 46.8)


@pytest.mark.parametrize("prompts", [None, "", "{", "[1,"])
def test_geojson_of_photos_is_in_pixels_and_damaged_prompts_are_none(tmp_path, prompts):
    values = {"uuid": "a", "image_name": "a.png", "prompts": prompts}
    outlines = layer(tmp_path / "o.gpkg", "avalanches_pixels", [(in_pixels(PARTS), values)], None)
    export("geojson", outlines, "-o", tmp_path / "o.geojson")
    (feature,) = json.loads((tmp_path / "o.geojson").read_text())["features"]
    assert feature["properties"]["prompts"] is None
    assert "pixels" in feature["properties"]["coordinates"]
    assert shapely.geometry.shape(feature["geometry"]).area == PARTS.area


# --- AvaFrame -----------------------------------------------------------------------------------


@pytest.fixture
def dem(tmp_path) -> Path:
    """A DEM in another CRS than the outlines."""
    path = tmp_path / "dem.tif"
    options = {"driver": "GTiff", "width": 4, "height": 4, "count": 1, "dtype": "float32"}
    with rasterio.open(
        path, "w", crs="EPSG:32632", transform=rasterio.Affine(5, 0, 0, 0, -5, 0), **options
    ) as raster:
        raster.write(np.zeros((1, 4, 4), np.float32))
    return path


@pytest.mark.parametrize("suffix", [".shp", ".gpkg"])
def test_release_areas_are_single_polygons_without_holes(tmp_path, capsys, dem, suffix):
    release = {"part": "release", "released_to": "2026-01-03T10:00"}
    features = [
        (on_map(RING), {**release, "uuid": "ring", "fracture_depth_cm": 80}),
        (on_map(PARTS), {**release, "uuid": "parts"}),
        (on_map(SQUARE), {"part": "deposit", "uuid": "other"}),
    ]
    outlines = layer(tmp_path / "o.gpkg", "avalanches", features, LV95)
    out = tmp_path / f"release{suffix}"
    export("avaframe", outlines, "--dem", dem, "--thickness", "1.5", "-o", out)
    assert "(ring) has holes, which are filled" in capsys.readouterr().err
    meta, _, shapes, columns = read(str(out))
    values = dict(zip(meta["fields"], columns, strict=True))
    assert "32632" in str(meta["crs"])
    assert values["name"].tolist() == ["rel001", "rel002_1", "rel002_2"]
    assert values["thickness"].tolist() == [0.8, 1.5, 1.5]
    assert values["date"].tolist() == ["2026-01-03"] * 3
    areas = shapely.from_wkb(shapes)
    assert [shape.geom_type for shape in areas] == ["Polygon"] * 3
    assert not any(shape.interiors for shape in areas)
    assert areas[0].area == pytest.approx(SQUARE.area, rel=0.01)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".writing")]


def test_release_areas_that_cannot_be(tmp_path, capsys, dem):
    features = [(on_map(SQUARE), {"part": "avalanche", "uuid": "whole"})]
    outlines = layer(tmp_path / "o.gpkg", "avalanches", features, LV95)
    out = tmp_path / "r.shp"
    assert "--all-parts" in refusal(capsys, "avaframe", outlines, "--dem", dem, "-o", out)
    export("avaframe", outlines, "--dem", dem, "--all-parts", "-o", out)
    assert "has no fracture depth" in capsys.readouterr().err
    bare = tmp_path / "bare.tif"
    write_dem = {"driver": "GTiff", "width": 2, "height": 2, "count": 1, "dtype": "float32"}
    write_dem["transform"] = rasterio.Affine(5, 0, 0, 0, -5, 0)
    with rasterio.open(bare, "w", **write_dem) as raster:
        raster.write(np.zeros((1, 2, 2), np.float32))
    assert "has no CRS" in refusal(capsys, "avaframe", outlines, "--dem", bare, "-o", out)
    pixels = layer(tmp_path / "p.gpkg", "avalanches_pixels", [(in_pixels(SQUARE), {})], None)
    assert "in pixels" in refusal(capsys, "avaframe", pixels, "--dem", dem, "-o", out)


# --- AWSOME, table ------------------------------------------------------------------------------


def test_observations_for_awsome(tmp_path):
    whole = {
        "uuid": "w",
        "avalanche_id": "1",
        "part": "avalanche",
        "released_from": "2026-01-03T09:00",
        "released_to": "2026-01-03T10:00",
        "created_at": "2026-01-04T08:00",
        "aspect_8": "NE",
        "z_max": 2500.0,
        "z_min": 1900.0,
        "type": "slab",
        "moisture": "unknown",
        "size_eaws": 3,
        "camera_id": "Davos",
        "mapper": "A. Warner",
        "comment": "Seen from the road",
        "prompts": PROMPTS,
    }
    part = {"uuid": "r", "avalanche_id": "1", "part": "release"}
    other = {"uuid": "o", "observed_at": "2026-01-05T07:30"}
    features = [(on_map(PARTS), part), (on_map(SQUARE), whole), (on_map(SQUARE), other)]
    outlines = layer(tmp_path / "o.gpkg", "avalanches", features, LV95)
    export("awsome", outlines, "-o", tmp_path / "obs.json")
    first, second = json.loads((tmp_path / "obs.json").read_text())
    assert (first["$id"], first["$type"], first["aspect"]) == ("w", "Avalanche", "NE")
    assert first["eventDate"] == "2026-01-03T10:00:00Z"
    assert first["reportDate"] == "2026-01-04T08:00:00Z"
    assert (first["elevationLowerBound"], first["elevationUpperBound"]) == (1900, 2500)
    assert first["content"].startswith("Size 3, slab, released between 2026-01-03T09:00:00Z")
    assert first["content"].endswith("Seen from the road")
    assert "prompts" not in first["$data"]
    assert (round(first["longitude"], 1), round(first["latitude"], 1)) == (8.6, 46.8)
    assert (second["$id"], second["eventDate"]) == ("o", "2026-01-05T07:30:00Z")
    assert second["aspect"] is None


def test_the_table_counts_avalanches_by_day_and_camera(tmp_path):
    day = {"observed_at": "2026-01-03T10:00", "camera_id": "Davos", "image_name": "a.jpg"}
    features = [
        (on_map(SQUARE), {**day, "uuid": "1", "avalanche_id": "x", "size_eaws": 2, "area_m2": 50}),
        (on_map(PARTS), {**day, "uuid": "2", "avalanche_id": "x", "area_m2": 20, "type": "slab"}),
        (
            on_map(SQUARE),
            {**day, "uuid": "3", "size_suggested": 3, "observed_at": "2026-01-03T23:30"},
        ),
        (on_map(SQUARE), {"uuid": "4", "observed_at": "2026-01-04T00:30", "camera_id": "Davos"}),
        (on_map(SQUARE), {"uuid": "5"}),
    ]
    outlines = tmp_path / "o.gpkg"
    layer(outlines, "avalanches", features, LV95)
    photos = [
        (in_pixels(SQUARE), {**day, "uuid": "1", "size_eaws": 5}),
        (in_pixels(SQUARE), {**day, "uuid": "6", "camera_id": "Zuoz"}),
    ]
    layer(outlines, "avalanches_pixels", photos, None, append=True)
    export("csv", outlines, "-o", tmp_path / "t.csv")
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    keys = [(row["date"], row["camera"], row["avalanches"]) for row in rows]
    assert keys == [
        ("", "", "1"),
        ("2026-01-03", "Davos", "2"),
        ("2026-01-03", "Zuoz", "1"),
        ("2026-01-04", "Davos", "1"),
    ]
    davos = rows[1]
    assert (davos["size_2"], davos["size_3"], davos["size_5"]) == ("1", "1", "0")
    assert (davos["largest_size"], davos["slab"], davos["images"]) == ("3", "1", "1")
    assert davos["area_m2"] == "50.0"
    assert (davos["first_observed"], davos["last_observed"]) == (
        "2026-01-03T10:00:00Z",
        "2026-01-03T23:30:00Z",
    )


def season(folder):
    """Photos of two cameras on three days: avalanches, nothing released, nobody could see."""
    photos = folder / "photos"
    photos.mkdir()
    states = {
        "davos_2026-01-03_1000.jpg": PhotoState.AVALANCHES,
        "davos_2026-01-04_1000.jpg": PhotoState.NOTHING,
        "davos_2026-01-05_1000.jpg": PhotoState.HIDDEN,
        "zuoz_2026-01-03_1000.jpg": None,
        "zuoz_2026-01-04_1000.jpg": PhotoState.NOTHING,
    }
    for name in states:
        write_png(photos / name, np.zeros((4, 4), np.uint8))
    store = SeriesStore.create(folder / "w.series", [photos], NameRule(zone="UTC"))
    store.append(
        Review(f"photos/{name}", state=state) for name, state in states.items() if state is not None
    )
    return store.path


@pytest.mark.parametrize("mapped", [True, False])
def test_with_a_series_the_table_has_days_without_avalanches(tmp_path, mapped):
    at = {"uuid": "1", "observed_at": "2026-01-03T10:00", "camera_id": "of the pose"}
    features = [
        (on_map(SQUARE), {**at, "image_name": "davos_2026-01-03_1000.jpg", "size_eaws": 2}),
        (on_map(PARTS), {**at, "uuid": "2", "image_name": "zuoz_2026-01-03_1000.jpg"}),
        (on_map(PARTS), {**at, "uuid": "3", "image_name": "elsewhere.jpg"}),
    ]
    outlines = layer(tmp_path / "o.gpkg", "avalanches", features if mapped else [], LV95)
    export("csv", outlines, "--series", season(tmp_path), "-o", tmp_path / "t.csv")
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    found = [(row["date"], row["camera"], row["avalanches"], row["observation"]) for row in rows]
    expected = [
        ("2026-01-03", "davos", "1", "full"),
        ("2026-01-03", "of the pose", "1", ""),
        ("2026-01-03", "zuoz", "1", "limited"),  # somebody saw it, whatever was noted
        ("2026-01-04", "davos", "0", "full"),
        ("2026-01-04", "zuoz", "0", "full"),
        ("2026-01-05", "davos", "", "none"),
    ]
    if not mapped:
        expected[:3] = [
            ("2026-01-03", "davos", "0", "full"), ("2026-01-03", "zuoz", "", "none"),
        ]  # fmt: skip
    assert found == expected
    zeros, unknown = rows[-2], rows[-1]
    assert (zeros["size_1"], zeros["area_m2"], zeros["slab"]) == ("0", "0", "0")
    assert (unknown["size_1"], unknown["area_m2"], unknown["slab"]) == ("", "", "")


def test_rejected_avalanches_are_told_to_nobody(tmp_path, dem):
    photo(tmp_path / "a.png")
    made = {"image_name": "a.png", "part": "release", "observed_at": "2026-01-03T10:00"}
    reviews = {"1": "rejected", "2": "accepted", "3": ""}
    outlines = tmp_path / "o.gpkg"
    mapped = [(on_map(SQUARE), {**made, "uuid": n, "review": r}) for n, r in reviews.items()]
    layer(outlines, "avalanches", mapped, LV95)
    drawn = [(in_pixels(SQUARE), {**made, "uuid": n, "review": r}) for n, r in reviews.items()]
    layer(outlines, "avalanches_pixels", drawn, None, append=True)
    on_the_map = (outlines, "--layer", "avalanches", "-o")
    export("geojson", *on_the_map, tmp_path / "o.geojson")
    export("awsome", *on_the_map, tmp_path / "o.json")
    export("avaframe", *on_the_map, tmp_path / "r.gpkg", "--dem", dem)
    export("coco", outlines, "-o", tmp_path / "coco.json")
    export("csv", outlines, "-o", tmp_path / "t.csv")
    assert len(json.loads((tmp_path / "o.geojson").read_text())["features"]) == 2
    assert len(json.loads((tmp_path / "o.json").read_text())) == 2
    assert len(json.loads((tmp_path / "coco.json").read_text())["annotations"]) == 2
    meta, _, _, columns = read(str(tmp_path / "r.gpkg"))
    assert list(columns[list(meta["fields"]).index("uuid")]) == ["2", "3"]
    (row,) = csv.DictReader((tmp_path / "t.csv").open())
    assert row["avalanches"] == "2"


@pytest.mark.parametrize("form", ["coco", "geojson", "awsome", "csv"])
def test_files_that_cannot_be_read_or_written(tmp_path, capsys, form):
    suffix = {"coco": ".json", "geojson": ".geojson", "awsome": ".json", "csv": ".csv"}[form]
    assert "no such file" in refusal(
        capsys, form, tmp_path / "no.gpkg", "-o", tmp_path / f"o{suffix}"
    )
    outlines = layer(tmp_path / "o.gpkg", "avalanches", [(on_map(SQUARE), {"uuid": "1"})], LV95)
    assert "cannot be written" in refusal(capsys, form, outlines, "-o", tmp_path / "o.xyz")
    assert "make the folder" in refusal(
        capsys, form, outlines, "-o", tmp_path / "no" / f"o{suffix}"
    )
