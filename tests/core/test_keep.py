"""A mask to start from: clicks change it where they are made, and nowhere else."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from predictor_fixtures import Answer, Bench, disks, echo, red, red_where, toy

from core.datasets import open_dataset
from core.engine import load_model
from core.predictor import Predictor, PredictorOptions
from core.predictor.geometry import Roi
from core.predictor.mask_correction import MaskCorrection
from core.predictor.prediction import Prediction
from core.predictor.view import InputView
from core.prompts import Box, Click, Prompts

SIZE = (200, 300)
ROWS, COLS = np.ogrid[: SIZE[0], : SIZE[1]]
THRESHOLDS = (0.0, 0.1, 0.3, 0.49, 0.5, 0.7, 0.995)


def rectangle(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    inside = np.zeros(SIZE, bool)
    inside[top:bottom, left:right] = True
    return inside


# The mask has a crisp comb along its lower edge, which no network draws.
MASK = rectangle(40, 120, 40, 120) & ((ROWS < 100) | (COLS % 4 < 2))
# The image is red right of column 60, over rows 20 to 160, and in a box apart.
RED = rectangle(20, 160, 60, 200) | rectangle(50, 80, 230, 260)
ADDS = Click(60, 150)  # red, not in the mask
TAKES = Click(60, 50, positive=False)  # in the mask, not red
ADDED = RED & ~MASK & (COLS < 210)
TAKEN = MASK & ~RED


def network(answer: Answer = red, **options: Any) -> Bench:
    """A network that sees the whole image, and finds what is red."""
    return toy(answer, red_where(RED), **{"zoom": None, "correct_mask": True, **options})


def masks(made: Bench, *clicks: Click, **prompts: Any) -> dict[float, np.ndarray]:
    prediction = made.predictor.predict(Prompts(clicks, **{"mask": MASK, **prompts}))
    return {threshold: prediction.mask(threshold) for threshold in THRESHOLDS}


@pytest.mark.parametrize("mask", [MASK, MASK * np.float32(0.7)], ids=["bool", "probabilities"])
def test_without_clicks_the_mask_is_returned_as_it_is(mask):
    prediction = network().predictor.predict(Prompts(mask=mask))
    np.testing.assert_array_equal(prediction.probability, mask.astype(np.float32))


def test_a_positive_click_adds_its_part_and_leaves_the_rest():
    found = masks(network(), ADDS)[0.5]
    np.testing.assert_array_equal(found, MASK | ADDED)


def test_a_negative_click_takes_its_part_away_and_leaves_the_rest():
    found = masks(network(), TAKES)[0.5]
    np.testing.assert_array_equal(found, MASK & ~TAKEN)


def test_clicks_add_up_in_any_order():
    for clicks in ((ADDS, TAKES), (TAKES, ADDS)):
        np.testing.assert_array_equal(masks(network(), *clicks)[0.5], (MASK | ADDED) & ~TAKEN)


def test_undo_and_redo_show_what_was_before():
    made = network()
    once, twice = masks(made, ADDS), masks(made, ADDS, TAKES)
    for clicks, expected in (((ADDS,), once), ((ADDS, TAKES), twice), ((ADDS,), once)):
        for threshold, found in masks(made, *clicks).items():
            np.testing.assert_array_equal(found, expected[threshold])
    np.testing.assert_array_equal(masks(made)[0.5], MASK)
    assert made.passes == 2


@pytest.mark.parametrize("click", [Click(60, 90), Click(10, 290, False), Click(185, 20)])
def test_a_click_that_agrees_with_mask_and_network_changes_nothing(click):
    for found in masks(network(), click).values():
        np.testing.assert_array_equal(found, MASK)


def test_a_click_beside_a_change_finds_it():
    np.testing.assert_array_equal(masks(network(), Click(60, 201))[0.5], MASK | ADDED)
    np.testing.assert_array_equal(masks(network(), Click(60, 206))[0.5], MASK)


def test_at_no_threshold_positive_clicks_take_away_or_negative_ones_add():
    """The network's answer is a soft blob round the click."""

    def soft(rgb: Any, maps: Any) -> Any:
        return 12 * (maps[:, -2:-1] - maps[:, -1:]) + 6 * rgb[:, :1] - 3

    for found in masks(network(soft), Click(60, 121)).values():
        assert not (MASK & ~found).any()
    for found in masks(network(soft), Click(60, 118, positive=False)).values():
        assert not (found & ~MASK).any()


def blob(centre: tuple[float, float], width: float = 20.0) -> Prediction:
    """A network's answer that falls off round a point, seen at full size."""
    distance = np.hypot(ROWS - centre[0], COLS - centre[1])
    probability = (1 / (1 + np.exp((distance - 25) / width * 8))).astype(np.float32)
    return Prediction(SIZE, probability, (InputView(Roi.whole(SIZE), SIZE),))


def test_a_moved_threshold_moves_what_was_changed_and_nothing_else():
    answer = blob((60, 125))
    kept = MaskCorrection(MASK.astype(np.float32), 0.5).apply([Click(60, 130)], [answer])
    sizes = []
    for threshold in (0.1, 0.3, 0.5, 0.7, 0.9):
        found = kept.mask(threshold)
        assert (found | ~MASK).all()
        assert not (found & ~MASK & ~answer.mask(0.01)).any()
        sizes.append(found.sum())
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 5
    np.testing.assert_array_equal(kept.mask(0.5), MASK | answer.mask(0.5))


def test_what_an_earlier_window_changed_stays_when_the_window_moves():
    whole = Prediction(
        SIZE, np.where(RED, 1, 0).astype(np.float32), (InputView(Roi.whole(SIZE), SIZE),)
    )
    roi = Roi(150, 199, 0, 49)
    corner = Prediction(SIZE, np.zeros(roi.size, np.float32), (InputView(roi, roi.size),))
    kept = MaskCorrection(MASK.astype(np.float32), 0.5)
    clicks = [ADDS, TAKES, Click(180, 20)]
    before = kept.apply(clicks[:2], [whole, whole])
    after = kept.apply(clicks, [whole, whole, corner])
    np.testing.assert_array_equal(after.mask(0.5), before.mask(0.5))
    # Once it looks there again, what it says now counts.
    blank = Prediction(SIZE, np.zeros(SIZE, np.float32), whole.views)
    again = kept.apply([*clicks, Click(5, 5)], [whole, whole, corner, blank])
    assert not again.mask(0.5).any()  # the negative click's part is now all of the mask


def test_an_empty_mask_is_filled_by_clicks_alone():
    empty = np.zeros(SIZE, bool)
    made = network()
    assert not masks(made, Click(10, 10), mask=empty)[0.5].any()
    box = rectangle(50, 80, 230, 260)
    np.testing.assert_array_equal(masks(made, Click(60, 240), mask=empty)[0.5], box)


def test_the_network_is_guided_as_without_keeping():
    clicks = [ADDS, TAKES, Click(100, 180)]
    made, plain = (network(echo, correct_mask=keep) for keep in (True, False))
    for bench in (made, plain):
        bench.each(clicks, mask=MASK)
    assert made.engine.guidance == plain.engine.guidance


def test_published_behaviour_and_other_prompts_are_not_touched():
    for prompts in (
        {"mask": MASK, "options": {"reference": True}},
        {"mask": None, "options": {}},
        {"mask": None, "box": Box(30, 90, 30, 90), "options": {}},
    ):
        options = prompts.pop("options")
        answers = [
            network(disks, correct_mask=keep, **options).each([ADDS, TAKES], **prompts)[-1]
            for keep in (True, False)
        ]
        np.testing.assert_array_equal(answers[0].probability, answers[1].probability)


def test_results_hold_no_more_than_mask_and_changes():
    prediction = network().predictor.predict(Prompts([TAKES], mask=MASK))
    rows, cols = prediction.roi.size
    assert max(rows, cols) <= 120


def test_a_real_model_loses_nothing_where_no_click_was_made(shared):
    """A good outline lacks one part and has one too many: a click on each, all else stays."""
    sample = open_dataset("grabcut", shared / "grabcut")[0]
    truth = sample.mask == 1
    rows, _ = np.nonzero(truth)
    middle = int(np.median(rows))
    upper = truth & (np.arange(truth.shape[0]) < middle)[:, None]
    lacking = np.argwhere(truth & ~upper)
    click = Click(*map(float, np.median(lacking, axis=0)))
    predictor = Predictor(load_model("default"), PredictorOptions(correct_mask=True))
    predictor.set_image(sample.image)
    first = predictor.predict(Prompts([click], mask=upper))
    found = first.mask(0.5)
    assert (found & ~upper).sum() > 0.5 * (truth & ~upper).sum()
    for threshold in THRESHOLDS:
        assert not (upper & ~first.mask(threshold)).any()  # not a pixel lost, at any threshold
    spot = np.zeros_like(truth)
    spot[5:45, 5:65] = True
    away = Click(25, 30, positive=False)
    second = predictor.predict(Prompts([away], mask=upper | spot))
    assert (second.mask(0.5) & spot).sum() < 0.2 * spot.sum()
    for threshold in THRESHOLDS:
        np.testing.assert_array_equal(second.mask(threshold) & ~spot, upper & ~spot)


def test_keeping_twelve_megapixels_takes_no_time():
    size = (3000, 4000)
    rows, cols = np.ogrid[: size[0], : size[1]]
    mask = np.hypot(rows - 1500, cols - 2000) < 1450
    coarse = np.zeros((300, 400), np.float32)
    coarse[10:290, 130:390] = 1
    answer = Prediction(size, coarse, (InputView(Roi.whole(size), coarse.shape),))
    kept = MaskCorrection(mask.astype(np.float32), 0.5)
    assert answer.crop.shape == size  # rendered in any case
    clicks, took = [Click(1500, 3700), Click(1500, 800, positive=False)], []
    for _ in range(5):
        start = time.perf_counter()
        kept.apply(clicks, [answer])
        took.append(time.perf_counter() - start)
    assert min(took) < 0.3  # 60 ms on a free core
