"""Type, size and trigger by menu and key, in the real QGIS."""

from __future__ import annotations

import pytest
import scenery
from driving import Driver
from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from waiting import wait_until

from avalanche_iseg_qgis.compat import QAction


@pytest.fixture
def driver(iface, plugin, tmp_path):
    return Driver(iface, plugin, scenery.photo(tmp_path))


def finish(driver) -> None:
    driver.click(*scenery.CENTRE)
    driver.key(Qt.Key.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, what="the feature")


def features() -> list:
    layers = QgsProject.instance().mapLayers().values()
    (layer,) = [layer for layer in layers if isinstance(layer, QgsVectorLayer)]
    return sorted(layer.getFeatures(), key=lambda feature: -feature.id())


def action(iface, name: str) -> QAction:
    return iface.mainWindow().findChild(QAction, f"AvalancheISeg_{name}")


def test_keys_and_menu_classify_the_avalanche_just_finished(driver, iface):
    assert not action(iface, "size_eaws_3").isEnabled()  # the key is others'
    finish(driver)
    assert action(iface, "size_eaws_3").shortcut().toString() == "3"
    action(iface, "size_eaws_3").trigger()
    action(iface, "type_slab").trigger()
    (feature,) = features()
    assert (feature["size_eaws"], feature["type"]) == (3, "slab")
    finish(driver)
    action(iface, "trigger_natural").trigger()
    first, second = features()
    assert (first["trigger"], second["trigger"]) == (None, "natural")
    driver.studio.avalanches_dock.table.setCurrentCell(0, 0)
    action(iface, "size_eaws_2").trigger()
    first, second = features()
    assert (first["size_eaws"], second["size_eaws"]) == (2, None)


def test_each_value_is_one_step_of_undo(driver, iface):
    finish(driver)
    layers = QgsProject.instance().mapLayers().values()
    (layer,) = [layer for layer in layers if isinstance(layer, QgsVectorLayer)]
    action(iface, "size_eaws_4").trigger()
    layer.undoStack().undo()
    (feature,) = layer.getFeatures()
    assert feature["size_eaws"] is None
    assert layer.undoStack().canUndo()


def test_the_menu_names_what_can_be_set(driver):
    menu = driver.studio.avalanches_dock.classify_menu
    texts = [[a.iconText() for a in part.menu().actions()] for part in menu.actions()]
    assert len(texts) == 3
    assert "Slab" in texts[0]
    assert all(len(part) >= 5 for part in texts)


def test_nothing_is_left_behind(plugin, iface):
    plugin.open()
    assert action(iface, "type_slab") is not None
    plugin.controller.close()
    plugin.controller = None
    QTest.qWait(50)
    names = [each.objectName() for each in iface.mainWindow().actions()]
    assert not [name for name in names if name.startswith("AvalancheISeg_")]
