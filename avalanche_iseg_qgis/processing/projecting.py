"""Algorithms between a posed photo and the map: to the map, into the photo, orthophoto."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFields,
    QgsGeometry,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
)

from .. import settings
from ..compat import POLYGON_LAYERS
from ..core.errors import CameraError, IsegError, TerrainError, WorkerError
from ..core.survey.protocol import CAMERA_MESSAGES, Drape, Drawn, Mapped, ToImage, ToMap
from ..features import schema
from ..features.geometry import (
    arrays_to_multipolygon,
    make_valid,
    multipolygon_to_arrays,
)
from ..features.record import attribute_value, map_attributes
from ..i18n import tr
from ..layers.grid import Grid
from ..layers.kinds import check_not_open, is_local
from .algorithm import IsegAlgorithm, Parameters, polygons_of
from .asking import BlockingWorker, check_cancelled
from .cameras import CAMERA, DEM, PHOTO, camera_parameter, dem_parameter
from .masks import INPUT, OUTPUT, SIMPLIFICATION, outline_of
from .photos import read_camera

if TYPE_CHECKING:
    from qgis.core import (
        QgsFeature,
        QgsProcessingContext,
        QgsProcessingFeatureSource,
        QgsProcessingFeedback,
    )

    from ..core.camera import CameraRecord

IMAGE, BRIDGE, CELL = "IMAGE", "BRIDGE", "CELL"
_CRUMB = 0.01  # of the largest part: smaller ones are dropped


class PosedAlgorithm(IsegAlgorithm):
    """Base of algorithms that need a camera and a terrain model."""

    room, needs_worker = "camera", True

    def prepare(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Look up the terrain model."""
        self._dem = self.terrain(parameters, DEM, context)
        if not self._dem:
            raise TerrainError(tr("The terrain model is missing: choose one or several rasters."))

    def camera(self, parameters: Parameters, context: QgsProcessingContext) -> CameraRecord:
        """Return the camera, for the photo if one is given."""
        photo = self.parameterAsFile(parameters, PHOTO, context) if parameters.get(PHOTO) else ""
        return read_camera(self.parameterAsFile(parameters, CAMERA, context), photo)


class PhotoToMap(PosedAlgorithm):
    """Outlines in pixels of a photo to the map."""

    key = "phototomap"

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        for parameter in (
            QgsProcessingParameterFeatureSource(
                INPUT, tr("Outlines in pixels of the photo"), [POLYGON_LAYERS]
            ),
            QgsProcessingParameterString(
                IMAGE,
                tr("Name of the photo, where the layer holds those of several"),
                optional=True,
            ),
            camera_parameter(),
            QgsProcessingParameterFile(
                PHOTO, tr("Photo, if of another size than the camera's"), optional=True
            ),
            dem_parameter(),
            QgsProcessingParameterNumber(
                BRIDGE,
                tr("Close hidden gaps up to, m"),
                QgsProcessingParameterNumber.Type.Double,
                settings.BRIDGE.default,
                minValue=0.0,
            ),
            QgsProcessingParameterFeatureSink(OUTPUT, tr("Avalanches on the map"), POLYGON_LAYERS),
        ):
            self.addParameter(parameter)

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Write each outline on the map, with attributes."""
        source, record = self.source(parameters, INPUT, context), self.camera(parameters, context)
        image = self.parameterAsString(parameters, IMAGE, context)
        features = _outlines_in_pixels(source, image, record)
        bridge = self.parameterAsDouble(parameters, BRIDGE, context)
        crs = QgsCoordinateReferenceSystem.fromEpsgId(record.epsg)
        output = self.polygon_sink(parameters, OUTPUT, context, _map_fields(source.fields()), crs)
        with BlockingWorker(CAMERA_MESSAGES, feedback) as worker:
            for count, feature in enumerate(features, 1):
                check_cancelled(feedback)
                feedback.setProgress(100 * count / len(features))
                try:
                    mapped = self._to_map(worker, feature, record, bridge)
                except WorkerError:
                    raise
                except IsegError as error:  # in the sky, or beyond the terrain model
                    feedback.pushWarning(tr("Polygon {}: {}").format(feature.id(), error))
                    continue
                if not mapped.parts:
                    text = tr("The camera sees no terrain in the outline {}: it is left out.")
                    feedback.pushWarning(text.format(feature.id()))
                    continue
                geometry = make_valid(arrays_to_multipolygon(mapped.xy, mapped.parts))
                old = {field.name(): feature[field.name()] for field in source.fields()}
                old.pop("fid", None)
                values = {**old, **map_attributes(record, mapped, again=False)}
                output.add(geometry, {**values, schema.AREA: mapped.attributes.get(schema.AREA)})
        if not output.count:
            raise TerrainError(
                tr(
                    "The camera sees no terrain in any of the {} outlines: check its pose, or take "
                    "a terrain model that reaches farther."
                ).format(len(features))
            )
        return {OUTPUT: output.identifier}

    def _to_map(
        self, worker: BlockingWorker, feature: QgsFeature, record: CameraRecord, bridge: float
    ) -> Mapped:
        points, parts = multipolygon_to_arrays(feature.geometry())
        points[:, 1] *= -1
        request = ToMap(
            record=record.to_json(),
            dem=self._dem,
            points=points.astype("float32"),
            parts=parts,
            attributes=True,
            min_share=_CRUMB,
            bridge=bridge,
        )
        answer: Mapped = worker.ask(request)
        return answer


class MapToPhoto(PosedAlgorithm):
    """The visible parts of polygons of the map, in pixels of a photo."""

    key = "maptophoto"

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        for parameter in (
            QgsProcessingParameterFeatureSource(INPUT, tr("Polygons on the map"), [POLYGON_LAYERS]),
            camera_parameter(),
            QgsProcessingParameterFile(
                PHOTO, tr("Photo, if of another size than the camera's"), optional=True
            ),
            dem_parameter(),
            QgsProcessingParameterNumber(
                SIMPLIFICATION,
                tr("Simplification, pixels"),
                QgsProcessingParameterNumber.Type.Double,
                0.0,
                minValue=0.0,
            ),
            QgsProcessingParameterFeatureSink(
                OUTPUT, tr("Outlines in pixels of the photo"), POLYGON_LAYERS
            ),
        ):
            self.addParameter(parameter)

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Write what the camera sees of each polygon."""
        source, record = self.source(parameters, INPUT, context), self.camera(parameters, context)
        if is_local(source.sourceCrs()):
            text = tr("The layer {} has no coordinate system: set it (Layer CRS → Set Layer CRS).")
            raise CameraError(text.format(source.sourceName()))
        crs = QgsCoordinateReferenceSystem.fromEpsgId(record.epsg)
        to_camera = QgsCoordinateTransform(source.sourceCrs(), crs, context.transformContext())
        tolerance = self.parameterAsDouble(parameters, SIMPLIFICATION, context)
        none = QgsCoordinateReferenceSystem()
        output = self.polygon_sink(parameters, OUTPUT, context, source.fields(), none)
        polygons, grid = polygons_of(source), Grid(record.camera.width, record.camera.height)
        count = len(polygons)
        with BlockingWorker(CAMERA_MESSAGES, feedback) as worker:
            for number, feature in enumerate(polygons, 1):
                check_cancelled(feedback)
                drawn = self._draw(worker, feature, to_camera, record, feedback)
                feedback.setProgress(100 * number / count)
                if drawn is not None and drawn.part.any():
                    values = {field.name(): feature[field.name()] for field in source.fields()}
                    output.add(outline_of(drawn.mask, grid, tolerance), values)
        if not output.count:
            raise TerrainError(
                tr(
                    "The camera sees none of the {} polygons: check its pose, the coordinate "
                    "system of the layer, and how far the terrain model reaches."
                ).format(count)
            )
        feedback.pushInfo(tr("{} of {} polygons are visible").format(output.count, count))
        return {OUTPUT: output.identifier}

    def _draw(
        self,
        worker: BlockingWorker,
        feature: QgsFeature,
        to_camera: QgsCoordinateTransform,
        record: CameraRecord,
        feedback: QgsProcessingFeedback,
    ) -> Drawn | None:
        """Return a polygon in the photo; None with a warning if that cannot be said."""
        geometry = QgsGeometry(feature.geometry())
        try:
            geometry.transform(to_camera)
            points, parts = multipolygon_to_arrays(geometry)
            request = ToImage.of(points, parts, record=record.to_json(), dem=self._dem)
            answer: Drawn = worker.ask(request)
        except WorkerError:
            raise
        except (IsegError, QgsCsException) as error:
            feedback.pushWarning(tr("Polygon {}: {}").format(feature.id(), error))
            return None
        return answer


class DrapePhoto(PosedAlgorithm):
    """Orthophoto of a photo."""

    key = "drape"

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        for parameter in (
            QgsProcessingParameterFile(PHOTO, tr("Photo")),
            camera_parameter(),
            dem_parameter(),
            QgsProcessingParameterNumber(
                CELL,
                tr("Pixel size, m (as the photo resolves, if empty)"),
                QgsProcessingParameterNumber.Type.Double,
                optional=True,
                minValue=0.01,
            ),
            QgsProcessingParameterRasterDestination(OUTPUT, tr("Orthophoto")),
        ):
            self.addParameter(parameter)

    def prepare(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Look up the terrain model, and see to it that the file to be written is not open."""
        super().prepare(parameters, context)
        self._path = self.parameterAsOutputLayer(parameters, OUTPUT, context)
        if not self._path.lower().endswith((".tif", ".tiff")):
            text = tr("{}: an orthophoto is written as .tif; choose such a name.")
            raise IsegError(text.format(self._path))
        check_not_open(self._path)

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Write the orthophoto."""
        record = self.camera(parameters, context)
        request = Drape(
            record=record.to_json(),
            dem=self._dem,
            picture=self.parameterAsFile(parameters, PHOTO, context),
            path=self._path,
            cell=self.number(parameters, CELL, context),
        )
        with BlockingWorker(CAMERA_MESSAGES, feedback) as worker:
            worker.ask(request)
        return {OUTPUT: self._path}


def _outlines_in_pixels(
    source: QgsProcessingFeatureSource, image: str, record: CameraRecord
) -> list[QgsFeature]:
    """Return the outlines of a photo.

    Raises
    ------
    CameraError
        If there is none, or one does not lie in the photo.
    """
    if not is_local(source.sourceCrs()):
        text = tr(
            "The layer {} has the coordinate system {}, but outlines of a photo are in its pixels: "
            "choose a layer without CRS, such as avalanches_pixels."
        )
        raise CameraError(
            text.format(source.sourceName(), source.sourceCrs().userFriendlyIdentifier())
        )
    features = [
        feature
        for feature in polygons_of(source)
        if not image or attribute_value(feature, schema.IMAGE_NAME) == image
    ]
    if not features:
        text = tr("The layer {} has no outlines of the photo {}: check the name.")
        raise CameraError(text.format(source.sourceName(), image))
    width, height = record.camera.width, record.camera.height
    for feature in features:
        box = feature.geometry().boundingBox()
        inside = box.xMinimum() >= -1 and box.xMaximum() <= width + 1
        if not (inside and box.yMaximum() <= 1 and box.yMinimum() >= -height - 1):
            raise CameraError(
                tr(
                    "The outline {} does not lie in the photo of {} x {} pixels (x to the right, y "
                    "down and negative): name the photo that is meant, or choose its camera."
                ).format(feature.id(), width, height)
            )
    return features


def _map_fields(fields: QgsFields) -> QgsFields:
    """Return the fields of the plugin's layers, and those that a source has besides."""
    found = QgsFields(schema.fields())
    for field in fields:
        if found.indexOf(field.name()) < 0 and field.name() != "fid":
            found.append(field)
    return found
