"""The main job, in the real QGIS with the real worker: click, correct, finish, feature."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scenery
from driving import CTRL, RIGHT, SHIFT, Driver
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProject,
    QgsRenderContext,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from waiting import wait_until

Key = Qt.Key


def iou(mask, truth) -> float:
    return (mask & truth).sum() / (mask | truth).sum()


def only_layer() -> QgsVectorLayer:
    (layer,) = [
        layer
        for layer in QgsProject.instance().mapLayers().values()
        if isinstance(layer, QgsVectorLayer)
    ]
    return layer


@pytest.fixture
def driver(iface, plugin, tmp_path):
    return Driver(iface, plugin, scenery.photo(tmp_path))


def test_click_correct_finish(driver, tmp_path):
    driver.click(*scenery.CENTRE)
    assert iou(driver.mask(), scenery.truth()) > 0.7
    driver.click(*scenery.OUTSIDE, RIGHT)
    assert [click.positive for click in driver.space.prompts.clicks] == [True, False]
    driver.key(Key.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, what="the feature")
    layer = only_layer()
    assert layer.isEditable()
    assert layer.undoStack().count() == 1
    assert (tmp_path / "avalanches.gpkg").exists()
    (feature,) = layer.getFeatures()
    geometry = feature.geometry()
    assert geometry.isGeosValid()
    assert 8 < sum(1 for _ in geometry.vertices()) < 150
    box = geometry.boundingBox()
    assert box.yMaximum() < 0 < box.xMinimum()
    assert box.center().x() == pytest.approx(scenery.CENTRE[1], abs=40)
    assert feature["image_name"] == "cam1_20240115_103000.jpg"
    assert feature["n_clicks"] == 2
    assert feature["threshold"] == pytest.approx(driver.space.shape.threshold)
    assert feature["seconds"] >= 0
    assert feature["model_id"].startswith("default")
    assert feature["observed_at"].isValid()
    assert len(json.loads(feature["prompts"])["clicks"]) == 2
    assert not layer.crs().isValid()
    layer.undoStack().undo()
    assert layer.featureCount() == 0
    layer.undoStack().redo()
    assert layer.featureCount() == 1
    assert layer.commitChanges()


def test_box_move_undo_redo(driver):
    driver.drag((90, 280), (480, 600))
    box = driver.space.prompts.box
    assert box.row_min == pytest.approx(90, abs=1.5)
    assert box.col_max == pytest.approx(600, abs=1.5)
    found = driver.mask()
    assert iou(found, scenery.truth()) > 0.6
    driver.click(*scenery.CENTRE)
    assert driver.space.prompts.box == box
    driver.drag(scenery.CENTRE, (330, 440))
    (click,) = driver.space.prompts.clicks
    assert (click.row, click.col) == pytest.approx((330, 440), abs=1.5)
    driver.drag((480, 600), (500, 620))
    assert driver.space.prompts.box.row_max == pytest.approx(500, abs=1.5)
    driver.key(Key.Key_Z, CTRL)
    assert driver.space.prompts.box == box
    driver.key(Key.Key_Z, CTRL)
    driver.key(Key.Key_Z, CTRL)
    driver.key(Key.Key_Z, CTRL)
    assert driver.space.prompts.empty
    driver.key(Key.Key_Z, CTRL | SHIFT)
    assert driver.space.prompts.box == box
    assert np.array_equal(driver.mask(), found)
    driver.key(Key.Key_Z, CTRL | SHIFT)
    driver.key(Key.Key_Backspace)
    assert not driver.space.prompts.clicks
    driver.click(*scenery.CENTRE)
    driver.click(*scenery.CENTRE)
    assert not driver.space.prompts.clicks  # a click on a mark takes it away


def test_nothing_is_lost(driver, iface):
    driver.click(*scenery.CENTRE)
    prompts, mask = driver.space.prompts, driver.mask()
    driver.canvas.zoomByFactor(0.4)
    driver.canvas.refresh()
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:2056"))
    node = QgsProject.instance().layerTreeRoot().findLayer(driver.layer.id())
    node.setItemVisibilityChecked(False)
    wait_until(lambda: not driver.canvas.layers(), what="the layer hidden")
    assert driver.studio.overlay.mask.extent().isEmpty()
    node.setItemVisibilityChecked(True)
    wait_until(
        lambda: not driver.studio.overlay.mask.extent().isEmpty(), what="the mask shown again"
    )
    iface.actionPan().trigger()
    driver.studio.open()
    assert driver.space.prompts is prompts
    assert np.array_equal(driver.mask(), mask)


def test_layer_removed_and_added_again(driver, iface, plugin, tmp_path):
    driver.click(*scenery.CENTRE)
    prompts = driver.space.prompts
    said = []
    driver.space.message.connect(said.append)
    QgsProject.instance().removeMapLayer(driver.layer.id())
    assert driver.space.image is None
    assert "add the image again" in said[-1]
    again = Driver(iface, plugin, tmp_path / "cam1_20240115_103000.jpg")
    assert again.space.prompts is prompts
    again.settle()
    assert again.mask().any()


def test_zoom_does_not_change_the_result(driver):
    driver.click(*scenery.CENTRE)
    mask = driver.mask()
    click = driver.space.prompts.clicks[0]
    driver.key(Key.Key_Backspace)
    driver.canvas.zoomByFactor(0.3)
    driver.space.add_click(click.row, click.col, True)
    driver.settle()
    assert np.array_equal(driver.mask(), mask)


def test_rotated_geotiff_in_another_crs(iface, plugin, tmp_path):
    path = scenery.rotated(tmp_path)
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    angle = np.deg2rad(20)
    c, s = 0.5 * np.cos(angle), 0.5 * np.sin(angle)
    driver = Driver(iface, plugin, path, (2783000.0, c, s, 1188000.0, s, -c))
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    driver.show_all()
    driver.click(*scenery.CENTRE)
    mask = driver.mask()
    assert iou(mask, scenery.truth()) > 0.7
    click = driver.space.prompts.clicks[0]
    assert (click.row, click.col) == pytest.approx(scenery.CENTRE, abs=1.5)
    driver.key(Key.Key_Space)
    wait_until(lambda: driver.space.prompts.empty, what="the feature")
    assert QgsProject.instance().crs().authid() == "EPSG:4326"
    layer = only_layer()
    assert layer.crs().authid() == "EPSG:2056"
    (feature,) = layer.getFeatures()
    assert feature.geometry().isGeosValid()
    centroid = feature.geometry().centroid().asPoint()
    rows, cols = np.nonzero(mask)
    u, v = cols.mean() + 0.5, rows.mean() + 0.5
    x, y = 2783000.0 + c * u + s * v, 1188000.0 + s * u - c * v
    assert np.hypot(centroid.x() - x, centroid.y() - y) < 0.25  # half a pixel
    assert feature["area_m2"] == pytest.approx(mask.sum() * 0.25, rel=0.02)


def test_sixteen_bit_band(iface, plugin, tmp_path):
    driver = Driver(iface, plugin, scenery.deep(tmp_path), (2783000.0, 0.5, 0, 1188000.0, 0, -0.5))
    driver.click(*scenery.CENTRE)
    assert iou(driver.mask(), scenery.truth()) > 0.6
    driver.key(Key.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, what="the feature")
    assert only_layer().featureCount() == 1


def test_several_reopen_delete(driver):
    driver.click(*scenery.CENTRE)
    first = driver.mask()
    prompts = driver.space.prompts
    driver.key(Key.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, what="the first feature")
    driver.click(*scenery.OUTSIDE)
    driver.key(Key.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, what="the second feature")
    layer, table = only_layer(), driver.studio.avalanches_dock
    assert table.table.rowCount() == 2
    identity = next(layer.getFeatures())["uuid"]
    table.table.setCurrentCell(0, 0)
    table._emit(table.continue_requested)
    driver.settle()
    assert driver.space.prompts.clicks == prompts.clicks
    assert np.array_equal(driver.mask(), first)
    driver.click(300, 440)
    driver.key(Key.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, what="the feature rewritten")
    assert layer.featureCount() == 2
    again = [f for f in layer.getFeatures() if f["uuid"] == identity]
    assert len(again) == 1
    assert again[0]["n_clicks"] == 2
    table.table.setCurrentCell(1, 0)
    asked = []
    driver.studio.avalanche_list.may_delete = lambda entry: bool(asked.append(entry.name))
    table._emit(table.delete_requested)
    assert asked == ["2"]
    assert layer.featureCount() == 2
    driver.studio.avalanche_list.may_delete = lambda entry: True
    table._emit(table.delete_requested)
    assert layer.featureCount() == 1
    assert table.table.rowCount() == 1


def test_escape_asks_before_work_is_lost(driver):
    asked = []
    driver.click(*scenery.CENTRE)
    driver.space.may_discard = lambda: bool(asked.append(1)) or len(asked) > 1
    driver.key(Key.Key_Escape)
    assert asked
    assert driver.space.prompts.clicks
    driver.key(Key.Key_Escape)
    assert driver.space.prompts.empty


def test_outlines_of_another_photo_are_not_shown(driver, iface, plugin, tmp_path):
    driver.click(*scenery.CENTRE)
    driver.key(Key.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, what="the feature")
    layer = only_layer()
    (symbol,) = visible(layer)
    assert symbol is not None
    path = scenery.write(tmp_path / "cam2.jpg", scenery.pixels()[::-1], driver="JPEG")
    other = Driver(iface, plugin, path)
    wait_until(lambda: other.space.image.origin.sha256, what="the photo looked up")
    assert other.studio.avalanches_dock.table.rowCount() == 0
    assert visible(layer) == []


def visible(layer) -> list:
    """Symbols of the features that the layer's style shows."""
    context = QgsRenderContext()
    context.setExpressionContext(layer.createExpressionContext())
    renderer = layer.renderer().clone()
    renderer.startRender(context, layer.fields())
    shown = []
    for feature in layer.getFeatures():
        context.expressionContext().setFeature(feature)
        if renderer.willRenderFeature(feature, context):
            shown.append(renderer.symbolForFeature(feature, context) or True)
    renderer.stopRender(context)
    return shown


def test_preview_is_what_a_click_gives(driver):
    """Where the mouse rests, and gone as soon as it moves on."""
    driver.studio.dock.preview.setChecked(True)
    view, session = driver.canvas.viewport(), driver.space
    QTest.mouseMove(view, driver.at(*scenery.CENTRE))
    wait_until(lambda: session.preview is not None, what="the preview")
    state = driver.studio.segmentation_client.state
    assert state.name == "READY"  # nothing is computed for the user
    assert session.prompts.empty
    shown = driver.studio.overlay.preview.extent()
    assert not shown.isEmpty()
    preview = session.preview.prediction
    driver.click(*scenery.CENTRE)
    assert session.preview is None
    prediction = session.draft.prediction.prediction
    assert np.array_equal(preview.levels, prediction.levels)
    assert preview.roi == prediction.roi
    QTest.mouseMove(view, driver.at(*scenery.OUTSIDE))
    wait_until(lambda: session.preview is not None, what="the next preview")
    assert len(session.preview.prompts.clicks) == 2
    QTest.mouseMove(view, driver.at(scenery.OUTSIDE[0] + 30, scenery.OUTSIDE[1]))
    wait_until(lambda: session.preview is None, what="the old preview gone")
    wait_until(lambda: session.preview is not None, what="the preview there")
    assert session.preview.prompts.clicks[-1].row == pytest.approx(scenery.OUTSIDE[0] + 30, abs=2)
    driver.studio.dock.preview.setChecked(False)
    QTest.mouseMove(view, driver.at(*scenery.OUTSIDE))
    QTest.qWait(500)
    assert session.preview is None
