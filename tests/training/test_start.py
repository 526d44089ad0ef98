"""Starting weights: random, ImageNet, folded arrays, whole models."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from run_fixtures import HRNET, LIGHT, configuration
from torch import nn
from torch.nn import functional

from core.errors import CheckpointError, ConfigError, ModelNotFoundError
from core.model.native import write
from training.build import build
from training.config import Config
from training.start import make_model


def make(model, seed=3, **start):
    values = configuration(Path("data"), model, start=start, run={"seed": seed})
    return make_model(build(Config, values))


def test_random_weights_follow_the_family():
    network = make(HRNET)
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 5000:
            area = module.weight[0, 0].numel()
            fan = (module.in_channels + module.out_channels) * area / 2
            assert module.weight.std().item() == pytest.approx(math.sqrt(2 / fan), rel=0.05)
            assert abs(module.weight.mean().item()) < 0.05 * math.sqrt(2 / fan)
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert (module.bias == 0).all()
    assert network.maps_transform[0].bias.abs().max() == 0
    assert network.maps_transform[3].scale.item() == pytest.approx(0.05)


def test_random_weights_are_those_of_the_seed():
    def same(first, second):
        return all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))

    torch.manual_seed(1)
    first = make(HRNET)
    torch.manual_seed(2)
    assert same(first, make(HRNET))
    assert not same(first, make(HRNET, seed=4))


# ----------------------------------------------------------------------------- ImageNet


def imagenet_file(path: Path, network, **changes) -> Path:
    """A made file with the published names: prefix ``model.``, ``last_layer``, a classifier."""
    state = {
        f"model.{key.replace('aux_head', 'last_layer')}": torch.full_like(value, 0.5)
        for key, value in network.feature_extractor.state_dict().items()
        if not key.startswith(("conv3x3_ocr", "ocr_", "cls_head"))
    }
    torch.save({**state, "model.classifier.weight": torch.zeros(10), **changes}, path)
    return path


def test_imagenet_weights_fill_the_backbone(tmp_path):
    path = imagenet_file(tmp_path / "hrnet.pth", make(HRNET))
    found = make(HRNET, imagenet=str(path)).feature_extractor
    assert (found.conv1.weight == 0.5).all()
    assert (found.stage4[0].branches[3][0].conv1.weight == 0.5).all()
    assert (found.aux_head[0].weight == 0.5).all()
    assert not (found.conv3x3_ocr[0].weight == 0.5).any()


def test_imagenet_files_that_do_not_do(tmp_path):
    network = make(HRNET)
    with pytest.raises(CheckpointError, match=r"absent\.pth\. Download .* clear start\.imagenet"):
        make(HRNET, imagenet=str(tmp_path / "absent.pth"))
    (tmp_path / "noise.pth").write_bytes(b"noise")
    with pytest.raises(CheckpointError, match="damaged"):
        make(HRNET, imagenet=str(tmp_path / "noise.pth"))
    wider = imagenet_file(tmp_path / "wider.pth", make({**HRNET, "width": 6}))
    with pytest.raises(CheckpointError, match="not the backbone of this network"):
        make(HRNET, imagenet=str(wider))
    torch.save({"fc.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="weights are missing"):
        make(HRNET, imagenet=str(tmp_path / "other.pth"))
    path = imagenet_file(tmp_path / "hrnet.pth", network)
    with pytest.raises(ConfigError, match="for HRNet models"):
        make(LIGHT, imagenet=str(path))


# ------------------------------------------------------------------------------- arrays


def plain_forward(arrays, pixels):
    """MobileNetV2 at stride 16 over (H, W, 3) pixels in -1..1, by order of the file alone."""

    def conv(x, number, stride=1, dilation=1):
        deep = f"{number:03d}.DEPTHWISE_CONV_2D.w" in arrays
        kind = "DEPTHWISE_CONV_2D" if deep else "CONV_2D"
        weight = torch.from_numpy(arrays[f"{number:03d}.{kind}.w"].astype(np.float64))
        bias = torch.from_numpy(arrays[f"{number:03d}.{kind}.b"].astype(np.float64))
        weight = weight.permute(3, 0, 1, 2) if deep else weight.permute(0, 3, 1, 2)
        reach = (weight.shape[2] - 1) * dilation
        total = [
            max((math.ceil(size / stride) - 1) * stride + reach + 1 - size, 0)
            for size in x.shape[2:]
        ]
        left, top = total[1] // 2, total[0] // 2
        x = functional.pad(x, (left, total[1] - left, top, total[0] - top))
        groups = len(weight) if deep else 1
        return functional.conv2d(x, weight, bias, stride, 0, dilation, groups)

    def relu6(x):
        return x.clamp(0, 6)

    x = relu6(conv(torch.from_numpy(pixels).permute(2, 0, 1)[None], 0, stride=2))
    x = conv(relu6(conv(x, 1)), 2)
    number = 3
    strides = [2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    for block, stride in enumerate(strides, 1):
        dilation = 2 if block >= 14 else 1
        y = relu6(conv(x, number))
        y = conv(relu6(conv(y, number + 1, stride, dilation)), number + 2)
        x = x + y if y.shape == x.shape else y
        number += 3
    return x


def test_arrays_give_the_published_encoder(shared):
    path = shared / "weights" / "deeplabv3_mnv2_pascal_fp16.npz"
    model = make(LIGHT, arrays=str(path)).eval()
    image = np.random.default_rng(0).random((96, 64, 3))
    rgb = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        scaled = (rgb - model.norm_mean) / model.norm_std
        found = model.encoder(scaled, torch.zeros(1, 32, 48, 32))[-1]
    with np.load(path) as file:
        expected = plain_forward(dict(file), (image * 255 - 128) / 128)
    assert found.shape == (1, 320, 6, 4)
    assert torch.allclose(found.double(), expected, atol=1e-3 * expected.abs().max().item())


def test_arrays_that_do_not_do(tmp_path, shared):
    with pytest.raises(CheckpointError, match="Cannot read the starting weights"):
        make(LIGHT, arrays=str(tmp_path / "absent.npz"))
    np.savez(tmp_path / "few.npz", **{"000.CONV_2D.w": np.zeros((32, 3, 3, 3))})
    with pytest.raises(CheckpointError, match="lacks the convolution 000"):
        make(LIGHT, arrays=str(tmp_path / "few.npz"))
    with np.load(shared / "weights" / "deeplabv3_mnv2_pascal_fp16.npz") as file:
        arrays = dict(file)
    arrays["000.CONV_2D.w"] = arrays["000.CONV_2D.w"][:16]
    np.savez(tmp_path / "narrow.npz", **arrays)
    with pytest.raises(CheckpointError, match="another encoder"):
        make(LIGHT, arrays=str(tmp_path / "narrow.npz"))
    with pytest.raises(ConfigError, match="for light models"):
        make(HRNET, arrays=str(tmp_path / "narrow.npz"))


# ------------------------------------------------------------------------ whole models


def test_any_model_file_is_a_start(tmp_path):
    first = make(LIGHT)
    write(tmp_path / "first.safetensors", first, {})
    found = make(LIGHT, checkpoint=str(tmp_path / "first.safetensors"))
    assert all(map(torch.equal, first.state_dict().values(), found.state_dict().values()))
    assert all(parameter.requires_grad for parameter in found.parameters())
    assert make({}, checkpoint=str(tmp_path / "first.safetensors")).config == first.config
    with pytest.raises(ConfigError, match="channels differ"):
        make({**LIGHT, "channels": 24}, checkpoint=str(tmp_path / "first.safetensors"))


def test_starts_that_are_none(tmp_path):
    with pytest.raises(ModelNotFoundError):
        make(LIGHT, checkpoint=str(tmp_path / "absent.pth"))
    with pytest.raises(ConfigError, match="Only one start is possible"):
        make(LIGHT, checkpoint="a.pth", arrays="b.npz")
    with pytest.raises(ConfigError, match=r"model\.architecture must be one of"):
        make({"architecture": "other"})
