"""New images come below the avalanches that are drawn on them, whatever layer is active."""

from __future__ import annotations

import pytest
import scenery
from driving import Driver
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QFileDialog
from rasters import LV95, UPRIGHT
from waiting import wait_until

from avalanche_iseg_qgis.features import target
from avalanche_iseg_qgis.features.stacking import add_avalanches, add_image


def order() -> list[str]:
    """Names of the layers, from above."""
    return [layer.name() for layer in QgsProject.instance().layerTreeRoot().layerOrder()]


def image(path, kind: str) -> QgsRasterLayer:
    if kind == "photo":
        path = scenery.write(path.with_suffix(".jpg"), scenery.pixels(), driver="JPEG")
    else:
        path = scenery.write(
            path.with_suffix(".tif"), scenery.pixels(), transform=UPRIGHT, epsg=LV95
        )
    return QgsRasterLayer(str(path), path.stem)


@pytest.fixture
def layers(tmp_path):
    """The layers of avalanches in photos and on the map."""
    for crs in ("", f"EPSG:{LV95}"):
        reference = QgsCoordinateReferenceSystem(crs)
        add_avalanches(target.create_layer(str(tmp_path / "avalanches.gpkg"), reference))
    assert order() == ["avalanches", "avalanches_pixels"]


@pytest.mark.parametrize("active", [None, "avalanches", "avalanches_pixels", "first"])
@pytest.mark.parametrize("kind", ["photo", "map"])
def test_below_the_avalanches_of_its_kind(layers, iface, tmp_path, kind, active):
    add_image(image(tmp_path / "first", kind))
    layer = QgsProject.instance().mapLayersByName(active)[0] if active else None
    iface.setActiveLayer(layer)
    add_image(image(tmp_path / "second", kind))
    covers = "avalanches_pixels" if kind == "photo" else "avalanches"
    assert order().index("second") > order().index(covers)
    assert order().index("second") < order().index("first")  # seen at once


def test_in_a_group_and_in_the_place_of_another(layers, tmp_path):
    root = QgsProject.instance().layerTreeRoot()
    group = root.addGroup("photos")
    first = image(tmp_path / "first", "photo")
    QgsProject.instance().addMapLayer(first, False)
    group.addLayer(first)
    add_image(image(tmp_path / "second", "photo"), first)
    assert [node.name() for node in group.findLayers()] == ["second", "first"]
    above = image(tmp_path / "above", "photo")
    QgsProject.instance().addMapLayer(above, False)
    root.insertLayer(0, above)
    add_image(image(tmp_path / "third", "photo"), above)  # that one covers the avalanches
    assert order().index("third") > order().index("avalanches_pixels")


def test_without_avalanches_it_comes_where_qgis_puts_it(iface, tmp_path):
    first = image(tmp_path / "first", "photo")
    add_image(first)
    iface.setActiveLayer(first)
    add_image(image(tmp_path / "second", "photo"))
    assert order() == ["second", "first"]
    other = QgsVectorLayer("Polygon", "of others", "memory")
    QgsProject.instance().addMapLayer(other)
    add_image(image(tmp_path / "third", "photo"), first)
    assert order().index("third") == order().index("first") - 1


def test_a_second_photo_does_not_hide_what_is_mapped_in_it(plugin, iface, tmp_path, monkeypatch):
    paths = [
        scenery.write(tmp_path / f"{name}.jpg", scenery.pixels(), driver="JPEG")
        for name in ("one", "two")
    ]
    driver = Driver(iface, plugin, paths[0])
    driver.click(*scenery.CENTRE)
    driver.key(Qt.Key.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, what="the feature")
    iface.setActiveLayer(driver.layer)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(paths[1]), ""))
    driver.studio.dock.open_image.click()
    assert order() == ["avalanches_pixels", "two", "i"]
    iface.setActiveLayer(driver.layer)
    driver.studio.dock.demo.click()
    assert order()[0] == "avalanches_pixels"
    assert len(order()) == 4
