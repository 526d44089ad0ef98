"""Rectangles of whole pixels, and the pixels read from one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class RasterSize(Protocol):
    """Anything with a size in pixels, such as `layers.grid.Grid`."""

    @property
    def width(self) -> int:
        """Columns."""

    @property
    def height(self) -> int:
        """Rows."""


@dataclass(frozen=True)
class PixelWindow:
    """A rectangle of whole pixels of a raster."""

    row: int
    col: int
    height: int
    width: int

    def contains(self, other: PixelWindow) -> bool:
        """Return whether another window lies in this one."""
        return (
            self.row <= other.row
            and self.col <= other.col
            and self.row + self.height >= other.row + other.height
            and self.col + self.width >= other.col + other.width
        )

    def slices_in(self, whole: PixelWindow) -> tuple[slice, slice]:
        """Return (rows, columns) of this window in an array of a window that contains it."""
        row, col = self.row - whole.row, self.col - whole.col
        return slice(row, row + self.height), slice(col, col + self.width)


@dataclass(frozen=True, eq=False)
class WindowImage:
    """The pixels of a window of a layer.

    Attributes
    ----------
    name
        Name by which the worker knows them; differs for every layer and window.
    window
        Where they lie in the layer's grid.
    pixels
        (height, width, 3) uint8, RGB.
    version
        Of the file that they were read from, see `file_version`; empty without a file.
    """

    name: str
    window: PixelWindow
    pixels: NDArray[np.uint8]
    version: str = ""
