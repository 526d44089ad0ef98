"""Pixels that the model is to look at."""

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
    """A part of a raster, in whole pixels."""

    row: int
    col: int
    height: int
    width: int

    def contains(self, other: PixelWindow) -> bool:
        """Whether another window lies in this one."""
        return (
            self.row <= other.row
            and self.col <= other.col
            and self.row + self.height >= other.row + other.height
            and self.col + self.width >= other.col + other.width
        )


@dataclass(frozen=True, eq=False)
class WindowImage:
    """A window of a layer, read.

    Attributes
    ----------
    name
        By which the worker knows it: another one for every layer and window.
    window
        Where it lies in the layer's grid.
    pixels
        (height, width, 3) uint8, RGB.
    """

    name: str
    window: PixelWindow
    pixels: NDArray[np.uint8]
