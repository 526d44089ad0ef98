"""Grid on the map: heights, projection into the photo, and visibility of its cells."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..camera.refraction import curvature_drop

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ..camera import Camera
    from ..terrain import Terrain
    from .viewshed import Viewshed

FINEST = 0.5
"""Smallest cell size chosen by default, metres."""

_ROUNDING = 0.02  # metres
_LAST = (0.75, 0.5, 0.25, 0.02)  # of the last part of a ray, where the ground itself is sampled


@dataclass(frozen=True)
class MapGrid:
    """Grid of square cells, the first row the northernmost.

    Attributes
    ----------
    west, north
        x and y of the grid's upper left *corner*, metres.
    cell
        Cell size, metres.
    rows, cols
        Number of cells.
    """

    west: float
    north: float
    cell: float
    rows: int
    cols: int

    @classmethod
    def covering(cls, bounds: ArrayLike, cell: float, most: int) -> MapGrid:
        """Return the grid that covers ``bounds`` (x_min, y_min, x_max, y_max) and a margin.

        Its corners lie on whole multiples of the cell size, which is enlarged to keep to about
        ``most`` cells.
        """
        west, south, east, north = np.asarray(bounds, np.float64).tolist()
        cell = max(cell, math.sqrt((east - west) * (north - south) / most))
        left, upper = math.floor(west / cell) - 2, math.ceil(north / cell) + 2
        cols, rows = math.ceil(east / cell) + 2 - left, upper - math.floor(south / cell) + 2
        return cls(left * cell, upper * cell, cell, rows, cols)

    @property
    def x(self) -> NDArray[np.float64]:
        """(cols,) x of the cells' centres."""
        return np.asarray(self.west + (np.arange(self.cols) + 0.5) * self.cell, np.float64)

    @property
    def y(self) -> NDArray[np.float64]:
        """(rows,) y of the cells' centres."""
        return np.asarray(self.north - (np.arange(self.rows) + 0.5) * self.cell, np.float64)

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine transform (a, b, c, d, e, f) from cell corners to the map."""
        return (self.cell, 0.0, self.west, 0.0, -self.cell, self.north)

    def blocks(self, cells: int) -> Iterator[tuple[slice, MapGrid]]:
        """Yield rows and grids of parts of about ``cells`` cells."""
        step = max(1, cells // self.cols)
        for first in range(0, self.rows, step):
            last = min(first + step, self.rows)
            north = self.north - first * self.cell
            yield slice(first, last), replace(self, north=north, rows=last - first)

    def sample_heights(self, terrain: Terrain) -> NDArray[np.float32]:
        """Sample heights (rows, cols) of the cells' centres, as `Terrain.sample` but faster."""
        known_rows, known_cols = terrain.heights.shape
        left, across = _interpolation_weights((self.x - terrain.west) / terrain.cell, known_cols)
        upper, along = _interpolation_weights((terrain.north - self.y) / terrain.cell, known_rows)
        # First along the rows in use, then between the rows.
        first, last = int(upper.min()), int(upper.max()) + 2
        known = terrain.heights[first:last]
        right = np.minimum(left + 1, known_cols - 1)
        lower = np.minimum(upper - first + 1, len(known) - 1)
        fine = known[:, left] * (1 - across) + known[:, right] * across
        return np.asarray(fine[upper - first] * (1 - along)[:, None] + fine[lower] * along[:, None])

    def project(self, heights: NDArray[np.float32], camera: Camera) -> NDArray[np.float32]:
        """Project the cells' centres to pixels (rows, cols, 2), as `Camera.project`."""
        east, north = self.x - camera.x, self.y - camera.y
        # The drop is quadratic in the distance: its parts to the east and north add up.
        drop = (curvature_drop(side, camera.refraction) for side in (east, north))
        drop_east, drop_north = (side.astype(np.float32) for side in drop)
        up = heights - np.float32(camera.z) - drop_east - drop_north[:, None]
        rays: NDArray[Any] = np.empty((3, self.rows, self.cols), np.float32)
        for ray, axis in zip(rays, camera.rotation_matrix(), strict=True):
            np.multiply(up, np.float32(axis[2]), out=ray)
            ray += (axis[0] * east).astype(np.float32)
            ray += (axis[1] * north).astype(np.float32)[:, None]
        pixels = camera.project_rays(rays.reshape(3, -1).T)
        return pixels.astype(np.float32, copy=False).reshape(self.rows, self.cols, 2)

    def visible_cells(
        self,
        wanted: NDArray[np.bool_],
        heights: NDArray[np.float32],
        viewshed: Viewshed,
        tolerance: float = 0.0,
    ) -> NDArray[np.bool_]:
        """Return which of the ``wanted`` cells (rows, cols) no ground hides from the camera.

        `tolerance` as in `is_ground_visible`.
        """
        row, col = np.nonzero(wanted)
        visible = np.zeros_like(wanted)
        points = np.stack([self.x[col], self.y[row], heights[row, col]], axis=1)
        visible[row, col] = is_ground_visible(points, viewshed, tolerance)
        return visible


def is_ground_visible(
    points: NDArray[np.float64], viewshed: Viewshed, tolerance: float = 0.0
) -> NDArray[np.bool_]:
    """Return whether points *on the ground* (N, 3) are visible.

    The ray towards each must be free until just before it, by as much as the lines of sight
    resolve; the ground of the last half cell is sampled itself. A tolerance in height (metres) is
    for noise only: large enough for ground at grazing angles, it would count up to a quarter too
    much as visible.
    """
    lines, sample = viewshed.lines_of_sight, viewshed.terrain.sample
    offset = points - lines.position
    distance = np.hypot(offset[:, 0], offset[:, 1])
    tangent = (offset[:, 2] - curvature_drop(distance, lines.refraction)) / distance
    before = np.minimum(np.maximum(lines.cell / 2, lines.step * distance), distance)
    azimuth = np.arctan2(offset[:, 0], offset[:, 1])
    free = distance - before
    with np.errstate(invalid="ignore"):
        visible = distance >= lines.nearest
        visible &= ~(tangent * free + tolerance + _ROUNDING < lines.horizon(azimuth, free))
    left = np.flatnonzero(visible)
    heading = offset[left, :2] / distance[left, None]
    for part in _LAST:
        at = distance[left] - part * before[left]
        x, y = (lines.position[:2] + heading * at[:, None]).T
        ground = sample(x, y) - lines.position[2] - curvature_drop(at, lines.refraction)
        # Close to the point itself, ground can rise above the ray by little only.
        allowed = tolerance * part + _ROUNDING * min(part, 0.25)
        clear = ~(ground > tangent[left] * at + allowed)
        visible[left[~clear]] = False
        left, heading = left[clear], heading[clear]
    return np.asarray(visible)


def _interpolation_weights(
    place: NDArray[np.float64], count: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the index before a place among ``count`` samples and the next's weight, or NaN."""
    inside = (place >= 0) & (place <= count - 1)
    before = np.where(inside, np.minimum(place, max(count - 2, 0)), 0).astype(np.intp)
    return before, np.where(inside, place - before, np.nan).astype(np.float32)
