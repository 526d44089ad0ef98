"""Layers that go while Segment and Camera are open, and after the plugin was unloaded."""

from __future__ import annotations

import numpy as np
import pytest
import scenery
from qgis import utils
from qgis.core import QgsProject, QgsRasterLayer, QgsSettings
from qgis.PyQt.QtTest import QTest

NAME = "avalanche_iseg_qgis"


@pytest.fixture
def controller(iface, plugin, monkeypatch):
    """Both panels open, without workers."""
    monkeypatch.delenv("AVALANCHE_ISEG_PYTHON", raising=False)
    QgsSettings().setValue("avalanche_iseg/interpreter", "")
    plugin.open_camera()
    return plugin.controller


@pytest.fixture
def photos(controller, tmp_path):
    """Three photos and a terrain model in the project; the first is open in both panels."""
    layers = []
    for number in range(3):
        pixels = np.roll(scenery.pixels(), 50 * number, axis=1)
        path = scenery.write(tmp_path / f"cam{number}.jpg", pixels, driver="JPEG")
        layers.append(QgsRasterLayer(str(path), f"cam{number}"))
    heights = np.zeros((50, 50), np.float32)
    place = (2_700_000.0, 10.0, 0, 1_150_000.0, 0, -10.0)
    dem = scenery.write(tmp_path / "dem.tif", heights, transform=place, epsg=scenery.LV95)
    QgsProject.instance().addMapLayers([*layers, QgsRasterLayer(str(dem), "dem")])
    controller.dock.layer.setLayer(layers[0])
    controller.camera.dock.photo.setLayer(layers[0])
    assert_in_step(controller)
    return layers


def assert_in_step(controller) -> None:
    """Each panel shows what it works on."""
    QTest.qWait(20)
    layer, image = controller.dock.layer.currentLayer(), controller.session.image
    assert (layer and layer.id()) == (image and image.layer_id)
    photo = controller.camera.dock.photo.currentLayer()
    draft, dock = controller.camera.pose_session.draft, controller.camera.photo_dock
    assert draft.photo == (photo.source() if photo else "")
    assert dock.windowTitle() == (f"Photo: {photo.name()}" if photo else "Photo")
    assert dock.canvas.layers() == ([photo] if photo else [])


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
@pytest.mark.parametrize("in_hand", [False, True])
def test_photos_removed_one_by_one(controller, photos, order, in_hand):
    if in_hand:
        controller.session.add_click(*scenery.CENTRE, True)
    for index in order:
        QgsProject.instance().removeMapLayer(photos[index].id())
        assert_in_step(controller)
    assert controller.camera.dock.photo.currentLayer() is None


def test_all_at_once(controller, photos):
    QgsProject.instance().removeMapLayers([photo.id() for photo in photos])
    assert_in_step(controller)


@pytest.mark.parametrize("in_hand", [False, True])
def test_project_closed(controller, photos, in_hand):
    if in_hand:
        controller.session.add_click(*scenery.CENTRE, True)
    for panel in (controller.dock.layer, controller.camera.dock.photo):
        panel.setLayer(photos[1])
    QgsProject.instance().clear()
    assert_in_step(controller)
    assert controller.session.image is None


def test_panels_follow_each_other(controller, photos):
    controller.dock.layer.setLayer(photos[1])
    assert controller.camera.dock.photo.currentLayer() is photos[1]
    controller.camera.dock.photo.setLayer(photos[2])
    assert controller.dock.layer.currentLayer() is photos[2]
    assert_in_step(controller)


def test_layers_removed_after_the_plugin(controller, photos):
    """Qt deletes the panels later: until then they hear of layers."""
    docks = (controller.dock, controller.avalanches_dock, controller.camera.dock)
    heard = []
    controller.dock.layer_chosen.connect(lambda: heard.append(1))
    utils.unloadPlugin(NAME)
    assert not any(dock.isVisible() for dock in docks)
    for photo in photos:
        QgsProject.instance().removeMapLayer(photo.id())
    QgsProject.instance().clear()
    assert heard == []
