"""The algorithms in `qgis_process`, from the plugin's zip in the profile of a new user."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr, osr
from toolbox import ROOT, Toolbox

ALGORITHMS = {
    "segment",
    "maskstopolygons",
    "polygonstomask",
    "solvecamera",
    "screenphotos",
    "registerphotos",
    "phototomap",
    "maptophoto",
    "drape",
    "compare",
    "finetune",
    "exportcoco",
    "exportgeojson",
    "exportavaframe",
    "exportawsome",
    "exporttable",
    "mergegeopackages",
    "report",
}
LV95 = 2056


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory, interpreter) -> Toolbox:
    return Toolbox(tmp_path_factory.mktemp("toolbox"), interpreter)


@pytest.fixture(scope="module")
def scene(tmp_path_factory, interpreter) -> Path:
    """A photo with three avalanches, control points, DEM, and what is true of them."""
    folder = tmp_path_factory.mktemp("scene")
    command = [interpreter, "-m", "training", "synthetic", folder, "--seed", "5", "--count", "1"]
    kept = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    subprocess.run([*command, "--size", "640x400"], check=True, cwd=ROOT, env=kept)
    return folder / "scene_000001"


@pytest.fixture(scope="module")
def outlines(scene, toolbox) -> Path:
    """The avalanches as polygons in pixels of the photo."""
    path = scene / "pixels.gpkg"
    toolbox.run("maskstopolygons", INPUT=scene / "labels.png", OUTPUT=path)
    return path


@pytest.fixture(scope="module")
def camera(scene, toolbox) -> Path:
    """The camera, posed from the control points."""
    path = scene / "posed.json"
    toolbox.run(
        "solvecamera",
        GCPS=scene / "gcps.csv",
        PHOTO=scene / "picture.jpg",
        CRS=f"EPSG:{LV95}",
        OUTPUT=path,
    )
    return path


def read(path: Path) -> np.ndarray:
    return gdal.Open(str(path)).ReadAsArray()


def features(path: Path) -> list[ogr.Feature]:
    source = ogr.Open(str(path))
    return [feature.Clone() for feature in source.GetLayer(0)]


def write_layer(path: Path, shapes: list[tuple], epsg: int | None, fields: dict = {}) -> Path:  # noqa: B006
    """Write (WKT, *values) as a GeoPackage."""
    kinds = {int: ogr.OFTInteger, str: ogr.OFTString, float: ogr.OFTReal}
    reference = None
    if epsg:
        reference = osr.SpatialReference()
        reference.ImportFromEPSG(epsg)
    source = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = source.CreateLayer(path.stem, reference, ogr.wkbUnknown)
    for name, kind in fields.items():
        layer.CreateField(ogr.FieldDefn(name, kinds[kind]))
    for wkt, *values in shapes:
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkt(wkt))
        for name, value in zip(fields, values, strict=False):
            if value is not None:
                feature.SetField(name, value)
        layer.CreateFeature(feature)
    return path


def masks(scene: Path) -> dict[int, np.ndarray]:
    paths = sorted((scene / "masks").glob("*.png"))
    return {number: read(path) > 0 for number, path in enumerate(paths, 1)}


def deepest(mask: np.ndarray) -> tuple[int, int]:
    """(row, col) far from the mask's edge."""
    inside = mask
    while True:
        inner = inside.copy()
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            inner &= np.roll(inside, step, axis)
        if not inner.any():
            return tuple(int(value) for value in np.argwhere(inside)[0])
        inside = inner


def point(row: float, col: float) -> str:
    return f"POINT ({col + 0.5} {-row - 0.5})"


def box_round(mask: np.ndarray) -> str:
    rows, cols = np.nonzero(mask)
    west, east, top, bottom = cols.min(), cols.max() + 1, -rows.min(), -rows.max() - 1
    return f"POLYGON (({west} {top},{east} {top},{east} {bottom},{west} {bottom},{west} {top}))"


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


# --- what is there ------------------------------------------------------------------------------


def test_all_algorithms_are_listed(toolbox):
    done = toolbox.call("--json", "list")
    listed = json.loads(done.stdout)["providers"]["avalanche_iseg"]["algorithms"]
    assert {name.partition(":")[2] for name in listed} == ALGORITHMS
    assert "Traceback" not in done.stderr


def test_every_algorithm_explains_itself(plugin):
    from qgis.core import QgsApplication

    registry = QgsApplication.processingRegistry()
    for name in ALGORITHMS:
        algorithm = registry.algorithmById(f"avalanche_iseg:{name}")
        assert algorithm.displayName()
        assert len(algorithm.shortHelpString()) > 60
        assert algorithm.group()
        assert all(each.description() for each in algorithm.parameterDefinitions())


def test_they_go_with_the_plugin(plugin):
    from qgis import utils
    from qgis.core import QgsApplication

    registry = QgsApplication.processingRegistry()
    assert registry.providerById("avalanche_iseg")
    utils.unloadPlugin("avalanche_iseg_qgis")
    assert registry.providerById("avalanche_iseg") is None
    assert utils.loadPlugin("avalanche_iseg_qgis")
    assert utils.startPlugin("avalanche_iseg_qgis")


# --- masks and polygons -------------------------------------------------------------------------


def test_masks_become_polygons_and_come_back(scene, toolbox, outlines):
    found = features(outlines)
    truth = masks(scene)
    areas = sorted(int(mask.sum()) for mask in truth.values())
    assert sorted(feature["area_px"] for feature in found) == areas
    back = scene / "back.png"
    toolbox.run(
        "polygonstomask", INPUT=outlines, RASTER=scene / "picture.jpg", EACH=True, OUTPUT=back
    )
    labels = read(back)
    assert len(np.unique(labels)) == len(truth) + 1
    assert np.array_equal(labels > 0, np.any(list(truth.values()), axis=0))


def test_parts_and_holes_are_one_polygon_on_the_map(toolbox, tmp_path):
    values = np.zeros((40, 60), np.uint8)
    values[5:25, 5:25] = values[30:35, 40:50] = 255
    values[10:15, 10:15] = 0
    path = tmp_path / "mask.tif"
    raster = gdal.GetDriverByName("GTiff").Create(str(path), 60, 40)
    raster.SetGeoTransform((2_600_000, 2, 0, 1_200_000, 0, -2))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(LV95)
    raster.SetProjection(reference.ExportToWkt())
    raster.GetRasterBand(1).WriteArray(values)
    raster = None
    toolbox.run("maskstopolygons", INPUT=path, OUTPUT=tmp_path / "polygons.gpkg")
    (feature,) = features(tmp_path / "polygons.gpkg")
    geometry = feature.GetGeometryRef()
    assert geometry.GetGeometryCount() == 2
    assert sorted(part.GetGeometryCount() for part in geometry) == [1, 2]
    assert geometry.GetArea() == pytest.approx(4 * (values > 0).sum())
    toolbox.run(
        "polygonstomask",
        INPUT=tmp_path / "polygons.gpkg",
        RASTER=path,
        OUTPUT=tmp_path / "again.tif",
    )
    again = gdal.Open(str(tmp_path / "again.tif"))
    assert np.array_equal(again.ReadAsArray(), values)
    assert again.GetGeoTransform() == (2_600_000, 2, 0, 1_200_000, 0, -2)


# --- segmentation -------------------------------------------------------------------------------


def test_points_and_boxes_segment_avalanches(scene, toolbox, outlines, tmp_path):
    truth = list(masks(scene).values())
    chosen = sorted(truth, key=np.count_nonzero)[-2:]
    boxes = write_layer(tmp_path / "boxes.gpkg", [(box_round(mask),) for mask in chosen], None)
    rows = [(point(*deepest(mask)), "+") for mask in chosen]
    points = write_layer(tmp_path / "points.gpkg", rows, None, {"kind": str})
    found = tmp_path / "found.gpkg"
    toolbox.run(
        "segment",
        INPUT=scene / "picture.jpg",
        POINTS=points,
        LABEL="kind",
        BOXES=boxes,
        OUTPUT=found,
    )
    assert [feature["n_clicks"] for feature in features(found)] == [1, 1]
    assert all(feature["uuid"] and feature["prompts"] for feature in features(found))
    results = toolbox.run(
        "compare",
        INPUT=found,
        REFERENCE=outlines,
        RASTER=scene / "picture.jpg",
        OUTPUT=tmp_path / "compared.gpkg",
    )
    assert (results["MATCHED"], results["EXTRA"], results["MISSED"]) == (2, 0, len(truth) - 2)
    assert results["MEAN_IOU"] > 0.3
    assert results["REPLAYED"] == 2
    assert 0 <= results["NOC_85"] <= results["NOC_90"] <= 2
    courses = [feature["iou_by_click"] for feature in features(tmp_path / "compared.gpkg")]
    assert sorted(len((course or "").split()) for course in courses) == [0] * (len(truth) - 2) + [
        2,
        2,
    ]


def test_points_of_another_crs_segment_a_raster(scene, toolbox, interpreter, tmp_path):
    """As on the command line: an object named by a field, a raster in LV95, points in WGS 84."""
    raster = tmp_path / "raster.tif"
    gdal.Translate(
        str(raster),
        str(scene / "picture.jpg"),
        outputSRS=f"EPSG:{LV95}",
        outputBounds=(2_600_000, 1_200_200, 2_600_320, 1_200_000),
    )
    mask = max(masks(scene).values(), key=np.count_nonzero)
    row, col = deepest(mask)
    transform = osr.CoordinateTransformation(crs(LV95), crs(4326))
    lon, lat, _ = transform.TransformPoint(2_600_000 + (col + 0.5) / 2, 1_200_200 - (row + 0.5) / 2)
    beside = transform.TransformPoint(2_600_001, 1_200_199)
    shapes = [(f"POINT ({lon} {lat})", 1, "a"), (f"POINT ({beside[0]} {beside[1]})", 0, "a")]
    points = write_layer(tmp_path / "p.gpkg", shapes, 4326, {"on": int, "name": str})
    found = tmp_path / "found.gpkg"
    toolbox.run("segment", INPUT=raster, POINTS=points, LABEL="on", OBJECT="name", OUTPUT=found)
    (feature,) = features(found)
    assert np.allclose(
        json.loads(feature["prompts"])["clicks"], [[row, col, 1], [1.5, 1.5, 0]], atol=0.05
    )
    assert (feature["object"], feature["n_clicks"]) == ("a", 2)
    assert feature["area_m2"] > 0
    toolbox.run("polygonstomask", INPUT=found, RASTER=raster, OUTPUT=tmp_path / "mask.tif")
    command = [interpreter, "-m", "core", "segment", raster, "--out", tmp_path / "core.png"]
    command += ["--click", f"{col},{row}", "1.5,1.5,-"]
    subprocess.run(command, check=True, cwd=ROOT, env={"PATH": "/usr/bin:/bin"})
    by_core = read(tmp_path / "core.png") > 0
    assert by_core.any()
    assert iou(read(tmp_path / "mask.tif") > 0, by_core) > 0.95


def crs(epsg: int) -> osr.SpatialReference:
    found = osr.SpatialReference()
    found.ImportFromEPSG(epsg)
    found.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return found


# --- photos on the map --------------------------------------------------------------------------


def test_a_camera_is_posed_where_it_stands(scene, camera):
    truth = json.loads((scene / "camera.json").read_text())
    found = json.loads(camera.read_text())
    assert np.hypot(found["x"] - truth["x"], found["y"] - truth["y"]) < 30
    assert abs(found["yaw_deg"] - truth["yaw_deg"]) < 1
    assert (found["image"], found["name"]) == ("picture.jpg", "posed")
    assert len(found["points"]) > 10


def test_outlines_come_to_the_map_and_back(scene, toolbox, outlines, camera, tmp_path):
    on_map = tmp_path / "map.gpkg"
    dem = scene / "dem.tif"
    toolbox.run("phototomap", INPUT=outlines, CAMERA=camera, DEM=dem, OUTPUT=on_map)
    found = features(on_map)
    assert len(found) == len(masks(scene))
    assert all(feature["area_m2"] > 0 and feature["aspect_8"] for feature in found)
    results = toolbox.run(
        "compare", INPUT=on_map, REFERENCE=scene / "outlines.gpkg", OUTPUT=tmp_path / "a.gpkg"
    )
    assert results["MATCHED"] == len(found)
    assert results["MEAN_IOU"] > 0.6
    in_photo = tmp_path / "photo.gpkg"
    toolbox.run("maptophoto", INPUT=on_map, CAMERA=camera, DEM=dem, OUTPUT=in_photo)
    results = toolbox.run("compare", INPUT=in_photo, REFERENCE=outlines, OUTPUT=tmp_path / "b.gpkg")
    assert (results["MATCHED"], results["EXTRA"]) == (len(found), 0)
    assert results["MEAN_IOU"] > 0.8


def test_a_photo_is_draped(scene, toolbox, camera, tmp_path):
    toolbox.run(
        "drape",
        PHOTO=scene / "picture.jpg",
        CAMERA=camera,
        DEM=scene / "dem.tif",
        CELL=10,
        OUTPUT=tmp_path / "ortho.tif",
    )
    raster = gdal.Open(str(tmp_path / "ortho.tif"))
    assert raster.RasterCount == 4
    assert raster.GetGeoTransform()[1] == 10
    assert osr.SpatialReference(raster.GetProjection()).GetAuthorityCode(None) == str(LV95)


def test_photos_of_a_folder_are_screened(scene, toolbox, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    picture = gdal.Open(str(scene / "picture.jpg")).ReadAsArray()
    noise = np.random.default_rng(1)
    for hour in range(8, 16):  # pictures of one day that no two are alike, and one at night
        shown = picture * (0.9 + 0.02 * (hour - 8)) + noise.normal(0, 2, picture.shape)
        write_jpeg(photos / f"cam_20260103_{hour:02}00.jpg", shown)
    write_jpeg(photos / "cam_20260103_2300.jpg", noise.normal(3, 1, picture.shape))
    write_jpeg(photos / "undated.jpg", picture)
    series = tmp_path / "made" / "winter.series"
    given = {"FOLDER": photos, "ZONE": "UTC", "SERIES": series}
    found = toolbox.run("screenphotos", **given, OUTPUT=tmp_path / "table.csv")
    assert (found["USABLE"], found["USELESS"]) == (8, 1)
    rows = {row["photo"]: row for row in features(tmp_path / "table.csv")}
    assert len(rows) == 10
    night = rows["cam_20260103_2300.jpg"]
    assert (night["look"], night["camera"]) == ("night", "cam")
    assert night["observed_at"] == "2026-01-03T23:00:00Z"
    assert night["reason"]
    assert rows["undated.jpg"]["reason"]
    assert not rows["undated.jpg"]["look"]
    assert "night" in (series / "program-screening.jsonl").read_text()
    again = toolbox.run("screenphotos", FOLDER=series, OUTPUT=tmp_path / "again.csv", WORKERS=2)
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "table.csv").read_bytes()
    assert Path(again["SERIES"]) == series
    kept = toolbox.run("screenphotos", FOLDER=photos, ZONE="UTC", OUTPUT=tmp_path / "third.csv")
    assert kept["USABLE"] == 8
    assert not kept["SERIES"]
    assert sorted(path.name for path in photos.iterdir()) == sorted(rows)


def write_jpeg(path: Path, values: np.ndarray) -> None:
    memory = gdal.GetDriverByName("MEM").Create("", values.shape[2], values.shape[1], 3)
    memory.WriteArray(values.clip(0, 255).astype(np.uint8))
    gdal.GetDriverByName("JPEG").CreateCopy(str(path), memory, options=["QUALITY=95"])


def test_photos_of_a_folder_are_registered(scene, toolbox, camera, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    picture = gdal.Open(str(scene / "picture.jpg")).ReadAsArray()
    moved = np.roll(picture, (2, 4), (1, 2))
    noise = np.random.default_rng(1).integers(0, 255, picture.shape).astype(np.uint8)
    (photos / "below").mkdir()
    wanted = "cam_20260103_1000.jpg", "below/cam_20260103_1100.jpg"
    for name, values in (
        (wanted[0], moved),
        (wanted[1], np.roll(picture, (-1, 2), (1, 2))),
        ("cam_20260103_1200.jpg", noise),
        ("undated.jpg", moved),
    ):
        write_jpeg(photos / name, values)
    cut = "cam_20260103_1300.jpg"
    (photos / cut).write_bytes((scene / "picture.jpg").read_bytes()[:3000])
    table, cameras = tmp_path / "table.csv", tmp_path / "cameras"
    given = {"FOLDER": photos, "CAMERA": camera, "CAMERAS": cameras}
    results = toolbox.run(
        "registerphotos", **given, ZONE="UTC", DEM=scene / "dem.tif", OUTPUT=table
    )
    assert (results["TRUSTED"], results["REFUSED"]) == (2, 3)
    assert (results["NEED_POINTS"], results["VIEW_COUNT"]) == (0, 1)
    rows = {row["key"]: row for row in features(table)}
    for name in ("undated.jpg", "cam_20260103_1200.jpg", cut):
        assert rows[f"photos/{name}"]["reason"]
    row = rows[f"photos/{wanted[0]}"]
    assert row["observed_at"] == "2026-01-03T10:00:00Z"
    assert 3 < float(row["shift_px"]) < 6
    for name in wanted:
        row = rows[f"photos/{name}"]
        assert (row["photo"], row["state"], row["view"]) == (Path(name).name, "posed", "1")
        assert abs(float(row["drift_deg"])) < 1
        assert float(row["sigma_deg"]) < 0.1
        record = json.loads((cameras / row["camera"]).read_text())
        image = ((cameras / row["camera"]).parent / record["image"]).resolve()
        assert image == (photos / name).resolve()
    for name, told in (("POSES", "drift_yaw_deg"), ("VIEWS", "turn_deg")):
        assert told in Path(results[name]).read_text()


def test_the_command_goes_on_with_what_the_algorithm_registered(
    scene, toolbox, camera, interpreter, tmp_path
):
    photos, cameras = tmp_path / "p", tmp_path / "cameras"
    photos.mkdir()
    for hour in (10, 11):
        shutil.copy(scene / "picture.jpg", photos / f"cam_20260103_{hour}00.jpg")
    toolbox.run(
        "registerphotos", FOLDER=photos, CAMERA=camera, CAMERAS=cameras, ZONE="UTC",
        WORKERS=2, OUTPUT=tmp_path / "table.csv",
    )  # fmt: skip
    before = {path: path.read_bytes() for path in cameras.rglob("*.csv")}
    assert len(before) == 2
    command = [interpreter, "-m", "core", "camera", "register", photos, "--camera", camera]
    command += ["--zone", "UTC", "-o", cameras]
    subprocess.run(command, check=True, cwd=ROOT, env={"PATH": "/usr/bin:/bin"})
    assert {path: path.read_bytes() for path in cameras.rglob("*.csv")} == before


# --- exchange -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mapped(scene, toolbox, camera) -> tuple[Path, Path]:
    """Segmented avalanches: in pixels of the photo, and on the map."""
    boxes = [(box_round(mask),) for mask in masks(scene).values()]
    layer = write_layer(scene / "all_boxes.gpkg", boxes, None)
    in_photo, on_map = scene / "in_photo.gpkg", scene / "on_map.gpkg"
    toolbox.run("segment", INPUT=scene / "picture.jpg", BOXES=layer, OUTPUT=in_photo)
    toolbox.run("phototomap", INPUT=in_photo, CAMERA=camera, DEM=scene / "dem.tif", OUTPUT=on_map)
    return in_photo, on_map


def test_exports_are_those_of_the_command_line(scene, toolbox, interpreter, mapped, tmp_path):
    """Each form, but for the order of numbers, from QGIS and from `core`."""
    in_photo, on_map = mapped
    for algorithm, form, layer, suffix in (
        ("exportcoco", "coco", in_photo, ".json"),
        ("exportgeojson", "geojson", on_map, ".geojson"),
        ("exportawsome", "awsome", on_map, ".json"),
        ("exporttable", "csv", on_map, ".csv"),
    ):
        ours, theirs = tmp_path / f"{form}_qgis{suffix}", tmp_path / f"{form}_core{suffix}"
        toolbox.run(algorithm, INPUT=layer, OUTPUT=ours)
        command = [interpreter, "-m", "core", "export", form, layer, "-o", theirs]
        subprocess.run(command, check=True, cwd=ROOT, env={"PATH": "/usr/bin:/bin"})
        if suffix == ".csv":
            assert ours.read_text() == theirs.read_text()
        else:
            assert like(json.loads(ours.read_text()), json.loads(theirs.read_text()))
    content = json.loads((tmp_path / "coco_qgis.json").read_text())
    assert [image["file_name"] for image in content["images"]] == ["picture.jpg"]
    assert len(content["annotations"]) == len(features(in_photo))
    for annotation in json.loads((tmp_path / "awsome_qgis.json").read_text()):
        assert annotation["aspect"]


def test_the_table_has_the_days_without_avalanches(scene, toolbox, interpreter, mapped, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("cam_2024-01-15_0800.jpg", "cam_2024-01-16_0800.jpg"):
        shutil.copy(scene / "picture.jpg", folder / name)
    series, first = tmp_path / "w.series", "cam_2024-01-15_0800.jpg"
    for words in (
        ("list", folder, "--zone", "UTC", "--save", series),
        ("mark", series, first, "--state", "nothing"),
    ):
        command = [interpreter, "-m", "core", "series", *words]
        subprocess.run(command, check=True, cwd=ROOT, env={"PATH": "/usr/bin:/bin"})
    out = tmp_path / "days.csv"
    toolbox.run("exporttable", INPUT=mapped[1], SERIES=series, OUTPUT=out)
    days = [line.split(",") for line in out.read_text().splitlines()[1:]]
    found = {(day[0], day[1]): (day[3], day[-1]) for day in days}
    assert found["2024-01-15", "cam"] == ("0", "full")
    assert found["2024-01-16", "cam"] == ("", "none")


def pages(path: Path) -> int:
    """The number of pages of a PDF that is whole."""
    content = path.read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    return int(re.search(rb"/Count (\d+)", content)[1])


def test_the_report_has_a_page_for_each_avalanche_or_day(scene, toolbox, mapped, tmp_path):
    in_photo, on_map = mapped
    count = len(features(on_map))
    out = tmp_path / "report.pdf"
    whole = {"INPUT": on_map, "PIXELS": in_photo, "IMAGES": scene, "DEM": scene / "dem.tif"}
    toolbox.run("report", **whole, OUTPUT=out, SERVICE="Warning service")
    assert pages(out) == count
    toolbox.run("report", **whole, PAGES=1, OUTPUT=out)
    assert pages(out) == 1
    toolbox.run("report", INPUT=in_photo, FILTER="$id = 1", OUTPUT=out)  # no map, perhaps no photo
    assert pages(out) == 1
    assert "leaves no feature" in toolbox.refusal(
        "report", INPUT=on_map, FILTER="$id < 0", OUTPUT=out
    )
    assert "cannot be evaluated" in toolbox.refusal(
        "report", INPUT=on_map, FILTER="no_field = ", OUTPUT=out
    )


def like(one: object, other: object) -> bool:
    """Whether JSON values are equal, numbers but for rounding."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(like(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(like, one, other))
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return one == pytest.approx(other, rel=1e-6, abs=1e-6)
    return bool(one == other)


def test_release_areas_are_a_shapefile_in_the_crs_of_the_dem(scene, toolbox, mapped, tmp_path):
    out = tmp_path / "release.shp"
    given = {"INPUT": mapped[1], "DEM": scene / "dem.tif", "OUTPUT": out}
    assert "release areas" in toolbox.refusal("exportavaframe", **given)
    toolbox.run("exportavaframe", **given, ALL_PARTS=True, THICKNESS=1.2)
    found = features(out)
    assert len(found) >= len(features(mapped[1]))
    assert {feature["thickness"] for feature in found} == {1.2}
    assert all(feature.GetGeometryRef().GetGeometryCount() == 1 for feature in found)
    layer = ogr.Open(str(out))
    assert layer.GetLayer(0).GetSpatialRef().GetAuthorityCode(None) == str(LV95)


# --- what is refused ----------------------------------------------------------------------------


def test_without_an_environment_it_says_what_to_do(scene, toolbox, tmp_path):
    alone = {k: v for k, v in toolbox.variables.items() if k != "AVALANCHE_ISEG_PYTHON"}
    toolbox.variables, kept = alone, toolbox.variables
    try:
        points = write_layer(tmp_path / "p.gpkg", [(point(50, 50),)], None)
        said = toolbox.refusal(
            "segment", INPUT=scene / "picture.jpg", POINTS=points, OUTPUT=tmp_path / "o.gpkg"
        )
    finally:
        toolbox.variables = kept
    assert "Set up…" in said


@pytest.mark.parametrize(
    ("shapes", "epsg", "fields", "more", "words"),
    [
        ([], None, {}, {}, "has no features"),
        ([("POINT (100 -100)",)], LV95, {}, {}, "in pixels of the photo"),
        ([("POINT (1000 -100)",)], None, {}, {}, "lies outside of the image"),
        ([("POINT (100 -100)", "maybe")], None, {"on": str}, {"LABEL": "on"}, "write 1 for points"),
        (None, None, {}, {}, "Nothing to segment from"),
        ([("POINT (100 -100)",)], None, {}, {"MODEL": "no_such_model"}, "no_such_model"),
    ],
)
def test_prompts_that_do_not_fit(scene, toolbox, tmp_path, shapes, epsg, fields, more, words):
    given = {}
    if shapes is not None:
        given["POINTS"] = write_layer(tmp_path / "points.gpkg", shapes, epsg, fields)
    said = toolbox.refusal(
        "segment", INPUT=scene / "picture.jpg", **given, **more, OUTPUT=tmp_path / "o.gpkg"
    )
    assert words in said


def test_a_raster_whose_crs_is_not_known(scene, toolbox, tmp_path):
    shutil.copy(scene / "picture.jpg", tmp_path / "ortho.jpg")
    (tmp_path / "ortho.jgw").write_text("0.5\n0\n0\n-0.5\n2600000\n1200000\n")
    points = write_layer(tmp_path / "p.gpkg", [("POINT (2600100 1199900)",)], LV95)
    said = toolbox.refusal(
        "segment", INPUT=tmp_path / "ortho.jpg", POINTS=points, OUTPUT=tmp_path / "o.gpkg"
    )
    assert "set its CRS" in said


def test_files_that_are_not_there(scene, toolbox, outlines, camera, tmp_path):
    given = {"INPUT": outlines, "OUTPUT": tmp_path / "o.gpkg"}
    said = toolbox.refusal("phototomap", **given, CAMERA=camera, DEM=tmp_path / "no.tif")
    assert "DEM: choose a file or layer that exists" in said
    said = toolbox.refusal(
        "phototomap", **given, CAMERA=tmp_path / "no.json", DEM=scene / "dem.tif"
    )
    assert "no.json" in said
    said = toolbox.refusal(
        "phototomap",
        INPUT=scene / "outlines.gpkg",
        CAMERA=camera,
        DEM=scene / "dem.tif",
        OUTPUT=tmp_path / "o.gpkg",
    )
    assert "choose a layer without CRS" in said


def test_control_points_in_a_crs_that_is_no_map(scene, toolbox, tmp_path):
    given = {"GCPS": scene / "gcps.csv", "PHOTO": scene / "picture.jpg"}
    said = toolbox.refusal("solvecamera", **given, CRS="EPSG:4326", OUTPUT=tmp_path / "c.json")
    assert "in metres" in said
    said = toolbox.refusal(
        "solvecamera",
        GCPS=scene / "gcps.csv",
        PHOTO=tmp_path / "no.jpg",
        CRS=f"EPSG:{LV95}",
        OUTPUT=tmp_path / "c.json",
    )
    assert "no.jpg" in said
