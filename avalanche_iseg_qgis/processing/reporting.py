"""The picture report: a page for each avalanche or day, as PDF."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsExpression,
    QgsExpressionContext,
    QgsFeature,
    QgsGeometry,
    QgsLayoutExporter,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExpression,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)
from qgis.PyQt.QtCore import QDateTime

from ..compat import POLYGON_LAYERS
from ..core.errors import ImageError, IsegError
from ..core.exchange.images import ImageFiles
from ..features import schema
from ..features.record import attribute_value, plugin_version
from ..i18n import tr
from ..layers.kinds import is_local
from ..messages import TITLE
from .algorithm import IsegAlgorithm, Parameters, moved_geometry, polygons_of
from .asking import check_cancelled
from .cameras import DEM
from .exports import IMAGES, mapped_avalanche
from .masks import INPUT, OUTPUT
from .report_page import ReportLayout, ReportPage

PIXELS, PAGES, FILTER, SERVICE = "PIXELS", "PAGES", "FILTER", "SERVICE"
_MOST, _COLUMN = 200, 6  # pages; lines of attributes that a column has at least
_TIME = "yyyy-MM-dd HH:mm"
_SHOWN_ELSEWHERE = ("observed_at", schema.RELEASED_FROM, schema.RELEASED_TO, "image_path")
_GROUPS = ("what", "fracture", "extent", "terrain", "accuracy", "record")
_OF_A_DAY = (schema.TYPE, schema.SIZE, schema.TRIGGER, schema.AREA, "z_release", "aspect_8")


_UNITS = {schema.AREA: " m²", "z_release": " m"}


class Report(IsegAlgorithm):
    """Picture report."""

    key, room = "report", "exchange"

    def flags(self) -> QgsProcessingAlgorithm.Flag:
        """Return what QGIS has to know: layouts are drawn in the main thread."""
        return super().flags() | QgsProcessingAlgorithm.Flag.FlagNoThreading

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        folder = QgsProcessingParameterFile.Behavior.Folder
        for parameter in (
            QgsProcessingParameterFeatureSource(INPUT, tr("Avalanches"), [POLYGON_LAYERS]),
            QgsProcessingParameterFeatureSource(
                PIXELS,
                tr("Their outlines in pixels of photos (avalanches_pixels)"),
                [POLYGON_LAYERS],
                optional=True,
            ),
            QgsProcessingParameterFile(IMAGES, tr("Folder of the images"), folder, optional=True),
            QgsProcessingParameterRasterLayer(DEM, tr("Terrain model"), optional=True),
            QgsProcessingParameterEnum(
                PAGES,
                tr("A page for each"),
                [tr("avalanche"), tr("day and camera")],
                defaultValue=0,
            ),
            QgsProcessingParameterExpression(
                FILTER, tr("Only features for which this is true"), "", INPUT, optional=True
            ),
            QgsProcessingParameterString(SERVICE, tr("Name of the service"), "", optional=True),
            QgsProcessingParameterFileDestination(OUTPUT, tr("Report"), "PDF (*.pdf)"),
        ):
            self.addParameter(parameter)

    def prepare(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Open the terrain model."""
        self._dem = self.raster(parameters, DEM, context) if parameters.get(DEM) else None
        if self._dem is not None and is_local(self._dem.crs()):
            text = tr(
                "The terrain model {} has no coordinate system, or is no raster: set its CRS, "
                "or choose another one."
            )
            raise IsegError(text.format(self._dem.name()))

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Draw the pages."""
        path = str(self.parameterAsFileOutput(parameters, OUTPUT, context))
        unwritable = tr("{} cannot be written: choose another file or folder.").format(path)
        if not Path(path).parent.is_dir():  # which QGIS would make
            raise IsegError(unwritable)
        source = self.source(parameters, INPUT, context)
        crs = source.sourceCrs()
        features = _chosen(polygons_of(source), self.parameterAsString(parameters, FILTER, context))
        in_pixels = features if is_local(crs) else self._in_pixels(parameters, context)
        self._outlines = {_text(each, schema.UUID): each for each in in_pixels}
        folder = self.parameterAsString(parameters, IMAGES, context)
        self._files = ImageFiles([Path(folder)] if folder else [])
        self._service = self.parameterAsString(parameters, SERVICE, context)
        by_day = self.parameterAsEnum(parameters, PAGES, context) == 1
        groups = _grouped(features, by_day=by_day)
        if len(groups) > _MOST:
            text = tr("{} pages are too many: choose fewer avalanches, at most {} pages.")
            raise IsegError(text.format(len(groups), _MOST))
        to_map = self._map_crs(crs)
        layout = ReportLayout(to_map or QgsCoordinateReferenceSystem(), self._dem)
        for number, group in enumerate(groups):
            check_cancelled(feedback)
            feedback.setProgress(90 * number / len(groups))
            shapes = [] if to_map is None else _moved(group, crs, to_map, context)
            layout.add(self._page(group, shapes, feedback, by_day=by_day))
        settings = QgsLayoutExporter.PdfExportSettings()
        settings.dpi = 200
        result = QgsLayoutExporter(layout.layout).exportToPdf(path, settings)
        if result != QgsLayoutExporter.ExportResult.Success or not Path(path).is_file():
            raise IsegError(unwritable)
        return {OUTPUT: path}

    def _in_pixels(
        self, parameters: Parameters, context: QgsProcessingContext
    ) -> Sequence[QgsFeature]:
        if not parameters.get(PIXELS):
            return ()
        return polygons_of(self.source(parameters, PIXELS, context))

    def _map_crs(self, crs: QgsCoordinateReferenceSystem) -> QgsCoordinateReferenceSystem | None:
        """Return the CRS of the map: metres where that is possible; None without a map."""
        if is_local(crs):
            return None
        if crs.isGeographic() and self._dem is not None and not self._dem.crs().isGeographic():
            return self._dem.crs()
        return crs

    def _page(
        self,
        group: Sequence[QgsFeature],
        shapes: Sequence[QgsGeometry],
        feedback: QgsProcessingFeedback,
        *,
        by_day: bool,
    ) -> ReportPage:
        main = next((each for each in group if _text(each, "part") == "avalanche"), group[0])
        photo, note = "", _text(main, schema.IMAGE_NAME)
        try:
            photo = str(self._files.find(mapped_avalanche(main)))
        except ImageError as error:
            feedback.pushWarning(str(error))
            note = str(error)
        seen = _time(main, "observed_at")
        camera = _text(main, "camera_id") or _text(main, "camera")
        what = tr("Avalanches") if by_day else tr("Avalanche")
        when = seen[:10] if by_day else seen
        title = "  ·  ".join(filter(None, (what, camera, when)))
        names = [text for text in (self._service, f"{TITLE} {plugin_version()}") if text]
        if not by_day:
            names.append(_text(main, schema.UUID))
        numbers = range(1, len(group) + 1)
        return ReportPage(
            title,
            _count(group) if by_day else _released(main),
            "  ·  ".join(names),
            photo,
            note,
            [
                (number, outline.geometry())
                for number, each in zip(numbers, group)  # noqa: B905 - Python 3.9
                if (outline := self._in_photo(each, main)) is not None
            ],
            list(zip(numbers, shapes)),  # noqa: B905 - Python 3.9
            _table(group) if by_day else _columns(main),
            numbered=len(group) > 1,
        )

    def _in_photo(self, feature: QgsFeature, main: QgsFeature) -> QgsFeature | None:
        """Return a feature's outline in the photo of the page, if it was seen in that."""
        found = self._outlines.get(_text(feature, schema.UUID))
        is_same = found and _text(found, schema.IMAGE_NAME) == _text(main, schema.IMAGE_NAME)
        return found if is_same else None


def _chosen(features: Sequence[QgsFeature], expression: str) -> Sequence[QgsFeature]:
    if not expression:
        return features
    found, wanted = [], QgsExpression(expression)
    scope = QgsExpressionContext()
    for feature in features:
        scope.setFeature(feature)
        if wanted.evaluate(scope):
            found.append(feature)
        if wanted.hasParserError() or wanted.hasEvalError():
            text = tr("The filter {} cannot be evaluated: {}")
            fault = wanted.parserErrorString() or wanted.evalErrorString()
            raise IsegError(text.format(expression, fault.strip()))
    if not found:
        raise IsegError(tr("The filter {} leaves no feature: widen it.").format(expression))
    return found


def _grouped(features: Iterable[QgsFeature], *, by_day: bool) -> list[list[QgsFeature]]:
    """Return the features of each page: those of an avalanche, or of a day and camera.

    A day has each avalanche once, however many photos show it.
    """
    groups: dict[tuple[str, ...], list[QgsFeature]] = {}
    for number, feature in enumerate(features):
        camera = _text(feature, "camera_id") or _text(feature, "camera")
        if by_day:
            key = _time(feature, "observed_at")[:10], camera
        else:
            own = _text(feature, schema.UUID) or str(number)
            key = (_text(feature, schema.AVALANCHE) or own, _text(feature, schema.IMAGE_NAME))
        others = groups.setdefault(key, [])
        if not by_day or not any(_is_same(feature, other) for other in others):
            others.append(feature)
    return [groups[key] for key in (sorted(groups) if by_day else groups)]


def _is_same(feature: QgsFeature, other: QgsFeature) -> bool:
    """Return whether two outlines are of the same part of one avalanche."""
    name = _text(feature, schema.AVALANCHE)
    is_other = any(_text(feature, f) != _text(other, f) for f in (schema.AVALANCHE, "part"))
    return bool(name) and not is_other


def _moved(
    features: Sequence[QgsFeature],
    crs: QgsCoordinateReferenceSystem,
    target: QgsCoordinateReferenceSystem,
    context: QgsProcessingContext,
) -> list[QgsGeometry]:
    to_target = QgsCoordinateTransform(crs, target, context.transformContext())
    return [moved_geometry(feature, to_target) for feature in features]


def _count(group: Sequence[QgsFeature]) -> str:
    names = {_text(each, schema.AVALANCHE) or str(index) for index, each in enumerate(group)}
    text = tr("Avalanches: {}, largest size: {}")
    sizes = [attribute_value(each, schema.SIZE) for each in group]
    sizes += [attribute_value(each, "size_suggested") for each in group]
    known = [int(size) for size in sizes if size is not None]
    return text.format(len(names), max(known, default="–"))


def _released(feature: QgsFeature) -> str:
    after, before = _time(feature, schema.RELEASED_FROM), _time(feature, schema.RELEASED_TO)
    if after and before:
        return tr("Released between {} and {} UTC").format(after, before)
    if before:
        return tr("Released before {} UTC").format(before)
    return tr("Time of release unknown")


def _columns(feature: QgsFeature) -> list[list[tuple[str, str]]]:
    """Return what is known of an avalanche, in columns of equal length at most."""
    lines = [
        (attribute.alias, text)
        for attribute in schema.all_attributes()
        if attribute.group in _GROUPS
        and attribute.name not in _SHOWN_ELSEWHERE
        and (text := _shown(feature, attribute))
    ]
    length = max(_COLUMN, -(-len(lines) // 3))  # three columns
    return [lines[start : start + length] for start in range(0, len(lines), length)]


def _table(group: Sequence[QgsFeature]) -> list[list[tuple[str, str]]]:
    """Return a line for each avalanche of a day, in columns."""
    attributes = {each.name: each for each in schema.all_attributes()}
    lines = []
    for number, feature in enumerate(group, 1):
        values = [
            f"{text}{_UNITS.get(name, '')}"
            for name in _OF_A_DAY
            if (text := _shown(feature, attributes[name]))
        ]
        lines.append((f"{number}   {_released(feature)}", ", ".join(values)))
    half = max(_COLUMN, -(-len(lines) // 2))
    return [lines[start : start + half] for start in range(0, len(lines), half)]


def _shown(feature: QgsFeature, attribute: schema.Attribute) -> str:
    """Return a value with the label of its code, as the form shows it; empty if unknown."""
    value = attribute_value(feature, attribute.name)
    if value is None or value == "":
        return ""
    if isinstance(value, QDateTime):
        return value.toUTC().toString(_TIME)
    if attribute.kind == "bool":
        return tr("yes") if value else tr("no")
    if attribute.kind == "real":
        share = attribute.name == "vis_frac"
        return f"{100 * value:.0f} %" if share else f"{value:,.0f}".replace(",", "\u2009")
    return attribute.domain.get(str(value), str(value))


def _text(feature: QgsFeature, name: str) -> str:
    value = attribute_value(feature, name)
    return "" if value is None else str(value)


def _time(feature: QgsFeature, name: str) -> str:
    value = attribute_value(feature, name)
    if isinstance(value, QDateTime):
        return value.toUTC().toString(_TIME) if value.isValid() else ""
    return "" if value is None else str(value).replace("T", " ")[:16]
