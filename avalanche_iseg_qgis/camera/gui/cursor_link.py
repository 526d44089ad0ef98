"""The mouse position on one canvas, shown on the other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qgis.core import QgsPointXY
from qgis.PyQt.QtCore import QObject

from ...i18n import tr
from ..pose_crs import transformed
from .view_items import CrossItem

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas

    from ..pose_session import PoseSession
    from .photo_dock import PhotoDock


class CursorLink(QObject):
    """Shows on the map the terrain under the mouse in the photo, and the reverse."""

    def __init__(
        self, map_canvas: QgsMapCanvas, dock: PhotoDock, session: PoseSession, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._map, self._dock, self._session = map_canvas, dock, session
        self.on_map, self.on_photo = CrossItem(map_canvas), CrossItem(dock.canvas)
        map_canvas.xyCoordinates.connect(self._over_map)
        dock.canvas.xyCoordinates.connect(self._over_photo)

    def close(self) -> None:
        """Remove the crosses."""
        self._map.xyCoordinates.disconnect(self._over_map)
        self._dock.canvas.xyCoordinates.disconnect(self._over_photo)
        self.on_map.close()
        self.on_photo.close()

    def _over_photo(self, point: QgsPointXY) -> None:
        self.on_photo.show_mark(None, self._session.grid.crs)
        place, text = None, ""
        row, col = self._session.grid.to_pixel(point)
        if self._session.grid.contains(row, col):
            place, text = self._terrain_at(row, col)
        self._dock.place.setText(text)
        self.on_map.show_mark(place, self._session.crs)

    def _terrain_at(self, row: float, col: float) -> tuple[QgsPointXY | None, str]:
        """Return the place on the map that a pixel sees, and a text about it."""
        range_map = self._session.range_map
        text = tr("{:.0f}, {:.0f} px").format(col, row)
        if range_map is None:
            return None, text
        x, y, z = range_map.unproject([(col, row)])[0].tolist()
        if not math.isfinite(x):
            return None, tr("{}   sky, or beyond the terrain model").format(text)
        distance = math.hypot(x - range_map.camera.x, y - range_map.camera.y)
        words = tr("{}   {:.0f}, {:.0f}   {:.0f} m high   {:.0f} m away")
        return QgsPointXY(x, y), words.format(text, x, y, z, distance)

    def _over_map(self, point: QgsPointXY) -> None:
        self.on_map.show_mark(None, self._session.crs)
        self.on_photo.show_mark(self._pixel_of(point), self._session.grid.crs)

    def _pixel_of(self, point: QgsPointXY) -> QgsPointXY | None:
        """Return where the photo shows a place of the map, on its canvas; None if it does not."""
        session, map_grid = self._session, self._session.map_grid
        place = transformed(point, self._map.mapSettings().destinationCrs(), session.crs)
        if map_grid is None or place is None:
            return None
        row, col = map_grid.to_pixel(place)
        return session.grid.to_layer(row, col) if math.isfinite(row) else None
