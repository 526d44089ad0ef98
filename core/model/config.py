"""Parameters of networks of the RITM family, under their published names."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from reprlib import repr as short_repr
from typing import Any, ClassVar

from ..errors import CheckpointError

RESNETS = ("resnet34", "resnet50", "resnet101")
_LARGEST = 1e6  # of any number among the parameters: a file may ask for anything


@dataclass(frozen=True)
class ModelConfig:
    """Parameters that every click network has (RITM's ``ISModel``).

    Attributes
    ----------
    use_rgb_conv
        Fuse clicks with the image by 1x1 convolutions before the backbone; otherwise the click
        maps are embedded on their own and added behind the first convolution ("Conv1S").
    fbrs_rgb_conv
        The older f-BRS order inside ``rgb_conv``: batch norm after the activation.
    conv_extend
        Embed the click maps by a single strided convolution instead of two.
    use_disks, norm_radius
        Clicks as disks of ``norm_radius`` pixels, or as distances scaled by ``norm_radius``.
    with_prev_mask, binary_prev_mask
        Whether a previous mask guides the network, and whether it is thresholded at 0.5 first.
    """

    architecture: ClassVar[str]

    use_rgb_conv: bool = True
    fbrs_rgb_conv: bool = False
    conv_extend: bool = False
    use_leaky_relu: bool = False
    use_disks: bool = False
    norm_radius: float = 260.0
    with_aux_output: bool = False
    with_prev_mask: bool = False
    binary_prev_mask: bool = False
    norm_mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    norm_std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    @property
    def map_channels(self) -> int:
        """Channels beside RGB: previous mask (if any), positive and negative clicks."""
        return 3 if self.with_prev_mask else 2

    def to_json(self) -> dict[str, Any]:
        """Return architecture name and parameters as plain JSON values."""
        return {"architecture": self.architecture, "params": dataclasses.asdict(self)}


@dataclass(frozen=True)
class HRNetConfig(ModelConfig):
    """HRNetV2 of any ``width``, with an OCR head (``ocr_width`` > 0) or without."""

    architecture: ClassVar[str] = "hrnet"

    width: int = 48
    ocr_width: int = 256
    small: bool = False


@dataclass(frozen=True)
class DeepLabConfig(ModelConfig):
    """DeepLabV3+ on a ResNet of output stride 8."""

    architecture: ClassVar[str] = "deeplab"

    backbone: str = "resnet50"
    deeplab_ch: int = 256
    aspp_dropout: float = 0.5

    def __post_init__(self) -> None:
        if self.backbone not in RESNETS:
            raise CheckpointError(
                f"Unknown backbone {self.backbone!r}; known are {', '.join(RESNETS)}."
            )


@dataclass(frozen=True)
class LightConfig(ModelConfig):
    """MobileNetV2 with a decoder of ``channels`` features, see `core.model.light`.

    The defaults are those of its initial weights and its training: pixels scaled to -1..1, clicks
    as disks of 5 pixels, guidance by the previous mask.

    Attributes
    ----------
    middle_stride, deep_stride
        Strides of the encoder's last two stages, 16 or 8. The same weights serve both: at stride 8
        they are dilated, and see as far.
    """

    architecture: ClassVar[str] = "light"

    use_rgb_conv: bool = False
    use_leaky_relu: bool = True
    use_disks: bool = True
    norm_radius: float = 5.0
    with_prev_mask: bool = True
    norm_mean: tuple[float, float, float] = (128 / 255, 128 / 255, 128 / 255)
    norm_std: tuple[float, float, float] = (128 / 255, 128 / 255, 128 / 255)
    channels: int = 64
    middle_stride: int = 16
    deep_stride: int = 16

    def __post_init__(self) -> None:
        strides = self.middle_stride, self.deep_stride
        if strides not in ((16, 16), (8, 16), (8, 8)):
            raise CheckpointError(
                f"A light network cannot have the strides {strides[0]} (middle) and {strides[1]} "
                "(deep); 16 and 16, 8 and 16, or 8 and 8 are possible."
            )
        if self.use_rgb_conv or self.conv_extend or not self.with_prev_mask:
            raise CheckpointError(
                "A light network embeds clicks and previous mask on their own: use_rgb_conv and "
                "conv_extend must be false, with_prev_mask true."
            )


CONFIGS: dict[str, type[ModelConfig]] = {
    kind.architecture: kind for kind in (HRNetConfig, DeepLabConfig, LightConfig)
}


def config_from_json(data: object) -> ModelConfig:
    """Read a config from the form of `ModelConfig.to_json`.

    Raises
    ------
    CheckpointError
        If the architecture or a parameter is unknown, or a value has the wrong type.
    """
    if not isinstance(data, dict) or not isinstance(data.get("params"), dict):
        raise CheckpointError("The model header lacks 'architecture' and 'params'.")
    kind = CONFIGS.get(str(data.get("architecture")))
    if kind is None:
        raise CheckpointError(
            f"Unknown architecture {short_repr(data.get('architecture'))}; known are "
            f"{', '.join(CONFIGS)}. A newer version of this program may know it."
        )
    return build_config(kind, data["params"])


def build_config(kind: type[ModelConfig], params: dict[str, Any]) -> ModelConfig:
    """Build a config of ``kind`` from named values; check names and types."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    values: dict[str, Any] = {}
    for name, value in params.items():
        if name not in fields:
            raise CheckpointError(
                f"Unknown parameter {short_repr(name)} for the architecture {kind.architecture!r}."
            )
        default = fields[name].default
        if not _is_compatible(value, default):
            raise CheckpointError(
                f"Parameter {name!r} has the value {short_repr(value)}, expected the like of "
                f"{default!r}."
            )
        values[name] = tuple(map(float, value)) if isinstance(default, tuple) else value
    return kind(**values)


def _is_compatible(value: object, default: object) -> bool:
    """Return whether any ``value`` has the type and range of ``default``."""
    if isinstance(default, tuple):
        return (
            isinstance(value, (list, tuple))
            and len(value) == len(default)
            and all(map(_is_compatible, value, default))
        )
    if isinstance(default, (bool, str)):
        return type(value) is type(default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    kind_fits = isinstance(value, int) or isinstance(default, float)
    return kind_fits and 0 <= value <= _LARGEST
