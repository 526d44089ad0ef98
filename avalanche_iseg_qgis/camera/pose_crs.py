"""The CRS of a pose: a projected one in true metres."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsUnitTypes,
)

from ..core.errors import CameraError
from ..i18n import tr
from .points import MAP, PosePoint

if TYPE_CHECKING:
    from .pose_draft import PoseDraft

_SWITZERLAND = QgsRectangle(5.9, 45.8, 10.6, 47.9)  # degrees
_LV95, _WGS84, _WEB_MERCATOR = 2056, 4326, 3857


def epsg_code(crs: QgsCoordinateReferenceSystem) -> int:
    """Return the EPSG code of a CRS, 0 if it has none."""
    authority, _, code = crs.authid().partition(":")
    return int(code) if authority == "EPSG" and code.isdigit() else 0


def is_metric(crs: QgsCoordinateReferenceSystem) -> bool:
    """Return whether lengths on a map in this CRS are true metres."""
    metres = crs.mapUnits() == QgsUnitTypes.DistanceUnit.DistanceMeters
    projected = bool(crs.isValid() and not crs.isGeographic())
    return projected and metres and epsg_code(crs) not in (0, _WEB_MERCATOR)


def choose_epsg(point: QgsPointXY, crs: QgsCoordinateReferenceSystem) -> int:
    """Choose a CRS for poses near a point, which is in ``crs``; 0 if that cannot be transformed.

    The project's if it is metric, else LV95 in Switzerland, else ``crs`` if metric, else UTM.
    """
    project = QgsProject.instance()
    if is_metric(project.crs()):
        return epsg_code(project.crs())
    world = transformed(point, crs, QgsCoordinateReferenceSystem.fromEpsgId(_WGS84))
    if world is None or not crs.isValid():
        return 0
    if not (abs(world.x()) <= 180 and abs(world.y()) <= 84):
        return 0
    if _SWITZERLAND.contains(world):
        return _LV95
    if is_metric(crs):
        return epsg_code(crs)
    zone = min(60, math.floor((world.x() + 180) / 6) + 1)
    return (32600 if world.y() >= 0 else 32700) + zone


def transformed(
    point: QgsPointXY, source: QgsCoordinateReferenceSystem, target: QgsCoordinateReferenceSystem
) -> QgsPointXY | None:
    """Return a point in another CRS; None where that CRS does not reach."""
    try:
        return QgsCoordinateTransform(source, target, QgsProject.instance()).transform(point)
    except QgsCsException:
        return None


def with_crs(draft: PoseDraft, epsg: int) -> PoseDraft:
    """Return the draft in another CRS: points and camera at the same places, without the pose.

    Raises
    ------
    CameraError
        If the CRS does not reach all of them.
    """
    if not draft.epsg:
        return replace(draft, epsg=epsg)
    source = QgsCoordinateReferenceSystem.fromEpsgId(draft.epsg)
    target = QgsCoordinateReferenceSystem.fromEpsgId(epsg)

    def moved(position: tuple[float, float] | None) -> tuple[float, float] | None:
        if position is None:
            return None
        point = transformed(QgsPointXY(*position), source, target)
        if point is None:
            raise CameraError(
                tr("EPSG:{} does not reach all points: choose another CRS.").format(epsg)
            )
        return point.x(), point.y()

    def moved_point(point: PosePoint) -> PosePoint:
        position = moved(point.position(MAP))
        return point if position is None else replace(point, x=position[0], y=position[1])

    points = tuple(moved_point(point) for point in draft.points)
    return replace(draft, epsg=epsg, position=moved(draft.position), points=points, record=None)
