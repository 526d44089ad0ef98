"""From a posed photo to the map and back, in the real QGIS with the real workers."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from operating import LEFT, NONE, Mapper, middle
from qgis.core import QgsFeature, QgsGeometry, QgsPointXY, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from waiting import wait_until

from avalanche_iseg_qgis.session.start_mask import StartMask


@pytest.fixture(scope="module")
def scene(tmp_path_factory, interpreter):
    """A webcam's picture of avalanches, its terrain, and what is true about it."""
    folder = tmp_path_factory.mktemp("scene")
    command = [interpreter, "-m", "training", "synthetic", folder, "--seed", "5"]
    root = interpreter.parents[2]
    subprocess.run([*command, "--size", "960x600"], cwd=root, check=True, capture_output=True)
    return folder / "scene_000001"


@pytest.fixture(scope="module")
def truth(scene):
    """The camera, as it really is."""
    from avalanche_iseg_qgis.core.camera import CameraRecord

    return CameraRecord.read(scene / "camera.json").camera


def true_outline(scene, number) -> QgsGeometry:
    layer = QgsVectorLayer(f"{scene / 'outlines.gpkg'}|layername=outlines", "truth", "ogr")
    return next(QgsGeometry(f.geometry()) for f in layer.getFeatures() if f["id"] == number)


def iou(first: QgsGeometry, second: QgsGeometry) -> float:
    return first.intersection(second).area() / first.combine(second).area()


def layers(with_crs: bool) -> list[QgsVectorLayer]:
    return [
        layer
        for layer in QgsProject.instance().mapLayers().values()
        if isinstance(layer, QgsVectorLayer) and layer.crs().isValid() == with_crs
    ]


@pytest.fixture
def mapper(iface, plugin, scene):
    return Mapper(iface, plugin, scene)


def test_from_six_points_to_a_corrected_outline(mapper, scene, truth):
    mapper.pose(scene, truth)
    u, v = middle(scene, 2)
    mapper.prompt(u, v)
    wait_until(lambda: not mapper.on_map().isEmpty(), 30, "the outline on the map")
    before = QgsGeometry(mapper.on_map())
    x, y, _ = mapper.pose_session.range_map.unproject([(u, v)])[0].tolist()
    assert before.distance(QgsGeometry.fromPointXY(QgsPointXY(x, y))) < 100
    mapper.prompt_on_map(x + 30, y)
    first, second = mapper.session.prompts.clicks
    assert (first.col, first.row) == pytest.approx((u, v), abs=1)
    assert abs(second.col - u) + abs(second.row - v) < 80
    mapper.finish()
    (layer,), (pixels,) = layers(True), layers(False)
    assert layer.crs().authid() == "EPSG:2056"
    (feature,), (picture,) = layer.getFeatures(), pixels.getFeatures()
    assert feature["uuid"] == picture["uuid"]
    assert feature["avalanche_id"] == picture["avalanche_id"]
    assert pixels in mapper.camera.photo_dock.canvas.layers()
    assert picture.geometry().boundingBox().yMaximum() < 0
    assert feature["area_m2"] > 100
    assert feature["area_surface_m2"] > feature["area_m2"]
    assert feature["z_max"] > feature["z_min"] > 0
    for name in ("area_surface_m2", "length_m", "z_max", "slope_mean_deg", "sigma_map_m"):
        assert feature[name] == round(feature[name], 1)  # more digits claim what is not known
    assert 0 < feature["vis_frac"] <= 1
    assert feature["sigma_map_m"] > 0
    assert feature["pose_id"] == mapper.pose_session.draft.record.pose_id
    assert mapper.on_map().isEmpty()
    assert len(mapper.controller.avalanches_dock.entries) == 1
    layer.selectByIds([feature.id()])
    mapper.iface.setActiveLayer(layer)
    mapper.controller.start_actions.from_selection()
    wait_until(lambda: mapper.session.prompts.mask is not None, 30, "the outline in the picture")
    mapper.prompt(u, v)
    mapper.finish()
    (again,) = layer.getFeatures()
    assert again["uuid"] == feature["uuid"]
    assert again["n_clicks"] == 1
    assert pixels.featureCount() == 1
    assert iou(again.geometry(), feature.geometry()) > 0.5


def test_painted_in_the_photo_and_measured_without_what_finished_ones_have(
    mapper, scene, truth, monkeypatch
):
    mapper.pose(scene, truth)
    u, v = middle(scene, 2)
    said, brush = [], mapper.controller.brush
    monkeypatch.setattr(mapper.session, "say", said.append)
    brush.active = True
    x, y, _ = mapper.pose_session.range_map.unproject([(u, v)])[0].tolist()
    at = mapper.screen(mapper.map, QgsPointXY(x, y), 1.0)
    QTest.mouseClick(mapper.map.viewport(), LEFT, NONE, at)
    assert said == ["Paint in the photo: on the map, only clicks count."]
    while brush.radius < 30:
        brush.grow(1)
    found = []
    for _ in range(2):
        mapper.prompt(u, v)  # a dab of the brush
        assert len(mapper.session.prompts.strokes) == 1
        mapper.finish()
        (layer,), (pixels,) = layers(True), layers(False)
        (feature,) = layer.getFeatures()
        found.append(feature)
        if len(found) == 2:
            break
        mapper.controller.dock.keep_off.setChecked(True)
        (picture,) = pixels.getFeatures()
        left = picture.geometry().boundingBox()
        left.setXMaximum(left.center().x())
        half = picture.geometry().intersection(QgsGeometry.fromRect(left))
        pixels.changeGeometry(picture.id(), half)
        layer.deleteFeature(feature.id())  # only the half in the photo is left
    first, second = found
    assert second["area_m2"] < 0.9 * first["area_m2"]
    ratio = first["area_surface_m2"] / first["area_m2"]
    assert second["area_surface_m2"] / second["area_m2"] == pytest.approx(ratio, rel=0.25)
    outlines = [f.geometry() for f in pixels.getFeatures()]
    assert len(outlines) == 2
    assert outlines[0].intersection(outlines[1]).area() < 1e-6


def test_a_posed_photo_is_shown_and_sky_in_an_outline_is_said(mapper, scene, truth):
    mapper.pose(scene, truth)
    mapper.camera.photo_dock.close()
    mapper.dock.close()
    mapper.controller.open()
    assert mapper.camera.photo_dock.isVisible()
    assert not mapper.camera.photo_dock.show_pose.isChecked()
    said = []
    mapper.session.message.connect(said.append)
    skyline = mapper.pose_session.seen.skyline
    col = len(skyline) // 2
    top = int(skyline[col])
    bits = np.ones((100, 60), bool)
    mapper.session.start_from(StartMask.of(bits, top - 50, col - 30), None)
    wait_until(mapper.settled, 30, "its outline")
    mapper.finish()
    assert any("terrain" in text and "%" in text for text in said)
    ((feature,),) = (layer.getFeatures() for layer in layers(True))
    assert feature["outline_quality"] in ("exact", "estimated")


def select_outline(mapper, outline: QgsGeometry) -> QgsVectorLayer:
    """An outline of the map in a layer of somebody else's, selected and active."""
    layer = QgsVectorLayer("MultiPolygon?crs=EPSG:2056&field=name:string", "inventory", "memory")
    feature = QgsFeature(layer.fields())
    feature.setGeometry(outline)
    layer.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(layer)
    layer.selectAll()
    mapper.iface.setActiveLayer(layer)
    return layer


def test_true_outline_comes_back_from_the_picture(mapper, scene, truth):
    """What is drawn into the picture and finished without a click lies where it came from."""
    mapper.pose(scene, truth)
    outline = true_outline(scene, 2)
    layer = select_outline(mapper, outline)
    mapper.controller.start_actions.from_selection()
    wait_until(lambda: mapper.session.prompts.mask is not None, 30, "the outline in the picture")
    wait_until(mapper.settled, 30, "its outline")
    mapper.finish()
    (back,) = layer.getFeatures()
    shared = back.geometry().intersection(outline).area()
    assert shared > 0.85 * back.geometry().area()  # nothing is invented
    assert shared > 0.4 * outline.area()  # a part of it is hidden


def test_clicks_given_while_an_outline_is_on_its_way_stay(mapper, scene, truth, monkeypatch):
    mapper.pose(scene, truth)
    said = []
    monkeypatch.setattr(mapper.session, "say", said.append)
    select_outline(mapper, true_outline(scene, 2))
    mapper.controller.start_actions.from_selection()
    mapper.session.add_click(100, 120, True)
    before = mapper.session.prompts
    wait_until(lambda: said, 30, "a message")
    assert "your clicks are kept" in said[0]
    assert mapper.session.prompts == before


def test_a_mask_without_avalanches_that_are_on_the_map_only(mapper, scene, truth, monkeypatch):
    mapper.pose(scene, truth)
    u, v = middle(scene, 1)
    mapper.prompt(u, v)
    mapper.finish()
    (pixels,) = layers(False)
    pixels.commitChanges()
    QgsProject.instance().removeMapLayer(pixels.id())
    said, exports = [], mapper.controller.export_actions
    monkeypatch.setattr(exports._messages, "warn", said.append)
    exports.mask()
    assert "1 avalanches cannot be drawn" in said[0]
    assert "from a layer without CRS" in said[0]


def test_the_camera_worker_is_started_when_it_is_needed(
    mapper, scene, truth, interpreter, monkeypatch
):
    """In a project that is opened again nobody has asked for it yet; one that failed is retried."""
    mapper.pose(scene, truth)
    client = mapper.controller.camera_client
    client.stop()
    mapper.prompt(*middle(scene, 1))
    mapper.finish()
    (layer,) = layers(True)
    assert layer.featureCount() == 1
    said = []
    monkeypatch.setattr(mapper.controller.messages, "warn", said.append)
    client.configure("/nowhere/python")
    mapper.prompt(*middle(scene, 2))
    QTest.keyClick(mapper.camera.photo_dock.canvas, Qt.Key.Key_Return)
    wait_until(lambda: any("/nowhere/python" in text for text in said), 30, "a message")
    assert not mapper.session.prompts.empty
    client.configure(str(interpreter))
    mapper.finish()
    assert layer.featureCount() == 2


def test_clicks_on_hidden_ground_are_refused(mapper, scene, truth):
    mapper.pose(scene, truth)
    behind = (
        truth.x - 300 * truth.rotation_matrix()[2][0],
        truth.y - 300 * truth.rotation_matrix()[2][1],
    )
    at = mapper.screen(mapper.map, QgsPointXY(*behind), 1.0)
    QTest.mouseClick(mapper.map.viewport(), LEFT, NONE, at)
    assert mapper.session.prompts.empty


def test_map_outlines_without_a_camera_are_explained(mapper, scene):
    said = []
    mapper.controller.start_actions._warn = said.append
    select_outline(mapper, true_outline(scene, 1))
    mapper.controller.start_actions._try(mapper.controller.start_actions.from_selection)
    assert "Camera panel" in said[0]


def test_another_picture_of_a_camera_that_has_turned(mapper, scene, truth, tmp_path):
    """The pose follows, and so do the points, as the picture says."""
    import numpy as np
    import scenery
    from osgeo import gdal
    from qgis.core import QgsRasterLayer

    mapper.pose(scene, truth)
    before, points = mapper.pose_session.draft.record.camera, mapper.pose_session.draft.points
    mapper.dock.name.setText("Hut")
    mapper.push(mapper.dock.save)
    pixels = np.moveaxis(gdal.Open(str(scene / "picture.jpg")).ReadAsArray(), 0, -1)
    moved = np.roll(pixels, (3, -7), axis=(0, 1))  # 7 px to the left, 3 px down
    other = scenery.write(tmp_path / "later.jpg", moved, driver="JPEG")
    QgsProject.instance().addMapLayer(QgsRasterLayer(str(other), "later"))
    mapper.dock.photo.setLayer(QgsProject.instance().mapLayersByName("later")[0])
    (record,) = mapper.camera.file_actions.library.cameras_for(960, 600)
    from dataclasses import replace

    mapper.pose_session.use_camera(replace(record, image=str(scene / "picture.jpg")))
    wait_until(lambda: mapper.pose_session.draft.record.drift_deg, 60, "the turned camera")
    assert mapper.pose_session.draft.record.drift_deg == pytest.approx(
        np.degrees(np.hypot(7, 3) / before.f), rel=0.2
    )
    for old, new in zip(points, mapper.pose_session.draft.points, strict=True):
        assert (new.u - old.u, new.v - old.v) == pytest.approx((-7, 3), abs=1.0)


def test_the_camera_follows_through_a_series(mapper, scene, tmp_path):
    """A photo of the camera that has turned gets the turned pose; one of fog gets none."""
    from dataclasses import replace

    import scenery
    from osgeo import gdal

    from avalanche_iseg_qgis.core.camera import CameraRecord

    pixels = np.moveaxis(gdal.Open(str(scene / "picture.jpg")).ReadAsArray(), 0, -1)
    folder = tmp_path / "hut"
    folder.mkdir()
    fog = np.full_like(pixels, 190)
    for hour, image in ((8, pixels), (9, np.roll(pixels, (3, -7), axis=(0, 1))), (10, fog)):
        scenery.write(folder / f"hut_20240115_{hour:02}0000.jpg", image, driver="JPEG")
    mapper.controller.open_series()
    series = mapper.controller.series
    series.open(str(folder))
    wait_until(lambda: series.browser is not None, what="the series")
    layer = mapper.iface.activeLayer()
    mapper.dock.photo.setLayer(layer)
    mapper.pose_session.change(dem=(str(scene / "dem.tif"),), epsg=2056)
    record = replace(CameraRecord.read(scene / "camera.json"), image="")
    mapper.pose_session.use_camera(record)
    said = []
    mapper.pose_session.warning.connect(said.append)
    series.go(1)
    wait_until(lambda: mapper.pose_session.draft.record, 60, "the turned camera")
    assert mapper.pose_session.draft.photo.endswith("_090000.jpg")
    turned = np.degrees(np.hypot(7, 3) / record.camera.f)
    assert mapper.pose_session.draft.record.drift_deg == pytest.approx(turned, rel=0.2)
    assert said == []
    series.go(1)
    wait_until(lambda: said, 60, "what does not fit")
    assert "hut_20240115_0" in said[0]
    assert mapper.pose_session.draft.record is None
    assert mapper.controller.georeferencer.pose_of(mapper.session.image) is None
    series.go(-1)  # has its pose already
    assert mapper.pose_session.draft_of(str(folder / "hut_20240115_090000.jpg")).record
