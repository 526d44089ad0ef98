"""Strokes of brush and eraser: what is painted is the mask, and later clicks still count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from predictor_fixtures import Bench, disc, echo, red, red_where, toy
from tiny import write_tiny_checkpoint

from core.commands import main
from core.errors import PromptError
from core.image import read_binary_mask, read_image, write_png
from core.predictor import Zoom
from core.predictor.painting import stroke_area
from core.prompts import Box, Click, Prompts, Stroke, in_order
from core.stored_prompts import MaskPart, StoredPrompts
from core.worker.frames import FrameDecoder, encode
from core.worker.handler import SegmentationHandler
from core.worker.protocol import (
    REQUESTS,
    Load,
    Outline,
    Predict,
    SetImage,
    from_frame,
    to_frame,
)

SIZE = (120, 160)
ROWS, COLS = np.ogrid[: SIZE[0], : SIZE[1]]
RED = (ROWS >= 30) & (ROWS < 80) & (COLS >= 40) & (COLS < 100)
ON, OFF = Click(50, 60), Click(100, 20, positive=False)


def network(answer: Any = red, **options: Any) -> Bench:
    return toy(answer, red_where(RED), **{"zoom": None, **options})


def covered(stroke: Stroke) -> np.ndarray:
    """Which pixels a stroke covers."""
    points = [*stroke.points, stroke.points[-1]]
    line = shapely.LineString([(col, row) for row, col in points])
    distance: np.ndarray = shapely.distance(line, shapely.points(*np.broadcast_arrays(COLS, ROWS)))
    return distance <= stroke.radius + 1e-9


def brush(*points: tuple[float, float], radius: float = 6, after: int = 1) -> Stroke:
    return Stroke(points, radius, True, after)


def eraser(*points: tuple[float, float], radius: float = 6, after: int = 1) -> Stroke:
    return Stroke(points, radius, False, after)


def mask(made: Bench, *clicks: Click, threshold: float = 0.5, **prompts: Any) -> np.ndarray:
    return made.predictor.predict(Prompts(clicks, **prompts)).mask(threshold)


# --- what a stroke covers -------------------------------------------------------------------


@pytest.mark.parametrize(
    "points",
    [
        [(50, 60)],
        [(50.4, 60.7)],
        [(50, 60), (50, 60)],
        [(20, 20), (20, 90)],
        [(20, 20), (90, 20)],
        [(20.5, 20.5), (90.25, 130.75), (15, 140)],
        [(60, 60), (80, 60), (60, 60)],
        [(-5, -5), (30, 200)],
    ],
)
@pytest.mark.parametrize("radius", [1, 2.5, 11])
def test_a_stroke_covers_what_lies_within_its_radius(points, radius):
    stroke = Stroke(points, radius)
    roi, area = stroke_area(stroke, SIZE)
    found = np.zeros(SIZE, bool)
    found[roi.slices] = area
    np.testing.assert_array_equal(found, covered(stroke))


def test_the_smallest_dab_covers_its_pixel_wherever_it_lies_in_it():
    for row in np.arange(9.5, 10.5, 0.1):
        roi, area = stroke_area(Stroke([(row, 20.49)], 1), SIZE)
        assert area[10 - roi.row_min, 20 - roi.col_min]


@pytest.mark.parametrize("points", [[(-9, 5)], [(50, 170)], [(200, 200), (300, 300)]])
def test_a_stroke_beside_the_image_paints_nothing(points):
    np.testing.assert_array_equal(mask(network(), ON, strokes=[Stroke(points, 6)]), RED)
    assert stroke_area(Stroke(points, 6), SIZE) is None


@pytest.mark.parametrize(
    ("points", "radius", "after"),
    [
        ([], 5, 0),
        ([(1, float("nan"))], 5, 0),
        ([(1, "2")], 5, 0),
        ([(1, 10**400)], 5, 0),
        ([(1, 2)], 0.5, 0),
        ([(1, 2)], float("inf"), 0),
        ([(1, 2)], 5000, 0),
        ([(1, 2)], 5, -1),
        ([(1, 2)], 5, 1.5),
    ],
)
def test_values_that_are_no_stroke_are_refused(points, radius, after):
    with pytest.raises(PromptError, match="A stroke needs"):
        Stroke(points, radius, True, after)


# --- what becomes of the mask ---------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0.05, 0.5, 0.99])
@pytest.mark.parametrize("given", [{}, {"box": Box(20, 90, 30, 110)}, {"mask": RED}])
@pytest.mark.parametrize("zoom", [None, Zoom(target_size=64, min_crop_size=24)])
@pytest.mark.parametrize("correct_mask", [False, True])
def test_what_is_painted_is_exactly_what_was_painted(threshold, given, zoom, correct_mask):
    made = network(zoom=zoom, correct_mask=correct_mask)
    before = mask(made, ON, threshold=threshold, **given)
    painted, erased = brush((100, 120), (110, 150)), eraser((40, 50), (70, 90), radius=4)
    after = mask(made, ON, threshold=threshold, strokes=[painted, erased], **given)
    np.testing.assert_array_equal(after, (before | covered(painted)) & ~covered(erased))


def test_the_latest_stroke_counts():
    strokes = [eraser((50, 60), radius=12), brush((50, 60), radius=5), eraser((50, 60), radius=2)]
    after = mask(network(), ON, strokes=strokes)
    expected = RED & ~covered(strokes[0]) | covered(strokes[1])
    np.testing.assert_array_equal(after, expected & ~covered(strokes[2]))


def test_strokes_alone_are_a_mask():
    strokes = [brush((50, 60), (50, 90), after=0), eraser((50, 60), radius=3, after=0)]
    made = network()
    np.testing.assert_array_equal(
        mask(made, strokes=strokes), covered(strokes[0]) & ~covered(strokes[1])
    )
    assert made.passes == 0
    assert not Prompts(strokes=strokes).empty


def test_a_stroke_costs_no_pass_and_undo_neither():
    made = network()
    plain = mask(made, ON, OFF)
    passes = made.passes
    for strokes in ([brush((9, 9), after=2)], [brush((9, 9), after=2), eraser((50, 60), after=2)]):
        assert (mask(made, ON, OFF, strokes=strokes) != plain).any()
    np.testing.assert_array_equal(mask(made, ON, OFF), plain)
    assert made.passes == passes


@pytest.mark.parametrize("reference", [False, True])
def test_strokes_guide_the_clicks_after_them(reference):
    """The network that repeats the previous mask repeats what was painted."""
    strokes = [brush((100, 120), radius=9, after=1), eraser((50, 60), radius=3, after=1)]
    made = network(echo, reference=reference)
    mask(made, ON, OFF)
    plain = made.engine.guidance[-1]
    mask(made, ON, OFF, strokes=strokes)
    assert made.engine.guidance[-1] > plain + 0.5 * covered(strokes[0]).mean()
    assert made.passes == 3  # the first click was not computed again


def test_the_guidance_is_the_painted_mask_not_only_at_the_painted_pixels():
    made = network(echo)
    stroke = brush((100, 120), radius=9, after=0)
    mask(made, ON, strokes=[stroke])
    assert made.engine.guidance[-1] == pytest.approx(covered(stroke).mean(), abs=1e-4)


@pytest.mark.parametrize(
    "prompts",
    [
        {"clicks": [ON, OFF], "strokes": [brush((9, 9)), eraser((50, 60), after=2)]},
        {"clicks": [ON, OFF, Click(90, 140)], "strokes": [eraser((50, 70), (60, 80), after=2)]},
        {"clicks": [ON], "strokes": [brush((90, 90), after=0)], "box": Box(20, 90, 30, 110)},
        {"clicks": [ON, OFF], "strokes": [brush((90, 90), after=0)], "mask": RED},
    ],
)
@pytest.mark.parametrize("answer", [red, echo])
def test_a_mask_depends_on_the_prompts_alone(prompts, answer):
    """Whatever came before: fewer clicks, other strokes, clicks in one go or one by one."""
    options = {"zoom": Zoom(target_size=48, min_crop_size=16)}
    prompts = dict(prompts)
    clicks, strokes = prompts.pop("clicks"), prompts.pop("strokes")
    expected = network(answer, **options).predictor.predict(
        Prompts(clicks, strokes=strokes, **prompts)
    )
    made = network(answer, **options).predictor
    for count in range(len(clicks) + 1):
        made.predict(Prompts(clicks[:count], strokes=strokes[:1], **prompts))
    made.predict(Prompts(clicks, **prompts))
    again = made.predict(Prompts(clicks, strokes=strokes, **prompts))
    np.testing.assert_array_equal(again.probability, expected.probability)


# --- clicks on what is painted --------------------------------------------------------------


@pytest.mark.parametrize("place", [(50, 60), (44, 52), (31, 41), (78, 60)])
def test_a_left_click_wins_over_the_eraser(place):
    """Object again is what the network says there, within the radius of the stroke."""
    erased = eraser((50, 60), radius=30)
    click = Click(*place)
    after = mask(network(), ON, click, strokes=[erased])
    near = disc(SIZE, place, 30)
    np.testing.assert_array_equal(after, RED & ~(covered(erased) & ~near))
    assert after[place]


@pytest.mark.parametrize("place", [(100, 130), (95, 125)])
def test_a_right_click_wins_over_the_brush(place):
    painted = brush((100, 120), (100, 150), radius=12)
    after = mask(network(), ON, Click(*place, positive=False), strokes=[painted])
    near = disc(SIZE, place, 12)
    np.testing.assert_array_equal(after, RED | (covered(painted) & ~near))
    assert not after[place]


@pytest.mark.parametrize(("place", "positive"), [((50, 60), False), ((100, 130), True)])
def test_a_click_wins_also_where_the_network_does_not_follow_it(place, positive):
    """Red is the object for this network whatever is clicked."""
    painted = Stroke([place], 10, not positive, 1)
    after = mask(network(), ON, Click(*place, positive=positive), strokes=[painted])
    assert after[place] == positive
    spot = disc(SIZE, place, 1)
    np.testing.assert_array_equal(after, RED | spot if positive else RED & ~spot)


def test_a_click_that_agrees_changes_nothing_that_was_painted():
    painted = brush((100, 130), radius=10)
    after = mask(network(), ON, Click(100, 130), strokes=[painted])
    np.testing.assert_array_equal(after, RED | covered(painted))


def test_a_click_before_the_stroke_does_not_win():
    erased = eraser((50, 60), radius=10, after=2)
    after = mask(network(), OFF, ON, strokes=[erased])
    np.testing.assert_array_equal(after, RED & ~covered(erased))


def test_a_stroke_over_such_a_click_wins_again():
    strokes = [eraser((50, 60), radius=20), eraser((50, 60), radius=6, after=2)]
    after = mask(network(), ON, Click(50, 60), strokes=strokes)
    np.testing.assert_array_equal(after, RED & ~covered(strokes[1]))


def test_in_order():
    first, second, third = brush((1, 1), after=0), brush((2, 2), after=1), brush((3, 3), after=9)
    given = list(in_order([ON, OFF], [second, third, first]))
    assert given == [first, ON, second, OFF, third]


# --- the worker, and the command line -------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("model") / "tiny.pth")


STORED = [
    StoredPrompts((ON, OFF), strokes=(brush((50, 60), (80, 90.5)), eraser((50, 60), after=2))),
    StoredPrompts(strokes=(brush((50, 60), (80, 90), after=0),)),
    StoredPrompts((OFF,), Box(20, 90, 30, 110), strokes=(eraser((50, 60), after=0),)),
    StoredPrompts((ON,), None, MaskPart(RED[30:80, 40:100], 30, 40), (brush((9, 9)),)),
    StoredPrompts((ON, Click(50, 60, False)), None, MaskPart(RED[30:80, 40:100], 30, 40)),
]


@pytest.mark.parametrize("stored", STORED)
def test_the_command_line_gives_the_mask_of_the_worker(stored, model, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8)
    photo, prompts, out = tmp_path / "photo.png", tmp_path / "prompts.json", tmp_path / "mask.png"
    write_png(photo, noise)
    prompts.write_text(stored.to_json())
    command = ["segment", str(photo), "--prompts", str(prompts), "--out", str(out)]
    assert main([*command, "--model", str(model), "--engine", "torch", "--threshold", "0.5"]) == 0
    handler = SegmentationHandler()
    handler.answer(Load(str(model), engine="torch"), lambda: True)
    handler.answer(SetImage("a", read_image(photo).pixels), lambda: True)
    given = stored.within(*SIZE)
    answer = handler.answer(Predict.of("a", given), lambda: True)
    np.testing.assert_array_equal(read_binary_mask(out, photo), answer.mask(0.5))
    for stroke in stored.strokes[-1:]:
        assert (answer.mask(0.5)[covered(stroke)] == stroke.positive).all()


def test_painted_parts_count_as_clicked(model):
    handler = SegmentationHandler()
    handler.answer(Load(str(model), engine="torch"), lambda: True)
    handler.answer(SetImage("a", np.zeros((*SIZE, 3), np.uint8)), lambda: True)
    strokes = [brush((20, 20), after=0), brush((90, 120), after=0)]
    for settings, parts in (({"clicked_only": True}, 2), ({"largest_only": True}, 1)):
        request = Outline.of("a", Prompts(strokes=strokes), **settings)
        assert len(handler.answer(request, lambda: True).parts) == parts


@pytest.mark.parametrize(("fill_holes", "holes"), [(-1.0, 1), (0.0, 2)])
def test_what_was_erased_is_a_hole_though_holes_are_filled(model, fill_holes, holes):
    handler = SegmentationHandler()
    handler.answer(Load(str(model), engine="torch"), lambda: True)
    handler.answer(SetImage("a", np.zeros((*SIZE, 3), np.uint8)), lambda: True)
    given = disc(SIZE, (60, 70), 40) & ~disc(SIZE, (60, 50), 6)  # with a hole that nobody erased
    prompts = Prompts(mask=given, strokes=[eraser((60, 90), (66, 92), radius=5, after=0)])
    answer = handler.answer(Outline.of("a", prompts, fill_holes=fill_holes), lambda: True)
    (rings,) = answer.parts
    assert len(rings) == 1 + holes


def test_requests_carry_strokes():
    strokes = [brush((12345.67, 2), (3, 4), radius=2.35), eraser((5, 6), after=3)]
    assert sent(Predict.of("a", Prompts([ON], strokes=strokes))).strokes == tuple(strokes)
    assert sent(Predict.of("a", Prompts([ON]))).strokes == ()


def test_strokes_of_a_day_fit_into_a_request():
    line = [(row / 3, row / 7) for row in range(100)]
    strokes = [brush(*line, after=number) for number in range(2000)]
    assert sent(Predict.of("a", Prompts(strokes=strokes))).strokes == tuple(strokes)


def sent(request: Predict) -> Prompts:
    """The prompts of a request on the other side of a pipe."""
    (frame,) = FrameDecoder().feed(b"".join(encode(to_frame(1, request))))
    received: Prompts = from_frame(frame, REQUESTS).prompts
    return received


@pytest.mark.parametrize("strokes", [5, [5], [(1, 0, 5, 3)], [(1, 0, "5", 1)], [(1, -1, 5, 1)]])
def test_damaged_strokes_in_a_request_are_refused(strokes):
    points = np.zeros((1, 16), np.uint8) if strokes != [(1, 0, 5, 3)] else None
    with pytest.raises((PromptError, TypeError, ValueError)):
        _ = Predict("a", strokes=strokes, stroke_points=points).prompts


# --- stored ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", STORED)
def test_prompts_are_read_as_they_were_stored(stored):
    back = StoredPrompts.from_json(stored.to_json())
    assert (back.clicks, back.box, back.strokes) == (stored.clicks, stored.box, stored.strokes)


def test_without_strokes_the_text_is_that_of_earlier_versions():
    text = StoredPrompts((Click(1.5, 2),), Box(0, 9, 0, 9)).to_json()
    assert text == '{"version":1,"clicks":[[1.5,2,1]],"box":[0,9,0,9],"mask":null}'
    assert StoredPrompts.from_json(text).strokes == ()


def test_names_of_later_versions_are_passed_over():
    text = '{"version":1,"clicks":[],"box":null,"mask":null,"strokes":null,"lasso":[[1,2]]}'
    assert StoredPrompts.from_json(text).strokes == ()


@pytest.mark.parametrize(
    "strokes",
    [
        5,
        [5],
        [{}],
        {"a": 1},
        [{"after": 0, "positive": 1, "radius": 5, "points": [[1, 2, 3]]}],
        [{"after": 0, "positive": 1, "radius": 5, "points": []}],
        [{"after": 0, "positive": 1, "radius": "5", "points": [[1, 2]]}],
        [{"after": 0, "positive": 7, "radius": 5, "points": [[1, 2]]}],
        [{"after": None, "positive": 1, "radius": 5, "points": [[1, 2]]}],
    ],
)
def test_damaged_strokes_are_refused(strokes, tmp_path, capsys, model):
    text = json.dumps({"version": 1, "clicks": [], "box": None, "mask": None, "strokes": strokes})
    with pytest.raises(PromptError):
        StoredPrompts.from_json(text)
    file, photo = tmp_path / "damaged.json", tmp_path / "photo.png"
    file.write_text(text)
    write_png(photo, np.zeros((*SIZE, 3), np.uint8))
    out = tmp_path / "mask.png"
    assert main(["segment", str(photo), "--prompts", str(file), "--out", str(out)]) != 0
    assert "damaged.json holds no prompts of an outline" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--prompts", "prompts.json", "--click", "1,2"], "leave --click"),
        (["--prompts", "missing.json"], "missing.json"),
        (["--prompts", "empty.json"], "holds no prompts"),
        (["--prompts", "larger.json"], "does not lie in the image"),
        (["--prompts", "photo.png"], "holds no prompts"),
    ],
)
def test_what_the_command_line_refuses(arguments, text, tmp_path, monkeypatch, capsys, model):
    monkeypatch.chdir(tmp_path)
    write_png(tmp_path / "photo.png", np.zeros((*SIZE, 3), np.uint8))
    Path("prompts.json").write_text(STORED[0].to_json())
    Path("empty.json").write_text(StoredPrompts().to_json())
    far = StoredPrompts(mask=MaskPart(np.ones((5, 5), bool), 118, 0))
    Path("larger.json").write_text(far.to_json())
    command = ["segment", "photo.png", *arguments, "--out", "mask.png", "--model", str(model)]
    assert main(command) != 0
    assert text in capsys.readouterr().err
