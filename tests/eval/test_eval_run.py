"""One session: clicks, starts, sizes; with a real tiny network throughout."""

from __future__ import annotations

import zlib
from dataclasses import replace

import cv2
import numpy as np
import pytest

from core.datasets import ObjectRef, Sample, open_dataset
from core.engine import load_model
from core.errors import DatasetError
from core.metrics import iou
from core.perturb import perturb_mask
from core.predictor import Predictor, PredictorOptions
from core.prompts import Box, Click, Prompts
from core.robot_user import RobotUser
from eval.run import (
    START_GOALS,
    EvaluatedImage,
    ObjectRun,
    Protocol,
    far_damage,
    interact,
    loose_box,
    run_object,
)


@pytest.fixture(scope="module")
def model(model_file):
    return load_model(str(model_file), engine="torch")


@pytest.fixture
def predictor(model):
    return Predictor(model, PredictorOptions(zoom=None))


@pytest.fixture(scope="module")
def dataset(image_folder):
    return open_dataset("images", image_folder)


@pytest.fixture
def protocol(threshold):
    """Clicks that no success ends."""
    return Protocol(threshold=threshold, max_clicks=4, target_iou=1.01)


def make_sample(height=60, width=90):
    mask = np.zeros((height, width), np.int8)
    mask[10:30, 40:70] = 1
    image = np.full((height, width, 3), 60, np.uint8)
    image[mask == 1] = 200
    return Sample(ObjectRef("made.png", "1"), image, mask)


def test_clicks_and_ious_are_those_of_the_predictor(predictor, model, dataset, protocol):
    run = run_object(predictor, dataset, 2, protocol)
    assert len(run.clicks) == len(run.ious) == 4
    assert run.iou_start is None
    assert run.ref == dataset.refs[2]
    assert run.seconds > 0
    assert min(run.ious) > 0
    again = Predictor(model, PredictorOptions(zoom=None))
    sample = dataset[2]
    again.set_image(sample.image)
    for count, expected in enumerate(run.ious, start=1):
        mask = again.predict(Prompts(run.clicks[:count])).probability > protocol.threshold
        assert iou(mask, sample.mask) == expected


def test_clicks_are_those_of_the_robot_user(predictor, protocol):
    sample = make_sample()
    user, mask = RobotUser(sample.mask), np.zeros(sample.mask.shape, bool)
    for step in interact(predictor, sample, protocol):
        assert step.click == user.next_click(mask)
        mask = step.mask
    assert step.mask.any()
    assert not step.mask.all()


def test_clicking_stops_at_the_target(predictor, dataset, protocol):
    ious = [step.iou for step in interact(predictor, dataset[0], protocol)]
    assert len(ious) == protocol.max_clicks
    for target in ious:
        stopped = interact(predictor, dataset[0], replace(protocol, target_iou=target))
        first = next(count for count, value in enumerate(ious, start=1) if value >= target)
        assert [step.iou for step in stopped] == ious[:first]


def test_a_perfect_prediction_ends_the_clicking_but_not_in_reference_mode(predictor, dataset):
    sample = dataset[0]
    full = Sample(sample.ref, sample.image, np.ones_like(sample.mask))
    all_object = Protocol(threshold=1e-6, max_clicks=3, target_iou=1.01)
    assert [step.iou for step in interact(predictor, full, all_object)] == [1.0]
    steps = list(interact(predictor, full, replace(all_object, reference=True)))
    assert [step.click for step in steps[1:]] == [Click(0, 0, False)] * 2


def test_the_threshold_decides_on_the_mask(predictor):
    areas = [
        next(interact(predictor, make_sample(), Protocol(threshold=threshold))).mask.sum()
        for threshold in (0.001, 0.999)
    ]
    assert areas[0] > areas[1]


def test_a_box_costs_no_click(predictor, protocol):
    steps = list(interact(predictor, make_sample(), replace(protocol, box=True)))
    assert [step.click is None for step in steps] == [True, False, False, False, False]
    assert steps[0].iou == iou(steps[0].mask, make_sample().mask)


def test_a_box_is_given_from_the_start_and_with_every_click(predictor, model, protocol):
    sample = make_sample()
    steps = list(interact(predictor, sample, replace(protocol, box=True)))
    again = Predictor(model, PredictorOptions(zoom=None))
    again.set_image(sample.image)
    clicks = [step.click for step in steps[1:]]
    for count, step in enumerate(steps):
        expected = again.predict(Prompts(clicks[:count], box=Box(9, 30, 38, 71)))
        assert (step.mask == expected.mask(protocol.threshold)).all()


def test_the_mask_to_start_from_is_the_flawed_object(predictor, model, protocol):
    sample = make_sample()
    steps = list(interact(predictor, sample, replace(protocol, from_mask=True)))
    flawed = perturb_mask(sample.mask, zlib.crc32(b"made.png/1"), START_GOALS)
    again = Predictor(model, PredictorOptions(zoom=None))
    again.set_image(sample.image)
    clicks = [step.click for step in steps[1:]]
    for count, step in enumerate(steps):
        expected = again.predict(Prompts(clicks[:count], mask=flawed))
        assert (step.mask == expected.mask(protocol.threshold)).all()


def test_a_noisy_user_clicks_otherwise_but_always_the_same_for_a_seed(predictor, protocol):
    noisy = replace(protocol, user="noisy", seed=3)
    clicks = [
        [step.click for step in interact(predictor, make_sample(), chosen)]
        for chosen in (protocol, noisy, noisy, replace(noisy, seed=4))
    ]
    assert clicks[0] != clicks[1] == clicks[2] != clicks[3]


def test_damage_counts_far_pixels_that_were_right():
    truth = np.zeros((100, 200), np.int8)
    truth[40:60, 10:30] = 1
    truth[:, 190:] = -1
    right = truth == 1
    after = right.copy()
    after[50, 100:104] = True  # far: 4 of 400 pixels
    after[50, 35] = True  # near
    after[0, 195] = True  # ignored
    click = Click(50, 20)
    assert far_damage(truth, right, after, click) == pytest.approx(4 / 400)
    assert far_damage(truth, after, right, click) == 0.0  # mending is no damage
    assert far_damage(truth, right, after, Click(50, 100)) == pytest.approx(1 / 400)


def test_a_run_holds_the_damage_of_every_click_that_could_do_any(predictor, dataset, protocol):
    run = run_object(predictor, dataset, 0, protocol)
    assert len(run.far) == len(run.ious) - 1
    boxed = run_object(predictor, dataset, 0, replace(protocol, box=True))
    assert len(boxed.far) == len(boxed.ious)
    assert ObjectRun.from_json(boxed.to_json() | {"seconds": 1.0}).far == boxed.far


def test_a_start_that_is_good_enough_needs_no_click(predictor, dataset):
    run = run_object(predictor, dataset, 0, Protocol(box=True, target_iou=1e-9, threshold=0.001))
    assert run.clicks == ()
    assert run.ious == ()
    assert run.iou_start > 0


def test_an_object_without_pixels_is_named(predictor):
    sample = make_sample()
    sample.mask[:] = 0
    with pytest.raises(DatasetError, match=r"Object 1 of made\.png has no pixels"):
        next(interact(predictor, sample, Protocol()))


def test_box_is_loosened_by_five_percent_and_stays_in_the_image():
    mask = np.zeros((100, 200), np.int8)
    mask[20:60, 30:130] = 1
    assert loose_box(mask) == Box(18, 61, 25, 134)
    mask[:, :] = 1
    assert loose_box(mask) == Box(0, 99, 0, 199)
    mask[:, :] = -1
    mask[5, 7] = 1
    assert loose_box(mask) == Box(5, 5, 7, 7)


# --- sizes -----------------------------------------------------------------------------------


def test_resize_keeps_proportions_and_measures_at_the_images_resolution(predictor, protocol):
    sample = make_sample(120, 180)
    protocol = replace(protocol, resize=(90, 90))
    frame = EvaluatedImage.of(sample, protocol)
    assert frame.pixels.shape == (60, 90, 3)
    assert frame.truth is sample.mask
    steps = list(interact(predictor, sample, protocol))
    assert steps[0].mask.shape == (120, 180)
    assert steps[0].click == Click(19, 49, True)


def test_resized_runs_can_be_replayed_by_hand(predictor, model, protocol):
    sample = make_sample(120, 180)
    step = next(interact(predictor, sample, replace(protocol, resize=(90, 90))))
    again = Predictor(model, PredictorOptions(zoom=None))
    again.set_image(cv2.resize(sample.image, (90, 60), interpolation=cv2.INTER_AREA))
    # Pixel 19 of 120 covers 19..20, at half the size 9.5..10, whose centre is at 9.25.
    prediction = again.predict(Prompts([Click(9.25, 24.25)]))
    mask = cv2.resize(prediction.probability, (180, 120)) > protocol.threshold
    assert (step.mask == mask).all()
    assert mask.any()


def test_resize_only_shrinks():
    sample = make_sample(60, 90)
    for reference in (False, True):
        frame = EvaluatedImage.of(sample, Protocol(resize=(90, 60), reference=reference))
        assert frame.pixels is sample.image
        assert frame.truth is sample.mask


@pytest.mark.parametrize("size", [(80, 200), (200, 50)])
def test_reference_stretches_if_either_side_is_too_long_and_measures_there(predictor, size):
    sample = make_sample(60, 90)
    protocol = Protocol(resize=size, reference=True, max_clicks=1)
    frame = EvaluatedImage.of(sample, protocol)
    assert frame.pixels.shape == (size[1], size[0], 3)
    assert frame.truth.shape == (size[1], size[0])
    assert set(np.unique(frame.truth)) == {0, 1}
    (step,) = interact(predictor, sample, protocol)
    assert step.mask.shape == (size[1], size[0])


def test_points_map_to_the_same_place_of_the_shrunk_image():
    frame = EvaluatedImage.of(make_sample(120, 180), Protocol(resize=(90, 90)))
    assert frame.seen(Click(0.5, 0.5, False)) == Click(0, 0, False)
    assert frame.seen(Click(100.5, 60.5)) == Click(50, 30)
    assert frame.seen(Click(0, 0)) == Click(0, 0)  # not outside the image
    assert frame.seen(Click(119, 179)) == Click(59, 89)
    assert frame.seen_box(Box(20.5, 60.5, 30.5, 40.5)) == Box(10, 30, 15, 20)


def test_masks_shrink_with_the_image():
    frame = EvaluatedImage.of(make_sample(120, 180), Protocol(resize=(90, 90)))
    small = frame.seen_mask(frame.truth == 1)
    assert small.shape == (60, 90)
    assert small.dtype == bool
    assert small.sum() == (frame.truth == 1).sum() / 4


def test_box_and_mask_work_on_a_shrunk_image(predictor):
    sample = make_sample(120, 180)
    for start in ({"box": True}, {"from_mask": True}):
        steps = list(interact(predictor, sample, Protocol(resize=(90, 90), max_clicks=1, **start)))
        assert [step.mask.shape for step in steps] == [(120, 180)] * len(steps)
