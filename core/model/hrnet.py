"""HRNetV2 (Wang et al. 2020) with the OCR head (Yuan et al. 2020), named as in the RITM family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from .config import HRNetConfig
from .layers import (
    BasicBlock,
    Bottleneck,
    PooledBatchNorm,
    conv_bn,
    conv_bn_relu,
    height_width,
    projection,
    resize,
)

Branches = list[Tensor]


def _downsampling(inputs: int, outputs: int, steps: int) -> nn.Sequential:
    """Build ``steps`` strided 3x3 convolutions; the last changes the channels, without ReLU."""
    inner = [conv_bn_relu(inputs, inputs, 3, stride=2) for _ in range(steps - 1)]
    return nn.Sequential(*inner, nn.Sequential(*conv_bn(inputs, outputs, 3, stride=2)))


class HighResolutionModule(nn.Module):
    """Parallel branches of ``widths[i]`` channels at stride 4 * 2**i, and their exchange."""

    def __init__(self, widths: Sequence[int], blocks: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width, width) for _ in range(blocks))) for width in widths
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(self._fuse_layer(widths, i, j) for j in range(len(widths)))
            for i in range(len(widths))
        )
        self.relu = nn.ReLU(inplace=True)

    @staticmethod
    def _fuse_layer(widths: Sequence[int], to: int, source: int) -> nn.Module:
        if source == to:
            return nn.Identity()
        if source > to:
            return projection(widths[source], widths[to])
        return _downsampling(widths[source], widths[to], steps=to - source)

    def forward(self, branches: Branches) -> Branches:
        """Compute the features of all branches after their exchange."""
        branches = [branch(x) for branch, x in zip(self.branches, branches, strict=True)]
        return [
            self._fuse(cast(nn.ModuleList, layers), i, branches)
            for i, layers in enumerate(self.fuse_layers)
        ]

    def _fuse(self, layers: nn.ModuleList, to: int, branches: Branches) -> Tensor:
        total: Tensor | None = None
        for source, (layer, x) in enumerate(zip(layers, branches, strict=True)):
            part = layer(x)
            if source > to:
                part = resize(part, height_width(branches[to]))
            total = part if total is None else total + part
        result: Tensor = self.relu(total)
        return result


class SpatialGather(nn.Module):
    """Object vector: features averaged over the image, weighted by the soft aux mask."""

    def forward(self, features: Tensor, logits: Tensor) -> Tensor:
        """(B, C, H, W) features and (B, 1, H, W) logits -> (B, C, 1, 1)."""
        weights = torch.softmax(logits.flatten(2), dim=2)
        return torch.matmul(features.flatten(2), weights.transpose(1, 2)).unsqueeze(3)


def _transform(
    inputs: int, outputs: int, steps: int = 1, norm: type[nn.BatchNorm2d] = nn.BatchNorm2d
) -> nn.Sequential:
    """Build 1x1 convolutions with batch norm and ReLU, under the keys of the OCR head."""
    layers: list[nn.Module] = []
    for _ in range(steps):
        conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        layers += [conv, nn.Sequential(norm(outputs), nn.ReLU(inplace=True))]
        inputs = outputs
    return nn.Sequential(*layers)


class ObjectAttention(nn.Module):
    """Weights of OCR's attention.

    With a single class the softmax over objects is 1 everywhere and the gradients of ``f_pixel``
    and ``f_object`` are 0: these exist for the checkpoints only and never run.
    """

    def __init__(self, channels: int, key_channels: int) -> None:
        super().__init__()
        self.f_pixel = _transform(channels, key_channels, steps=2)
        self.f_object = _transform(channels, key_channels, steps=2)
        self.f_down = _transform(channels, key_channels, norm=PooledBatchNorm)
        self.f_up = _transform(key_channels, channels, norm=PooledBatchNorm)

    def forward(self, object_vector: Tensor, size: tuple[int, int]) -> Tensor:
        """Compute the context of a (B, C, 1, 1) object vector, to broadcast over ``size``."""
        context: Tensor = self.f_down(object_vector)
        if self.training:
            # Batch norm's running variance must count pixels, as the published training does.
            context = context.expand(-1, -1, *size)
        result: Tensor = self.f_up(context)
        return result


class SpatialOCR(nn.Module):
    """Features joined with the context of their object."""

    def __init__(self, channels: int, key_channels: int) -> None:
        super().__init__()
        self.object_context_block = ObjectAttention(channels, key_channels)
        self.conv_bn_dropout = nn.Sequential(
            *_transform(2 * channels, channels).children(), nn.Dropout2d(0.05)
        )

    def forward(self, features: Tensor, object_vector: Tensor) -> Tensor:
        """(B, C, H, W) features and (B, C, 1, 1) object vector -> (B, C, H, W)."""
        size = height_width(features)
        context = self.object_context_block(object_vector, size)
        joined = torch.cat([context.expand(-1, -1, *size), features], dim=1)
        result: Tensor = self.conv_bn_dropout(joined)
        return result


class HRNet(nn.Module):
    """The ``feature_extractor`` of RITM's HRNet models, heads included."""

    def __init__(self, config: HRNetConfig) -> None:
        super().__init__()
        width, self.ocr_width = config.width, config.ocr_width
        blocks = 2 if config.small else 4
        widths = [width * 2**i for i in range(4)]
        self.conv1, self.bn1 = conv_bn(3, 64, 3, stride=2)
        self.conv2, self.bn2 = conv_bn(64, 64, 3, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = nn.Sequential(
            Bottleneck(64, 64, downsample=projection(64, 256)),
            *(Bottleneck(256, 64) for _ in range(blocks - 1)),
        )
        self.transition1 = nn.ModuleList(
            [
                conv_bn_relu(256, width, 3),
                nn.Sequential(conv_bn_relu(256, 2 * width, 3, stride=2)),
            ]
        )
        self.stage2 = self._stage(widths[:2], 1, blocks)
        self.transition2 = self._next_branch(widths[:3])
        self.stage3 = self._stage(widths[:3], 3 if config.small else 4, blocks)
        self.transition3 = self._next_branch(widths[:4])
        self.stage4 = self._stage(widths, 2 if config.small else 3, blocks)
        self._build_heads(sum(widths), config.ocr_width)

    @staticmethod
    def _stage(widths: Sequence[int], modules: int, blocks: int) -> nn.Sequential:
        return nn.Sequential(*(HighResolutionModule(widths, blocks) for _ in range(modules)))

    @staticmethod
    def _next_branch(widths: Sequence[int]) -> nn.ModuleList:
        """Build identities for the existing branches, a strided convolution for the new one."""
        new = nn.Sequential(conv_bn_relu(widths[-2], widths[-1], 3, stride=2))
        return nn.ModuleList([*(nn.Identity() for _ in widths[:-1]), new])

    def _build_heads(self, channels: int, ocr_width: int) -> None:
        def head(kernel: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(channels, channels, kernel, padding=kernel // 2),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
                nn.Conv2d(channels, 1, 1),
            )

        if ocr_width == 0:
            self.cls_head: nn.Module = head(3)
            return
        features = 2 * ocr_width
        self.conv3x3_ocr = nn.Sequential(
            nn.Conv2d(channels, features, 3, padding=1),
            nn.BatchNorm2d(features),
            nn.ReLU(inplace=True),
        )
        self.ocr_gather_head = SpatialGather()
        self.ocr_distri_head = SpatialOCR(features, ocr_width)
        self.cls_head = nn.Conv2d(features, 1, 1)
        self.aux_head = head(1)

    def branches(self, rgb: Tensor, stem: Tensor | None) -> Branches:
        """Compute features of ``w * 2**i`` channels at stride 4 * 2**i.

        ``rgb`` is (B, 3, H, W); ``stem`` (B, 64, H/2, W/2) is added behind the first layer.
        """
        x = self.relu(self.bn1(self.conv1(rgb)))
        if stem is not None:
            x = x + stem
        x = self.layer1(self.relu(self.bn2(self.conv2(x))))
        branches = self.stage2([transition(x) for transition in self.transition1])
        branches = self.stage3(self._extend(self.transition2, branches))
        result: Branches = self.stage4(self._extend(self.transition3, branches))
        return result

    @staticmethod
    def join(branches: Branches) -> Tensor:
        """Join all `branches` at stride 4: (B, 15w, H/4, W/4)."""
        size = height_width(branches[0])
        return torch.cat([branches[0], *(resize(x, size) for x in branches[1:])], dim=1)

    @staticmethod
    def _extend(transition: nn.ModuleList, branches: Branches) -> Branches:
        return [*branches, transition[-1](branches[-1])]

    def context(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """Compute the input of ``cls_head`` and the aux logits (None without OCR) from `join`."""
        if self.ocr_width == 0:
            return features, None
        aux = self.aux_head(features)
        pixels = self.conv3x3_ocr(features)
        return self.ocr_distri_head(pixels, self.ocr_gather_head(pixels, aux)), aux
