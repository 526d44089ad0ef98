"""The light click network: MobileNetV2 with a small decoder, for laptops without a GPU.

The encoder is MobileNetV2 1.0 (Sandler et al. 2018) at output stride 16, without batch norm: its
initial weights have it folded in. Clicks and previous mask are embedded and added to the
first convolution, as in the RITM family. The decoder sums features of strides 16 (8, where
`LightConfig` says so), 8 and 4 top down; at stride 8 it also compares every cell with the mean
features under the clicks and under the previous mask, so that a click on a texture acts on that
texture elsewhere.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from .config import ModelConfig
from .layers import conv_bn, height_width, separable_conv
from .light_layout import GUIDES, STEM_CHANNELS, STRIDE, TAP_CHANNELS, TAPS, Block, encoder_blocks
from .stem import Scale


def upsample(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (B, C, H, W) bilinearly about pixel centres.

    Not with aligned corners: `SameConv2d` shifts all features by the same part of a cell, which
    the decoder learns; with aligned corners the shift would vary over the image.
    """
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def pad_to_stride(x: Tensor, mode: str) -> Tensor:
    """Pad (B, C, H, W) at the bottom and the right to sides of `STRIDE` or more."""
    height, width = height_width(x)
    missing = max(STRIDE - height, 0), max(STRIDE - width, 0)
    return F.pad(x, (0, missing[1], 0, missing[0]), mode) if any(missing) else x


class SameConv2d(nn.Conv2d):
    """3x3 convolution of stride 2, padded at the bottom and the right as TensorFlow's SAME.

    With dilation 2, every second row and column is the result for every second of the input.
    """

    def __init__(self, inputs: int, outputs: int, groups: int = 1, dilation: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride=2, groups=groups, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H // 2, W // 2)."""
        dilation = self.dilation[0]
        return super().forward(F.pad(x, (dilation - 1, dilation, dilation - 1, dilation)))


class InvertedResidual(nn.Module):
    """1x1 expansion, 3x3 depthwise, 1x1 projection without activation."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        inputs, outputs, stride, dilation, expansion = block
        middle = inputs * expansion
        self.expand = nn.Conv2d(inputs, middle, 1) if expansion > 1 else None
        self.depthwise: nn.Conv2d = (
            SameConv2d(middle, middle, middle, dilation)
            if stride == 2
            else nn.Conv2d(middle, middle, 3, padding=dilation, dilation=dilation, groups=middle)
        )
        self.project = nn.Conv2d(middle, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H // stride, W // stride)."""
        y = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        y = self.project(F.relu6(self.depthwise(y), inplace=True))
        result: Tensor = x + y if self.residual else y
        return result


class MobileNetV2Encoder(nn.Module):
    """MobileNetV2 1.0 with its last stages dilated, at stride 16 or 8."""

    def __init__(self, middle_stride: int, deep_stride: int) -> None:
        super().__init__()
        self.stem = SameConv2d(3, STEM_CHANNELS)
        blocks = map(InvertedResidual, encoder_blocks(middle_stride, deep_stride))
        self.blocks = nn.ModuleList(blocks)

    def forward(self, rgb: Tensor, stem: Tensor) -> list[Tensor]:
        """Compute the features at the four taps; ``stem`` is (B, 32, H // 2, W // 2)."""
        x = F.relu6(self.stem(rgb) + stem, inplace=True)
        taps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in TAPS:
                taps.append(x)
        return taps


class SimilarityGuide(nn.Module):
    """Similarity of every cell to the cells under clicks and previous mask."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(channels, channels, 1)
        self.spread = nn.Conv2d(GUIDES, channels, 1)

    def forward(self, x: Tensor, guides: Tensor) -> Tensor:
        """Compute (B, C, h, w) to add from (B, C, h, w) features and (B, 4, h, w) weights."""
        cells = F.normalize(self.embed(x), dim=1).flatten(2)  # (B, C, h w)
        weights = guides.flatten(2)
        means = weights @ cells.transpose(1, 2)  # (B, 4, C)
        means = F.normalize(means, dim=2, eps=1e-4)  # zero without any weight
        similarity = (means @ cells).reshape(x.shape[0], GUIDES, *height_width(x))
        result: Tensor = self.spread(similarity)
        return result


class LightDecoder(nn.Module):
    """Decoder from taps and guides to features at stride 4."""

    def __init__(self, channels: int, middle_stride: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(
            nn.Sequential(*conv_bn(inputs, channels)) for inputs in TAP_CHANNELS
        )
        self.whole = nn.Conv2d(TAP_CHANNELS[-1], channels, 1)
        self.top = separable_conv(channels, channels, 16 // middle_stride)
        self.middle = separable_conv(channels, channels)
        self.likeness = SimilarityGuide(channels)
        self.compared = separable_conv(channels, channels)
        self.fine = nn.Sequential(*(separable_conv(channels, channels) for _ in range(3)))

    def join_deep(self, middle: Tensor, deep: Tensor) -> Tensor:
        """Join the two deepest features and the mean of the deepest at the middle stride."""
        mean = self.whole(deep.mean(dim=(2, 3), keepdim=True))
        deepest = upsample(self.lateral[3](deep), height_width(middle))
        joined = deepest + self.lateral[2](middle) + mean
        result: Tensor = self.top(F.relu(joined))
        return result

    def join_fine(self, top: Tensor, low: Tensor, fine: Tensor, guides: Tensor) -> Tensor:
        """Join the features of middle stride, 8 and 4; return (B, C, H // 4, W // 4)."""
        x = self.middle(upsample(top, height_width(low)) + self.lateral[1](low))
        x = self.compared(x + self.likeness(x, upsample(guides, height_width(low))))
        result: Tensor = self.fine(upsample(x, height_width(fine)) + self.lateral[0](fine))
        return result


def guide_maps(maps: Tensor) -> Tensor:
    """Pool (B, 3, H, W) previous mask and clicks to (B, 4, ~H / 8, ~W / 8) weights."""
    pooled = F.avg_pool2d(maps, 8, ceil_mode=True)
    mask, clicks = pooled[:, :1], pooled[:, 1:]
    has_mask = (mask.amax(dim=(2, 3), keepdim=True) > 0).to(maps.dtype)
    return torch.cat([clicks, mask, (1 - mask) * has_mask], dim=1)


def build_light_maps_transform(config: ModelConfig) -> nn.Sequential:
    """Build the embedding of (B, 3, H, W) maps as (B, 32, H // 2, W // 2) features."""
    return nn.Sequential(
        nn.Conv2d(config.map_channels, 16, 1),
        nn.LeakyReLU(0.2),
        SameConv2d(16, STEM_CHANNELS),
        Scale(1.0),
    )
