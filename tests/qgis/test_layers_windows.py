"""Which part of a raster is looked at."""

from __future__ import annotations

import pytest

from avalanche_iseg_qgis.core.errors import PromptError
from avalanche_iseg_qgis.layers.grid import Grid
from avalanche_iseg_qgis.layers.pixel_window import PixelWindow
from avalanche_iseg_qgis.layers.windows import MAX_SIDE, choose_window, widen

LARGE = Grid(60_000, 50_000)
POINT = (20_000.0, 20_000.0, 30_000.0, 30_000.0)


def moved(bounds, by):
    return tuple(value + by for value in bounds)


def test_a_photo_is_one_window():
    assert choose_window(Grid(6000, 4000), (3.0, 5.0, 7.0, 9.0)) == PixelWindow(0, 0, 4000, 6000)


def test_around_the_prompts_of_a_large_raster():
    window = choose_window(LARGE, POINT)
    assert window.row % 256 == window.col % 256 == window.height % 256 == window.width % 256 == 0
    assert window.row <= 20_000 - 1024
    assert window.row + window.height > 20_000 + 1024
    assert max(window.height, window.width) <= 2048 + 2 * 256


def test_far_prompts_have_more_margin():
    window = choose_window(LARGE, (20_000.0, 23_000.0, 30_000.0, 30_100.0))
    assert window.row <= 20_000 - 1500
    assert window.col + window.width > 30_100 + 1500


def test_does_not_jump_at_every_click():
    held = choose_window(LARGE, POINT)
    for by in (-700, -1, 1, 300, 700):
        row, _, col, _ = moved(POINT, by)
        both = (min(row, POINT[0]), max(row, POINT[0]), min(col, POINT[2]), max(col, POINT[2]))
        assert choose_window(LARGE, both, held) == held


def test_joins_with_the_one_before():
    held = choose_window(LARGE, POINT)
    window = choose_window(LARGE, (20_000.0, 21_000.0, 30_000.0, 30_000.0), held)
    assert window != held
    assert window.contains(held)


def test_one_that_would_grow_too_large_is_left_behind():
    held = choose_window(LARGE, POINT)
    window = choose_window(LARGE, moved(POINT, 9000), held)
    assert window == choose_window(LARGE, moved(POINT, 9000))


def test_edges_of_the_raster():
    for row in (0.0, 49_999.0):
        for col in (0.0, 59_999.0):
            window = choose_window(LARGE, (row, row, col, col))
            whole = PixelWindow(0, 0, LARGE.height, LARGE.width)
            assert whole.contains(window)
            assert window.contains(PixelWindow(int(row), int(col), 1, 1))
            assert choose_window(LARGE, (row, row, col, col), window) == window


def test_a_long_thin_raster():
    grid = Grid(300, 400_000)
    window = choose_window(grid, (200_000.0, 200_000.0, 150.0, 150.0))
    assert (window.col, window.width) == (0, 300)
    assert window.height <= 3 * 1024


def test_largest():
    for size in range(5000, 7100, 50):
        window = choose_window(LARGE, (20_000.0, 20_000.0 + size, 30_000.0, 30_000.0))
        assert max(window.height, window.width) <= MAX_SIDE
    with pytest.raises(PromptError, match="start another one"):
        choose_window(LARGE, (20_000.0, 27_300.0, 30_000.0, 30_000.0))


def test_wider():
    held = choose_window(LARGE, POINT)
    sizes = []
    for _ in range(10):
        grown = widen(LARGE, held)
        assert grown.contains(held)
        sizes.append(grown.height)
        held = grown
    assert sizes[0] >= 2 * 2048
    assert sizes[-1] == sizes[-2] <= MAX_SIDE
    whole = PixelWindow(0, 0, 4000, 6000)
    assert widen(Grid(6000, 4000), whole) == whole
