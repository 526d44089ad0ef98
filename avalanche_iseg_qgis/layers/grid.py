"""The pixels of a raster layer, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass, field

from qgis.core import QgsCoordinateReferenceSystem, QgsPointXY
from qgis.PyQt.QtGui import QTransform

PHOTO_TRANSFORM = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
"""Where QGIS shows a photo without georeference: x to the right, y negative downwards."""


@dataclass(frozen=True)
class Grid:
    """Pixels of a whole raster.

    Pixel coordinates (row, col) have their whole numbers at pixel centres, as those of prompts.

    Attributes
    ----------
    width, height
        In pixels.
    transform
        (a, b, c, d, e, f): x = a u + b v + c, y = d u + e v + f in layer coordinates, where (u, v)
        = (0, 0) is the upper left corner of the first pixel, u to the right and v down.
    crs
        Of the layer; not valid for a plain photo.
    """

    width: int
    height: int
    transform: tuple[float, float, float, float, float, float] = PHOTO_TRANSFORM
    crs: QgsCoordinateReferenceSystem = field(default_factory=QgsCoordinateReferenceSystem)

    @property
    def is_photo(self) -> bool:
        """Whether this is a photo without georeference."""
        return not self.crs.isValid()

    @property
    def corner_transform(self) -> QTransform:
        """From (u, v), corners at whole numbers, to layer coordinates."""
        a, b, c, d, e, f = self.transform
        return QTransform(a, d, b, e, c, f)

    def to_layer(self, row: float, col: float) -> QgsPointXY:
        """Layer coordinates of a pixel."""
        a, b, c, d, e, f = self.transform
        u, v = col + 0.5, row + 0.5
        return QgsPointXY(a * u + b * v + c, d * u + e * v + f)

    def to_pixel(self, point: QgsPointXY) -> tuple[float, float]:
        """(row, col) of a point in layer coordinates."""
        # By hand: QTransform takes the small pixels of degrees for singular.
        a, b, c, d, e, f = self.transform
        x, y, size = point.x() - c, point.y() - f, a * e - b * d
        return (a * y - d * x) / size - 0.5, (e * x - b * y) / size - 0.5

    def contains(self, row: float, col: float) -> bool:
        """Whether a pixel coordinate lies in the raster."""
        return -0.5 <= row <= self.height - 0.5 and -0.5 <= col <= self.width - 0.5
