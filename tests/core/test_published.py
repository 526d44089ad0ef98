"""The published behaviour, against numbers that the published code gave."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from goldens import CONFIGS, GOLDEN_CLICKS, fill_with_recipe, golden_image
from predictor_fixtures import Bench, bench, echo, red, red_box, toy

from core.model import build_model
from core.predictor import PredictorOptions, Zoom
from core.predictor.geometry import Roi
from core.predictor.planning import PlanState, ViewPlan
from core.predictor.published import plan_published_view
from core.prompts import Box, Click, Prompts

SIZE = (300, 500)
IMAGE = red_box(SIZE, (100, 179), (200, 329))
CLICKS = [Click(140, 260), Click(50, 50, False), Click(170, 210), Click(290, 490)]
OBJECT = Roi(100, 179, 200, 329)
WINDOW = Roi(40, 240, 164, 364)


def published(**options: Any) -> Bench:
    return toy(red, IMAGE, **{"reference": True, "flip": True, "zoom": None, **options})


def means(made: Bench, clicks: list[Click], **prompts: Any) -> list[float]:
    return [float(p.probability.mean()) for p in made.each(clicks, **prompts)]


def inputs(made: Bench) -> list[tuple[int, ...]]:
    return [shape[2:] for shape in made.engine.shapes]


def test_zoom_in():
    made = published(zoom=Zoom())
    predictions = made.each(CLICKS)
    found = [float(p.probability.mean()) for p in predictions]
    assert found == pytest.approx([0.084825, 0.071575, 0.071575, 0.077139], abs=1e-6)
    assert inputs(made) == [SIZE, (400, 400), (400, 400), (266, 400)]
    assert [p.roi for p in predictions] == [Roi.whole(SIZE), WINDOW, WINDOW, Roi(61, 299, 141, 499)]
    assert all(shape[0] == 2 for shape in made.engine.shapes)


def test_zoom_in_moves_the_clicks():
    made = published(zoom=Zoom())
    made.each(CLICKS[:2])
    straight, mirrored = made.engine.points[1]
    expected = np.array([[199.005, 191.045, 0], [19.900, -226.866, 1]])
    np.testing.assert_allclose(straight, expected, atol=1e-3, rtol=0)
    expected[:, 1] = 400 - expected[:, 1] - 1
    np.testing.assert_allclose(mirrored, expected, atol=1e-3, rtol=0)


def test_zoom_in_from_the_first_click_looks_twice():
    made = published(zoom=Zoom(skip_clicks=0))
    assert means(made, CLICKS[:1]) == pytest.approx([0.071575], abs=1e-6)
    assert inputs(made) == [SIZE, (400, 400)]


def test_zoom_in_to_an_exact_size():
    made = published(zoom=Zoom((400, 400), skip_clicks=-1))
    assert means(made, CLICKS[:2]) == pytest.approx([0.084873, 0.071575], abs=1e-6)
    assert inputs(made) == [(400, 400), (400, 400)]


def test_limited_longest_side():
    made = published(limit_longest_side=200)
    assert means(made, CLICKS[:1]) == pytest.approx([0.085258], abs=1e-6)
    assert inputs(made) == [(120, 200)]
    assert made.engine.points[0][0, 0].tolist() == pytest.approx([56, 104, 0])


def test_the_stale_window_of_the_limit_blurs_later_answers():
    made = published(zoom=Zoom(), limit_longest_side=450)
    assert means(made, CLICKS[:2]) == pytest.approx([0.084897, 0.071658], abs=1e-6)
    fresh = published(zoom=Zoom())
    fresh.predictor.predict(Prompts(CLICKS[:2]))
    ours = made.predictor.predict(Prompts(CLICKS[:2])).probability
    theirs = fresh.predictor.predict(Prompts(CLICKS[:2])).probability
    assert np.abs(ours - theirs).max() == pytest.approx(0.106, abs=1e-3)


@pytest.mark.parametrize(
    ("limit", "mean", "size"), [(100, 0.068417, (67, 100)), (None, 0.068668, (101, 151))]
)
def test_a_box_is_a_hard_crop(limit, mean, size):
    made = published(limit_longest_side=limit)
    assert means(made, CLICKS[:1], box=Box(90, 190, 190, 340)) == pytest.approx([mean], abs=1e-6)
    assert inputs(made) == [size]
    probability = made.predictor.predict(Prompts(CLICKS[:1], box=Box(90, 190, 190, 340)))
    assert probability.probability[:90].max() == 0


def test_without_flip_and_zoom_the_network_sees_the_image():
    made = published(flip=False)
    assert means(made, CLICKS[:1]) == pytest.approx([0.084825], abs=1e-6)
    assert made.engine.shapes == [(1, 4, *SIZE)]


def test_a_box_without_clicks_finds_nothing():
    made = published()
    prediction = made.predictor.predict(Prompts(box=Box(90, 190, 190, 340)))
    assert prediction.probability.max() == 0
    assert made.passes == 0


def test_a_loaded_mask_guides_every_click_and_the_first_runs_twice():
    mask = np.zeros(SIZE, np.float32)
    mask[10:60, 10:90] = 1
    made = toy(echo, IMAGE, reference=True, zoom=None)
    made.each(CLICKS[:3], mask=mask)
    assert made.passes == 4
    assert made.engine.guidance == pytest.approx([mask.mean()] * 4)


def test_undo_and_redo_in_published_mode():
    made = published(zoom=Zoom())
    there = [p.probability for p in made.each(CLICKS)]
    passes = made.passes
    for count in (2, 4, 1, 3):
        again = made.predictor.predict(Prompts(CLICKS[:count])).probability
        np.testing.assert_array_equal(again, there[count - 1])
    assert made.passes == passes


# The networks of the golden recipe ----------------------------------------------------------


def test_h18s_golden():
    made = bench(
        fill_with_recipe(build_model(CONFIGS["h18s"])),
        image=golden_image(),
        reference=True,
        flip=True,
        zoom=None,
    )
    maps = [p.probability for p in made.each(GOLDEN_CLICKS)]
    assert [float(m.mean()) for m in maps] == pytest.approx(
        [0.277405, 0.277828, 0.277917], abs=1e-5
    )
    at_clicks = [[float(m[row, col]) for m in maps] for row, col in ((40, 60), (20, 100), (70, 30))]
    expected = [
        [0.24078, 0.24166, 0.24172],
        [0.29952, 0.30387, 0.30395],
        [0.25098, 0.25125, 0.25189],
    ]
    np.testing.assert_allclose(at_clicks, expected, atol=2e-5)


def test_h18_zoomed_golden():
    model = fill_with_recipe(build_model(CONFIGS["h18"]))
    with torch.no_grad():
        model.feature_extractor.cls_head.bias += 1.4
    zoom = Zoom(target_size=80, min_crop_size=40)
    made = bench(model, image=golden_image(), reference=True, flip=True, zoom=zoom)
    predictions = made.each(GOLDEN_CLICKS)
    maps = [p.probability for p in predictions]
    assert [float(m.mean()) for m in maps] == pytest.approx(
        [0.490759, 0.646225, 0.643626], abs=1e-5
    )
    counts = [int((m > 0.5).sum()) for m in maps]
    np.testing.assert_allclose(counts, [4816, 11656, 11651], atol=3)  # rounding at the threshold
    assert [float(m[40, 60]) for m in maps] == pytest.approx(
        [0.485462, 0.621105, 0.619181], abs=2e-5
    )
    assert inputs(made) == [(96, 128), (60, 80), (60, 80)]
    assert [p.views == () for p in predictions] == [True, False, False]
    assert all(p.roi == Roi.whole((96, 128)) for p in predictions)


# The rules one by one -------------------------------------------------------------------------


def look(clicks=CLICKS[:2], *, found=OBJECT, roi=None, limit=None, **zoom: Any) -> ViewPlan:
    options = PredictorOptions(reference=True, zoom=Zoom(**zoom))
    return plan_published_view(SIZE, clicks, None, found, PlanState(roi, limit), options)


def test_a_first_window_counts_as_moved_and_a_kept_one_does_not():
    first = look()
    assert (first.state.roi, first.moved) == (WINDOW, True)
    again = look(roi=WINDOW)
    assert (again.state.roi, again.moved) == (WINDOW, False)


@pytest.mark.parametrize(
    ("click", "moved"),
    [
        (Click(240, 200), True),  # on the last row, which counts as outside
        (Click(200, 364), True),
        (Click(239, 363), False),
        (Click(40, 164), False),
        (Click(39, 200), True),
        (Click(290, 490, False), False),  # negative clicks are not looked at
    ],
)
def test_when_a_click_moves_the_window(click, moved):
    assert look([*CLICKS[:2], click], roi=WINDOW).moved is moved


def test_the_window_is_replaced_when_it_fits_badly():
    assert look(roi=Roi(0, 299, 0, 499)).state.roi == WINDOW
    assert look(roi=Roi(30, 250, 154, 374)).state.roi == Roi(30, 250, 154, 374)


def test_a_window_is_not_forgotten_when_the_object_is_lost():
    chosen = look(found=None, roi=WINDOW)
    assert chosen.inputs == ()
    assert [view.roi for view in chosen.outputs] == [WINDOW]
    assert chosen.state.roi == WINDOW
