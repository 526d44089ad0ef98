"""Recipes: what makes a training sample of an image."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from core.datasets import ImageSample

from .augment import augmentation
from .config import SampleSettings
from .points import choose_target, sample_points
from .sample import TrainingSample
from .windows import WindowRecipe


class Recipe(Protocol):
    """Draws a sample of fixed size from an image."""

    def __call__(self, sample: ImageSample, rng: np.random.Generator) -> TrainingSample:
        """Draw; `core.errors.DatasetError` where the image has nothing to draw from."""


class PublishedRecipe:
    """The published way: augment a crop, then draw clicks at once (Sofiiuk et al. 2021)."""

    def __init__(self, settings: SampleSettings, *, validation: bool) -> None:
        self._points = settings.points
        self._augment = augmentation(
            f"{settings.recipe}_val" if validation else settings.recipe,
            settings.crop,
            min_object_area=settings.min_object_area,
            keep_background=settings.keep_background,
        )

    def __call__(self, sample: ImageSample, rng: np.random.Generator) -> TrainingSample:
        """See `Recipe`."""
        crop = self._augment(sample, rng)
        target = choose_target(crop, rng, self._points)
        points = sample_points(target, rng, self._points)
        return TrainingSample(
            crop.image, target.mask, points, np.zeros(target.mask.shape, np.float32)
        )


def build_recipe(settings: SampleSettings, *, validation: bool = False) -> Recipe:
    """Build the recipe that ``settings`` name."""
    if settings.recipe == "windows":
        return WindowRecipe(settings)
    return PublishedRecipe(settings, validation=validation)
