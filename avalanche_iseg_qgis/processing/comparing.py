"""Algorithm that compares mapped outlines with reference outlines: IoU, and clicks to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qgis.core import (
    QgsCoordinateTransform,
    QgsGeometry,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsSpatialIndex,
)

from .. import settings
from ..compat import POLYGON_LAYERS
from ..core.errors import IsegError, PromptError
from ..core.worker.protocol import SEGMENTATION_MESSAGES, Load
from ..features import schema
from ..features.record import attribute_value, is_from_image, read_prompts
from ..i18n import tr
from ..layers.kinds import is_local
from ..layers.origin import read_origin
from ..layers.pixel_window import PixelWindow
from ..layers.source import open_source
from .algorithm import IsegAlgorithm, Parameters, fields_of, moved_geometry, polygons_of
from .asking import BlockingWorker, check_cancelled, environment_fault
from .masks import INPUT, OUTPUT, RASTER, rasterise_or_none
from .predicting import ImagePredictor, check_place

if TYPE_CHECKING:
    from qgis.core import (
        QgsFeature,
        QgsProcessingContext,
        QgsProcessingFeatureSource,
        QgsProcessingFeedback,
    )

    from ..session.prompt_set import PromptSet

REFERENCE, MODEL = "REFERENCE", "MODEL"
MEAN_IOU, MATCHED, MISSED, EXTRA = "MEAN_IOU", "MATCHED", "MISSED", "EXTRA"
NOC_85, NOC_90, REPLAYED = "NOC_85", "NOC_90", "REPLAYED"
_TARGETS = (0.85, 0.9)
_FIELDS = (
    ("status", "text"),
    ("mapped_id", "int"),
    ("reference_id", "int"),
    ("image_name", "text"),
    ("iou", "real"),
    ("n_clicks", "int"),
    ("noc_85", "int"),
    ("noc_90", "int"),
    ("iou_by_click", "text"),
)


@dataclass(eq=False)
class ComparedOutline:
    """A polygon to be compared; ``geometry`` is in the CRS of the mapped layer."""

    feature: QgsFeature
    geometry: QgsGeometry
    image: str | None
    partner: ComparedOutline | None = None
    iou: float = 0.0


class CompareOutlines(IsegAlgorithm):
    """IoU of mapped outlines with reference outlines, and the number of clicks to it."""

    key, room = "compare", "exchange"

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        for parameter in (
            QgsProcessingParameterFeatureSource(INPUT, tr("Mapped outlines"), [POLYGON_LAYERS]),
            QgsProcessingParameterFeatureSource(
                REFERENCE, tr("Reference outlines"), [POLYGON_LAYERS]
            ),
            QgsProcessingParameterRasterLayer(
                RASTER, tr("Image in which to repeat the clicks (for NoC)"), optional=True
            ),
            QgsProcessingParameterString(MODEL, tr("Model: its name or file"), "default"),
            QgsProcessingParameterFeatureSink(OUTPUT, tr("Comparison"), POLYGON_LAYERS),
        ):
            self.addParameter(parameter)
        for name, text in (
            (MEAN_IOU, tr("Mean IoU of matched outlines")),
            (MATCHED, tr("Matched outlines")),
            (MISSED, tr("References without a mapped outline")),
            (EXTRA, tr("Mapped outlines without a reference")),
            (REPLAYED, tr("Outlines whose clicks were repeated")),
            (NOC_85, tr("Mean number of clicks to an IoU of 85 %")),
            (NOC_90, tr("Mean number of clicks to an IoU of 90 %")),
        ):
            self.addOutput(QgsProcessingOutputNumber(name, text))

    def checkParameterValues(  # noqa: N802
        self, parameters: Parameters, context: QgsProcessingContext
    ) -> tuple[bool, str]:
        """Return whether it can run: only with an image it needs an environment."""
        fits, text = super().checkParameterValues(parameters, context)
        if fits and parameters.get(RASTER):
            text = environment_fault()
            fits = not text
        return fits, text

    def prepare(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Open the image."""
        self._image = None
        if parameters.get(RASTER):
            self._image = open_source(self.raster(parameters, RASTER, context))
            check_place(self._image)

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Write all pairs, and what has no partner."""
        source = self.source(parameters, INPUT, context)
        reference = self.source(parameters, REFERENCE, context)
        mapped = read_outlines(source, None)
        wanted = read_outlines(reference, _transform(reference, source, context))
        pair_outlines(mapped, wanted, feedback)
        clicks = {}
        if self._image is not None:
            model = self.parameterAsString(parameters, MODEL, context)
            clicks = self._replay(mapped, source, model, feedback)
        fields = fields_of(_FIELDS)
        output = self.polygon_sink(parameters, OUTPUT, context, fields, source.sourceCrs())
        for outline in mapped:
            output.add(outline.geometry, _row(outline, clicks.get(id(outline), [])))
        missed = [outline for outline in wanted if outline.partner is None]
        for outline in missed:
            values = {"status": "missed", "reference_id": outline.feature.id(), "iou": 0.0}
            output.add(outline.geometry, {**values, "image_name": outline.image})
        ious = [outline.iou for outline in mapped if outline.partner is not None]
        return {
            OUTPUT: output.identifier,
            MEAN_IOU: float(np.mean(ious)) if ious else 0.0,
            MATCHED: len(ious),
            MISSED: len(missed),
            EXTRA: len(mapped) - len(ious),
            REPLAYED: len(clicks),
            NOC_85: _mean_clicks(list(clicks.values()), _TARGETS[0]),
            NOC_90: _mean_clicks(list(clicks.values()), _TARGETS[1]),
        }

    def _replay(
        self,
        mapped: Sequence[ComparedOutline],
        source: QgsProcessingFeatureSource,
        model: str,
        feedback: QgsProcessingFeedback,
    ) -> dict[int, list[float]]:
        """Return the IoU after 0, 1, 2 … clicks of matched outlines, by the outline's identity."""
        image = self._image
        if image is None:
            return {}
        origin = read_origin(image.path, image.name)
        chosen: list[tuple[ComparedOutline, PromptSet]] = []
        for outline in mapped:
            known = outline.image is None or is_from_image(
                outline.feature, origin.image_name, origin.sha256
            )
            if outline.partner is not None and known:
                try:
                    chosen.append((outline, read_prompts(outline.feature)))
                except PromptError:
                    continue  # drawn by hand
        if not chosen:
            raise PromptError(
                tr(
                    "None of the matched outlines has clicks in the image {}: leave the image out "
                    "to compare the outlines alone."
                ).format(image.name)
            )
        load = Load(model, threads=settings.THREADS.get() or None)
        found: dict[int, list[float]] = {}
        whole = PixelWindow(0, 0, image.grid.height, image.grid.width)
        with BlockingWorker(SEGMENTATION_MESSAGES, feedback) as worker:
            predictor = ImagePredictor(worker, image, feedback, load)
            for count, (outline, prompts) in enumerate(chosen, 1):
                partner = outline.partner
                if partner is None:
                    continue
                drawn = rasterise_or_none(partner.geometry, source, image.grid)
                if drawn is None:  # the reference lies outside of the image
                    continue
                truth, ious = drawn.within(whole), []
                for clicks in range(len(prompts.clicks) + 1):
                    check_cancelled(feedback)
                    before = prompts.first_clicks(clicks)
                    if before.empty:
                        ious.append(0.0)
                        continue
                    mask = predictor.mask(before, predictor.loaded.threshold)
                    union = np.count_nonzero(mask | truth)
                    ious.append(float(np.count_nonzero(mask & truth) / union) if union else 0.0)
                found[id(outline)] = ious
                feedback.setProgress(100 * count / len(chosen))
        return found


def read_outlines(
    source: QgsProcessingFeatureSource, transform: QgsCoordinateTransform | None
) -> list[ComparedOutline]:
    """Return the polygons of a layer; `IsegError` if one has no place in the other layer's CRS."""
    found = []
    for feature in polygons_of(source):
        geometry = feature.geometry() if transform is None else moved_geometry(feature, transform)
        geometry = geometry if geometry.isGeosValid() else geometry.makeValid()
        image = attribute_value(feature, schema.IMAGE_NAME)
        found.append(ComparedOutline(feature, geometry, image))
    return found


def pair_outlines(
    mapped: Sequence[ComparedOutline],
    wanted: Sequence[ComparedOutline],
    feedback: QgsProcessingFeedback,
) -> None:
    """Pair outlines one to one, the largest IoU first; those of other photos are no partners."""
    index = QgsSpatialIndex()
    for number, outline in enumerate(wanted):
        index.addFeature(number, outline.geometry.boundingBox())
    pairs = []
    for outline in mapped:
        check_cancelled(feedback)
        for number in index.intersects(outline.geometry.boundingBox()):
            other = wanted[number]
            if None in (outline.image, other.image) or outline.image == other.image:
                iou = intersection_over_union(outline.geometry, other.geometry)
                if iou > 0:
                    pairs.append((iou, outline, other))
    for iou, outline, other in sorted(pairs, key=lambda pair: -pair[0]):
        if outline.partner is None and other.partner is None:
            outline.partner, other.partner = other, outline
            outline.iou = other.iou = iou


def intersection_over_union(one: QgsGeometry, other: QgsGeometry) -> float:
    """Return the IoU of two polygons, 0 to 1."""
    shared = one.intersection(other).area()
    union = one.area() + other.area() - shared
    return float(shared / union) if union > 0 else 0.0


def _transform(
    reference: QgsProcessingFeatureSource,
    source: QgsProcessingFeatureSource,
    context: QgsProcessingContext,
) -> QgsCoordinateTransform | None:
    """Return the way from one layer's CRS to the other's; None if both are in pixels."""
    crs, other = reference.sourceCrs(), source.sourceCrs()
    if is_local(crs) != is_local(other):
        text = tr(
            "One of the layers {} and {} is in pixels of a photo, the other on the map: compare "
            "layers of one kind."
        )
        raise IsegError(text.format(source.sourceName(), reference.sourceName()))
    if is_local(crs):
        return None
    return QgsCoordinateTransform(crs, other, context.transformContext())


def _row(outline: ComparedOutline, ious: Sequence[float]) -> dict[str, Any]:
    partner = outline.partner
    return {
        "status": "extra" if partner is None else "matched",
        "mapped_id": outline.feature.id(),
        "reference_id": None if partner is None else partner.feature.id(),
        "image_name": outline.image,
        "iou": round(outline.iou, 4),
        "n_clicks": attribute_value(outline.feature, "n_clicks"),
        "noc_85": _clicks_to(ious, _TARGETS[0]),
        "noc_90": _clicks_to(ious, _TARGETS[1]),
        "iou_by_click": " ".join(f"{iou:.3f}" for iou in ious) or None,
    }


def _clicks_to(ious: Sequence[float], target: float) -> int | None:
    """Return the number of clicks to an IoU; None if it is not reached."""
    return next((clicks for clicks, iou in enumerate(ious) if iou >= target), None)


def _mean_clicks(courses: Sequence[Sequence[float]], target: float) -> float | None:
    """Return the mean of `_clicks_to`; where it is not reached, all clicks and one more count."""
    if not courses:
        return None
    reached = [_clicks_to(ious, target) for ious in courses]
    counts = [
        len(ious) if clicks is None else clicks
        for clicks, ious in zip(reached, courses)  # noqa: B905 -- Python 3.9
    ]
    return float(np.mean(counts))
