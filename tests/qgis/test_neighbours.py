"""Avalanches beside finished ones: nothing is covered twice, and narrow gaps close."""

from __future__ import annotations

import numpy as np
import pytest
import scenery
from canvases import LEFT
from driving import Driver
from qgis.core import QgsFeature, QgsGeometry, QgsPointXY, QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QToolButton
from waiting import wait_until

from avalanche_iseg_qgis.core.errors import IsegError
from avalanche_iseg_qgis.features.geometry import area_m2, keep_off

WAVE = [(20 + 2 * np.sin(y / 3), y) for y in np.arange(0.0, 40.5, 0.5)]


def polygon(points) -> QgsGeometry:
    return QgsGeometry.fromPolygonXY([[QgsPointXY(*point) for point in points]])


def left_of(border) -> QgsGeometry:
    return polygon([(0, 0), *border, (0, 40)])


def right_of(border, shift=0.0) -> QgsGeometry:
    return polygon([(50, 0), *((x + shift, y) for x, y in border), (50, 40)])


def is_beside(done: QgsGeometry, other: QgsGeometry) -> None:
    """They share a border without covering each other; vertices are the other's."""
    assert done.isGeosValid()
    assert done.intersection(other).area() < 1e-9
    shared = QgsGeometry(other.constGet().boundary()).intersection(done)
    assert (
        shared.length()
        > 0.9 * QgsGeometry.fromPolylineXY([QgsPointXY(*point) for point in WAVE]).length() * 0.9
    )


@pytest.mark.parametrize("shift", [0.3, 1.0, 1.9, 0.0, -0.5])
def test_a_narrow_gap_and_an_overlap_become_a_common_border(shift):
    """Also where the outline covers a little of the other."""
    other, new = left_of(WAVE), right_of(WAVE, shift)
    before = other.asWkb()
    done = keep_off(new, [other], 2.0)
    is_beside(done, other)
    assert other.asWkb() == before
    whole = QgsGeometry.fromWkt("POLYGON((0 0,50 0,50 40,0 40,0 0))")
    assert whole.difference(done.combine(other)).area() < 0.01 * whole.area()


@pytest.mark.parametrize("shift", [2.5, 6.0])
def test_a_wide_gap_stays(shift):
    other, new = left_of(WAVE), right_of(WAVE, shift)
    assert keep_off(new, [other], 2.0).isGeosEqual(new)


@pytest.mark.parametrize("shift", [0.3, 1.0])
def test_gaps_stay_unless_they_are_to_be_closed(shift):
    other, new = left_of(WAVE), right_of(WAVE, shift)
    assert keep_off(new, [other]).isGeosEqual(new)


def test_the_outline_s_own_narrow_places_and_the_other_s_stay():
    """A notch in either is no gap between them."""
    notch = "POLYGON((30 0,60 0,60 19,40 19,40 20,60 20,60 40,30 40,30 0))"
    bay = "POLYGON((0 0,29 0,29 40,0 40,0 30.5,20 30.5,20 30,0 30,0 0))"
    new, other = QgsGeometry.fromWkt(notch), QgsGeometry.fromWkt(bay)
    done = keep_off(new, [other], 2.0)
    assert done.intersection(other).area() < 1e-9
    for x, y, inside in ((50, 19.5, False), (29.5, 20, True), (10, 30.25, False)):
        point = QgsGeometry.fromPointXY(QgsPointXY(x, y))
        assert done.contains(point) == inside


def test_a_gap_between_two_others_is_not_the_outline_s():
    one = QgsGeometry.fromWkt("POLYGON((0 0,10 0,10 40,0 40,0 0))")
    two = QgsGeometry.fromWkt("POLYGON((11 0,20 0,20 40,11 40,11 0))")
    new = QgsGeometry.fromWkt("POLYGON((21 0,40 0,40 40,21 40,21 0))")
    done = keep_off(new, [one, two], 2.0)
    assert done.boundingBox().xMinimum() == pytest.approx(20, abs=1e-9)


def test_between_two_neighbours_and_over_a_hole():
    ring = QgsGeometry.fromWkt("POLYGON((0 0,60 0,60 60,0 60,0 0),(20 20,40 20,40 40,20 40,20 20))")
    new = QgsGeometry.fromWkt("POLYGON((21 21,39.5 21,39.5 39,21 39,21 21))")
    done = keep_off(new, [ring], 2.0)
    assert done.area() == pytest.approx(400, rel=0.02)
    assert done.intersection(ring).area() < 1e-9


def test_a_broken_neighbour_does_not_stop_it():
    bow = QgsGeometry.fromWkt("POLYGON((0 0,10 10,10 0,0 10,0 0))")
    new = QgsGeometry.fromWkt("POLYGON((9 0,30 0,30 10,9 10,9 0))")
    done = keep_off(new, [bow], 1.0)
    assert done.intersection(bow.makeValid()).area() < 1e-9
    assert done.isGeosValid()


@pytest.mark.parametrize("scale", [1e-5, 1.0])
def test_units_do_not_matter(scale):
    """Degrees or metres."""
    size = [(x * scale, y * scale) for x, y in WAVE]
    other = polygon([(0, 0), *size, (0, 40 * scale)])
    new = polygon([(50 * scale, 0), *((x + scale, y) for x, y in size), (50 * scale, 40 * scale)])
    done = keep_off(new, [other], 2 * scale)
    assert done.distance(other) == pytest.approx(0, abs=1e-9 * scale)
    assert done.intersection(other).area() < 1e-9 * scale**2 + 1e-18


def test_inside_a_finished_one_is_refused_with_gaps_too():
    with pytest.raises(IsegError, match="inside finished avalanches"):
        keep_off(
            QgsGeometry.fromWkt("POLYGON((2 2,8 2,8 8,2 8,2 2))"),
            [QgsGeometry.fromWkt("POLYGON((0 0,9 0,9 9,0 9,0 0))")],
            3.0,
        )


# --- with the plugin ------------------------------------------------------------------------


@pytest.fixture(params=["photo", "raster", "turned"])
def driver(request, iface, plugin, tmp_path):
    transform = None
    if request.param == "photo":
        path = scenery.photo(tmp_path)
    elif request.param == "raster":
        transform = (2_783_000.0, 0.5, 0, 1_188_000.0, 0, -0.5)
        path = scenery.write(
            tmp_path / "a.tif", scenery.pixels(), transform=transform, epsg=scenery.LV95
        )
    else:
        path = scenery.rotated(tmp_path)
        angle, size = np.deg2rad(20), 0.5
        c, s = size * np.cos(angle), size * np.sin(angle)
        transform = (2783000.0, c, s, 1188000.0, s, -c)
    made = Driver(iface, plugin, path, transform)
    made.studio.dock.keep_off.setChecked(True)
    return made


def finish(driver) -> None:
    driver.key(Qt.Key.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, 60, "the feature")


def avalanches(driver):
    name = "avalanches" if driver.layer.crs().isValid() else "avalanches_pixels"
    (layer,) = QgsProject.instance().mapLayersByName(name)
    return layer, sorted(layer.getFeatures(), key=lambda feature: abs(feature.id()))


def paint(driver, *places, radius=None) -> None:
    brush = driver.studio.brush
    while radius is not None and brush.radius < radius:
        brush.grow(1)
    brush.active = True
    QTest.mousePress(
        driver.canvas.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, driver.at(*places[0])
    )
    for place in places[1:]:
        QTest.mouseMove(driver.canvas.viewport(), driver.at(*place))
        QTest.qWait(5)
    QTest.mouseRelease(
        driver.canvas.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, driver.at(*places[-1])
    )
    driver.settle()


def one_and_its_neighbour(driver, away):
    """Two painted avalanches whose bands are so many radii apart; the radius."""
    radius = driver.studio.brush.radius
    paint(driver, (200, 200), (200, 500))
    finish(driver)
    first = QgsFeature(avalanches(driver)[1][0])
    paint(driver, (200 + away * radius, 200), (200 + away * radius, 500))
    finish(driver)
    layer, found = avalanches(driver)
    assert len(found) == 2
    before, after = first.geometry(), layer.getFeature(first.id()).geometry()
    assert before.asWkb() == after.asWkb()  # the neighbour is as it was
    return layer, after, next(f for f in found if f.id() != first.id())


@pytest.mark.parametrize(
    ("away", "gap", "touches"), [(1.5, 0, True), (2.3, 10, True), (2.3, 0, False)]
)
def test_a_new_avalanche_beside_a_finished_one(driver, away, gap, touches):
    driver.studio.dock.close_gaps.setValue(gap)
    layer, first, second = one_and_its_neighbour(driver, away)
    geometry = second.geometry()
    assert geometry.intersection(first).area() < 1e-6
    assert (geometry.distance(first) < 1e-6) == touches
    if layer.crs().isValid():
        assert second["area_m2"] == pytest.approx(area_m2(geometry, layer.crs()), abs=0.1)


def test_an_avalanche_that_is_continued_keeps_off_too(driver):
    layer, first, second = one_and_its_neighbour(driver, 1.5)
    table = driver.studio.avalanches_dock.table
    wait_until(lambda: table.rowCount() == 2, 20, "the list")
    table.setCurrentCell(1, 0)
    buttons = driver.studio.avalanches_dock.findChildren(QToolButton)
    (again,) = [button for button in buttons if button.text() == "Continue"]
    QTest.mouseClick(again, LEFT)
    driver.settle()
    paint(driver, (230, 200), (260, 200))
    finish(driver)
    layer, found = avalanches(driver)
    assert len(found) == 2
    changed = layer.getFeature(second.id())
    assert changed.geometry().area() > second.geometry().area()
    assert changed.geometry().intersection(first).area() < 1e-6
    others = [f for f in found if f.id() != second.id()]
    assert others[0].geometry().asWkb() == first.asWkb()
    if layer.crs().isValid():
        assert changed["area_m2"] == pytest.approx(
            area_m2(changed.geometry(), layer.crs()), abs=0.1
        )
