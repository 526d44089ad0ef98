"""The recipe weights, image and clicks behind the published numeric goldens."""

from __future__ import annotations

import zlib

import numpy as np
import torch

from core.model import ClickModel, DeepLabConfig, HRNetConfig, ModelConfig
from core.prompts import Click

_FAMILY = {
    "use_rgb_conv": False,
    "use_leaky_relu": True,
    "use_disks": True,
    "norm_radius": 5,
}
_ITERMASK = {**_FAMILY, "with_aux_output": True, "with_prev_mask": True}


def hrnet(width: int, ocr_width: int, small: bool = False, **changes: object) -> HRNetConfig:
    """Config of a published HRNet "itermask" model, with ``changes``."""
    params = {**_ITERMASK, "width": width, "ocr_width": ocr_width, "small": small, **changes}
    return HRNetConfig(**params)  # type: ignore[arg-type]


def deeplab(backbone: str, channels: int, **changes: object) -> DeepLabConfig:
    """Config of a published DeepLab model, with ``changes``."""
    params = {**_FAMILY, "backbone": backbone, "deeplab_ch": channels, **changes}
    return DeepLabConfig(**params)  # type: ignore[arg-type]


CONFIGS: dict[str, ModelConfig] = {
    "h18s": hrnet(18, 48, small=True),
    "h18": hrnet(18, 64),
    "h32": hrnet(32, 128),
    "h18_baseline": hrnet(18, 64, with_prev_mask=False),
    "h18_no_ocr": hrnet(18, 0, with_aux_output=False),
    "r34": deeplab("resnet34", 128, aspp_dropout=0.2),
    "r34_prev": deeplab("resnet34", 128, aspp_dropout=0.2, with_prev_mask=True),
    "r50": deeplab("resnet50", 256),
    "r101": deeplab("resnet101", 256),
    "default": HRNetConfig(),
}


def fill_with_recipe(model: ClickModel) -> ClickModel:
    """Give every tensor of ``model`` the reproducible values of the golden recipe; eval mode."""
    state = model.state_dict()
    for key, tensor in state.items():
        shape = tuple(tensor.shape)
        random = np.random.RandomState(zlib.crc32(key.encode()))
        if key.endswith("num_batches_tracked"):
            values = np.zeros(shape)
        elif key.endswith("running_mean"):
            values = 0.1 * random.randn(*shape)
        elif key.endswith("running_var"):
            values = 0.5 + random.rand(*shape)
        elif key.endswith(".scale"):
            values = np.ones(shape)
        elif key.endswith(".bias"):
            values = 0.1 * random.randn(*shape)
        elif len(shape) == 1:
            values = 0.25 + 0.5 * random.rand(*shape)
        else:
            values = random.randn(*shape) * np.sqrt(2 / np.prod(shape[1:]))
        state[key] = torch.from_numpy(np.asarray(values, dtype=np.float32)).to(tensor.dtype)
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def golden_image() -> np.ndarray:
    """(96, 128, 3) uint8 image of the goldens."""
    y, x = np.mgrid[:96, :128]
    channels = [
        np.floor(127.5 + 127.5 * np.sin(0.05 * (c + 1) * x + 0.03 * (3 - c) * y)) for c in range(3)
    ]
    return np.clip(np.stack(channels, axis=-1), 0, 255).astype(np.uint8)


def golden_prev_mask() -> np.ndarray:
    """(96, 128) float32 previous mask: 0.8 inside a disc."""
    y, x = np.mgrid[:96, :128]
    return (0.8 * ((y - 48) ** 2 + (x - 60) ** 2 <= 400)).astype(np.float32)


GOLDEN_POINTS = torch.tensor(
    [
        [40.0, 60, 0],
        [55, 70, 2],
        [-1, -1, -1],
        [10, 100, 1],
        [-1, -1, -1],
        [-1, -1, -1],
    ]
)[None]

GOLDEN_CLICKS = [Click(40, 60, True), Click(20, 100, False), Click(70, 30, True)]
