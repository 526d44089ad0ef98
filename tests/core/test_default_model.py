"""The model that comes with the program."""

from __future__ import annotations

import numpy as np
import pytest

from core.datasets import open_dataset
from core.engine import LoadedModel, load_model
from core.metrics import iou
from core.predictor import Predictor, PredictorOptions
from core.prompts import Box, Click, Prompts
from core.robot_user import RobotUser


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return load_model("default")


def ious(predictor: Predictor, image: np.ndarray, truth: np.ndarray, clicks: int) -> list[float]:
    """IoU after each click of the robot user."""
    predictor.set_image(image)
    user, mask, made, reached = RobotUser(truth), np.zeros(truth.shape, bool), [], []
    for _ in range(clicks):
        click = user.next_click(mask)
        if click is None:
            break
        made.append(click)
        mask = predictor.predict(Prompts(made)).mask(predictor.model.threshold)
        reached.append(iou(mask, truth))
    return reached


def test_it_says_what_it_is(model: LoadedModel) -> None:
    assert model.accepts_boxes
    assert model.view_size == (352, 352)
    assert model.overview_size == (320, 320)
    assert model.has_refinement_view
    assert model.has_second_pass
    assert model.threshold == 0.5
    for key in ("training_data", "licence", "citation"):
        assert model.metadata[key]
    assert model.stages[0].model.config.with_prev_mask


def test_a_few_clicks_find_what_a_person_means(model: LoadedModel, shared) -> None:
    dataset = open_dataset("grabcut", shared / "grabcut")
    predictor = Predictor(model, PredictorOptions())
    curves = []
    for index in range(0, 50, 5):
        sample = dataset[index]
        curves.append(ious(predictor, sample.image, sample.mask, 5))
    assert np.mean([curve[0] for curve in curves]) > 0.6
    assert np.mean([curve[-1] for curve in curves]) > 0.88


def test_a_box_alone_finds_a_good_part_of_an_object(model: LoadedModel, shared) -> None:
    dataset = open_dataset("grabcut", shared / "grabcut")
    predictor = Predictor(model, PredictorOptions())
    found = []
    for index in range(0, 50, 5):
        sample = dataset[index]
        rows, cols = np.nonzero(sample.mask == 1)
        box = Box(rows.min(), rows.max(), cols.min(), cols.max())
        predictor.set_image(sample.image)
        found.append(iou(predictor.predict(Prompts(box=box)).mask(0.5), sample.mask))
    assert np.mean(found) > 0.6


def test_a_negative_click_takes_away_where_it_is(model: LoadedModel, shared) -> None:
    sample = open_dataset("grabcut", shared / "grabcut")[0]
    predictor = Predictor(model, PredictorOptions())
    predictor.set_image(sample.image)
    rows, cols = np.nonzero(sample.mask == 1)
    inside = Click(int(np.median(rows)), int(np.median(cols)))
    before = predictor.predict(Prompts([inside])).mask(0.5)
    row, col = np.argwhere(before)[0]
    after = predictor.predict(Prompts([inside, Click(int(row), int(col), False)])).mask(0.5)
    assert before[row, col]
    assert not after[row, col]
