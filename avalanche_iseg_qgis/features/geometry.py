"""Conversion of outlines between arrays of points and geometries of a layer."""

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
from ..i18n import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..layers.grid import Grid
    from ..layers.pixel_window import PixelWindow

_CRUMB = 0.01
"""Share of the area below which a part is no part of an avalanche."""

_SEAM = 0.05
"""Share of the width of gaps by which they are filled too far, to be cut at the neighbour."""

_ARC = 8
"""Segments of a quarter of a circle."""

_WGS84_ELLIPSOID = "EPSG:7030"


def pixels_to_geometry(
    points: NDArray[np.float32],
    parts: Sequence[Sequence[int]],
    grid: Grid,
    window: PixelWindow,
    target_crs: QgsCoordinateReferenceSystem,
) -> QgsGeometry:
    """Convert an outline in pixels to a valid MultiPolygon, outer rings counter-clockwise.

    Parameters
    ----------
    points
        (N, 2) float32, (x, y) in pixels of ``window``, whole at corners, y down, as in
        `core.worker.protocol.Outlined`.
    parts
        For each polygon the numbers of points of its rings, outer ring first.
    grid
        Grid of the raster that the window is a part of.
    target_crs
        CRS of the layer; invalid for a layer in pixel coordinates.

    Raises
    ------
    IsegError
        If the outline is empty, or cannot be transformed to the layer's CRS.
    """
    u, v = np.asarray(points, np.float64).reshape(-1, 2).T
    xy = np.stack(grid.corner_to_layer(u + window.col, v + window.row), axis=1)
    if grid.lacks_crs and target_crs.isValid():
        raise missing_crs()
    if grid.is_photo and target_crs.isValid():
        raise IsegError(
            tr(
                "The image is a photo without coordinates, but the layer has the coordinate "
                "system {}: choose a layer without one, let a new one be made, or pose the "
                "photo's camera in the Camera panel."
            ).format(target_crs.userFriendlyIdentifier())
        )
    return points_to_geometry(xy, parts, grid.crs, target_crs)


def missing_crs() -> IsegError:
    """Return the error of an image whose outlines belong on a map, but on which is not known."""
    return IsegError(
        tr(
            "The image lies on a map (by a world file, or its own numbers), but its coordinate "
            "system is not known: set it (right click on its layer → Layer CRS → Set Layer CRS…) "
            "and finish once more. The clicks are kept."
        )
    )


def points_to_geometry(
    xy: NDArray[np.float64],
    parts: Sequence[Sequence[int]],
    crs: QgsCoordinateReferenceSystem,
    target_crs: QgsCoordinateReferenceSystem,
) -> QgsGeometry:
    """Convert an outline in coordinates (N, 2) of a CRS as `pixels_to_geometry` does."""
    return make_valid(reproject(arrays_to_multipolygon(xy, parts), crs, target_crs))


def arrays_to_multipolygon(xy: NDArray[np.floating], parts: Sequence[Sequence[int]]) -> QgsGeometry:
    """Make a MultiPolygon of points (N, 2), unchanged."""
    corners = map(QgsPointXY, *np.asarray(xy, np.float64).reshape(-1, 2).T.tolist())
    rings = [[list(islice(corners, size)) for size in sizes] for sizes in parts]
    return QgsGeometry.fromMultiPolygonXY(rings)


def multipolygon_to_arrays(geometry: QgsGeometry) -> tuple[NDArray[np.float64], list[list[int]]]:
    """Return points (N, 2) and sizes of rings: the inverse of `arrays_to_multipolygon`."""
    multi = QgsGeometry(geometry)
    multi.convertToMultiType()
    rings = [[ring[:-1] for ring in polygon] for polygon in multi.asMultiPolygon()]
    xy = [(point.x(), point.y()) for polygon in rings for ring in polygon for point in ring]
    return np.array(xy, np.float64).reshape(-1, 2), [[len(r) for r in polygon] for polygon in rings]


def reproject(
    geometry: QgsGeometry,
    crs: QgsCoordinateReferenceSystem,
    target_crs: QgsCoordinateReferenceSystem,
) -> QgsGeometry:
    """Transform a geometry to another CRS.

    Raises
    ------
    IsegError
        If that is not possible.
    """
    if crs.isValid() and not target_crs.isValid():
        raise IsegError(
            tr(
                "The layer has no coordinate system, but the image has: set that of the layer "
                "(right click → Layer CRS), choose another layer, or let a new one be made."
            )
        )
    transformed = QgsGeometry(geometry)
    try:
        transformed.transform(QgsCoordinateTransform(crs, target_crs, QgsProject.instance()))
    except QgsCsException as error:
        raise IsegError(
            tr(
                "The outline cannot be brought to the coordinate system of the layer, {}: choose "
                "a layer whose coordinate system covers the image."
            ).format(target_crs.userFriendlyIdentifier())
        ) from error
    return transformed


def keep_off(geometry: QgsGeometry, others: Sequence[QgsGeometry], gap: float = 0.0) -> QgsGeometry:
    """Cut from an outline what it shares with others, and the crumbs that are left of it then.

    Parameters
    ----------
    geometry, others
        Polygons of one CRS; the others are not changed, and may be broken.
    gap
        Gaps between the outline and the others that are narrower than this are filled before, so
        that they share a border, vertex for vertex of the others'; in units of the CRS.

    Raises
    ------
    IsegError
        If nothing is left.
    """
    around = geometry.boundingBox().buffered(gap)
    near = [
        other if other.isGeosValid() else other.makeValid()
        for other in others
        if other.boundingBoxIntersects(around)
    ]
    near = [other for other in near if other.distance(geometry) <= gap]
    if not near:
        return geometry
    taken = QgsGeometry.unaryUnion(near)
    rest = (_joined(geometry, taken, gap) if gap > 0 else geometry).difference(taken)
    parts = large_parts(rest)
    if not parts or rest.area() < _CRUMB * geometry.area():
        raise IsegError(
            tr(
                "This outline lies inside finished avalanches. Click elsewhere, or untick “Keep "
                "off finished avalanches” and finish once more."
            )
        )
    return make_valid(QgsGeometry.collectGeometry(parts))


def _joined(geometry: QgsGeometry, taken: QgsGeometry, gap: float) -> QgsGeometry:
    """Return an outline with the gaps between it and others, and a seam of the others."""
    own, theirs = _closed(geometry, gap), _closed(taken, gap)
    whole = _closed(geometry.combine(taken), gap)
    joined = geometry
    for part in whole.difference(own.combine(theirs)).asGeometryCollection():
        wide = part.buffer(_SEAM * gap, _ARC).intersection(whole)
        if wide.intersects(geometry) and wide.intersects(taken):
            joined = joined.combine(wide)
    return joined


def _closed(geometry: QgsGeometry, gap: float) -> QgsGeometry:
    """Return a geometry with all places in it that are narrower than a gap filled."""
    return geometry.buffer(gap / 2, _ARC).buffer(-gap / 2, _ARC)


def area_m2(geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> float | None:
    """Compute the area on the ellipsoid in square metres; None without a CRS."""
    if not crs.isValid():
        return None
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, QgsProject.instance().transformContext())
    measure.setEllipsoid(crs.ellipsoidAcronym() or _WGS84_ELLIPSOID)
    return measure.measureArea(geometry)


def large_parts(geometry: QgsGeometry) -> list[QgsGeometry]:
    """Return the parts of a geometry that are no crumbs, which are no part of an avalanche."""
    least = _CRUMB * geometry.area()
    return [part for part in geometry.asGeometryCollection() if part.area() > least]


def make_valid(geometry: QgsGeometry) -> QgsGeometry:
    """Return a valid MultiPolygon, outer rings counter-clockwise; IsegError if nothing is left."""
    geometry = QgsGeometry(geometry)
    geometry.removeDuplicateNodes()
    geometry = geometry.makeValid()
    if geometry.wkbType() == QgsWkbTypes.Type.GeometryCollection:  # lines and points of spikes
        geometry.convertGeometryCollectionToSubclass(QgsWkbTypes.GeometryType.PolygonGeometry)
    if geometry.isEmpty() or geometry.type() != QgsWkbTypes.GeometryType.PolygonGeometry:
        raise IsegError(
            tr("Nothing is left of the outline: click once more, or lower “Simplification”.")
        )
    # QGIS can only make outer rings clockwise; GeoPackage wants the opposite.
    mirror = QTransform.fromScale(1, -1)
    geometry.transform(mirror)
    geometry = geometry.forceRHR()
    geometry.transform(mirror)
    geometry.convertToMultiType()
    return geometry
