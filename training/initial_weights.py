"""Weights to start from."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.errors import CheckpointError, ConfigError
from core.json_files import DAMAGED
from core.model.archive import refuse_bomb
from core.model.checkpoint import load_checkpoint
from core.model.config import CONFIGS, LightConfig, build_config
from core.model.network import ClickModel, HRNetModel, LightModel, build_model
from core.zoo import resolve_model

from .config import Config, expand

_STRIDES = {"middle_stride", "deep_stride"}  # of a light network, any with the same weights
_ARRAY = re.compile(r"(\d{3})\.(CONV_2D|DEPTHWISE_CONV_2D)\.(w|b)")


def make_model(config: Config) -> ClickModel:
    """Build the network of a configuration with its initial weights.

    Raises
    ------
    ConfigError, CheckpointError, ModelNotFoundError
    """
    start = config.start
    named = [name for name in (start.checkpoint, start.imagenet, start.arrays) if name]
    if len(named) > 1:
        raise ConfigError(f"Only one start is possible, but several are set: {', '.join(named)}.")
    if start.checkpoint:
        return _from_checkpoint(start.checkpoint, config.model)
    params = dict(config.model)
    kind = CONFIGS.get(str(params.pop("architecture", "")))
    if kind is None:
        raise ConfigError(f"model.architecture must be one of {', '.join(CONFIGS)}.")
    model = build_model(build_config(kind, params))
    generator = torch.Generator().manual_seed(config.run.seed)
    initialise(model, generator)
    if start.imagenet:
        load_imagenet(model, expand(start.imagenet))
    if start.arrays:
        load_arrays(model, expand(start.arrays))
    return model


def _from_checkpoint(name: str, params: dict[str, object]) -> ClickModel:
    path = resolve_model(str(expand(name)))
    stages = load_checkpoint(path).stages
    if len(stages) != 1:
        raise ConfigError(f"{path} has {len(stages)} stages; only models of one can be trained.")
    model = stages[0]
    known = model.config.to_json()["params"]
    found = {"architecture": model.config.architecture, **known}
    differing = {key: value for key, value in params.items() if found.get(key) != value}
    if differing and differing.keys() <= _STRIDES and isinstance(model.config, LightConfig):
        weights = model.state_dict()
        model = build_model(build_config(LightConfig, {**known, **differing}))
        model.load_state_dict(weights)
    elif differing:
        raise ConfigError(
            f"{path} is another network than 'model' describes: {', '.join(differing)} differ. "
            "Describe it as it is, or leave 'model' empty."
        )
    return model.requires_grad_(requires_grad=True)


def initialise(model: ClickModel, generator: torch.Generator) -> None:
    """Fill in random weights.

    RITM's way ("XavierGluon"): normal, variance 2 over the mean of fan-in and fan-out; batch norm
    1 and 0; other biases 0. The light network's ReLU6 without batch norm keep their signal with He
    et al. (2015) instead: variance 2 over fan-in.
    """
    light = isinstance(model.config, LightConfig)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            fan_out = module.weight.shape[0] * module.weight[0, 0].numel()
            fan = fan_in if light else (fan_in + fan_out) / 2
            with torch.no_grad():
                module.weight.normal_(0, math.sqrt(2 / fan), generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
        bias = getattr(module, "bias", None)
        if isinstance(bias, Tensor):
            nn.init.zeros_(bias)


def load_imagenet(model: ClickModel, path: Path) -> None:
    """Load the backbone of HRNet-Image-Classification, as published for the family.

    Raises
    ------
    CheckpointError
        If the file is missing or damaged, or its weights are not of this HRNet.
    """
    if not isinstance(model, HRNetModel):
        raise ConfigError("start.imagenet is for HRNet models.")
    if not path.is_file():
        raise CheckpointError(
            f"There is no file {path}. Download the weights of HRNet-Image-Classification, or "
            "clear start.imagenet to begin from random weights."
        )
    try:
        refuse_bomb(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{path} is damaged or no file of weights: {error}") from error
    own = model.feature_extractor.state_dict()
    if not isinstance(loaded, dict):
        raise CheckpointError(f"{path} holds no named weights.")
    named = {
        str(key).replace("last_layer", "aux_head").replace("model.", ""): value
        for key, value in loaded.items()
    }
    fitting = {key: value for key, value in named.items() if key in own}
    wrong = [k for k, value in fitting.items() if getattr(value, "shape", None) != own[k].shape]
    backbone = [key for key in own if re.match(r"conv[12]|bn[12]|layer1|stage|transition", key)]
    # Files of 2018 and before count no batches.
    missing = [k for k in backbone if k not in fitting and not k.endswith("num_batches_tracked")]
    if wrong or missing:
        raise CheckpointError(
            f"{path} is not the backbone of this network: {len(missing)} weights are missing, "
            f"{len(wrong)} have another shape (for instance {(missing + wrong)[0]})."
        )
    model.feature_extractor.load_state_dict({**own, **fitting})


def load_arrays(model: ClickModel, path: Path) -> None:
    """Load folded convolutions of MobileNetV2 1.0 from an ``.npz`` into a light network.

    The file names them ``NNN.CONV_2D.w|b`` and ``NNN.DEPTHWISE_CONV_2D.w|b`` in their order;
    weights are (out, kh, kw, in) or (1, kh, kw, channels). More convolutions than the encoder has
    are left out.

    Raises
    ------
    CheckpointError
        If the file is missing or damaged, or its convolutions are others.
    """
    if not isinstance(model, LightModel):
        raise ConfigError("start.arrays is for light models.")
    layers = [module for module in model.encoder.modules() if isinstance(module, nn.Conv2d)]
    arrays = _read_arrays(path)
    for number, layer in enumerate(layers):
        weight, bias = arrays.get((number, "w")), arrays.get((number, "b"))
        if weight is None or bias is None:
            raise CheckpointError(f"{path} lacks the convolution {number:03d}.")
        channels = 0 if layer.groups > 1 else 1  # where PyTorch has the last axis
        ordered = np.moveaxis(weight, -1, channels) if weight.ndim == 4 else weight
        if ordered.shape != layer.weight.shape or bias.shape != (layer.out_channels,):
            raise CheckpointError(
                f"Convolution {number:03d} of {path} has the shape {ordered.shape}, the "
                f"network's {tuple(layer.weight.shape)}: it is another encoder."
            )
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(ordered.astype(np.float32)))
            if layer.bias is not None:
                layer.bias.copy_(torch.from_numpy(bias.astype(np.float32)))


def _read_arrays(path: Path) -> dict[tuple[int, str], NDArray[Any]]:
    """Arrays by number of the convolution, and ``w`` or ``b``."""
    try:
        refuse_bomb(path)
        loaded = np.load(path)
        if isinstance(loaded, np.ndarray):
            raise ValueError("it holds a single array")
        with loaded as file:
            return {
                (int(match[1]), match[3]): file[key]
                for key in file.files
                if (match := _ARRAY.fullmatch(key))
            }
    except DAMAGED as error:
        raise CheckpointError(f"Cannot read the starting weights {path}: {error}") from error
