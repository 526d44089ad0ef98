"""Inputs that do not fit get one sentence, in the algorithms themselves: no other exception."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import rasters
from hills import PLACES, camera, pixel_of, write_dem
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsVectorLayer,
)
from waiting import wait_until

SIZE = (240, 160)
SQUARE = "POLYGON ((20 -20, 60 -20, 60 -60, 20 -60, 20 -20))"
BOW = "POLYGON ((20 -20, 60 -60, 60 -20, 20 -60, 20 -20))"
MAP = "POLYGON ((2702000 1147000, 2702200 1147000, 2702200 1147200, 2702000 1147000))"


def layer(
    shapes: list, *, crs: str = "", kind: str = "Polygon", fields: str = ""
) -> QgsVectorLayer:
    """A layer in memory of the project: (WKT or None, *values) each."""
    where = f"&crs={crs}" if crs else ""
    made = QgsVectorLayer(f"{kind}?{fields}{where}", "given", "memory")
    for wkt, *values in shapes:
        feature = QgsFeature(made.fields())
        if wkt:
            feature.setGeometry(QgsGeometry.fromWkt(wkt))
        feature.setAttributes(values)
        assert made.dataProvider().addFeature(feature)
    made.updateExtents()
    if not crs:
        made.setCrs(QgsCoordinateReferenceSystem())
    QgsProject.instance().addMapLayer(made)
    return made


@pytest.fixture
def given(tmp_path) -> dict[str, str]:
    """Files: a photo, a raster, a mask, a DEM, a camera, control points."""
    width, height = SIZE
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 255, (height, width, 3)).astype(np.uint8)
    mask = np.zeros((height, width, 1), np.uint8)
    mask[20:60, 20:60] = 255
    place = (2_702_000.0, 1.0, 0.0, 1_147_200.0, 0.0, -1.0)
    rasters.write(tmp_path / "photo.png", pixels, driver="PNG")
    rasters.write(tmp_path / "mask.png", mask, driver="PNG")
    rasters.write(tmp_path / "empty.png", 0 * mask, driver="PNG")
    rasters.write(tmp_path / "raster.tif", pixels, transform=place, epsg=rasters.LV95)
    rasters.write(tmp_path / "bare.tif", pixels, transform=place)
    write_dem(tmp_path / "dem.tif")
    seen = camera(width, height)
    rows = ["name,u_px,v_px,x,y,z"]
    for number, (east, north) in enumerate(PLACES):
        u, v, x, y = pixel_of(seen, east, north)
        rows.append(f"{number},{u:.3f},{v:.3f},{x:.3f},{y:.3f},")
    (tmp_path / "gcps.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "few.csv").write_text("\n".join(rows[:3]) + "\n")
    (tmp_path / "words.csv").write_text("this is,no table\nof points,at all\n")
    from avalanche_iseg_qgis.core.camera import CameraRecord

    CameraRecord(seen, rasters.LV95, image="photo.png").write(tmp_path / "camera.json")
    (tmp_path / "broken.json").write_text('{"format": "avalanche-iseg camera 1"')
    (tmp_path / "none").mkdir()
    return {path.name: str(path) for path in tmp_path.iterdir()} | {"": str(tmp_path)}


def run(name: str, parameters: dict) -> dict:
    """Run an algorithm as QGIS does, but with Python's own exceptions."""
    algorithm = QgsApplication.processingRegistry().algorithmById(f"avalanche_iseg:{name}").create()
    context, feedback = QgsProcessingContext(), QgsProcessingFeedback()
    context.setProject(QgsProject.instance())
    fits, text = algorithm.checkParameterValues(parameters, context)
    if not fits:
        raise QgsProcessingException(text)
    algorithm.prepareAlgorithm(parameters, context, feedback)
    return algorithm.processAlgorithm(parameters, context, feedback)


def refusal(name: str, parameters: dict) -> str:
    with pytest.raises(QgsProcessingException) as caught:
        run(name, parameters)
    said = str(caught.value)
    assert 15 < len(said) < 700
    assert "Traceback" not in said
    return said


MEMORY = "memory:"


@pytest.mark.parametrize(
    ("shapes", "options", "more", "words"),
    [
        ([(None,)], {}, {}, "has no geometry"),
        ([("LINESTRING (1 -1, 9 -9)",)], {"kind": "LineString"}, {}, "is no point"),
        ([("POINT (10 -10)",)], {}, {"LABEL": "nothing"}, "no field nothing"),
        ([("POINT (10 -10)",)], {}, {"OBJECT": "nothing"}, "no field nothing"),
        ([("POINT (10 -10)", None)], {"fields": "field=on:integer"}, {"LABEL": "on"}, "write 1"),
        ([("POINT (10 -10)", "x")], {"fields": "field=on:string"}, {"LABEL": "on"}, "write 1"),
        ([("POINT (10 10)",)], {}, {}, "outside of the image"),
        ([("MULTIPOINT (10 -10, 500 -10)",)], {"kind": "MultiPoint"}, {}, "outside of the image"),
        ([("POINT (nan nan)",)], {}, {}, ""),
        ([("POINT (10 -10)",)], {"crs": "EPSG:4326"}, {}, "is a photo"),
        ([("POINT (10 -10)",)], {}, {"MODEL": "/no/such/file.pth"}, "file.pth"),
        ([("POINT (10 -10)",)], {}, {"DEVICE": "abacus"}, "abacus"),
        ([("POINT (10 -10)",)], {}, {"INPUT": "/no/photo.jpg"}, "INPUT"),
        ([("POINT (10 -10)",)], {}, {"INPUT": "raster.tif"}, "no coordinate system"),
        ([("POINT (10 -10)",)], {}, {"INPUT": "bare.tif"}, "set its CRS"),
        ([("POINT (9e9 9e9)",)], {"crs": "EPSG:4326"}, {"INPUT": "raster.tif"}, ""),
        ([("POINT (10 -10)",)], {}, {"OUTPUT": "/no/such/folder/o.gpkg"}, ""),
        ([("POINT (10 -10)",)], {}, {"THRESHOLD": 7}, "THRESHOLD"),
    ],
)
def test_segment(plugin, given, shapes, options, more, words):
    points = layer(shapes, **{"kind": "Point", **options})
    more = {name: given.get(str(value), value) for name, value in more.items()}
    parameters = {"INPUT": given["photo.png"], "POINTS": points, "OUTPUT": MEMORY, **more}
    assert words in refusal("segment", parameters)


@pytest.mark.parametrize(
    ("boxes", "points", "words"),
    [
        (["POLYGON ((300 -1, 400 -1, 400 -9, 300 -1))"], [], "outside of the image"),
        (["POLYGON ((5 -5, 5 -9, 5 -5))"], [], ""),
        ([SQUARE], ["POINT (100 -100)"], "in 0 boxes"),
        ([SQUARE, SQUARE], ["POINT (30 -30)"], "in 2 boxes"),
    ],
)
def test_boxes(plugin, given, boxes, points, words):
    parameters = {
        "INPUT": given["photo.png"],
        "BOXES": layer([(wkt,) for wkt in boxes]),
        "OUTPUT": MEMORY,
    }
    if points:
        parameters["POINTS"] = layer([(wkt,) for wkt in points], kind="Point")
    assert words in refusal("segment", parameters)


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("maskstopolygons", {"INPUT": "empty.png"}, "is empty"),
        ("maskstopolygons", {"INPUT": "photo.png"}, ""),
        ("maskstopolygons", {"INPUT": "dem.tif"}, "values of type"),
        ("maskstopolygons", {"INPUT": "nothing.png"}, "INPUT"),
        ("polygonstomask", {"RASTER": "photo.png", "OUTPUT": "o.jpg"}, ".png or .tif"),
        ("polygonstomask", {"RASTER": "photo.png", "OUTPUT": "/no/folder/o.png"}, "o.png"),
        ("polygonstomask", {"RASTER": "raster.tif", "OUTPUT": "o.png"}, "no coordinate system"),
        ("polygonstomask", {"RASTER": "photo.png", "INPUT": [(None,)]}, "holds no polygons"),
        ("polygonstomask", {"RASTER": "photo.png", "INPUT": []}, "has no features"),
        ("polygonstomask", {"RASTER": "photo.png", "INPUT": [(MAP,)]}, "lies in the image"),
        ("solvecamera", {"GCPS": "few.csv"}, ""),
        ("solvecamera", {"GCPS": "words.csv"}, "no column"),
        ("solvecamera", {"GCPS": "photo.png"}, ""),
        ("solvecamera", {"DEM": None}, "No height for"),
        ("solvecamera", {"DEM": ["photo.png"]}, "terrain model"),
        ("solvecamera", {"CRS": "EPSG:3857"}, "in metres"),
        ("solvecamera", {"PHOTO": "gcps.csv"}, "gcps.csv"),
        ("solvecamera", {"POSITION": "2702000,1146400 [EPSG:2056]"}, "has no height"),
        ("solvecamera", {"OUTPUT": "/no/folder/c.json"}, "/no/folder"),
        ("screenphotos", {"FOLDER": "none"}, "no photos"),
        ("screenphotos", {"RULE": "{cam}"}, "has a field"),
        ("screenphotos", {"SERIES": "/no/suffix"}, ".series"),
        ("screenphotos", {"SERIES": "/proc/none/x.series"}, "/proc/none"),
        ("registerphotos", {"FOLDER": "none"}, "no photos"),
        ("registerphotos", {"CAMERA": "broken.json"}, "broken.json"),
        ("registerphotos", {"REFERENCE": "dem.tif"}, ""),
        ("registerphotos", {"RULE": "{cam}"}, "has a field"),
        ("registerphotos", {"ALSO": ["broken.json"]}, "broken.json"),
        ("registerphotos", {"ONLY": "another"}, "of one camera"),
        ("phototomap", {"CAMERA": "broken.json"}, "broken.json"),
        ("phototomap", {"DEM": []}, ""),
        ("phototomap", {"DEM": ["bare.tif"]}, "terrain model"),
        ("phototomap", {"IMAGE": "other.jpg"}, "no outlines of the photo other.jpg"),
        ("phototomap", {"INPUT": [(None,)]}, "holds no polygons"),
        ("phototomap", {"INPUT": [("POLYGON ((0 0, 900 0, 900 -9, 0 0))",)]}, "does not lie in"),
        ("phototomap", {"INPUT": [("POLYGON ((5 -1, 9 -1, 9 -3, 5 -1))",)]}, "sees no terrain"),
        ("phototomap", {"PHOTO": "nothing.jpg"}, "nothing.jpg"),
        ("maptophoto", {"INPUT": [(SQUARE,)]}, "no coordinate system"),
        ("drape", {"PHOTO": "gcps.csv"}, ""),
        ("drape", {"OUTPUT": "o.png"}, ".tif"),
        ("compare", {"INPUT": [(None,)]}, "holds no polygons"),
        ("compare", {"RASTER": "photo.png"}, "has clicks in the image"),
        ("exportcoco", {}, "images"),
        ("exportgeojson", {"INPUT": [(None,)]}, "holds no polygons"),
        ("exportgeojson", {"OUTPUT": "/no/folder/o.geojson"}, "/no/folder"),
        ("exportavaframe", {"DEM": "dem.tif"}, "in pixels of photos"),
        ("exportavaframe", {"DEM": "bare.tif"}, "terrain model"),
        ("exportawsome", {}, "in pixels of photos"),
        ("exporttable", {"OUTPUT": "/no/folder/o.csv"}, "/no/folder"),
        ("exporttable", {"SERIES": "/no/folder"}, "series"),
        ("report", {"OUTPUT": "/no/folder/o.pdf"}, "/no/folder"),
        ("report", {"DEM": "bare.tif"}, "terrain model"),
        ("report", {"FILTER": "no_field = "}, "cannot be evaluated"),
        ("report", {"FILTER": "1 = 2"}, "leaves no feature"),
    ],
)
def test_all_others(plugin, given, name, parameters, words):
    square = [(SQUARE,)]
    usual = {
        "maskstopolygons": {"OUTPUT": MEMORY},
        "polygonstomask": {"INPUT": square, "OUTPUT": "o.png"},
        "solvecamera": {
            "GCPS": "gcps.csv",
            "PHOTO": "photo.png",
            "CRS": "EPSG:2056",
            "DEM": ["dem.tif"],
            "OUTPUT": "solved.json",
        },
        "screenphotos": {"FOLDER": "", "OUTPUT": MEMORY},
        "registerphotos": {
            "FOLDER": "",
            "CAMERA": "camera.json",
            "CAMERAS": "none",
            "OUTPUT": MEMORY,
        },
        "phototomap": {
            "INPUT": square,
            "CAMERA": "camera.json",
            "DEM": ["dem.tif"],
            "OUTPUT": MEMORY,
        },
        "maptophoto": {
            "INPUT": square,
            "CAMERA": "camera.json",
            "DEM": ["dem.tif"],
            "OUTPUT": MEMORY,
        },
        "drape": {
            "PHOTO": "photo.png",
            "CAMERA": "camera.json",
            "DEM": ["dem.tif"],
            "OUTPUT": "o.tif",
        },
        "compare": {"INPUT": square, "REFERENCE": square, "OUTPUT": MEMORY},
        "exportavaframe": {"INPUT": square, "OUTPUT": MEMORY},
    }.get(name, {"INPUT": square, "OUTPUT": "out"})

    def filled(key: str, value: object) -> object:
        if key in ("INPUT", "REFERENCE") and isinstance(value, list):
            return layer(value)
        if isinstance(value, list):
            return [given.get(each, each) for each in value]
        if value == MEMORY or not isinstance(value, str):
            return value
        is_new = key == "OUTPUT" and not value.startswith("/")
        return str(Path(given[""], value)) if is_new else given.get(value, value)

    chosen = {key: filled(key, value) for key, value in {**usual, **parameters}.items()}
    assert words in refusal(name, chosen)


def test_what_is_usual_is_not_refused(plugin, given, tmp_path):
    """The inputs from which the cases above differ; a bow tie and a Z are polygons, too."""
    square = layer([(SQUARE,), (BOW,), (None,)])
    mask = str(tmp_path / "o.png")
    assert run("polygonstomask", {"INPUT": square, "RASTER": given["photo.png"], "OUTPUT": mask})
    solved = str(tmp_path / "solved.json")
    found = run(
        "solvecamera",
        {
            "GCPS": given["gcps.csv"],
            "PHOTO": given["photo.png"],
            "CRS": "EPSG:2056",
            "DEM": [given["dem.tif"]],
            "OUTPUT": solved,
        },
    )
    assert found["RMS_PX"] < 0.1
    assert json.loads(Path(solved).read_text())["image"] == "photo.png"
    with_heights = "POLYGON Z ((100 -100 1, 140 -100 1, 140 -140 1, 100 -140 1, 100 -100 1))"
    in_the_sky = "POLYGON Z ((5 -1 0, 9 -1 0, 9 -3 0, 5 -1 0))"
    low = layer([(in_the_sky,), (with_heights,)], kind="PolygonZ")
    on_map = str(tmp_path / "map.gpkg")
    run("phototomap", {"INPUT": low, "CAMERA": solved, "DEM": [given["dem.tif"]], "OUTPUT": on_map})
    assert QgsVectorLayer(on_map).featureCount() == 1


def test_a_run_in_the_background_can_be_cancelled(plugin, given):
    """In a thread, as from the toolbox: the worker ends with the run."""
    points = layer([(f"POINT ({10 + 3 * n} -{10 + n})",) for n in range(60)], kind="Point")
    registry = QgsApplication.processingRegistry()
    algorithm = registry.algorithmById("avalanche_iseg:segment")
    context, feedback = QgsProcessingContext(), QgsProcessingFeedback()
    context.setProject(QgsProject.instance())
    parameters = {"INPUT": given["photo.png"], "POINTS": points, "OUTPUT": MEMORY}
    before = children()
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    ended: list[bool] = []
    task.executed.connect(lambda ok, _: ended.append(ok))
    QgsApplication.taskManager().addTask(task)
    wait_until(lambda: children() > before)
    feedback.cancel()
    wait_until(lambda: bool(ended), 10)
    wait_until(lambda: children() <= before)


def test_a_registration_is_cancelled_and_goes_on(plugin, given, tmp_path):
    photos, cameras = tmp_path / "photos", tmp_path / "cameras"
    photos.mkdir()
    for minute in range(40):
        os.link(given["photo.png"], photos / f"cam_20260103_10{minute:02}00.png")
    parameters = {"FOLDER": str(photos), "CAMERA": given["camera.json"], "CAMERAS": str(cameras)}
    parameters |= {"ZONE": "UTC", "OUTPUT": MEMORY}
    algorithm = QgsApplication.processingRegistry().algorithmById("avalanche_iseg:registerphotos")
    context, feedback = QgsProcessingContext(), QgsProcessingFeedback()
    context.setProject(QgsProject.instance())
    before, told = children(), []
    feedback.progressChanged.connect(told.append)
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    ended: list[bool] = []
    task.executed.connect(lambda ok, _: ended.append(ok))
    QgsApplication.taskManager().addTask(task)
    wait_until(lambda: bool(told), 60, "some progress")
    feedback.cancel()
    wait_until(lambda: bool(ended), 10)
    wait_until(lambda: children() <= before)
    assert not (cameras / "poses.csv").exists()
    assert any(path.stat().st_size for path in (cameras / "work").rglob("*") if path.is_file())
    found = run("registerphotos", parameters)
    assert found["TRUSTED"] + found["REFUSED"] == 40
    assert Path(found["POSES"]).is_file()


def children() -> set[int]:
    """Ids of the processes that this one has started."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == os.getpid() and fields[0] != "Z":
                found.add(int(entry.name))
    return found


def test_a_run_in_the_background_ends_well(plugin, given):
    points = layer([("POINT (40 -40)",)], kind="Point")
    parameters = {"INPUT": given["photo.png"], "POINTS": points, "OUTPUT": MEMORY}
    registry = QgsApplication.processingRegistry()
    algorithm = registry.algorithmById("avalanche_iseg:segment")
    context, feedback = QgsProcessingContext(), QgsProcessingFeedback()
    context.setProject(QgsProject.instance())
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    results: list[tuple] = []
    task.executed.connect(lambda ok, found: results.append((ok, found)))
    QgsApplication.taskManager().addTask(task)
    wait_until(lambda: bool(results), 60)
    assert results[0][0]
