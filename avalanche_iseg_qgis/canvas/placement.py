"""Where the pixels of a raster are on a canvas: both ways, whatever is rotated or reprojected."""

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

    from ..layers.grid import Grid

_TOLERANCE = 0.3
"""Screen pixels by which a mesh may miss a curved projection."""
_MOST_PIECES = 16
"""Of the mesh, along a side."""
_NOWHERE = -1e9
"""Pixel coordinate of places that a projection does not know."""


class CanvasProjection:
    """From the coordinates of a layer to the screen and back, as the canvas shows them now."""

    def __init__(self, canvas: QgsMapCanvas, crs: QgsCoordinateReferenceSystem) -> None:
        settings = canvas.mapSettings()
        self._canvas_crs = settings.destinationCrs()
        self.map_to_screen = canvas.getCoordinateTransform().transform()
        self._screen_to_map, _ = self.map_to_screen.inverted()
        transform = QgsCoordinateTransform(crs, self._canvas_crs, settings.transformContext())
        # Without a CRS on both sides QGIS shows the coordinates as they are; so do we.
        same = not transform.isValid() or transform.isShortCircuited()
        self.layer_to_map = None if same else transform

    def is_current(self, canvas: QgsMapCanvas) -> bool:
        """Whether the canvas still shows the same."""
        return (
            canvas.getCoordinateTransform().transform() == self.map_to_screen
            and canvas.mapSettings().destinationCrs() == self._canvas_crs
        )

    def to_screen(self, point: QgsPointXY) -> QPointF:
        """A point of the layer on the screen.

        Raises
        ------
        QgsCsException
            If the CRS of the canvas does not reach that far.
        """
        if self.layer_to_map:
            point = self.layer_to_map.transform(point)
        return QPointF(*self.map_to_screen.map(point.x(), point.y()))

    def to_layer(self, x: float, y: float) -> QgsPointXY | None:
        """A point of the screen in the layer; None where the CRS of the layer does not reach."""
        point = QgsPointXY(*self._screen_to_map.map(x, y))
        if not self.layer_to_map:
            return point
        try:
            back = Qgis.TransformDirection.Reverse
            return self.layer_to_map.transform(point, back)
        except QgsCsException:
            return None


class GridPlacement:
    """Screen and pixel coordinates of a grid on a canvas.

    Screen coordinates are those of the canvas's viewport and scene; pixel coordinates are (row,
    col), whole numbers at pixel centres.
    """

    def __init__(self, canvas: QgsMapCanvas, grid: Grid) -> None:
        self._canvas = canvas
        self._grid = grid
        self._view = CanvasProjection(canvas, grid.crs)

    @property
    def projection(self) -> CanvasProjection:
        """What the canvas shows: another object when that has changed."""
        if not self._view.is_current(self._canvas):
            self._view = CanvasProjection(self._canvas, self._grid.crs)
        return self._view

    def to_screen(self, row: float, col: float) -> QPointF:
        """Where a pixel is on the screen.

        Raises
        ------
        QgsCsException
            If the CRS of the canvas does not reach that far.
        """
        return self.projection.to_screen(self._grid.to_layer(row, col))

    def to_pixel(self, point: QPoint) -> tuple[float, float]:
        """(row, col) at a place of the screen; NaN where the CRS of the layer does not reach."""
        return self._pixel(self.projection, point.x(), point.y())

    def bounds(self, row: float, col: float, height: float, width: float) -> QRectF:
        """Screen rectangle round the whole pixels from (row, col) on.

        Raises
        ------
        QgsCsException
            If the CRS of the canvas does not reach that far.
        """
        view, steps = self.projection, np.linspace(0, 1, 9)
        rows, cols = row - 0.5 + height * steps, col - 0.5 + width * steps
        edge = [(r, c) for r in rows for c in (cols[0], cols[-1])]
        edge += [(r, c) for c in cols for r in (rows[0], rows[-1])]
        return QPolygonF([view.to_screen(self._grid.to_layer(*at)) for at in edge]).boundingRect()

    def lookup(self, rect: QRect) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Which pixels of the raster the pixels of the screen show.

        A picture made by indexing with them lies on the screen exactly, without seams.

        Returns
        -------
        rows, cols
            Float pixel coordinates at the centres of the screen's pixels in ``rect``: two arrays
            of shape (h, w), or where rows and columns are parallel to the screen (h, 1) and (1, w).
        """
        pieces = 1
        while True:
            nodes = self._nodes(rect, 2 * pieces)
            coarse = nodes[::2, ::2]
            scale = _pixels_per_screen_pixel(coarse, rect)
            missed = np.abs(_spread(coarse, 2 * pieces + 1, 2 * pieces + 1) - nodes).max()
            if missed <= _TOLERANCE * scale or pieces == _MOST_PIECES:
                break
            pieces *= 2
        down = _weights(pieces, (np.arange(rect.height()) + 0.5) / rect.height())
        right = _weights(pieces, (np.arange(rect.width()) + 0.5) / rect.width())
        rows, cols = coarse[..., 0], coarse[..., 1]
        crooked = max(np.ptp(rows, axis=1).max(), np.ptp(cols, axis=0).max())
        if crooked <= 0.1 * _TOLERANCE * scale:
            return down @ rows[:, :1], cols[:1] @ right.T
        return down @ rows @ right.T, down @ cols @ right.T

    def _nodes(self, rect: QRect, pieces: int) -> NDArray[np.float64]:
        """(pieces + 1, pieces + 1, 2) pixel coordinates of a mesh over a screen rectangle."""
        view = self.projection
        x = rect.x() + np.linspace(0, rect.width(), pieces + 1)
        y = rect.y() + np.linspace(0, rect.height(), pieces + 1)
        nodes = np.array([[self._pixel(view, right, down) for right in x] for down in y])
        return np.nan_to_num(nodes, nan=_NOWHERE)

    def _pixel(self, view: CanvasProjection, x: float, y: float) -> tuple[float, float]:
        point = view.to_layer(float(x), float(y))
        return self._grid.to_pixel(point) if point else (float("nan"), float("nan"))


def _weights(pieces: int, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, pieces + 1): the share of every node in places between 0 and 1."""
    away = np.abs(at[:, None] * pieces - np.arange(pieces + 1))
    return np.clip(1 - away, 0, None)


def _spread(nodes: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """A mesh, interpolated to (height, width, 2) places that include its outermost nodes."""
    down = _weights(nodes.shape[0] - 1, np.linspace(0, 1, height))
    right = _weights(nodes.shape[1] - 1, np.linspace(0, 1, width))
    return np.stack([down @ nodes[..., axis] @ right.T for axis in (0, 1)], axis=-1)


def _pixels_per_screen_pixel(nodes: NDArray[np.float64], rect: QRect) -> float:
    """How many pixels of the raster a step of one pixel on the screen passes, at the least."""
    right = np.linalg.norm(nodes[0, -1] - nodes[0, 0]) / rect.width()
    down = np.linalg.norm(nodes[-1, 0] - nodes[0, 0]) / rect.height()
    return float(min(right, down))
