"""Our recipe: one object in a window of its size, as the predictor will look at it.

Images of the training pack are small, and the predictor zooms in on the object; so a window is
drawn in relation to the object and resized to the crop. Besides clicks drawn at once, samples start
as users start: with one click near the middle, with a box, or with a faulty outline to correct.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from core.datasets import ImageSample
from core.datasets.base import BACKGROUND, IGNORE, OBJECT
from core.errors import DatasetError
from core.perturb import perturb_mask
from core.prompts import BOX_GUIDANCE, Click

from .config import SampleSettings
from .photometry import jitter, push_to_snow
from .points import (
    ClickTarget,
    add_click,
    centre_click,
    corrective_click,
    sample_points,
)
from .sample import TrainingSample
from .synthetic.painted import PAINTED

_TRIES = 10
_LEAST_VISIBLE = 0.2  # of the object's area must lie in the window
_LEAST_WINDOW = 72  # pixels of the image; enlarged more, nothing is left to see
_LEAST_AREA = 300  # pixels of the crop; smaller objects teach little
_HAND = 3.0  # pixels of the crop by which a stored click is moved
_BOX_WINDOW = (1.1, 1.4)  # of the object's size; the predictor looks at 1.2 times the box


class Way(IntEnum):
    """Initial prompts of a sample."""

    BOX = 0
    GIVEN_MASK = 1
    FIRST_CLICK = 2
    STORED_CLICKS = 3
    DRAWN_CLICKS = 4


class WindowRecipe:
    """See the module."""

    def __init__(self, settings: SampleSettings) -> None:
        self._settings = settings

    def __call__(self, sample: ImageSample, rng: np.random.Generator) -> TrainingSample:
        """Draw an object, a window round it, light and clicks."""
        least = max(_LEAST_AREA, self._settings.min_object_area)
        way = self._draw_way(rng)
        for _ in range(_TRIES):
            chosen, mask = _draw_object(sample, rng)
            warp = _draw_window(mask, self._settings.crop, rng, boxed=way is Way.BOX)
            seen = _warp_mask(mask, warp, self._settings.crop)
            if np.count_nonzero(seen == OBJECT) >= least:
                break
        else:
            raise DatasetError(f"No object of {sample.name} is large enough to train with.")
        image = _warp_image(sample.image, warp, self._settings.crop)
        if sample.name == PAINTED:
            image = jitter(image, rng, strength=0.3)
        elif rng.random() < self._settings.snow:
            image = push_to_snow(image, rng)
        else:
            image = jitter(image, rng)
        stored = [_warp_click(click, warp, rng) for click in sample.clicks.get(chosen, ())]
        points, guidance = self._start(way, seen, stored, rng)
        return TrainingSample(image, seen, points, guidance)

    def _draw_way(self, rng: np.random.Generator) -> Way:
        settings = self._settings
        starts = (settings.box, settings.given_mask, settings.first_click, settings.stored_clicks)
        shares = np.cumsum(starts)
        return Way(int(np.searchsorted(shares, rng.random(), side="right")))

    def _start(
        self, way: Way, mask: NDArray[np.int8], stored: Sequence[Click], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Points and guidance of a sample that starts this way."""
        settings = self._settings
        points = np.full((2 * settings.points.max_points, 3), -1, np.float32)
        guidance = np.zeros(mask.shape, np.float32)
        inside = mask == OBJECT
        if way is Way.BOX:
            guidance = box_guidance(inside, rng)
            if rng.random() < 0.3:
                _click_near_middle(points, inside, rng)
        elif way is Way.GIVEN_MASK:
            guidance = perturb_mask(mask, rng).astype(np.float32)
            click = corrective_click(guidance, mask, rng)
            if click is not None:
                add_click(points, click, 0)
        elif way is Way.FIRST_CLICK:
            _click_near_middle(points, inside, rng)
        elif way is Way.STORED_CLICKS and (made := _right_clicks(stored, mask)):
            for click in made[: 1 + int(rng.integers(len(made)))]:
                add_click(points, click, 0)
        else:
            target = ClickTarget(mask, (inside,), np.zeros(mask.shape, np.bool_))
            points = sample_points(target, rng, settings.points)
        return points, guidance


def draw_object(image: ImageSample, rng: np.random.Generator) -> NDArray[np.int8]:
    """(H, W) int8 mask of an object; of an image divided into regions, of 1 to 3 that touch."""
    return _draw_object(image, rng)[1]


def _draw_object(image: ImageSample, rng: np.random.Generator) -> tuple[int, NDArray[np.int8]]:
    """Id of the object drawn first, and the mask of `draw_object`."""
    if not image.objects:
        raise DatasetError(f"{image.name} has no object to train with.")
    object_id, layer = image.objects[rng.integers(len(image.objects))]
    labels = image.layers[layer]
    chosen = labels == object_id
    # A full partition has no background: parts of it alone are seldom what a person would map.
    if not (labels == 0).any():
        for _ in range(rng.integers(3)):
            grown = cv2.dilate(chosen.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
            beside = labels[grown & ~chosen & (labels > 0)]
            if not len(beside):
                break
            chosen = chosen | (labels == beside[rng.integers(len(beside))])
    mask: NDArray[np.int8] = chosen.astype(np.int8)
    mask[labels == IGNORE] = IGNORE
    return object_id, mask


def cut_window(
    image: NDArray[np.uint8],
    mask: NDArray[np.int8],
    crop: tuple[int, int],
    rng: np.random.Generator,
    *,
    boxed: bool = False,
) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Draw a window round the object, turned, mirrored and resized to ``crop``.

    A ``boxed`` window is the one that the predictor cuts for a box round the object. What lies
    beyond the image is mirrored, and ignored in the mask.
    """
    warp = _draw_window(mask, crop, rng, boxed=boxed)
    return _warp_image(image, warp, crop), _warp_mask(mask, warp, crop)


def _draw_window(
    mask: NDArray[np.int8], crop: tuple[int, int], rng: np.random.Generator, *, boxed: bool
) -> NDArray[np.float64]:
    """(2, 3) matrix of a window in which enough of the object is seen."""
    for _ in range(_TRIES):
        warp = _draw_warp(mask, crop, rng, boxed=boxed)
        seen = _warp_mask(mask, warp, crop)
        scale = abs(np.linalg.det(warp[:, :2]))
        whole = np.count_nonzero(mask == OBJECT) * scale
        if np.count_nonzero(seen == OBJECT) >= _LEAST_VISIBLE * min(whole, crop[0] * crop[1]):
            break
    return warp


def _draw_warp(
    mask: NDArray[np.int8], crop: tuple[int, int], rng: np.random.Generator, *, boxed: bool
) -> NDArray[np.float64]:
    """(2, 3) matrix from image to crop."""
    left, top, width, height = cv2.boundingRect((mask == OBJECT).view(np.uint8))
    image_height, image_width = mask.shape
    size = max(width, height)
    if boxed:
        factor = rng.uniform(*_BOX_WINDOW)
    elif rng.random() < 0.5:
        factor = rng.uniform(1.1, 1.8)
    else:
        factor = np.exp(rng.uniform(np.log(0.9), np.log(4.5)))
    window = min(max(size * factor, _LEAST_WINDOW), 1.15 * max(image_height, image_width))
    stretch = np.exp(rng.uniform(-0.25, 0.25))  # the predictor's windows are seldom square
    window_width, window_height = window * stretch, window / stretch
    col = _draw_centre(left, width, window_width, image_width, rng, boxed=boxed)
    row = _draw_centre(top, height, window_height, image_height, rng, boxed=boxed)
    angle = np.deg2rad(rng.uniform(-15, 15)) if rng.random() < 0.6 else 0.0
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    scale = np.diag([mirror * crop[1] / window_width, crop[0] / window_height])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = scale @ turn
    shift = np.array([(crop[1] - 1) / 2, (crop[0] - 1) / 2]) - linear @ np.array([col, row])
    return np.column_stack([linear, shift])


def _draw_centre(
    start: float,
    size: float,
    window: float,
    image: float,
    rng: np.random.Generator,
    *,
    boxed: bool,
) -> float:
    """Centre of the window along one axis: the object anywhere in it, the image filling it."""
    slack = max(window - size, 0.3 * window) / 2 if not boxed else 0.05 * window
    centre = start + size / 2 + rng.uniform(-slack, slack)
    low, high = window / 2, image - window / 2
    return float(np.clip(centre, low, high)) if low < high else image / 2


def _warp_image(
    image: NDArray[np.uint8], warp: NDArray[np.float64], crop: tuple[int, int]
) -> NDArray[np.uint8]:
    """Sample the window; where it shrinks by two or more, after averaging over areas."""
    factor = int(abs(np.linalg.det(warp[:, :2])) ** -0.5)
    if factor > 1:
        height, width = (max(1, side // factor) for side in image.shape[:2])
        back_cols, back_rows = image.shape[1] / width, image.shape[0] / height
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
        shift = np.array([(back_cols - 1) / 2, (back_rows - 1) / 2])
        linear = warp[:, :2]
        warp = np.column_stack([linear * [back_cols, back_rows], linear @ shift + warp[:, 2]])
    pixels = cv2.warpAffine(
        image,
        warp,
        (crop[1], crop[0]),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(pixels, np.uint8)


def _warp_mask(
    mask: NDArray[np.int8], warp: NDArray[np.float64], crop: tuple[int, int]
) -> NDArray[np.int8]:
    # OpenCV warps no signed bytes; 255 is -1 in another coat.
    seen = cv2.warpAffine(
        mask.view(np.uint8),
        warp,
        (crop[1], crop[0]),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(255,),
    )
    return np.asarray(seen, np.uint8).view(np.int8)


def _warp_click(click: Click, warp: NDArray[np.float64], rng: np.random.Generator) -> Click:
    """Bring a click into the window, and move it as a hand would that clicks once more."""
    col, row = warp @ (click.col, click.row, 1.0) + rng.normal(0, _HAND, 2)
    return Click(float(row), float(col), click.positive)


def _right_clicks(clicks: Sequence[Click], mask: NDArray[np.int8]) -> list[Click]:
    """Clicks within the (H, W) window that say what is there; none where no positive one does."""
    found = []
    for click in clicks:
        row, col = round(click.row), round(click.col)
        if 0 <= row < mask.shape[0] and 0 <= col < mask.shape[1]:
            wanted = OBJECT if click.positive else BACKGROUND
            if mask[row, col] == wanted:
                found.append(click)
    return found if any(click.positive for click in found[:1]) else []


def box_guidance(inside: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float32]:
    """(H, W) previous mask that stands for a box drawn round the object, not quite exactly."""
    left, top, width, height = cv2.boundingRect(inside.view(np.uint8))
    jitters = rng.normal(0.02, 0.05, 4) * np.array([height, height, width, width])
    guidance = np.zeros(inside.shape, np.float32)
    rows = slice(max(0, round(top - jitters[0])), max(0, round(top + height + jitters[1])))
    cols = slice(max(0, round(left - jitters[2])), max(0, round(left + width + jitters[3])))
    guidance[rows, cols] = BOX_GUIDANCE
    return guidance


def _click_near_middle(
    points: NDArray[np.float32], inside: NDArray[np.bool_], rng: np.random.Generator
) -> None:
    click = centre_click(inside, rng, rng.choice([1.1, 1.7, 3.0]))
    if click is not None:
        add_click(points, click, 0)
