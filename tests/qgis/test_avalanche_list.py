"""The list of avalanches follows the layers, whoever edits them."""

from __future__ import annotations

import pytest
import scenery
from driving import Driver
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDateTime, Qt
from qgis.PyQt.QtTest import QTest
from waiting import wait_until

PLACES = (scenery.CENTRE, (200.0, 430.0), (380.0, 430.0))


@pytest.fixture
def driver(iface, plugin, tmp_path):
    return Driver(iface, plugin, scenery.photo(tmp_path))


def map_avalanches(driver, count=3) -> QgsVectorLayer:
    for place in PLACES[:count]:
        driver.click(*place)
        driver.space.finish()
        wait_until(lambda: driver.space.prompts.empty, 60, "the feature")
    layer = vector_layer()
    moment = QDateTime(2026, 1, 1, 8, 0, 0, 0, Qt.TimeSpec.UTC)
    field = layer.fields().indexOf("created_at")
    for number, entry in enumerate(entries(driver)):  # mapped in the same second
        fid = entry.feature_ref.feature_id
        layer.changeAttributeValue(fid, field, moment.addSecs(60 * number))
    QTest.qWait(20)
    return layer


def vector_layer() -> QgsVectorLayer:
    layers = QgsProject.instance().mapLayers().values()
    return next(layer for layer in layers if isinstance(layer, QgsVectorLayer))


def entries(driver):
    return driver.studio.avalanches_dock.entries


def names(driver) -> list[str]:
    table = driver.studio.avalanches_dock.table
    return [table.item(row, 0).text() for row in range(table.rowCount())]


def identities(driver) -> list[str]:
    return [entry.feature_ref.uuid for entry in entries(driver)]


def choose(driver, row: int) -> None:
    driver.studio.avalanches_dock.table.setCurrentCell(row, 0)


def test_numbers_follow_the_order_of_making_and_stay(driver):
    layer = map_avalanches(driver)
    before = identities(driver)
    assert names(driver) == ["1", "2", "3"]
    assert layer.commitChanges()
    QTest.qWait(20)
    assert (names(driver), identities(driver)) == (["1", "2", "3"], before)
    layer.startEditing()
    layer.deleteFeature(entries(driver)[1].feature_ref.feature_id)
    QTest.qWait(20)
    assert names(driver) == ["1", "3"]
    layer.undoStack().undo()
    QTest.qWait(20)
    assert (names(driver), identities(driver)) == (["1", "2", "3"], before)


def test_the_selected_avalanche_stays_selected(driver):
    layer = map_avalanches(driver, count=2)
    choose(driver, 1)
    selected = entries(driver)[1].key
    layer.deleteFeature(entries(driver)[0].feature_ref.feature_id)
    QTest.qWait(20)
    dock = driver.studio.avalanches_dock
    assert entries(driver)[dock.table.currentRow()].key == selected
    layer.undoStack().undo()
    QTest.qWait(20)
    assert entries(driver)[dock.table.currentRow()].key == selected


def test_after_deleting_nothing_is_selected_and_nothing_can_be_pressed(driver):
    map_avalanches(driver)
    dock = driver.studio.avalanches_dock
    driver.studio.avalanche_list.may_delete = lambda entry: True
    choose(driver, 0)
    assert all(button.isEnabled() for button in dock._buttons)
    dock._emit(dock.delete_requested)
    QTest.qWait(20)
    assert names(driver) == ["2", "3"]
    assert dock.table.currentRow() == -1
    assert not any(button.isEnabled() for button in dock._buttons)
    dock._emit(dock.delete_requested)
    assert len(names(driver)) == 2


def test_a_single_avalanche_is_selected_by_itself(driver):
    map_avalanches(driver, count=1)
    assert driver.studio.avalanches_dock.table.currentRow() == 0


def test_edits_of_others_are_seen(driver):
    layer = map_avalanches(driver, count=1)
    area = driver.studio.avalanches_dock.table.item(0, 3).text()
    fid = entries(driver)[0].feature_ref.feature_id
    layer.changeAttributeValue(fid, layer.fields().indexOf("type"), "slab")
    geometry = layer.getFeature(fid).geometry()
    layer.changeGeometry(fid, geometry.buffer(20, 5))
    QTest.qWait(20)
    assert names(driver) == ["1 Slab"]
    assert driver.studio.avalanches_dock.table.item(0, 3).text() != area


@pytest.mark.parametrize(
    ("code", "name"),
    [("loose", "1 Loose snow"), ("unknown", "1 Unknown"), ("powder", "1 powder"), (None, "1")],
)
def test_the_type_is_shown_by_its_label(driver, code, name):
    layer = map_avalanches(driver, count=1)
    fid = entries(driver)[0].feature_ref.feature_id
    layer.changeAttributeValue(fid, layer.fields().indexOf("type"), code)
    QTest.qWait(20)
    assert names(driver) == [name]


def test_what_is_not_saved_yet_is_said_and_saved(driver):
    layer = map_avalanches(driver, count=1)
    dock = driver.studio.avalanches_dock
    assert layer.name() in dock.unsaved.text()
    assert not dock.save.isHidden()
    dock.save.click()
    assert not layer.isModified()
    assert layer.isEditable()
    assert dock.save.isHidden()
    again = QgsVectorLayer(layer.source(), "again", "ogr")
    assert again.featureCount() == 1


def test_a_corrected_feature_of_a_foreign_layer_is_listed(driver, iface):
    layer = QgsVectorLayer("Polygon?field=name:string", "old outlines", "memory")
    layer.setCrs(QgsCoordinateReferenceSystem())  # in pixels
    feature = QgsFeature(layer.fields())
    feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(400, -330, 460, -250)))
    layer.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(layer)
    layer.selectAll()
    iface.setActiveLayer(layer)
    driver.studio.start_actions.from_selection()
    driver.settle()
    driver.click(*scenery.CENTRE)
    driver.space.finish()
    wait_until(lambda: driver.space.prompts.empty, 60, "the feature")
    assert names(driver) == ["1 old outlines"]
    assert "old outlines" in driver.studio.avalanches_dock.unsaved.text()


def test_every_corrected_feature_of_a_foreign_layer_is_listed(driver, iface):
    layer = QgsVectorLayer("Polygon?field=name:string", "old outlines", "memory")
    layer.setCrs(QgsCoordinateReferenceSystem())  # in pixels
    for x in (100, 400):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(x, -330, x + 60, -250)))
        layer.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(layer)
    iface.setActiveLayer(layer)
    for fid in sorted(layer.allFeatureIds()):
        layer.selectByIds([fid])
        driver.studio.start_actions.from_selection()
        driver.settle()
        driver.space.finish()
        wait_until(lambda: driver.space.prompts.empty, 60, "the feature")
    assert names(driver) == ["1 old outlines", "2 old outlines"]


def test_nothing_is_connected_after_the_plugin_is_closed(driver):
    layer = map_avalanches(driver, count=1)
    driver.plugin.unload()
    layer.deleteFeature(next(layer.getFeatures()).id())
    QTest.qWait(20)
    driver.plugin.initGui()


@pytest.mark.parametrize("saved", [False, True], ids=["unsaved", "saved"])
def test_what_was_edited_by_hand_is_gone_on_from(driver, saved):
    """Vertices that QGIS has moved are not lost to the clicks that the outline was made from."""
    layer = map_avalanches(driver, count=1)
    fid = entries(driver)[0].feature_ref.feature_id
    if saved:
        assert layer.commitChanges(False)
        (fid,) = [feature.id() for feature in layer.getFeatures()]
    dock, said = driver.studio.avalanches_dock, []
    driver.studio.avalanche_list._warn = said.append
    dock._emit(dock.continue_requested)
    assert len(driver.space.prompts.clicks) == 1  # nobody has edited it
    driver.space.drop(driver.space.image.key)
    before = layer.getFeature(fid).geometry()
    vertex = before.vertexAt(0)
    assert layer.moveVertex(vertex.x() - 25, vertex.y() + 15, fid, 0)
    edited = layer.getFeature(fid).geometry()
    assert edited.asWkb() != before.asWkb()
    QTest.qWait(20)
    dock._emit(dock.continue_requested)
    assert "edited by hand" in said[0]
    assert driver.space.prompts.mask is not None
    driver.settle()
    driver.space.finish()
    wait_until(lambda: driver.space.prompts.empty, 60, "the feature")
    (feature,) = layer.getFeatures()
    assert feature.geometry().asWkb() == edited.asWkb()
    dock._emit(dock.continue_requested)
    assert len(said) == 1  # as it was finished
