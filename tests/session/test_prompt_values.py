"""Prompt sets, start masks and history as values."""

from __future__ import annotations

import base64
import json
import tracemalloc
import zlib

import numpy as np
import pytest

from avalanche_iseg_qgis.core.errors import PromptError
from avalanche_iseg_qgis.core.prompts import Box, Click, Stroke
from avalanche_iseg_qgis.layers.pixel_window import PixelWindow
from avalanche_iseg_qgis.session.history import History
from avalanche_iseg_qgis.session.prompt_set import PromptSet
from avalanche_iseg_qgis.session.start_mask import StartMask


def test_every_change_is_another_value():
    empty = PromptSet()
    one = empty.with_click(Click(1.234, 5.678))
    two = one.with_click(Click(3, 4, positive=False))
    assert empty.empty
    assert one.clicks == (Click(1.23, 5.68),)
    assert two.with_moved(0, 9, 9).clicks == (Click(9, 9), Click(3, 4, positive=False))
    assert two.without(0).clicks == (Click(3, 4, positive=False),)
    box = two.with_box(Box(0.111, 10, 2, 20))
    assert box.box == Box(0.11, 10, 2, 20)
    assert box.with_box(None) == two


def test_strokes_keep_their_place_among_the_clicks():
    prompts = PromptSet().with_stroke([(1.234, 2), (3, 4)], 5.678, True)
    prompts = prompts.with_click(Click(1, 1)).with_click(Click(2, 2))
    prompts = prompts.with_stroke([(5, 6)], 2, False).with_click(Click(3, 3))
    first, second = prompts.strokes
    assert first == Stroke([(1.23, 2), (3, 4)], 5.68, True, 0)
    assert second == Stroke([(5, 6)], 2, False, 2)
    assert [s.after for s in prompts.without(0).strokes] == [0, 1]
    assert [s.after for s in prompts.without(2).strokes] == [0, 2]
    assert [s.after for s in prompts.with_moved(0, 9, 9).strokes] == [0, 2]
    assert [len(prompts.first_clicks(n).strokes) for n in range(4)] == [1, 1, 2, 2]
    counts = [(len(step.clicks), len(step.strokes)) for step in prompts.steps()]
    assert counts == [(0, 0), (0, 1), (1, 1), (2, 1), (2, 2), (3, 2)]
    assert prompts.steps()[-1] is prompts
    assert not PromptSet(strokes=prompts.strokes).empty
    assert PromptSet.from_json(prompts.to_json()) == prompts


def test_bounds_and_window_of_strokes():
    prompts = PromptSet((Click(10, 80),)).with_stroke([(30, 40), (50, 60)], 5, True)
    assert prompts.bounds() == (10, 55, 35, 80)
    (inside,) = prompts.within(PixelWindow(10, 30, 60, 60)).strokes
    assert inside == Stroke([(20, 10), (40, 30)], 5, True, 1)


@pytest.mark.parametrize(
    ("prompts", "fits"),
    [
        (PromptSet((Click(10, 10),)), True),
        (PromptSet((Click(70, 10),)), False),
        (PromptSet().with_stroke([(-4, 10), (70, 20)], 5, True), True),
        (PromptSet().with_stroke([(70, 10)], 5, True), False),
        (PromptSet((Click(10, 10),)).with_stroke([(10, -9)], 5, True), False),
    ],
)
def test_prompts_fit_an_image(prompts, fits):
    assert prompts.fits(PixelWindow(0, 0, 50, 60)) == fits


def test_bounds_and_window():
    mask = StartMask.of(np.ones((2, 3)), 50, 60)
    prompts = PromptSet((Click(10, 80),), Box(20, 30, 40, 90), mask)
    assert prompts.bounds() == (10, 51, 40, 90)
    inside = prompts.within(PixelWindow(10, 40, 60, 60))
    assert inside.clicks == (Click(0, 40),)
    assert inside.box == Box(10, 20, 0, 50)
    assert np.argwhere(inside.mask).tolist() == [[r, c] for r in (40, 41) for c in (20, 21, 22)]


def test_json_there_and_back():
    bits = np.random.default_rng(0).random((31, 17)) > 0.5
    prompts = PromptSet((Click(1.5, 2),), Box(0, 9, 0, 9), StartMask.of(bits, 4, 5))
    back = PromptSet.from_json(prompts.to_json())
    assert (back.clicks, back.box) == (prompts.clicks, prompts.box)
    assert np.array_equal(back.mask.bits, prompts.mask.bits)
    assert (back.mask.row, back.mask.col) == (prompts.mask.row, prompts.mask.col)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"clicks": 1}', "nonsense"])
def test_other_text_is_refused(text):
    with pytest.raises(PromptError, match="cannot be read"):
        PromptSet.from_json(text)


def test_masks_are_trimmed_and_must_not_be_empty():
    bits = np.zeros((9, 9))
    bits[2:4, 5] = 7
    mask = StartMask.of(bits, 10, 20)
    assert mask.bits.all()
    assert (mask.row, mask.col, mask.bits.shape) == (12, 25, (2, 1))
    with pytest.raises(PromptError, match="empty"):
        StartMask.of(np.zeros((3, 3)))


def test_history():
    history = History(PromptSet())
    first = history.current
    assert not history.can_undo
    assert not history.can_redo
    assert not history.is_changed
    states = [PromptSet((Click(n, n),)) for n in range(3)]
    for state in states:
        history.change(state)
    history.undo()
    history.undo()
    assert history.current is states[0]
    history.redo()
    assert history.current is states[1]
    history.change(states[0])
    assert not history.can_redo  # states that were undone are dropped
    for _ in range(9):
        history.undo()
    assert history.current is first
    assert history.is_changed


def stored(**mask) -> str:
    bits = base64.b64encode(zlib.compress(np.packbits(np.ones((2, 3), bool)).tobytes())).decode()
    content = {"at": [0, 0], "size": [2, 3], "bits": bits, **mask}
    return json.dumps({"version": 1, "clicks": [], "box": None, "mask": content})


def test_a_stored_mask_is_read():
    assert PromptSet.from_json(stored()).mask.bits.all()


BOMB = base64.b64encode(zlib.compress(bytes(50_000_000))).decode()


@pytest.mark.parametrize(
    "mask",
    [
        {"size": [100_000, 100_000]},
        {"size": [100_000, 100_000], "bits": BOMB},
        {"bits": BOMB},
        {"size": [2, 30]},
        {"size": [2, 10**400]},
        {"size": [2.5, 3]},
        {"size": [-2, -3]},
        {"size": [0, 0]},
        {"size": 5},
        {"at": [10**400, 0]},
        {"at": [-1, 0]},
        {"at": [0]},
        {"bits": "AAAA"},
        {"bits": "no base64"},
        {"bits": 5},
    ],
)
def test_a_damaged_mask_is_refused_in_little_memory(mask):
    tracemalloc.start()
    with pytest.raises(PromptError, match="Import its outline"):
        PromptSet.from_json(stored(**mask))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 2000 + "1" + "}" * 2000,
        '{"clicks": [[1e400, 2, 1]], "box": null, "mask": null}',
        '{"clicks": [[1' + "0" * 400 + ', 2, 1]], "box": null, "mask": null}',
        '{"clicks": [["1", 2, 1]], "box": null, "mask": null}',
        '{"clicks": [], "box": [0, 1' + "0" * 400 + ', 0, 1], "mask": null}',
        '{"clicks": [], "box": {"a": 1}, "mask": null}',
        '{"clicks": [], "box": null, "mask": [1]}',
    ],
)
def test_damaged_prompts_are_refused(text):
    with pytest.raises(PromptError, match=r"cannot be read|finite"):
        PromptSet.from_json(text)
