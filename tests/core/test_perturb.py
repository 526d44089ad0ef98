"""Flawed masks: how flawed, always the same, and odd objects."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.metrics import iou
from core.perturb import perturb_mask


def ellipse(shape, centre, axes, angle=0.0):
    mask = np.zeros(shape, np.uint8)
    cv2.ellipse(mask, centre, axes, angle, 0, 360, 1, -1)
    return mask.astype(np.int8)


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize(
    ("shape", "centre", "axes"),
    [
        ((100, 120), (60, 50), (30, 20)),
        ((300, 200), (100, 150), (90, 140)),
        ((60, 60), (5, 5), (20, 9)),
        ((400, 400), (200, 200), (6, 6)),
    ],
)
def test_the_flaw_is_of_the_promised_size(shape, centre, axes, seed):
    mask = ellipse(shape, centre, axes, 30.0)
    assert 0.6 <= iou(perturb_mask(mask, seed), mask) <= 0.8


@pytest.mark.parametrize("seed", range(12))
def test_the_goals_decide_on_the_iou(seed):
    mask = ellipse((300, 200), (100, 150), (60, 90))
    assert 0.75 <= iou(perturb_mask(mask, seed, (0.78, 0.83)), mask) <= 0.85


def test_same_seed_same_mask_and_another_seed_another():
    mask = ellipse((100, 120), (60, 50), (30, 20))
    assert (perturb_mask(mask, 5) == perturb_mask(mask, 5)).all()
    assert (perturb_mask(mask, 5) != perturb_mask(mask, 6)).any()


def test_flaws_are_both_cuts_and_additions():
    mask = ellipse((100, 120), (60, 50), (30, 20))
    areas = [perturb_mask(mask, seed).sum() for seed in range(20)]
    assert min(areas) < 0.85 * mask.sum()
    assert max(areas) > 1.15 * mask.sum()


def test_the_flaw_is_smooth_not_noise():
    mask = ellipse((100, 120), (60, 50), (30, 20))
    for seed in range(10):
        pieces, _ = cv2.connectedComponents(perturb_mask(mask, seed).astype(np.uint8))
        assert pieces - 1 <= 3


def test_the_input_is_left_alone_and_the_result_is_bool():
    mask = ellipse((100, 120), (60, 50), (30, 20))
    before = mask.copy()
    result = perturb_mask(mask, 0)
    assert result.dtype == bool
    assert result.shape == mask.shape
    assert (mask == before).all()


def test_ignored_pixels_are_background():
    mask = ellipse((100, 120), (60, 50), (30, 20))
    ignored = mask.copy()
    ignored[mask == 0] = -1
    assert (perturb_mask(mask, 3) == perturb_mask(ignored, 3)).all()


@pytest.mark.parametrize("seed", range(6))
def test_an_object_that_fills_the_image_can_only_be_cut(seed):
    mask = np.ones((50, 70), np.int8)
    assert 0.6 <= perturb_mask(mask, seed).mean() <= 0.8


def test_nothing_stays_nothing():
    assert not perturb_mask(np.zeros((9, 9), np.int8), 0).any()


@pytest.mark.parametrize("seed", range(6))
def test_a_single_pixel_does_no_harm(seed):
    mask = np.zeros((9, 9), np.int8)
    mask[4, 4] = 1
    assert perturb_mask(mask, seed).shape == (9, 9)
