"""Where things are: coordinate systems for poses, photos among the layers, terrain files."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsPointXY,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsRectangle,
    QgsUnitTypes,
)

from ..core.errors import CameraError
from ..i18n import tr
from .points import MAP

if TYPE_CHECKING:
    from .pose_draft import PoseDraft

_SWITZERLAND = QgsRectangle(5.9, 45.8, 10.6, 47.9)  # degrees
_LV95, _WORLD, _WEB = 2056, 4326, 3857
_TERRAIN = (".tif", ".tiff", ".asc", ".vrt", ".img", ".bil", ".dem", ".hgt")


def metric(crs: QgsCoordinateReferenceSystem) -> bool:
    """Whether lengths on a map in this CRS are true metres."""
    metres = crs.mapUnits() == QgsUnitTypes.DistanceUnit.DistanceMeters
    return crs.isValid() and not crs.isGeographic() and metres and epsg_of(crs) not in (0, _WEB)


def epsg_of(crs: QgsCoordinateReferenceSystem) -> int:
    """Its EPSG code, 0 if it has none."""
    authority, _, code = crs.authid().partition(":")
    return int(code) if authority == "EPSG" and code.isdigit() else 0


def good_epsg(place: QgsPointXY, crs: QgsCoordinateReferenceSystem) -> int:
    """A CRS for poses near a place, which is in ``crs``; 0 where nobody knows.

    The project's if it is metric, else LV95 in Switzerland, else ``crs`` if metric, else UTM.
    """
    project = QgsProject.instance()
    if metric(project.crs()):
        return epsg_of(project.crs())
    world = QgsCoordinateReferenceSystem.fromEpsgId(_WORLD)
    try:
        place = QgsCoordinateTransform(crs, world, project).transform(place)
    except QgsCsException:
        return 0
    if not crs.isValid() or not (abs(place.x()) <= 180 and abs(place.y()) <= 84):
        return 0
    if _SWITZERLAND.contains(place):
        return _LV95
    if metric(crs):
        return epsg_of(crs)
    zone = min(60, math.floor((place.x() + 180) / 6) + 1)
    return (32600 if place.y() >= 0 else 32700) + zone


def in_crs(sheet: PoseDraft, epsg: int) -> PoseDraft:
    """The sheet with points and camera at the same places in another CRS, and without a pose.

    Raises
    ------
    CameraError
        If the CRS does not reach all of them.
    """
    if not sheet.epsg:
        return replace(sheet, epsg=epsg)
    transform = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem.fromEpsgId(sheet.epsg),
        QgsCoordinateReferenceSystem.fromEpsgId(epsg),
        QgsProject.instance(),
    )

    def there(place: tuple[float, float] | None) -> tuple[float, float] | None:
        if place is None:
            return None
        point = transform.transform(QgsPointXY(*place))
        return point.x(), point.y()

    try:
        points = tuple(
            replace(point.at(MAP, there(point.on(MAP))), z=point.z) if point.on(MAP) else point
            for point in sheet.points
        )
        position = there(sheet.position)
    except QgsCsException as error:
        raise CameraError(
            tr("EPSG:{} does not reach all points: choose another CRS.").format(epsg)
        ) from error
    return replace(sheet, epsg=epsg, position=position, points=points, record=None)


def is_photo(layer: QgsRasterLayer) -> bool:
    """Whether a raster is a plain picture, whose coordinates are its pixels."""
    if not isinstance(layer, QgsRasterLayer) or layer.providerType() != "gdal":
        return False
    extent = layer.extent()
    return extent.xMinimum() == 0 and extent.yMaximum() == 0 and extent.width() == layer.width()


def is_terrain(layer: QgsRasterLayer) -> bool:
    """Whether a raster may hold heights."""
    if not isinstance(layer, QgsRasterLayer) or layer.providerType() != "gdal":
        return False
    return layer.bandCount() == 1 and layer.crs().isValid() and not is_photo(layer)


def file_of(layer: QgsRasterLayer) -> str:
    """The file of a layer."""
    parts = QgsProviderRegistry.instance().decodeUri("gdal", layer.source())
    return str(parts.get("path") or layer.source())


def terrain_files(folder: str) -> tuple[str, ...]:
    """The files in a folder that may be tiles of a terrain model."""
    return tuple(
        str(path) for path in sorted(Path(folder).iterdir()) if path.suffix.lower() in _TERRAIN
    )


def exif_focal(path: str, width: int, height: int) -> float | None:
    """Focal length in pixels, as the camera wrote it into the picture; None if it did not."""
    data = gdal.Open(path)
    text = "" if data is None else data.GetMetadataItem("EXIF_FocalLengthIn35mmFilm") or ""
    digits = "".join(sign for sign in text if sign.isdigit() or sign == ".")
    if not digits or not float(digits):
        return None
    return float(digits) / 36 * max(width, height)  # that film is 36 mm wide
