"""Algorithm that segments objects of an image from layers of prompts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsField,
    QgsFields,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from .. import settings
from ..compat import FIELD_TYPES, POINT_LAYERS, POLYGON_LAYERS
from ..core.errors import PromptError
from ..core.worker.protocol import SEGMENTATION_MESSAGES, Load
from ..features import schema
from ..features.geometry import area_m2, pixels_to_geometry
from ..features.record import object_attributes
from ..i18n import tr
from ..layers.origin import read_origin
from ..layers.source import open_source
from ..worker.settings import ShapeSettings
from .algorithm import IsegAlgorithm, Parameters
from .asking import BlockingWorker
from .predicting import ImagePredictor, check_place
from .prompt_layers import PromptReader

if TYPE_CHECKING:
    from qgis.core import QgsProcessingContext, QgsProcessingFeedback

INPUT, POINTS, LABEL, BOXES, OBJECT = "INPUT", "POINTS", "LABEL", "BOXES", "OBJECT"
MODEL, DEVICE, THRESHOLD, PIXEL_SIZE = "MODEL", "DEVICE", "THRESHOLD", "PIXEL_SIZE"
SIMPLIFICATION, SMOOTHING, MIN_AREA = "SIMPLIFICATION", "SMOOTHING", "MIN_AREA"
FILL_HOLES, LARGEST_ONLY, OUTPUT = "FILL_HOLES", "LARGEST_ONLY", "OUTPUT"
OBJECT_NAME = "object"


class SegmentImage(IsegAlgorithm):
    """Polygons of the objects that points and boxes show."""

    key, room, needs_worker = "segment", "segmentation", True

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        double = QgsProcessingParameterNumber.Type.Double
        shape = ShapeSettings()
        for parameter in (
            QgsProcessingParameterRasterLayer(INPUT, tr("Image")),
            QgsProcessingParameterFeatureSource(
                POINTS, tr("Points"), [POINT_LAYERS], optional=True
            ),
            QgsProcessingParameterField(
                LABEL,
                tr("Field of the points: 1 on the avalanche, 0 beside it"),
                parentLayerParameterName=POINTS,
                optional=True,
            ),
            QgsProcessingParameterFeatureSource(
                BOXES, tr("Boxes"), [POLYGON_LAYERS], optional=True
            ),
            QgsProcessingParameterString(
                OBJECT, tr("Field of points and boxes that names their object"), optional=True
            ),
            QgsProcessingParameterString(MODEL, tr("Model: its name or file"), "default"),
            QgsProcessingParameterString(DEVICE, tr("Compute on"), "auto"),
            _optional_number(THRESHOLD, tr("Threshold"), 1.0),
            _optional_number(PIXEL_SIZE, tr("Pixel size, for layers without pixels of their own")),
            QgsProcessingParameterNumber(
                SIMPLIFICATION,
                tr("Simplification, pixels"),
                double,
                shape.tolerance,
                minValue=0.0,
            ),
            QgsProcessingParameterNumber(
                SMOOTHING, tr("Smoothing, pixels"), double, shape.smoothing, minValue=0.0
            ),
            QgsProcessingParameterNumber(
                MIN_AREA,
                tr("Remove parts smaller than, square pixels"),
                double,
                shape.min_area,
                minValue=0.0,
            ),
            QgsProcessingParameterBoolean(FILL_HOLES, tr("Fill holes"), False),
            QgsProcessingParameterBoolean(LARGEST_ONLY, tr("Largest part only"), False),
            QgsProcessingParameterFeatureSink(OUTPUT, tr("Avalanches"), POLYGON_LAYERS),
        ):
            self.addParameter(parameter)

    def prepare(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Open the image."""
        layer = self.raster(parameters, INPUT, context)
        self._source = open_source(layer, self.number(parameters, PIXEL_SIZE, context))
        check_place(self._source)

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Write a feature for each object, with the fields of the plugin's layers."""
        source = self._source
        reader = PromptReader(
            source.grid,
            context,
            self.parameterAsString(parameters, LABEL, context),
            self.parameterAsString(parameters, OBJECT, context),
        )
        points, boxes = (
            self.source(parameters, name, context) if parameters.get(name) else None
            for name in (POINTS, BOXES)
        )
        if points is None and boxes is None:
            raise PromptError(
                tr("Nothing to segment from: give a layer of points, of boxes, or both.")
            )
        objects = reader.read(points, boxes)
        fields = QgsFields(schema.fields())
        fields.append(QgsField(OBJECT_NAME, FIELD_TYPES["text"]))
        crs = source.grid.crs
        output = self.polygon_sink(parameters, OUTPUT, context, fields, crs)
        origin = read_origin(source.path, source.name)
        load = Load(
            self.parameterAsString(parameters, MODEL, context),
            self.parameterAsString(parameters, DEVICE, context),
            threads=settings.THREADS.get() or None,
        )
        with BlockingWorker(SEGMENTATION_MESSAGES, feedback) as worker:
            predictor = ImagePredictor(worker, source, feedback, load)
            shape = self._shape(parameters, context, predictor.loaded.threshold)
            for count, (name, prompts) in enumerate(objects.items(), 1):
                start = time.monotonic()
                _, window = predictor.predict(prompts, shape.threshold)
                outlined = predictor.outline(prompts, window, shape)
                feedback.setProgress(100 * count / len(objects))
                if not outlined.parts:
                    text = tr("The object {} is left out: its outline is empty.")
                    feedback.pushWarning(text.format(name))
                    continue
                values = object_attributes(
                    origin=origin,
                    loaded=predictor.loaded,
                    prompts=prompts,
                    threshold=shape.threshold,
                    seconds=time.monotonic() - start,
                )
                geometry = pixels_to_geometry(
                    outlined.points, outlined.parts, source.grid, window, crs
                )
                values[schema.AREA] = area_m2(geometry, crs)
                output.add(geometry, {**values, OBJECT_NAME: str(name)})
        return {OUTPUT: output.identifier}

    def _shape(
        self, parameters: Parameters, context: QgsProcessingContext, threshold: float
    ) -> ShapeSettings:
        wanted = self.number(parameters, THRESHOLD, context)
        return ShapeSettings(
            threshold=threshold if wanted is None else wanted,
            tolerance=self.parameterAsDouble(parameters, SIMPLIFICATION, context),
            smoothing=self.parameterAsDouble(parameters, SMOOTHING, context),
            min_area=self.parameterAsDouble(parameters, MIN_AREA, context),
            fill_holes=-1.0 if self.parameterAsBool(parameters, FILL_HOLES, context) else 0.0,
            largest_only=self.parameterAsBool(parameters, LARGEST_ONLY, context),
        )


def _optional_number(
    name: str, text: str, most: float | None = None
) -> QgsProcessingParameterNumber:
    limit = {} if most is None else {"maxValue": most}
    return QgsProcessingParameterNumber(
        name,
        text,
        QgsProcessingParameterNumber.Type.Double,
        optional=True,
        minValue=0.0,
        **limit,
    )
