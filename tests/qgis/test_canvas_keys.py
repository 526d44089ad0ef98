"""Keys over the canvas: ours only while the tool is in use there, QGIS's own everywhere else."""

from __future__ import annotations

import time

import pytest
from canvases import PHOTO, PLAIN, click, look_at, move, on_screen, press_key, settle, tool_in_use
from qgis.core import QgsFeature, QgsGeometry, QgsProject, QgsRectangle, QgsVectorLayer
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
KEY = Qt.Key


@pytest.fixture
def canvas(iface):
    look_at(iface.mapCanvas(), PHOTO)
    return iface.mapCanvas()


@pytest.fixture
def target(canvas):
    with tool_in_use(canvas) as target:
        yield target


@pytest.mark.parametrize(
    ("key", "modifiers", "asked"),
    [
        (KEY.Key_Return, PLAIN, "finish"),
        (KEY.Key_Enter, Qt.KeyboardModifier.KeypadModifier, "finish"),
        (KEY.Key_Escape, PLAIN, "discard"),
        (KEY.Key_Backspace, PLAIN, "last"),
        (KEY.Key_Z, CTRL, "undo"),
        (KEY.Key_Z, CTRL | SHIFT, "redo"),
        (KEY.Key_Y, CTRL, "redo"),
        (KEY.Key_Space, PLAIN, "finish"),
    ],
)
def test_keys(canvas, target, key, modifiers, asked):
    press_key(canvas, key, modifiers)
    assert target.asked == [(asked,)]
    canvas.unsetMapTool(target.tool)
    press_key(canvas, key, modifiers)
    assert target.asked == [(asked,)]


def test_other_keys_stay_with_qgis(iface, canvas, target):
    before = canvas.center().x()
    press_key(canvas, KEY.Key_Right)
    assert canvas.center().x() > before
    for key in (KEY.Key_S, KEY.Key_A, KEY.Key_Delete, KEY.Key_Tab):
        press_key(canvas, key)
    assert target.asked == []


def edited_layer(iface):
    """A layer whose last edit QGIS's own Ctrl+Z undoes."""
    layer = QgsVectorLayer("Polygon?crs=EPSG:2056", "edited", "memory")
    QgsProject.instance().addMapLayer(layer)
    iface.setActiveLayer(layer)
    layer.startEditing()
    layer.beginEditCommand("one")
    feature = QgsFeature(layer.fields())
    feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(0, 0, 1, 1)))
    layer.addFeature(feature)
    layer.endEditCommand()
    QTest.qWait(20)
    return layer


def test_undo_is_qgis_own_without_the_tool(iface, canvas, target):
    layer = edited_layer(iface)
    canvas.setFocus()
    press_key(canvas, KEY.Key_Z, CTRL)
    assert target.asked == [("undo",)]
    assert layer.undoStack().index() == 1

    iface.layerTreeView().setFocus()  # the tool is active, but the focus is elsewhere
    QTest.keyClick(iface.layerTreeView(), KEY.Key_Z, CTRL)
    assert layer.undoStack().index() == 0
    layer.undoStack().redo()

    iface.actionPan().trigger()
    canvas.setFocus()
    press_key(canvas, KEY.Key_Z, CTRL)
    assert layer.undoStack().index() == 0
    assert target.asked == [("undo",)]
    layer.rollBack()


def space(canvas, while_held) -> None:
    QTest.keyPress(canvas, KEY.Key_Space)
    while_held()
    QTest.keyRelease(canvas, KEY.Key_Space)
    QTest.qWait(5)


def test_space_held_pans(canvas, target):
    click(canvas, on_screen(canvas, 100, 200))
    move(canvas, QPoint(300, 300), Qt.MouseButton.NoButton)
    before = canvas.center().x()
    space(canvas, lambda: move(canvas, QPoint(400, 300), Qt.MouseButton.NoButton))
    assert canvas.center().x() < before
    assert target.asked == [("add", True)]

    space(canvas, lambda: time.sleep(0.6))
    assert target.asked == [("add", True)]
    space(canvas, lambda: None)
    assert target.asked[-1] == ("finish",)
    settle(canvas)
    assert QApplication.overrideCursor() is None
