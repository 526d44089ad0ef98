"""For tests on the canvas: grids to work in, and someone who writes down what the tool asks for."""

from __future__ import annotations

from contextlib import contextmanager

from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsProject, QgsRectangle
from qgis.PyQt.QtCore import QEvent, QPoint, QPointF, Qt
from qgis.PyQt.QtGui import QMouseEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication
from waiting import wait_until

from avalanche_iseg_qgis.canvas.map_tool import SegmentTool
from avalanche_iseg_qgis.core.prompts import Click
from avalanche_iseg_qgis.layers.grid import Grid
from avalanche_iseg_qgis.session.prompt_set import PromptSet

LV95 = QgsCoordinateReferenceSystem("EPSG:2056")
WGS84 = QgsCoordinateReferenceSystem("EPSG:4326")
NO_CRS = QgsCoordinateReferenceSystem()
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
PLAIN = Qt.KeyboardModifier.NoModifier

PHOTO = Grid(900, 600)
ROTATED = Grid(900, 600, (0.8, 0.3, 2600000.0, 0.3, -0.8, 1200000.0), LV95)


def look_at(canvas, grid, crs=NO_CRS, rotation=0.0, scale=1.2) -> None:
    """The whole grid on the canvas of a project with this CRS."""
    QgsProject.instance().setCrs(crs)
    canvas.setDestinationCrs(crs)
    canvas.setRotation(rotation)
    corners = [(0, 0), (0, grid.width), (grid.height, 0), (grid.height, grid.width)]
    points = [grid.to_layer(*corner) for corner in corners]
    if crs.isValid() and grid.crs.isValid():
        there = QgsCoordinateTransform(grid.crs, crs, QgsProject.instance())
        points = [there.transform(point) for point in points]
    extent = QgsRectangle(points[0], points[1])
    for point in points:
        extent.combineExtentWith(point.x(), point.y())
    extent.scale(scale)
    canvas.setExtent(extent)
    settle(canvas)


def settle(canvas) -> None:
    """Let the canvas finish drawing."""
    canvas.refresh()
    QTest.qWait(30)
    wait_until(lambda: not canvas.isDrawing(), what="drawing")


def screen(canvas, grid, row, col) -> QPointF:
    """Where a pixel is, computed by QGIS's own means only."""
    point, crs = grid.to_layer(row, col), canvas.mapSettings().destinationCrs()
    if crs.isValid() and grid.crs.isValid():
        point = QgsCoordinateTransform(grid.crs, crs, QgsProject.instance()).transform(point)
    there = canvas.getCoordinateTransform().transform(point)
    return QPointF(there.x(), there.y())


def pixel(canvas, grid, row, col) -> QPoint:
    """The same as a place to click."""
    return screen(canvas, grid, row, col).toPoint()


def click(canvas, place, button=LEFT) -> None:
    QTest.mouseClick(canvas.viewport(), button, PLAIN, place)


def mouse(canvas, kind, place, button, buttons) -> None:
    """A mouse event that QTest does not make."""
    event = QMouseEvent(kind, QPointF(place), button, buttons, PLAIN)
    QApplication.sendEvent(canvas.viewport(), event)


def move(canvas, place, buttons=LEFT) -> None:
    """The mouse moves with buttons held."""
    mouse(canvas, QEvent.Type.MouseMove, place, Qt.MouseButton.NoButton, buttons)


def drag(canvas, start, end, button=LEFT) -> None:
    QTest.mousePress(canvas.viewport(), button, PLAIN, start)
    for part in (0.3, 0.7, 1):
        move(canvas, (QPointF(start) + part * QPointF(end - start)).toPoint(), button)
    QTest.mouseRelease(canvas.viewport(), button, PLAIN, end)


def press_key(canvas, key, modifiers=PLAIN) -> None:
    QTest.keyClick(canvas, key, modifiers)
    QTest.qWait(5)


def on_screen(canvas, row, col) -> QPoint:
    return pixel(canvas, PHOTO, row, col)


class Recorder:
    """Takes what the tool asks for, as the plugin's workspace does, and writes it down."""

    def __init__(self, grid=PHOTO) -> None:
        self.grid = grid
        self.prompts = PromptSet()
        self.asked = []
        self.tool = None

    def _change(self, prompts, *asked) -> None:
        self.asked.append(asked)
        self.prompts = prompts
        if self.tool:
            self.tool.show_prompts()

    def add_click(self, row, col, positive) -> None:
        self._change(self.prompts.with_click(Click(row, col, positive)), "add", positive)

    def move_click(self, index, row, col) -> None:
        self._change(self.prompts.with_moved(index, row, col), "move", index)

    def remove_click(self, index) -> None:
        self._change(self.prompts.without(index), "remove", index)

    def set_box(self, box) -> None:
        self._change(self.prompts.with_box(box), "box")

    def add_stroke(self, points, radius, positive) -> None:
        self._change(self.prompts.with_stroke(points, radius, positive), "stroke", positive)

    def undo(self) -> None:
        self.asked.append(("undo",))

    def redo(self) -> None:
        self.asked.append(("redo",))

    def remove_last_click(self) -> None:
        self.asked.append(("last",))

    def finish(self) -> None:
        self.asked.append(("finish",))

    def discard(self) -> None:
        self.asked.append(("discard",))

    def say(self, text) -> None:
        self.asked.append(("say", text))

    def preview_click(self, row, col) -> None:
        self.asked.append(("preview", row, col))

    def clear_preview(self) -> None:
        """Have no preview."""


@contextmanager
def tool_in_use(canvas):
    """A recorder whose tool is the canvas's; afterwards the one before is again."""
    before, target = canvas.mapTool(), Recorder()
    target.tool = SegmentTool(canvas, target)
    canvas.setMapTool(target.tool)
    yield target
    target.tool.close()
    canvas.setMapTool(before)
