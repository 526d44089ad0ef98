"""Conversion between screen and pixel coordinates on a canvas, rotated and reprojected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qgis.core import Qgis, QgsCoordinateTransform, QgsCsException, QgsPointXY
from qgis.PyQt.QtCore import QPointF
from qgis.PyQt.QtGui import QPolygonF

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qgis.core import QgsCoordinateReferenceSystem
    from qgis.gui import QgsMapCanvas
    from qgis.PyQt.QtCore import QPoint, QRect, QRectF

    from ..layers.grid import PixelGrid

_TOLERANCE = 0.3
"""Largest error of the mesh for a curved projection, in screen pixels."""
_MAX_PIECES = 16
"""Largest number of mesh cells along a side."""
_NOWHERE = -1e9
"""Pixel coordinate of places outside of the projection's area."""


class CanvasProjection:
    """Conversion between layer and screen coordinates for the current view of a canvas."""

    def __init__(self, canvas: QgsMapCanvas, crs: QgsCoordinateReferenceSystem) -> None:
        settings = canvas.mapSettings()
        self._canvas_crs = settings.destinationCrs()
        self.map_to_screen = canvas.getCoordinateTransform().transform()
        self._screen_to_map, _ = self.map_to_screen.inverted()
        transform = QgsCoordinateTransform(crs, self._canvas_crs, settings.transformContext())
        # Unless both sides have a CRS, QGIS shows the coordinates untransformed.
        same = not transform.isValid() or transform.isShortCircuited()
        self.layer_to_map = None if same else transform

    def is_current(self, canvas: QgsMapCanvas) -> bool:
        """Return whether the canvas still shows the same view."""
        return bool(
            canvas.getCoordinateTransform().transform() == self.map_to_screen
            and canvas.mapSettings().destinationCrs() == self._canvas_crs
        )

    def to_screen(self, point: QgsPointXY) -> QPointF:
        """Convert layer to screen coordinates.

        Raises
        ------
        QgsCsException
            If the point lies outside of the area of the canvas's CRS.
        """
        if self.layer_to_map:
            point = self.layer_to_map.transform(point)
        return QPointF(*self.map_to_screen.map(point.x(), point.y()))

    def to_layer(self, x: float, y: float) -> QgsPointXY | None:
        """Convert screen to layer coordinates; None outside of the area of the layer's CRS."""
        point = QgsPointXY(*self._screen_to_map.map(x, y))
        if not self.layer_to_map:
            return point
        try:
            back = Qgis.TransformDirection.Reverse
            return self.layer_to_map.transform(point, back)
        except QgsCsException:
            return None


class GridPlacement:
    """Conversion between screen and pixel coordinates of a grid on a canvas.

    Screen coordinates are those of the canvas's viewport and scene; pixel coordinates are (row,
    col), whole numbers at pixel centres.
    """

    def __init__(self, canvas: QgsMapCanvas, grid: PixelGrid) -> None:
        self._canvas = canvas
        self._grid = grid
        self._view = CanvasProjection(canvas, grid.crs)

    @property
    def projection(self) -> CanvasProjection:
        """The projection of the current view: another object after a change of the view."""
        if not self._view.is_current(self._canvas):
            self._view = CanvasProjection(self._canvas, self._grid.crs)
        return self._view

    def to_screen(self, row: float, col: float) -> QPointF:
        """Convert pixel to screen coordinates; raises as `CanvasProjection.to_screen`."""
        return self.projection.to_screen(self._grid.to_layer(row, col))

    def to_pixel(self, point: QPoint) -> tuple[float, float]:
        """Convert screen coordinates to (row, col); NaN outside of the area of the layer's CRS."""
        return self._to_pixel(self.projection, point.x(), point.y())

    def bounds(self, row: float, col: float, height: float, width: float) -> QRectF:
        """Return the screen rectangle of pixels from (row, col) on; raises as `to_screen`."""
        projection, steps = self.projection, np.linspace(0, 1, 9)
        rows, cols = row - 0.5 + height * steps, col - 0.5 + width * steps
        edge = [(r, c) for r in rows for c in (cols[0], cols[-1])]
        edge += [(r, c) for c in cols for r in (rows[0], rows[-1])]
        points = [projection.to_screen(self._grid.to_layer(*pixel)) for pixel in edge]
        return QPolygonF(points).boundingRect()

    def lookup(self, rect: QRect) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute which pixels of the raster the pixels of the screen show.

        An image indexed with them fits the screen exactly, without seams.

        Returns
        -------
        rows, cols
            Float pixel coordinates at the centres of the screen's pixels in ``rect``: two arrays
            of shape (h, w), or (h, 1) and (1, w) if rows and columns are parallel to the screen.
        """
        pieces = 1
        while True:
            nodes = self._nodes(rect, 2 * pieces)
            coarse = nodes[::2, ::2]
            scale = _pixels_per_screen_pixel(coarse, rect)
            error = np.abs(_interpolate(coarse, 2 * pieces + 1, 2 * pieces + 1) - nodes).max()
            if error <= _TOLERANCE * scale or pieces == _MAX_PIECES:
                break
            pieces *= 2
        down = _weights(pieces, (np.arange(rect.height()) + 0.5) / rect.height())
        right = _weights(pieces, (np.arange(rect.width()) + 0.5) / rect.width())
        rows, cols = coarse[..., 0], coarse[..., 1]
        skew = max(np.ptp(rows, axis=1).max(), np.ptp(cols, axis=0).max())
        if skew <= 0.1 * _TOLERANCE * scale:
            return down @ rows[:, :1], cols[:1] @ right.T
        return down @ rows @ right.T, down @ cols @ right.T

    def _nodes(self, rect: QRect, pieces: int) -> NDArray[np.float64]:
        """Compute pixel coordinates (pieces + 1, pieces + 1, 2) of a mesh over a rectangle."""
        projection = self.projection
        x = rect.x() + np.linspace(0, rect.width(), pieces + 1)
        y = rect.y() + np.linspace(0, rect.height(), pieces + 1)
        nodes = np.array([[self._to_pixel(projection, right, down) for right in x] for down in y])
        return np.nan_to_num(nodes, nan=_NOWHERE)

    def _to_pixel(self, projection: CanvasProjection, x: float, y: float) -> tuple[float, float]:
        point = projection.to_layer(float(x), float(y))
        return self._grid.to_pixel(point) if point else (float("nan"), float("nan"))


def _weights(pieces: int, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the weights (n, pieces + 1) of all nodes at places between 0 and 1."""
    away = np.abs(at[:, None] * pieces - np.arange(pieces + 1))
    return np.clip(1 - away, 0, None)


def _interpolate(nodes: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Interpolate a mesh to (height, width, 2) places, its outermost nodes included."""
    down = _weights(nodes.shape[0] - 1, np.linspace(0, 1, height))
    right = _weights(nodes.shape[1] - 1, np.linspace(0, 1, width))
    return np.stack([down @ nodes[..., axis] @ right.T for axis in (0, 1)], axis=-1)


def _pixels_per_screen_pixel(nodes: NDArray[np.float64], rect: QRect) -> float:
    """Compute how many raster pixels a screen pixel spans, in the direction with fewer."""
    right = np.linalg.norm(nodes[0, -1] - nodes[0, 0]) / rect.width()
    down = np.linalg.norm(nodes[-1, 0] - nodes[0, 0]) / rect.height()
    return float(min(right, down))
