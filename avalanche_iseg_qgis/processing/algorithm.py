"""What all algorithms do alike: texts, faults of parameters, reading and writing of layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsRasterLayer,
    QgsWkbTypes,
)

from ..compat import FIELD_TYPES
from ..core.errors import IsegError
from ..i18n import tr
from ..layers.kinds import file_of
from .asking import CancelledError, environment_fault
from .texts import GROUPS, help_of, title_of

Parameters = Mapping[str, Any]


class IsegAlgorithm(QgsProcessingAlgorithm):
    """Base of all algorithms: subclasses state their parameters, `prepare` and `compute`.

    Attributes
    ----------
    key
        Name of the algorithm, a contract.
    room
        Key of its group, see `texts`.
    needs_worker
        Whether it asks a worker, so that an environment has to be set up.
    """

    key = ""
    room = ""
    needs_worker = False

    def createInstance(self) -> IsegAlgorithm:  # noqa: N802
        """Return a new instance; called by QGIS for each run."""
        return type(self)()

    def name(self) -> str:
        """Return the second part of the id."""
        return self.key

    def displayName(self) -> str:  # noqa: N802
        """Return the name that users see."""
        return title_of(self.key)

    def shortHelpString(self) -> str:  # noqa: N802
        """Return the help beside the dialog."""
        return help_of(self.key)

    def group(self) -> str:
        """Return the name of the group."""
        return GROUPS[self.room]()

    def groupId(self) -> str:  # noqa: N802
        """Return the key of the group."""
        return self.room

    def checkParameterValues(  # noqa: N802
        self, parameters: Parameters, context: QgsProcessingContext
    ) -> tuple[bool, str]:
        """Return whether the algorithm can run, and if not what to do."""
        fits, text = super().checkParameterValues(parameters, context)
        if not fits:
            return False, tr(
                "{}: choose a file or layer that exists, or a value that fits."
            ).format(text)
        text = environment_fault() if self.needs_worker else ""
        return not text, text

    def prepareAlgorithm(  # noqa: N802
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        """Open layers, in the main thread; called by QGIS."""
        with _as_exceptions():
            self.prepare(parameters, context)
        return True

    def processAlgorithm(  # noqa: N802
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Run, in any thread; called by QGIS."""
        with _as_exceptions():
            try:
                return self.compute(parameters, context, feedback)
            except CancelledError:
                return {}

    def prepare(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Open what only the main thread may open: layers."""

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Return the outputs; raise `IsegError` if that is not possible."""
        raise NotImplementedError

    # --- parameters ------------------------------------------------------------------------

    def raster(
        self, parameters: Parameters, name: str, context: QgsProcessingContext
    ) -> QgsRasterLayer:
        """Return the raster layer of a parameter; `IsegError` if there is none."""
        layer = self.parameterAsRasterLayer(parameters, name, context)
        if layer is None or not layer.isValid():
            raise IsegError(
                tr(
                    "{} is no raster that QGIS can read: choose a file or a layer that exists."
                ).format(parameters.get(name) or name)
            )
        return layer

    def source(
        self, parameters: Parameters, name: str, context: QgsProcessingContext
    ) -> QgsProcessingFeatureSource:
        """Return the features of a parameter; `IsegError` if there are none."""
        found = self.parameterAsSource(parameters, name, context)
        if found is None:
            raise IsegError(
                tr(
                    "{} is no layer that QGIS can read: choose a file or a layer that exists."
                ).format(parameters.get(name) or name)
            )
        if found.featureCount() == 0:
            raise IsegError(
                tr("The layer {} has no features: draw or choose some.").format(found.sourceName())
            )
        return found

    def number(
        self, parameters: Parameters, name: str, context: QgsProcessingContext
    ) -> float | None:
        """Return the number of an optional parameter; None if it is not given."""
        if parameters.get(name) in (None, ""):
            return None
        return float(self.parameterAsDouble(parameters, name, context))

    def terrain(
        self, parameters: Parameters, name: str, context: QgsProcessingContext
    ) -> list[str]:
        """Return the files of a DEM, which may be none; `IsegError` if one is no DEM."""
        given = parameters.get(name)
        if not given:
            return []
        layers = self.parameterAsLayerList(parameters, name, context)
        wanted = given if isinstance(given, (list, tuple)) else [given]
        for layer in layers:
            if not isinstance(layer, QgsRasterLayer) or not layer.crs().isValid():
                text = tr(
                    "The terrain model {} has no coordinate system, or is no raster: set its CRS, "
                    "or choose another one."
                )
                raise IsegError(text.format(layer.name()))
        if len(layers) < len(wanted):
            text = tr("The terrain model cannot be read ({}): choose raster files that exist.")
            raise IsegError(text.format(", ".join(map(str, wanted))))
        return [file_of(layer) for layer in layers]

    # --- outputs ---------------------------------------------------------------------------

    def polygon_sink(
        self,
        parameters: Parameters,
        name: str,
        context: QgsProcessingContext,
        fields: QgsFields,
        crs: QgsCoordinateReferenceSystem,
    ) -> FeatureWriter:
        """Open an output of multipolygons."""
        return self.sink(parameters, name, context, fields, QgsWkbTypes.Type.MultiPolygon, crs)

    def sink(
        self,
        parameters: Parameters,
        name: str,
        context: QgsProcessingContext,
        fields: QgsFields,
        kind: QgsWkbTypes.Type,
        crs: QgsCoordinateReferenceSystem,
    ) -> FeatureWriter:
        """Open an output of features; raise if it cannot be made."""
        sink, identifier = self.parameterAsSink(parameters, name, context, fields, kind, crs)
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, name))
        return FeatureWriter(sink, identifier, fields)


class FeatureWriter:
    """An output of features.

    Attributes
    ----------
    identifier
        What the algorithm returns for it.
    count
        Features written.
    """

    def __init__(self, sink: QgsFeatureSink, identifier: str, fields: QgsFields) -> None:
        self.identifier = identifier
        self.count = 0
        self._sink, self._fields = sink, fields

    def add(self, geometry: QgsGeometry | None, values: Mapping[str, Any]) -> None:
        """Write a feature; values without a field of their name are left out."""
        feature = QgsFeature(self._fields)
        if geometry is not None:
            feature.setGeometry(geometry)
        for name, value in values.items():
            index = self._fields.indexOf(name)
            if index >= 0:
                feature.setAttribute(index, value)
        if not self._sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
            text = tr("The output did not accept a feature ({}): choose another file.")
            raise IsegError(text.format(self._sink.lastError()))
        self.count += 1


def fields_of(kinds: Iterable[tuple[str, str]]) -> QgsFields:
    """Return fields of these names and kinds, as in `schema.Attribute`."""
    fields = QgsFields()
    for name, kind in kinds:
        fields.append(QgsField(name, FIELD_TYPES[kind]))
    return fields


def polygons_of(source: QgsProcessingFeatureSource) -> list[QgsFeature]:
    """Return the features of a layer that have an area, as multipolygons without curves, Z and M.

    Raises
    ------
    IsegError
        If there are none.
    """
    found = []
    for feature in source.getFeatures():
        geometry = feature.geometry()
        if geometry.type() != QgsWkbTypes.GeometryType.PolygonGeometry or geometry.isEmpty():
            continue
        shapes = geometry.coerceToType(QgsWkbTypes.Type.MultiPolygon)
        if len(shapes) == 1:
            feature.setGeometry(shapes[0])
            found.append(feature)
    if not found:
        text = tr("The layer {} holds no polygons: choose another one.")
        raise IsegError(text.format(source.sourceName()))
    return found


def moved_geometry(feature: QgsFeature, transform: QgsCoordinateTransform) -> QgsGeometry:
    """Return the geometry of a feature in another coordinate system.

    Raises
    ------
    IsegError
        If it has no place there.
    """
    geometry = QgsGeometry(feature.geometry())
    try:
        geometry.transform(transform)
    except QgsCsException as error:
        text = tr("The feature {} has no place in the other coordinate system ({}).")
        raise IsegError(text.format(feature.id(), error)) from error
    return geometry


@contextmanager
def _as_exceptions() -> Iterator[None]:
    """Turn errors that a person can act on into those of Processing, which are one sentence."""
    try:
        yield
    except IsegError as error:
        raise QgsProcessingException(str(error)) from error
    except OSError as error:
        text = tr("{} cannot be read or written: {}. Choose another file or folder.")
        raise QgsProcessingException(
            text.format(error.filename or "", error.strerror or error)
        ) from error
