"""Where an outline has to be drawn anew, because the mask has changed there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qgis.core import QgsGeometry

from .polygonise import mask_polygons

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..layers.grid import Grid
    from ..layers.pixel_window import PixelWindow

_MARGIN = 2
"""Pixels round a change in which the outline is drawn anew, too."""


def changed_zone(
    before: NDArray[np.bool_], after: NDArray[np.bool_], grid: Grid, window: PixelWindow
) -> QgsGeometry:
    """Return the places where two masks differ, with a margin, as a polygon.

    Parameters
    ----------
    before, after
        (H, W) bool masks of a window of the image.
    grid
        Grid of the image.

    Returns
    -------
    QgsGeometry
        (Multi)polygon in the layer coordinates of the image; empty if the masks are equal.
    """
    changed = before != after
    if not changed.any():
        return QgsGeometry()
    zone = QgsGeometry.unaryUnion(mask_polygons(_grow(changed), window))
    zone.transform(grid.corner_transform)
    return zone


def _grow(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Grow a mask by the margin in all directions."""
    grown = mask
    for axis in (0, 1):
        padded = np.pad(grown, [(_MARGIN, _MARGIN) if a == axis else (0, 0) for a in (0, 1)])
        size = mask.shape[axis]
        grown = np.logical_or.reduce(
            [padded.take(range(i, i + size), axis) for i in range(2 * _MARGIN + 1)]
        )
    return grown
