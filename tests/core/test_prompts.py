"""Clicks, boxes and masks: what is accepted, and what a wrong one is told."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from core.errors import IsegError, PromptError
from core.prompts import Box, Click, Prompts

NAN, INF = math.nan, math.inf


# --- clicks ---------------------------------------------------------------------------------


def test_a_click_is_on_the_object_unless_said_otherwise():
    assert Click(3, 4).positive
    assert not Click(3, 4, positive=False).positive
    assert Click(3, 4) == Click(3, 4, True) != Click(3, 4, False)


def test_row_comes_first():
    click = Click(3, 4)
    assert (click.row, click.col) == (3, 4)
    assert click != Click(4, 3)


@pytest.mark.parametrize("place", [(0.25, 7.75), (-4, 3), (1e9, -1e9), (0, 0)])
def test_fractions_and_places_outside_the_image_are_fine(place):
    assert (Click(*place).row, Click(*place).col) == place


@pytest.mark.parametrize("place", [(NAN, 1), (1, NAN), (INF, 1), (1, -INF)])
def test_a_click_must_be_somewhere(place):
    with pytest.raises(PromptError, match="A click needs finite coordinates") as error:
        Click(*place)
    assert str(place) in str(error.value)


def test_clicks_cannot_be_moved_and_can_be_kept_in_sets():
    click = Click(1, 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        click.row = 5
    assert len({click, Click(1, 2), Click(1, 2, False)}) == 2


def test_numpy_numbers_are_numbers():
    assert Click(np.float32(1.5), np.int64(2)) == Click(1.5, 2)
    with pytest.raises(PromptError):
        Click(np.float32("nan"), 2)


# --- boxes ----------------------------------------------------------------------------------


def test_box_names_its_sides():
    box = Box(1, 5, 2, 9)
    assert (box.row_min, box.row_max, box.col_min, box.col_max) == (1, 5, 2, 9)


@pytest.mark.parametrize(
    ("first", "second"),
    [((1, 9), (5, 2)), ((5, 2), (1, 9)), ((1, 2), (5, 9)), ((5, 9), (1, 2))],
)
def test_any_two_opposite_corners_make_the_same_box(first, second):
    assert Box.from_corners(first, second) == Box(1, 5, 2, 9)


def test_a_box_of_a_single_pixel_is_a_box():
    assert Box.from_corners((3, 4), (3, 4)) == Box(3, 3, 4, 4)


@pytest.mark.parametrize("sides", [(5, 1, 2, 9), (1, 5, 9, 2)])
def test_a_box_inside_out_is_refused(sides):
    with pytest.raises(PromptError, match="row_min <= row_max and col_min <= col_max") as error:
        Box(*sides)
    assert f"rows {sides[0]} to {sides[1]}, columns {sides[2]} to {sides[3]}" in str(error.value)


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_a_box_must_be_somewhere(position, value):
    sides = [1.0, 5.0, 2.0, 9.0]
    sides[position] = value
    with pytest.raises(PromptError, match="A box needs finite coordinates"):
        Box(*sides)


def test_corners_that_are_nowhere_are_refused():
    with pytest.raises(PromptError):
        Box.from_corners((NAN, 0), (5, 5))


# --- all prompts of an object ---------------------------------------------------------------


def test_nothing_is_empty():
    prompts = Prompts()
    assert prompts.empty
    assert (prompts.clicks, prompts.box, prompts.mask) == ((), None, None)


@pytest.mark.parametrize(
    "given",
    [
        {"clicks": [Click(1, 1)]},
        {"clicks": [Click(1, 1, False)]},
        {"box": Box(0, 1, 0, 1)},
        {"mask": np.zeros((2, 3), bool)},
    ],
)
def test_any_prompt_is_something_to_predict_from(given):
    assert not Prompts(**given).empty


def test_clicks_keep_their_order_and_are_out_of_reach_of_the_callers_list():
    clicks = [Click(1, 1), Click(2, 2, False), Click(0, 0)]
    prompts = Prompts(clicks)
    clicks.pop()
    assert prompts.clicks == (Click(1, 1), Click(2, 2, False), Click(0, 0))


def test_a_generator_of_clicks_is_read_once():
    prompts = Prompts(Click(i, i) for i in range(3))
    assert len(prompts.clicks) == 3
    assert len(prompts.clicks) == 3


def test_the_mask_is_taken_as_it_is():
    mask = np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3)
    assert Prompts(mask=mask).mask is mask


@pytest.mark.parametrize("shape", [(), (5,), (1, 4, 5), (4, 5, 3)])
def test_a_mask_has_two_axes(shape):
    with pytest.raises(PromptError, match=r"needs shape \(H, W\)") as error:
        Prompts(mask=np.zeros(shape))
    assert str(shape) in str(error.value)


def test_prompts_with_masks_compare_by_identity():
    mask = np.zeros((2, 2))
    assert Prompts(mask=mask) != Prompts(mask=mask)


def test_one_handler_catches_all_errors_of_ours_and_the_builtin_one_fits_too():
    with pytest.raises(IsegError):
        Click(NAN, 0)
    with pytest.raises(ValueError, match="finite"):
        Click(NAN, 0)
