"""Sliding windows: where they lie, and that their answers are averaged."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from predictor_fixtures import disks, left, red_box, toy

from core.errors import PromptError
from core.predictor import PredictorOptions
from core.predictor.windows import predict_in_windows, window_offsets
from core.prompts import Click, Prompts


def test_offsets_reproduce_the_published_ones():
    assert window_offsets(500, 480, 0.2) == [0, 20]
    assert window_offsets(1000, 480, 0.2) == [0, 261, 520]
    offsets = window_offsets(3600, 480, 0.2)
    assert offsets[:2] == [0, 347]
    assert offsets[-2:] == [2776, 3120]


@pytest.mark.parametrize("window", [32, 100, 480])
@pytest.mark.parametrize("overlap", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("length", [480, 481, 577, 960, 1001, 5999])
def test_offsets_cover_everything_with_the_overlap_asked_for(length, window, overlap):
    offsets = window_offsets(length, window, overlap)
    assert offsets[0] == 0
    assert offsets[-1] == length - window
    shared = [a + window - b for a, b in itertools.pairwise(offsets)]
    assert all(0 <= pixels < window for pixels in shared)
    assert all(pixels >= int(overlap * window) for pixels in shared)


@pytest.mark.parametrize("length", [1, 99, 100])
def test_short_lengths_need_one_window(length):
    assert window_offsets(length, 100, 0.2) == [0]


@pytest.mark.parametrize("size", [(96, 128), (40, 200), (33, 40), (20, 20)])
def test_a_pointwise_answer_is_the_same_in_windows_as_at_once(size):
    image = np.random.default_rng(0).random((1, 3, *size), np.float32)
    shapes = []

    def answer(part, clicks):
        shapes.append(tuple(part.shape[2:]))
        return part[:, :1] ** 2

    result = predict_in_windows(image, [], (33, 40), 0.2, answer)
    np.testing.assert_allclose(result, image[:, :1] ** 2, rtol=1e-6)
    # Also an image that is larger one way only is cut.
    assert all(height <= 33 and width <= 40 for height, width in shapes)


def test_overlapping_answers_are_averaged():
    image = np.zeros((1, 3, 10, 15), np.float32)
    values = iter([1.0, 3.0])
    result = predict_in_windows(
        image, [], (10, 10), 0.2, lambda part, _: np.full((1, 1, 10, 10), next(values))
    )
    expected = [1.0] * 5 + [2.0] * 5 + [3.0] * 5
    assert result[0, 0, 4].tolist() == expected


def test_clicks_come_in_pixels_of_each_window():
    image = np.zeros((1, 3, 10, 15), np.float32)
    seen = []

    def answer(part, clicks):
        seen.append(list(clicks))
        return part[:, :1]

    predict_in_windows(image, [Click(4, 12, False)], (10, 10), 0.2, answer)
    assert seen == [[Click(4, 12, False)], [Click(4, 7, False)]]


def test_the_predictor_cuts_large_inputs_into_windows():
    image = red_box((200, 300), (90, 110), (140, 160))
    cut = toy(disks, image, zoom=None, windows=(80, 100))
    whole = toy(disks, image, zoom=None)
    prompts = Prompts([Click(60, 60), Click(150, 280)])
    np.testing.assert_allclose(
        cut.predictor.predict(prompts).probability,
        whole.predictor.predict(prompts).probability,
        atol=1e-6,
    )
    assert {shape[2:] for shape in cut.engine.shapes} == {(80, 100)}


def test_windows_see_only_their_own_part():
    image = np.zeros((50, 200, 3), np.uint8)
    probability = toy(left, image, zoom=None, windows=(50, 100), window_overlap=0.0)
    row = probability.predictor.predict(Prompts([Click(1, 1)])).probability[25]
    np.testing.assert_allclose(row[:100], row[100:], atol=1e-6)
    assert row[0] > 0.9 > 0.1 > row[99]


@pytest.mark.parametrize("overlap", [-0.1, 1.0, 2.0])
def test_impossible_overlaps_are_refused(overlap):
    with pytest.raises(PromptError, match="window_overlap"):
        PredictorOptions(windows=(100, 100), window_overlap=overlap)


def test_windows_and_brs_exclude_each_other():
    with pytest.raises(PromptError, match="NoBRS"):
        PredictorOptions(windows=(100, 100), mode="f-BRS-B")
