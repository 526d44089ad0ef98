"""Light and colour of windows."""

from __future__ import annotations

import numpy as np
import pytest
from data_fixtures import photo

from training.photometry import jitter, push_to_snow


@pytest.mark.parametrize("change", [jitter, push_to_snow])
def test_changes_are_repeatable_and_leave_the_image_alone(change):
    image = photo()
    before = image.copy()
    first = change(image, np.random.default_rng(1))
    assert first.dtype == np.uint8
    assert first.shape == image.shape
    assert np.array_equal(first, change(image, np.random.default_rng(1)))
    assert not np.array_equal(first, change(image, np.random.default_rng(2)))
    assert np.array_equal(image, before)


def test_snow_is_pale_bright_and_of_low_contrast():
    image = photo()
    made = [push_to_snow(image, np.random.default_rng(seed)).astype(float) for seed in range(40)]
    contrast = np.mean([m.mean(axis=2).std() for m in made])
    assert contrast < 0.7 * image.astype(float).mean(axis=2).std()
    assert np.mean([m.mean() for m in made]) > 140
    blue = np.mean([m[..., 2].mean() - m[..., 0].mean() for m in made])
    assert 2 < blue - (image[..., 2].mean() - image[..., 0].mean()) * 0.17 < 20


def test_jitter_keeps_what_it_shows():
    image = photo()
    for seed in range(20):
        made = jitter(image, np.random.default_rng(seed))
        grey, before = made.mean(axis=2).ravel(), image.mean(axis=2).ravel()
        assert np.corrcoef(grey, before)[0, 1] > 0.75
