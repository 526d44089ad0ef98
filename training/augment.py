"""The published augmentations (Sofiiuk et al. 2021; Hafner et al. 2024), by name of their recipe.

Ranges, probabilities and borders are those of the published training; a step that the published
library rounds at half a pixel's cost (turns about the pixel beside the centre, crops that never
reach the last row) is right here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from core.datasets import ImageSample
from core.errors import ConfigError

from .views import AugmentedView, Size, mirror, shift, stretch, turn

Step = Callable[[AugmentedView, Generator], AugmentedView]
Table = NDArray[np.float64]
_MOST_TRIES = 10


def uniform_resize(view: AugmentedView, rng: Generator, low: float, high: float) -> AugmentedView:
    """Scale both sides by one factor in low..high."""
    scale = rng.uniform(low, high)
    height, width = (max(1, round(side * scale)) for side in view.size)
    return view.then(stretch(view.size, (height, width)), (height, width))


def horizontal_flip(view: AugmentedView, rng: Generator) -> AugmentedView:
    """Mirror left and right, half of the time."""
    if rng.random() >= 0.5:
        return view
    return view.then(mirror(view.size, cols=True, rows=False))


def flip(view: AugmentedView, rng: Generator) -> AugmentedView:
    """Mirror columns, rows or both, half of the time."""
    if rng.random() >= 0.5:
        return view
    cols, rows = ((True, False), (False, True), (True, True))[rng.integers(3)]
    return view.then(mirror(view.size, cols=cols, rows=rows))


def rotate90(view: AugmentedView, rng: Generator) -> AugmentedView:
    """Turn by 0 to 3 quarters, half of the time."""
    if rng.random() >= 0.5:
        return view
    quarters = int(rng.integers(4))
    size = view.size if quarters % 2 == 0 else view.size[::-1]
    return view.then(turn(90.0 * quarters, view.size, size), size)


def rotate(view: AugmentedView, rng: Generator, degrees: float) -> AugmentedView:
    """Turn by up to ``degrees``, half of the time; image and mask are mirrored at the edges."""
    if rng.random() >= 0.5:
        return view
    return view.then(turn(rng.uniform(-degrees, degrees), view.size))


def shift_rotate(
    view: AugmentedView, rng: Generator, share: float = 0.03, degrees: float = 3.0
) -> AugmentedView:
    """Shift by up to a share of each side and turn, 3 times in 4; nothing beyond the edges."""
    if rng.random() >= 0.75:
        return view
    down, across = rng.uniform(-share, share, 2) * view.size
    step = turn(rng.uniform(-degrees, degrees), view.size) @ shift(across, down)
    return view.then(step, bounded=True)


def pad_if_needed(view: AugmentedView, least: Size) -> AugmentedView:
    """Enlarge to at least a height and width, the image in the middle and nothing round it."""
    size = max(view.size[0], least[0]), max(view.size[1], least[1])
    if size == view.size:
        return view
    top, left = ((new - old) // 2 for new, old in zip(size, view.size, strict=True))
    return view.then(shift(-left, -top), size, bounded=True)


def random_crop(view: AugmentedView, rng: Generator, crop: Size) -> AugmentedView:
    """Cut out a window of that height and width anywhere in a view that is no smaller."""
    top, left = (int(rng.integers(view.size[axis] - crop[axis] + 1)) for axis in (0, 1))
    return view.then(shift(left, top), crop)


def brightness_contrast(values: Table, rng: Generator) -> Table:
    """Contrast by -15 % to 40 %, brightness by up to a quarter of full scale, 3 times in 4."""
    if rng.random() >= 0.75:
        return values
    brightness, contrast = rng.uniform(-0.25, 0.25), rng.uniform(-0.15, 0.4)
    return np.clip(values * (1 + contrast) + brightness * 255, 0, 255)


def rgb_shift(values: Table, rng: Generator) -> Table:
    """Shift each channel by up to 10 levels, 3 times in 4."""
    if rng.random() >= 0.75:
        return values
    return np.clip(values + rng.uniform(-10, 10, 3), 0, 255)


@dataclass(frozen=True)
class Augmentation:
    """Geometric steps before padding and cropping, and whether colours change after them."""

    steps: tuple[Step, ...] = ()
    colours: bool = False


_QUARTER = partial(uniform_resize, low=0.75, high=1.25)

RECIPES: Mapping[str, Augmentation] = {
    "cocolvis": Augmentation((partial(uniform_resize, low=0.75, high=1.4), horizontal_flip), True),
    "cocolvis_val": Augmentation(),
    "sbd": Augmentation((_QUARTER, flip, rotate90, shift_rotate), True),
    "sbd_val": Augmentation((_QUARTER,)),
    "avalanche": Augmentation(
        (_QUARTER, horizontal_flip, partial(rotate, degrees=10.0), shift_rotate), True
    ),
    "avalanche_val": Augmentation((_QUARTER,)),
}


def augmentation(
    recipe: str, crop: Size, *, keep_background: float = 0.0, min_object_area: int = 0
) -> Callable[[ImageSample, Generator], ImageSample]:
    """Return the function that augments one image.

    It draws anew until an object is in the crop, ten times at most; then the crop is put round a
    pixel of an object. Images without objects are taken as they come.

    Parameters
    ----------
    recipe
        A name of `RECIPES`.
    crop
        Height and width of the result.
    keep_background
        Probability with which a draw without objects is accepted.
    min_object_area
        Objects with fewer pixels in the crop are not listed; they stay in the layers.

    Raises
    ------
    ConfigError
        An unknown name.
    """
    if recipe not in RECIPES:
        raise ConfigError(
            f"There is no augmentation {recipe!r}. Known: {', '.join(sorted(RECIPES))}."
        )
    return partial(
        _augment,
        recipe=RECIPES[recipe],
        crop=crop,
        keep_background=keep_background,
        min_object_area=min_object_area,
    )


def _augment(
    sample: ImageSample,
    rng: Generator,
    recipe: Augmentation,
    crop: Size,
    keep_background: float,
    min_object_area: int,
) -> ImageSample:
    height, width = sample.image.shape[:2]
    for attempt in range(_MOST_TRIES + 1):
        view = AugmentedView.whole(height, width)
        if attempt == _MOST_TRIES:
            view = _round_object(view, sample, rng, crop)
        else:
            for step in recipe.steps:
                view = step(view, rng)
        sampler = random_crop(pad_if_needed(view, crop), rng, crop).sampler(height, width)
        layers = sampler.layers(sample.layers)
        objects = tuple(
            (object_id, layer)
            for object_id, layer in sample.objects
            if np.count_nonzero(layers[layer] == object_id) >= max(min_object_area, 1)
        )
        if objects or not sample.objects or rng.random() < keep_background:
            break
    image = sampler.sample_image(sample.image)
    if recipe.colours:
        image = _recoloured(image, rng)
    return replace(sample, image=image, layers=layers, objects=objects)


def _round_object(
    view: AugmentedView, image: ImageSample, rng: Generator, crop: Size
) -> AugmentedView:
    """Cut an unscaled crop with a pixel of an object as near its middle as the image allows."""
    object_id, layer = image.objects[rng.integers(len(image.objects))]
    pixels = np.flatnonzero(image.layers[layer] == object_id)
    if not len(pixels):
        return view
    row, col = divmod(int(rng.choice(pixels)), view.size[1])
    spare = [max(side - cut, 0) for side, cut in zip(view.size, crop, strict=True)]
    top = min(max(row - crop[0] // 2, 0), spare[0])
    left = min(max(col - crop[1] // 2, 0), spare[1])
    size = min(view.size[0], crop[0]), min(view.size[1], crop[1])
    return view.then(shift(left, top), size)


def _recoloured(image: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    values = np.repeat(np.arange(256.0)[:, None], 3, axis=1)
    values = rgb_shift(brightness_contrast(values, rng), rng)
    return np.asarray(cv2.LUT(image, np.rint(values).astype(np.uint8)[None]), np.uint8)
