"""Outlines carried through photos of a posed camera: on the map, and in the photos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scenery
from operating import Mapper, middle
from osgeo import gdal
from qgis.core import QgsGeometry, QgsProject, QgsRectangle, QgsVectorLayer
from test_ground import layers, scene  # noqa: F401 - a fixture
from test_series_carried import press
from waiting import wait_until

from avalanche_iseg_qgis.core.camera import CameraRecord
from avalanche_iseg_qgis.core.series import SeriesStore
from avalanche_iseg_qgis.session.start_mask import StartMask


@pytest.fixture
def mapper(iface, plugin, scene):  # noqa: F811
    return Mapper(iface, plugin, scene)


def count(layer: QgsVectorLayer) -> int:
    return len(list(layer.getFeatures()))


@pytest.fixture
def mapped(mapper, scene, tmp_path):  # noqa: F811
    """The series at its first photo, which is posed, with two avalanches side by side."""
    pixels = np.moveaxis(gdal.Open(str(scene / "picture.jpg")).ReadAsArray(), 0, -1)
    folder = tmp_path / "hut"
    folder.mkdir()
    for hour, image in ((8, pixels), (9, np.roll(pixels, (3, -7), axis=(0, 1)))):
        scenery.write(folder / f"hut_20240115_{hour:02}0000.jpg", image, driver="JPEG")
    mapper.controller.open_series()
    series, session = mapper.controller.series, mapper.session
    series.open(str(folder))
    wait_until(lambda: series.browser is not None, what="the series")
    mapper.dock.photo.setLayer(mapper.iface.activeLayer())
    mapper.pose_session.change(dem=(str(scene / "dem.tif"),), epsg=2056)
    mapper.pose_session.use_camera(replace(CameraRecord.read(scene / "camera.json"), image=""))
    u, v = middle(scene, 2)
    for offset in (-14, 14):
        bits = np.ones((24, 20), bool)
        session.start_from(StartMask.of(bits, int(v) - 12, int(u) + offset - 10))
        session.finish()
        wait_until(lambda: session.prompts.empty, 60, "the feature")
    yield series
    QgsProject.instance().setDirty(False)


def test_what_is_accepted_lies_on_the_map_and_is_taken_back_at_once(mapper, mapped, tmp_path):
    series, folder = mapped, tmp_path / "hut"
    (on_map,), (in_photo,) = layers(True), layers(False)
    for feature in on_map.getFeatures():  # their outlines in the photo have no such attributes
        on_map.changeAttributeValue(feature.id(), on_map.fields().indexOf("type"), "glide")
    before = count(on_map), count(in_photo)
    assert before == (2, 2)
    series.go(1)
    wait_until(lambda: len(series.carrying.outlines) == 2, 120, "the carried outlines")
    wait_until(lambda: mapper.pose_session.draft.record, 60, "the turned camera")
    press(series, "accept_all")
    wait_until(lambda: count(on_map) == 4, 60, "the features on the map")
    wait_until(lambda: count(in_photo) == 4, what="the features in the photo")
    new = [f for f in on_map.getFeatures() if f["image_name"].endswith("_090000.jpg")]
    twins = [f for f in in_photo.getFeatures() if f["image_name"].endswith("_090000.jpg")]
    assert {f["uuid"] for f in new} == {f["uuid"] for f in twins}
    assert len({f["avalanche_id"] for f in on_map.getFeatures()}) == 2
    assert all(f["area_m2"] > 10 for f in new)
    assert [f["type"] for f in new] == ["glide", "glide"]
    old = {f["avalanche_id"]: f.geometry() for f in on_map.getFeatures() if f not in new}
    for feature in new:  # the camera turned, the ground did not
        shared = feature.geometry().intersection(old[feature["avalanche_id"]]).area()
        assert shared > 0.6 * feature.geometry().area()
    store = SeriesStore.open(folder / "hut.series")
    assert len(store.read().observations) == 4
    press(series, "take_back")
    assert (count(on_map), count(in_photo)) == before
    assert len(store.read().observations) == 2


def outline_noted(tmp_path, name: str):
    """The outline that is noted of an avalanche in the first photo, as it is on the disk."""
    state = SeriesStore.open(tmp_path / "hut" / "hut.series").read()
    return state.observations[name, "hut/hut_20240115_080000.jpg"].rings


def feature_of(layer, uuid: str):
    (found,) = (feature for feature in layer.getFeatures() if feature["uuid"] == uuid)
    return found


@pytest.mark.parametrize("kind", ["added", "removed", "moved"])
def test_an_outline_edited_on_the_map_is_that_of_the_photo_too(mapped, tmp_path, kind):
    (on_map,), (in_photo,) = layers(True), layers(False)
    feature, other = on_map.getFeatures()
    name = feature["avalanche_id"]
    before, beside = outline_noted(tmp_path, name), feature_of(in_photo, other["uuid"]).geometry()
    shape, drawn = feature.geometry(), feature_of(in_photo, feature["uuid"]).geometry()
    box = shape.boundingBox()
    half = QgsRectangle(box.xMinimum(), box.yMinimum(), box.center().x(), box.yMaximum())
    edited = {
        "added": lambda: shape.buffer(0.25 * box.width(), 8),
        "removed": lambda: shape.difference(QgsGeometry.fromRect(half)),
        "moved": lambda: moved(shape, 0.4 * box.width()),
    }[kind]()
    on_map.changeGeometry(feature.id(), edited)
    wait_until(lambda: outline_noted(tmp_path, name) != before, 60, "the note")
    after = feature_of(in_photo, feature["uuid"]).geometry()
    assert after.isGeosValid()
    if kind == "added":
        assert after.area() > 1.2 * drawn.area()
        assert after.intersection(drawn).area() > 0.99 * drawn.area()
    elif kind == "removed":
        assert after.area() < 0.75 * drawn.area()
        assert after.difference(drawn).area() < 0.03 * drawn.area()
    else:
        assert 0.5 < after.area() / drawn.area() < 2
        assert after.intersection(drawn).area() < 0.8 * drawn.area()
        assert min(part.area() for part in after.asGeometryCollection()) > 0.01 * after.area()
    xs = {round(x, 2) for ring in outline_noted(tmp_path, name) for x, _ in ring}
    assert max(xs) == pytest.approx(after.boundingBox().xMaximum(), abs=0.02)
    assert feature_of(in_photo, other["uuid"]).geometry().equals(beside)
    on_map.undoStack().undo()
    wait_until(lambda: outline_noted(tmp_path, name) == before, 60, "the note of before")
    assert feature_of(in_photo, feature["uuid"]).geometry().equals(drawn)  # to the last bit


def moved(shape: QgsGeometry, metres: float) -> QgsGeometry:
    shape = QgsGeometry(shape)
    shape.translate(metres, 0)
    return shape


def test_an_outline_corrected_in_the_photo_is_not_drawn_by_the_camera(
    mapper,
    mapped,
    scene,  # noqa: F811
    tmp_path,
):
    (on_map,), (in_photo,) = layers(True), layers(False)
    feature = next(on_map.getFeatures())
    entries = mapper.controller.avalanches_dock.entries
    ref = next(e.feature_ref for e in entries if e.feature_ref.uuid == feature["uuid"])
    before = outline_noted(tmp_path, feature["avalanche_id"])
    u, v = middle(scene, 2)
    mask = StartMask.of(np.ones((30, 18), bool), int(v) - 12, int(u) - 24)
    mapper.session.start_from(mask, ref)
    mapper.session.finish()
    wait_until(lambda: mapper.session.prompts.empty, 60, "the feature")
    wait_until(lambda: not mapper.client.busy, 60, "what was asked for")
    after = outline_noted(tmp_path, feature["avalanche_id"])
    assert after != before
    twin = feature_of(in_photo, feature["uuid"]).geometry()
    assert in_photo.undoStack().count() == 3  # two new ones, one correction
    assert max(x for ring in after for x, _ in ring) == pytest.approx(
        twin.boundingBox().xMaximum(), abs=0.02
    )


def test_an_outline_given_to_another_avalanche_is_given_in_the_photo_too(mapper, mapped, tmp_path):
    (on_map,), (in_photo,) = layers(True), layers(False)
    first, second = on_map.getFeatures()
    name, photo = first["avalanche_id"], "hut/hut_20240115_080000.jpg"
    wait_until(lambda: len(mapper.controller.avalanches_dock.entries) == 2, what="the list")
    column = on_map.fields().indexOf("avalanche_id")
    on_map.changeAttributeValue(second.id(), column, name)

    def noted() -> dict:
        state = SeriesStore.open(tmp_path / "hut" / "hut.series").read()
        return {avalanche: o for (avalanche, key), o in state.observations.items() if key == photo}

    wait_until(lambda: list(noted()) == [name], what="the note")
    assert len(noted()[name].parts) == 2  # side by side
    assert {f["avalanche_id"] for f in in_photo.getFeatures()} == {name}
    on_map.undoStack().undo()
    wait_until(lambda: len(noted()) == 2, what="the notes of before")
    assert all(len(each.parts) == 1 for each in noted().values())
