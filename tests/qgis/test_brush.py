"""The brush on the canvas of the real QGIS: painted by mouse and keys, and what becomes of it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import scenery
from canvases import (
    LEFT,
    LV95,
    NO_CRS,
    PHOTO,
    PLAIN,
    RIGHT,
    ROTATED,
    WGS84,
    look_at,
    move,
    on_screen,
    pixel,
    press_key,
    screen,
    settle,
    tool_in_use,
)
from driving import SHIFT, Driver
from osgeo import gdal
from qgis.core import QgsProject, QgsSettings, QgsVectorLayer
from qgis.gui import QgsGui
from qgis.PyQt.QtCore import QPoint, QPointF, Qt
from qgis.PyQt.QtGui import QWheelEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QToolButton
from waiting import wait_until

from avalanche_iseg_qgis.core.prompts import Click
from avalanche_iseg_qgis.session.prompt_set import PromptSet

KEY = Qt.Key
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def canvas(iface):
    look_at(iface.mapCanvas(), PHOTO)
    return iface.mapCanvas()


@pytest.fixture
def target(canvas):
    QgsSettings().remove("avalanche_iseg/brush_radius")
    with tool_in_use(canvas) as target:
        target.tool.brush.active = True
        yield target
    QgsSettings().remove("avalanche_iseg/brush_radius")


def paint(canvas, places, button=LEFT, modifiers=PLAIN) -> None:
    """Press, move and release, over places of the screen."""
    QTest.mousePress(canvas.viewport(), button, modifiers, places[0])
    for place in places[1:]:
        move(canvas, place, button)
    QTest.mouseRelease(canvas.viewport(), button, modifiers, places[-1])


def wheel(canvas, place, steps, modifiers) -> None:
    event = QWheelEvent(
        QPointF(place),
        QPointF(canvas.viewport().mapToGlobal(place)),
        QPoint(),
        QPoint(0, 120 * steps),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas.viewport(), event)


# --- strokes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("button", "modifiers", "positive"),
    [(LEFT, PLAIN, True), (RIGHT, PLAIN, False), (LEFT, SHIFT, False)],
)
def test_left_paints_and_right_or_shift_erases(canvas, target, button, modifiers, positive):
    places = [on_screen(canvas, *place) for place in ((100, 200), (100, 300), (150, 350))]
    paint(canvas, places, button, modifiers)
    assert target.asked == [("stroke", positive)]
    (stroke,) = target.prompts.strokes
    assert stroke.positive == positive
    assert stroke.radius == target.tool.brush.radius
    assert stroke.points[0] == pytest.approx((100, 200), abs=1)
    assert stroke.points[-1] == pytest.approx((150, 350), abs=1)
    assert not target.prompts.clicks
    assert target.prompts.box is None


@pytest.mark.parametrize(
    ("grid", "crs", "rotation"),
    [(PHOTO, NO_CRS, 0), (PHOTO, NO_CRS, 30), (ROTATED, LV95, -20), (ROTATED, WGS84, 75)],
)
@pytest.mark.parametrize("zoom", [1, 0.1])
def test_circle_and_stroke_lie_where_they_paint(canvas, target, grid, crs, rotation, zoom):
    """The circle is as large as what it paints, at all zooms and rotations."""
    target.grid = grid
    look_at(canvas, grid, crs, rotation)
    centre = pixel(canvas, grid, 300, 450)
    canvas.zoomByFactor(zoom, canvas.getCoordinateTransform().toMapCoordinates(centre))
    settle(canvas)
    target.tool.show_prompts()
    centre = pixel(canvas, grid, 300, 450)
    move(canvas, centre, Qt.MouseButton.NoButton)
    radius = target.tool.brush.radius
    circle = target.tool.brush_item.circle
    for angle in np.linspace(0, 2 * math.pi, 9):
        for share, is_inside in ((0.93, True), (1.07, False)):
            down, right = share * radius * math.sin(angle), share * radius * math.cos(angle)
            place = screen(canvas, grid, 300, 450) - QPointF(centre)
            edge = screen(canvas, grid, 300 + down, 450 + right) - place
            assert circle.contains(edge) == is_inside
    QTest.mousePress(canvas.viewport(), LEFT, PLAIN, centre)
    move(canvas, pixel(canvas, grid, 310, 470))
    ((path, positive),) = target.tool.brush_item.shapes()
    assert positive
    for place in ((300, 450), (305, 460), (310 + 0.9 * radius, 470), (300, 450 - 0.9 * radius)):
        assert path.contains(screen(canvas, grid, *place))
    assert not path.contains(screen(canvas, grid, 300 - 1.1 * radius, 440))
    QTest.mouseRelease(canvas.viewport(), LEFT, PLAIN, pixel(canvas, grid, 310, 470))
    (stroke,) = target.prompts.strokes
    assert stroke.points[0] == pytest.approx((300, 450), abs=2)
    assert stroke.points[-1] == pytest.approx((310, 470), abs=2)


def test_a_tap_is_a_dab(canvas, target):
    paint(canvas, [on_screen(canvas, 100, 200)])
    assert [len(stroke.points) for stroke in target.prompts.strokes] == [1]


def test_strokes_may_leave_the_image_but_not_miss_it(canvas, target):
    paint(
        canvas, [on_screen(canvas, 20, 20), on_screen(canvas, -40, 20), on_screen(canvas, 20, 60)]
    )
    assert len(target.prompts.strokes) == 1
    assert min(row for row, _ in target.prompts.strokes[0].points) < 0
    paint(canvas, [on_screen(canvas, -45, 100), on_screen(canvas, -45, 300)])
    assert target.asked[-1][0] == "say"
    assert "outside" in target.asked[-1][1]
    target.grid = None
    paint(canvas, [on_screen(canvas, 20, 100), on_screen(canvas, 20, 300)])
    assert "Choose an image first" in target.asked[-1][1]
    assert len(target.prompts.strokes) == 1


def test_escape_ends_the_stroke_then_the_brush_then_discards(canvas, target):
    QTest.mousePress(canvas.viewport(), LEFT, PLAIN, on_screen(canvas, 100, 200))
    move(canvas, on_screen(canvas, 100, 300))
    assert target.tool.brush_item.shapes()
    press_key(canvas, KEY.Key_Escape)
    assert not target.tool.brush_item.shapes()
    QTest.mouseRelease(canvas.viewport(), LEFT, PLAIN, on_screen(canvas, 100, 300))
    assert target.asked == []
    press_key(canvas, KEY.Key_Escape)
    assert not target.tool.brush.active
    assert target.asked == []
    press_key(canvas, KEY.Key_Escape)
    assert target.asked == [("discard",)]


def test_a_second_button_ends_the_stroke(canvas, target):
    QTest.mousePress(canvas.viewport(), LEFT, PLAIN, on_screen(canvas, 100, 200))
    QTest.mousePress(canvas.viewport(), RIGHT, PLAIN, on_screen(canvas, 100, 200))
    QTest.mouseRelease(canvas.viewport(), LEFT, PLAIN, on_screen(canvas, 100, 200))
    assert target.asked == []


def test_keys_wait_for_the_end_of_a_stroke(canvas, target):
    QTest.mousePress(canvas.viewport(), LEFT, PLAIN, on_screen(canvas, 100, 200))
    press_key(canvas, KEY.Key_Return)
    press_key(canvas, KEY.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert target.asked == []
    QTest.mouseRelease(canvas.viewport(), LEFT, PLAIN, on_screen(canvas, 100, 200))
    press_key(canvas, KEY.Key_Return)
    assert target.asked == [("stroke", True), ("finish",)]


def test_another_image_ends_the_stroke(canvas, target):
    QTest.mousePress(canvas.viewport(), LEFT, PLAIN, on_screen(canvas, 100, 200))
    target.grid = ROTATED
    move(canvas, on_screen(canvas, 100, 300))
    QTest.mouseRelease(canvas.viewport(), LEFT, PLAIN, on_screen(canvas, 100, 300))
    assert target.asked == []


@pytest.mark.parametrize("places", [[(300, 450)], [(300, 450), (350, 500)]])
def test_the_brush_paints_over_marks(canvas, target, places):
    target.prompts = PromptSet((Click(300, 450),))
    target.tool.show_prompts()
    paint(canvas, [on_screen(canvas, *place) for place in places])
    assert target.asked == [("stroke", True)]
    assert target.prompts.clicks == (Click(300, 450),)


def test_without_the_brush_all_is_as_before(canvas, target):
    target.tool.brush.active = False
    assert target.tool.brush_item.circle.isEmpty()
    paint(canvas, [on_screen(canvas, 100, 200)])
    paint(canvas, [on_screen(canvas, 100, 200), on_screen(canvas, 200, 400)][::-1])
    assert [asked[0] for asked in target.asked] == ["add", "box"]


# --- radius ---------------------------------------------------------------------------------


def test_shift_and_the_wheel_change_the_radius(canvas, target):
    brush, place, scale = target.tool.brush, on_screen(canvas, 100, 200), canvas.scale()
    before = brush.radius
    wheel(canvas, place, 2, SHIFT)
    assert brush.radius > 1.2 * before
    wheel(canvas, place, -4, SHIFT)
    assert brush.radius < 0.9 * before
    assert canvas.scale() == scale
    wheel(canvas, place, 1, PLAIN)
    assert canvas.scale() != scale
    settle(canvas)
    brush.active, radius, scale = False, brush.radius, canvas.scale()
    wheel(canvas, place, 1, SHIFT)
    assert brush.radius == radius
    assert canvas.scale() != scale
    settle(canvas)


@pytest.mark.parametrize(("steps", "limit"), [(1, 500), (-1, 1)])
def test_the_radius_has_limits_and_every_step_counts(target, steps, limit):
    brush, seen = target.tool.brush, []
    for _ in range(80):
        seen.append(brush.radius)
        brush.grow(steps)
    assert brush.radius == limit
    inner = [radius for radius in seen if radius != limit]
    assert len(set(inner)) == len(inner)


def test_the_radius_is_kept(canvas, target):
    target.tool.brush.grow(3)
    with tool_in_use(canvas) as other:
        assert other.tool.brush.radius == target.tool.brush.radius


# --- with the worker ------------------------------------------------------------------------


@pytest.fixture
def photo(tmp_path):
    return scenery.photo(tmp_path)


@pytest.fixture
def driver(iface, plugin, photo):
    QgsSettings().remove("avalanche_iseg/brush_radius")
    return Driver(iface, plugin, photo)


def stroke(driver, *places, button=LEFT, modifiers=PLAIN) -> None:
    paint(driver.canvas, [driver.at(*place) for place in places], button, modifiers)
    driver.settle()


def area(driver, *places, radius) -> np.ndarray:
    """Pixels within a radius of a line."""
    grid = driver.space.grid
    rows, cols = np.mgrid[: grid.height, : grid.width]
    found = np.zeros((grid.height, grid.width), bool)
    for start, end in zip(places, places[1:] or places, strict=False):
        for share in np.linspace(0, 1, 200):
            row, col = np.add(start, share * np.subtract(end, start))
            found |= (rows - row) ** 2 + (cols - col) ** 2 <= radius**2
    return found


def action(driver, name):
    (found,) = [a for a in driver.iface.mainWindow().actions() if a.objectName() == name]
    return found


FAR = ((10, 10), (10, 60))


def test_painted_erased_undone_finished_and_continued(driver, photo, interpreter, tmp_path):
    driver.click(*scenery.CENTRE)
    plain = driver.mask()
    QTest.keyClick(driver.canvas, KEY.Key_B)
    assert driver.studio.brush.active
    assert driver.studio.dock.brush.isChecked()
    assert "erase" in driver.studio.dock.hint.text()
    radius = driver.studio.brush.radius
    stroke(driver, *FAR)
    painted, inner = driver.mask(), area(driver, *FAR, radius=radius - 1.5)
    outer = area(driver, *FAR, radius=radius + 1.5)
    assert painted[inner].all()
    assert np.array_equal(painted[~outer], plain[~outer])
    stroke(driver, scenery.CENTRE, button=RIGHT)
    erased = driver.mask()
    assert not erased[area(driver, scenery.CENTRE, radius=radius - 1.5)].any()
    masks = [plain, painted, erased]
    for expected in masks[-2::-1]:  # one stroke, one step
        driver.key(KEY.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert np.array_equal(driver.mask(), expected)
    for expected in masks[1:]:
        driver.key(KEY.Key_Y, Qt.KeyboardModifier.ControlModifier)
        assert np.array_equal(driver.mask(), expected)
    QTest.keyClick(driver.canvas, KEY.Key_B)
    driver.click(*scenery.CENTRE)  # takes the first click away: the mark is there
    driver.key(KEY.Key_Z, Qt.KeyboardModifier.ControlModifier)
    driver.click(FAR[0][0], 35, RIGHT)  # on what is painted: it wins there
    corrected = driver.mask()
    assert not corrected[FAR[0][0], 35]
    assert corrected[FAR[1]]
    driver.key(KEY.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, 60, "the feature")
    (layer,) = QgsProject.instance().mapLayersByName("avalanches_pixels")
    (feature,) = layer.getFeatures()
    assert same_as_the_command_line(feature, photo, corrected, interpreter, tmp_path, driver)
    entry = driver.studio.avalanches_dock.table
    wait_until(lambda: entry.rowCount() == 1, 20, "the list")
    entry.setCurrentCell(0, 0)
    (again,) = [
        b for b in driver.studio.avalanches_dock.findChildren(QToolButton) if b.text() == "Continue"
    ]
    QTest.mouseClick(again, LEFT)
    driver.settle()
    assert np.array_equal(driver.mask(), corrected)
    for expected in (erased, painted, plain):
        driver.key(KEY.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert np.array_equal(driver.mask(), expected)


def same_as_the_command_line(feature, photo, mask, interpreter, tmp_path, driver) -> bool:
    """Whether the prompts of a feature give its mask on the command line."""
    prompts, out = tmp_path / "prompts.json", tmp_path / "mask.png"
    prompts.write_text(feature["prompts"])
    assert len(json.loads(feature["prompts"])["strokes"]) == 2
    command = [str(interpreter), "-m", "core", "segment", str(photo), "--prompts", str(prompts)]
    loaded = driver.studio.segmentation_client.loaded
    command += ["--out", str(out), "--threshold", str(feature["threshold"])]
    command += ["--engine", loaded.engine]
    clean = {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"]}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=clean)
    assert done.returncode == 0, done.stderr
    return np.array_equal(gdal.Open(str(out)).ReadAsArray() > 0, mask)


def test_strokes_are_seen_while_the_worker_is_busy(driver):
    driver.click(*scenery.CENTRE)
    driver.studio.brush.active = True
    item = driver.studio.tool.brush_item
    places = [driver.at(10, col) for col in range(10, 60, 2)]
    QTest.mousePress(driver.canvas.viewport(), LEFT, PLAIN, places[0])
    slowest = 0.0
    for place in places:
        start = time.perf_counter()
        move(driver.canvas, place)
        QApplication.processEvents()
        slowest = max(slowest, time.perf_counter() - start)
        assert len(item.shapes()) == 1
    QTest.mouseRelease(driver.canvas.viewport(), LEFT, PLAIN, places[-1])
    assert len(item.shapes()) == 1  # no answer yet
    driver.settle()
    assert item.shapes() == []
    assert slowest < 0.5  # a machine with other work; alone it is a few milliseconds


def test_strokes_alone_are_an_avalanche(driver):
    driver.studio.brush.active = True
    stroke(driver, *FAR)
    driver.key(KEY.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, 60, "the feature")
    (layer,) = [x for x in QgsProject.instance().mapLayers().values() if type(x) is QgsVectorLayer]
    (feature,) = layer.getFeatures()
    assert feature["method"] == "interactive"
    assert feature["n_clicks"] == 0


def test_a_georeferenced_raster_is_painted_too(iface, plugin, tmp_path):
    transform = (2_700_000, 2.0, 0, 1_180_000, 0, -2.0)
    path = scenery.write(
        tmp_path / "ortho.tif", scenery.pixels(), transform=transform, epsg=scenery.LV95
    )
    driver = Driver(iface, plugin, path, transform)
    driver.studio.brush.active = True
    stroke(driver, *FAR)
    radius = driver.studio.brush.radius
    assert driver.mask()[area(driver, *FAR, radius=radius - 1.5)].all()
    driver.key(KEY.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, 60, "the feature")
    (layer,) = QgsProject.instance().mapLayersByName("avalanches")
    (feature,) = layer.getFeatures()
    pixels = feature["area_m2"] / 4
    assert pixels == pytest.approx(area(driver, *FAR, radius=radius).sum(), rel=0.05)


def test_keys_and_buttons_of_the_brush(driver):
    dock, brush = driver.studio.dock, driver.studio.brush
    QTest.mouseClick(dock.brush, LEFT)
    assert brush.active
    radius = brush.radius
    QTest.keyClick(driver.canvas, ".")
    assert brush.radius > radius
    QTest.keyClick(driver.canvas, ",")
    QTest.keyClick(driver.canvas, ",")
    assert brush.radius < radius
    QTest.mouseClick(dock.brush, LEFT)
    assert not brush.active
    actions = [action(driver, f"AvalancheISeg_brush{end}") for end in ("", "_larger", "_smaller")]
    assert all(each.isEnabled() for each in actions)
    QTest.mouseClick(dock.tool, LEFT)  # another tool: the keys are others'
    assert not any(each.isEnabled() for each in actions)
    manager = QgsGui.shortcutsManager()
    for each in actions:
        keys = [a.objectName() for a in manager.listActions() if a.shortcut() == each.shortcut()]
        assert keys == [each.objectName()]  # nothing else in QGIS has this key
