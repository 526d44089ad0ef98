"""Backpropagating refinement: published numbers, and that the clicks are obeyed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from goldens import CONFIGS, GOLDEN_CLICKS, fill_with_recipe, golden_image
from predictor_fixtures import ToyModel, bench, red, red_box
from tiny import tiny_model

from core.errors import PromptError
from core.model import ClickModel, build_model
from core.model.arrays import click_points
from core.predictor import MODES, BRSOptions, Mode, Prediction, Zoom
from core.predictor.brs import FeatureBRS, _Objective, click_squares, make_solver
from core.predictor.options import PredictorOptions
from core.prompts import Click, Prompts

BRS_MODES = [mode for mode in MODES if mode != "NoBRS"]


@pytest.fixture(scope="module")
def recipes() -> dict[str, ClickModel]:
    return {name: fill_with_recipe(build_model(CONFIGS[name])) for name in ("h18s", "r34")}


@contextmanager
def counted_answers(model: ClickModel) -> Iterator[list[int]]:
    """Counts how often the network's last layer runs; the count is the list's only item."""
    count = [0]
    last = model.head if hasattr(model, "head") else model.feature_extractor.cls_head

    def add(*_: Any) -> None:
        count[0] += 1

    handle = last.register_forward_hook(add)
    try:
        yield count
    finally:
        handle.remove()


def published(model: ClickModel, mode: Mode, last: int) -> tuple[list[float], list[int]]:
    """Mean probability and number of evaluations after the second to the ``last`` click."""
    made = bench(model, image=golden_image(), mode=mode, reference=True, flip=True, zoom=None)
    means, counts = [], []
    for number in range(1, last + 1):
        with counted_answers(model) as count:
            prediction = made.predictor.predict(Prompts(GOLDEN_CLICKS[:number]))
        means.append(float(prediction.probability.mean()))
        counts.append(count[0])
    assert counts[0] == 1  # nothing to optimise against yet
    return means[1:], counts[1:]


# Network, mode, means, evaluations; from the second click on. Evaluations of long optimisations
# may differ by a few with SciPy's version and rounding, and the means then with them.
GOLDENS = [
    ("h18s", "RGB-BRS", (0.279464,), (21,)),
    ("h18s", "DistMap-BRS", (0.289078,), (21,)),
    ("h18s", "f-BRS-A", (0.499392, 0.499599), (6, 1)),
    ("h18s", "f-BRS-B", (0.499392, 0.499599), (6, 1)),
    ("h18s", "f-BRS-C", (0.591047, 0.478428), (6, 9)),
    ("r34", "RGB-BRS", (0.501240, 0.501176), (2, 2)),
    ("r34", "DistMap-BRS", (0.500974, 0.500916), (4, 1)),
    ("r34", "f-BRS-A", (0.517104, 0.518509), (10, 4)),
    ("r34", "f-BRS-B", (0.510334, 0.510177), (12, 1)),
    ("r34", "f-BRS-C", (0.493920, 0.499367), (6, 4)),
]


@pytest.mark.parametrize(("network", "mode", "means", "evaluations"), GOLDENS)
def test_published_goldens(network, mode, means, evaluations, recipes):
    got_means, got_evaluations = published(recipes[network], mode, 1 + len(means))
    runs_to_the_limit = max(evaluations) > 20
    assert got_means == pytest.approx(means, abs=2e-4 if runs_to_the_limit else 1e-5)
    np.testing.assert_allclose(got_evaluations, evaluations, atol=2 if runs_to_the_limit else 0)


# The objective --------------------------------------------------------------------------------


def objective(model: ClickModel, mode: Mode, clicks: list[Click]) -> tuple[_Objective, int]:
    """What is minimised at the second golden click, guided by the answer to the first."""
    options = PredictorOptions(mode=mode, reference=True, flip=True, zoom=None)
    made = bench(model, image=golden_image(), reference=True, flip=True, zoom=None)
    before = made.predictor.predict(Prompts(clicks[:1])).probability
    rgb = torch.from_numpy(golden_image()).permute(2, 0, 1)[None] / 255
    image = torch.cat([rgb, torch.from_numpy(before)[None, None]], dim=1)
    solver = make_solver(options)
    points = torch.from_numpy(click_points(clicks[: solver.limit]))
    pair = torch.cat([image, image.flip(3)])
    mirrored = points.clone()
    mirrored[..., 1] = torch.where(points[..., 0] < 0, -1.0, 128 - points[..., 1] - 1)
    forward, count, _ = solver._problem(model, pair, torch.cat([points, mirrored]), None)
    squares = solver._squares(clicks, (96, 128))
    made = _Objective(forward, solver._regulariser, squares, options.brs, torch.device("cpu"))
    return made, count


@pytest.mark.parametrize("mode", BRS_MODES)
def test_loss_of_the_first_evaluation(mode, recipes):
    loss, count = objective(recipes["h18s"], mode, GOLDEN_CLICKS[:2])
    value, gradient = loss(np.zeros(count))
    assert value == pytest.approx(0.66775, abs=1e-5)
    assert gradient.shape == (count,)
    assert gradient.dtype == np.float64


@pytest.mark.parametrize(
    ("network", "mode", "count"),
    [
        ("h18s", "f-BRS-A", 540),
        ("h18s", "f-BRS-B", 540),
        ("h18s", "f-BRS-C", 192),
        ("r34", "f-BRS-A", 1024),
        ("r34", "f-BRS-B", 320),
        ("r34", "f-BRS-C", 256),
        ("h18s", "RGB-BRS", 3 * 96 * 128),
        ("h18s", "DistMap-BRS", 2 * 96 * 128),
    ],
)
def test_number_of_variables(network, mode, count, recipes):
    solver = make_solver(PredictorOptions(mode=mode))
    channels = 4 if network == "h18s" else 3
    _, got, _ = solver._problem(
        recipes[network],
        torch.zeros(1, channels, 96, 128),
        torch.from_numpy(click_points(GOLDEN_CLICKS[:3])),
        None,
    )
    assert got == count


@pytest.mark.parametrize("mode", BRS_MODES)
def test_the_gradient_is_that_of_the_loss(mode, recipes):
    loss, count = objective(recipes["h18s"], mode, GOLDEN_CLICKS[:2])
    rng = np.random.default_rng(0)
    start = 0.01 * rng.standard_normal(count)
    _, gradient = loss(start)
    direction = gradient / np.linalg.norm(gradient)
    step = 1e-2
    ahead, behind = loss(start + step * direction)[0], loss(start - step * direction)[0]
    assert (ahead - behind) / (2 * step) == pytest.approx(np.linalg.norm(gradient), rel=0.05)


def test_the_regulariser_weighs_biases_ten_times_and_mirrored_pixels_twice():
    numbers = torch.tensor([1.0, 2.0, 3.0, 4.0])
    features = make_solver(PredictorOptions(mode="f-BRS-B"))
    assert float(features._regulariser(numbers)) == pytest.approx(1e-3 * (5 + 10 * 25))
    pixels = make_solver(PredictorOptions(mode="RGB-BRS"))
    mirrored = make_solver(PredictorOptions(mode="RGB-BRS", flip=True))
    assert float(pixels._regulariser(numbers)) == pytest.approx(1e-3 * 30)
    assert float(mirrored._regulariser(numbers)) == pytest.approx(2e-3 * 30)


# Squares round the clicks ---------------------------------------------------------------------


def pixels(squares: np.ndarray) -> tuple[list[int], list[int]]:
    rows, cols = np.nonzero(squares)
    return sorted(set(rows.tolist())), sorted(set(cols.tolist()))


@pytest.mark.parametrize("clamp", [True, False])
def test_squares_round_the_nearest_pixel(clamp):
    positive, negative = click_squares(
        [Click(4.4, 6.6), Click(10, 3, False)], (20, 20), clamp=clamp
    )
    assert pixels(positive) == ([3, 4, 5], [6, 7, 8])
    assert pixels(negative) == ([9, 10, 11], [2, 3, 4])


@pytest.mark.parametrize("clamp", [True, False])
def test_squares_on_the_far_edge_are_cut(clamp):
    positive, negative = click_squares([Click(19, 19)], (20, 20), clamp=clamp)
    assert pixels(positive) == ([18, 19], [18, 19])
    assert not negative.any()


def test_squares_at_the_near_edge_are_cut_too_but_were_published_empty():
    clicks = [Click(0, 5)]
    assert pixels(click_squares(clicks, (20, 20), clamp=True)[0]) == ([0, 1], [4, 5, 6])
    assert not click_squares(clicks, (20, 20), clamp=False).any()


def test_squares_of_clicks_outside_are_nowhere_but_were_published_on_the_other_side():
    clicks = [Click(-5, 5)]
    assert not click_squares(clicks, (20, 20), clamp=True).any()
    wrapped = click_squares(clicks, (20, 20), clamp=False)[0]
    assert pixels(wrapped) == ([14, 15, 16], [4, 5, 6])


def test_overlapping_squares_count_once():
    positive, _ = click_squares([Click(5, 5), Click(5, 6)], (20, 20), clamp=True)
    assert positive.sum() == 12


# Behaviour ------------------------------------------------------------------------------------

IMAGE = red_box((48, 64), (15, 30), (20, 45))
CLICKS = [Click(20, 30), Click(10, 50, False), Click(35, 15), Click(0, 0, False), Click(47, 63)]
# Never satisfied and never settled: only the number of evaluations ends it.
RESTLESS: dict[str, Any] = {"threshold": 1.0, "min_iou_change": 0}
FEW = BRSOptions(max_evaluations=4)


def refined(
    mode: Mode, clicks: list[Click], model: ClickModel | None = None, **options: Any
) -> Prediction:
    made = bench(model or tiny_model(), image=IMAGE, mode=mode, **{"zoom": None, **options})
    return made.predictor.predict(Prompts(clicks))


def misfit(prediction: Prediction, clicks: list[Click]) -> float:
    probability = prediction.probability
    errors = [click.positive - probability[int(click.row), int(click.col)] for click in clicks]
    return float(np.mean(np.square(errors)))


@pytest.mark.parametrize("mode", BRS_MODES)
@pytest.mark.parametrize("flip", [False, True])
def test_the_clicks_are_obeyed_better_than_without(mode, flip):
    clicks = CLICKS[:3]
    plain = misfit(refined("NoBRS", clicks, flip=flip), clicks)
    assert misfit(refined(mode, clicks, flip=flip, brs=FEW), clicks) < plain


@pytest.mark.parametrize("mode", BRS_MODES)
def test_clicks_on_every_edge_do_no_harm(mode):
    corners = [Click(0, 0), Click(47, 63, False), Click(0, 63)]
    for reference in (False, True):
        probability = refined(mode, corners, reference=reference, brs=FEW).probability
        assert np.isfinite(probability).all()
        assert 0 <= probability.min() <= probability.max() <= 1


@pytest.mark.parametrize("mode", BRS_MODES)
def test_without_clicks_nothing_is_found(mode):
    assert refined(mode, []).probability.max() == 0


@pytest.mark.parametrize("mode", BRS_MODES)
def test_the_first_click_is_the_plain_answer(mode):
    ours, plain = refined(mode, CLICKS[:1]), refined("NoBRS", CLICKS[:1])
    np.testing.assert_allclose(ours.probability, plain.probability, atol=1e-6)


def test_optimisation_can_start_with_the_first_click_or_never():
    plain = refined("NoBRS", CLICKS[:3])
    never = refined("f-BRS-B", CLICKS[:3], brs=BRSOptions(after_clicks=9))
    np.testing.assert_allclose(never.probability, plain.probability, atol=1e-6)
    at_once = refined("f-BRS-B", CLICKS[:1], brs=BRSOptions(after_clicks=0))
    assert misfit(at_once, CLICKS[:1]) < misfit(refined("NoBRS", CLICKS[:1]), CLICKS[:1])


@pytest.mark.parametrize("mode", BRS_MODES)
@pytest.mark.parametrize("most", [1, 4])
def test_the_number_of_evaluations_is_bounded(mode, most):
    model = tiny_model()
    options = BRSOptions(max_evaluations=most, **RESTLESS)
    made = bench(model, image=IMAGE, mode=mode, zoom=None, brs=options)
    made.predictor.predict(Prompts(CLICKS[:1]))
    with counted_answers(model) as count:
        made.predictor.predict(Prompts(CLICKS[:2]))
    assert 1 <= count[0] <= most + 2


def test_a_settled_mask_ends_the_optimisation():
    model = tiny_model()
    counts = []
    for change in (0.0, 1.0):
        options = BRSOptions(threshold=0.3, min_iou_change=change)
        made = bench(model, image=IMAGE, mode="f-BRS-C", zoom=None, brs=options)
        made.predictor.predict(Prompts(CLICKS[:1]))
        with counted_answers(model) as count:
            made.predictor.predict(Prompts(CLICKS[:2]))
        counts.append(count[0])
    assert counts[1] <= 2
    assert counts[1] <= counts[0]


@pytest.mark.parametrize("mode", BRS_MODES)
def test_a_satisfied_network_is_left_alone(mode):
    model = ToyModel(red)
    made = bench(model, image=IMAGE, mode=mode, zoom=None)
    clicks = [Click(22, 30), Click(40, 10, False)]
    ours = made.predictor.predict(Prompts(clicks)).probability
    plain = bench(model, image=IMAGE, zoom=None).predictor.predict(Prompts(clicks)).probability
    np.testing.assert_array_equal(ours, plain)


@pytest.mark.parametrize("mode", BRS_MODES)
@pytest.mark.parametrize("reference", [False, True])
def test_results_depend_on_the_prompts_alone(mode, reference):
    zoom = Zoom(target_size=40, min_crop_size=20)
    options = {"mode": mode, "zoom": zoom, "reference": reference}
    brs = BRSOptions(net_clicks_limit=2, max_evaluations=2)
    made = bench(tiny_model(), image=IMAGE, brs=brs, **options)
    there = [p.probability for p in made.each(CLICKS)]
    moved = [*CLICKS[:3], Click(25, 32), CLICKS[4]]
    made.predictor.predict(Prompts(moved))
    for count in (5, 2, 4):
        again = made.predictor.predict(Prompts(CLICKS[:count])).probability
        np.testing.assert_array_equal(again, there[count - 1])


def test_only_the_first_clicks_enter_the_network():
    assert click_points(CLICKS[:2]).shape == (1, 2, 3)
    assert click_points(CLICKS[:5])[0, :3, 2].tolist() == [0, 2, 4]
    assert [make_solver(PredictorOptions(mode=mode)).limit for mode in BRS_MODES] == [5, 5, 8, 8, 8]
    limited = BRSOptions(net_clicks_limit=3)
    assert make_solver(PredictorOptions(mode="RGB-BRS", brs=limited)).limit == 3


@pytest.mark.parametrize(("reference", "encodings"), [(True, 3), (False, 5)])
def test_features_beyond_the_limit_are_stale_only_as_published(reference, encodings):
    model = tiny_model()
    runs = []
    handle = model.maps_transform.register_forward_hook(lambda *_: runs.append(1))
    brs = BRSOptions(net_clicks_limit=3, max_evaluations=2)
    made = bench(model, image=IMAGE, mode="f-BRS-B", zoom=None, reference=reference, brs=brs)
    made.each(CLICKS)
    handle.remove()
    assert len(runs) == encodings


def test_stale_features_end_where_the_window_moves():
    solver = make_solver(
        PredictorOptions(
            mode="f-BRS-B", reference=True, brs=BRSOptions(net_clicks_limit=1, max_evaluations=1)
        )
    )
    assert isinstance(solver, FeatureBRS)
    engine = bench(tiny_model()).engine
    first, second = (np.full((1, 4, 32, 48), value, np.float32) for value in (0, 1))
    _, carry = solver.solve(engine, first, CLICKS[:1], None, moved=False)
    _, kept = solver.solve(engine, second, CLICKS[:2], carry, moved=False)
    _, fresh = solver.solve(engine, second, CLICKS[:2], carry, moved=True)
    torch.testing.assert_close(kept.features, carry.features, rtol=0, atol=0)
    assert not torch.equal(fresh.features[0], carry.features[0])


@pytest.mark.parametrize("mode", ["RGB-BRS", "DistMap-BRS"])
def test_a_bias_of_pixels_is_forgotten_in_another_window(mode):
    brs = BRSOptions(max_evaluations=3, **RESTLESS)
    solver = make_solver(PredictorOptions(mode=mode, brs=brs))
    engine = bench(tiny_model()).engine
    image = np.random.default_rng(0).random((1, 4, 32, 48), np.float32)
    _, carry = solver.solve(engine, image, CLICKS[:2], None, moved=False)
    assert np.abs(carry.parameters).max() > 0
    count = carry.parameters.size
    np.testing.assert_array_equal(solver._start(carry, count, moved=False), carry.parameters)
    assert not solver._start(carry, count, moved=True).any()
    assert not solver._start(carry, count + 1, moved=False).any()


def test_scales_of_features_keep_their_meaning_in_another_window():
    brs = BRSOptions(max_evaluations=3, **RESTLESS)
    solver = make_solver(PredictorOptions(mode="f-BRS-C", brs=brs))
    engine = bench(tiny_model()).engine
    image = np.random.default_rng(0).random((1, 4, 32, 48), np.float32)
    _, carry = solver.solve(engine, image, CLICKS[:2], None, moved=False)
    assert np.abs(carry.parameters).max() > 0
    start = solver._start(carry, carry.parameters.size, moved=True)
    np.testing.assert_array_equal(start, carry.parameters)


@pytest.mark.parametrize("mode", BRS_MODES)
def test_the_weights_stay_as_they_are(mode):
    model = tiny_model()
    before = copy.deepcopy(model.state_dict())
    refined(mode, CLICKS[:3], model, brs=FEW)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("mode", BRS_MODES)
def test_models_in_stages_are_refused(mode):
    with pytest.raises(PromptError, match="NoBRS"):
        bench(tiny_model(), tiny_model(), mode=mode)


def test_unknown_modes_are_refused_by_name():
    with pytest.raises(PromptError, match=r"'f-BRS-D'.*f-BRS-C"):
        PredictorOptions(mode="f-BRS-D")
