"""The pixel window of a raster in which prompts are answered: the whole, or a part round them.

It depends on the prompts only, never on the map view: zooming does not change the result.
"""

from __future__ import annotations

from ..core.errors import PromptError
from ..i18n import tr
from .pixel_window import PixelWindow, RasterSize

MAX_WHOLE_PIXELS = 32_000_000
"""Number of pixels up to which a raster is one window."""
MAX_SIDE = 8192
"""Side of the largest window of a larger raster, in pixels."""
_STEP = 256  # pixels; windows begin and end at multiples of it
_MARGIN = 1024  # pixels round the prompts
_MIN_MARGIN = 256  # pixels round the prompts with which a window is reused


def choose_window(
    grid: RasterSize, bounds: tuple[float, float, float, float], current: PixelWindow | None = None
) -> PixelWindow:
    """Choose the window in which prompts are to be answered.

    Parameters
    ----------
    grid
        Grid of the raster.
    bounds
        (row_min, row_max, col_min, col_max) of all prompts, in pixels of the grid.
    current
        The window so far. It is reused if the prompts lie well inside; else it is united with the
        new one unless that becomes too large, so that the model still sees the whole object.

    Raises
    ------
    PromptError
        If the prompts lie too far apart for one window.
    """
    if grid.width * grid.height <= MAX_WHOLE_PIXELS:
        return PixelWindow(0, 0, grid.height, grid.width)
    row_min, row_max, col_min, col_max = bounds
    size = max(row_max - row_min, col_max - col_min)
    margin = min(max(_MARGIN, size / 2), (MAX_SIDE - size) / 2 - _STEP)
    if margin < _MIN_MARGIN:
        raise PromptError(
            tr(
                "The prompts lie too far apart, more than {} pixels: finish this avalanche and "
                "start another one."
            ).format(MAX_SIDE - 2 * (_MIN_MARGIN + _STEP))
        )
    if current is not None and current.contains(_grow(grid, bounds, _MIN_MARGIN, 1)):
        return current
    wanted = _grow(grid, bounds, margin, _STEP)
    union = _unite(wanted, current) if current is not None else wanted
    return union if max(union.height, union.width) <= MAX_SIDE else wanted


def widen(grid: RasterSize, window: PixelWindow) -> PixelWindow:
    """Widen a window by half on all sides, for a mask that reaches its edge.

    A window that cannot grow, at the raster's edges or at the largest size, is returned unchanged.
    """
    bottom, right = window.row + window.height - 1, window.col + window.width - 1
    bounds = (window.row, bottom, window.col, right)
    size = max(window.height, window.width)
    margin = min(size / 2, (MAX_SIDE - size) / 2 - _STEP)
    if margin < _STEP:
        return window
    return _grow(grid, bounds, margin, _STEP)


def _grow(
    grid: RasterSize, bounds: tuple[float, float, float, float], margin: float, step: int
) -> PixelWindow:
    """Add a margin to bounds, extended to multiples of a step, within the raster."""
    row_min, row_max, col_min, col_max = bounds
    row, bottom = _round_range(row_min - margin, row_max + margin, step, grid.height)
    col, right = _round_range(col_min - margin, col_max + margin, step, grid.width)
    return PixelWindow(row, col, bottom - row, right - col)


def _round_range(first: float, last: float, step: int, size: int) -> tuple[int, int]:
    """Extend a range of pixels to multiples of a step: first, and one after the last."""
    start = int((first + 0.5) // step * step)
    end = -int(-(last + 0.5) // step * step)
    return min(max(start, 0), size - 1), max(min(end, size), 1)


def _unite(one: PixelWindow, other: PixelWindow) -> PixelWindow:
    row, col = min(one.row, other.row), min(one.col, other.col)
    bottom = max(one.row + one.height, other.row + other.height)
    right = max(one.col + one.width, other.col + other.width)
    return PixelWindow(row, col, bottom - row, right - col)
