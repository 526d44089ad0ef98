"""Augmentations: image and mask stay together, ranges and borders are the published ones."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import pytest

from core.datasets import ImageSample, open_dataset
from core.errors import ConfigError
from training import augment
from training.augment import RECIPES, augmentation
from training.views import AugmentedView, turn

STEPS = {
    "uniform_resize": partial(augment.uniform_resize, low=0.75, high=1.4),
    "horizontal_flip": augment.horizontal_flip,
    "flip": augment.flip,
    "rotate90": augment.rotate90,
    "rotate": partial(augment.rotate, degrees=10.0),
    "shift_rotate": augment.shift_rotate,
    "pad_if_needed": lambda view, rng: augment.pad_if_needed(view, (150, 260)),
    "random_crop": lambda view, rng: augment.random_crop(view, rng, (60, 70)),
}
HEIGHT, WIDTH = 110, 150


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def ramps(height=HEIGHT, width=WIDTH) -> ImageSample:
    """Every pixel says where it is: red row, green column, blue 200; ids row * 1000 + col + 1."""
    row, col = np.mgrid[:height, :width]
    image = np.stack((row, col, np.full_like(row, 200)), axis=-1).astype(np.uint8)
    layer = (row * 1000 + col + 1).astype(np.int32)
    return ImageSample("ramps", image, layer[None], ())


def spot(height, width, rows, cols) -> ImageSample:
    layer = np.zeros((height, width), np.int32)
    layer[rows, cols] = 3
    image = np.repeat((layer > 0)[..., None] * np.uint8(255), 3, axis=2)
    return ImageSample("spot", image, layer[None], ((3, 0),))


def seen(sample: ImageSample, view: AugmentedView) -> tuple[np.ndarray, np.ndarray]:
    sampler = view.sampler(*sample.image.shape[:2])
    return sampler.sample_image(sample.image), sampler.layers(sample.layers)


# --- every step -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", STEPS)
def test_image_and_mask_stay_together(name, rng):
    sample = ramps()
    for _ in range(30):
        view = STEPS[name](AugmentedView.whole(HEIGHT, WIDTH), rng)
        image, (layer,) = seen(sample, view)
        assert image.shape == (*view.size, 3)
        inside = layer > 0
        assert np.array_equal(image[..., 2], np.where(inside, 200, 0))
        row, col = np.divmod(layer[inside] - 1, 1000)
        # The nearest pixel is half a pixel away at most, and levels are rounded.
        assert np.abs(image[inside][:, 0] - row.astype(float)).max() <= 1.01
        assert np.abs(image[inside][:, 1] - col.astype(float)).max() <= 1.01


@pytest.mark.parametrize(
    ("step", "results"),
    [
        (augment.horizontal_flip, [lambda a: a, np.fliplr]),
        (augment.flip, [lambda a: a, np.fliplr, np.flipud, lambda a: np.rot90(a, 2)]),
        (augment.rotate90, [partial(np.rot90, k=k) for k in range(4)]),
    ],
)
def test_flips_and_quarter_turns_are_exact_and_all_occur(step, results, rng):
    sample = ramps()
    occurred = set()
    for _ in range(60):
        image, (layer,) = seen(sample, step(AugmentedView.whole(HEIGHT, WIDTH), rng))
        fits = [i for i, f in enumerate(results) if np.array_equal(f(sample.image), image)]
        assert len(fits) == 1
        assert np.array_equal(results[fits[0]](sample.layers[0]), layer)
        occurred.update(fits)
    assert occurred == set(range(len(results)))


@pytest.mark.parametrize("scale", [0.75, 0.9, 1.4])
def test_resizing_is_that_of_opencv(scale, rng):
    sample = ramps()
    sample.image[:] = rng.integers(0, 256, sample.image.shape)
    view = augment.uniform_resize(AugmentedView.whole(HEIGHT, WIDTH), rng, scale, scale)
    expected = cv2.resize(sample.image, view.size[::-1], interpolation=cv2.INTER_LINEAR)
    inner = (slice(2, -2), slice(2, -2))  # at the edges OpenCV repeats pixels, the view mirrors
    difference = np.abs(seen(sample, view)[0].astype(int) - expected)[inner]
    assert difference.max() <= 8  # positions are rounded to 1/32 of a pixel
    assert difference.mean() < 1


def test_resizing_covers_its_range(rng):
    scales = []
    for _ in range(400):
        view = augment.uniform_resize(AugmentedView.whole(HEIGHT, WIDTH), rng, 0.75, 1.4)
        scales.append(view.size[0] / HEIGHT)
        assert view.size[1] / WIDTH == pytest.approx(scales[-1], abs=0.01)
    found = min(scales), np.mean(scales), max(scales)
    assert found == pytest.approx((0.75, 1.075, 1.4), abs=0.03)


def test_turns_are_those_of_opencv_mirrored_at_the_edges():
    sample = ramps()
    image, _ = seen(sample, AugmentedView.whole(HEIGHT, WIDTH).then(turn(10.0, (HEIGHT, WIDTH))))
    matrix = cv2.getRotationMatrix2D(((WIDTH - 1) / 2, (HEIGHT - 1) / 2), 10.0, 1)
    expected = cv2.warpAffine(
        sample.image, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT_101
    )
    assert np.abs(image.astype(int) - expected).max() <= 1


def test_turning_mirrors_but_shifting_leaves_nothing_at_the_edges(rng):
    whole = AugmentedView.whole(HEIGHT, WIDTH)
    for _ in range(50):
        assert (seen(ramps(), augment.rotate(whole, rng, 10.0))[1] > 0).all()
    empty = [(seen(ramps(), augment.shift_rotate(whole, rng))[1] == 0).mean() for _ in range(300)]
    assert np.mean(np.array(empty) == 0) == pytest.approx(0.25, abs=0.08)
    assert 0.03 < max(empty) < 0.12


def test_shifts_reach_three_per_cent_of_each_side(rng):
    whole = AugmentedView.whole(400, 1000)
    moved = []
    for _ in range(500):
        matrix = augment.shift_rotate(whole, rng, degrees=0.0).to_source
        assert matrix[:2, :2].tolist() == np.eye(2).tolist()
        moved.append(matrix[:2, 2])
    low, high = np.min(moved, axis=0), np.max(moved, axis=0)
    assert low == pytest.approx([-30, -12], abs=1.5)
    assert high == pytest.approx([30, 12], abs=1.5)


@pytest.mark.parametrize(("step", "limit"), [(augment.rotate, 10.0), (augment.shift_rotate, 3.0)])
def test_turns_cover_their_range(step, limit, rng):
    whole = AugmentedView.whole(HEIGHT, WIDTH)
    matrices = [step(whole, rng, degrees=limit).to_source for _ in range(600)]
    angles = np.degrees([np.arctan2(matrix[1, 0], matrix[0, 0]) for matrix in matrices])
    assert [angles.min(), angles.max()] == pytest.approx([-limit, limit], abs=limit / 30)
    assert np.mean(angles != 0) == pytest.approx(0.5 if limit == 10 else 0.75, abs=0.06)


def test_padding_is_centred_and_empty():
    sample = ramps(21, 30)
    image, (layer,) = seen(sample, augment.pad_if_needed(AugmentedView.whole(21, 30), (30, 24)))
    assert image.shape == (30, 30, 3)
    assert np.array_equal(image[4:25], sample.image)
    assert np.array_equal(layer[4:25], sample.layers[0])
    assert not image[:4].any()
    assert not layer[25:].any()


def test_crops_reach_every_place_the_last_included(rng):
    sample = ramps(12, 9)
    corners = set()
    for _ in range(400):
        image, (layer,) = seen(sample, augment.random_crop(AugmentedView.whole(12, 9), rng, (9, 7)))
        row, col = divmod(int(layer[0, 0]) - 1, 1000)
        assert np.array_equal(image, sample.image[row : row + 9, col : col + 7])
        corners.add((row, col))
    assert corners == {(row, col) for row in range(4) for col in range(3)}


# --- chains ---------------------------------------------------------------------------------


def test_a_chain_is_what_its_steps_do_one_after_another(rng):
    sample = spot(120, 160, slice(40, 110), slice(0, 90))
    for _ in range(20):
        view, image, layer = AugmentedView.whole(120, 160), sample.image, sample.layers
        for step in (*RECIPES["avalanche"].steps, STEPS["pad_if_needed"], STEPS["random_crop"]):
            state = rng.bit_generator.state
            view = step(view, rng)
            rng.bit_generator.state = state
            alone = step(AugmentedView.whole(*image.shape[:2]), rng).sampler(*image.shape[:2])
            image, layer = alone.sample_image(image), alone.layers(layer)
        at_once, labels = seen(sample, view)
        assert np.mean(labels != layer) < 0.01
        assert np.abs(at_once.astype(int) - image).mean() < 2


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("size", [(70, 90), (200, 330), (90, 400)])
def test_every_recipe_gives_crops_whose_object_is_in_the_image(recipe, size, rng):
    sample = spot(*size, slice(20, 60), slice(10, 70))
    augment_ = augmentation(recipe, (96, 128))
    for _ in range(15):
        result = augment_(sample, rng)
        assert result.image.shape == (96, 128, 3)
        assert result.image.dtype == np.uint8
        assert result.layers.shape == (1, 96, 128)
        assert result.layers.dtype == np.int32
        assert set(np.unique(result.layers)) <= {0, 3}
        assert result.objects == ((3, 0),)
        bright = result.image.astype(float).mean(axis=2)
        inside = cv2.erode((result.layers[0] == 3).view(np.uint8), np.ones((3, 3), np.uint8)) > 0
        outside = cv2.dilate((result.layers[0] == 3).view(np.uint8), np.ones((3, 3))) == 0
        if inside.any() and outside.any():
            assert bright[inside].min() > bright[outside].max()


def test_the_augmented_image_is_new(rng):
    sample = spot(96, 128, slice(20, 60), slice(10, 70))
    before = sample.image.copy(), sample.layers.copy()
    for recipe in RECIPES:
        result = augmentation(recipe, (96, 128))(sample, rng)
        result.image[:], result.layers[:] = 7, 7
    assert np.array_equal(sample.image, before[0])
    assert np.array_equal(sample.layers, before[1])


def test_the_same_seed_gives_the_same_crop():
    sample = spot(200, 330, slice(20, 60), slice(10, 70))
    for recipe in RECIPES:
        first, second = (
            augmentation(recipe, (96, 128))(sample, np.random.default_rng(5)) for _ in range(2)
        )
        assert np.array_equal(first.image, second.image)
        assert np.array_equal(first.layers, second.layers)


# --- colours --------------------------------------------------------------------------------


def test_brightness_and_contrast_ranges(rng):
    values = np.repeat(np.arange(256.0)[:, None], 3, axis=1)
    offsets, factors = [], []
    for _ in range(1500):
        table = augment.brightness_contrast(values, rng)
        assert table.min() >= 0
        assert table.max() <= 255
        low, high = table[100, 0], table[101, 0]  # at these no draw is cut off
        factors.append(high - low)
        offsets.append(low - 100 * (high - low))
    assert [min(factors), max(factors)] == pytest.approx([0.85, 1.4], abs=0.01)
    assert [min(offsets), max(offsets)] == pytest.approx([-63.75, 63.75], abs=1)
    assert np.mean(np.array(factors) == 1) == pytest.approx(0.25, abs=0.04)


def test_channels_shift_apart_by_ten_levels_at_most(rng):
    values = np.full((256, 3), 128.0)
    shifts = np.array([augment.rgb_shift(values, rng)[0] - 128 for _ in range(1000)])
    assert [shifts.min(), shifts.max()] == pytest.approx([-10, 10], abs=0.1)
    assert np.abs(np.corrcoef(shifts.T) - np.eye(3)).max() < 0.15
    assert np.mean(shifts[:, 0] == 0) == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name.endswith("val")])
def test_validation_keeps_colours(recipe, rng):
    result = augmentation(recipe, (96, 128))(ramps(), rng)
    assert set(np.unique(result.image[..., 2])) <= {0, 200}


# --- objects --------------------------------------------------------------------------------


def test_a_small_object_in_a_large_image_is_always_found(rng):
    # Published: draws until the object happens to be in the crop.
    sample = spot(3000, 3000, slice(2999, 3000), slice(0, 1))
    for recipe in RECIPES:
        for _ in range(5):
            result = augmentation(recipe, (64, 64))(sample, rng)
            assert (result.layers == 3).any()
            assert result.objects == ((3, 0),)


def test_draws_without_objects_are_kept_as_often_as_asked(rng):
    sample = spot(400, 400, slice(0, 60), slice(0, 60))  # in one crop of about nine
    shares = []
    for keep in (0.0, 0.05, 1.0):
        augment_ = augmentation("cocolvis_val", (64, 64), keep_background=keep)
        shares.append(np.mean([not augment_(sample, rng).objects for _ in range(300)]))
    assert shares[0] == 0
    assert 0.1 < shares[1] < 0.5
    assert shares[2] > 0.8


def test_small_objects_stay_in_the_layers_but_are_not_asked_for(rng):
    layer = np.zeros((64, 64), np.int32)
    layer[5:8, 5:8], layer[20:50, 20:50] = 1, 2
    both = ImageSample("p", np.zeros((64, 64, 3), np.uint8), layer[None], ((1, 0), (2, 0)))
    result = augmentation("cocolvis_val", (64, 64), min_object_area=80)(both, rng)
    assert result.objects == ((2, 0),)
    assert np.array_equal(result.layers[0], layer)


def test_a_image_of_small_objects_only_ends_as_background(rng):
    sample = spot(64, 64, slice(5, 8), slice(5, 8))
    assert augmentation("cocolvis", (64, 64), min_object_area=80)(sample, rng).objects == ()


def test_a_image_without_any_layer_passes(rng):
    empty = ImageSample("p", np.full((40, 50, 3), 9, np.uint8), np.zeros((0, 40, 50), np.int32), ())
    for recipe in RECIPES:
        result = augmentation(recipe, (64, 48))(empty, rng)
        assert result.layers.shape == (0, 64, 48)
        assert result.objects == ()


def test_ignored_pixels_stay_ignored(rng):
    sample = spot(120, 160, slice(40, 110), slice(0, 90))
    sample.layers[0, :40] = -1
    augment_ = augmentation("avalanche", (96, 96))
    assert np.mean([(augment_(sample, rng).layers == -1).any() for _ in range(20)]) > 0.7


def test_an_unknown_recipe_is_refused():
    with pytest.raises(ConfigError, match=r"no augmentation 'coco'.*cocolvis_val"):
        augmentation("coco", (64, 64))


def test_a_real_image_and_its_mask_stay_together(shared, rng):
    sample = open_dataset("davis", shared / "davis").images()[0]
    (object_id, _), *_ = sample.objects
    painted = sample.image.copy()
    painted[sample.mask(object_id) == 1] = 255
    painted[sample.mask(object_id) == 0] //= 2
    marked = ImageSample(sample.name, painted, sample.layers, sample.objects)
    for _ in range(10):
        result = augmentation("sbd_val", (320, 480))(marked, rng)
        bright = result.image.min(axis=2) > 191
        truth = result.mask(object_id) == 1
        assert (bright & truth).sum() / (bright | truth).sum() > 0.97
