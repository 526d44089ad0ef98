"""Which part of a raster is looked at."""

from __future__ import annotations

import pytest

from avalanche_iseg_qgis.core.errors import PromptError
from avalanche_iseg_qgis.layers.grid import Grid
from avalanche_iseg_qgis.layers.pixel_window import PixelWindow
from avalanche_iseg_qgis.layers.windows import LIMIT, wider, window_for

LARGE = Grid(60_000, 50_000)
POINT = (20_000.0, 20_000.0, 30_000.0, 30_000.0)


def moved(bounds, by):
    return tuple(value + by for value in bounds)


def test_a_photo_is_one_window():
    assert window_for(Grid(6000, 4000), (3.0, 5.0, 7.0, 9.0)) == PixelWindow(0, 0, 4000, 6000)


def test_around_the_prompts_of_a_large_raster():
    window = window_for(LARGE, POINT)
    assert window.row % 256 == window.col % 256 == window.height % 256 == window.width % 256 == 0
    assert window.row <= 20_000 - 1024
    assert window.row + window.height > 20_000 + 1024
    assert max(window.height, window.width) <= 2048 + 2 * 256


def test_far_prompts_have_more_margin():
    window = window_for(LARGE, (20_000.0, 23_000.0, 30_000.0, 30_100.0))
    assert window.row <= 20_000 - 1500
    assert window.col + window.width > 30_100 + 1500


def test_does_not_jump_at_every_click():
    held = window_for(LARGE, POINT)
    for by in (-700, -1, 1, 300, 700):
        row, _, col, _ = moved(POINT, by)
        both = (min(row, POINT[0]), max(row, POINT[0]), min(col, POINT[2]), max(col, POINT[2]))
        assert window_for(LARGE, both, held) == held


def test_joins_with_the_one_before():
    held = window_for(LARGE, POINT)
    window = window_for(LARGE, (20_000.0, 21_000.0, 30_000.0, 30_000.0), held)
    assert window != held
    assert window.holds(held)


def test_one_that_would_grow_too_large_is_left_behind():
    held = window_for(LARGE, POINT)
    window = window_for(LARGE, moved(POINT, 9000), held)
    assert window == window_for(LARGE, moved(POINT, 9000))


def test_edges_of_the_raster():
    for row in (0.0, 49_999.0):
        for col in (0.0, 59_999.0):
            window = window_for(LARGE, (row, row, col, col))
            whole = PixelWindow(0, 0, LARGE.height, LARGE.width)
            assert whole.holds(window)
            assert window.holds(PixelWindow(int(row), int(col), 1, 1))
            assert window_for(LARGE, (row, row, col, col), window) == window


def test_a_long_thin_raster():
    grid = Grid(300, 400_000)
    window = window_for(grid, (200_000.0, 200_000.0, 150.0, 150.0))
    assert (window.col, window.width) == (0, 300)
    assert window.height <= 3 * 1024


def test_largest():
    for size in range(5000, 7100, 50):
        window = window_for(LARGE, (20_000.0, 20_000.0 + size, 30_000.0, 30_000.0))
        assert max(window.height, window.width) <= LIMIT
    with pytest.raises(PromptError, match="start another one"):
        window_for(LARGE, (20_000.0, 27_300.0, 30_000.0, 30_000.0))


def test_wider():
    held = window_for(LARGE, POINT)
    sizes = []
    for _ in range(10):
        grown = wider(LARGE, held)
        assert grown.holds(held)
        sizes.append(grown.height)
        held = grown
    assert sizes[0] >= 2 * 2048
    assert sizes[-1] == sizes[-2] <= LIMIT
    whole = PixelWindow(0, 0, 4000, 6000)
    assert wider(Grid(6000, 4000), whole) == whole
