"""A very narrow random network in the family's file format, for tests that need a real model."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
from goldens import hrnet

from core.model import ClickModel, HRNetConfig, ModelConfig, build_model

TINY = hrnet(2, 2, small=True)

_CLASSES = {
    "hrnet": "isegm.model.is_hrnet_model.HRNetModel",
    "deeplab": "isegm.model.is_deeplab_model.DeeplabModel",
}


def tiny_model(config: ModelConfig = TINY, seed: int = 0) -> ClickModel:
    """A network of random weights whose clicks matter; eval mode."""
    torch.manual_seed(seed)
    model = build_model(config)
    with torch.no_grad():
        if not config.use_rgb_conv and not config.conv_extend:
            model.maps_transform[-1].scale.fill_(1.0)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.6, 1.4)
                module.bias.normal_(0, 0.3)
    return model.eval().requires_grad_(False)


def ritm_content(model: ClickModel) -> dict[str, Any]:
    """What RITM's training would have saved for ``model``."""
    config = model.config
    params = {
        name: {"type": "builtin", "value": value, "specified": True}
        for name, value in dataclasses.asdict(config).items()
        if name not in ("norm_mean", "norm_std", "fbrs_rgb_conv")
    }
    params["norm_mean_std"] = {
        "type": "builtin",
        "value": (list(config.norm_mean), list(config.norm_std)),
        "specified": False,
    }
    params["norm_layer"] = {
        "type": "class",
        "value": "torch.nn.modules.batchnorm.BatchNorm2d",
        "specified": False,
    }
    for name, value in (
        ("backbone_lr_mult", 0.1),
        ("cpu_dist_maps", False),
        ("clicks_groups", None),
    ):
        params[name] = {"type": "builtin", "value": value, "specified": False}
    return {
        "state_dict": model.state_dict(),
        "config": {"class": _CLASSES[config.architecture], "params": params},
    }


def write_tiny_checkpoint(path: Path, config: HRNetConfig = TINY, seed: int = 0) -> Path:
    """Write a tiny model to ``path`` (.pth); returns the path."""
    torch.save(ritm_content(tiny_model(config, seed)), path)
    return path
