"""The prompts of objects, from layers of points and of boxes."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsWkbTypes,
)

from ..core.errors import PromptError
from ..core.prompts import Box, Click
from ..features.record import attribute_value
from ..i18n import tr
from ..layers.kinds import is_local
from ..session.prompt_set import PromptSet

if TYPE_CHECKING:
    from qgis.core import (
        QgsFeature,
        QgsProcessingContext,
        QgsProcessingFeatureSource,
    )

    from ..layers.grid import Grid

_POSITIVE = {"1", "+", "true", "t", "yes", "y", "positive", "object", "avalanche"}
_NEGATIVE = {"0", "-1", "-", "false", "f", "no", "n", "negative", "background"}

Objects = dict[Hashable, PromptSet]


class PromptReader:
    """Reads prompts in pixels of an image.

    Parameters
    ----------
    grid
        Of the image.
    label
        Field of points that says whether a point is on the object; "" if all are.
    object_field
        Field of points and boxes with the same value for all prompts of one object; "" for none.
    """

    def __init__(
        self, grid: Grid, context: QgsProcessingContext, label: str = "", object_field: str = ""
    ) -> None:
        self._grid, self._context = grid, context
        self._label, self._object = label, object_field

    def read(
        self,
        points: QgsProcessingFeatureSource | None,
        boxes: QgsProcessingFeatureSource | None,
    ) -> Objects:
        """Return the prompts of each object, by its name.

        Without a field for the object, each box is an object, with the points that lie in it;
        without boxes, all points are of one object.

        Raises
        ------
        PromptError
            If a prompt lies outside of the image, belongs to no object, or cannot be understood.
        """
        clicks = [] if points is None else list(self._clicks(points))
        found: Objects = {}
        for name, box in [] if boxes is None else self._boxes(boxes):
            if name in found:
                text = tr("The object {} has two boxes: give each object one box only.")
                raise PromptError(text.format(name))
            found[name] = PromptSet().with_box(box)
        if boxes is None or self._object:
            for name, click in clicks:
                found[name] = found.get(name, PromptSet()).with_click(click)
            return found
        for _, click in clicks:
            inside = [name for name, prompts in found.items() if _contains(prompts.box, click)]
            if len(inside) != 1:
                text = tr(
                    "The point at column {:.0f}, row {:.0f} lies in {} boxes: name the field that "
                    "says to which object points and boxes belong."
                )
                raise PromptError(text.format(click.col, click.row, len(inside)))
            found[inside[0]] = found[inside[0]].with_click(click)
        return found

    def _clicks(self, source: QgsProcessingFeatureSource) -> Iterator[tuple[Hashable, Click]]:
        to_grid = self._transform(source)
        for feature in source.getFeatures():
            geometry = feature.geometry()
            is_point = geometry.type() == QgsWkbTypes.GeometryType.PointGeometry
            if not is_point and not geometry.isEmpty():
                text = tr("The feature {} of {} is no point: choose a layer of points.")
                raise PromptError(text.format(feature.id(), source.sourceName()))
            is_positive = self._is_positive(feature)
            for row, col in self._pixels(feature, to_grid):
                if not self._grid.contains(row, col):
                    raise self._outside(source, feature)
                yield self._name(feature, ""), Click(row, col, is_positive)

    def _boxes(self, source: QgsProcessingFeatureSource) -> Iterator[tuple[Hashable, Box]]:
        to_grid, grid = self._transform(source), self._grid
        for feature in source.getFeatures():
            corners = self._pixels(feature, to_grid)
            rows, cols = zip(*corners)  # noqa: B905 -- Python 3.9
            top, bottom = max(min(rows), 0.0), min(max(rows), grid.height - 1.0)
            left, right = max(min(cols), 0.0), min(max(cols), grid.width - 1.0)
            if top >= bottom or left >= right:
                raise self._outside(source, feature)
            yield self._name(feature, feature.id()), Box(top, bottom, left, right)

    def _name(self, feature: QgsFeature, default: Hashable) -> Hashable:
        if not self._object:
            return default
        if feature.fields().indexOf(self._object) < 0:
            text = tr("A layer of prompts has no field {}: it names the object of each prompt.")
            raise PromptError(text.format(self._object))
        value = attribute_value(feature, self._object)
        return value if isinstance(value, (int, float, str)) else str(value)

    def _is_positive(self, feature: QgsFeature) -> bool:
        if not self._label:
            return True
        if feature.fields().indexOf(self._label) < 0:
            text = tr("The points have no field {}: choose the one that says which are positive.")
            raise PromptError(text.format(self._label))
        value: Any = attribute_value(feature, self._label)
        if isinstance(value, (int, float)):
            return value > 0
        word = str(value).strip().lower()
        if word in _POSITIVE or word in _NEGATIVE:
            return word in _POSITIVE
        raise PromptError(
            tr(
                "The point {} has {} in the field {}: write 1 for points on the avalanche and 0 "
                "for points beside it."
            ).format(feature.id(), value, self._label)
        )

    def _pixels(
        self, feature: QgsFeature, to_grid: QgsCoordinateTransform
    ) -> list[tuple[float, float]]:
        """Return (row, col) of all vertices; `PromptError` if there are none."""
        geometry = QgsGeometry(feature.geometry())
        if geometry.isEmpty():
            text = tr("The feature {} has no geometry: delete it, or draw it again.")
            raise PromptError(text.format(feature.id()))
        try:
            geometry.transform(to_grid)
        except QgsCsException as error:
            text = tr("The feature {} has no place in the coordinate system of the image ({}).")
            raise PromptError(text.format(feature.id(), error)) from error
        return [self._grid.to_pixel(QgsPointXY(vertex)) for vertex in geometry.vertices()]

    def _transform(self, source: QgsProcessingFeatureSource) -> QgsCoordinateTransform:
        """Return the way to coordinates of the image; `PromptError` if only one has a CRS."""
        crs, grid = source.sourceCrs(), self._grid
        if grid.is_photo and is_local(crs):
            return QgsCoordinateTransform()
        if grid.is_photo:
            text = tr(
                "The image is a photo, but the layer {} has the coordinate system {}: give prompts "
                "in pixels of the photo (x to the right, y down and negative), without CRS."
            )
            raise PromptError(text.format(source.sourceName(), crs.userFriendlyIdentifier()))
        if is_local(crs):
            text = tr(
                "The layer {} has no coordinate system, but the image has: set that of the layer."
            )
            raise PromptError(text.format(source.sourceName()))
        return QgsCoordinateTransform(crs, grid.crs, self._context.transformContext())

    def _outside(self, source: QgsProcessingFeatureSource, feature: QgsFeature) -> PromptError:
        return PromptError(
            tr(
                "The feature {} of {} lies outside of the image: check the coordinate systems of "
                "both, or leave it out."
            ).format(feature.id(), source.sourceName())
        )


def _contains(box: Box | None, click: Click) -> bool:
    if box is None:
        return False
    rows, cols = (box.row_min, box.row_max), (box.col_min, box.col_max)
    return rows[0] <= click.row <= rows[1] and cols[0] <= click.col <= cols[1]
