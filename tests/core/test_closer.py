"""A closer look round the latest click."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from predictor_fixtures import disc, red, red_where, toy

from core.metrics import iou
from core.predictor import Predictor, PredictorOptions, Zoom
from core.predictor.geometry import Roi
from core.predictor.prediction import Prediction
from core.predictor.refinement_view import blend, refinement_view, resample
from core.predictor.view import InputView
from core.prompts import Click, Prompts

SIZE = 600, 900


@pytest.mark.parametrize(
    "view", [InputView(Roi(40, 339, 100, 499), (64, 48)), InputView(Roi(3, 40, 7, 90), (80, 96))]
)
def test_places_of_a_view_are_those_at_which_it_is_enlarged(view):
    rows, cols = view.frame_coordinates
    ramp = np.add.outer(rows, 10 * cols).astype(np.float32)
    enlarged = view.enlarge(ramp)
    r, c = np.mgrid[view.roi.slices]
    inner = (slice(6, -6), slice(6, -6))  # beyond the outermost centres there is nothing to go by
    assert np.abs(enlarged - (r + 10 * c))[inner].max() < 0.05
    for given, found in zip((rows, cols), view.view_coordinates(rows, cols), strict=True):
        assert np.allclose(found, np.arange(len(given)))


def test_the_part_lies_about_the_click_and_within_the_window():
    view = InputView(Roi(100, 299, 200, 599), (64, 64))
    assert refinement_view(view, Click(200, 400)) == InputView(Roi(100, 299, 300, 499), (64, 64))
    assert refinement_view(view, Click(100, 201)).roi == Roi(100, 299, 200, 399)
    assert refinement_view(view, Click(299, 599)).roi == Roi(100, 299, 400, 599)


def test_nothing_is_gained_in_a_few_pixels():
    assert refinement_view(InputView(Roi(0, 99, 0, 99), (64, 64)), Click(50, 50)) is None


def test_a_part_fades_into_its_window():
    window = InputView(Roi(100, 499, 200, 599), (100, 100))
    inner = InputView(Roi(200, 399, 300, 499), (100, 100))
    low = Prediction(SIZE, np.full((100, 100), 0.2, np.float32), (window,))
    high = Prediction(SIZE, np.full((100, 100), 0.8, np.float32), (inner,))
    shown = blend(low, high).probability
    assert shown[300, 400] == pytest.approx(0.8, abs=1e-3)
    assert shown[150, 250] == pytest.approx(0.2, abs=1e-3)
    row = shown[300, 300:350]
    assert row[0] < 0.25
    assert (np.diff(row) >= -1e-6).all()
    assert np.diff(row).max() < 0.1
    assert not shown[:100].any()


def test_a_part_does_not_fade_at_the_edge_of_the_image():
    window = InputView(Roi(0, 399, 0, 399), (100, 100))
    inner = InputView(Roi(0, 199, 0, 199), (100, 100))
    low = Prediction(SIZE, np.full((100, 100), 0.2, np.float32), (window,))
    high = Prediction(SIZE, np.full((100, 100), 0.8, np.float32), (inner,))
    assert blend(low, high).probability[0, 0] == pytest.approx(0.8, abs=1e-3)


def test_samples_of_one_view_in_another():
    view, part = (
        InputView(Roi(0, 199, 0, 299), (50, 60)),
        InputView(Roi(50, 149, 90, 209), (40, 80)),
    )
    rows, cols = view.frame_coordinates
    there = part.frame_coordinates
    sampled = resample(np.add.outer(rows, 7 * cols).astype(np.float32), view, part)
    assert np.allclose(sampled, np.add.outer(there[0], 7 * there[1]), atol=0.5)


def gear() -> np.ndarray:
    """(H, W) bool: a disc with teeth."""
    gaps = np.arange(SIZE[1]) % 20 < 8
    return disc(SIZE, (300, 450), 150) & (disc(SIZE, (300, 450), 100) | ~gaps)


def test_the_outline_gets_finer_near_the_click():
    truth = gear()
    image = red_where(truth)
    made = toy(red, image)
    near = np.zeros(SIZE, bool)
    near[270:330, 555:600] = True
    found = []
    for closer in (False, True):
        model = replace(made.predictor.model, metadata={"view": [64, 64], "looks_closer": closer})
        predictor = Predictor(model)
        predictor.set_image(image)
        clicks = [Click(300, 450), Click(300, 400), Click(300, 590)]
        mask = predictor.predict(Prompts(clicks)).mask(0.49)
        found.append(iou(mask & near, truth & near))
    assert found[1] > found[0] + 0.05


def test_only_later_clicks_look_closer_and_only_if_the_model_says_so():
    image = red_where(disc(SIZE, (300, 450), 150))
    made = toy(red, image)
    predictor = Predictor(replace(made.predictor.model, metadata={"looks_closer": True}))
    predictor.set_image(image)
    clicks = [Click(300, 450), Click(320, 500), Click(280, 400), Click(290, 410)]
    asked = []
    for count in range(1, 5):
        predictor.predict(Prompts(clicks[:count]))
        asked.append(len(made.engine.shapes))
    assert asked == [1, 2, 4, 6]
    predictor.predict(Prompts(clicks[:1], mask=disc(SIZE, (300, 450), 100).astype(np.float32)))
    assert len(made.engine.shapes) == 8
    for options in (PredictorOptions(reference=True), PredictorOptions(zoom=Zoom(target_size=400))):
        made.engine.shapes.clear()
        other = Predictor(predictor.model, options)
        other.set_image(image)
        other.predict(Prompts(clicks))
        assert len(made.engine.shapes) == 4
