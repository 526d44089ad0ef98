"""The layer that finished objects are saved to: a new one in a GeoPackage, or an existing one."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from osgeo import gdal
from qgis.core import (
    QgsApplication,
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

from ..compat import save_style
from ..core.errors import IsegError
from ..core.files import is_file
from ..core.geopackage.history import keep_history
from ..i18n import tr
from ..layers.kinds import is_local
from . import form, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "avalanches.gpkg"
TABLE, PIXEL_TABLE = "avalanches", "avalanches_pixels"

IMAGE_VARIABLE = "avalanche_iseg_image"
"""Variable of layers in pixels: the name of the current image, see `show_only_image`."""
IMAGE_FILTER = f'"image_name" = coalesce(@{IMAGE_VARIABLE}, "image_name")'

_STYLES = Path(__file__).parents[1] / "styles"
_NEEDED = (schema.UUID, schema.IMAGE_NAME, schema.PROMPTS)
_TIMEOUT_OPTION, _TIMEOUT = "SQLITE_BUSY_TIMEOUT", "500"  # milliseconds
_MAX_REASON = 150  # characters
_NO_CRS = 'LOCAL_CS["Undefined Cartesian SRS",UNIT["Meter",1]]'
"""CRS that stands for no CRS in a GeoPackage; GDAL recognises it by its name and unit."""


def default_path(project: QgsProject, image_path: str) -> str:
    """Return where to make the GeoPackage.

    Beside the project, the image, in the documents or the home folder, else in the user's profile:
    never where others could have put a file of this name.
    """
    folders = [
        project.absolutePath(),
        str(Path(image_path).parent) if is_file(image_path) else "",
    ]
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    folders += [documents, QDir.homePath()]
    usable = (folder for folder in folders if folder and _can_write_in(folder))
    return str(Path(next(usable, QgsApplication.qgisSettingsDirPath()), FILE))


def create_layer(path: str, crs: QgsCoordinateReferenceSystem) -> QgsVectorLayer:
    """Create the table for objects in a GeoPackage, or open an existing one.

    Parameters
    ----------
    path
        A GeoPackage, which is created if it does not exist; its other tables are not changed.
    crs
        CRS of the layer; invalid for a layer of photos, in pixel coordinates.

    Raises
    ------
    IsegError
        If it cannot be created; no new file is left behind then.
    """
    file, name = Path(path), TABLE if crs.isValid() else PIXEL_TABLE
    _check_writable(file)
    existed = file.exists()
    error = _write_error(path) if existed else ""
    is_new = not error and name not in _table_names(path)
    if is_new:
        error = _create_table(path, name, crs)
    layer = None if error else _open(path, name)
    if layer is not None:
        error = _prepare(layer, name)
    if error:
        layer = None  # closes the file
        if not existed:
            with suppress(OSError):  # on Windows, while another program reads it
                file.unlink()
        raise _unwritable(path, error)
    if is_new:  # last: on a disk that is almost full the layer comes first
        with suppress(IsegError):  # said when editing begins
            keep_history(path, name)
    return layer


def open_layer(path: str, crs: QgsCoordinateReferenceSystem) -> QgsVectorLayer | None:
    """Return the layer of objects of a GeoPackage, as `create_layer` made it.

    None if there is none, or the file cannot be read.
    """
    name = TABLE if crs.isValid() else PIXEL_TABLE
    if not is_file(path) or name not in _table_names(path):
        return None
    layer = _open(path, name)
    if not layer.isValid() or any(layer.fields().indexOf(needed) < 0 for needed in _NEEDED):
        return None
    drop_undefined_crs(layer)
    return layer


def geopackage_path(layer: QgsVectorLayer) -> str:
    """Return the path of a layer's GeoPackage; empty if it has none."""
    path = layer.source().partition("|")[0]
    return path if path.lower().endswith(".gpkg") else ""


def drop_undefined_crs(layer: QgsVectorLayer) -> None:
    """Remove the CRS that GDAL gives to tables of a GeoPackage without one."""
    if layer.crs().isValid() and is_local(layer.crs()):
        layer.setCrs(QgsCoordinateReferenceSystem())


def show_only_image(layer: QgsVectorLayer, image_name: str) -> None:
    """Show only the outlines of one image in a layer in pixels, where those of all overlap."""
    if QgsExpressionContextUtils.layerScope(layer).variable(IMAGE_VARIABLE) != image_name:
        QgsExpressionContextUtils.setLayerVariable(layer, IMAGE_VARIABLE, image_name)
        layer.triggerRepaint()


def why_unsuitable(layer: QgsVectorLayer) -> str | None:
    """Return why a layer cannot take objects, with the remedy; None if it can."""
    if not layer.isValid():
        reason = tr("its file or its connection is gone")
    elif layer.geometryType() != QgsWkbTypes.GeometryType.PolygonGeometry:
        reason = tr("it is not a layer of polygons")
    elif layer.readOnly() or not can_edit(layer) or not _is_file_writable(layer):
        reason = tr("it is read-only")
    else:
        return None
    text = tr("Avalanches cannot go to the layer {}: {}. Choose another layer.")
    return text.format(layer.name(), reason)


def can_edit(layer: QgsVectorLayer) -> bool:
    """Return whether the layer's provider can add features and change geometries."""
    needed = (
        QgsVectorDataProvider.Capability.AddFeatures
        | QgsVectorDataProvider.Capability.ChangeGeometries
    )
    return bool(layer.dataProvider().capabilities() & needed == needed)


def _is_file_writable(layer: QgsVectorLayer) -> bool:
    """Return whether the file can be written now: QGIS checks that only when it opens a layer."""
    file = layer.source().partition("|")[0]
    return not is_file(file) or os.access(file, os.W_OK)


def _can_write_in(folder: str | Path) -> bool:
    """Return whether files can be made in a folder, by trying: Windows says yes of all."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _check_writable(file: Path) -> None:
    folder = file.absolute().parent
    if not folder.is_dir():
        text = tr("The folder {} does not exist: make it, or choose another one.")
        raise IsegError(text.format(folder))
    # A GeoPackage needs a journal beside it. The file is not opened: that would undo its locks.
    if not os.access(folder, os.W_OK) or (file.exists() and not os.access(file, os.W_OK)):
        raise _unwritable(file, tr("it is read-only"))
    if not _can_write_in(folder):
        raise _unwritable(file, tr("no file can be made in its folder"))


def check_not_locked(layer: QgsVectorLayer) -> None:
    """Raise IsegError if another program keeps the layer's GeoPackage from being read.

    QGIS itself would wait for seconds, and stand still.
    """
    path = geopackage_path(layer)
    if not is_file(path):
        return
    with _short_waits():
        try:
            database = gdal.OpenEx(path, gdal.OF_VECTOR, ["GPKG"])
        except RuntimeError:  # where another plugin has switched GDAL's exceptions on
            database = None
        if database is None:
            raise IsegError(
                tr(
                    "The file {} cannot be read, or another program has locked it: close that "
                    "program, or choose another layer, and finish once more."
                ).format(path)
            )


@contextmanager
def _short_waits() -> Iterator[None]:
    """Open databases with a short wait for locks, and without GDAL's own messages."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    timeout = gdal.GetThreadLocalConfigOption(_TIMEOUT_OPTION)
    gdal.SetThreadLocalConfigOption(_TIMEOUT_OPTION, _TIMEOUT)
    try:
        yield
    finally:
        gdal.SetThreadLocalConfigOption(_TIMEOUT_OPTION, timeout)
        gdal.PopErrorHandler()


def _write_error(path: str) -> str:
    """Return why an existing file cannot be written, empty if it can; waits for no lock."""
    with _short_waits():
        return _try_to_write(path)


def _try_to_write(path: str) -> str:
    try:
        database = gdal.OpenEx(path, gdal.OF_UPDATE | gdal.OF_VECTOR, ["GPKG"])
        if database is None:
            return tr("it is no GeoPackage, or used by another program")
        gdal.ErrorReset()
        database.ExecuteSQL(f"PRAGMA busy_timeout = {_TIMEOUT}")
        database.ExecuteSQL("BEGIN IMMEDIATE")
        message = gdal.GetLastErrorMsg()
        database.ExecuteSQL("ROLLBACK")
    except RuntimeError as error:  # where another plugin has switched GDAL's exceptions on
        return str(error)
    else:
        return message


def _table_names(path: str) -> list[str]:
    if not Path(path).exists():
        return []
    metadata = QgsProviderRegistry.instance().providerMetadata("ogr")
    return [sublayer.name() for sublayer in metadata.querySublayers(path)]


def _create_table(path: str, name: str, crs: QgsCoordinateReferenceSystem) -> str:
    """Create a table; returns an error message or nothing."""
    title, abstract = _title_and_abstract(in_pixels=not crs.isValid())
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
        crs if crs.isValid() else QgsCoordinateReferenceSystem.fromWkt(_NO_CRS),
        QgsCoordinateTransformContext(),
        options,
    )
    return writer.errorMessage()  # the file is written when the writer is deleted


def _title_and_abstract(*, in_pixels: bool) -> tuple[str, str]:
    if in_pixels:
        return (
            tr("Avalanches in photos (pixel coordinates)"),
            tr(
                "Outlines in pixel coordinates of the photo in image_name: x to the right, "
                "y down and negative, (0, 0) in the upper left corner. Not a map."
            ),
        )
    return tr("Avalanches"), tr("Outlines of avalanches, mapped with Avalanche ISeg.")


def _open(path: str, name: str) -> QgsVectorLayer:
    options = QgsVectorLayer.LayerOptions()
    options.skipCrsValidation = True
    return QgsVectorLayer(f"{path}|layername={name}", name, "ogr", options)


def _prepare(layer: QgsVectorLayer, name: str) -> str:
    """Check a layer and set its style and form; returns an error message or nothing."""
    if not layer.isValid():
        return tr("the disk may be full")
    if layer.geometryType() != QgsWkbTypes.GeometryType.PolygonGeometry or any(
        layer.fields().indexOf(needed) < 0 for needed in _NEEDED
    ):
        return tr("it has a table {} with other attributes").format(name)
    if not can_edit(layer):
        return tr("it is read-only")
    drop_undefined_crs(layer)
    if layer.listStylesInDatabase()[0] > 0:
        return ""
    layer.loadNamedStyle(str(_STYLES / f"{name}.qml"))
    form.configure_layer(layer)
    return save_style(layer, name)


def _unwritable(path: str | Path, reason: str) -> IsegError:
    return IsegError(
        tr(
            "The layer for avalanches cannot be made in {} ({}): choose another GeoPackage, close "
            "programs that use this one, or make room on the disk."
        ).format(path, short_reason(reason))
    )


def short_reason(message: str) -> str:
    """Return what a message of GDAL or SQLite means, without the SQL that it may quote."""
    message = message.rpartition(") failed: ")[2]  # before it stands the SQL
    lower = message.lower()
    for sign, meaning in (
        ("is full", tr("the disk is full")),
        ("no space", tr("the disk is full")),
        ("disk i/o", tr("the disk cannot be written to, or is full")),
        ("locked", tr("another program uses it")),
        ("readonly", tr("it is read-only")),
        ("read-only", tr("it is read-only")),
    ):
        if sign in lower:
            return meaning
    line = next((line for line in reversed(message.splitlines()) if line.strip()), "").strip()
    return line if len(line) <= _MAX_REASON else f"{line[:_MAX_REASON]}…"
