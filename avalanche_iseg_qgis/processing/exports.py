"""Algorithms that write mapped avalanches in the forms of other programs; see `core.exchange`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsRasterLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate, QDateTime, Qt

from ..compat import POLYGON_LAYERS
from ..core.errors import ImageError, IsegError
from ..core.exchange.activity import activity_csv, activity_rows
from ..core.exchange.avalanche import AvalancheRecord
from ..core.exchange.awsome import awsome_observations
from ..core.exchange.coco import AnnotatedImage, coco_content
from ..core.exchange.geojson import geojson_content
from ..core.exchange.images import ImageFiles
from ..core.exchange.release import FIELDS, release_areas
from ..core.files import write_text
from ..core.series import SeriesStore
from ..core.series.activity import observed_days
from ..features.record import attribute_value
from ..i18n import tr
from ..layers.kinds import is_local
from ..layers.source import open_source
from .algorithm import IsegAlgorithm, Parameters, fields_of, moved_geometry, polygons_of
from .asking import check_cancelled
from .cameras import DEM
from .masks import INPUT, OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from qgis.core import (
        QgsFeature,
        QgsProcessingContext,
        QgsProcessingFeatureSource,
        QgsProcessingFeedback,
    )

    from ..layers.grid import Grid

IMAGES, SERIES, THICKNESS, ALL_PARTS = "IMAGES", "SERIES", "THICKNESS", "ALL_PARTS"
_WGS84 = 4326
_KINDS = {str: "text", float: "real"}


class ExportAlgorithm(IsegAlgorithm):
    """Base of exports: a layer of avalanches in, a file out.

    Attributes
    ----------
    file_kind
        Filter of the file's name.
    """

    room = "exchange"
    file_kind = ""

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        self.addParameter(
            QgsProcessingParameterFeatureSource(INPUT, tr("Avalanches"), [POLYGON_LAYERS])
        )
        self.add_parameters()

    def add_parameters(self) -> None:
        """Add the parameters besides the avalanches."""
        self.addParameter(QgsProcessingParameterFileDestination(OUTPUT, tr("File"), self.file_kind))

    def write(self, parameters: Parameters, context: QgsProcessingContext, text: str) -> str:
        """Write the file and return its path."""
        path = str(self.parameterAsFileOutput(parameters, OUTPUT, context))
        write_text(path, text)
        return path

    def on_map(
        self, parameters: Parameters, context: QgsProcessingContext
    ) -> QgsProcessingFeatureSource:
        """Return the avalanches; `IsegError` if they are in pixels of photos."""
        source = self.source(parameters, INPUT, context)
        if is_local(source.sourceCrs()):
            text = tr(
                "The outlines of {} are in pixels of photos: bring them to the map first, or "
                "choose the layer of those on the map."
            )
            raise IsegError(text.format(source.sourceName()))
        return source


class ExportCoco(ExportAlgorithm):
    """COCO annotations."""

    key, file_kind = "exportcoco", "COCO (*.json)"

    def add_parameters(self) -> None:
        """Add the folder of images, and the file."""
        folder = QgsProcessingParameterFile.Behavior.Folder
        self.addParameter(
            QgsProcessingParameterFile(IMAGES, tr("Folder of the images"), folder, optional=True)
        )
        super().add_parameters()

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Write the avalanches whose images are there."""
        source = self.source(parameters, INPUT, context)
        folder = self.parameterAsString(parameters, IMAGES, context)
        files = ImageFiles([Path(folder)] if folder else [])
        grids: dict[Path, Grid] = {}
        inside: dict[Path, list[AvalancheRecord]] = {}
        for feature in polygons_of(source):
            check_cancelled(feedback)
            avalanche = mapped_avalanche(feature)
            if avalanche.is_rejected:
                continue
            try:
                path = files.find(avalanche)
                if path not in grids:
                    grids[path] = open_source(QgsRasterLayer(str(path), path.name, "gdal")).grid
                moved = avalanche.moved(_to_pixels(source.sourceCrs(), grids[path], context))
            except (IsegError, QgsCsException) as error:
                name = avalanche.name or feature.id()
                feedback.pushWarning(tr("Avalanche {} is left out. {}").format(name, error))
                continue
            inside.setdefault(path, []).append(moved)
        if not inside:
            text = tr("None of the images of {} is there: choose the folder that they are in.")
            raise ImageError(text.format(source.sourceName()))
        images = [
            AnnotatedImage(path.name, grids[path].width, grids[path].height, avalanches)
            for path, avalanches in inside.items()
        ]
        text = json.dumps(coco_content(images), ensure_ascii=False, allow_nan=False)
        return {OUTPUT: self.write(parameters, context, text + "\n")}


class ExportGeojson(ExportAlgorithm):
    """GeoJSON with prompts."""

    key, file_kind = "exportgeojson", "GeoJSON (*.geojson)"

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Write all avalanches, in degrees or in pixels of photos."""
        source = self.source(parameters, INPUT, context)
        in_pixels = is_local(source.sourceCrs())
        target = None if in_pixels else QgsCoordinateReferenceSystem.fromEpsgId(_WGS84)
        avalanches = mapped_avalanches(source, target, context)
        content = geojson_content(avalanches, in_pixels=in_pixels)
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        return {OUTPUT: self.write(parameters, context, text + "\n")}


class ExportAvaframe(ExportAlgorithm):
    """Release areas for AvaFrame."""

    key = "exportavaframe"

    def add_parameters(self) -> None:
        """Add the DEM, the thickness and the layer."""
        for parameter in (
            QgsProcessingParameterRasterLayer(DEM, tr("Terrain model of the simulation")),
            QgsProcessingParameterNumber(
                THICKNESS,
                tr("Thickness where no fracture depth is known, m"),
                QgsProcessingParameterNumber.Type.Double,
                optional=True,
                minValue=0.0,
            ),
            QgsProcessingParameterBoolean(
                ALL_PARTS, tr("All outlines, not only release areas"), False
            ),
            QgsProcessingParameterFeatureSink(OUTPUT, tr("Release areas"), POLYGON_LAYERS),
        ):
            self.addParameter(parameter)

    def prepare(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Look up the CRS of the simulation."""
        layer = self.raster(parameters, DEM, context)
        self._crs = layer.crs()
        if is_local(self._crs):
            text = tr(
                "The terrain model {} has no coordinate system, or is no raster: set its CRS, "
                "or choose another one."
            )
            raise IsegError(text.format(layer.name()))

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Write a polygon without holes for each part of a release area."""
        source = self.on_map(parameters, context)
        areas, warnings = release_areas(
            mapped_avalanches(source, self._crs, context),
            thickness=self.number(parameters, THICKNESS, context),
            whole_avalanches=self.parameterAsBool(parameters, ALL_PARTS, context),
        )
        if not areas:
            raise IsegError(
                tr(
                    "The layer {} has no release areas: set what the outlines cover, or take all "
                    "of them."
                ).format(source.sourceName())
            )
        for text in warnings:
            feedback.pushWarning(text)
        fields = fields_of((name, _KINDS[kind]) for name, kind in FIELDS.items())
        output = self.sink(parameters, OUTPUT, context, fields, QgsWkbTypes.Type.Polygon, self._crs)
        for area in areas:
            ring = [QgsPointXY(x, y) for x, y in area.ring.tolist()]
            output.add(QgsGeometry.fromPolygonXY([ring]), area.values)
        return {OUTPUT: output.identifier}


class ExportAwsome(ExportAlgorithm):
    """Observations for AWSOME."""

    key, file_kind = "exportawsome", "AWSOME (*.json)"

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Write an observation for each avalanche."""
        target = QgsCoordinateReferenceSystem.fromEpsgId(_WGS84)
        avalanches = mapped_avalanches(self.on_map(parameters, context), target, context)
        text = json.dumps(awsome_observations(avalanches), ensure_ascii=False, indent=1)
        return {OUTPUT: self.write(parameters, context, text + "\n")}


class ExportTable(ExportAlgorithm):
    """Table of avalanches by day and camera."""

    key, file_kind = "exporttable", "CSV (*.csv)"

    def add_parameters(self) -> None:
        """Add the series, and the file."""
        folder = QgsProcessingParameterFile.Behavior.Folder
        text = tr("Folder of the series, for days without avalanches")
        self.addParameter(QgsProcessingParameterFile(SERIES, text, folder, optional=True))
        super().add_parameters()

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Write the table."""
        source = self.source(parameters, INPUT, context)
        series = self.parameterAsString(parameters, SERIES, context)
        days = observed_days(SeriesStore.open(series)) if series else ()
        text = activity_csv(activity_rows(mapped_avalanches(source, None, context), *days))
        return {OUTPUT: self.write(parameters, context, text)}


def mapped_avalanches(
    source: QgsProcessingFeatureSource,
    target: QgsCoordinateReferenceSystem | None,
    context: QgsProcessingContext,
) -> list[AvalancheRecord]:
    """Return the avalanches of a layer, but rejected ones, in another CRS or (None) where they are.

    Raises
    ------
    IsegError
        If one has no place in that CRS.
    """
    to_target = QgsCoordinateTransform()
    if target is not None:
        to_target = QgsCoordinateTransform(source.sourceCrs(), target, context.transformContext())
    found = []
    for feature in polygons_of(source):
        feature.setGeometry(moved_geometry(feature, to_target))
        found.append(mapped_avalanche(feature))
    return [avalanche for avalanche in found if not avalanche.is_rejected]


def mapped_avalanche(feature: QgsFeature) -> AvalancheRecord:
    """Return the polygons and attributes of a feature of `polygons_of`."""
    parts = [
        [np.array([(point.x(), point.y()) for point in ring], np.float64) for ring in polygon]
        for polygon in feature.geometry().asMultiPolygon()
    ]
    names = [field.name() for field in feature.fields() if field.name() != "fid"]
    return AvalancheRecord(parts, {name: _json_value(feature, name) for name in names})


def _json_value(feature: QgsFeature, name: str) -> Any:  # noqa: ANN401
    value = attribute_value(feature, name)
    if isinstance(value, QDateTime):
        return value.toUTC().toString(Qt.DateFormat.ISODate) if value.isValid() else None
    if isinstance(value, QDate):
        return value.toString(Qt.DateFormat.ISODate) if value.isValid() else None
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)


def _to_pixels(
    crs: QgsCoordinateReferenceSystem, grid: Grid, context: QgsProcessingContext
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return the way of points (N, 2) to (x, y) in pixels of an image, whole at corners, y down.

    Raises
    ------
    ImageError
        If the points are on the map and the image is not, or the other way round.
    """
    if is_local(crs) != grid.is_photo:
        raise ImageError(
            tr("Of outline and image, one is on the map and the other in pixels of a photo.")
        )
    to_image = QgsCoordinateTransform()
    if not grid.is_photo:
        to_image = QgsCoordinateTransform(crs, grid.crs, context.transformContext())

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        points = (to_image.transform(QgsPointXY(x, y)) for x, y in xy.tolist())
        pixels = [grid.to_pixel(point) for point in points]
        return np.array([(col + 0.5, row + 0.5) for row, col in pixels], np.float64)

    return move
