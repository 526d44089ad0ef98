"""Grid on the map: heights, projection into the photo, and visibility of its cells."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..camera.refraction import curvature_drop
from .horizon_table import interpolate, tabulate_horizon

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ..camera import Camera
    from ..terrain import Terrain
    from .lines_of_sight import LinesOfSight
    from .viewshed import Viewshed

FINEST = 0.5
"""Smallest cell size chosen by default, metres."""

_ROUNDING = 0.002  # metres, of single precision: smooth ground hides by millimetres
_LAST = (0.75, 0.5, 0.25, 0.1)  # of the last part of a ray, where the ground itself is sampled


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
        self, wanted: NDArray[np.bool_], heights: NDArray[np.float32], viewshed: Viewshed
    ) -> NDArray[np.bool_]:
        """Return which of the ``wanted`` cells (rows, cols) no ground hides from the camera."""
        return np.asarray(self.clearance(wanted, heights, viewshed) >= 0)

    def clearance(
        self, wanted: NDArray[np.bool_], heights: NDArray[np.float32], viewshed: Viewshed
    ) -> NDArray[np.float32]:
        """Return `ray_clearance` of the ``wanted`` cells (rows, cols); NaN of the others."""
        found = np.full(wanted.shape, np.nan, np.float32)
        index = np.flatnonzero(wanted)
        if len(index):
            row, col = np.divmod(index, self.cols)
            camera = viewshed.record.camera
            found.ravel()[index] = ray_clearance(
                (self.x - camera.x).astype(np.float32)[col],
                (self.y - camera.y).astype(np.float32)[row],
                heights.ravel()[index],
                viewshed,
            )
        return found


def is_ground_visible(points: NDArray[np.float64], viewshed: Viewshed) -> NDArray[np.bool_]:
    """Return whether points *on the ground* (N, 3) are visible."""
    if not len(points):
        return np.zeros(0, bool)
    east, north = (points[:, :2] - viewshed.record.camera.position[:2]).T.astype(np.float32)
    return np.asarray(ray_clearance(east, north, points[:, 2], viewshed) >= 0)


def ray_clearance(
    east: NDArray[np.float32],
    north: NDArray[np.float32],
    height: NDArray[np.floating],
    viewshed: Viewshed,
) -> NDArray[np.float32]:
    """Return by how much the rays towards points on the ground are clear of what lies before.

    Metres (N,), negative where a point is hidden, -inf closer than the near field. `east` and
    `north` (N,) count from the camera.

    The ray towards each must be free until just before it, by as much as the lines of sight
    resolve; the ground of the last half cell is sampled itself.
    """
    lines = viewshed.lines_of_sight
    by_square = np.float32(float(curvature_drop(1.0, lines.refraction)))
    square = east * east + north * north
    distance = np.maximum(np.sqrt(square), np.float32(1e-3))
    up = np.subtract(height - lines.position[2], by_square * square, dtype=np.float32)
    east, north, tangent = (
        np.divide(part, distance, dtype=np.float32) for part in (east, north, up)
    )
    before = np.maximum(np.float32(lines.cell / 2), np.float32(lines.step) * distance)
    before = np.minimum(before, distance)
    free = distance - before
    clear = tangent * free - _horizon(east, north, free, lines) + np.float32(_ROUNDING)
    ground, left, upper = _ground_about(east * distance, north * distance, viewshed)
    scale = np.float32(1 / viewshed.terrain.cell)
    for part in _LAST:
        at = distance - np.float32(part) * before
        sampled = interpolate(ground, (east * at) * scale - left, upper - (north * at) * scale)
        over = (
            tangent * at - (sampled - by_square * at * at) + np.float32(_ROUNDING * min(part, 0.25))
        )
        clear = np.fmin(clear, over * np.float32(1 / part))
    clear[distance < lines.nearest] = -np.inf
    return np.asarray(clear)


def _horizon(
    east: NDArray[np.float32],
    north: NDArray[np.float32],
    distance: NDArray[np.float32],
    lines: LinesOfSight,
) -> NDArray[np.float32]:
    """Return the heights of the horizon (N,) at unit vectors and distances, as they appear."""
    middle = math.atan2(float(np.sum(east)), float(np.sum(north)))
    sine, cosine = np.float32(math.sin(middle)), np.float32(math.cos(middle))
    azimuth = np.arctan2(east * cosine - north * sine, north * cosine + east * sine)
    table = tabulate_horizon(lines, middle, azimuth, distance)
    if table is not None:
        return np.asarray(table.lookup(azimuth, distance) * distance)
    return lines.horizon(azimuth.astype(np.float64) + middle, distance).astype(np.float32)


def _ground_about(
    east: NDArray[np.float32], north: NDArray[np.float32], viewshed: Viewshed
) -> tuple[NDArray[np.float32], np.float32, np.float32]:
    """Cut the heights over the camera about points out; return also column and row of the camera.

    Coordinates in single precision are exact to a tenth of a millimetre then. The column comes
    with the sign changed.
    """
    terrain, position = viewshed.terrain, viewshed.lines_of_sight.position
    col, row = (position[0] - terrain.west), (terrain.north - position[1])
    bounds = [
        (float(np.min(east)) + col, float(np.max(east)) + col),
        (row - float(np.max(north)), row - float(np.min(north))),
    ]
    cols, rows = (
        slice(
            min(max(int(low / terrain.cell) - 2, 0), size - 1),
            max(int(high / terrain.cell) + 3, 1),
        )
        for (low, high), size in zip(bounds, terrain.heights.shape[::-1], strict=True)
    )
    ground = terrain.heights[rows, cols] - np.float32(position[2])
    return (
        ground,
        np.float32(cols.start - col / terrain.cell),
        np.float32(row / terrain.cell - rows.start),
    )


def _interpolation_weights(
    place: NDArray[np.float64], count: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the index before a place among ``count`` samples and the next's weight, or NaN."""
    inside = (place >= 0) & (place <= count - 1)
    before = np.where(inside, np.minimum(place, max(count - 2, 0)), 0).astype(np.intp)
    return before, np.where(inside, place - before, np.nan).astype(np.float32)
