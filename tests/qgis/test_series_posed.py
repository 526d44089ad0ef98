"""Outlines carried through photos of a posed camera: on the map, and in the photos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scenery
from operating import Mapper, middle
from osgeo import gdal
from qgis.core import QgsProject, QgsVectorLayer
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


def test_what_is_accepted_lies_on_the_map_and_is_taken_back_at_once(mapper, scene, tmp_path):  # noqa: F811
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
    for offset in (-14, 14):  # two avalanches, side by side
        bits = np.ones((24, 20), bool)
        session.start_from(StartMask.of(bits, int(v) - 12, int(u) + offset - 10))
        session.finish()
        wait_until(lambda: session.prompts.empty, 60, "the feature")
    (on_map,), (in_photo,) = layers(True), layers(False)
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
    old = {f["avalanche_id"]: f.geometry() for f in on_map.getFeatures() if f not in new}
    for feature in new:  # the camera turned, the ground did not
        shared = feature.geometry().intersection(old[feature["avalanche_id"]]).area()
        assert shared > 0.6 * feature.geometry().area()
    store = SeriesStore.open(folder / "hut.series")
    assert len(store.read().observations) == 4
    press(series, "take_back")
    assert (count(on_map), count(in_photo)) == before
    assert len(store.read().observations) == 2
    QgsProject.instance().setDirty(False)
