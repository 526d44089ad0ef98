"""Windows round objects, and the ways in which samples start."""

from __future__ import annotations

import numpy as np
import pytest
from run_fixtures import blobs

from core.datasets import PictureSample
from core.errors import DatasetError
from core.metrics import iou
from core.prompts import BOX_GUIDANCE
from training.config import SampleSettings
from training.windows import WindowRecipe, box_guidance, cut_window, draw_object

CROP = (72, 96)


def sample(seed, **shares):
    recipe = WindowRecipe(SampleSettings("windows", CROP, **shares))
    return recipe(blobs(seed), np.random.default_rng(seed))


def used(points):
    return points[points[:, 0] >= 0]


@pytest.mark.parametrize("seed", range(8))
def test_windows_show_a_large_part_of_the_object(seed):
    made = sample(seed)
    assert made.image.shape == (*CROP, 3)
    assert made.mask.shape == made.guidance.shape == CROP
    assert np.count_nonzero(made.mask == 1) >= 300
    assert not made.guidance.any()
    assert len(used(made.points[:24])) >= 1
    rows, cols = used(made.points[:24])[:, :2].astype(int).T
    assert (made.mask[rows, cols] == 1).all()
    rows, cols = used(made.points[24:])[:, :2].astype(int).T
    assert (made.mask[rows, cols] == 0).all()


def test_picture_and_mask_move_together():
    """The ellipses are brighter by 110 than what is round them: so they are in the window."""
    for seed in range(10):
        picture = blobs(seed)
        rng = np.random.default_rng(seed)
        image, mask = cut_window(picture.image, draw_object(picture, rng), CROP, rng)
        assert (image.max(axis=2)[mask == 1] >= 105).mean() > 0.97


def test_beyond_the_picture_is_ignored():
    image = np.full((40, 200, 3), 90, np.uint8)
    mask = np.zeros((40, 200), np.int8)
    mask[5:35, 20:180] = 1
    _, seen = cut_window(image, mask, (64, 64), np.random.default_rng(0))
    assert (seen == -1).any()
    assert (seen == 1).any()


def test_a_sample_may_start_from_a_single_click():
    for seed in range(5):
        made = sample(seed, first_click=1.0)
        (click,) = used(made.points)
        assert click[2] == 0
        assert made.mask[int(click[0]), int(click[1])] == 1
        assert not made.guidance.any()


def test_a_sample_may_start_from_a_box():
    for seed in range(5):
        made = sample(seed, box=1.0)
        assert set(np.unique(made.guidance)) <= {0.0, BOX_GUIDANCE}
        assert len(used(made.points)) <= 1
        inside = made.mask == 1
        assert (made.guidance[inside] > 0).mean() > 0.7
    box = box_guidance(inside, np.random.default_rng(0)) > 0
    rows, cols = np.flatnonzero(box.any(1)), np.flatnonzero(box.any(0))
    assert box[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1].all()


def test_a_sample_may_start_from_a_faulty_outline():
    for seed in range(5):
        made = sample(seed, given_mask=1.0)
        assert 0.5 < iou(made.guidance > 0.5, made.mask) < 0.9
        (click,) = used(made.points)
        assert (
            made.mask[int(click[0]), int(click[1])] != made.guidance[int(click[0]), int(click[1])]
        )


def test_regions_of_a_partition_may_be_joined_but_objects_not():
    labels = np.repeat(np.arange(1, 7), 10)[None, None] * np.ones((1, 40, 1), np.int64)
    regions = PictureSample(
        "p",
        np.zeros((40, 60, 3), np.uint8),
        labels.astype(np.int32),
        tuple((i, 0) for i in range(1, 7)),
    )
    widths = [
        np.count_nonzero(draw_object(regions, np.random.default_rng(seed))[0] == 1) // 10
        for seed in range(60)
    ]
    assert set(widths) == {1, 2, 3}
    sizes = {
        np.count_nonzero(draw_object(blobs(0), np.random.default_rng(s)) == 1) for s in range(9)
    }
    assert len(sizes) == 2


def test_pictures_that_give_nothing_say_so():
    empty = PictureSample(
        "bare", np.zeros((40, 60, 3), np.uint8), np.zeros((1, 40, 60), np.int32), ()
    )
    with pytest.raises(DatasetError, match="bare has no object"):
        draw_object(empty, np.random.default_rng(0))
    layers = np.zeros((1, 400, 400), np.int32)
    layers[0, 5, 5] = 1
    speck = PictureSample("speck", np.zeros((400, 400, 3), np.uint8), layers, ((1, 0),))
    with pytest.raises(DatasetError, match="No object of speck is large enough"):
        WindowRecipe(SampleSettings("windows", (64, 64)))(speck, np.random.default_rng(0))
