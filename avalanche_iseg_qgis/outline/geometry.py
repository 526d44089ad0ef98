"""From an outline in pixels to a geometry of a layer."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsDistanceArea,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsWkbTypes,
)
from qgis.PyQt.QtGui import QTransform

from ..core.errors import IsegError
from ..panel.words import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..layers.grid import Grid
    from ..layers.picture import Window

_WGS84 = "EPSG:7030"


def to_geometry(
    points: NDArray[np.float32],
    parts: Sequence[Sequence[int]],
    grid: Grid,
    window: Window,
    target_crs: QgsCoordinateReferenceSystem,
) -> QgsGeometry:
    """A valid MultiPolygon in the CRS of a layer, outer rings counter-clockwise.

    Parameters
    ----------
    points
        (N, 2) float32, (x, y) in pixels of ``window``, corners at whole numbers, y down; as
        `core.worker.protocol.Outlined`.
    parts
        For each polygon the numbers of points of its rings, outer ring first.
    grid
        Pixels of the raster that the window is a part of.
    target_crs
        Of the layer; not valid for one in pixel coordinates.

    Raises
    ------
    IsegError
        If nothing is left of the outline, or it cannot be brought to the layer's CRS.
    """
    u, v = np.asarray(points, np.float64).reshape(-1, 2).T
    u, v = u + window.col, v + window.row
    a, b, c, d, e, f = grid.transform
    xs, ys = a * u + b * v + c, d * u + e * v + f
    corners = map(QgsPointXY, xs.tolist(), ys.tolist())
    polygons = [[list(islice(corners, size)) for size in sizes] for sizes in parts]
    geometry = QgsGeometry.fromMultiPolygonXY(polygons)
    return _valid(_transformed(geometry, grid, target_crs))


def area_m2(geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> float | None:
    """Area on the ellipsoid in square metres; None without a CRS."""
    if not crs.isValid():
        return None
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, QgsProject.instance().transformContext())
    measure.setEllipsoid(crs.ellipsoidAcronym() or _WGS84)
    return measure.measureArea(geometry)


def _transformed(
    geometry: QgsGeometry, grid: Grid, target_crs: QgsCoordinateReferenceSystem
) -> QgsGeometry:
    if grid.plain and target_crs.isValid():
        raise IsegError(
            tr(
                "The image is a photo without coordinates, but the layer has the coordinate "
                "system {}: choose a layer without one, or let a new one be made."
            ).format(target_crs.userFriendlyIdentifier())
        )
    if not grid.plain and not target_crs.isValid():
        raise IsegError(
            tr(
                "The layer has no coordinate system, but the image has: set that of the layer "
                "(right click → Layer CRS), choose another layer, or let a new one be made."
            )
        )
    try:
        geometry.transform(QgsCoordinateTransform(grid.crs, target_crs, QgsProject.instance()))
    except QgsCsException as error:
        raise IsegError(
            tr(
                "The outline cannot be brought to the coordinate system of the layer, {}: choose "
                "a layer whose coordinate system covers the image."
            ).format(target_crs.userFriendlyIdentifier())
        ) from error
    return geometry


def _valid(geometry: QgsGeometry) -> QgsGeometry:
    geometry.removeDuplicateNodes()
    geometry = geometry.makeValid()
    if geometry.wkbType() == QgsWkbTypes.Type.GeometryCollection:  # lines and points of spikes
        geometry.convertGeometryCollectionToSubclass(QgsWkbTypes.GeometryType.PolygonGeometry)
    if geometry.isEmpty() or geometry.type() != QgsWkbTypes.GeometryType.PolygonGeometry:
        raise IsegError(
            tr("Nothing is left of the outline: click once more, or choose a finer one.")
        )
    # QGIS knows only how to make outer rings clockwise; GeoPackage wants the opposite.
    mirror = QTransform.fromScale(1, -1)
    geometry.transform(mirror)
    geometry = geometry.forceRHR()
    geometry.transform(mirror)
    geometry.convertToMultiType()
    return geometry
