"""A person at QGIS who knows the plugin by what is seen of it only: actions, docks, keys, layers.

Knows no name of the plugin's code, so that it holds whatever that is called.
"""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateTransform,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDockWidget, QTableWidget, QToolButton
from waiting import wait_until

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE = Qt.KeyboardModifier.NoModifier
SEGMENT, AVALANCHES = "AvalancheISegSegment", "AvalancheISegAvalanches"
CAMERA, PICTURE = "AvalancheISegCamera", "AvalancheISegPictureCanvas"
LIMIT = 90  # seconds: starting the workers counts too


class Person:
    """Places are (row, col) of the raster layer that was opened last, or (u, v) of the picture."""

    def __init__(self, iface) -> None:
        self.iface, self.canvas, self.window = iface, iface.mapCanvas(), iface.mainWindow()
        self.layer = None

    # --- finding what is seen ----------------------------------------------------------------

    def dock(self, name: str) -> QDockWidget:
        found = self.window.findChild(QDockWidget, name)
        assert found is not None, f"no dock {name}"
        return found

    def button(self, dock: str, text: str) -> QToolButton:
        buttons = self.dock(dock).findChildren(QToolButton)
        (found,) = [button for button in buttons if button.text().rstrip("…") == text]
        return found

    @property
    def picture(self):
        """The canvas *Picture*."""
        return self.window.findChild(type(self.canvas), PICTURE)

    @property
    def table(self) -> QTableWidget:
        """The list of avalanches."""
        return self.dock(AVALANCHES).findChild(QTableWidget)

    def choose(self, text: str) -> None:
        """An entry of Raster, Avalanche ISeg."""
        entries = {entry.text(): entry.menu() for entry in self.iface.rasterMenu().actions()}
        (action,) = [a for a in entries["Avalanche ISeg"].actions() if a.text() == text]
        action.trigger()
        QTest.qWait(50)

    # --- mapping -----------------------------------------------------------------------------

    def open(self, layer: QgsRasterLayer) -> None:
        """Take a layer in hand."""
        if layer.id() not in QgsProject.instance().mapLayers():
            QgsProject.instance().addMapLayer(layer)
        self.layer = layer
        self.iface.setActiveLayer(layer)
        self.choose("Map avalanches")
        for choice in self.dock(SEGMENT).findChildren(QgsMapLayerComboBox):
            if isinstance(choice.currentLayer(), QgsVectorLayer):
                choice.setLayer(None)  # "Save to: automatic"
        self._show(self.canvas, layer)
        QTest.qWait(500)  # the file is looked up: time, checksum

    def _show(self, canvas, layer) -> None:
        canvas.setDestinationCrs(QgsProject.instance().crs())
        extent = canvas.mapSettings().layerExtentToOutputExtent(layer, layer.extent())
        extent.scale(1.1)
        canvas.setExtent(extent)
        canvas.refresh()
        wait_until(lambda: not canvas.isDrawing(), what="the map drawn")

    def at(self, row: float, col: float) -> QPoint:
        """Where a pixel of the layer is on the map's canvas."""
        extent, settings = self.layer.extent(), self.canvas.mapSettings()
        x = extent.xMinimum() + (col + 0.5) * extent.width() / self.layer.width()
        y = extent.yMaximum() - (row + 0.5) * extent.height() / self.layer.height()
        point, crs = QgsPointXY(x, y), settings.destinationCrs()
        if self.layer.crs().isValid() and crs.isValid():
            point = QgsCoordinateTransform(self.layer.crs(), crs, QgsProject.instance()).transform(
                point
            )
        return self.canvas.getCoordinateTransform().transform(point).toQPointF().toPoint()

    def click(self, row: float, col: float, button=LEFT) -> None:
        QTest.mouseClick(self.canvas.viewport(), button, NONE, self.at(row, col))
        wait_until(lambda: self.button(SEGMENT, "Finish").isEnabled(), 10, "the click")

    def drag(self, start, end) -> None:
        view, first, last = self.canvas.viewport(), self.at(*start), self.at(*end)
        QTest.mousePress(view, LEFT, NONE, first)
        for step in range(1, 6):
            QTest.mouseMove(view, first + (last - first) * step / 5)
            QTest.qWait(5)
        QTest.mouseRelease(view, LEFT, NONE, last)
        wait_until(lambda: self.button(SEGMENT, "Finish").isEnabled(), 10, "the box")

    def click_picture(self, u: float, v: float, button=LEFT) -> None:
        """A click in the canvas *Picture*."""
        canvas = self.picture
        extent = canvas.extent()
        extent.scale(0.5 / canvas.mapUnitsPerPixel())
        extent = extent.buffered(0)
        place = QgsPointXY(u + 0.5, -(v + 0.5))
        shift = place - extent.center()
        extent.setXMinimum(extent.xMinimum() + shift.x())
        extent.setXMaximum(extent.xMaximum() + shift.x())
        extent.setYMinimum(extent.yMinimum() + shift.y())
        extent.setYMaximum(extent.yMaximum() + shift.y())
        canvas.setExtent(extent)
        canvas.refresh()
        at = canvas.getCoordinateTransform().transform(place).toQPointF().toPoint()
        QTest.mouseClick(canvas.viewport(), button, NONE, at)
        wait_until(lambda: self.button(SEGMENT, "Finish").isEnabled(), 10, "the click")

    def finish(self, canvas=None, steps: int = 1) -> None:
        """Enter; until so many steps more are on the undo stacks of layers."""
        wanted = undo_steps() + steps
        QTest.keyClick(canvas or self.canvas, Qt.Key.Key_Return)
        wait_until(lambda: undo_steps() >= wanted, LIMIT, "the feature")
        wait_until(lambda: not self.button(SEGMENT, "Finish").isEnabled(), 20, "the end")

    def continue_entry(self, row: int) -> None:
        """Take an avalanche of the list in hand again."""
        wait_until(lambda: self.table.rowCount() > row, 20, "the list")
        self.table.setCurrentCell(row, 0)
        self.button(AVALANCHES, "Continue").click()
        wait_until(lambda: self.button(SEGMENT, "Finish").isEnabled(), 20, "the prompts")


def vector_layers() -> list[QgsVectorLayer]:
    layers = QgsProject.instance().mapLayers().values()
    return [layer for layer in layers if isinstance(layer, QgsVectorLayer)]


def undo_steps() -> int:
    return sum(layer.undoStack().count() for layer in vector_layers())


def layer_named(name: str):
    (layer,) = QgsProject.instance().mapLayersByName(name)
    return layer
