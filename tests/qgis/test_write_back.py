"""Outlines of other people are corrected where they were clicked, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scenery
from driving import LEFT, RIGHT, Driver
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from waiting import wait_until

from avalanche_iseg_qgis.features.splice import splice
from avalanche_iseg_qgis.layers.grid import Grid
from avalanche_iseg_qgis.layers.pixel_window import PixelWindow
from avalanche_iseg_qgis.masks.changes import changed_zone

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "dem"
SCENES = ("avaAlr", "avaMal", "avaWog")


def vertices(geometry: QgsGeometry) -> set[tuple[float, float]]:
    return {(vertex.x(), vertex.y()) for vertex in geometry.vertices()}


def outside(geometry: QgsGeometry, zone: QgsGeometry) -> set[tuple[float, float]]:
    return {xy for xy in vertices(geometry) if not zone.contains(QgsPointXY(*xy))}


def with_island_and_part(outline: QgsGeometry) -> QgsGeometry:
    """An outline with a hole in its middle and a second part beside it."""
    middle, accuracy = outline.poleOfInaccessibility(1.0)
    radius = max(2.0, 0.4 * accuracy)
    box = outline.boundingBox()
    part = QgsGeometry.fromPointXY(QgsPointXY(box.xMaximum() + 40, middle.asPoint().y()))
    outline = outline.difference(middle.buffer(radius, 5))
    return QgsGeometry.unaryUnion([outline, part.buffer(25, 5)])


def square(left, bottom, size) -> QgsGeometry:
    return QgsGeometry.fromWkt(
        f"MULTIPOLYGON((({left} {bottom},{left + size} {bottom},{left + size} {bottom + size},"
        f"{left} {bottom + size},{left} {bottom})))"
    )


# --- where masks differ ----------------------------------------------------------------------


def test_the_zone_is_the_change_and_a_margin_in_the_layers_coordinates():
    before, after = np.zeros((2, 40, 60), bool)
    after[10:12, 20:25] = after[30, 50] = True
    window, grid = PixelWindow(5, 7, 40, 60), Grid(100, 100, (0.5, 0, 1000, 0, -0.5, 2000))
    zone = changed_zone(before, after, grid, window)
    expected = QgsGeometry.fromWkt(
        "MULTIPOLYGON(((1012.5 1993.5,1017 1993.5,1017 1990.5,1012.5 1990.5,1012.5 1993.5)),"
        "((1027.5 1983.5,1030 1983.5,1030 1981,1027.5 1981,1027.5 1983.5)))"
    )
    assert zone.symDifference(expected).area() < 1e-9
    assert changed_zone(after, before, grid, window).equals(zone)
    assert changed_zone(after, after, grid, window).isEmpty()


def test_a_change_at_the_edge_of_the_image():
    before, after = np.zeros((2, 9, 9), bool)
    after[0, 0] = after[8, 8] = True
    zone = changed_zone(before, after, Grid(9, 9), PixelWindow(0, 0, 9, 9))
    assert zone.area() == 18


# --- two outlines ----------------------------------------------------------------------------


def test_the_new_outline_counts_inside_the_zone_only():
    old, new = square(0, 0, 100), square(-7, 3, 100)
    zone = square(90, 40, 20)
    done = splice(old, new, zone)
    assert done.isGeosValid()
    assert done.intersection(zone).symDifference(new.intersection(zone)).area() < 1e-9
    assert done.difference(zone).symDifference(old.difference(zone)).area() < 1e-9
    assert outside(done, zone.buffer(1e-6, 5)) == vertices(old)


def test_nothing_changes_without_a_zone():
    old = QgsGeometry.fromWkt("POLYGON((0 0,10 10,0 10,10 0,0 0))")  # even if it is broken
    assert splice(old, square(0, 0, 5), QgsGeometry()).asWkb() == old.asWkb()


def test_an_outline_that_crosses_itself_is_repaired_where_it_must_be_cut():
    old = QgsGeometry.fromWkt("POLYGON((0 0,10 10,0 10,10 0,0 0))")
    done = splice(old, square(-5, -5, 3), square(-1, -1, 3))
    assert done.isGeosValid()
    assert 40 < done.area() < 50


# --- in the plugin ---------------------------------------------------------------------------


def map_over(layer: QgsVectorLayer, feature_id: int, driver: Driver) -> None:
    """Choose a feature and start from it, as a user does."""
    driver.iface.setActiveLayer(layer)
    layer.selectByIds([feature_id])
    driver.iface.actionPan().trigger()
    driver.studio.start_actions._try(driver.studio.start_actions.from_selection)
    driver.settle()
    assert driver.canvas.mapTool() is driver.studio.tool


@pytest.mark.parametrize("scene", SCENES)
def test_real_outlines_keep_what_no_click_has_changed(iface, plugin, scene):
    if not SHARED.is_dir():
        pytest.skip(f"shared test data not found: expected the folder {SHARED}")
    source = QgsVectorLayer(f"{SHARED / scene}_outlines.gpkg|layername=outlines", "source", "ogr")
    fields = "field=method:string&field=area_m2:double&field=seconds:double&field=name:string"
    layer = QgsVectorLayer(f"MultiPolygon?crs=EPSG:31287&{fields}", "old", "memory")
    features = []
    for number, feature in enumerate(source.getFeatures()):
        copy = QgsFeature(layer.fields())
        geometry = feature.geometry()
        copy.setGeometry(with_island_and_part(geometry) if number % 2 else geometry)
        copy.setAttributes(["old survey", -1.5, 77.0, f"no. {number}"])
        features.append(copy)
    layer.dataProvider().addFeatures(features)
    QgsProject.instance().addMapLayer(layer)
    dem = QgsRasterLayer(str(SHARED / f"{scene}_dem_5m_epsg31287.tif"), "dem")
    driver = Driver(iface, plugin, dem)
    changed = 0
    for feature in list(layer.getFeatures()):
        old = feature.geometry()
        map_over(layer, feature.id(), driver)
        grid, mask = driver.space.grid, driver.mask()
        row, col = np.argwhere(mask)[0]  # its uppermost pixel is too much
        driver.space.add_click(float(row), float(col), False)
        driver.settle()
        after = driver.mask()
        whole = PixelWindow(0, 0, grid.height, grid.width)
        zone = changed_zone(mask, after, grid, whole)
        driver.space.finish()
        wait_until(lambda: driver.space.prompts.empty, 60, "the feature")
        saved = layer.getFeature(feature.id())
        done = saved.geometry()
        assert saved.attributes() == feature.attributes()
        beyond = zone.buffer(1e-6, 5)
        assert outside(done, beyond) == outside(old, beyond)
        assert done.difference(beyond).symDifference(old.difference(beyond)).area() < 1e-6
        changed += not zone.isEmpty()
    assert changed >= layer.featureCount() / 2


def test_an_unclicked_outline_is_written_back_as_it_was(iface, plugin, tmp_path):
    driver = Driver(iface, plugin, scenery.deep(tmp_path))
    grid = driver.space.grid
    ring = [grid.to_layer(row, col) for row, col in [(200.3, 300.1), (210, 520.7), (401.9, 410)]]
    layer = QgsVectorLayer("Polygon?crs=EPSG:2056&field=method:string", "old", "memory")
    feature = QgsFeature(layer.fields())
    feature.setGeometry(QgsGeometry.fromPolygonXY([ring]))
    layer.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(layer)
    (before,) = layer.getFeatures()
    map_over(layer, before.id(), driver)
    driver.space.finish()
    wait_until(lambda: driver.space.prompts.empty, 60, "the feature")
    (after,) = layer.getFeatures()
    assert after.geometry().asWkb() == before.geometry().asWkb()
    assert after.attributes() == before.attributes()


def test_what_a_click_adds_joins_the_old_outline(iface, plugin, tmp_path):
    driver = Driver(iface, plugin, scenery.deep(tmp_path), (2783000.0, 0.5, 0, 1188000.0, 0, -0.5))
    grid = driver.space.grid
    corners = [(300.2, 380.6), (300.2, 470.1), (380.7, 470.1), (380.7, 380.6)]
    ring = [grid.to_layer(*corner) for corner in corners]
    layer = QgsVectorLayer("MultiPolygon?crs=EPSG:2056", "old", "memory")
    feature = QgsFeature(layer.fields())
    feature.setGeometry(QgsGeometry.fromPolygonXY([ring]))
    layer.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(layer)
    (before,) = layer.getFeatures()
    map_over(layer, before.id(), driver)
    driver.click(220, 430, LEFT)
    driver.click(*scenery.OUTSIDE, RIGHT)
    driver.space.finish()
    wait_until(lambda: driver.space.prompts.empty, 60, "the feature")
    (after,) = layer.getFeatures()
    assert after.geometry().isGeosValid()
    assert after.geometry().contains(grid.to_layer(220, 430))
    assert after.geometry().area() > 1.2 * before.geometry().area()
    assert len(after.geometry().asMultiPolygon()) == 1
