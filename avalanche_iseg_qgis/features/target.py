"""The layer that finished objects go to: made in a GeoPackage, or one that exists."""

from __future__ import annotations

import os
from pathlib import Path

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsExpressionContextUtils,
    QgsProject,
    QgsProviderRegistry,
    QgsVectorDataProvider,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDir, QStandardPaths

from ..core.errors import IsegError
from ..i18n import tr
from . import form, schema

FILE = "avalanches.gpkg"
TABLE, PLAIN_TABLE = "avalanches", "avalanches_pixels"

IMAGE_VARIABLE = "avalanche_iseg_image"
"""Of layers in pixels: the name of the image in hand, see `show_only_image`."""
IMAGE_FILTER = f'"image_name" = coalesce(@{IMAGE_VARIABLE}, "image_name")'

_STYLES = Path(__file__).parents[1] / "styles"
_NEEDED = (schema.UUID, schema.IMAGE_NAME, schema.PROMPTS)
_WAITING, _PATIENCE = "SQLITE_BUSY_TIMEOUT", "500"  # milliseconds
_NO_CRS = 'LOCAL_CS["Undefined Cartesian SRS",UNIT["Meter",1]]'
"""What GeoPackage has instead of no CRS; GDAL knows it by its name and unit."""


def default_path(project: QgsProject, image_path: str) -> str:
    """Where to make the GeoPackage: beside the project, else the image, else in the documents."""
    image = Path(image_path)
    folders = [project.absolutePath(), str(image.parent) if image.is_file() else ""]
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    folders += [documents, QDir.homePath()]
    usable = (f for f in folders if f and Path(f).is_dir() and os.access(f, os.W_OK))
    return str(Path(next(usable, QDir.tempPath()), FILE))


def create_layer(path: str, crs: QgsCoordinateReferenceSystem, plain: bool) -> QgsVectorLayer:
    """Make the table for objects in a GeoPackage, or open the one that is there already.

    Parameters
    ----------
    path
        Of a GeoPackage, which is made if it does not exist; other tables stay as they are.
    crs
        Of the layer, unless ``plain``.
    plain
        Whether it is for photos without georeference: in their pixels, without a CRS.

    Raises
    ------
    IsegError
        If it cannot be made there; a file that was not there before is not left behind.
    """
    file, name = Path(path), PLAIN_TABLE if plain else TABLE
    _check_place(file)
    there_before = file.exists()
    fault = _fault_of(path) if there_before else ""
    if not fault and name not in _tables(path):
        fault = _make_table(path, name, crs)
    layer = None if fault else _open(path, name)
    if layer is not None:
        fault = _prepare(layer, name)
    if fault:
        layer = None  # lets go of the file
        if not there_before:
            file.unlink(missing_ok=True)
        raise _unwritable(path, fault)
    return layer


def geopackage_path(layer: QgsVectorLayer) -> str:
    """The GeoPackage that a layer lies in; empty if it lies elsewhere."""
    path = layer.source().partition("|")[0]
    return path if path.lower().endswith(".gpkg") else ""


def drop_undefined_crs(layer: QgsVectorLayer) -> None:
    """Take away the CRS that GDAL gives to tables of a GeoPackage that have none."""
    if not layer.crs().authid() and layer.crs().description().startswith("Undefined"):
        layer.setCrs(QgsCoordinateReferenceSystem())


def show_only_image(layer: QgsVectorLayer, image_name: str) -> None:
    """Of a layer in pixels, show the outlines of one image: others lie on top of them."""
    if QgsExpressionContextUtils.layerScope(layer).variable(IMAGE_VARIABLE) != image_name:
        QgsExpressionContextUtils.setLayerVariable(layer, IMAGE_VARIABLE, image_name)
        layer.triggerRepaint()


def why_unsuitable(layer: QgsVectorLayer) -> str | None:
    """Why a layer cannot take objects, and what to do; None if it can."""
    if not layer.isValid():
        reason = tr("its file or its connection is gone")
    elif layer.geometryType() != QgsWkbTypes.GeometryType.PolygonGeometry:
        reason = tr("it is not a layer of polygons")
    elif layer.readOnly() or not _can_edit(layer) or not _file_writable(layer):
        reason = tr("it is read-only")
    else:
        return None
    return tr("Avalanches cannot go to the layer {}: {}. Choose another layer.").format(
        layer.name(), reason
    )


def _file_writable(layer: QgsVectorLayer) -> bool:
    """Whether its file can be written now; QGIS knows only how it was when it was opened."""
    file = Path(layer.source().partition("|")[0])
    return not file.is_file() or os.access(file, os.W_OK)


def _can_edit(layer: QgsVectorLayer) -> bool:
    needed = (
        QgsVectorDataProvider.Capability.AddFeatures
        | QgsVectorDataProvider.Capability.ChangeGeometries
    )
    return layer.dataProvider().capabilities() & needed == needed


def _check_place(file: Path) -> None:
    folder = file.absolute().parent
    if not folder.is_dir():
        raise IsegError(
            tr("The folder {} does not exist: make it, or choose another one.").format(folder)
        )
    for place in (folder, file):  # a GeoPackage needs a journal beside it
        if place.exists() and not os.access(place, os.W_OK):
            raise _unwritable(file, tr("it is read-only"))


def _fault_of(path: str) -> str:
    """Why a file that is there cannot be written; found out without waiting for it."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    waiting = gdal.GetThreadLocalConfigOption(_WAITING)
    gdal.SetThreadLocalConfigOption(_WAITING, _PATIENCE)
    try:
        database = gdal.OpenEx(path, gdal.OF_UPDATE | gdal.OF_VECTOR, ["GPKG"])
        if database is None:
            return tr("it is no GeoPackage, or used by another program")
        gdal.ErrorReset()
        database.ExecuteSQL(f"PRAGMA busy_timeout = {_PATIENCE}")
        database.ExecuteSQL("BEGIN IMMEDIATE")
        fault = gdal.GetLastErrorMsg()
        database.ExecuteSQL("ROLLBACK")
    except RuntimeError as error:  # where something else made GDAL raise exceptions
        return str(error)
    else:
        return fault
    finally:
        gdal.SetThreadLocalConfigOption(_WAITING, waiting)
        gdal.PopErrorHandler()


def _tables(path: str) -> list[str]:
    if not Path(path).exists():
        return []
    metadata = QgsProviderRegistry.instance().providerMetadata("ogr")
    return [sublayer.name() for sublayer in metadata.querySublayers(path)]


def _make_table(path: str, name: str, crs: QgsCoordinateReferenceSystem) -> str:
    """Make it; returns what went wrong, if anything."""
    plain = name == PLAIN_TABLE
    title, abstract = _about(plain)
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "GPKG"
    options.layerName = name
    options.layerOptions = [f"IDENTIFIER={title}", f"DESCRIPTION={abstract}", "FID=fid"]
    if Path(path).exists():
        options.actionOnExistingFile = (
            QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
        )
    writer = QgsVectorFileWriter.create(
        path,
        schema.fields(),
        QgsWkbTypes.Type.MultiPolygon,
        QgsCoordinateReferenceSystem.fromWkt(_NO_CRS) if plain else crs,
        QgsCoordinateTransformContext(),
        options,
    )
    return writer.errorMessage()  # its end writes the file


def _about(plain: bool) -> tuple[str, str]:
    if plain:
        return (
            tr("Avalanches in photos (pixel coordinates)"),
            tr(
                "Outlines in pixel coordinates of the photo that image_name tells: x to the right, "
                "y down and negative, (0, 0) in the upper left corner. Not a map."
            ),
        )
    return tr("Avalanches"), tr("Outlines of avalanches, mapped with Avalanche ISeg.")


def _open(path: str, name: str) -> QgsVectorLayer:
    options = QgsVectorLayer.LayerOptions()
    options.skipCrsValidation = True
    return QgsVectorLayer(f"{path}|layername={name}", name, "ogr", options)


def _prepare(layer: QgsVectorLayer, name: str) -> str:
    """Make it ready for use; returns what went wrong, if anything."""
    if not layer.isValid():
        return tr("the disk may be full")
    if layer.geometryType() != QgsWkbTypes.GeometryType.PolygonGeometry or any(
        layer.fields().indexOf(needed) < 0 for needed in _NEEDED
    ):
        return tr("it has a table {} with other attributes").format(name)
    if not _can_edit(layer):
        return tr("it is read-only")
    drop_undefined_crs(layer)
    if layer.listStylesInDatabase()[0] > 0:
        return ""
    layer.loadNamedStyle(str(_STYLES / f"{name}.qml"))
    form.configure_layer(layer)
    return layer.saveStyleToDatabase(name, "", True, "")


def _unwritable(path: str | Path, reason: str) -> IsegError:
    return IsegError(
        tr(
            "The layer for avalanches cannot be made in {} ({}): choose another GeoPackage, close "
            "programs that use this one, or make room on the disk."
        ).format(path, reason)
    )
