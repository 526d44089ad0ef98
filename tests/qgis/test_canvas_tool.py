"""Gestures of the mouse on the canvas of the real QGIS, and what stays of the tool."""

from __future__ import annotations

import pytest
from canvases import (
    LEFT,
    LV95,
    NO_CRS,
    PHOTO,
    PLAIN,
    RIGHT,
    ROTATED,
    WGS84,
    Recorder,
    click,
    drag,
    look_at,
    mouse,
    move,
    on_screen,
    pixel,
    press_key,
    screen,
    settle,
    tool_in_use,
)
from qgis.PyQt.QtCore import QEvent, QPoint, QPointF, Qt
from qgis.PyQt.QtGui import QWheelEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

from avalanche_iseg_qgis.canvas.map_tool import SegmentTool
from avalanche_iseg_qgis.core.prompts import Box

MIDDLE, NO_BUTTON = Qt.MouseButton.MiddleButton, Qt.MouseButton.NoButton


@pytest.fixture
def canvas(iface):
    look_at(iface.mapCanvas(), PHOTO)
    return iface.mapCanvas()


@pytest.fixture
def target(canvas):
    with tool_in_use(canvas) as target:
        yield target


def error(canvas, grid, click, place) -> float:
    """Screen pixels between a click and where the mouse was."""
    away = screen(canvas, grid, click.row, click.col) - QPointF(place)
    return max(abs(away.x()), abs(away.y()))


def test_left_is_avalanche_right_is_background(canvas, target):
    click(canvas, on_screen(canvas, 100, 200))
    click(canvas, on_screen(canvas, 300, 500), RIGHT)
    first, second = target.prompts.clicks
    assert (first.positive, second.positive) == (True, False)
    assert (first.row, first.col) == pytest.approx((100, 200), abs=0.5)
    assert (second.row, second.col) == pytest.approx((300, 500), abs=0.5)
    assert canvas.hasFocus()


@pytest.mark.parametrize(
    ("grid", "crs", "rotation"),
    [
        (PHOTO, NO_CRS, 30),
        (PHOTO, WGS84, 0),
        (ROTATED, LV95, -20),
        (ROTATED, WGS84, 0),
        (ROTATED, WGS84, 75),
    ],
)
def test_clicks_land_on_the_right_pixel(canvas, target, grid, crs, rotation):
    target.grid = grid
    look_at(canvas, grid, crs, rotation)
    for row, col in [(5, 5), (300, 450), (590, 880)]:
        place = pixel(canvas, grid, row, col)
        click(canvas, place)
        assert error(canvas, grid, target.prompts.clicks[-1], place) < 0.1
        canvas.zoomByFactor(0.1, grid_centre(canvas, place))
        settle(canvas)
        place = pixel(canvas, grid, row, col)
        click(canvas, place + QPoint(40, 0))
        assert error(canvas, grid, target.prompts.clicks[-1], place + QPoint(40, 0)) < 0.1
        exact = target.prompts.clicks[-1]
        assert (exact.row - row) ** 2 + (exact.col - col) ** 2 < 12**2
        look_at(canvas, grid, crs, rotation)


def grid_centre(canvas, place):
    return canvas.getCoordinateTransform().toMapCoordinates(place)


def test_outside_and_without_an_image(canvas, target):
    click(canvas, on_screen(canvas, -20, 200))
    target.grid = None
    click(canvas, on_screen(canvas, 20, 200))
    assert [asked[0] for asked in target.asked] == ["say", "say"]
    assert "outside" in target.asked[0][1]
    assert "image" in target.asked[1][1]


def test_drag_is_a_box_and_keeps_clicks(canvas, target):
    click(canvas, on_screen(canvas, 100, 200))
    QTest.mousePress(canvas.viewport(), LEFT, PLAIN, on_screen(canvas, 400, 600))
    move(canvas, on_screen(canvas, 300, 400))
    assert target.asked == [("add", True)]  # drawn, but not asked for until it is let go
    assert target.tool.item.hit(on_screen(canvas, 300, 400)).handle == (-1, -1)
    QTest.mouseRelease(canvas.viewport(), LEFT, PLAIN, on_screen(canvas, 200, 300))
    assert target.asked[1:] == [("box",)]
    box = target.prompts.box
    corners = (box.row_min, box.row_max, box.col_min, box.col_max)
    assert corners == pytest.approx((200, 400, 300, 600), abs=0.5)
    assert len(target.prompts.clicks) == 1


def test_small_movement_is_a_click(canvas, target):
    start = on_screen(canvas, 100, 200)
    drag(canvas, start, start + QPoint(3, 2))
    assert target.asked == [("add", True)]
    assert error(canvas, PHOTO, target.prompts.clicks[0], start) < 0.05


def test_box_is_cut_at_the_edge(canvas, target):
    drag(canvas, on_screen(canvas, -30, -30), on_screen(canvas, 100, 120))
    box = target.prompts.box
    assert (box.row_min, box.col_min) == (0, 0)
    assert (box.row_max, box.col_max) == pytest.approx((100, 120), abs=0.5)
    drag(canvas, on_screen(canvas, -30, 300), on_screen(canvas, -10, 400))
    assert target.asked[-1][0] == "say"
    assert target.prompts.box == box


def test_marker_is_moved_and_removed(canvas, target):
    click(canvas, on_screen(canvas, 100, 200))
    click(canvas, on_screen(canvas, 300, 500), RIGHT)
    drag(canvas, on_screen(canvas, 100, 200), on_screen(canvas, 150, 260))
    assert target.asked[-1] == ("move", 0)
    moved = target.prompts.clicks[0]
    assert (moved.row, moved.col) == pytest.approx((150, 260), abs=0.5)
    assert moved.positive
    drag(canvas, on_screen(canvas, 150, 260), on_screen(canvas, 150, -50))
    assert target.prompts.clicks[0].col == 0  # not out of the image
    for button, place in ((LEFT, (300, 500)), (RIGHT, (150, 0))):
        click(canvas, on_screen(canvas, *place), button)
        assert target.asked[-1][0] == "remove"
    assert target.prompts.clicks == ()


def test_handles(canvas, target):
    target.set_box(Box(200, 400, 300, 600))
    for start, end, expected in [
        ((200, 300), (150, 250), (150, 400, 250, 600)),
        ((400, 425), (450, 425), (150, 450, 250, 600)),
        ((300, 600), (310, 700), (150, 450, 250, 700)),
        ((300, 475), (350, 500), (200, 500, 275, 725)),
        ((350, 500), (900, 500), (299, 599, 275, 725)),  # moved, not squeezed
        ((299, 275), (320, 800), (320, 599, 725, 800)),  # over the other side
    ]:
        drag(canvas, on_screen(canvas, *start), on_screen(canvas, *end))
        box = target.prompts.box
        corners = (box.row_min, box.row_max, box.col_min, box.col_max)
        assert corners == pytest.approx(expected, abs=1.5)
    middle = (box.row_min + box.row_max) / 2, (box.col_min + box.col_max) / 2
    click(canvas, on_screen(canvas, *middle))
    assert target.prompts.box == box
    assert len(target.prompts.clicks) == 1
    click(canvas, on_screen(canvas, box.row_min, box.col_min), RIGHT)
    assert target.prompts.box is None


def test_right_drag_says_what_to_do(canvas, target):
    drag(canvas, on_screen(canvas, 100, 200), on_screen(canvas, 300, 400), RIGHT)
    assert [asked[0] for asked in target.asked] == ["say"]


def test_second_button_and_escape_let_go(canvas, target):
    for let_go in (
        lambda: QTest.mousePress(canvas.viewport(), RIGHT, PLAIN, on_screen(canvas, 300, 400)),
        lambda: press_key(canvas, Qt.Key.Key_Escape),
    ):
        QTest.mousePress(canvas.viewport(), LEFT, PLAIN, on_screen(canvas, 100, 200))
        move(canvas, on_screen(canvas, 300, 400))
        let_go()
        QTest.mouseRelease(canvas.viewport(), RIGHT, PLAIN, on_screen(canvas, 300, 400))
        QTest.mouseRelease(canvas.viewport(), LEFT, PLAIN, on_screen(canvas, 300, 400))
        assert target.asked == []
        assert target.tool.item.hit(on_screen(canvas, 300, 400)) is None


def test_image_changes_while_a_button_is_down(canvas, target):
    QTest.mousePress(canvas.viewport(), LEFT, PLAIN, on_screen(canvas, 100, 200))
    target.grid = None
    move(canvas, on_screen(canvas, 300, 400))
    QTest.mouseRelease(canvas.viewport(), LEFT, PLAIN, on_screen(canvas, 300, 400))
    assert target.asked == []


def test_double_click_does_not_take_back(canvas, target):
    place = on_screen(canvas, 100, 200)
    QTest.mouseClick(canvas.viewport(), LEFT, PLAIN, place)
    mouse(canvas, QEvent.Type.MouseButtonDblClick, place, LEFT, LEFT)
    QTest.mouseRelease(canvas.viewport(), LEFT, PLAIN, place)
    assert target.asked == [("add", True)]


def test_middle_button_pans_and_wheel_zooms(canvas, target):
    click(canvas, on_screen(canvas, 100, 200))
    target.set_box(Box(200, 400, 300, 600))
    asked, before, prompts = list(target.asked), canvas.center().x(), target.prompts
    move(canvas, QPoint(300, 300), NO_BUTTON)
    drag(canvas, QPoint(300, 300), QPoint(380, 340), MIDDLE)
    assert canvas.center().x() < before
    scale, place = canvas.mapUnitsPerPixel(), QPointF(300, 300)
    wheel = QWheelEvent(
        place,
        QPointF(canvas.viewport().mapToGlobal(place.toPoint())),
        QPoint(),
        QPoint(0, 120),
        NO_BUTTON,
        PLAIN,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas.viewport(), wheel)
    assert canvas.mapUnitsPerPixel() < scale
    settle(canvas)
    assert target.asked == asked
    assert target.prompts == prompts
    assert target.tool.item.hit(on_screen(canvas, 100, 200)).click == 0
    assert target.tool.item.hit(on_screen(canvas, 300, 450)).handle == (0, 0)


def test_hit_keeps_the_size_of_the_screen(canvas, target):
    target.add_click(100, 200, True)
    item = target.tool.item
    for _ in range(3):
        place = on_screen(canvas, 100, 200)
        assert item.hit(place + QPoint(8, 0)).click == 0
        assert item.hit(place + QPoint(12, 0)) is None
        canvas.zoomByFactor(2)
        settle(canvas)
    item.radius = 20
    assert item.hit(on_screen(canvas, 100, 200) + QPoint(22, 0)).click == 0


def test_handles_of_a_rotated_raster(canvas, target):
    target.grid = ROTATED
    look_at(canvas, ROTATED, WGS84, 20)
    target.set_box(Box(200, 400, 300, 600))
    item = target.tool.item
    for handle, at in {(-1, -1): (200, 300), (1, -1): (400, 300), (0, 1): (300, 600)}.items():
        assert item.hit(pixel(canvas, ROTATED, *at)).handle == handle
    canvas.zoomByFactor(30)  # too small for handles in the middle of sides
    settle(canvas)
    assert item.hit(pixel(canvas, ROTATED, 300, 450)).handle != (0, 0)


def test_cursor_tells_what_can_be_grabbed(canvas, target):
    target.add_click(100, 200, True)
    move(canvas, on_screen(canvas, 100, 200), NO_BUTTON)
    assert canvas.cursor().shape() == Qt.CursorShape.SizeAllCursor
    move(canvas, on_screen(canvas, 200, 200), NO_BUTTON)
    assert canvas.cursor().shape() == Qt.CursorShape.BitmapCursor


def test_nothing_stays(iface, canvas):
    items = len(canvas.scene().items())
    target = Recorder()
    tool = target.tool = SegmentTool(canvas, target)
    canvas.setMapTool(tool)
    target.add_click(100, 200, True)
    assert tool.item.isVisible()
    iface.actionPan().trigger()
    assert not tool.item.isVisible()
    canvas.setMapTool(tool)
    assert tool.item.isVisible()
    tool.close()
    assert canvas.mapTool() is not tool
    assert len(canvas.scene().items()) == items
    assert canvas.cursor().shape() == Qt.CursorShape.ArrowCursor
    press_key(canvas, Qt.Key.Key_Escape)
    assert target.asked == [("add", True)]
