"""Click models: image, previous mask and clicks in, logits out (Sofiiuk et al. 2021)."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from .click_maps import Size, disk_maps, distance_maps
from .config import DeepLabConfig, HRNetConfig, LightConfig, ModelConfig
from .deeplab import DeepLab, separable_layers
from .hrnet import HRNet
from .layers import height_width, named, resize
from .light import (
    LightDecoder,
    MobileNetV2Encoder,
    build_light_maps_transform,
    guide_maps,
    pad_to_stride,
    upsample,
)
from .light_layout import STRIDE
from .stem import build_maps_transform, build_rgb_conv

Level = Literal["A", "B", "C"]
"""Where f-BRS modulates features, from early to late."""


class Logits(NamedTuple):
    """``instances`` (B, 1, H, W) and, where the network has it, the auxiliary head's ``aux``."""

    instances: Tensor
    aux: Tensor | None


class ClickModel(nn.Module):
    """Network of the RITM family.

    `forward` runs all of it; `prepare`, `encode` and `decode` are its parts, for engines that run
    the costly part elsewhere and for BRS, which optimises the features between them.
    """

    config: ModelConfig
    norm_mean: Tensor
    norm_std: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        for name in ("norm_mean", "norm_std"):
            # Not in checkpoints: must exist even in a network built on the "meta" device.
            values = torch.tensor(getattr(config, name), device="cpu").view(1, 3, 1, 1)
            self.register_buffer(name, values, persistent=False)
        if config.use_rgb_conv:
            self.rgb_conv = build_rgb_conv(config)
        else:
            light = isinstance(config, LightConfig)
            self.maps_transform = (
                build_light_maps_transform(config) if light else build_maps_transform(config)
            )

    def forward(self, image: Tensor, points: Tensor) -> Logits:
        """Compute the logits at the size of the input.

        Parameters
        ----------
        image
            (B, 3 or 4, H, W) float: RGB in 0..1 and, if the model has ``with_prev_mask``, the
            previous mask (probabilities in 0..1).
        points
            (B, 2P, 3) float, see `core.model.click_maps`.
        """
        rgb, maps = self.prepare(image, points)
        low = self.decode(self.encode(rgb, maps, "A"), "A")
        size = height_width(image)
        aux = low.aux
        if aux is not None and self.config.with_aux_output:
            aux = self.enlarge(aux, size)
        return Logits(self.enlarge(low.instances, size), aux)

    def enlarge(self, logits: Tensor, size: Size) -> Tensor:
        """Enlarge logits from stride 4 to the size of the input."""
        return resize(logits, size)

    def prepare(self, image: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return normalised (B, 3, H, W) RGB, (B, c, H, W) maps: [previous mask,] clicks +, -."""
        rgb = (image[:, :3] - self.norm_mean) / self.norm_std
        maps = self.click_maps(points, height_width(image))
        if self.config.with_prev_mask:
            mask = image[:, 3:]
            if self.config.binary_prev_mask:
                mask = (mask > 0.5).to(mask.dtype)
            maps = torch.cat([mask, maps], dim=1)
        return rgb, maps

    def click_maps(self, points: Tensor, size: Size) -> Tensor:
        """Draw (B, 2, H, W) maps of the positive and the negative clicks."""
        draw = disk_maps if self.config.use_disks else distance_maps
        return draw(points, size, self.config.norm_radius)

    def fuse(self, rgb: Tensor, maps: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the backbone's RGB input, and features to add behind its first layer."""
        if self.config.use_rgb_conv:
            return self.rgb_conv(torch.cat([rgb, maps], dim=1)), None
        return rgb, self.maps_transform(maps)

    @abstractmethod
    def encode(self, rgb: Tensor, maps: Tensor, level: Level) -> tuple[Tensor, ...]:
        """Compute features at ``level`` from `prepare`; f-BRS modulates the first tensor."""

    @abstractmethod
    def decode(self, features: tuple[Tensor, ...], level: Level) -> Logits:
        """Compute logits at stride 4 from features of `encode` at ``level``."""


class HRNetModel(ClickModel):
    """HRNetV2 with or without OCR."""

    def __init__(self, config: HRNetConfig) -> None:
        super().__init__(config)
        self.feature_extractor = HRNet(config)

    def encode(self, rgb: Tensor, maps: Tensor, level: Level) -> tuple[Tensor, ...]:
        """Return A, B: (B, 15w, H/4, W/4) joined branches; C: input of the last convolution."""
        branches = self.feature_extractor.branches(*self.fuse(rgb, maps))
        features = self.feature_extractor.join(branches)
        if level == "C":
            features, _ = self.feature_extractor.context(features)
        return (features,)

    def decode(self, features: tuple[Tensor, ...], level: Level) -> Logits:
        """Compute logits at stride 4 from features at ``level``."""
        (x,) = features
        aux = None
        if level != "C":
            x, aux = self.feature_extractor.context(x)
        return Logits(self.feature_extractor.cls_head(x), aux)


class DeepLabModel(ClickModel):
    """DeepLabV3+ on a ResNet."""

    def __init__(self, config: DeepLabConfig) -> None:
        super().__init__(config)
        self.feature_extractor = DeepLab(config)
        channels = config.deeplab_ch
        self.head = named(layers=separable_layers(channels, channels // 2, 1))

    def encode(self, rgb: Tensor, maps: Tensor, level: Level) -> tuple[Tensor, ...]:
        """Return A: layer-4 and layer-1 outputs; B: decoder input; C: decoder output."""
        low, deep = self.feature_extractor.backbone(*self.fuse(rgb, maps))
        if level == "A":
            return deep, low
        x = self.feature_extractor.join(low, deep)
        return (self.feature_extractor.head(x),) if level == "C" else (x,)

    def decode(self, features: tuple[Tensor, ...], level: Level) -> Logits:
        """Compute logits at stride 4 from features at ``level``."""
        x = features[0]
        if level == "A":
            x = self.feature_extractor.join(features[1], x)
        if level != "C":
            x = self.feature_extractor.head(x)
        return Logits(self.head(x), None)


class LightModel(ClickModel):
    """MobileNetV2 with a light decoder."""

    def __init__(self, config: LightConfig) -> None:
        super().__init__(config)
        self.encoder = MobileNetV2Encoder(config.middle_stride, config.deep_stride)
        self.decoder = LightDecoder(config.channels, config.middle_stride)
        self.head = nn.Conv2d(config.channels, 1, 1)

    def prepare(self, image: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Prepare as `ClickModel` does; pad sides of less than the encoder's stride."""
        rgb, maps = super().prepare(image, points)
        return pad_to_stride(rgb, "replicate"), pad_to_stride(maps, "constant")

    def encode(self, rgb: Tensor, maps: Tensor, level: Level) -> tuple[Tensor, ...]:
        """Return A: the deepest tap and the others; B: both deepest joined; C: decoder output."""
        fine, low, middle, deep = self.encoder(*self.fuse(rgb, maps))
        guides = guide_maps(maps)
        if level == "A":
            return deep, middle, low, fine, guides
        top = self.decoder.join_deep(middle, deep)
        if level == "B":
            return top, low, fine, guides
        return (self.decoder.join_fine(top, low, fine, guides),)

    def decode(self, features: tuple[Tensor, ...], level: Level) -> Logits:
        """Compute logits at stride 4 from features at ``level``."""
        if level == "A":
            deep, middle, *rest = features
            features, level = (self.decoder.join_deep(middle, deep), *rest), "B"
        if level == "B":
            features = (self.decoder.join_fine(*features),)
        return Logits(self.head(features[0]), None)

    def enlarge(self, logits: Tensor, size: Size) -> Tensor:
        """Enlarge logits from stride 4 to the size of the input."""
        height, width = size
        filled = max(height, STRIDE), max(width, STRIDE)
        return upsample(logits, filled)[:, :, :height, :width]


def build_model(config: ModelConfig) -> ClickModel:
    """Build the network of ``config`` with PyTorch's default initial weights."""
    if isinstance(config, HRNetConfig):
        return HRNetModel(config)
    if isinstance(config, DeepLabConfig):
        return DeepLabModel(config)
    if isinstance(config, LightConfig):
        return LightModel(config)
    raise TypeError(f"no network for {type(config).__name__}")
