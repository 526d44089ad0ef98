"""A whole session: what QGIS's process holds, what stays behind, whether it stands still."""

from __future__ import annotations

import csv
import os
import sys
import time

import numpy as np
import pytest
import scenery
import server
from driving import CTRL, Driver
from qgis import utils
from qgis.core import QgsFeature, QgsGeometry, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication, QEvent, Qt
from qgis.PyQt.QtGui import QImage
from qgis.PyQt.QtWidgets import QApplication, QDockWidget
from stalls import stalls
from waiting import wait_until

Key = Qt.Key
FOREIGN = ("torch", "cv2", "rasterio", "scipy", "shapely", "skimage", "openvino", "pyogrio")


def finish(driver) -> None:
    driver.key(Key.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, what="the feature")


def vector_layers() -> list[QgsVectorLayer]:
    layers = QgsProject.instance().mapLayers().values()
    return [layer for layer in layers if isinstance(layer, QgsVectorLayer)]


def test_start_is_quick_and_opens_nothing(iface, plugin):
    windows = len(QApplication.topLevelWidgets())
    docks = len(iface.mainWindow().findChildren(QDockWidget))
    name = "avalanche_iseg_qgis"
    utils.unloadPlugin(name)
    for module in [m for m in sys.modules if m.startswith(name)]:
        del sys.modules[module]
    start = time.process_time()
    assert utils.loadPlugin(name)
    assert utils.startPlugin(name)
    seconds = time.process_time() - start  # of the processor: other work on the machine is not its
    print(f"plugin start: {1000 * seconds:.0f} ms")
    assert seconds < 0.5
    assert utils.plugins[name].controller is None
    assert len(QApplication.topLevelWidgets()) <= windows + 1
    assert len(iface.mainWindow().findChildren(QDockWidget)) == docks


def test_nothing_foreign_in_the_process_and_nothing_left_behind(iface, plugin, tmp_path):
    canvas = iface.mapCanvas()
    delete_what_was_let_go()  # of the tests before
    items = len(canvas.scene().items())
    docks = len(iface.mainWindow().findChildren(QDockWidget))
    for _ in range(2):  # and again after a reload
        driver = Driver(iface, utils.plugins["avalanche_iseg_qgis"], scenery.photo(tmp_path))
        driver.click(*scenery.CENTRE)
        driver.drag((90, 280), (480, 600))
        finish(driver)
        driver.click(*scenery.CENTRE)
        pid = driver.studio.segmentation_client.pid
        assert not [name for name in FOREIGN if name in sys.modules]
        for layer in vector_layers():
            layer.rollBack()
        utils.unloadPlugin("avalanche_iseg_qgis")
        delete_what_was_let_go()
        assert len(canvas.scene().items()) == items
        assert len(iface.mainWindow().findChildren(QDockWidget)) == docks
        assert not [a for a in iface.rasterMenu().actions() if a.text() == "Avalanche ISeg"]
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        QgsProject.instance().clear()
        assert utils.loadPlugin("avalanche_iseg_qgis")
        assert utils.startPlugin("avalanche_iseg_qgis")


def delete_what_was_let_go() -> None:
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()


def test_wms_of_qgis_server(iface, plugin, tmp_path):
    transform = (2783000.0, 1.0, 0, 1188000.0, 0, -1.0)
    path = scenery.write(tmp_path / "wms.tif", scenery.pixels(), transform=transform, epsg=2056)
    with server.wms_layer(path) as layer:
        driver = Driver(iface, plugin, layer, transform)
        grid = driver.space.grid
        place = layer.extent()
        shown = driver.at(*scenery.CENTRE)
        driver.studio.dock.threshold.value = 0.5
        from qgis.PyQt.QtTest import QTest

        QTest.mouseClick(canvas_of(driver), Qt.MouseButton.LeftButton, pos=shown)
        driver.settle()
        click = driver.space.prompts.clicks[0]
        x, y = 2783000.0 + scenery.CENTRE[1] + 0.5, 1188000.0 - scenery.CENTRE[0] - 0.5
        at = grid.to_layer(click.row, click.col)
        assert (at.x(), at.y()) == pytest.approx((x, y), abs=2)
        finish(driver)
        (vectors,) = vector_layers()
        (feature,) = vectors.getFeatures()
        assert feature.geometry().isGeosValid()
        assert feature.geometry().area() == pytest.approx(scenery.truth().sum(), rel=0.4)
        assert place.contains(feature.geometry().boundingBox().center())


def canvas_of(driver):
    return driver.canvas.viewport()


def test_the_event_loop_goes_on(iface, plugin, tmp_path):
    big = np.kron(scenery.pixels()[..., 0], np.ones((5, 5), np.uint8))  # 3000 x 4500
    path = scenery.write(tmp_path / "big.jpg", np.dstack([big] * 3), driver="JPEG")
    driver = Driver(iface, plugin, path)
    row, col = (5 * value for value in scenery.CENTRE)
    with stalls() as gaps:
        driver.space.add_click(row, col, True)
        driver.settle()
        driver.space.add_click(100, 100, False)
        driver.settle()
        driver.studio.dock.threshold.value = 0.7
        driver.settle()
    print(f"longest stall {1000 * max(gaps):.0f} ms")
    assert max(gaps) < 0.4  # of a shared machine; the figure printed is what counts


def test_start_from_a_feature_and_write_back(iface, plugin, tmp_path):
    driver = Driver(iface, plugin, scenery.rotated(tmp_path), _rotated())
    grid = driver.space.grid
    corners = [(200, 330), (200, 520), (400, 520), (400, 330)]
    ring = [grid.to_layer(row - 0.5, col - 0.5) for row, col in corners]
    layer = QgsVectorLayer("MultiPolygon?crs=EPSG:2056&field=name:string", "old", "memory")
    feature = QgsFeature(layer.fields())
    feature.setGeometry(QgsGeometry.fromPolygonXY([ring]))
    feature.setAttributes(["kept"])
    layer.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(layer)
    layer.selectAll()
    iface.setActiveLayer(layer)
    driver.studio.start_actions.from_selection()
    driver.settle()
    expected = np.zeros((grid.height, grid.width), bool)
    expected[200:400, 330:520] = True
    assert np.array_equal(driver.mask(), expected)
    driver.click(150, 430)
    changed = driver.mask()
    assert np.array_equal(changed[410:], expected[410:])  # far from the click: as it was
    for threshold in (0.2, 0.8):
        driver.studio.dock.threshold.value = threshold
        driver.settle()
        assert np.array_equal(driver.mask()[450:], expected[450:])
    assert driver.studio.dock.write_back.isChecked()
    finish(driver)
    (after,) = layer.getFeatures()
    assert after["name"] == "kept"
    assert layer.isEditable()
    assert after.geometry().area() != pytest.approx(200 * 190 * 0.25, rel=1e-6)


def _rotated():
    angle = np.deg2rad(20)
    c, s = 0.5 * np.cos(angle), 0.5 * np.sin(angle)
    return (2783000.0, c, s, 1188000.0, s, -c)


def test_start_from_a_label_image(iface, plugin, tmp_path):
    driver = Driver(iface, plugin, scenery.photo(tmp_path))
    labels = scenery.truth().astype(np.uint8) * 255
    path = scenery.write(tmp_path / "mask.png", labels, driver="PNG")
    driver.studio.start_actions.from_path(str(path))
    driver.settle()
    assert np.array_equal(driver.mask(), scenery.truth())
    finish(driver)
    (feature,) = vector_layers()[0].getFeatures()
    assert feature["method"] == "imported"
    assert feature["n_clicks"] == 0


def test_continued_in_another_session(iface, plugin, tmp_path):
    driver = Driver(iface, plugin, scenery.photo(tmp_path))
    driver.click(*scenery.CENTRE)
    mask, clicks = driver.mask(), driver.space.prompts.clicks
    finish(driver)
    (layer,) = vector_layers()
    assert layer.commitChanges()
    table = driver.studio.avalanches_dock
    table.table.setCurrentCell(0, 0)
    table._emit(table.continue_requested)  # the feature has another id since it was saved
    driver.settle()
    assert np.array_equal(driver.mask(), mask)
    QgsProject.instance().write(str(tmp_path / "project.qgz"))
    utils.unloadPlugin("avalanche_iseg_qgis")
    QgsProject.instance().clear()
    assert utils.loadPlugin("avalanche_iseg_qgis")
    assert utils.startPlugin("avalanche_iseg_qgis")
    QgsProject.instance().read(str(tmp_path / "project.qgz"))
    image = next(
        layer
        for layer in QgsProject.instance().mapLayers().values()
        if isinstance(layer, QgsRasterLayer)
    )
    again = Driver(iface, utils.plugins["avalanche_iseg_qgis"], image)
    table = again.studio.avalanches_dock
    wait_until(lambda: table.table.rowCount() == 1, what="the list")
    table.table.setCurrentCell(0, 0)
    table._emit(table.continue_requested)
    again.settle()
    assert [(c.row, c.col) for c in again.space.prompts.clicks] == [(c.row, c.col) for c in clicks]
    assert np.array_equal(again.mask(), mask)


def test_times_and_masks_are_exported(iface, plugin, tmp_path):
    driver = Driver(iface, plugin, scenery.photo(tmp_path))
    driver.click(*scenery.CENTRE)
    mask = driver.mask()
    finish(driver)
    exports, files = driver.studio.export_actions, iter(["times.csv", "mask.png", "labels.png"])
    exports._ask = lambda kinds, name: str(tmp_path / next(files))
    exports.times()
    with (tmp_path / "times.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["n_clicks"] == "1"
    assert float(row["seconds"]) >= 0
    exports.mask()
    image = QImage(str(tmp_path / "mask.png"))
    assert (image.width(), image.height()) == (scenery.WIDTH, scenery.HEIGHT)
    pixels = np.array(
        [[image.pixelColor(c, r).red() for c in range(0, 900, 9)] for r in range(0, 600, 9)]
    )
    same = (pixels > 127) == mask[::9, ::9]
    assert same.mean() > 0.99
    exports.labels()
    assert (tmp_path / "labels.png").exists()


def test_qgis_keeps_its_own_undo(iface, plugin, tmp_path):
    driver = Driver(iface, plugin, scenery.photo(tmp_path))
    driver.click(*scenery.CENTRE)
    finish(driver)
    (layer,) = vector_layers()
    driver.click(*scenery.OUTSIDE)
    driver.key(Key.Key_Z, CTRL)
    assert driver.space.prompts.empty
    assert layer.featureCount() == 1
