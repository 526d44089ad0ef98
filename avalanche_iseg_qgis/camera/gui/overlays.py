"""What is drawn on the two canvases: points, the camera, what it sees."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import QgsGeometry, QgsPointXY
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtGui import QColor

from ...features.geometry import arrays_to_multipolygon
from ..points import MAP, PHOTO
from .cursor_link import CursorLink
from .point_items import PointMark, PointsItem, marks_of
from .view_items import CameraItem, ShapeItem, skyline_lines, view_cone

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qgis.gui import QgsMapCanvas

    from ..pose_session import PoseSession
    from .camera_dock import CameraDock
    from .photo_dock import PhotoDock

_DEFAULT_REACH = 3000.0  # metres: length of the view cone while the view is not known


class CameraOverlays(QObject):
    """Keeps the canvas items up to date with session and dock."""

    def __init__(
        self,
        canvas: QgsMapCanvas,
        photo_dock: PhotoDock,
        dock: CameraDock,
        session: PoseSession,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session, self._dock, self._photo_dock = session, dock, photo_dock
        self._drawn: object = None  # what of a pose is on the canvases
        self.on_map, self.on_photo = PointsItem(canvas), PointsItem(photo_dock.canvas)
        self.viewshed = ShapeItem(canvas, QColor(0, 130, 170, 150), 1.0, QColor(0, 190, 230, 60))
        self._cone = ShapeItem(canvas, QColor(255, 190, 0, 200), 2.0)
        self._camera = CameraItem(canvas)
        self._skyline = ShapeItem(photo_dock.canvas, QColor(255, 60, 200), 1.5)
        self.link = CursorLink(canvas, photo_dock, session, self)
        session.changed.connect(self.show)
        photo_dock.stretch.valueChanged.connect(self.show)
        dock.show_view.toggled.connect(self.show)
        photo_dock.show_pose.toggled.connect(self.show)

    def close(self) -> None:
        """Remove everything from the canvases."""
        self._session.changed.disconnect(self.show)
        self.link.close()
        marks = (self.on_map, self.on_photo, self._camera)
        for item in (*marks, self.viewshed, self._cone, self._skyline):
            item.close()

    def show(self, *_args: object) -> None:
        """Redraw what has changed."""
        session = self._session
        on_map, on_photo = {}, {}
        if self._photo_dock.show_pose.isChecked():
            on_map = marks_of(session.draft, MAP, session.selected, QgsPointXY)
            on_photo = self._photo_marks()
        self.on_map.show_marks(on_map, session.crs)
        self.on_photo.show_marks(on_photo, session.grid.crs)
        self._show_view()

    def _photo_marks(self) -> dict[int, PointMark]:
        """Return the marks in the photo, with arrows to where the pose projects their points."""
        draft, grid = self._session.draft, self._session.grid
        stretch = self._photo_dock.stretch.value()
        fits = draft.fits
        marks = marks_of(
            draft, PHOTO, self._session.selected, lambda u, v: grid.to_layer(row=v, col=u)
        )
        for index, mark in marks.items():
            gcp, fit = draft.points[index].to_gcp(), fits.get(mark.name)
            if gcp is not None and fit is not None and math.isfinite(fit.residual_u):
                u, v = gcp.u + stretch * fit.residual_u, gcp.v + stretch * fit.residual_v
                marks[index] = replace(mark, arrow=grid.to_layer(row=v, col=u))
        return marks

    def _show_view(self) -> None:
        draft, seen, crs = self._session.draft, self._session.seen, self._session.crs
        wanted = self._dock.show_view.isChecked()
        with_skyline = self._photo_dock.show_pose.isChecked()
        drawn = (draft.record, draft.position, draft.epsg, seen, wanted, with_skyline)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        position = draft.position
        viewshed, cone, skyline = QgsGeometry(), QgsGeometry(), QgsGeometry()
        if draft.record is not None:
            camera, range_map = draft.record.camera, self._session.range_map
            position = (camera.x, camera.y)
            reach = _DEFAULT_REACH if range_map is None else _reach(range_map.distances)
            cone = view_cone(camera, reach)
        if seen is not None:
            viewshed = arrays_to_multipolygon(seen.xy, seen.parts)
            if with_skyline:
                skyline = skyline_lines(seen.skyline, self._session.grid)
        if not wanted:
            viewshed, cone = QgsGeometry(), QgsGeometry()
        self._camera.show_mark(None if position is None else QgsPointXY(*position), crs)
        self.viewshed.show(viewshed, crs)
        self._cone.show(cone, crs)
        self._skyline.show(skyline, self._session.grid.crs)


def _reach(distances: NDArray[np.float32]) -> float:
    """Return how far the view goes, but for a few pixels, metres."""
    some = distances[::8, ::8]
    some = some[np.isfinite(some)]
    return float(np.percentile(some, 98)) if some.size else _DEFAULT_REACH
