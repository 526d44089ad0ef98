"""Configuration of a training run: YAML read into dataclasses, names and types checked.

Paths in a file are relative to the folder in which the program runs; ``~`` and ``${VARIABLE}`` are
expanded.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from core.errors import ConfigError
from core.files import write_text
from core.json_files import MALFORMED
from core.metrics import NOC_PERCENTS

from .build import build
from .points import PointSettings
from .yaml_files import parse_yaml, read_yaml


@dataclass(frozen=True)
class StartSettings:
    """Origin of the initial weights, at most one of the three; otherwise they are random.

    Attributes
    ----------
    checkpoint
        A whole model to go on from (``--weights`` of the family): a name of the zoo or a file.
    imagenet
        Weights of an HRNet backbone trained on ImageNet, a ``.pth`` of HRNet-Image-Classification.
    arrays
        Folded convolutions of a MobileNetV2, an ``.npz``.
    """

    checkpoint: str | None = None
    imagenet: str | None = None
    arrays: str | None = None


@dataclass(frozen=True)
class SourceSettings:
    """One source of images with objects.

    Attributes
    ----------
    dataset
        A name of `core.datasets.DATASETS`, or ``painted`` for avalanches painted on the fly.
    path, split
        As in `core.datasets.open_dataset`; for ``painted``, packed images to paint on.
    sets
        Of packed images, the sets to take; empty means all.
    share
        Of the drawn samples, in proportion to the other sources' shares.
    hold_out
        Share of the images kept from training, for validation, chosen by the image's name.
    """

    dataset: str
    path: str = ""
    split: str | None = None
    sets: tuple[str, ...] = ()
    share: float = 1.0
    hold_out: float = 0.0

    def __post_init__(self) -> None:
        _require_range(self, 0, ("share",))
        _require_range(self, 0, ("hold_out",), 1)


@dataclass(frozen=True)
class SampleSettings:
    """From an image to a training sample.

    Attributes
    ----------
    recipe
        ``cocolvis``, ``sbd``, ``avalanche`` (published augmentations), or ``windows`` (ours).
    crop
        Height and width in pixels.
    min_object_area
        Objects with fewer pixels in the crop are not asked for.
    keep_background
        How often a crop without any object is kept.
    box, given_mask, first_click
        ``windows`` only: shares of samples that start from a box, from a faulty outline, and from
        a single click near the middle; the rest starts from clicks drawn at once.
    stored_clicks
        ``windows`` only: share of samples that start from clicks that a person made, where the
        data set has such clicks.
    snow
        ``windows`` only: share of photos pushed towards snow.
    points
        How clicks are drawn.
    """

    recipe: Literal["cocolvis", "sbd", "avalanche", "windows"]
    crop: tuple[int, int]
    min_object_area: int = 0
    keep_background: float = 0.0
    box: float = 0.0
    given_mask: float = 0.0
    first_click: float = 0.0
    stored_clicks: float = 0.0
    snow: float = 0.0
    points: PointSettings = field(default_factory=PointSettings)

    def __post_init__(self) -> None:
        ways = ("box", "given_mask", "first_click", "stored_clicks")
        shares = ("keep_background", *ways, "snow")
        _require_range(self, 0, ("min_object_area",))
        _require_range(self, 0, shares, 1)
        if min(self.crop) < 32:
            raise ConfigError(f"samples.crop is {self.crop}, expected 32 pixels or more each.")
        if sum(getattr(self, way) for way in ways) > 1:
            raise ConfigError(f"samples: {', '.join(ways[:-1])} and {ways[-1]} exceed 1 together.")


@dataclass(frozen=True)
class LossSettings:
    """Normalised focal loss, and binary cross entropy on both outputs by weight."""

    alpha: float = 0.5
    gamma: float = 2.0
    bce: float = 0.0
    auxiliary_bce: float = 0.4


@dataclass(frozen=True)
class OptimiserSettings:
    """Adam (AdamW where there is weight decay).

    Attributes
    ----------
    multipliers
        ``published``: 0.1 on the whole HRNet but its OCR part, which slows the two heads as well;
        ``corrected``: the heads learn at full rate; ``none``.
    backbone_multiplier
        The factor on the pre-trained part.
    clip
        Greatest norm of the gradient, 0 for no limit.
    """

    rate: float = 5e-4
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    multipliers: Literal["published", "corrected", "none"] = "corrected"
    backbone_multiplier: float = 0.1
    clip: float = 0.0

    def __post_init__(self) -> None:
        _require_range(self, 0, ("rate", "eps", "weight_decay", "backbone_multiplier", "clip"))


@dataclass(frozen=True)
class ScheduleSettings:
    """Schedule of the learning rate.

    Attributes
    ----------
    kind
        ``steps``: times ``factor`` at each of ``milestones`` (epochs). ``cosine``: down to 0.
    smooth
        Whether the cosine falls with every step; published: with every epoch.
    warmup
        Steps in which the rate rises from 0.
    """

    kind: Literal["steps", "cosine"]
    milestones: tuple[int, ...] = ()
    factor: float = 0.1
    smooth: bool = False
    warmup: int = 0

    def __post_init__(self) -> None:
        _require_range(self, 0, ("warmup", "factor"))


@dataclass(frozen=True)
class ValidationSettings:
    """Validation after epochs, always on the same samples and clicks.

    Attributes
    ----------
    samples
        Samples for the validation loss, in whole batches.
    objects, clicks, target
        NoC: objects of each data set in ``noc`` (evenly spread over it), most clicks, IoU to
        reach (0.8, 0.85 or 0.9).
    noc
        Data sets for it as ``name=path``; empty means objects of the validation sources.
    every
        Epochs between validations.
    """

    samples: int = 0
    objects: int = 0
    clicks: int = 10
    target: float = 0.85
    noc: tuple[str, ...] = ()
    every: int = 1

    def __post_init__(self) -> None:
        _require_range(self, 0, ("samples", "objects"))
        _require_range(self, 1, ("clicks", "every"))
        targets = [percent / 100 for percent in NOC_PERCENTS]
        if self.target not in targets:
            known = ", ".join(map(str, targets))
            raise ConfigError(f"validation.target is {self.target}, expected one of {known}.")


@dataclass(frozen=True)
class RunSettings:
    """Length, batches, precision and logging of a run.

    Attributes
    ----------
    epochs, epoch_size
        ``epoch_size`` samples are drawn per epoch; 0 means every image once.
    batch
        Samples of one optimiser step in all processes together.
    accumulate
        Parts in which a batch is computed, to save memory.
    max_next_clicks
        Most clicks simulated on the network's own predictions.
    no_next_clicks
        Share of batches without any, beside those that draw none: only these teach what a first
        click or a box alone should give.
    precision
        ``float32``, or ``bfloat16`` or ``float16`` by automatic mixed precision; or ``float64``,
        for comparisons that rounding would drown.
    ema
        Decay of the averaged weights that are evaluated and exported; 0 for none.
    sync_batch_norm
        Whether processes share the statistics of batch norm.
    checkpoint_steps
        Steps between checkpoints within an epoch; one is written after each epoch anyway.
    keep_from, keep_every
        From epoch ``keep_from[i]`` on, every ``keep_every[i]``-th checkpoint is kept.
    picture_steps
        Steps between images in the log, 0 for none.
    """

    epochs: int
    batch: int
    epoch_size: int = 0
    accumulate: int = 1
    max_next_clicks: int = 3
    no_next_clicks: float = 0.0
    precision: Literal["float32", "bfloat16", "float16", "float64"] = "float32"
    ema: float = 0.0
    seed: int = 0
    device: str = "auto"
    threads: int = 0
    workers: int = 2
    sync_batch_norm: bool = True
    checkpoint_steps: int = 500
    keep_from: tuple[int, ...] = ()
    keep_every: tuple[int, ...] = ()
    log_steps: int = 25
    picture_steps: int = 3000

    def __post_init__(self) -> None:
        _require_range(self, 1, ("epochs", "batch", "accumulate", "checkpoint_steps", "log_steps"))
        _require_range(self, 0, ("epoch_size", "max_next_clicks", "seed", "threads", "workers"))
        _require_range(self, 0, ("picture_steps",))
        _require_range(self, 0, ("ema", "no_next_clicks"), 1)
        if len(self.keep_from) != len(self.keep_every) or any(n < 1 for n in self.keep_every):
            raise ConfigError("run.keep_from and run.keep_every belong together, one to one.")


@dataclass(frozen=True)
class Config:
    """A training run."""

    name: str
    model: dict[str, Any]
    train: tuple[SourceSettings, ...]
    samples: SampleSettings
    run: RunSettings
    schedule: ScheduleSettings
    start: StartSettings = field(default_factory=StartSettings)
    validation_sources: tuple[SourceSettings, ...] = ()
    loss: LossSettings = field(default_factory=LossSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    about: dict[str, Any] = field(default_factory=dict)


def read_config(path: Path | str, changes: Sequence[str] = ()) -> tuple[Config, dict[str, Any]]:
    """Read a YAML file, apply ``key.sub=value`` changes (values are YAML); also returns the dict.

    Raises
    ------
    ConfigError
        A file that cannot be read, an unknown name, a value of the wrong type.
    """
    try:
        data = read_yaml(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"Cannot read the configuration {path}: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path} holds no named values.")
    for change in changes:
        _change(data, change)
    return build(Config, data), data


def write_config(path: Path, data: Mapping[str, Any]) -> None:
    """Write what `read_config` returned, so that it can be run again."""
    write_text(path, yaml.safe_dump(dict(data), sort_keys=False))


def expand(path: str) -> Path:
    """Path with ``~`` and environment variables filled in; `ConfigError` where one is not set."""
    expanded = Path(os.path.expandvars(path)).expanduser()
    if "$" in str(expanded):
        raise ConfigError(f"The path {path} names an environment variable that is not set.")
    return expanded


def _change(data: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals:
        raise ConfigError(f"--set needs key=value, got {change!r}.")
    place: Any = data
    *parents, last = key.split(".")
    try:
        for parent in parents:
            place = place[int(parent)] if isinstance(place, list) else place.setdefault(parent, {})
        value = parse_yaml(text)
        place[int(last) if isinstance(place, list) else last] = value
    except MALFORMED as error:
        raise ConfigError(f"--set {change}: there is no such place ({error}).") from error


def _require_range(
    settings: object, least: float, names: Sequence[str], most: float = math.inf
) -> None:
    for name in names:
        value = getattr(settings, name)
        if not least <= value <= most:
            wanted = f"{least} or more" if most == math.inf else f"{least} to {most}"
            raise ConfigError(f"{name} is {value}, expected {wanted}.")
