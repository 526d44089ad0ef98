"""Kinds of raster layers: photos, terrain models, and their files."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsMapLayer,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterLayer,
)

from ..core.errors import IsegError
from ..core.files import normal_path
from ..i18n import tr


def is_local(crs: QgsCoordinateReferenceSystem) -> bool:
    """Return whether coordinates have no place on a map: those of photos, such as pixels.

    GDAL gives tables of a GeoPackage without a CRS an undefined one, of one kind or another.
    """
    return not crs.isValid() or crs.description().startswith("Undefined ")


def is_photo(layer: QgsMapLayer | None) -> bool:
    """Return whether a layer is an image without georeference, whose coordinates are its pixels."""
    if not isinstance(layer, QgsRasterLayer) or layer.providerType() != "gdal":
        return False
    extent = layer.extent()
    at_origin = extent.xMinimum() == 0 and extent.yMaximum() == 0
    return bool(at_origin and extent.width() == layer.width())


def is_terrain(layer: QgsMapLayer | None) -> bool:
    """Return whether a layer may hold heights."""
    if not isinstance(layer, QgsRasterLayer) or layer.providerType() != "gdal":
        return False
    return layer.bandCount() == 1 and layer.crs().isValid() and not is_photo(layer)


def file_of(layer: QgsRasterLayer) -> str:
    """Return the file of a layer."""
    parts = QgsProviderRegistry.instance().decodeUri("gdal", layer.source())
    return str(parts.get("path") or layer.source())


def check_not_open(path: str) -> None:
    """Raise IsegError if a file to be written is that of a raster layer in the project.

    Windows does not let it be replaced; elsewhere QGIS would go on to show parts of the old one.
    """
    wanted = normal_path(path)
    for layer in raster_layers():
        if layer.providerType() == "gdal" and normal_path(file_of(layer)) == wanted:
            text = tr("{} is open in QGIS: remove the layer {} first, or choose another name.")
            raise IsegError(text.format(path, layer.name()))


def raster_layers() -> list[QgsRasterLayer]:
    """Return the raster layers of the project."""
    layers = QgsProject.instance().mapLayers().values()
    return [layer for layer in layers if isinstance(layer, QgsRasterLayer)]
