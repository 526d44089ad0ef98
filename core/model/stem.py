"""Input of clicks and previous mask into the network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .config import ModelConfig

STEM_CHANNELS = 64


class Scale(nn.Module):
    """Multiplication by the absolute value of one learnt number."""

    def __init__(self, start: float = 0.05) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((1,), start))

    def forward(self, x: Tensor) -> Tensor:
        """Tensor of any shape -> the same shape."""
        return x * torch.abs(self.scale)


def activation(config: ModelConfig) -> nn.Module:
    """Build the non-linearity of the click branch."""
    return nn.LeakyReLU(0.2) if config.use_leaky_relu else nn.ReLU(inplace=True)


def build_maps_transform(config: ModelConfig) -> nn.Module:
    """Build the embedding of (B, c, H, W) maps as (B, 64, H/2, W/2) features ("Conv1S")."""
    if config.conv_extend:
        return nn.Conv2d(config.map_channels, STEM_CHANNELS, 3, stride=2, padding=1)
    return nn.Sequential(
        nn.Conv2d(config.map_channels, 16, 1),
        activation(config),
        nn.Conv2d(16, STEM_CHANNELS, 3, stride=2, padding=1),
        Scale(),
    )


def build_rgb_conv(config: ModelConfig) -> nn.Sequential:
    """Build the 1x1 fusion of RGB and maps to three channels."""
    inputs = 3 + config.map_channels
    middle = [nn.BatchNorm2d(3 + inputs), activation(config)]
    if config.fbrs_rgb_conv:
        middle.reverse()
    return nn.Sequential(nn.Conv2d(inputs, 3 + inputs, 1), *middle, nn.Conv2d(3 + inputs, 3, 1))
