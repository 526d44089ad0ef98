"""A person who poses a camera in the real QGIS."""

from __future__ import annotations

import csv

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
)
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from waiting import wait_until

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
OFF = (6.0, -5.0)  # metres by which the place of the camera is clicked wrong


class Operator:
    """At the Camera dock of the plugin; places are pixels (u, v) or map coordinates (x, y)."""

    def __init__(self, iface, plugin) -> None:
        self.iface, self.map = iface, iface.mapCanvas()
        self.studio = plugin.open()
        self.studio.open_camera()
        self.desk = self.studio.camera
        self.surveyor = self.studio.camera_client
        self.dock, self.work = self.desk.dock, self.desk.work
        QTest.qWait(50)

    def take(self, photo, dem) -> None:
        terrain, picture = QgsRasterLayer(str(dem), "dem"), QgsRasterLayer(str(photo), "cam")
        QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:2056"))
        QgsProject.instance().addMapLayers([terrain, picture])
        self.dock.photo.setLayer(picture)
        self.dock.terrain.setLayer(terrain)
        self.dock.terrain.activated.emit(self.dock.terrain.currentIndex())
        QTest.qWait(20)

    def screen(self, canvas, point, units_per_pixel) -> QPoint:
        """Where a place is on the screen, after zooming in on it."""
        extent = canvas.extent()
        extent.scale(units_per_pixel / canvas.mapUnitsPerPixel(), point)
        shift = point - extent.center()
        extent.setXMinimum(extent.xMinimum() + shift.x())
        extent.setXMaximum(extent.xMaximum() + shift.x())
        extent.setYMinimum(extent.yMinimum() + shift.y())
        extent.setYMaximum(extent.yMaximum() + shift.y())
        canvas.setExtent(extent)
        canvas.refresh()
        return canvas.getCoordinateTransform().transform(point).toQPointF().toPoint()

    def click_picture(self, u, v) -> None:
        canvas = self.desk.picture_canvas
        at = self.screen(canvas, QgsPointXY(u + 0.5, -(v + 0.5)), 0.25)
        QTest.mouseClick(canvas.viewport(), LEFT, NONE, at)

    def click_map(self, x, y) -> None:
        at = self.screen(self.map, QgsPointXY(x, y), 0.5)
        QTest.mouseClick(self.map.viewport(), LEFT, NONE, at)

    def drag_picture(self, start, end) -> None:
        canvas = self.desk.picture_canvas
        first = self.screen(canvas, QgsPointXY(start[0] + 0.5, -(start[1] + 0.5)), 0.5)
        to_screen = canvas.getCoordinateTransform().transform
        last = to_screen(QgsPointXY(end[0] + 0.5, -(end[1] + 0.5))).toQPointF().toPoint()
        view = canvas.viewport()
        QTest.mousePress(view, LEFT, NONE, first)
        for step in range(1, 6):
            QTest.mouseMove(view, first + (last - first) * step / 5)
            QTest.qWait(5)
        QTest.mouseRelease(view, LEFT, NONE, last)

    def push(self, button) -> None:
        QTest.mouseClick(button, LEFT, NONE, QPoint(5, 5))
        QTest.qWait(10)

    def pose_of(self, count) -> object:
        """The pose that was fitted to so many points."""

        def there() -> bool:
            record = self.work.sheet.record
            used = sum(fit.point.use for fit in record.points) if record else 0
            return used == count and not self.surveyor.busy

        wait_until(there, 60, f"the pose of {count} points; {self.work.refusal}")
        return self.work.sheet.record


class Mapper(Operator):
    """A person who maps in a posed photo."""

    def __init__(self, iface, plugin, scene) -> None:
        super().__init__(iface, plugin)
        self.space = self.studio.session
        self.take(scene / "picture.jpg", scene / "dem.tif")

    def pose(self, scene, truth) -> None:
        self.push(self.dock.on_map)
        self.click_map(truth.x + OFF[0], truth.y + OFF[1])
        self.push(self.dock.add)
        for u, v, x, y in control_points(scene):
            self.click_picture(u, v)
            self.click_map(x, y)
        self.pose_of(6)
        wait_until(lambda: self.desk.ranges is not None, 60, "what the camera sees")
        wait_until(lambda: self.studio.segmentation_client.state.name == "READY", 60, "the model")
        self.push(self.dock.add)
        self.studio._activate_tool()

    def prompt(self, u, v, button=LEFT) -> None:
        """A click in the picture."""
        canvas = self.desk.picture_canvas
        at = self.screen(canvas, QgsPointXY(u + 0.5, -(v + 0.5)), 1.0)
        QTest.mouseClick(canvas.viewport(), button, NONE, at)
        wait_until(self.settled, 30, "the outline")

    def prompt_on_map(self, x, y, button=LEFT) -> None:
        at = self.screen(self.map, QgsPointXY(x, y), 1.0)
        QTest.mouseClick(self.map.viewport(), button, NONE, at)
        wait_until(self.settled, 30, "the outline")

    def settled(self) -> bool:
        draft = self.space.draft
        return draft is not None and draft.outline_for(self.space.shape) is not None

    def finish(self) -> None:
        QTest.keyClick(self.desk.picture_canvas, Qt.Key.Key_Return)
        wait_until(lambda: self.space.prompts.empty, 60, "the feature")

    def on_map(self) -> QgsGeometry:
        """The outline that the map shows while it is made."""
        return self.studio.georeferencer.outline.geometry


def control_points(scene) -> list[list[float]]:
    """(u, v, x, y) of six that are spread over the picture."""
    with (scene / "gcps.csv").open() as file:
        rows = list(csv.DictReader(file))
    points = [[float(row[name]) for name in ("u_px", "v_px", "x", "y")] for row in rows]
    points.sort()
    return [points[round(at * (len(points) - 1) / 5)] for at in range(6)]


def middle(scene, number):
    """A pixel in the middle of an avalanche, and the ground there."""
    import numpy as np
    from osgeo import gdal

    labels = gdal.Open(str(scene / "labels.png")).ReadAsArray()
    rows, cols = np.nonzero(labels == number)
    at = np.argmin((rows - rows.mean()) ** 2 + (cols - cols.mean()) ** 2)
    return float(cols[at]), float(rows[at])
