"""File forms of the RITM family: dict with config, list of stages, bare f-BRS weights."""

from __future__ import annotations

from reprlib import Repr
from typing import Any

from torch import Tensor

from ..errors import CheckpointError
from .config import DeepLabConfig, HRNetConfig, ModelConfig, build_config

_REPR = Repr()
_REPR.maxstring = _REPR.maxother = 200  # characters of a message

Part = tuple[ModelConfig, dict[str, Tensor]]

_CLASSES: dict[str, type[ModelConfig]] = {
    "isegm.model.is_hrnet_model.HRNetModel": HRNetConfig,
    "isegm.model.is_deeplab_model.DeeplabModel": DeepLabConfig,
}
# Parameters without influence on what a loaded network computes.
_WITHOUT_EFFECT = {"backbone_lr_mult", "cpu_dist_maps"}
_NORM_LAYERS = {
    "torch.nn.modules.batchnorm.BatchNorm2d",
    "torch.nn.modules.batchnorm.SyncBatchNorm",
}


def parse(content: object) -> list[Part]:
    """Return configs and weights of all stages in an unpickled file.

    Raises
    ------
    CheckpointError
        If it has none of the three forms, or an unknown class or parameter.
    """
    if isinstance(content, list):
        if not content:
            raise CheckpointError("it is a list of stages without a stage.")
        return [_parse_stage(stage) for stage in content]
    return [_parse_stage(content)]


def _parse_stage(content: object) -> Part:
    if not isinstance(content, dict):
        raise CheckpointError(
            f"it holds a {type(content).__name__}, expected a dict with 'state_dict' and 'config'."
        )
    if "state_dict" not in content and "config" not in content:
        state = _tensors(content)
        return infer_config(state), state
    if "state_dict" not in content or "config" not in content:
        lacking = "config" if "state_dict" in content else "state_dict"
        raise CheckpointError(f"the entry '{lacking}' is missing; it needs both of the two.")
    return config_from_ritm(content["config"]), _tensors(content["state_dict"])


def _tensors(state: object) -> dict[str, Tensor]:
    if not isinstance(state, dict) or not state:
        raise CheckpointError("it holds no weights.")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise CheckpointError(
                f"the entry {_REPR.repr(key)} is a {type(value).__name__}, expected named weight "
                "tensors."
            )
    return dict(state)


def config_from_ritm(config: object) -> ModelConfig:
    """Read the config from RITM's serialised constructor call, by its own rules.

    An unknown parameter is an error if the caller had set it, and ignored if it was a default.
    """
    if not isinstance(config, dict) or not isinstance(config.get("params"), dict):
        raise CheckpointError("its 'config' lacks 'class' and 'params'.")
    kind = _CLASSES.get(str(config.get("class")))
    if kind is None:
        raise CheckpointError(
            f"it names the class {config.get('class')!r}; known are {', '.join(_CLASSES)}."
        )
    params: dict[str, Any] = {}
    known = kind.__dataclass_fields__
    for name, entry in config["params"].items():
        if not isinstance(entry, dict) or "value" not in entry:
            raise CheckpointError(f"the parameter {name!r} in its 'config' has no value.")
        value = entry["value"]
        if name in known:
            params[name] = value
        elif name == "norm_mean_std":
            params |= _norm_statistics(value)
        elif not _has_no_effect(name, value) and entry.get("specified", True):
            raise CheckpointError(
                f"it was made with {name}={_REPR.repr(value)}, which this program does not know."
            )
    return build_config(kind, params)


def _norm_statistics(value: object) -> dict[str, object]:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise CheckpointError(
            f"its norm_mean_std is {_REPR.repr(value)}, expected means and deviations."
        )
    return {"norm_mean": value[0], "norm_std": value[1]}


def _has_no_effect(name: str, value: object) -> bool:
    if name in _WITHOUT_EFFECT:
        return True
    if name in ("norm_layer", "backbone_norm_layer"):
        return value is None or str(value) in _NORM_LAYERS
    return name == "clicks_groups" and value is None


def infer_config(state: dict[str, Tensor]) -> ModelConfig:
    """Infer the architecture of bare weights (f-BRS, RITM without config) from keys and shapes."""
    keys = state.keys()
    extractor = "feature_extractor."
    if extractor + "stage2.0.branches.0.0.conv1.weight" in keys:
        return HRNetConfig(**_infer_hrnet(state), **_infer_input(state))
    if extractor + "aspp.project.0.weight" in keys:
        return DeepLabConfig(**_infer_deeplab(state), **_infer_input(state))
    raise CheckpointError(
        "it has no config, and its weights are those of no architecture of the RITM family "
        f"(first entries: {', '.join(sorted(keys)[:3])})."
    )


def _infer_hrnet(state: dict[str, Tensor]) -> dict[str, Any]:
    extractor = "feature_extractor."
    down = extractor + "ocr_distri_head.object_context_block.f_down.1.0.bias"
    return {
        "width": _extent(state, extractor + "stage2.0.branches.0.0.conv1.weight"),
        "ocr_width": _extent(state, down) if down in state else 0,
        "small": extractor + "stage4.2.branches.0.0.conv1.weight" not in state,
        "with_aux_output": extractor + "aux_head.3.weight" in state,
    }


def _infer_deeplab(state: dict[str, Tensor]) -> dict[str, Any]:
    extractor = "feature_extractor."
    deep = extractor + "backbone.layer3.22.conv1.weight" in state
    bottleneck = extractor + "backbone.layer1.0.conv3.weight" in state
    return {
        "backbone": "resnet101" if deep else "resnet50" if bottleneck else "resnet34",
        "deeplab_ch": _extent(state, extractor + "aspp.project.0.weight"),
    }


def _extent(state: dict[str, Tensor], key: str, axis: int = 0) -> int:
    """Return the length of a weight along ``axis``."""
    shape = tuple(state[key].shape)
    if axis >= len(shape):
        raise CheckpointError(f"the weight '{key}' has shape {shape}, too few axes for any model.")
    return shape[axis]


def _infer_input(state: dict[str, Tensor]) -> dict[str, Any]:
    """Infer the stem: f-BRS's 1x1 fusion with distance maps, or RITM's Conv1S with disks."""
    if "rgb_conv.2.running_mean" in state:  # batch norm behind the activation
        return {"use_rgb_conv": True, "fbrs_rgb_conv": True, "use_leaky_relu": True}
    if "maps_transform.0.weight" in state:
        prev_mask = _extent(state, "maps_transform.0.weight", axis=1) == 3
        return {
            "use_rgb_conv": False,
            "use_leaky_relu": True,
            "use_disks": True,
            "norm_radius": 5,
            "with_prev_mask": prev_mask,
        }
    raise CheckpointError(
        "it has no config, and how clicks enter the network cannot be told from its weights. "
        "Use the file with 'state_dict' and 'config' as the training wrote it."
    )
