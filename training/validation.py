"""Validation after an epoch: losses and NoC, always on the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.datasets import open_dataset
from core.engine import LoadedModel, TorchEngine
from core.errors import ConfigError
from core.metrics import Curve, Summary, summarise
from core.model import ClickModel
from core.predictor import Predictor, PredictorOptions
from core.prompts import Prompts
from core.robot_user import simulate_clicks

from .config import Config, expand
from .sources import ImageSource, Mixture

THRESHOLD = 0.5
_LEAST_AREA = 300  # pixels of an object that NoC is measured on
_TRIES = 1000  # images, to find an object
_STREAM = 5  # of random numbers, for the choice of objects

Case = tuple[NDArray[np.uint8], NDArray[np.int8]]
"""(H, W, 3) uint8 image and (H, W) int8 mask."""


def open_cases(config: Config, sources: Mixture | None) -> list[Case]:
    """Objects to click in validation, evenly from each source, the same in every run.

    Raises
    ------
    ConfigError, DatasetError
    """
    settings = config.validation
    if not settings.objects:
        return []
    if settings.noc:
        return [case for named in settings.noc for case in _from_dataset(named, settings.objects)]
    if sources is None:
        raise ConfigError(
            "validation.objects needs 'validation_sources' or 'validation.noc' to take them from."
        )
    count = len(sources.sources)
    return [
        _draw_case(sources.sources[number % count], np.random.default_rng([_STREAM, number]))
        for number in range(settings.objects)
    ]


def _draw_case(source: ImageSource, rng: np.random.Generator) -> Case:
    for _ in range(_TRIES):
        image = source.read(int(rng.integers(len(source))), rng)
        large = [
            object_id
            for object_id, layer in image.objects
            if np.count_nonzero(image.layers[layer] == object_id) >= _LEAST_AREA
        ]
        if large:
            return image.image, image.mask(large[rng.integers(len(large))])
    raise ConfigError(
        f"None of {_TRIES} validation images has an object of {_LEAST_AREA} pixels or more: "
        "choose others, or set validation.objects to 0."
    )


def _from_dataset(named: str, count: int) -> list[Case]:
    name, equals, path = named.partition("=")
    if not equals:
        raise ConfigError(f"validation.noc needs NAME=PATH, got {named!r}.")
    dataset = open_dataset(name, expand(path))
    if not len(dataset):
        raise ConfigError(f"{named} in validation.noc holds no object to click: choose another.")
    places = np.unique(np.linspace(0, len(dataset) - 1, count).round().astype(int))
    samples = [dataset[int(place)] for place in places]
    return [(sample.image, sample.mask) for sample in samples]


def measure_noc(model: ClickModel, cases: Sequence[Case], config: Config) -> Summary:
    """NoC of the network as it is, by the robot user and the predictor with its usual settings."""
    settings = config.validation
    device = next(model.parameters()).device
    model.eval()
    loaded = LoadedModel(config.name, Path(config.name), (TorchEngine(model, device),), THRESHOLD)
    predictor = Predictor(loaded, PredictorOptions())
    with torch.no_grad():
        curves = [_click(predictor, case, settings.clicks, settings.target) for case in cases]
    return summarise(curves, 0.0, max_clicks=settings.clicks, target_iou=settings.target)


def _click(predictor: Predictor, case: Case, most: int, target: float) -> Curve:
    image, truth = case
    predictor.set_image(image)
    turns = simulate_clicks(
        truth,
        lambda clicks: predictor.predict(Prompts(clicks)).mask(THRESHOLD),
        max_clicks=most,
        target_iou=target,
    )
    return Curve(tuple(turn.iou for turn in turns))
