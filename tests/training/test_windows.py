"""Training windows: image and mask stay together, clicks and guidance are what they should be."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from core.datasets import ImageSample
from core.errors import DatasetError
from core.metrics import iou
from core.prompts import BOX_GUIDANCE
from training.config import SampleSettings
from training.photometry import jitter, push_to_snow
from training.synthetic.painted import PAINTED
from training.windows import (
    WindowRecipe,
    _warp_image,
    _warp_mask,
    box_guidance,
    cut_window,
    draw_object,
)

CROP = (96, 128)
SETTINGS = SampleSettings("windows", CROP)


def rng(seed=0):
    return np.random.default_rng(seed)


def disc(shape=(180, 240), centre=(90, 130), radius=40):
    """(H, W) int8, 1 in a disc."""
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    return (np.hypot(rows - centre[0], cols - centre[1]) < radius).astype(np.int8)


def shown(mask):
    """An image in which the object is bright, the ignored part red, the rest dark."""
    image = np.full((*mask.shape, 3), 40, np.uint8)
    image[mask == 1] = 200
    image[mask == -1] = (220, 30, 30)
    return image


def image_sample(*layers, name="p", objects=None):
    layers = np.stack(layers).astype(np.int32)
    if objects is None:
        objects = tuple(
            (int(i), number)
            for number, layer in enumerate(layers)
            for i in np.unique(layer[layer > 0])
        )
    return ImageSample(name, shown(np.clip(layers[0], -1, 1)), layers, objects)


def core_of(mask, value):
    """Pixels well inside the part of a mask with a value."""
    return cv2.erode((mask == value).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


# ------------------------------------------------------------------- geometry


@pytest.mark.parametrize("shape", [(60, 80), (180, 240), (500, 300), (90, 700)])
@pytest.mark.parametrize("seed", range(4))
def test_image_and_mask_are_cut_together(shape, seed):
    mask = disc(shape, (shape[0] // 2, shape[1] // 3), min(shape) // 4)
    mask[:, -shape[1] // 5 :] = -1
    original = shown(mask)
    image, seen = cut_window(original, mask, CROP, rng(seed))
    assert image.shape == (*CROP, 3)
    assert (image.dtype, seen.dtype, seen.shape) == (np.uint8, np.int8, CROP)
    inside, outside = core_of(seen, 1), core_of(seen, 0)
    assert inside.any()
    assert (image[inside] >= 198).all()
    assert (image[outside] <= 42).all()
    np.testing.assert_array_equal(original, shown(mask))


@pytest.mark.parametrize("seed", range(30))
def test_a_fifth_of_the_object_is_seen_at_least(seed):
    mask = disc((200, 200), (100, 100), 30)
    _, seen = cut_window(shown(mask), mask, CROP, rng(seed))
    assert (seen == 1).sum() > 300


def test_windows_are_turned_mirrored_near_and_far():
    mask = np.zeros((200, 300), np.int8)
    mask[60:140, 120:140] = 1
    mask[60:80, 120:190] = 1  # an L lying on its head
    shares, sides = [], []
    for seed in range(80):
        _, seen = cut_window(shown(mask), mask, CROP, rng(seed))
        shares.append((seen == 1).mean())
        rows, cols = np.nonzero(seen == 1)
        sides.append(cols.mean() - cols[rows > np.quantile(rows, 0.8)].mean() > 0)
    assert min(shares) < 0.05
    assert max(shares) > 0.2
    assert 20 < sum(sides) < 60


def test_what_lies_beyond_the_image_is_ignored_and_mirrored():
    mask = disc((60, 60), (30, 30), 28)
    for seed in range(12):
        image, seen = cut_window(shown(mask), mask, CROP, rng(seed))
        beyond = seen == -1
        if beyond.any():
            assert image[beyond].min() >= 38  # mirrored, not black
            return
    pytest.fail("no window reached beyond the image")


@pytest.mark.parametrize("factor", [1.0, 1.7, 2.0, 3.3, 8.0])
def test_shrunk_images_stay_on_their_masks(factor):
    """Averaging over areas shifts nothing: a ramp comes out as the ramp."""
    height, width = 400, 480
    ramp = (np.arange(width, dtype=np.float32) / 2)[None, :, None].repeat(height, 0).repeat(3, 2)
    crop = (int(height / factor), int(width / factor))
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    linear = np.eye(2) / factor
    shift = np.array([(crop[1] - 1) / 2, (crop[0] - 1) / 2]) - linear @ centre
    warp = np.column_stack([linear, shift])
    got = _warp_image(ramp.astype(np.uint8), warp, crop)[..., 0].astype(float)
    expected = (np.arange(crop[1]) - shift[0]) * factor / 2
    margin = 3
    np.testing.assert_allclose(
        got[margin:-margin, margin:-margin],
        np.broadcast_to(expected - 0.25, crop)[margin:-margin, margin:-margin],
        atol=1.0,
    )
    mask = (np.indices((height, width))[1] >= 200).astype(np.int8)
    edge = int((_warp_mask(mask, warp, crop)[crop[0] // 2] == 1).argmax())
    assert edge == pytest.approx((199.5 - centre[0]) / factor + (crop[1] - 1) / 2 + 0.5, abs=0.75)


def test_shrinking_averages():
    noise = rng().integers(0, 256, (400, 400, 3)).astype(np.uint8)
    warp = np.array([[1 / 8, 0, 0], [0, 1 / 8, 0]], float)
    assert _warp_image(noise, warp, (50, 50))[5:-5, 5:-5].std() < 25  # single pixels: 74


def test_unchanged_windows_are_the_image():
    image = rng().integers(0, 256, (*CROP, 3)).astype(np.uint8)
    mask = rng().integers(-1, 2, CROP).astype(np.int8)
    whole = np.eye(2, 3)
    np.testing.assert_array_equal(_warp_image(image, whole, CROP), image)
    np.testing.assert_array_equal(_warp_mask(mask, whole, CROP), mask)


# ------------------------------------------------------------------- which object


def test_objects_keep_their_ignored_pixels():
    layer = disc().astype(np.int32) * 7
    layer[:20] = -1
    mask = draw_object(image_sample(layer), rng())
    assert ((mask == 1) == (layer == 7)).all()
    assert ((mask == -1) == (layer == -1)).all()


def test_each_object_of_each_layer_is_drawn():
    first, second = disc(radius=20), disc(centre=(60, 60), radius=30) * 2
    made = image_sample(first, second)
    stream = rng()
    areas = {int((draw_object(made, stream) == 1).sum()) for _ in range(40)}
    assert areas == {int((first == 1).sum()), int((second == 2).sum())}


def test_touching_regions_of_a_partition_are_joined():
    labels = np.ones((60, 90), np.int32)
    labels[:, 30:60], labels[:, 60:] = 2, 3
    labels[:4] = -1
    stream, widths = rng(), set()
    for _ in range(60):
        mask = draw_object(image_sample(labels), stream)
        columns = np.flatnonzero((mask == 1).any(axis=0))
        assert len(columns) == columns[-1] - columns[0] + 1  # the parts touch
        assert ((mask == -1) == (labels == -1)).all()
        widths.add(len(columns))
    assert widths == {30, 60, 90}


def test_objects_on_background_stay_alone():
    labels = np.zeros((60, 90), np.int32)
    labels[10:50, 10:40], labels[10:50, 40:70] = 1, 2
    stream = rng()
    assert {int((draw_object(image_sample(labels), stream) == 1).sum()) for _ in range(40)} == {
        1200
    }


def test_images_without_object_or_with_tiny_ones_give_no_sample():
    empty = image_sample(np.zeros((50, 50)))
    with pytest.raises(DatasetError, match="p has no object"):
        draw_object(empty, rng())
    tiny = np.zeros((300, 300), np.int32)
    tiny[150:152, 150:152] = 1
    with pytest.raises(DatasetError, match="No object of p is large enough"):
        WindowRecipe(SETTINGS)(image_sample(tiny), rng())


# ------------------------------------------------------------------- samples


MADE = image_sample(np.where(np.arange(180)[:, None] < 12, -1, disc()))


def samples(count=30, made=MADE, **settings):
    recipe = WindowRecipe(replace(SETTINGS, **settings))
    return [recipe(made, rng(seed)) for seed in range(count)]


def used(points, *, positive):
    half = points[: len(points) // 2] if positive else points[len(points) // 2 :]
    return half[half[:, 0] >= 0]


@pytest.mark.parametrize(
    "shares", [{}, {"box": 1.0}, {"given_mask": 1.0}, {"first_click": 1.0}], ids=str
)
def test_clicks_lie_on_what_they_say_and_never_on_ignored_pixels(shares):
    for sample in samples(**shares):
        assert sample.image.shape == (*CROP, 3)
        assert (sample.points.shape, sample.points.dtype) == ((48, 3), np.float32)
        assert (sample.guidance.shape, sample.guidance.dtype) == (CROP, np.float32)
        for positive, value in ((True, 1), (False, 0)):
            clicks = used(sample.points, positive=positive).astype(int)
            assert (sample.mask[clicks[:, 0], clicks[:, 1]] == value).all()


def test_drawn_clicks_start_without_guidance():
    made = samples()
    assert all(not sample.guidance.any() for sample in made)
    assert all(len(used(sample.points, positive=True)) >= 1 for sample in made)
    assert any(len(used(sample.points, positive=False)) >= 1 for sample in made)


def test_a_first_click_is_one_positive_click_inside():
    for sample in samples(first_click=1.0):
        assert not sample.guidance.any()
        (click,) = used(sample.points, positive=True)
        assert not len(used(sample.points, positive=False))
        inside = np.pad((sample.mask == 1).astype(np.uint8), 1)
        depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
        assert depth[int(click[0]), int(click[1])] > depth.max() / 3.1
        assert click[2] == 0


def test_boxes_are_guidance_of_their_own_value_round_the_object():
    clicked = 0
    for sample in samples(60, box=1.0):
        assert set(np.unique(sample.guidance)) <= {0, np.float32(BOX_GUIDANCE)}
        rows, cols = np.nonzero(sample.guidance)
        assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(cols) + 1)  # one rectangle
        left, top, width, height = cv2.boundingRect((sample.mask == 1).view(np.uint8))
        assert abs(rows.min() - top) <= 0.25 * height + 1
        assert abs(rows.max() + 1 - top - height) <= 0.25 * height + 1
        assert abs(cols.min() - left) <= 0.25 * width + 1
        assert abs(cols.max() + 1 - left - width) <= 0.25 * width + 1
        clicked += len(used(sample.points, positive=True))
    assert 6 <= clicked <= 32  # about a third


def test_boxes_are_a_little_loose_and_stay_in_the_image():
    inside = np.zeros((100, 140), np.bool_)
    inside[20:60, 50:130] = True
    boxes = [box_guidance(inside, rng(seed)) > 0 for seed in range(300)]
    assert all(box.shape == inside.shape and box.any() for box in boxes)
    places = [np.nonzero(box) for box in boxes]
    margins = np.array([(20 - r.min(), r.max() - 59, 50 - c.min()) for r, c in places])
    margins = margins / (40, 40, 80)
    assert 0.005 < margins.mean() < 0.035
    assert 0.03 < margins.std() < 0.07
    edge = np.zeros((40, 40), np.bool_)
    edge[0, 0] = True
    assert all(box_guidance(edge, rng(seed))[0, 0] == BOX_GUIDANCE for seed in range(20))


def test_given_masks_are_faulty_and_clicked_where_they_are():
    for sample in samples(given_mask=1.0):
        assert set(np.unique(sample.guidance)) == {0, 1}
        given = sample.guidance > 0
        # Before ignored pixels count for nothing, the fault leaves 0.6 to 0.8.
        assert 0.4 < iou(given, sample.mask) < 0.9
        positive = used(sample.points, positive=True).astype(int)
        negative = used(sample.points, positive=False).astype(int)
        assert len(positive) + len(negative) == 1
        assert not given[positive[:, 0], positive[:, 1]].any()
        assert given[negative[:, 0], negative[:, 1]].all()


def test_ways_of_starting_come_in_their_shares():
    made = samples(400, box=0.2, given_mask=0.3, first_click=0.25)
    box = np.mean([sample.guidance.max() == BOX_GUIDANCE for sample in made])
    given = np.mean([sample.guidance.max() == 1 for sample in made])
    assert box == pytest.approx(0.2, abs=0.06)
    assert given == pytest.approx(0.3, abs=0.07)


def test_samples_are_functions_of_the_seed_and_leave_the_image_alone():
    before = MADE.image.copy(), MADE.layers.copy()
    first, second = samples(8, snow=0.5), samples(8, snow=0.5)
    for one, other in zip(first, second, strict=True):
        for name in ("image", "mask", "points", "guidance"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (first[0].image != first[1].image).any()
    np.testing.assert_array_equal(MADE.image, before[0])
    np.testing.assert_array_equal(MADE.layers, before[1])


def test_small_objects_are_asked_for_where_they_fill_enough_of_the_crop():
    for sample in samples(20, min_object_area=2500):
        assert (sample.mask == 1).sum() >= 2500


# ------------------------------------------------------------------- light


def photo(seed=0):
    coarse = rng(seed).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    return cv2.resize(coarse, (128, 96), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("change", [jitter, push_to_snow])
def test_light_changes_keep_form_and_input(change):
    image = photo()
    before = image.copy()
    results = [change(image, rng(seed)) for seed in range(30)]
    assert all(r.shape == image.shape and r.dtype == np.uint8 for r in results)
    assert np.ptp([result.mean() for result in results]) > 30
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(results[3], change(image, rng(3)))


def test_snow_is_bright_pale_and_even():
    image = photo()
    results = [push_to_snow(image, rng(seed)).astype(float) for seed in range(40)]
    assert np.mean([result.mean() for result in results]) > 140
    assert np.mean([result.std() for result in results]) < 0.7 * image.std()
    spread = np.mean([np.ptp(result, axis=2).mean() for result in results])
    assert spread < 0.35 * np.ptp(image.astype(float), axis=2).mean()
    assert np.mean([(r[..., 2] - r[..., 0]).mean() for r in results]) > 2  # bluish


def test_weak_jitter_stays_nearer_to_the_image():
    image = photo().astype(float)

    def change(strength):
        return np.mean(
            [np.abs(jitter(photo(), rng(s), strength) - image).mean() for s in range(40)]
        )

    assert change(0.3) < 0.6 * change(1.0)


def test_painted_images_are_never_pushed_to_snow():
    painted = replace(MADE, name=PAINTED)
    bright = np.mean([s.image.mean() for s in samples(40, painted, snow=1.0)])
    pushed = np.mean([s.image.mean() for s in samples(40, MADE, snow=1.0)])
    assert pushed > bright + 20
