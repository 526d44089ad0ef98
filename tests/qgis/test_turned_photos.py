"""A photo that EXIF turns: posed in QGIS, which shows it as stored, and on the command line."""

from __future__ import annotations

import csv
import subprocess

import numpy as np
import pytest
from operating import Mapper, control_points
from osgeo import gdal
from qgis.core import QgsGeometry, QgsProject, QgsVectorLayer
from waiting import wait_until

ORIENTATION = 6  # a phone held upright
EXIF = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"


@pytest.fixture(scope="module")
def scene(tmp_path_factory, interpreter):
    """A scene whose photo is displayed as all its other files say."""
    folder = tmp_path_factory.mktemp("scene")
    command = [interpreter, "-m", "training", "synthetic", folder, "--seed", "5"]
    root = interpreter.parents[2]
    subprocess.run([*command, "--size", "960x600"], cwd=root, check=True, capture_output=True)
    return folder / "scene_000001"


@pytest.fixture(scope="module")
def turned(scene, tmp_path_factory):
    """The same scene, its photo stored in another orientation; points are those of QGIS."""
    from avalanche_iseg_qgis.core.camera.turning import turned_back
    from avalanche_iseg_qgis.core.mask_image import turn_back

    folder = tmp_path_factory.mktemp("turned")
    shown = np.moveaxis(gdal.Open(str(scene / "picture.jpg")).ReadAsArray(), 0, -1)
    stored = np.moveaxis(turn_back(shown, ORIENTATION), -1, 0)
    memory = gdal.GetDriverByName("MEM").Create("", *stored.shape[:0:-1], 3)
    for band, values in enumerate(stored, 1):
        memory.GetRasterBand(band).WriteArray(values)
    path = str(folder / "picture.jpg")
    gdal.GetDriverByName("JPEG").CreateCopy(path, memory, options=["QUALITY=95"])
    content = (folder / "picture.jpg").read_bytes()
    mark = b"\xff\xe1" + (len(EXIF) + 2).to_bytes(2, "big") + EXIF
    (folder / "picture.jpg").write_bytes(content[:2] + mark + content[2:])
    for name in ("dem.tif", "labels.png", "outlines.gpkg"):
        (folder / name).write_bytes((scene / name).read_bytes())
    with (scene / "gcps.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        u, v = float(row["u_px"]), float(row["v_px"])
        row["u_px"], row["v_px"] = turned_back(u, v, (960, 600), ORIENTATION)
    with (folder / "gcps.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture(scope="module")
def truth(scene):
    """The camera of the photo as displayed."""
    from avalanche_iseg_qgis.core.camera import CameraRecord

    return CameraRecord.read(scene / "camera.json")


@pytest.fixture
def mapper(iface, plugin, turned):
    return Mapper(iface, plugin, turned)


def core(interpreter, *command: object) -> None:
    """A command of core, on the command line."""
    done = subprocess.run(
        [str(interpreter), "-m", "core", *map(str, command)],
        cwd=interpreter.parents[2],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def outlines(path) -> list[QgsGeometry]:
    layer = QgsVectorLayer(str(path), "map", "ogr")
    return [QgsGeometry(feature.geometry()) for feature in layer.getFeatures()]


def true_outline(scene, number) -> QgsGeometry:
    layer = QgsVectorLayer(f"{scene / 'outlines.gpkg'}|layername=outlines", "truth", "ogr")
    return next(QgsGeometry(f.geometry()) for f in layer.getFeatures() if f["id"] == number)


def iou(first: QgsGeometry, second: QgsGeometry) -> float:
    return first.intersection(second).area() / first.combine(second).area()


def answer(monkeypatch, mapper, path) -> None:
    """Choose a file where one is asked for."""
    for ask in ("_ask_open", "_ask_save"):
        monkeypatch.setattr(mapper.camera.file_actions, ask, lambda *_: str(path))


def mapped(layers_with_crs) -> QgsGeometry:
    (layer,) = [
        layer
        for layer in QgsProject.instance().mapLayers().values()
        if isinstance(layer, QgsVectorLayer) and layer.crs().isValid() == layers_with_crs
    ]
    (feature,) = layer.getFeatures()
    return QgsGeometry(feature.geometry())


def map_from(mapper, mask) -> None:
    """Make an avalanche of the third object of a label image."""
    from avalanche_iseg_qgis.core.containers import orientation_of
    from avalanche_iseg_qgis.masks import importing

    orientation = orientation_of(mapper.pose_session.draft.photo)
    assert orientation == ORIENTATION
    found = importing.from_file(str(mask), mapper.session.grid, orientation)
    mapper.session.start_from(found[2])
    mapper.finish()


def test_a_camera_of_the_command_line_fits_in_qgis(
    mapper, scene, turned, truth, monkeypatch, tmp_path, interpreter
):
    path = tmp_path / "camera.json"
    options = ("--crs", "EPSG:2056", "--dem", scene / "dem.tif", "-o", path)
    known = ("--position", f"{truth.camera.x},{truth.camera.y}", "--height-above-ground", 5)
    image = turned / "picture.jpg"
    core(interpreter, "camera", "solve", scene / "gcps.csv", "--image", image, *options, *known)
    answer(monkeypatch, mapper, path)
    mapper.camera.file_actions.import_camera()
    camera = mapper.pose_session.draft.record.camera
    assert (camera.width, camera.height) == (600, 960)
    for u, v, x, y in control_points(turned):
        z = mapper.pose_session.heights.at(x, y)
        assert np.hypot(*(camera.project([[x, y, z]])[0] - (u, v))) < 12
    wait_until(lambda: mapper.pose_session.range_map is not None, 60, "what the camera sees")
    wait_until(lambda: mapper.controller.segmentation_client.state.name == "READY", 60, "the model")
    mapper.controller._activate_tool()
    mapper.dock.bridge.setValue(0)  # as on the command line
    map_from(mapper, scene / "labels.png")
    out = tmp_path / "map.gpkg"
    files = ("--camera", path, "--dem", scene / "dem.tif", "-o", out)
    core(interpreter, "camera", "to-map", scene / "labels.png", *files)
    assert iou(mapped(True), outlines(out)[1]) > 0.9
    box = mapped(False).boundingBox()
    assert box.xMaximum() <= 600
    assert box.yMinimum() >= -960


def test_a_camera_of_qgis_fits_on_the_command_line(
    mapper, scene, turned, truth, monkeypatch, tmp_path, interpreter
):
    from avalanche_iseg_qgis.core.camera import CameraRecord
    from avalanche_iseg_qgis.core.camera.gcp_table import read_gcps
    from avalanche_iseg_qgis.core.camera.turning import turned_point
    from avalanche_iseg_qgis.masks import exporting, importing

    mapper.pose(turned, truth.camera)
    assert abs(mapper.pose_session.draft.record.camera.roll) == pytest.approx(90, abs=5)
    path = tmp_path / "camera.json"
    answer(monkeypatch, mapper, path)
    mapper.camera.file_actions.export_camera()
    record = CameraRecord.read(path)
    assert (record.camera.width, record.camera.height) == (960, 600)
    assert record.camera.roll == pytest.approx(truth.camera.roll, abs=1)
    assert record.camera.yaw == pytest.approx(truth.camera.yaw, abs=1)
    table = tmp_path / "points.csv"
    answer(monkeypatch, mapper, table)
    mapper.camera.file_actions.export_points()
    named = {(point.x, point.y): (point.u, point.v) for point in read_gcps(table)}
    for u, v, x, y in control_points(turned):
        near = min(named, key=lambda place: abs(place[0] - x) + abs(place[1] - y))
        assert named[near] == pytest.approx(turned_point(u, v, (600, 960), ORIENTATION), abs=1)
    grid = mapper.session.grid
    found = importing.from_file(str(scene / "labels.png"), grid, ORIENTATION)
    masks = [np.zeros((grid.height, grid.width), bool) for _ in found]
    for mask, start in zip(masks, found.values()):  # noqa: B905
        height, width = start.bits.shape
        mask[start.row : start.row + height, start.col : start.col + width] = start.bits
    exporting.write_labels(str(tmp_path / "of_qgis.png"), masks, ORIENTATION)
    maps = []
    for mask in (scene / "labels.png", tmp_path / "of_qgis.png"):
        out = tmp_path / "map.gpkg"
        options = ("--camera", path, "--dem", scene / "dem.tif", "-o", out, "--no-cache")
        core(interpreter, "camera", "to-map", mask, *options)
        maps.append(outlines(out))
    assert iou(maps[0][1], true_outline(scene, 2)) > 0.4  # which has hidden ground too
    for first, second in zip(*maps):  # noqa: B905
        assert iou(first, second) > 0.999


def test_points_of_the_command_line_are_turned(mapper, scene, turned, monkeypatch):
    answer(monkeypatch, mapper, scene / "gcps.csv")
    mapper.camera.file_actions.import_points()
    found = {
        (round(point.x, 3), round(point.y, 3)): (point.u, point.v)
        for point in mapper.pose_session.draft.points
    }
    with (turned / "gcps.csv").open() as file:
        for row in csv.DictReader(file):
            place = round(float(row["x"]), 3), round(float(row["y"]), 3)
            assert found[place] == pytest.approx((float(row["u_px"]), float(row["v_px"])))


def test_the_skyline_is_found_in_a_turned_photo(mapper, turned, truth):
    mapper.pose_session.change(
        position=(truth.camera.x, truth.camera.y), height_above_ground=5.0, focal=truth.camera.f
    )
    failed = []
    mapper.pose_session.warning.connect(failed.append)
    mapper.pose_session.start_from_skyline()
    wait_until(
        lambda: mapper.pose_session.draft.record is not None or mapper.pose_session.failure,
        90,
        "a pose by the skyline, or why there is none",
    )
    assert "pixels, the camera's photo" not in mapper.pose_session.failure
    record = mapper.pose_session.draft.record
    if record is not None:
        assert (record.camera.width, record.camera.height) == (600, 960)
        assert abs(record.camera.roll) == pytest.approx(90, abs=10)
