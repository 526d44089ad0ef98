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
        self.controller = plugin.open()
        self.controller.open_camera()
        self.camera = self.controller.camera
        self.client = self.controller.camera_client
        self.dock, self.pose_session = self.camera.dock, self.camera.pose_session
        QTest.qWait(50)

    def take(self, photo, dem) -> None:
        terrain, image = QgsRasterLayer(str(dem), "dem"), QgsRasterLayer(str(photo), "cam")
        QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:2056"))
        QgsProject.instance().addMapLayers([terrain, image])
        self.dock.photo.setLayer(image)
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

    def click_photo(self, u, v) -> None:
        canvas = self.camera.photo_dock.canvas
        at = self.screen(canvas, photo_point(u, v), 0.25)
        QTest.mouseClick(canvas.viewport(), LEFT, NONE, at)

    def click_map(self, x, y) -> None:
        at = self.screen(self.map, QgsPointXY(x, y), 0.5)
        QTest.mouseClick(self.map.viewport(), LEFT, NONE, at)

    def drag_photo(self, start, end) -> None:
        canvas = self.camera.photo_dock.canvas
        first = self.screen(canvas, photo_point(*start), 0.5)
        to_screen = canvas.getCoordinateTransform().transform
        last = to_screen(photo_point(*end)).toQPointF().toPoint()
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
            record = self.pose_session.draft.record
            used = sum(fit.point.use for fit in record.points) if record else 0
            return used == count and not self.client.busy

        wait_until(there, 60, f"the pose of {count} points; {self.pose_session.failure}")
        return self.pose_session.draft.record


class Mapper(Operator):
    """A person who maps in a posed photo."""

    def __init__(self, iface, plugin, scene) -> None:
        super().__init__(iface, plugin)
        self.session = self.controller.session
        self.take(scene / "picture.jpg", scene / "dem.tif")

    def pose(self, scene, truth) -> None:
        self.push(self.dock.on_map)
        self.click_map(truth.x + OFF[0], truth.y + OFF[1])
        self.push(self.dock.add)
        for u, v, x, y in control_points(scene):
            self.click_photo(u, v)
            self.click_map(x, y)
        self.pose_of(6)
        wait_until(lambda: self.pose_session.range_map is not None, 60, "what the camera sees")
        wait_until(
            lambda: self.controller.segmentation_client.state.name == "READY", 60, "the model"
        )
        self.push(self.dock.add)
        self.controller._activate_tool()

    def prompt(self, u, v, button=LEFT) -> None:
        """A click in the photo."""
        canvas = self.camera.photo_dock.canvas
        at = self.screen(canvas, photo_point(u, v), 1.0)
        QTest.mouseClick(canvas.viewport(), button, NONE, at)
        wait_until(self.settled, 30, "the outline")

    def prompt_on_map(self, x, y, button=LEFT) -> None:
        at = self.screen(self.map, QgsPointXY(x, y), 1.0)
        QTest.mouseClick(self.map.viewport(), button, NONE, at)
        wait_until(self.settled, 30, "the outline")

    def settled(self) -> bool:
        draft = self.session.draft
        return draft is not None and draft.outline_for(self.session.shape) is not None

    def finish(self) -> None:
        QTest.keyClick(self.camera.photo_dock.canvas, Qt.Key.Key_Return)
        wait_until(lambda: self.session.prompts.empty, 60, "the feature")

    def on_map(self) -> QgsGeometry:
        """The outline that the map shows while it is made."""
        return self.controller.georeferencer.outline.geometry


def photo_point(u, v) -> QgsPointXY:
    """A pixel on the canvas of the photo."""
    return QgsPointXY(u + 0.5, -(v + 0.5))


def control_points(scene) -> list[list[float]]:
    """(u, v, x, y) of six that are spread over the photo."""
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
