"""Windows of the image: how they grow, overlap and fit."""

from __future__ import annotations

import numpy as np
import pytest

from core.predictor.geometry import Roi, bounding_roi, fit
from core.prompts import Click

OBJECT = Roi(100, 179, 200, 329)
IMAGE = (300, 500)


def test_expand_reproduces_the_published_windows():
    assert OBJECT.expand(1.4, 200, IMAGE) == Roi(40, 240, 164, 364)
    grown = OBJECT.including([Click(290, 490)])
    assert grown.expand(1.4, 200, IMAGE) == Roi(61, 299, 141, 499)


def test_expand_keeps_inside_the_image():
    assert Roi(0, 9, 490, 499).expand(1.4, 200, IMAGE) == Roi(0, 104, 394, 499)
    assert Roi(5, 5, 5, 5).expand(1.4, 1000, IMAGE) == Roi.whole(IMAGE)


def test_expand_rounds_halves_to_even():
    # Centre 10, length 5: bounds 7.5 and 12.5. Centre 11: bounds 8.5 and 13.5.
    assert Roi(8, 12, 9, 13).expand(1.0, 1, (100, 100)) == Roi(8, 12, 8, 14)


def test_size_counts_both_bounds():
    assert OBJECT.size == (80, 130)
    assert Roi(3, 3, 7, 7).size == (1, 1)
    assert Roi.whole(IMAGE).size == IMAGE


def test_slices_cut_exactly_the_window():
    image = np.arange(300 * 500).reshape(IMAGE)
    crop = image[OBJECT.slices]
    assert crop.shape == OBJECT.size
    assert crop[0, 0] == 100 * 500 + 200
    assert crop[-1, -1] == 179 * 500 + 329


@pytest.mark.parametrize(
    ("row", "col", "inside"),
    [
        (100, 200, True),
        (179, 329, True),
        (99.9, 250, False),
        (179.1, 250, False),
        (120, 199, False),
        (120, 330, False),
    ],
)
def test_contains_the_edges(row, col, inside):
    assert OBJECT.contains(Click(row, col)) is inside


def test_iou_is_the_product_of_the_overlaps_of_rows_and_columns():
    assert OBJECT.iou(OBJECT) == 1
    # Rows 0-9 and 5-14 share 5 of 15, columns 0-9 and 0-19 share 10 of 20.
    assert Roi(0, 9, 0, 9).iou(Roi(5, 14, 0, 19)) == pytest.approx(5 / 15 * 10 / 20)
    assert Roi(0, 9, 0, 9).iou(Roi(10, 19, 0, 9)) == 0  # neighbours share nothing
    assert Roi(0, 9, 0, 9).iou(Roi(500, 509, 0, 9)) == 0


def test_iou_is_symmetric():
    a, b = Roi(3, 40, 7, 19), Roi(20, 60, 1, 12)
    assert a.iou(b) == b.iou(a) > 0


def test_including_takes_the_pixel_of_fractional_clicks():
    assert OBJECT.including([Click(99.7, 330.9)]) == Roi(99, 179, 200, 330)
    assert OBJECT.including([]) == OBJECT
    assert OBJECT.including(iter([Click(150, 250)])) == OBJECT


def test_bounding_roi_agrees_with_the_pixels():
    mask = np.zeros((40, 60), np.bool_)
    mask[7, 50] = mask[31, 2] = mask[20, 20] = True
    assert bounding_roi(mask) == Roi(7, 31, 2, 50)


def test_bounding_roi_of_corner_pixels_and_of_nothing():
    mask = np.zeros((4, 5), np.bool_)
    assert bounding_roi(mask) is None
    mask[3, 4] = True
    assert bounding_roi(mask) == Roi(3, 3, 4, 4)
    assert bounding_roi(np.ones((4, 5), np.bool_)) == Roi.whole((4, 5))


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((239, 359), 400, (266, 400)),
        ((300, 500), 200, (120, 200)),
        ((4000, 6000), 400, (267, 400)),
        ((201, 201), 400, (400, 400)),
        ((10, 9000), 400, (1, 400)),  # never empty
        ((1, 1), 32, (32, 32)),
    ],
)
def test_fit_scales_the_longest_side(size, longest, expected):
    assert fit(size, longest) == expected
    assert fit(size[::-1], longest) == expected[::-1]
