"""A person at the mouse and the keyboard of the real QGIS."""

from __future__ import annotations

from qgis.core import QgsCoordinateTransform, QgsPointXY, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from waiting import wait_until

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


class Driver:
    """Opens an image in the plugin and works on it; places are (row, col) of the image."""

    def __init__(self, iface, plugin, path, transform=None) -> None:
        self.iface, self.canvas = iface, iface.mapCanvas()
        self.plugin = plugin
        self.transform = transform or (0, 1, 0, 0, 0, -1)
        self.layer = path if isinstance(path, QgsRasterLayer) else QgsRasterLayer(str(path), "i")
        assert self.layer.isValid()
        QgsProject.instance().addMapLayer(self.layer)
        iface.setActiveLayer(self.layer)
        self.show_all()
        self.studio = plugin.open()
        self.space = self.studio.session
        wait_until(lambda: self.space.image is not None, what="the image in hand")
        wait_until(self.ready, 180, "the worker")  # on a busy machine

    def ready(self) -> bool:
        return self.studio.segmentation_client.state.name == "READY"

    def show_all(self) -> None:
        self.canvas.setDestinationCrs(QgsProject.instance().crs())
        extent = self.canvas.mapSettings().layerExtentToOutputExtent(
            self.layer, self.layer.extent()
        )
        extent.scale(1.1)
        self.canvas.setExtent(extent)
        self.canvas.refresh()
        wait_until(lambda: not self.canvas.isDrawing(), what="the map drawn")

    def at(self, row: float, col: float) -> QPoint:
        """Where a pixel is on the screen, by QGIS's own transformations."""
        x0, a, b, y0, d, e = self.transform
        u, v = col + 0.5, row + 0.5
        point = QgsPointXY(x0 + a * u + b * v, y0 + d * u + e * v)
        if self.layer.crs().isValid() and self.canvas.mapSettings().destinationCrs().isValid():
            point = QgsCoordinateTransform(
                self.layer.crs(), self.canvas.mapSettings().destinationCrs(), QgsProject.instance()
            ).transform(point)
        return self.canvas.getCoordinateTransform().transform(point).toQPointF().toPoint()

    def click(self, row: float, col: float, button=LEFT) -> None:
        QTest.mouseClick(self.canvas.viewport(), button, NONE, self.at(row, col))
        self.settle()

    def drag(self, start, end, button=LEFT) -> None:
        view, first, last = self.canvas.viewport(), self.at(*start), self.at(*end)
        QTest.mousePress(view, button, NONE, first)
        for step in range(1, 6):
            QTest.mouseMove(view, first + (last - first) * step / 5)
            QTest.qWait(5)
        QTest.mouseRelease(view, button, NONE, last)
        self.settle()

    def key(self, key, modifiers=NONE) -> None:
        QTest.keyClick(self.canvas, key, modifiers)
        QTest.qWait(20)  # what keys do is done after the event
        self.settle()

    def settle(self) -> None:
        """Wait for what the worker has to say."""
        wait_until(self.settled, 30, "the answer of the worker")

    def settled(self) -> bool:
        draft = self.space.draft
        if draft is None or draft.prompts.empty:
            return True
        is_known = draft.outline_for(self.space.shape) is not None
        return is_known and draft.state.name == "EDITING"

    def mask(self):
        """(H, W) bool of the image: what is shown."""
        import numpy as np

        state, grid = self.space.draft.prediction, self.space.grid
        whole = np.zeros((grid.height, grid.width), bool)
        window = state.window
        whole[window.row : window.row + window.height, window.col : window.col + window.width] = (
            state.prediction.mask(self.space.shape.threshold)
        )
        return whole
