"""Clicks drawn as network input, against published values and a brute-force drawing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core.model import arrays
from core.model.arrays import click_points, flip_points
from core.model.click_maps import disk_maps, distance_maps
from core.prompts import Click

PAD = (-1.0, -1.0, -1.0)
SIZE = (40, 50)


def in_numpy(draw):
    """The same drawing by `core.model.arrays`, from tensors to tensors."""
    twin = getattr(arrays, draw.__name__)

    def drawn(given: torch.Tensor, size, radius) -> torch.Tensor:
        return torch.from_numpy(twin(given.numpy(), size, radius))

    return drawn


each_drawing = pytest.mark.parametrize(
    "draw", [disk_maps, distance_maps, in_numpy(disk_maps), in_numpy(distance_maps)]
)
each_disk = pytest.mark.parametrize("draw", [disk_maps, in_numpy(disk_maps)])
each_distance = pytest.mark.parametrize("draw", [distance_maps, in_numpy(distance_maps)])


def points_tensor(clicks) -> torch.Tensor:
    return torch.from_numpy(click_points(clicks))


def flipped_tensor(given: torch.Tensor, width: int) -> torch.Tensor:
    return torch.from_numpy(flip_points(given.numpy(), width))


def points(positive=(), negative=()) -> torch.Tensor:
    """(1, 2P, 3) points of (row, col) places, padded by hand."""
    count = max(1, len(positive), len(negative))
    rows = []
    for places in (positive, negative):
        rows += [(*place, 0.0) for place in places] + [PAD] * (count - len(places))
    return torch.tensor([rows], dtype=torch.float32)


def disk(*place, size=SIZE, radius=5) -> np.ndarray:
    """Map of one positive click, the same by both drawings."""
    drawn = disk_maps(points([place]), size, radius)[0, 0].numpy()
    twin = arrays.disk_maps(points([place]).numpy(), size, radius)[0, 0]
    np.testing.assert_array_equal(twin, drawn)
    return drawn


# --- layout of points -----------------------------------------------------------------------


def test_points_are_positive_then_negative_in_order():
    clicks = [Click(1, 2), Click(3, 4, False), Click(5.5, 6.25)]
    expected = [[1, 2, 0], [5.5, 6.25, 2], [3, 4, 1], PAD]
    result = points_tensor(clicks)
    assert result.dtype == torch.float64
    assert result.tolist() == [[list(map(float, row)) for row in expected]]


@pytest.mark.parametrize(("positive", "negative"), [(0, 0), (1, 0), (0, 1), (3, 1), (1, 4), (2, 2)])
def test_as_many_slots_as_the_more_frequent_sign_needs(positive, negative):
    clicks = [Click(i, i, False) for i in range(negative)] + [Click(i, i) for i in range(positive)]
    result = points_tensor(clicks)
    count = max(1, positive, negative)
    assert result.shape == (1, 2 * count, 3)
    used = result[0, :, 2] >= 0
    assert used.tolist() == [
        slot < number for number in (positive, negative) for slot in range(count)
    ]
    assert (result[0, ~used] == -1).all()


def test_no_clicks_are_all_padding_and_draw_nothing():
    empty = points_tensor([])
    assert empty.tolist() == [[list(PAD), list(PAD)]]
    assert disk_maps(empty, SIZE, 5).sum() == 0
    assert (distance_maps(empty, SIZE, 260) == 1).all()


# --- flipping -------------------------------------------------------------------------------


def test_flipping_mirrors_columns_and_keeps_padding():
    given = points([(3, 0), (4, 49.0)], [(7, 10.25)])
    flipped = flipped_tensor(given, 50)
    assert flipped[0, :, 1].tolist() == [49, 0, 38.75, -1]
    assert torch.equal(flipped[..., [0, 2]], given[..., [0, 2]])
    assert torch.equal(flipped_tensor(flipped, 50), given)


def test_flipping_leaves_the_given_points_alone():
    given = points([(3, 0)])
    before = given.clone()
    flipped_tensor(given, 50)
    assert torch.equal(given, before)


@each_drawing
def test_drawing_and_flipping_commute(draw):
    given = points([(3, 2), (20.5, 30.25), (12, 49)], [(39, 0), (7.75, 11)])
    mirrored = draw(flipped_tensor(given, SIZE[1]), SIZE, 6)
    torch.testing.assert_close(mirrored, draw(given, SIZE, 6).flip(-1), rtol=0, atol=1e-6)


def test_a_click_up_and_left_of_the_image_reaches_its_mirror_image_only():
    given = points_tensor([Click(5, 5), Click(-2, -2, False)])
    assert disk_maps(given, SIZE, 5)[0, 1].sum() == 0  # both negative: padding, as published
    mirrored = disk_maps(flipped_tensor(given, SIZE[1]), SIZE, 5)[0, 1]
    assert mirrored.sum() == 8
    assert mirrored[:, : SIZE[1] - 4].sum() == 0


@each_disk
def test_a_pixel_just_within_the_radius_is_told_in_double_precision(draw):
    # 12.8 - 9 and 9.6 - 6.35: single precision rounds the click before the difference.
    row, col = 400 * 8 / 250, 400 * 22 / 250
    rows, cols = np.indices(SIZE).astype(np.float64)
    down, across = (rows - row).astype(np.float32), (cols - col).astype(np.float32)
    expected = down * down + across * across <= 25
    drawn = draw(points_tensor([Click(row, col)]), SIZE, 5)[0, 0].numpy() > 0
    assert np.array_equal(drawn, expected)


def test_a_click_right_of_the_image_is_still_a_click_when_flipped():
    flipped = flipped_tensor(points([(10, 52)]), 50)
    assert flipped[0, 0].tolist() == [10, -3, 0]
    drawn = disk_maps(flipped, SIZE, 5)[0, 0]
    assert torch.equal(drawn, torch.from_numpy(disk(10, 52)).flip(-1))
    assert drawn.sum() > 0


# --- disks: published values ----------------------------------------------------------------


def test_a_disk_of_radius_5_has_81_pixels_in_known_rows():
    drawn = disk(20, 25)
    assert drawn.sum() == 81
    assert set(np.unique(drawn)) == {0, 1}
    assert drawn[15:26].sum(axis=1).tolist() == [1, 7, 9, 9, 9, 11, 9, 9, 9, 7, 1]
    assert drawn[:, 20:31].sum(axis=0).tolist() == [1, 7, 9, 9, 9, 11, 9, 9, 9, 7, 1]


@pytest.mark.parametrize(
    ("place", "pixels"),
    [((0, 0), 26), ((39, 49), 26), ((0, 49), 26), ((20.5, 25.5), 80), ((21.5, 25.4), 78)],
)
def test_published_pixel_counts(place, pixels):
    assert disk(*place).sum() == pixels


def test_the_radius_belongs_to_the_disk():
    drawn = disk(20, 25, radius=3)
    assert drawn[20, 28] == drawn[17, 25] == 1
    assert drawn[20, 29] == drawn[18, 28] == 0


def test_radius_0_is_a_pixel():
    assert np.argwhere(disk(20, 25, radius=0)).tolist() == [[20, 25]]


@each_disk
def test_positive_first_then_negative(draw):
    maps = draw(points([(10, 10)], [(30, 40)]), SIZE, 5)
    assert maps.shape == (1, 2, *SIZE)
    assert maps.dtype == torch.float32
    assert maps[0, 0, 10, 10] == maps[0, 1, 30, 40] == 1
    assert maps[0, 0, 30, 40] == maps[0, 1, 10, 10] == 0


@each_disk
def test_disks_that_overlap_stay_1(draw):
    maps = draw(points([(20, 20), (20, 22), (20, 20)]), SIZE, 5)
    assert maps.max() == 1
    assert maps[0, 0].sum() == np.maximum(disk(20, 20), disk(20, 22)).sum()


# --- disks: the border and beyond -----------------------------------------------------------


@pytest.mark.parametrize(
    "place", [(5, -3), (-3, 5), (5, 52), (43, 5), (-0.5, 20), (20, -4.75), (39.5, 49.5)]
)
def test_what_reaches_into_the_image_is_drawn_the_rest_cut_off(place):
    margin = 10
    height, width = SIZE
    large = disk(place[0] + margin, place[1] + margin, size=(height + 20, width + 20))
    expected = large[margin:-margin, margin:-margin]
    assert expected.any()
    assert np.array_equal(disk(*place), expected)


@each_disk
@pytest.mark.parametrize(
    "place", [(60, 20), (20, 70), (-30, 20), (20, -30), (1e9, 20), (20, 1e9), (3e38, 3e38)]
)
@pytest.mark.parametrize("sign", ["positive", "negative"])
def test_clicks_far_outside_draw_nothing(draw, place, sign):
    assert draw(points(**{sign: [place]}), SIZE, 5).sum() == 0


@pytest.mark.parametrize("place", [(-1, -1), (-2, -3), (-0.5, -0.25)])
@each_drawing
def test_two_negative_coordinates_mean_padding(place, draw):
    assert torch.equal(draw(points([place]), SIZE, 5), draw(points_tensor([]), SIZE, 5))


def test_images_smaller_than_a_disk():
    assert disk(0, 0, size=(1, 1)).tolist() == [[1]]
    assert disk(1, 1, size=(3, 2)).sum() == 6


# --- distances ------------------------------------------------------------------------------


@each_distance
def test_published_distance_values(draw):
    maps = draw(points([(20, 25)]), SIZE, 260)
    assert maps.shape == (1, 2, *SIZE)
    assert maps[0, 0, 20, 25] == 0
    assert maps[0, 0, 20, 30].item() == pytest.approx(0.038443, abs=1e-6)
    assert maps[0, 0, 0, 0].item() == pytest.approx(0.241413, abs=1e-6)
    assert (maps[0, 1] == 1).all()


def test_the_nearest_click_counts():
    both = distance_maps(points([(5, 5), (30, 40)]), SIZE, 260)
    single = [distance_maps(points([place]), SIZE, 260) for place in ((5, 5), (30, 40))]
    assert torch.equal(both, torch.minimum(*single))


@each_distance
def test_distances_to_clicks_outside(draw):
    maps = draw(points([(-10, 25), (20, 1e9)], [(1e9, 1e9)]), SIZE, 260)
    assert maps[0, 0, 0, 25].item() == pytest.approx(math.tanh(2 * 10 / 260), abs=1e-6)
    assert (maps[0, 1] == 1).all()
    assert torch.isfinite(maps).all()


# --- against brute force --------------------------------------------------------------------


def brute_force(sample: np.ndarray, size, value) -> np.ndarray:
    """(2, H, W) of ``value`` of the distance to the nearest click, pixel by pixel."""
    maps = np.empty((2, *size))
    for sign, clicks in enumerate(np.split(sample, 2)):
        places = [(row, col) for row, col, _ in clicks if max(row, col) >= 0]
        for row, col in np.ndindex(*size):
            near = min((math.hypot(row - r, col - c) for r, c in places), default=math.inf)
            maps[sign, row, col] = value(near)
    return maps


def random_points(seed: int, batch=2, slots=4) -> torch.Tensor:
    """Points at quarters of a pixel (exact in binary), some outside, some padding."""
    rng = np.random.default_rng(seed)
    result = np.empty((batch, 2 * slots, 3), np.float32)
    result[..., 0] = rng.integers(-24, 112, result.shape[:2]) / 4
    result[..., 1] = rng.integers(-24, 128, result.shape[:2]) / 4
    result[..., 2] = 0
    result[rng.random(result.shape[:2]) < 0.3] = -1
    return torch.from_numpy(result)


@each_disk
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("radius", [5, 3.5])
def test_disks_as_brute_force_draws_them(draw, seed, radius):
    given, size = random_points(seed), (23, 27)
    expected = [brute_force(sample, size, lambda d: d <= radius) for sample in given.numpy()]
    assert np.array_equal(draw(given, size, radius).numpy(), np.stack(expected))


@each_distance
@pytest.mark.parametrize("seed", range(4))
def test_distances_as_brute_force_measures_them(draw, seed):
    given, size = random_points(seed + 100), (23, 27)
    expected = [brute_force(s, size, lambda d: math.tanh(2 * d / 260)) for s in given.numpy()]
    result = draw(given, size, 260).numpy()
    np.testing.assert_allclose(result, np.stack(expected), rtol=0, atol=1e-6)


@each_drawing
def test_samples_of_a_batch_do_not_mix(draw):
    given = random_points(7, batch=3)
    together = draw(given, SIZE, 5)
    alone = torch.cat([draw(sample[None], SIZE, 5) for sample in given])
    assert torch.equal(together, alone)


@each_drawing
def test_the_order_of_clicks_and_unused_slots_change_nothing(draw):
    given = random_points(8, batch=1)
    half = given.shape[1] // 2
    shuffled = torch.cat([given[:, :half].flip(1), given[:, half:].flip(1)], dim=1)
    padding = torch.full((1, 1, 3), -1.0)
    padded = torch.cat([given[:, :half], padding, given[:, half:], padding], dim=1)
    expected = draw(given, SIZE, 5)
    assert torch.equal(draw(shuffled, SIZE, 5), expected)
    assert torch.equal(draw(padded, SIZE, 5), expected)


@each_drawing
def test_other_number_types_of_points(draw):
    given = points([(10, 10)], [(30, 40)])
    assert torch.equal(draw(given.double(), SIZE, 5), draw(given, SIZE, 5))
