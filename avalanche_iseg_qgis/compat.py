"""Differences between the versions: QGIS 3.22 to 4, Qt 5 and Qt 6, GDAL 3.6 and later."""

from __future__ import annotations

from osgeo import gdal, ogr
from qgis.core import (
    Qgis,
    QgsAttributeEditorContainer,
    QgsLayoutItemLabel,
    QgsProcessing,
    QgsTextFormat,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QVariant

try:
    from qgis.PyQt.QtGui import QAction
except ImportError:  # Qt 5
    from qgis.PyQt.QtWidgets import QAction

if Qgis.QGIS_VERSION_INT >= 33800:
    from qgis.PyQt.QtCore import QMetaType

    FIELD_TYPES = {
        "text": QMetaType.Type.QString,
        "int": QMetaType.Type.Int,
        "real": QMetaType.Type.Double,
        "bool": QMetaType.Type.Bool,
        "datetime": QMetaType.Type.QDateTime,
    }
else:
    FIELD_TYPES = {
        "text": QVariant.String,
        "int": QVariant.Int,
        "real": QVariant.Double,
        "bool": QVariant.Bool,
        "datetime": QVariant.DateTime,
    }

if Qgis.QGIS_VERSION_INT >= 33600:
    POINT_LAYERS = Qgis.ProcessingSourceType.VectorPoint
    POLYGON_LAYERS = Qgis.ProcessingSourceType.VectorPolygon
    FILES = Qgis.ProcessingSourceType.File
    RASTER_LAYERS = Qgis.ProcessingSourceType.Raster
    TABLES = Qgis.ProcessingSourceType.Vector
else:
    POINT_LAYERS = QgsProcessing.SourceType.TypeVectorPoint
    POLYGON_LAYERS = QgsProcessing.SourceType.TypeVectorPolygon
    FILES = QgsProcessing.SourceType.TypeFile
    RASTER_LAYERS = QgsProcessing.SourceType.TypeRaster
    TABLES = QgsProcessing.SourceType.TypeVector

# The other driver is deprecated from this version on, and gone in one of the next.
_MEMORY = "MEM" if int(gdal.VersionInfo()) >= 3110000 else "Memory"

__all__ = [
    "FIELD_TYPES",
    "FILES",
    "POINT_LAYERS",
    "POLYGON_LAYERS",
    "RASTER_LAYERS",
    "TABLES",
    "QAction",
    "make_group_box",
    "memory_polygons",
    "save_style",
    "set_label_font",
]


def memory_polygons() -> tuple[ogr.DataSource, ogr.Layer]:
    """Make a layer of polygons in memory, and the data source that keeps it alive."""
    source = ogr.GetDriverByName(_MEMORY).CreateDataSource("")
    return source, source.CreateLayer("", None, ogr.wkbPolygon)


def make_group_box(container: QgsAttributeEditorContainer, *, is_box: bool) -> None:
    """Let a container of a form be a box with a title, or a tab."""
    if Qgis.QGIS_VERSION_INT >= 33200:
        container.setType(
            Qgis.AttributeEditorContainerType.GroupBox
            if is_box
            else Qgis.AttributeEditorContainerType.Tab
        )
    else:
        container.setIsGroupBox(is_box)


def save_style(layer: QgsVectorLayer, name: str) -> str:
    """Store a layer's style in its database as the default; returns an error message or nothing."""
    if hasattr(layer, "saveStyleToDatabaseV2"):  # since QGIS 3.44
        return layer.saveStyleToDatabaseV2(name, "", True, "")[1]
    return layer.saveStyleToDatabase(name, "", True, "")


def set_label_font(label: QgsLayoutItemLabel, text: QgsTextFormat) -> None:
    """Set font and colour of a label of a layout."""
    if hasattr(label, "setTextFormat"):  # since QGIS 3.24
        label.setTextFormat(text)
    else:
        label.setFont(text.font())
        label.setFontColor(text.color())
