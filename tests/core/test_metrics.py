"""Overlap measures and click counts, on cases that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import ImageError, PromptError
from core.metrics import (
    Curve,
    Failures,
    NoC,
    boundary_iou,
    failures,
    harm,
    iou,
    iou_at,
    noc,
    seconds_per_click,
    summarise,
)


def square(size, start, stop):
    area = np.zeros((size, size), dtype=bool)
    area[start:stop, start:stop] = True
    return area


# --- overlap ---------------------------------------------------------------------------------


def test_iou_counts_pixels():
    mask = np.array([[1, 1, 0, 0]], dtype=np.int8)
    assert iou(np.array([[False, True, True, False]]), mask) == pytest.approx(1 / 3)
    assert iou(mask == 1, mask) == 1.0
    assert iou(mask == 0, mask) == 0.0


def test_iou_leaves_ignored_pixels_out():
    mask = np.array([[1, 1, -1, 0, -1]], dtype=np.int8)
    everything = np.ones((1, 5), dtype=bool)
    assert iou(everything, mask) == pytest.approx(2 / 3)
    assert iou(np.array([[True, True, True, False, False]]), mask) == 1.0
    assert iou(np.array([[True, True, False, False, True]]), mask) == 1.0


def test_iou_of_nothing_with_nothing_is_one():
    assert iou(np.zeros((3, 3), bool), np.zeros((3, 3), np.int8)) == 1.0
    assert iou(np.ones((3, 3), bool), np.full((3, 3), -1, np.int8)) == 1.0
    assert iou(np.ones((3, 3), bool), np.zeros((3, 3), np.int8)) == 0.0


@pytest.mark.parametrize("measure", [iou, boundary_iou])
def test_shapes_must_agree(measure):
    with pytest.raises(ImageError, match=r"\(2, 3\).*\(3, 2\).*resolution"):
        measure(np.zeros((2, 3), bool), np.zeros((3, 2), np.int8))


def test_boundary_iou_is_iou_of_the_inner_bands():
    # 100x100: diagonal 141.4, 2 % = 3 pixels. Squares 40 and 44 wide, concentric.
    mask = square(100, 30, 70).astype(np.int8)
    prediction = square(100, 28, 72)
    band = 40**2 - 34**2  # ground truth: rows and columns 30..32, 67..69
    other = 44**2 - 38**2  # prediction: 28..30, 69..71
    common = 40**2 - 38**2  # the one-pixel ring that both share
    assert boundary_iou(prediction, mask) == pytest.approx(common / (band + other - common))
    assert iou(prediction, mask) == pytest.approx(40**2 / 44**2)


def test_boundary_iou_of_equal_masks_is_one_and_of_apart_masks_zero():
    mask = square(60, 10, 30).astype(np.int8)
    assert boundary_iou(mask == 1, mask) == 1.0
    assert boundary_iou(square(60, 40, 50), mask) == 0.0
    assert boundary_iou(np.zeros((60, 60), bool), mask) == 0.0
    assert boundary_iou(np.zeros((60, 60), bool), np.zeros((60, 60), np.int8)) == 1.0


def test_boundary_iou_takes_the_image_edge_as_outline():
    mask = np.ones((100, 100), dtype=np.int8)
    with_hole = np.ones((100, 100), dtype=bool)
    with_hole[49:51, 49:51] = False
    edge = 100**2 - 94**2
    hole_band = 8**2 - 2**2
    assert boundary_iou(with_hole, mask) == pytest.approx(edge / (edge + hole_band))


def test_boundary_iou_band_is_at_least_one_pixel():
    mask = square(12, 3, 9).astype(np.int8)
    prediction = mask == 1
    prediction[5, 5] = False  # a ring of 8 pixels round the hole (one-pixel band), none shared
    ring = 6**2 - 4**2
    assert boundary_iou(prediction, mask, 0.001) == pytest.approx(ring / (ring + 8 - 0))


def test_boundary_iou_with_all_inside_the_band_equals_iou():
    mask = square(20, 5, 15).astype(np.int8)
    prediction = square(20, 7, 17)
    assert boundary_iou(prediction, mask, 1.0) == pytest.approx(iou(prediction, mask))


def test_boundary_iou_forgives_anything_in_ignored_pixels():
    mask = square(60, 10, 40).astype(np.int8)
    mask[10:40, 38:44] = -1
    for ignored in (False, True):
        prediction = mask == 1
        prediction[mask == -1] = ignored
        assert boundary_iou(prediction, mask) == 1.0


def test_boundary_iou_needs_a_positive_ratio():
    with pytest.raises(ImageError, match="greater than 0"):
        boundary_iou(np.zeros((3, 3), bool), np.zeros((3, 3), np.int8), 0)


# --- clicks ----------------------------------------------------------------------------------


def test_noc_is_the_first_click_that_reaches_the_threshold():
    ious = [0.5, 0.85, 0.7, 0.95]
    assert noc(ious, 0.8, 20) == NoC(2, True)
    assert noc(ious, 0.85, 20) == NoC(2, True)
    assert noc(ious, 0.9, 20) == NoC(4, True)
    assert noc(ious, 0.96, 20) == NoC(20, False)


def test_noc_tells_success_at_the_last_click_from_failure():
    assert noc([0.1, 0.2, 0.9], 0.9, 3) == NoC(3, True)
    assert noc([0.1, 0.2, 0.8], 0.9, 3) == NoC(3, False)


def test_noc_does_not_look_beyond_the_allowed_clicks():
    assert noc([0.1, 0.2, 0.9], 0.9, 2) == NoC(2, False)


def test_noc_with_a_start_that_suffices_is_zero():
    assert noc([], 0.8, 20, start=0.8) == NoC(0, True)
    assert noc([0.9], 0.8, 20, start=0.7) == NoC(1, True)


def test_noc_needs_a_click():
    with pytest.raises(PromptError, match="max_clicks=0"):
        noc([0.5], 0.8, 0)


def test_failures_of_the_published_toy_case():
    # Four objects, one of which succeeds at click 20: the family counts two failures.
    curves = [[0.9], [0.5, 0.6, 0.9], [0.5] * 19 + [0.9], [0.5] * 20]
    nocs = [noc(curve, 0.8, 20) for curve in curves]
    assert failures(nocs, 20) == Failures(never_reached=1, reached_at_last_click=1)
    assert sum(item.count for item in nocs) / 4 == 11.0


def test_iou_at_keeps_the_last_value_of_curves_that_stopped():
    curves = [[0.2, 0.9], [0.4, 0.5, 0.6, 0.7]]
    assert iou_at(curves, [1, 2, 3, 4, 10]) == pytest.approx(
        {1: 0.3, 2: 0.7, 3: 0.75, 4: 0.8, 10: 0.8}
    )


@pytest.mark.parametrize("curves", [[], [[0.5], []]])
def test_iou_at_needs_values(curves):
    with pytest.raises(PromptError, match="at least one object"):
        iou_at(curves, [1])


def test_iou_at_counts_from_one():
    with pytest.raises(PromptError, match="k=0"):
        iou_at([[0.5]], [0, 1])


def test_lowering_share_counts_clicks_that_do_harm():
    assert harm([[0.5, 0.4, 0.6], [0.9, 0.89]]) == pytest.approx(1 / 3)
    assert harm([[0.5, 0.4]], drop=0.2) == 0.0
    assert harm([[0.9]]) == 0.0


def test_seconds_per_click():
    assert seconds_per_click(3.0, 12) == 0.25
    assert seconds_per_click(3.0, 0) is None


# --- summary ---------------------------------------------------------------------------------


def test_summary_of_a_small_data_set():
    curves = [Curve([0.7, 0.86]), Curve([0.95]), Curve([0.6, 0.5, 0.82])]
    summary = summarise(curves, 12.0, max_clicks=3, target_iou=0.9)
    assert summary.noc == pytest.approx({80: 2.0, 85: 2.0, 90: 7 / 3})
    assert summary.failures == {80: (0, 1), 85: (1, 0), 90: (2, 0)}
    assert summary.iou_at == pytest.approx({1: 2.25 / 3, 2: 2.31 / 3, 3: 2.63 / 3})
    assert summary.harm == pytest.approx(1 / 3)
    assert summary.seconds_per_click == pytest.approx(2.0)
    assert summary.seconds == 12.0


def test_summary_leaves_out_what_the_target_hides():
    summary = summarise([Curve([0.83])], 1.0, max_clicks=20, target_iou=0.8)
    assert summary.noc == {80: 1.0, 85: None, 90: None}
    assert summary.failures == {80: (0, 0), 85: None, 90: None}


def test_summary_measures_a_target_met_exactly():
    assert summarise([Curve([0.9])], 1.0, max_clicks=5, target_iou=0.9).noc[90] == 1.0


def test_summary_reports_ious_up_to_the_allowed_clicks():
    for max_clicks, keys in ((1, [1]), (5, [1, 2, 3, 5]), (20, [1, 2, 3, 5, 7, 10, 20])):
        summary = summarise([Curve([0.5])], 1.0, max_clicks=max_clicks, target_iou=1.01)
        assert list(summary.iou_at) == keys


def test_summary_of_objects_that_started_from_a_mask():
    curves = [Curve([], start=0.92), Curve([0.6, 0.91], start=0.7)]
    summary = summarise(curves, 4.0, max_clicks=20, target_iou=0.9)
    assert summary.noc == {80: 1.0, 85: 1.0, 90: 1.0}
    assert summary.iou_at[1] == pytest.approx((0.92 + 0.6) / 2)
    assert summary.harm == pytest.approx(1 / 2)  # 0.7 -> 0.6, then 0.6 -> 0.91
    assert summary.seconds_per_click == pytest.approx(2.0)


def test_summary_without_any_click():
    summary = summarise([Curve([], start=0.95)], 1.0, max_clicks=20, target_iou=0.9)
    assert summary.seconds_per_click is None
    assert summary.noc[90] == 0.0


def test_summary_needs_objects():
    with pytest.raises(PromptError, match="no objects"):
        summarise([], 0.0, max_clicks=20, target_iou=0.9)
