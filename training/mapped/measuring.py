"""Clicks before and after fine-tuning, on the same avalanches, and whether the gain is chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from core.datasets.mapped import MappedDataset
from core.engine import LoadedModel, TorchEngine
from core.metrics import Curve, bootstrap_interval, iou_at, noc, summarise
from core.model import ClickModel
from core.predictor import Predictor, PredictorOptions
from core.prompts import Prompts
from core.robot_user import simulate_clicks

MOST_CLICKS, TARGET = 20, 0.9
MEASURES = ("NoC@85", "NoC@90", "IoU@1")
PRIMARY = "NoC@85"
"""By which a gain is judged; the others are told."""


class ClickedObject(NamedTuple):
    """The IoU of one avalanche after each click, its day, and the avalanche that it shows."""

    ious: tuple[float, ...]
    day: str
    avalanche: str

    def measure(self, name: str) -> float:
        """Return one of `MEASURES`."""
        kind, _, number = name.partition("@")
        if kind == "IoU":
            return iou_at([self.ious], [int(number)])[int(number)]
        return float(noc(self.ious, int(number) / 100, MOST_CLICKS).count)


def as_loaded(model: ClickModel, parent: LoadedModel) -> LoadedModel:
    """Return a network ready to predict in PyTorch, with views and threshold of its parent."""
    engine = TorchEngine(model.eval(), torch.device("cpu"))
    return LoadedModel(parent.name, parent.path, (engine,), parent.threshold, parent.metadata)


def click_objects(
    model: LoadedModel, dataset: MappedDataset, tell: Callable[[float], None], most: int
) -> list[ClickedObject]:
    """Let the robot user click every avalanche of a data set, ``most`` times at most."""
    predictor = Predictor(model, PredictorOptions())
    found = []
    for place, ref in enumerate(dataset.refs):
        sample = dataset[place]
        predictor.set_image(sample.image)
        turns = simulate_clicks(
            sample.mask,
            lambda clicks: predictor.predict(Prompts(clicks)).mask(model.threshold),
            max_clicks=most,
            target_iou=TARGET,
        )
        entry = dataset.entries[ref.image]
        item = entry["objects"][int(ref.object) - 1]
        ious = tuple(turn.iou for turn in turns)
        found.append(ClickedObject(ious, entry["day"], item["avalanche"]))
        tell((place + 1) / len(dataset))
    return found


@dataclass(frozen=True)
class Gain:
    """Change of one measure: positive is better.

    Attributes
    ----------
    before, after, by
        Means, and the mean of the differences.
    before_interval, after_interval, interval
        95 % intervals.
    """

    before: float
    after: float
    by: float
    before_interval: tuple[float, float]
    after_interval: tuple[float, float]
    interval: tuple[float, float]

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` where the interval leaves out 0, else ``chance``."""
        low, high = self.interval
        return "better" if low > 0 else "worse" if high < 0 else "chance"

    def to_json(self) -> dict[str, Any]:
        """Return all values."""
        return {**vars(self), "verdict": self.verdict}


def compare(before: Sequence[ClickedObject], after: Sequence[ClickedObject]) -> dict[str, Gain]:
    """Compare the same avalanches, clicked with both models, in each of `MEASURES`.

    The interval of a gain is the wider of two: that of the avalanches, and that of the days, which
    are drawn as wholes, since avalanches of one day are alike.
    """
    found = {}
    for name in MEASURES:
        old, new = ([item.measure(name) for item in side] for side in (before, after))
        sign = 1.0 if name.startswith("IoU") else -1.0
        gains = [sign * (b - a) for a, b in zip(old, new, strict=True)]
        by_outline = bootstrap_interval(gains)
        by_day = _interval_of_days(gains, [item.day for item in before])
        found[name] = Gain(
            float(np.mean(old)),
            float(np.mean(new)),
            float(np.mean(gains)),
            bootstrap_interval(old),
            bootstrap_interval(new),
            (min(by_outline[0], by_day[0]), max(by_outline[1], by_day[1])),
        )
    return found


def _interval_of_days(gains: Sequence[float], days: Sequence[str]) -> tuple[float, float]:
    """Return the 95 % interval of the mean over 2,000 drawings of as many days."""
    names = sorted(set(days))
    values = np.asarray(gains)
    inside = [values[[day == name for day in days]] for name in names]
    sums, counts = (np.array([f(part) for part in inside]) for f in (np.sum, len))
    drawn = np.random.default_rng(0).integers(len(names), size=(2000, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def mean_iou(objects: Sequence[ClickedObject], most: int) -> float:
    """Return the mean IoU over the first ``most`` clicks: finer than a number of clicks."""
    means = iou_at([item.ious for item in objects], range(1, most + 1))
    return float(np.mean(list(means.values())))


def summary_json(objects: Sequence[ClickedObject]) -> dict[str, Any]:
    """Return the usual figures of one model, and the IoUs of every avalanche."""
    curves = [Curve(item.ious) for item in objects]
    summary = summarise(curves, 0.0, max_clicks=MOST_CLICKS, target_iou=TARGET)
    return {
        "noc": {str(key): value for key, value in summary.noc.items()},
        "iou_at": {str(key): value for key, value in summary.iou_at.items()},
        "ious": [list(item.ious) for item in objects],
        "days": [item.day for item in objects],
    }


def open_side(folder: Path, side: str) -> MappedDataset:
    """Open the images of one side."""
    return MappedDataset("mapped", folder, side)
