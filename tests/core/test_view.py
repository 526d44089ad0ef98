"""From the image to the network's input and back: nothing may shift on the way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from predictor_fixtures import disc

from core.predictor.geometry import Roi, fit
from core.predictor.view import InputView, cut, paste
from core.prompts import Click


def block_means(values: np.ndarray, factor: int) -> np.ndarray:
    height, width = values.shape[0] // factor, values.shape[1] // factor
    blocks = values.reshape(height, factor, width, factor, *values.shape[2:])
    means: np.ndarray = blocks.astype(np.float64).mean(axis=(1, 3))
    return means


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_a_window_at_its_own_size_is_the_image_itself():
    image = noise(30, 40, 3)
    view = InputView(Roi(5, 24, 10, 29), (20, 20))
    expected = image[5:25, 10:30].transpose(2, 0, 1)[None] / np.float32(255)
    np.testing.assert_allclose(view.resample_image(image), expected, rtol=1e-6)


@pytest.mark.parametrize("size", [(60, 90), (33, 77), (20, 20), (16, 15)])
def test_mild_changes_of_size_are_bilinear_with_aligned_corners(size):
    image = noise(40, 50, 3)
    view = InputView(Roi(4, 33, 6, 35), size)
    crop = torch.from_numpy(image[4:34, 6:36].transpose(2, 0, 1).copy())[None].float() / 255
    expected = F.interpolate(crop, size=size, mode="bilinear", align_corners=True)
    frame = image.transpose(2, 0, 1)[None] / np.float32(255)
    for resampled in (view.resample_image(image), view.crop(frame)):
        np.testing.assert_allclose(resampled, expected.numpy(), atol=1e-6)


def test_without_antialias_even_heavy_shrinking_interpolates():
    image = noise(80, 80, 3)
    view = InputView(Roi.whole((80, 80)), (10, 10), antialias=False)
    frame = torch.from_numpy(image.transpose(2, 0, 1).copy())[None].float() / 255
    expected = F.interpolate(frame, size=(10, 10), mode="bilinear", align_corners=True)
    np.testing.assert_allclose(view.resample_image(image), expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_heavy_shrinking_averages_areas(factor):
    image = noise(16 * factor, 24 * factor, 3)
    view = InputView(Roi.whole(image.shape[:2]), (16, 24))
    expected = block_means(image, factor).transpose(2, 0, 1)[None] / 255
    error = view.resample_image(image) - expected
    assert np.abs(error).max() < 2 / 255  # rounding to 8 bits at every halving
    assert abs(error.mean()) < 0.5 / 255
    mask = image[..., 0] / np.float32(255)
    np.testing.assert_allclose(
        view.resample_guidance(mask)[0, 0], block_means(mask, factor), atol=1e-6
    )


def test_fine_texture_becomes_grey_instead_of_stripes():
    stripes = np.zeros((303, 303, 3), np.uint8)
    stripes[:, ::2] = 255
    shrunk = InputView(Roi.whole((303, 303)), (100, 100)).resample_image(stripes)
    assert float(shrunk[..., 1:-1, 1:-1].min()) > 0.3
    assert float(shrunk[..., 1:-1, 1:-1].max()) < 0.7


@pytest.mark.parametrize(
    ("frame", "size"), [((1001, 1503), (123, 185)), ((400, 600), (133, 200)), ((97, 350), (11, 40))]
)
def test_shrinking_and_enlarging_shift_nothing(frame, size):
    """A ramp tells where each value comes from: pixel i covers i*s to (i+1)*s of the frame."""
    view = InputView(Roi.whole(frame), size)
    ramp = np.tile(np.arange(frame[1], dtype=np.float32), (frame[0], 1))
    shrunk = view.resample_guidance(ramp)[0, 0]
    step = frame[1] / size[1]
    expected = (np.arange(size[1]) + 0.5) * step - 0.5
    # Pixels beyond the whole halvings are clamped at the far edge.
    np.testing.assert_allclose(shrunk[5, :-1], expected[:-1], atol=0.02)
    back = view.enlarge(np.tile(expected.astype(np.float32), (size[0], 1)))
    inner = slice(int(step), frame[1] - int(step) - 1)
    np.testing.assert_allclose(back[7, inner], ramp[7, inner], atol=0.02)


@pytest.mark.parametrize("centre", [(700.0, 900.0), (731.5, 222.25), (300.0, 1201.0)])
def test_a_disc_returns_to_where_it_was(centre):
    size = (1000, 1500)
    view = InputView(Roi.whole(size), fit(size, 150))
    shape = disc(size, centre, 90)
    back = view.enlarge(view.resample_guidance(shape.astype(np.float32))[0, 0])
    rows, cols = np.nonzero(back > 0.5)
    truth = np.argwhere(shape).mean(axis=0)
    assert np.abs([rows.mean() - truth[0], cols.mean() - truth[1]]).max() < 0.5  # of ten pixels
    assert rows.size == pytest.approx(shape.sum(), rel=0.03)


def test_enlarging_mildly_is_the_published_interpolation():
    values = np.random.default_rng(1).random((20, 30), np.float32)
    view = InputView(Roi(10, 39, 0, 49), (20, 30))
    expected = F.interpolate(
        torch.from_numpy(values)[None, None], size=(30, 50), mode="bilinear", align_corners=True
    )
    np.testing.assert_allclose(view.enlarge(values), expected[0, 0].numpy(), atol=1e-6)


def test_enlarging_stays_between_0_and_1():
    values = (np.random.default_rng(2).random((20, 30)) > 0.5).astype(np.float32)
    for roi in (Roi(0, 299, 0, 449), Roi(0, 24, 0, 34)):
        enlarged = InputView(roi, (20, 30)).enlarge(values)
        assert enlarged.dtype == np.float32
        assert enlarged.shape == roi.size
        assert enlarged.min() >= 0
        assert enlarged.max() <= 1


def test_clicks_move_as_published():
    view = InputView(Roi(40, 240, 164, 364), (400, 400))
    inside, outside = view.map_clicks([Click(140, 260), Click(50, 50, False)])
    assert (inside.row, inside.col) == pytest.approx((199.005, 191.045), abs=1e-3)
    assert (outside.row, outside.col) == pytest.approx((19.900, -226.866), abs=1e-3)
    assert inside.positive
    assert not outside.positive


def test_clicks_lie_within_half_a_pixel_of_what_they_point_at():
    size = (4000, 6000)
    view = InputView(Roi.whole(size), fit(size, 400))
    down, right = 4000 / 267, 15.0
    for row, col in ((0, 0), (2000, 3000), (3999, 5999)):
        (click,) = view.map_clicks([Click(row, col)])
        assert abs(click.row - ((row + 0.5) / down - 0.5)) < 0.51
        assert abs(click.col - ((col + 0.5) / right - 0.5)) < 0.51


@pytest.mark.parametrize("factor", [1, 5])
def test_images_of_any_memory_layout_are_read_alike(factor):
    image = noise(60, 80, 3)
    view = InputView(Roi(0, 59, 5, 74), (60 // factor, 70 // factor))
    expected = view.resample_image(image)
    reversed_channels = image[..., ::-1].copy()[..., ::-1]
    planes = np.ascontiguousarray(image.transpose(2, 0, 1)).transpose(1, 2, 0)
    padded = np.zeros((60, 90, 3), np.uint8)[:, :80]
    padded[...] = image
    for layout in (reversed_channels, planes, padded, np.asfortranarray(image)):
        np.testing.assert_array_equal(view.resample_image(layout), expected)


@pytest.mark.parametrize("size", [(60, 80), (20, 25), (90, 120)])
def test_reading_leaves_image_and_mask_alone(size):
    image, view = noise(60, 80, 3), InputView(Roi.whole((60, 80)), size)
    mask = (image[..., 0] / 255).astype(np.float32)
    before = image.copy(), mask.copy()
    view.resample_image(image)
    view.resample_guidance(mask)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(mask, before[1])


def test_paste_puts_values_into_zeros_and_copies():
    values = np.ones((2, 3), np.float32)
    frame = paste(values, Roi(1, 2, 1, 3), (4, 5))
    assert frame.sum() == 6
    assert frame[1:3, 1:4].all()
    whole = paste(values, Roi.whole((2, 3)), (2, 3))
    whole[0, 0] = 7
    assert values[0, 0] == 1


@pytest.mark.parametrize(
    "roi",
    [
        Roi(0, 19, 0, 29),  # all round
        Roi(6, 8, 11, 14),  # within
        Roi(2, 6, 3, 12),  # over the upper left corner
        Roi(8, 19, 14, 29),  # over the lower right corner
        Roi(15, 19, 0, 29),  # beside
        Roi(0, 4, 10, 20),  # neighbours
        Roi(5, 9, 10, 19),  # itself
    ],
)
def test_cut_shows_what_pasting_and_cropping_would(roi):
    values = np.random.default_rng(0).random((5, 10), np.float32)
    at = Roi(5, 9, 10, 19)
    np.testing.assert_array_equal(cut(values, at, roi), paste(values, at, (20, 30))[roi.slices])
