"""What is drawn on the two canvases: points, the camera, what it sees."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsPointXY
from qgis.PyQt.QtCore import QObject

from ...features.geometry import arrays_to_multipolygon
from ..points import MAP, PICTURE
from .cursor_link import CursorLink
from .point_items import PointsItem, marks_of
from .view_items import (
    StandItem,
    cone_item,
    ground_item,
    skyline_item,
    skyline_lines,
    view_cone,
)

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas

    from ..pose_draft import PoseDraft
    from ..pose_session import PoseSession
    from .camera_dock import CameraDock
    from .photo_dock import PhotoDock

_PLAIN = QgsCoordinateReferenceSystem()
_FAR = 3000.0  # metres: how far the view cone reaches while nothing is known


class CameraOverlays(QObject):
    """Keeps the canvas items as work and dock say."""

    def __init__(
        self, canvas: QgsMapCanvas, picture: PhotoDock, dock: CameraDock, work: PoseSession, parent
    ) -> None:
        super().__init__(parent)
        self._work, self._dock = work, dock
        self._drawn: object = None  # what of a pose is on the canvases
        self.on_map, self.on_picture = PointsItem(canvas), PointsItem(picture.canvas)
        self.ground, self.cone = ground_item(canvas), cone_item(canvas)
        self.stand, self.skyline = StandItem(canvas), skyline_item(picture.canvas)
        self.link = CursorLink(canvas, picture, work, self)
        self._items = (
            *(self.on_map, self.on_picture, self.ground, self.cone, self.stand, self.skyline),
        )
        work.changed.connect(self.show)
        dock.stretch.valueChanged.connect(self.show)
        dock.show_view.toggled.connect(self.show)

    def close(self) -> None:
        """Take everything off the canvases."""
        self._work.changed.disconnect(self.show)
        self.link.close()
        for item in self._items:
            item.close()

    def show(self, *_args: object) -> None:
        """Draw anew what has changed."""
        sheet, chosen = self._work.sheet, self._work.chosen
        crs = QgsCoordinateReferenceSystem.fromEpsgId(sheet.epsg) if sheet.epsg else _PLAIN
        fits = {fit.point.name: fit for fit in sheet.record.points} if sheet.record else {}
        on_map = marks_of(sheet.points, fits, MAP, chosen, QgsPointXY)
        self.on_map.show(on_map, crs)
        on_picture = marks_of(sheet.points, fits, PICTURE, chosen, to_layer)
        for at, mark in on_picture.items():
            fit = fits.get(mark.name)
            if fit is not None and sheet.points[at].complete and math.isfinite(fit.residual_u):
                tip = self._arrow(sheet.points[at], fit)
                on_picture[at] = replace(mark, arrow=tip)
        self.on_picture.show(on_picture, _PLAIN)
        self._show_view(sheet, crs)

    def _arrow(self, point, fit) -> QgsPointXY:
        times = self._dock.stretch.value()
        return to_layer(point.u + times * fit.residual_u, point.v + times * fit.residual_v)

    def _show_view(self, sheet: PoseDraft, crs: QgsCoordinateReferenceSystem) -> None:
        wanted = self._dock.show_view.isChecked()
        drawn = (sheet.record, sheet.position, sheet.epsg, self._work.seen, wanted)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        record, seen, ranges = sheet.record, self._work.seen, self._work.ranges
        place = sheet.position
        ground, cone, skyline = QgsGeometry(), QgsGeometry(), QgsGeometry()
        if record is not None:
            place = (record.camera.x, record.camera.y)
            cone = view_cone(record.camera, _FAR if ranges is None else _reach(ranges.distances))
        if seen is not None:
            ground = arrays_to_multipolygon(seen.xy, seen.parts)
            skyline = skyline_lines(seen.skyline)
        if not wanted:
            ground, cone = QgsGeometry(), QgsGeometry()
        self.stand.show(None if place is None else QgsPointXY(*place), crs)
        self.ground.show(ground, crs)
        self.cone.show(cone, crs)
        self.skyline.show(skyline, _PLAIN)


def to_layer(u: float, v: float) -> QgsPointXY:
    """A pixel in the coordinates of a photo's layer."""
    return QgsPointXY(u + 0.5, -(v + 0.5))


def _reach(distances) -> float:
    """How far the view goes, but for a few pixels."""
    some = distances[::8, ::8]
    some = some[np.isfinite(some)]
    return float(np.percentile(some, 98)) if some.size else _FAR
