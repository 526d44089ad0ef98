"""Heights on a regular grid, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Terrain:
    """Heights of a part of a DEM, in the map CRS.

    Attributes
    ----------
    heights
        (R, C) float32, metres, NaN where unknown; the first row is the northernmost.
    west, north
        x and y of the *centre* of the upper left cell, metres.
    cell
        Size of the square cells, metres.
    noise
        Standard deviation of the noise that has been smoothed away, metres; see `noise`.

    Examples
    --------
    >>> import numpy as np
    >>> from core.terrain import Terrain
    >>> slope = Terrain(np.float32([[30, 30], [20, 20]]), west=0.0, north=10.0, cell=10.0)
    >>> slope.sample([5.0, 50.0], [5.0, 5.0]).tolist()
    [25.0, nan]
    """

    heights: NDArray[np.float32]
    west: float
    north: float
    cell: float
    noise: float = 0.0

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(x_min, y_min, x_max, y_max) of the cells' centres: where heights are known."""
        rows, cols = self.heights.shape
        return (
            self.west,
            self.north - (rows - 1) * self.cell,
            self.west + (cols - 1) * self.cell,
            self.north,
        )

    def sample(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """Interpolate heights bilinearly at x and y, metres, of one shape.

        NaN outside and beside unknown cells.
        """
        rows, cols = self.heights.shape
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        col, row = (x - self.west) / self.cell, (self.north - y) / self.cell
        inside = (col >= 0) & (col <= cols - 1) & (row >= 0) & (row <= rows - 1)
        col, row = np.where(inside, col, 0.0), np.where(inside, row, 0.0)
        left = np.minimum(col.astype(np.intp), max(cols - 2, 0))
        upper = np.minimum(row.astype(np.intp), max(rows - 2, 0))
        right, lower = np.minimum(left + 1, cols - 1), np.minimum(upper + 1, rows - 1)
        across, along = col - left, row - upper
        at = self.heights
        above = at[upper, left] * (1 - across) + at[upper, right] * across
        below = at[lower, left] * (1 - across) + at[lower, right] * across
        return np.where(inside, above * (1 - along) + below * along, np.nan)
