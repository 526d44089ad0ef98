"""Which part of a raster the model looks at: the whole, or a window around the prompts.

A function of the prompts only, never of the view: zooming does not change the result.
"""

from __future__ import annotations

from ..core.errors import PromptError
from ..i18n import tr
from .pixel_window import PixelWindow, RasterSize

MAX_WHOLE_PIXELS = 32_000_000
"""Pixels up to which a raster is one window."""
MAX_SIDE = 8192
"""Pixels a side of the largest window of a larger raster."""
_STEP = 256  # windows begin and end at multiples of this
_MARGIN = 1024  # around the prompts
_LEAST = 256  # margin with which a window is kept


def choose_window(
    grid: RasterSize, bounds: tuple[float, float, float, float], held: PixelWindow | None = None
) -> PixelWindow:
    """The window in which prompts are to be answered.

    Parameters
    ----------
    grid
        Of the raster.
    bounds
        (row_min, row_max, col_min, col_max) of all prompts, in pixels of the grid.
    held
        The window up to now: kept as long as the prompts lie well inside, else joined with the new
        one where that is not too large, so that what was segmented stays in view of the model.

    Raises
    ------
    PromptError
        Prompts that lie too far apart for one window.
    """
    if grid.width * grid.height <= MAX_WHOLE_PIXELS:
        return PixelWindow(0, 0, grid.height, grid.width)
    row_min, row_max, col_min, col_max = bounds
    size = max(row_max - row_min, col_max - col_min)
    margin = min(max(_MARGIN, size / 2), (MAX_SIDE - size) / 2 - _STEP)
    if margin < _LEAST:
        raise PromptError(
            tr(
                "The prompts lie too far apart, more than {} pixels: finish this avalanche and "
                "start another one."
            ).format(MAX_SIDE - 2 * (_LEAST + _STEP))
        )
    if held is not None and held.contains(_grown(grid, bounds, _LEAST, 1)):
        return held
    wanted = _grown(grid, bounds, margin, _STEP)
    joined = _joined(wanted, held) if held is not None else wanted
    return joined if max(joined.height, joined.width) <= MAX_SIDE else wanted


def widen(grid: RasterSize, window: PixelWindow) -> PixelWindow:
    """The window grown by half on all sides, for a mask that reaches its edge.

    The same window where it cannot grow: at the raster's edges, or at the largest size.
    """
    bottom, right = window.row + window.height - 1, window.col + window.width - 1
    bounds = (window.row, bottom, window.col, right)
    size = max(window.height, window.width)
    margin = min(size / 2, (MAX_SIDE - size) / 2 - _STEP)
    if margin < _STEP:
        return window
    return _grown(grid, bounds, margin, _STEP)


def _grown(
    grid: RasterSize, bounds: tuple[float, float, float, float], margin: float, step: int
) -> PixelWindow:
    """Bounds with a margin, out to multiples of a step, within the raster."""
    row_min, row_max, col_min, col_max = bounds
    row, bottom = _span(row_min - margin, row_max + margin, step, grid.height)
    col, right = _span(col_min - margin, col_max + margin, step, grid.width)
    return PixelWindow(row, col, bottom - row, right - col)


def _span(first: float, last: float, step: int, size: int) -> tuple[int, int]:
    """Whole pixels from the first to behind the last one."""
    start = int((first + 0.5) // step * step)
    end = -int(-(last + 0.5) // step * step)
    return min(max(start, 0), size - 1), max(min(end, size), 1)


def _joined(one: PixelWindow, other: PixelWindow) -> PixelWindow:
    row, col = min(one.row, other.row), min(one.col, other.col)
    bottom = max(one.row + one.height, other.row + other.height)
    right = max(one.col + one.width, other.col + other.width)
    return PixelWindow(row, col, bottom - row, right - col)
