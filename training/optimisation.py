"""Optimiser, learning rates, averaged weights."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.optim import Adam, AdamW, Optimizer

from core.model.network import ClickModel, DeepLabModel, HRNetModel, LightModel

from .config import OptimiserSettings, RunSettings, ScheduleSettings

_HEADS = ("aux_head.", "cls_head.")
_OCR = ("conv3x3_ocr.", "ocr_distri_head.")


def make_optimiser(model: ClickModel, settings: OptimiserSettings) -> Optimizer:
    """Adam over two groups, backbone and rest; each keeps its ``multiplier`` of the rate."""
    slow = [p for name, p in model.named_parameters() if _is_slow(model, name, settings)]
    slow_ids = set(map(id, slow))
    fast = [p for p in model.parameters() if id(p) not in slow_ids]
    groups = [
        {"params": fast, "multiplier": 1.0},
        {"params": slow, "multiplier": settings.backbone_multiplier},
    ]
    kind = AdamW if settings.weight_decay else Adam
    return kind(
        [group for group in groups if group["params"]],
        lr=settings.rate,
        betas=settings.betas,
        eps=settings.eps,
        weight_decay=settings.weight_decay,
    )


def _is_slow(model: ClickModel, name: str, settings: OptimiserSettings) -> bool:
    """Return whether a parameter belongs to the pre-trained part."""
    if settings.multipliers == "none":
        return False
    if isinstance(model, LightModel):
        return name.startswith("encoder.")
    if isinstance(model, DeepLabModel):
        return name.startswith("feature_extractor.backbone.")
    if not isinstance(model, HRNetModel) or not name.startswith("feature_extractor."):
        return False
    part = name.removeprefix("feature_extractor.")
    if settings.multipliers == "corrected" and part.startswith(_HEADS):
        return False
    return not part.startswith(_OCR)


def set_rate(optimiser: Optimizer, rate: float) -> None:
    """Set the learning rate of every group to ``rate`` times its multiplier."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["multiplier"]


def rate_at(
    step: int, steps_per_epoch: int, rate: float, run: RunSettings, schedule: ScheduleSettings
) -> float:
    """Learning rate of a step, counted from 0 over all epochs."""
    epoch = step // steps_per_epoch
    warm = min(1.0, (step + 1) / schedule.warmup) if schedule.warmup else 1.0
    if schedule.kind == "steps":
        passed = sum(epoch >= milestone for milestone in schedule.milestones)
        return warm * rate * schedule.factor**passed
    share = step / (run.epochs * steps_per_epoch) if schedule.smooth else epoch / run.epochs
    return warm * rate * (1 + math.cos(math.pi * share)) / 2


class Average:
    """Exponential moving average of a network's weights; batch norm's statistics are copied.

    Parameters
    ----------
    decay
        Share of the old average that each step keeps; smaller in the first steps.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self.values = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after ``step`` steps."""
        keep = min(self._decay, (1 + step) / (10 + step))
        parameters = dict(model.named_parameters())
        for name, value in model.state_dict().items():
            if name in parameters:
                self.values[name].lerp_(value, 1 - keep)
            else:
                self.values[name].copy_(value)
