"""The pixel grid of a raster layer: size, transform, CRS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from qgis.core import QgsCoordinateReferenceSystem, QgsPointXY
from qgis.PyQt.QtGui import QTransform

from .pixel_window import RasterSize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_Number = TypeVar("_Number", float, "NDArray[np.float64]")

PHOTO_TRANSFORM = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
"""Transform with which QGIS shows a photo: x to the right, y negative downwards."""
_NO_GEOREFERENCE = (PHOTO_TRANSFORM, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0))


class PixelGrid(RasterSize, Protocol):
    """Anything that converts pixels as `Grid` does, such as a photo on the map by its camera."""

    @property
    def crs(self) -> QgsCoordinateReferenceSystem:
        """CRS of the layer coordinates."""

    def to_layer(self, row: float, col: float) -> QgsPointXY:
        """Convert a pixel coordinate to layer coordinates."""

    def to_pixel(self, point: QgsPointXY) -> tuple[float, float]:
        """Convert a point in layer coordinates to (row, col)."""

    def contains(self, row: float, col: float) -> bool:
        """Return whether a pixel coordinate lies in the raster."""


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
        CRS of the layer; invalid for a photo.
    """

    width: int
    height: int
    transform: tuple[float, float, float, float, float, float] = PHOTO_TRANSFORM
    crs: QgsCoordinateReferenceSystem = field(default_factory=QgsCoordinateReferenceSystem)

    @property
    def is_photo(self) -> bool:
        """Whether this is an image without georeference."""
        return not self.crs.isValid()

    @property
    def lacks_crs(self) -> bool:
        """Whether the image has a place on a map (a world file), but nobody knows on which."""
        return self.is_photo and self.transform not in _NO_GEOREFERENCE

    @property
    def corner_transform(self) -> QTransform:
        """Transform from (u, v), whole numbers at pixel corners, to layer coordinates."""
        a, b, c, d, e, f = self.transform
        return QTransform(a, d, b, e, c, f)

    def corner_to_layer(self, u: _Number, v: _Number) -> tuple[_Number, _Number]:
        """Convert (u, v), whole at pixel corners, to layer coordinates; numbers or arrays."""
        a, b, c, d, e, f = self.transform
        return a * u + b * v + c, d * u + e * v + f

    def to_layer(self, row: float, col: float) -> QgsPointXY:
        """Convert a pixel coordinate to layer coordinates."""
        return QgsPointXY(*self.corner_to_layer(col + 0.5, row + 0.5))

    def to_pixel(self, point: QgsPointXY) -> tuple[float, float]:
        """Convert a point in layer coordinates to (row, col)."""
        # Not by QTransform, which takes the small pixels of degrees for singular.
        a, b, c, d, e, f = self.transform
        x, y, size = point.x() - c, point.y() - f, a * e - b * d
        return (a * y - d * x) / size - 0.5, (e * x - b * y) / size - 0.5

    def contains(self, row: float, col: float) -> bool:
        """Return whether a pixel coordinate lies in the raster."""
        return -0.5 <= row <= self.height - 0.5 and -0.5 <= col <= self.width - 0.5
