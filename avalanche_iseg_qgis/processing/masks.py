"""Algorithms between masks and polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qgis.core import (
    QgsGeometry,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ..compat import POLYGON_LAYERS
from ..core.errors import IsegError, PromptError
from ..features.geometry import area_m2, make_valid
from ..i18n import tr
from ..layers.kinds import check_not_open, file_of
from ..layers.pixel_window import PixelWindow
from ..layers.source import open_source
from ..masks.exporting import write_label_image
from ..masks.label_image import read_objects
from ..masks.polygonise import mask_polygons
from ..masks.raster import open_picture
from ..masks.rasterise import crs_transform, rasterise
from .algorithm import IsegAlgorithm, Parameters, fields_of, polygons_of
from .asking import check_cancelled

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qgis.core import (
        QgsProcessingContext,
        QgsProcessingFeatureSource,
        QgsProcessingFeedback,
    )

    from ..layers.grid import Grid
    from ..session.start_mask import StartMask

INPUT, OUTPUT = "INPUT", "OUTPUT"
RASTER, EACH, SIMPLIFICATION = "RASTER", "EACH", "SIMPLIFICATION"
_MOST_VALUES = 65535


class MasksToPolygons(IsegAlgorithm):
    """Polygons of the objects of a mask or label image."""

    key, room = "maskstopolygons", "segmentation"

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        self.addParameter(QgsProcessingParameterRasterLayer(INPUT, tr("Mask or label image")))
        self.addParameter(
            QgsProcessingParameterNumber(
                SIMPLIFICATION,
                tr("Simplification, pixels"),
                QgsProcessingParameterNumber.Type.Double,
                0.0,
                minValue=0.0,
            )
        )
        self.addParameter(QgsProcessingParameterFeatureSink(OUTPUT, tr("Polygons"), POLYGON_LAYERS))

    def prepare(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Open the mask."""
        layer = self.raster(parameters, INPUT, context)
        self._grid = open_source(layer).grid
        self._path = file_of(layer)

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Write a multipolygon for each object."""
        grid, found = self._grid, read_objects(open_picture(self._path))
        if not found.numbers:
            raise IsegError(tr("The mask {} is empty: choose another one.").format(self._path))
        tolerance = self.parameterAsDouble(parameters, SIMPLIFICATION, context)
        fields = fields_of((("number", "int"), ("area_px", "int"), ("area_m2", "real")))
        output = self.polygon_sink(parameters, OUTPUT, context, fields, grid.crs)
        for count, number in enumerate(found.numbers, 1):
            check_cancelled(feedback)
            mask = found.mask(number)
            geometry = outline_of(mask, grid, tolerance)
            area = area_m2(geometry, grid.crs)
            values = {"number": int(number), "area_px": int(mask.sum()), "area_m2": area}
            output.add(geometry, values)
            feedback.setProgress(100 * count / len(found.numbers))
        return {OUTPUT: output.identifier}


class PolygonsToMask(IsegAlgorithm):
    """A mask or label image of polygons, on the grid of an image."""

    key, room = "polygonstomask", "segmentation"

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        self.addParameter(
            QgsProcessingParameterFeatureSource(INPUT, tr("Polygons"), [POLYGON_LAYERS])
        )
        self.addParameter(
            QgsProcessingParameterRasterLayer(RASTER, tr("Image whose grid the mask has"))
        )
        self.addParameter(
            QgsProcessingParameterBoolean(EACH, tr("One value for each polygon"), False)
        )
        self.addParameter(QgsProcessingParameterRasterDestination(OUTPUT, tr("Mask")))

    def prepare(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Open the image, and see to it that the file to be written is not open."""
        self._grid = open_source(self.raster(parameters, RASTER, context)).grid
        self._path = self.parameterAsOutputLayer(parameters, OUTPUT, context)
        check_not_open(self._path)

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Draw the polygons."""
        source, grid = self.source(parameters, INPUT, context), self._grid
        polygons = polygons_of(source)
        count = len(polygons)
        each = self.parameterAsBool(parameters, EACH, context)
        if each and count > _MOST_VALUES:
            text = tr("A label image has no values for {} polygons: choose fewer.")
            raise IsegError(text.format(count))
        step = max(1, 255 // count)
        labels = np.zeros(
            (grid.height, grid.width), np.uint16 if each and count > 255 else np.uint8
        )
        outside = 0
        for number, feature in enumerate(polygons, 1):
            check_cancelled(feedback)
            drawn = rasterise_or_none(feature.geometry(), source, grid)
            if drawn is None:
                outside += 1
                continue
            height, width = drawn.bits.shape
            part = labels[drawn.row : drawn.row + height, drawn.col : drawn.col + width]
            part[drawn.bits] = number * step if each else 255
            feedback.setProgress(100 * number / count)
        if outside == count:
            raise IsegError(
                tr(
                    "None of the {} polygons of {} lies in the image: check the coordinate systems "
                    "of both, or choose the image that they belong to."
                ).format(count, source.sourceName())
            )
        if outside:
            feedback.pushWarning(tr("Polygons outside of the image, left out: {}").format(outside))
        write_label_image(self._path, labels, grid)
        return {OUTPUT: self._path}


def outline_of(mask: NDArray[np.bool_], grid: Grid, tolerance: float) -> QgsGeometry:
    """Return the MultiPolygon of a mask (H, W) in layer coordinates.

    Along the edges of its pixels, but for ``tolerance``: the farthest it may leave them, in pixels.
    """
    parts = mask_polygons(mask, PixelWindow(0, 0, *mask.shape))
    geometry = QgsGeometry.collectGeometry(parts)
    if tolerance > 0:
        simple = geometry.simplify(tolerance)
        geometry = geometry if simple.isEmpty() else simple
    geometry.transform(grid.corner_transform)
    return make_valid(geometry)


def rasterise_or_none(
    geometry: QgsGeometry, source: QgsProcessingFeatureSource, grid: Grid
) -> StartMask | None:
    """Return the pixels of a polygon; None if it lies outside of the image.

    Raises
    ------
    PromptError
        If only the layer or only the image has a CRS.
    """
    crs_transform(grid, source.sourceCrs())
    try:
        return rasterise([geometry], source.sourceCrs(), grid)
    except PromptError:
        return None
