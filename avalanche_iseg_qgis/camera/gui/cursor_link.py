"""The mouse of one canvas, shown on the other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsPointXY,
    QgsProject,
)
from qgis.PyQt.QtCore import QObject

from ...i18n import tr
from .view_items import CrossItem

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas

    from ..pose_session import PoseSession
    from .photo_dock import PhotoDock

_PLAIN = QgsCoordinateReferenceSystem()


class CursorLink(QObject):
    """In the picture: the ground that the pixel sees, on the map; on the map: the same back."""

    def __init__(
        self, map_canvas: QgsMapCanvas, dock: PhotoDock, work: PoseSession, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._map, self._dock, self._work = map_canvas, dock, work
        self.on_map, self.on_picture = CrossItem(map_canvas), CrossItem(dock.canvas)
        map_canvas.xyCoordinates.connect(self._over_map)
        dock.canvas.xyCoordinates.connect(self._over_picture)

    def close(self) -> None:
        """Take the crosses off."""
        self._map.xyCoordinates.disconnect(self._over_map)
        self._dock.canvas.xyCoordinates.disconnect(self._over_picture)
        self.on_map.close()
        self.on_picture.close()

    def _over_picture(self, point: QgsPointXY) -> None:
        self.on_picture.show(None, _PLAIN)
        sheet, ranges = self._work.sheet, self._work.ranges
        u, v = point.x() - 0.5, -point.y() - 0.5
        if not (-0.5 <= u <= sheet.width - 0.5 and -0.5 <= v <= sheet.height - 0.5):
            self._dock.place.setText("")
            self.on_map.show(None, _PLAIN)
            return
        text = tr("{:.0f}, {:.0f} px").format(u, v)
        if ranges is None:
            self._dock.place.setText(text)
            return
        x, y, z = ranges.unproject([(u, v)])[0].tolist()
        if math.isfinite(x):
            self.on_map.show(QgsPointXY(x, y), _crs(sheet.epsg))
            away = math.hypot(x - ranges.camera.x, y - ranges.camera.y)
            text = tr("{}   {:.0f}, {:.0f}   {:.0f} m high   {:.0f} m away").format(
                text, x, y, z, away
            )
        else:
            self.on_map.show(None, _PLAIN)
            text = tr("{}   sky, or beyond the terrain model").format(text)
        self._dock.place.setText(text)

    def _over_map(self, point: QgsPointXY) -> None:
        self.on_map.show(None, _PLAIN)
        self.on_picture.show(self._seen_at(point), _PLAIN)

    def _seen_at(self, point: QgsPointXY) -> QgsPointXY | None:
        """Where the picture shows a place of the map; None if it does not."""
        sheet, ranges = self._work.sheet, self._work.ranges
        if ranges is None:
            return None
        crs = self._map.mapSettings().destinationCrs()
        transform = QgsCoordinateTransform(crs, _crs(sheet.epsg), QgsProject.instance())
        try:
            place = transform.transform(point)
        except QgsCsException:
            return None
        height = self._work.heights.at(place.x(), place.y())
        there = np.array([[place.x(), place.y(), height]])
        if not math.isfinite(height) or not ranges.is_visible(there)[0]:
            return None
        u, v = ranges.camera.project(there)[0].tolist()
        return QgsPointXY(u + 0.5, -(v + 0.5))


def _crs(epsg: int) -> QgsCoordinateReferenceSystem:
    return QgsCoordinateReferenceSystem.fromEpsgId(epsg)
