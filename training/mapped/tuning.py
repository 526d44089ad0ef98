"""Training from a model with a small rate, and the mean of its old and new weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import torch

from core.datasets.mapped import MappedDataset
from core.engine import LoadedModel
from core.model import ClickModel
from core.model.checkpoint import load_checkpoint
from core.model.network import build_model

from ..build import build
from ..config import Config
from ..experiment import Experiment
from ..processes import join_processes, keep_freed_memory
from ..trainer import Trainer
from .dealing import TRAIN
from .measuring import as_loaded, click_objects, mean_iou

SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of the new weights in the mean with the old ones."""
UNCHOSEN_SHARE = 0.5
"""Where there are too few avalanches to choose on."""
_CHOOSING_CLICKS = 5
_SAMPLES, _FEWEST, _MOST = 48, 960, 3840  # for each outline, and in all
_BATCH, _CROP = 8, 320
_PAINTED, _GENERAL = 0.25, 0.2  # shares of what is not to be forgotten

Tell = Callable[[float], None]


def samples_for(outlines: int) -> int:
    """Return how many samples are drawn for a number of outlines: minutes on a laptop."""
    return min(_MOST, max(_FEWEST, _SAMPLES * outlines)) // _BATCH * _BATCH


def tune(
    folder: Path, data: Path, parent: LoadedModel, *, samples: int, general: Path | None, tell: Tell
) -> ClickModel:
    """Train on the side `TRAIN`, or go on with it; returns the network with averaged weights.

    Parameters
    ----------
    folder
        Of the run, see `training.experiment`.
    data
        Data set ``mapped``.
    general
        Packed images of other objects that are learnt again, so as not to be forgotten; avalanches
        painted on slopes are in any case.
    """
    values = _configuration(data, parent, samples, general)
    config = build(Config, values)
    experiment = Experiment(folder)
    cv2.setNumThreads(0)
    keep_freed_memory()
    with join_processes(config.run) as processes, experiment.locked():
        resume = experiment.last.is_file()
        experiment.create(values)
        trainer = Trainer(config, experiment, processes, resume=resume)
        done, total = trainer.steps
        if done < total:
            trainer.run(lambda step, steps: tell(step / steps))
    return load_checkpoint(experiment.checkpoints / "last.safetensors").stages[0]


def mean_of(old: ClickModel, new: ClickModel, share: float) -> ClickModel:
    """Return the network between two of one kind (Wortsman et al. 2022, WiSE-FT).

    Fine-tuning and forgetting lie on the way between both; part of the way has most of the gain.
    """
    weights = new.state_dict()
    mean = {
        name: torch.lerp(value, weights[name], share) if value.is_floating_point() else value
        for name, value in old.state_dict().items()
    }
    model = build_model(old.config)
    model.load_state_dict(mean)
    return model.eval()


def choose_share(
    old: ClickModel, new: ClickModel, parent: LoadedModel, dataset: MappedDataset | None, tell: Tell
) -> tuple[float, dict[float, float]]:
    """Choose how far to go from the old weights to the new, 0 where no step is a gain.

    Returns the share, and the mean IoU over five clicks of each that was tried on ``dataset``.
    """
    if dataset is None:
        return UNCHOSEN_SHARE, {}
    tried: dict[float, float] = {}
    for place, share in enumerate((0.0, *SHARES)):
        model = as_loaded(mean_of(old, new, share), parent)

        def on_way(done: float, before: int = place) -> None:
            tell((before + done) / (len(SHARES) + 1))

        objects = click_objects(model, dataset, on_way, _CHOOSING_CLICKS)
        tried[share] = mean_iou(objects, _CHOOSING_CLICKS)
    return max(tried, key=lambda share: (round(tried[share], 3), -share)), tried


def _configuration(
    data: Path, parent: LoadedModel, samples: int, general: Path | None
) -> dict[str, Any]:
    own = 1.0 - _PAINTED - (_GENERAL if general else 0.0)
    train: list[dict[str, Any]] = [
        {"dataset": "mapped", "path": str(data), "split": TRAIN, "share": own},
        {"dataset": "painted", "path": str(general or ""), "share": _PAINTED},
    ]
    if general is not None:
        train.append({"dataset": "shards", "path": str(general), "share": _GENERAL})
    crop = parent.overview_size or parent.view_size or (_CROP, _CROP)
    return {
        "name": "from_mapped",
        "model": {},
        "start": {"checkpoint": str(parent.path)},
        "train": train,
        "samples": {
            "recipe": "windows",
            "crop": [max(32, side // 32 * 32) for side in crop],
            "box": 0.1 if parent.accepts_boxes else 0.0,
            "first_click": 0.3,
            "stored_clicks": 0.3,
            "snow": 0.2,
        },
        "loss": {"alpha": 0.5, "gamma": 2.0, "bce": 0.15},
        "optimiser": {
            "rate": 4e-4,
            "multipliers": "corrected",
            "backbone_multiplier": 0.25,
            "weight_decay": 1e-4,
            "clip": 5.0,
        },
        "schedule": {"kind": "cosine", "smooth": True, "warmup": 10},
        "run": {
            "epochs": 1,
            "epoch_size": samples,
            "batch": _BATCH,
            "max_next_clicks": 3,
            "no_next_clicks": 0.25,
            "ema": 0.98,
            "device": "cpu",
            "workers": 0,
            "checkpoint_steps": 20,
            "picture_steps": 0,
        },
        "about": dict(parent.metadata),
    }
