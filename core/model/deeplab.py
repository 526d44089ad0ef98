"""DeepLabV3+ (Chen et al. 2018) on dilated ResNets, named as in the RITM family."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from .config import DeepLabConfig
from .layers import (
    BasicBlock,
    Bottleneck,
    PooledBatchNorm,
    conv_bn_relu,
    height_width,
    named,
    projection,
    resize,
    separable_conv,
)

Block = type[BasicBlock] | type[Bottleneck]

# Blocks per layer, kind of block, stem of three 3x3 convolutions instead of one 7x7.
_RESNETS: dict[str, tuple[tuple[int, int, int, int], Block, bool]] = {
    "resnet34": ((3, 4, 6, 3), BasicBlock, False),
    "resnet50": ((3, 4, 6, 3), Bottleneck, True),
    "resnet101": ((3, 4, 23, 3), Bottleneck, True),
}
_SKIP_CHANNELS = 32
_ATROUS_RATES = (12, 24, 36)


class ResNet(nn.Module):
    """ResNet-v1b/v1s with layers at strides 4, 8, 8 and 8."""

    def __init__(self, name: str) -> None:
        super().__init__()
        blocks, block, deep_stem = _RESNETS[name]
        self.channels = 128 if deep_stem else 64
        self.conv1: nn.Module = (
            self._deep_stem() if deep_stem else nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        )
        self.bn1 = nn.BatchNorm2d(self.channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self._layer(block, 64, blocks[0])
        self.layer2 = self._layer(block, 128, blocks[1], stride=2)
        self.layer3 = self._layer(block, 256, blocks[2], dilation=2)
        self.layer4 = self._layer(block, 512, blocks[3], dilation=4)

    @staticmethod
    def _deep_stem() -> nn.Sequential:
        return nn.Sequential(
            *conv_bn_relu(3, 64, 3, stride=2),
            *conv_bn_relu(64, 64, 3),
            nn.Conv2d(64, 128, 3, padding=1, bias=False),
        )

    def _layer(
        self, block: Block, planes: int, count: int, *, stride: int = 1, dilation: int = 1
    ) -> nn.Sequential:
        outputs = planes * block.expansion
        shortcut = None
        if stride != 1 or self.channels != outputs:
            shortcut = projection(self.channels, outputs, stride)
        # The first block of a dilated layer samples at the spacing of the layer before.
        first = max(1, dilation // 2)
        layers: list[nn.Module] = [
            block(
                self.channels,
                planes,
                stride=stride,
                dilation=first,
                second_dilation=dilation,
                downsample=shortcut,
            )
        ]
        self.channels = outputs
        layers += [
            block(outputs, planes, dilation=dilation, second_dilation=dilation)
            for _ in range(count - 1)
        ]
        return nn.Sequential(*layers)

    def forward(self, rgb: Tensor, stem: Tensor | None) -> tuple[Tensor, Tensor]:
        """Compute the outputs of layer 1 (stride 4) and layer 4 (stride 8)."""
        x = self.relu(self.bn1(self.conv1(rgb)))
        if stem is not None:
            # Deep stems have more channels than the click features.
            x = x + F.pad(stem, (0, 0, 0, 0, 0, x.shape[1] - stem.shape[1]))
        low = self.layer1(self.maxpool(x))
        return low, self.layer4(self.layer3(self.layer2(low)))


class GlobalPool(nn.Module):
    """Mean over the image, projected and broadcast over it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.gap = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            PooledBatchNorm(outputs),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W)."""
        return resize(self.gap(x), height_width(x))


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        # The spelling is that of the published checkpoints.
        self.concurent = nn.ModuleList(
            [
                conv_bn_relu(inputs, outputs),
                *(conv_bn_relu(inputs, outputs, 3, dilation=rate) for rate in _ATROUS_RATES),
                GlobalPool(inputs, outputs),
            ]
        )
        branches = len(self.concurent)
        self.project = nn.Sequential(
            *conv_bn_relu(branches * outputs, outputs), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W)."""
        result: Tensor = self.project(torch.cat([branch(x) for branch in self.concurent], dim=1))
        return result


def separable_layers(inputs: int, channels: int, outputs: int) -> nn.Sequential:
    """Build two separable convolutions and a 1x1 convolution."""
    return nn.Sequential(
        separable_conv(inputs, channels),
        separable_conv(channels, channels),
        nn.Conv2d(channels, outputs, 1),
    )


class DeepLab(nn.Module):
    """The ``feature_extractor`` of RITM's DeepLab models."""

    def __init__(self, config: DeepLabConfig) -> None:
        super().__init__()
        channels = config.deeplab_ch
        self.backbone = ResNet(config.backbone)
        expansion = _RESNETS[config.backbone][1].expansion
        self.head = named(block=separable_layers(channels + _SKIP_CHANNELS, channels, channels))
        self.skip_project = named(skip_project=conv_bn_relu(64 * expansion, _SKIP_CHANNELS))
        self.aspp = ASPP(512 * expansion, channels, config.aspp_dropout)

    def join(self, low: Tensor, deep: Tensor) -> Tensor:
        """Join layer-1 and layer-4 features to the decoder input (B, channels + 32, H/4, W/4)."""
        skip = self.skip_project(low)
        return torch.cat([resize(self.aspp(deep), height_width(skip)), skip], dim=1)
