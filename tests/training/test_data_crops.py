"""``crops``: proportions kept, masks of whole values, nothing of the object cut off."""

from __future__ import annotations

import numpy as np
import pytest
from data_fixtures import photo, rectangle, run, write

from core.datasets import ImageSample, open_dataset
from core.datasets.base import pack_annotation
from training.data.crops import CropRule, crop_window, crops
from training.data.resize import fitted_shape, resize_ids, resize_pixels


def sample(shape, *masks, name="x.jpg"):
    annotation = pack_annotation(enumerate(masks, 1), shape)
    return ImageSample(name, photo(*shape), annotation.layers, annotation.objects)


def box(shape, rows, cols):
    return rectangle(shape, rows, cols, 1).astype(np.int8)


def test_a_wide_object_stays_wide():
    # The published script made 568 x 1000 with aspect 1.29 of this 1600 x 400 avalanche.
    shape = (3000, 4000)
    image = sample(shape, box(shape, (1200, 1600), (1000, 2600)))
    ((_, crop),) = crops(image, CropRule())
    pixels, (mask,) = crop
    assert pixels.shape[:2] == mask.shape == (568, 1000)
    rows, cols = np.nonzero(mask == 1)
    aspect = (np.ptp(cols) + 1) / (np.ptp(rows) + 1)
    assert aspect == pytest.approx(4, rel=0.01)


@pytest.mark.parametrize("place", [(0, 0), (1900, 2900), (0, 2900), (900, 1500)])
def test_windows_hold_the_object_and_move_off_the_edges(place):
    inside = np.zeros((2000, 3000), bool)
    inside[place[0] : place[0] + 100, place[1] : place[1] + 100] = True
    rows, cols = crop_window(inside, CropRule())
    assert (rows.stop - rows.start, cols.stop - cols.start) == (1000, 1000)
    assert rows.start >= 0
    assert rows.stop <= 2000
    assert cols.start >= 0
    assert cols.stop <= 3000
    assert inside[rows, cols].sum() == 100 * 100


def test_a_window_in_the_open_is_centred_with_the_margin():
    inside = np.zeros((4000, 4000), bool)
    inside[1000:3000, 1500:2500] = True
    assert crop_window(inside, CropRule(min_size=1)) == (slice(900, 3100), slice(1450, 2550))


def test_no_margin_below_one_cuts_the_object():
    inside = np.zeros((400, 400), bool)
    inside[100:300, 100:300] = True
    assert crop_window(inside, CropRule(margin=0.5, min_size=1)) == (slice(100, 300),) * 2


def test_small_crops_are_enlarged_only_on_demand():
    shape = (60, 80)
    image = sample(shape, box(shape, (10, 30), (20, 60)))
    ((_, (pixels, masks)),) = crops(image, CropRule())
    assert (pixels == image.image).all()
    ((_, (pixels, masks)),) = crops(image, CropRule(longest=160, enlarge=True))
    assert pixels.shape == (120, 160, 3)
    assert (masks[0] == 1).sum() == 4 * 800


def test_masks_keep_ignore_and_their_values():
    shape = (600, 800)
    mask = box(shape, (100, 300), (200, 500))
    mask[90:100, 200:500] = -1
    ((_, (_, (crop,))),) = crops(sample(shape, mask), CropRule(min_size=100, longest=110))
    assert set(np.unique(crop)) == {-1, 0, 1}
    assert crop.shape == (73, 110)


def test_other_objects_in_sight_follow_as_masks_of_their_own():
    shape = (400, 400)
    masks = (
        box(shape, (10, 60), (10, 60)),
        box(shape, (50, 70), (50, 70)),  # overlaps the first
        box(shape, (300, 390), (300, 390)),
    )
    found = dict(crops(sample(shape, *masks), CropRule(min_size=100, longest=100)))
    assert [len(found[number][1]) for number in (1, 2, 3)] == [2, 2, 1]
    first, second = found[1][1]
    assert (first == 1).sum() == 2500
    assert (second == 1).sum() == 400


def test_an_object_that_vanishes_is_told(tmp_path, capsys):
    shape = (400, 400)
    thin = np.zeros(shape, np.uint8)
    thin[[0, 399], [0, 399]] = 255
    write(tmp_path / "in/images/a.png", photo(*shape))
    write(tmp_path / "in/masks/a_1.png", thin)
    write(tmp_path / "in/masks/a_2.png", rectangle(shape, (0, 99), (0, 99)))
    out = tmp_path / "out"
    assert run("crops", tmp_path / "in", out, "--longest", 8, "--min-size", 1) == 1
    said = capsys.readouterr()
    assert "Object 1 of a.png" in said.err
    assert "1 crops" in said.out


def test_the_command_writes_what_data_sets_read(tmp_path):
    root, shape = tmp_path / "in", (300, 400)
    write(root / "images/cam2_20220306_1530-id242.jpg", photo(*shape))
    write(root / "masks/cam2_20220306_1530-id242_1.png", rectangle(shape, (10, 60), (10, 90)))
    write(root / "masks/cam2_20220306_1530-id242_2.png", rectangle(shape, (200, 290), (10, 90)))
    write(root / "images/single.jpg", photo(*shape, seed=1))
    write(root / "masks/single.png", rectangle(shape, (100, 110), (100, 110)))
    options = ("--min-size", 120, "--longest", 60)
    assert run("crops", root, tmp_path / "out", *options) == 0
    out = open_dataset("images", tmp_path / "out")
    assert out.check() == []
    assert out.images().names == (
        "cam2_20220306_1530-id242_1.jpg", "cam2_20220306_1530-id242_2.jpg", "single.jpg",
    )  # fmt: skip
    assert {image.image.shape for image in out.images()} == {(60, 60, 3)}


# --- resizing -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "enlarge", "expected"),
    [((400, 1600), False, (25, 100)), ((1600, 400), False, (100, 25)), ((10, 50), False, (10, 50)),
     ((10, 50), True, (20, 100)), ((1, 1000), False, (1, 100))],
)  # fmt: skip
def test_fitted_shapes_keep_proportions(shape, enlarge, expected):
    assert fitted_shape(shape, 100, enlarge=enlarge) == expected


def test_ids_and_pixels_shrink_without_moving_against_each_other():
    ids = np.zeros((900, 900), np.int32)
    ids[301:602, 150:799] = 70000
    pixels = np.repeat((ids > 0).astype(np.uint8)[:, :, None] * 255, 3, axis=2)
    small_ids, small = resize_ids(ids, (270, 270)), resize_pixels(pixels, (270, 270))
    assert set(np.unique(small_ids)) == {0, 70000}
    first, second = (
        np.argwhere(small_ids > 0).mean(axis=0),
        np.argwhere(small[..., 0] > 127).mean(axis=0),
    )
    assert np.abs(first - second).max() <= 0.5
