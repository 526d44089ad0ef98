"""What the predictor promises: masks that follow from image and prompts, and nothing else."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from predictor_fixtures import (
    Bench,
    ToyModel,
    bench,
    disc,
    disks,
    echo,
    left,
    red,
    red_box,
    red_where,
    toy,
)
from tiny import tiny_model

from core.errors import ImageError, PromptError
from core.predictor import Prediction, Predictor, PredictorOptions, Zoom
from core.predictor.geometry import Roi
from core.predictor.view import InputView
from core.prompts import BOX_GUIDANCE, Box, Click, Prompts

SIZE = (300, 500)
IMAGE = red_box(SIZE, (100, 179), (200, 329))
CLICKS = [Click(140, 260), Click(50, 50, False), Click(170, 210), Click(290, 490), Click(5, 9)]
SMALL = red_box((60, 90), (20, 39), (30, 59))
SMALL_CLICKS = [
    Click(30, 40),
    Click(5, 80, False),
    Click(22, 55),
    Click(50.5, 10.25, False),
    Click(59, 89),
]


def bits(prediction: Prediction) -> bytes:
    return prediction.probability.tobytes()


def network(seed: int = 0, image: np.ndarray = SMALL, **options: Any) -> Bench:
    """A real network, tiny, that zooms in at once although the image is small."""
    zoom = Zoom(target_size=64, min_crop_size=24)
    return bench(tiny_model(seed=seed), image=image, **{"zoom": zoom, **options})


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


# A function of the prompts --------------------------------------------------------------------

MASK = disc((60, 90), (30, 45), 12)
WAYS: dict[str, dict[str, Any]] = {
    "clicks": {},
    "box": {"box": Box(15, 45, 20, 70)},
    "mask": {"mask": MASK},
    "mask and box": {"mask": MASK, "box": Box(15, 45, 20, 70)},
}
MODES: list[dict[str, Any]] = [
    {},
    {"zoom": None},
    {"zoom": Zoom(target_size=32, skip_clicks=0, min_crop_size=16), "flip": True},
    {"reference": True},
    {"reference": True, "limit_longest_side": 40},
]


@pytest.mark.parametrize("prompts", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("options", MODES, ids=str)
def test_clicks_one_by_one_or_at_once_give_the_same(prompts, options):
    singly = [bits(p) for p in network(**options).each(SMALL_CLICKS, **prompts)]
    for count in (2, 5):
        fresh = network(**options)
        at_once = fresh.predictor.predict(Prompts(SMALL_CLICKS[:count], **prompts))
        assert bits(at_once) == singly[count - 1]
    assert len(set(singly)) > 1  # the clicks do something


@pytest.mark.parametrize("options", [{}, {"reference": True}], ids=str)
def test_any_order_of_requests_gives_the_same(options):
    """Undo, redo, other objects and changed clicks between: each answer as if asked for alone."""
    changed = [SMALL_CLICKS[0], Click(35, 35), *SMALL_CLICKS[2:]]
    cases = [
        Prompts(SMALL_CLICKS[:2]),
        Prompts(SMALL_CLICKS),
        Prompts(changed),
        Prompts(SMALL_CLICKS[:4], box=Box(15, 45, 20, 70)),
        Prompts(changed[:3], mask=MASK),
        Prompts(changed[:3], mask=MASK[::-1]),
        Prompts(),
        Prompts(box=Box(15, 45, 20, 70)),
    ]
    alone = [bits(network(**options).predictor.predict(case)) for case in cases]
    made = network(**options)
    order = np.random.default_rng(0).integers(0, len(cases), 12)
    for index in order:
        assert bits(made.predictor.predict(cases[index])) == alone[index]


def test_one_more_click_costs_one_pass_and_old_ones_none():
    made = network()
    made.each(SMALL_CLICKS)
    assert made.passes == 5
    for count in (4, 3, 0, 1, 5, 2, 5):  # undo and redo
        made.predictor.predict(Prompts(SMALL_CLICKS[:count]))
    assert made.passes == 5


def test_changing_a_click_replays_only_what_follows():
    made = network()
    made.predictor.predict(Prompts(SMALL_CLICKS))
    made.predictor.predict(Prompts([*SMALL_CLICKS[:3], Click(31, 31), SMALL_CLICKS[4]]))
    assert made.passes == 5 + 2
    # The sign of a click belongs to it.
    first = Click(SMALL_CLICKS[0].row, SMALL_CLICKS[0].col, False)
    made.predictor.predict(Prompts([first, *SMALL_CLICKS[1:]]))
    assert made.passes == 5 + 2 + 5


def test_after_undo_another_click_forgets_what_could_be_redone():
    made = network()
    made.predictor.predict(Prompts(SMALL_CLICKS))
    made.predictor.predict(Prompts(SMALL_CLICKS[:2]))
    made.predictor.predict(Prompts([*SMALL_CLICKS[:2], Click(1, 1)]))
    made.predictor.predict(Prompts(SMALL_CLICKS[:3]))
    assert made.passes == 5 + 1 + 1


def test_a_changed_box_starts_anew():
    made = network()
    first = made.predictor.predict(Prompts(SMALL_CLICKS[:2], box=Box(15, 45, 20, 70)))
    second = made.predictor.predict(Prompts(SMALL_CLICKS[:2], box=Box(10, 45, 20, 70)))
    fresh = network().predictor.predict(Prompts(SMALL_CLICKS[:2], box=Box(10, 45, 20, 70)))
    assert bits(second) == bits(fresh) != bits(first)


def test_an_equal_mask_is_the_same_mask():
    made = network()
    made.predictor.predict(Prompts(SMALL_CLICKS[:2], mask=MASK))
    made.predictor.predict(Prompts(SMALL_CLICKS[:2], mask=MASK.copy()))
    assert made.passes == 2


def test_a_new_image_forgets_everything():
    made = network()
    other = SMALL[:, ::-1].copy()
    made.predictor.predict(Prompts(SMALL_CLICKS[:2]))
    made.predictor.set_image(other)
    ours = made.predictor.predict(Prompts(SMALL_CLICKS[:2]))
    assert bits(ours) == bits(network(image=other).predictor.predict(Prompts(SMALL_CLICKS[:2])))


def test_a_failed_request_leaves_the_predictor_usable():
    made = network()
    made.predictor.predict(Prompts(SMALL_CLICKS[:3]))
    for bad in (Prompts([Click(-9, 3)]), Prompts(mask=np.full((60, 90), np.nan))):
        with pytest.raises(PromptError):
            made.predictor.predict(bad)
    ours = made.predictor.predict(Prompts(SMALL_CLICKS))
    assert bits(ours) == bits(network().predictor.predict(Prompts(SMALL_CLICKS)))


def test_results_may_be_changed_without_harm():
    made = network()
    for prompts in (Prompts(SMALL_CLICKS[:2]), Prompts(mask=MASK), Prompts()):
        prediction = made.predictor.predict(prompts)
        before = bits(prediction)
        prediction.probability[:] = 7
        prediction.mask(0.5)[:] = True
        assert bits(made.predictor.predict(prompts)) == before


def test_image_and_mask_are_left_alone():
    image, mask = SMALL.copy(), MASK.astype(np.float32) * 3
    image.flags.writeable = mask.flags.writeable = False
    made = network(image=image)
    made.each(SMALL_CLICKS, mask=mask)
    np.testing.assert_array_equal(image, SMALL)
    np.testing.assert_array_equal(mask, MASK * 3)


# Errors ---------------------------------------------------------------------------------------


def test_an_image_must_come_first():
    with pytest.raises(PromptError, match="set_image"):
        bench(tiny_model()).predictor.predict(Prompts([Click(1, 1)]))


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((1, 10, 10, 3), np.uint8),
        np.zeros((10, 10, 3), np.float32),
        np.zeros((10, 10, 3), np.uint16),
        np.zeros((0, 10, 3), np.uint8),
        np.zeros((10, 0, 3), np.uint8),
    ],
)
def test_unsuitable_images_are_refused(pixels):
    with pytest.raises(ImageError, match="image"):
        bench(tiny_model()).predictor.set_image(pixels)


@pytest.mark.parametrize("click", [Click(60, 5), Click(5, 90), Click(-0.6, 5), Click(5, -1)])
def test_clicks_outside_the_image_are_refused(click):
    with pytest.raises(PromptError, match=r"outside the image of 60 rows and 90 columns"):
        network().predictor.predict(Prompts([click]))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_clicks_that_are_nowhere_are_refused(value):
    with pytest.raises(PromptError, match="finite"):
        Click(value, 3)


@pytest.mark.parametrize("box", [Box(60, 80, 0, 9), Box(0, 9, -9, -1), Box(0, 9, 90, 99)])
def test_boxes_outside_the_image_are_refused(box):
    with pytest.raises(PromptError, match="outside the image of 60 x 90"):
        network().predictor.predict(Prompts(box=box))


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(PromptError, match=r"90 rows and 60 columns.*60 and 90"):
        network().predictor.predict(Prompts(mask=MASK.T))


def test_a_mask_of_no_numbers_is_refused():
    mask = MASK.astype(np.float32)
    mask[3, 3] = np.nan
    with pytest.raises(PromptError, match="NaN"):
        network().predictor.predict(Prompts(mask=mask))


def test_a_mask_needs_a_model_that_takes_one():
    made = bench(ToyModel(red, with_prev_mask=False), image=SMALL)
    with pytest.raises(PromptError, match=r"'toy' cannot start from a mask.*itermask"):
        made.predictor.predict(Prompts(mask=MASK))


def test_a_limit_below_what_networks_can_use_is_refused():
    with pytest.raises(PromptError, match="32"):
        PredictorOptions(limit_longest_side=31)


# Clicks ---------------------------------------------------------------------------------------


def test_without_prompts_nothing_is_found():
    made = network()
    prediction = made.predictor.predict(Prompts())
    assert prediction.probability.shape == (60, 90)
    assert prediction.probability.max() == 0
    assert not prediction.mask(0.49).any()
    assert made.passes == 0


@pytest.mark.parametrize("click", [(-0.5, -0.5), (-0.3, 7), (59.5, 89.5), (0, 89.2)])
def test_clicks_on_the_outermost_half_pixels_count(click):
    prediction = toy(disks, SMALL, zoom=None).predictor.predict(Prompts([Click(*click)]))
    row, col = np.clip(np.rint(click).astype(int), 0, (59, 89))
    assert prediction.mask(0.5)[row, col]


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (700, 2), (31, 33), (5, 900)])
@pytest.mark.parametrize("options", [{}, {"zoom": None}, {"flip": True}], ids=str)
def test_odd_images_have_answers_of_their_own_size(size, options):
    made = bench(tiny_model(), image=np.full((*size, 3), 99, np.uint8), **options)
    clicks = [Click(0, 0), Click(size[0] - 1, size[1] - 1, False), Click(size[0] // 2, 0)]
    for prediction in made.each(clicks):
        probability = prediction.probability
        assert probability.shape == prediction.mask(0.5).shape == size
        assert probability.dtype == np.float32
        assert np.isfinite(probability).all()


def test_each_click_is_guided_by_the_mask_before_it():
    made = toy(disks, SMALL, zoom=None)
    first = made.each(SMALL_CLICKS[:3])[0]
    assert made.engine.guidance[0] == 0
    assert made.engine.guidance[1] == pytest.approx(float(first.probability.mean()), rel=1e-5)


# Where it looks -------------------------------------------------------------------------------


def test_the_window_follows_the_positive_clicks():
    made = toy(red, IMAGE)
    predictions = made.each(CLICKS)
    assert predictions[0].roi == Roi.whole(SIZE)
    assert predictions[1].roi.iou(Roi(40, 240, 164, 364)) > 0.98  # the object, enlarged
    assert predictions[2].roi == predictions[1].roi
    for prediction, click in zip(predictions[3:], CLICKS[3:], strict=True):
        assert prediction.roi.contains(click)
        assert prediction.roi.contains(CLICKS[0])


def test_a_negative_click_outside_the_window_is_harmless():
    made = toy(red, IMAGE)
    without = made.predictor.predict(Prompts([CLICKS[0], Click(120, 220)]))
    far = [CLICKS[0], Click(120, 220), Click(299, 0, False), Click(0, 0, False)]
    with_them = made.predictor.predict(Prompts(far))
    assert with_them.roi == without.roi
    np.testing.assert_allclose(with_them.probability, without.probability, atol=1e-6)


def test_a_cut_off_object_is_looked_at_whole_at_the_next_click():
    """At first only a part is red in the mask that guides; then the window grows with it."""
    image = red_box((400, 600), (150, 199), (50, 249))
    mask = np.zeros((400, 600), np.float32)
    mask[150:200, 50:150] = 1
    made = toy(red, image, zoom=Zoom(target_size=300, min_crop_size=60, skip_clicks=0))
    clicks = [Click(170, 80 + 5 * i) for i in range(6)]
    predictions = made.each(clicks, mask=mask)
    assert predictions[0].is_cut_off(0.5)
    for before, after in itertools.pairwise(predictions):
        assert not before.is_cut_off(0.5) or after.roi.size[1] > before.roi.size[1]
    assert not predictions[-1].is_cut_off(0.5)
    truth = image[..., 0] > 0
    assert overlap(predictions[-1].mask(0.5), truth) > 0.97


def test_cut_off_asks_for_edges_within_the_image_only():
    values = np.zeros((10, 10), np.float32)
    values[0, 4] = 0.9
    at_edge = Prediction((100, 100), values, (InputView(Roi(0, 19, 30, 49), (10, 10)),))
    within = Prediction((100, 100), values, (InputView(Roi(1, 20, 30, 49), (10, 10)),))
    assert not at_edge.is_cut_off(0.5)
    assert within.is_cut_off(0.5)
    assert not within.is_cut_off(0.95)


@pytest.mark.parametrize("where", [(15, 60), (700, 1500), (1990, 2950)])
def test_small_objects_in_large_images_are_outlined_at_full_resolution(where):
    truth = disc((2000, 3000), where, 55)
    image = red_where(truth)
    clicks = [Click(*where), Click(where[0] - 3, where[1])]
    zooming = toy(red, image)
    first, second = zooming.each(clicks)
    assert overlap(second.mask(0.5), truth) > 0.97
    assert zooming.passes == 2
    # With skip_clicks=0 the first click is answered so already, at the price of a second pass.
    at_once = toy(red, image, zoom=Zoom(skip_clicks=0))
    (closer,) = at_once.each(clicks[:1])
    assert at_once.passes == 2
    assert overlap(closer.mask(0.5), truth) > 0.97
    assert closer.roi != first.roi == Roi.whole((2000, 3000))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"zoom": None},
        {"zoom": Zoom(target_size=1000, skip_clicks=0)},
        {"limit_longest_side": 96, "zoom": None},
    ],
    ids=str,
)
def test_no_input_is_larger_than_the_limit(options):
    made = toy(red, red_where(disc((4000, 6000), (1500, 2500), 900)), **options)
    made.each([Click(1500, 2500), Click(1400, 2300), Click(3999, 5999)])
    made.predictor.predict(Prompts([Click(1500, 2500)], box=Box(0, 3999, 0, 5999)))
    limit = options.get("limit_longest_side", 800)
    assert made.engine.shapes
    assert max(itertools.chain(*(shape[2:] for shape in made.engine.shapes))) <= limit


def test_a_disc_in_a_large_image_stays_where_it_is():
    """24 megapixels to 400 pixels and back: no shift beyond a fraction of an input pixel."""
    for centre in ((700.5, 1000.0), (2000.0, 3000.0), (3333.0, 5100.25)):
        truth = disc((4000, 6000), centre, 420)
        made = toy(red, red_where(truth))
        (prediction,) = made.each([Click(*centre)])
        assert made.engine.shapes[0][2:] == (267, 400)
        found = np.argwhere(prediction.mask(0.5)).mean(axis=0)
        assert np.abs(found - centre).max() < 1.5  # a tenth of an input pixel
        assert overlap(prediction.mask(0.5), truth) > 0.97


def test_marks_of_clicks_come_back_to_the_clicks():
    """Shrunk 15 times, a click may land half an input pixel off, not more."""
    image = np.zeros((4000, 6000, 3), np.uint8)
    for row, col in ((500, 700), (2000, 3000), (3600, 5500)):
        (prediction,) = toy(disks, image).each([Click(row, col)])
        found = np.argwhere(prediction.mask(0.5)).mean(axis=0)
        assert np.abs(found - (row, col)).max() < 0.75 * 15


# Flip -----------------------------------------------------------------------------------------


def test_flip_averages_with_the_mirrored_image():
    """A network that prefers the left on its own has no preference when it is mirrored too."""
    plain = toy(left, SMALL, zoom=None).predictor.predict(Prompts(SMALL_CLICKS[:1])).probability
    both = toy(left, SMALL, zoom=None, flip=True).predictor.predict(Prompts(SMALL_CLICKS[:1]))
    assert plain[0, 0] > 0.9 > 0.1 > plain[0, -1]
    np.testing.assert_allclose(both.probability, 0.5, atol=1e-5)


def test_flip_mirrors_image_mask_and_clicks_alike():
    for answer in (red, disks, echo):
        plain = toy(answer, SMALL, zoom=None).each(SMALL_CLICKS[:3], mask=MASK)
        both = toy(answer, SMALL, zoom=None, flip=True).each(SMALL_CLICKS[:3], mask=MASK)
        for a, b in zip(plain, both, strict=True):
            np.testing.assert_allclose(a.probability, b.probability, atol=1e-5)


def test_with_flip_a_mirrored_image_gives_the_mirrored_answer():
    mirrored = [Click(c.row, 89 - c.col, c.positive) for c in SMALL_CLICKS[:3]]
    ours = network(flip=True, zoom=None).each(SMALL_CLICKS[:3])
    theirs = network(flip=True, zoom=None, image=SMALL[:, ::-1].copy()).each(mirrored)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.probability[:, ::-1], b.probability, atol=1e-5)


# Masks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (MASK, MASK),
        (MASK.astype(np.uint8) * 255, MASK),
        (MASK * 0.3, MASK * 0.3),
        (MASK.astype(np.float32) * 4 - 2, MASK),
        (np.asfortranarray(MASK), MASK),
    ],
    ids=["bool", "0 and 255", "probabilities", "beyond 0..1", "other layout"],
)
def test_a_mask_without_clicks_is_returned(mask, expected):
    made = network()
    prediction = made.predictor.predict(Prompts(mask=mask))
    np.testing.assert_allclose(prediction.probability, expected, atol=1e-6)
    assert prediction.probability.dtype == np.float32
    assert made.passes == 0


def test_a_mask_guides_the_first_click_and_then_evolves():
    made = toy(echo, SMALL, zoom=None)
    predictions = made.each(SMALL_CLICKS[:3], mask=MASK)
    guidance = made.engine.guidance
    assert guidance[0] == pytest.approx(MASK.mean(), rel=1e-5)
    for seen, before in zip(guidance[1:], predictions, strict=False):
        assert seen == pytest.approx(float(before.probability.mean()), rel=1e-4)
    assert abs(guidance[1] - guidance[0]) > 0.005
    assert made.passes == 3


def test_undo_to_a_mask_shows_it_again():
    made = network()
    made.each(SMALL_CLICKS[:2], mask=MASK)
    prediction = made.predictor.predict(Prompts(mask=MASK))
    np.testing.assert_array_equal(prediction.mask(0.5), MASK)


def test_bool_and_float_masks_guide_alike():
    ours = network().predictor.predict(Prompts(SMALL_CLICKS[:2], mask=MASK))
    theirs = network().predictor.predict(Prompts(SMALL_CLICKS[:2], mask=MASK.astype(np.float64)))
    assert bits(ours) == bits(theirs)


# Boxes ----------------------------------------------------------------------------------------

BOX = Box(90, 190, 190, 340)


def test_a_box_alone_is_answered_as_if_its_centre_were_clicked():
    made = toy(disks, IMAGE, zoom=None)
    boxed = made.predictor.predict(Prompts(box=BOX))
    clicked = made.predictor.predict(Prompts([Click(140, 265)], box=BOX))
    assert boxed.mask(0.5)[140, 265]
    assert bits(boxed) == bits(clicked)


def test_the_centre_of_a_box_counts_until_there_is_a_positive_click():
    made = toy(disks, IMAGE, zoom=None)
    negative = made.predictor.predict(Prompts([Click(100, 200, False)], box=BOX))
    assert negative.mask(0.5)[140, 265]
    positive = made.predictor.predict(Prompts([Click(100, 200, False), Click(110, 300)], box=BOX))
    assert not positive.mask(0.5)[140, 265]
    assert positive.mask(0.5)[110, 300]


def test_the_centre_is_that_of_the_box_within_the_image():
    prediction = toy(disks, IMAGE, zoom=None).predictor.predict(
        Prompts(box=Box(-900, 20, -900, 40))
    )
    assert prediction.mask(0.5)[10, 20]


def test_networks_that_know_boxes_see_one_as_guidance_and_its_centre_as_a_click():
    made = toy(echo, IMAGE, zoom=None, knows_boxes=True)
    prediction = made.predictor.predict(Prompts(box=BOX))
    assert made.passes == 1
    assert int((made.engine.points[0][0, :, 0] >= 0).sum()) == 1
    height, width = made.engine.shapes[0][2:]
    inside = 101 * 151 / (123 * 183)  # the window is 1.2 times the box
    assert made.engine.guidance[0] == pytest.approx(BOX_GUIDANCE * inside, rel=0.03)
    # What echo answers is the guidance, paler: half inside the box, nothing outside.
    assert prediction.probability[110, 300] == pytest.approx(0.45, abs=0.01)
    assert prediction.probability[85, 265] < 0.05
    assert (height, width) == (123, 183)


def test_clicks_after_a_known_box_evolve_from_its_answer():
    made = toy(echo, IMAGE, zoom=None, knows_boxes=True)
    prediction = made.predictor.predict(Prompts([Click(100, 200, False)], box=BOX))
    assert made.passes == 2
    assert int((made.engine.points[1][0, :, 0] >= 0).sum()) == 2  # with the centre of the box
    made.predictor.predict(Prompts([Click(130, 250)], box=BOX))
    assert int((made.engine.points[2][0, :, 0] >= 0).sum()) == 1  # which a positive click replaces
    assert prediction.probability[110, 300] == pytest.approx(0.9 * 0.45, abs=0.01)
    replayed = toy(echo, IMAGE, zoom=None, knows_boxes=True).predictor
    replayed.predict(Prompts(box=BOX))
    again = replayed.predict(Prompts([Click(100, 200, False)], box=BOX))
    assert bits(again) == bits(prediction)


def test_a_box_is_looked_at_enlarged_and_clicks_are_kept():
    made = toy(red, IMAGE)
    prediction = made.predictor.predict(Prompts([Click(140, 260)], box=BOX))
    assert prediction.roi == Roi(79, 201, 174, 356)
    assert made.engine.shapes[-1][2:] == (269, 400)
    assert overlap(prediction.mask(0.5), IMAGE[..., 0] > 0) > 0.97


def test_an_object_may_reach_beyond_its_box():
    tight = Box(105, 174, 210, 319)  # the object is 5 and 10 pixels larger all round
    prediction = toy(red, IMAGE).predictor.predict(Prompts(box=tight))
    assert overlap(prediction.mask(0.5), IMAGE[..., 0] > 0) > 0.97


def test_a_positive_click_beyond_the_box_widens_the_view():
    made = toy(red, IMAGE)
    inside, beyond = made.each([Click(140, 260), Click(140, 490)], box=BOX)
    assert not inside.roi.contains(Click(140, 490))
    assert beyond.roi.contains(Click(140, 490))


def test_a_box_of_one_point_and_one_larger_than_the_image():
    for box in (Box(140, 140, 260, 260), Box(-50, 900, -50, 900)):
        prediction = network(image=IMAGE).predictor.predict(Prompts(box=box))
        assert prediction.probability.shape == SIZE
        assert np.isfinite(prediction.probability).all()


# Stages ---------------------------------------------------------------------------------------


def stages(image: np.ndarray = SMALL) -> Bench:
    return bench(
        ToyModel(disks, with_prev_mask=False), ToyModel(disks), ToyModel(disks), image=image
    )


def calls(made: Bench) -> list[int]:
    return [len(engine.shapes) for engine in made.engines]


def test_each_click_has_its_stage_and_the_last_answers_the_rest():
    made = stages()
    made.each(SMALL_CLICKS)
    assert calls(made) == [1, 1, 3]
    # Each got the channels that its network takes.
    assert [engine.shapes[0][1] for engine in made.engines] == [3, 4, 4]


def test_stages_follow_undo_and_change():
    made = stages()
    made.predictor.predict(Prompts(SMALL_CLICKS[:4]))
    made.predictor.predict(Prompts([SMALL_CLICKS[0], Click(9, 9)]))
    assert calls(made) == [1, 2, 2]


def test_a_mask_counts_as_a_click():
    made = stages()  # the first stage takes no mask, and need not
    made.each(SMALL_CLICKS[:2], mask=MASK)
    assert calls(made) == [0, 1, 1]


# Memory ---------------------------------------------------------------------------------------


def test_twenty_clicks_on_a_large_image_keep_little():
    image = red_where(disc((4000, 6000), (1500, 2500), 400))
    made = toy(red, image)
    rng = np.random.default_rng(0)
    clicks = [
        Click(*point, bool(point[0] % 3))
        for point in rng.integers((1200, 2200), (1800, 2800), (20, 2)).tolist()
    ]
    last = made.predictor.predict(Prompts(clicks))
    last.mask(0.5)
    kept = arrays(made.predictor.__dict__)
    rendered = last.crop.nbytes
    assert sum(kept.values()) - image.nbytes - rendered < 30e6
    made.predictor.set_image(np.zeros((8, 8, 3), np.uint8))
    assert sum(arrays(made.predictor.__dict__).values()) < 1e4


def arrays(thing: object) -> dict[int, int]:
    """Sizes in bytes of all NumPy arrays and tensors that can be reached, by where they lie."""
    found: dict[int, int] = {}
    seen: set[int] = set()
    todo = [thing]
    while todo:
        item = todo.pop()
        if id(item) in seen or isinstance(item, torch.nn.Module | Bench):
            continue
        seen.add(id(item))
        if isinstance(item, np.ndarray):
            base = item if item.base is None else item.base
            found[id(base)] = item.nbytes
        elif isinstance(item, torch.Tensor):
            found[item.data_ptr()] = item.nbytes
        elif isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, list | tuple):
            todo.extend(item)
        elif hasattr(item, "__dict__"):
            todo.extend(vars(item).values())
    return found


FIRST_CLICK = """
import sys
import numpy as np
import torch
sys.path[:0] = {folders!r}
from predictor_fixtures import bench
from tiny import tiny_model
from core.prompts import Click, Prompts

torch.set_num_threads(1)
image = np.full((4000, 6000, 3), 90, np.uint8)
for options in {{}}, {{"zoom": None, "flip": True}}:
    made = bench(tiny_model(), image=image, **options)
    made.predictor.predict(Prompts([Click(2000, 3000)])).mask(0.49)
# Not ru_maxrss: a child starts with its parent's.
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_the_first_click_on_a_large_image_fits_into_a_gigabyte():
    here = Path(__file__).resolve()
    code = FIRST_CLICK.format(folders=[str(here.parents[2]), str(here.parent)])
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert int(result.stdout) < 1e6


def test_models_may_name_the_size_at_which_they_look():
    made = toy(disks, IMAGE)
    model = replace(made.predictor.model, metadata={"view": [96, 64], "looks_twice": True})
    predictor = Predictor(model)
    predictor.set_image(IMAGE)
    predictor.predict(Prompts([Click(100, 200)]))
    assert [shape[2:] for shape in made.engine.shapes] == [(96, 64)] * 2
    assert predictor.options == PredictorOptions()
    wide = Predictor(replace(model, metadata={"view": [96, 64], "overview": [64, 64]}))
    wide.set_image(IMAGE)
    wide.predict(Prompts([Click(100, 200), Click(100, 210)]))
    assert [shape[2:] for shape in made.engine.shapes[2:]] == [(64, 64), (96, 64)]
    del made.engine.shapes[2:]
    chosen = Predictor(model, PredictorOptions(zoom=Zoom(target_size=80)))
    chosen.set_image(IMAGE)
    chosen.predict(Prompts([Click(100, 200)]))
    assert len(made.engine.shapes) == 3
    assert max(made.engine.shapes[2][2:]) == 80
