"""Painted avalanches: what training relies on, on many seeds."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.random import Generator, default_rng

from core.datasets import ImageSample
from training.synthetic.paint_fields import fractal, shade
from training.synthetic.painted import (
    make_snowy,
    paint_avalanches,
    paint_slope,
    painted_sample,
)

SEEDS = range(40)
SIZE = (128, 160)


@pytest.fixture(scope="module")
def samples() -> list[ImageSample]:
    return [painted_sample(default_rng(seed), SIZE) for seed in SEEDS]


def colourful(rng: Generator) -> np.ndarray:
    """A photo-like image: blurred patches of strong colours."""
    small = rng.integers(0, 256, (12, 15, 3), np.uint8)
    return cv2.resize(small, SIZE[::-1], interpolation=cv2.INTER_CUBIC)


def spread(image: np.ndarray) -> float:
    """Mean difference between the largest and the smallest channel."""
    return float(np.ptp(image.astype(float), axis=2).mean())


def test_same_seed_gives_the_same_sample() -> None:
    one, same, other = (painted_sample(default_rng(seed), SIZE) for seed in (5, 5, 6))
    assert np.array_equal(one.image, same.image)
    assert np.array_equal(one.layers, same.layers)
    assert one.objects == same.objects
    assert not np.array_equal(one.image, other.image)


def test_samples_hold_what_they_declare(samples: list[ImageSample]) -> None:
    for sample in samples:
        assert sample.name == "painted"
        assert (sample.image.shape, sample.image.dtype) == ((*SIZE, 3), np.uint8)
        assert (sample.layers.shape, sample.layers.dtype) == ((1, *SIZE), np.int32)
        ids = [number for number, _ in sample.objects]
        assert ids == list(range(1, len(ids) + 1))
        assert set(np.unique(sample.layers)) <= {0, *ids}
        assert 1 <= len(ids) <= 3
        for number in ids:
            assert (sample.mask(number) == 1).mean() >= 0.01


def test_samples_vary_in_number_and_size(samples: list[ImageSample]) -> None:
    shares = [(s.mask(number) == 1).mean() for s in samples for number, _ in s.objects]
    assert min(shares) < 0.05
    assert max(shares) > 0.3
    assert {len(s.objects) for s in samples} == {1, 2, 3}


def test_avalanches_change_the_slope_inside_their_outline_only() -> None:
    darker = 0
    for seed in SEEDS:
        rng = default_rng(seed)
        before = paint_slope(rng, SIZE)
        kept = before.copy()
        after, labels = paint_avalanches(rng, before)
        assert np.array_equal(before, kept)
        change = (after.astype(float) - before).mean(axis=2)
        reached = cv2.dilate((labels > 0).astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
        assert np.abs(change[~reached]).max(initial=0) == 0
        for number in range(1, labels.max() + 1):
            inside = change[labels == number]
            assert np.sqrt((inside**2).mean()) > 2.5
        darker += change[labels > 0].mean() < 0
    assert len(SEEDS) / 4 < darker < len(SEEDS)


def test_objects_differ_from_what_surrounds_them(samples: list[ImageSample]) -> None:
    """Most, not all: low contrast is wanted, and shadows cross outlines."""
    told = []
    for sample in samples:
        grey = sample.image.astype(np.float32).mean(axis=2)
        rough = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2))
        taken = (sample.layers[0] > 0).astype(np.uint8)
        for number, _ in sample.objects:
            inside = sample.mask(number) == 1
            ring = cv2.dilate(inside.astype(np.uint8), np.ones((15, 15), np.uint8)) > taken
            if ring.any():
                tone = abs(grey[inside].mean() - grey[ring].mean())
                ratio = rough[inside].mean() / rough[ring].mean()
                told.append(tone > 3 or max(ratio, 1 / ratio) > 1.25)
    assert np.mean(told) > 0.8


def test_photos_become_pale_and_bright() -> None:
    for seed in SEEDS:
        rng = default_rng(seed)
        photo = colourful(rng)
        snowy = make_snowy(rng, photo)
        assert (snowy.shape, snowy.dtype) == (photo.shape, np.uint8)
        assert spread(snowy) < 0.5 * spread(photo)
        assert snowy.mean() > 130


def test_a_photo_as_background_shows_through() -> None:
    photo = colourful(default_rng(1))
    alike = []
    for seed in SEEDS:
        sample = painted_sample(default_rng(seed), SIZE, photo)
        free = sample.layers[0] == 0
        grey, shown = photo.mean(axis=2), sample.image.mean(axis=2)
        alike.append(np.corrcoef(grey[free], shown[free])[0, 1])
    assert np.median(alike) > 0.5


@pytest.mark.parametrize("size", [(64, 64), (400, 256), (256, 400)])
def test_sizes(size: tuple[int, int]) -> None:
    sample = painted_sample(default_rng(3), size)
    assert sample.image.shape == (*size, 3)
    assert sample.layers.shape == (1, *size)


def test_noise_is_stretched_downhill() -> None:
    for angle, longer, shorter in ((0.0, 0, 1), (np.pi / 2, 1, 0)):
        field = fractal(default_rng(4), SIZE, (64, 8), angle)
        assert field.shape == SIZE
        assert abs(field.mean()) < 1e-3
        assert field.std() == pytest.approx(1, abs=1e-3)
        steps = [np.abs(np.diff(field, axis=axis)).mean() for axis in (0, 1)]
        assert steps[longer] < 0.5 * steps[shorter]


def test_shade_is_bright_where_the_ground_rises_towards_the_light() -> None:
    rows, cols = np.mgrid[:20, :20].astype(np.float32)
    assert shade(rows, 0.0)[5:15, 5:15] == pytest.approx(1)
    assert shade(cols, np.pi / 2)[5:15, 5:15] == pytest.approx(1)
    assert shade(cols, 0.0)[5:15, 5:15] == pytest.approx(0, abs=1e-6)
