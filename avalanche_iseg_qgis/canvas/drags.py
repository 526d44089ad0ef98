"""Changes of the prompts by dragging with the left button, in pixels of the grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..core.prompts import Box
from .prompt_item import CENTRE

if TYPE_CHECKING:
    from ..layers.grid import PixelGrid
    from ..session.prompt_set import PromptSet

Drag = Callable[[float, float], "PromptSet"]
"""Function from the current (row, col) of the mouse to the changed prompts."""


def clamp(grid: PixelGrid, row: float, col: float) -> tuple[float, float]:
    """Return the nearest pixel coordinate within the raster."""
    return min(max(row, 0), grid.height - 1), min(max(col, 0), grid.width - 1)


def drag_click(prompts: PromptSet, grid: PixelGrid, index: int) -> Drag:
    """Move a click, within the raster."""
    return lambda row, col: prompts.with_moved(index, *clamp(grid, row, col))


def drag_new_box(prompts: PromptSet, grid: PixelGrid, row: float, col: float) -> Drag:
    """Draw a box from a first corner, which may lie outside, clipped to the raster."""
    first = clamp(grid, row, col)
    return lambda r, c: prompts.with_box(Box.from_corners(first, clamp(grid, r, c)))


def drag_handle(
    prompts: PromptSet, grid: PixelGrid, box: Box, handle: tuple[int, int], row: float, col: float
) -> Drag:
    """Move the sides of a box that belong to a handle, or with `CENTRE` the whole box."""

    def resized(r: float, c: float) -> PromptSet:
        down, right = r - row, c - col
        first = box.row_min + down * (handle[0] < 0), box.col_min + right * (handle[1] < 0)
        last = box.row_max + down * (handle[0] > 0), box.col_max + right * (handle[1] > 0)
        return prompts.with_box(Box.from_corners(clamp(grid, *first), clamp(grid, *last)))

    def moved(r: float, c: float) -> PromptSet:
        down = min(max(r - row, -box.row_min), grid.height - 1 - box.row_max)
        right = min(max(c - col, -box.col_min), grid.width - 1 - box.col_max)
        rows = box.row_min + down, box.row_max + down
        return prompts.with_box(Box(*rows, box.col_min + right, box.col_max + right))

    return moved if handle == CENTRE else resized
