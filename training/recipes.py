"""Recipes: what makes a training sample of an image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.datasets import ImageSample

from .augment import augmentation
from .config import SampleSettings
from .points import choose_target, sample_points
from .sample import TrainingSample
from .windows import WindowRecipe

Recipe = Callable[[ImageSample, np.random.Generator], TrainingSample]
"""Draws a sample of fixed size from an image; `DatasetError` where there is nothing to draw."""


class PublishedRecipe:
    """The published `Recipe`: augment a crop, then draw clicks at once (Sofiiuk et al. 2021)."""

    def __init__(self, settings: SampleSettings, *, validation: bool) -> None:
        self._points = settings.points
        self._augment = augmentation(
            f"{settings.recipe}_val" if validation else settings.recipe,
            settings.crop,
            min_object_area=settings.min_object_area,
            keep_background=settings.keep_background,
        )

    def __call__(self, sample: ImageSample, rng: np.random.Generator) -> TrainingSample:
        """Draw a crop, an object in it, and clicks."""
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
