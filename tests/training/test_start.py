"""Weights to start from: random, of ImageNet, as arrays, or a whole model."""

from __future__ import annotations

import math
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from run_fixtures import HRNET, LIGHT, configuration
from torch import nn

from core.errors import CheckpointError, ConfigError, ModelNotFoundError
from core.model import native
from core.model.config import CONFIGS, build_config
from core.model.network import build_model
from training.build import build
from training.config import Config
from training.initial_weights import initialise, load_arrays, load_imagenet, make_model

MOBILENET = "weights/mobilenet_v2_1.0_imagenet_fp16.npz"


def config(model, start=None, seed=0) -> Config:
    """A configuration that asks for ``model`` and ``start``."""
    data = configuration(Path("data"), model, run={"seed": seed}, start=start or {})
    return build(Config, data)


def network(params):
    params = dict(params)
    return build_model(build_config(CONFIGS[params.pop("architecture")], params))


def published_names(model) -> dict[str, torch.Tensor]:
    """Weights of the backbone as HRNet's own files name them, other values than the model's."""
    torch.manual_seed(5)
    names = [
        name
        for name in model.feature_extractor.state_dict()
        if re.match(r"conv[12]|bn[12]|layer1|stage|transition|aux_head", name)
    ]
    own = model.feature_extractor.state_dict()
    return {
        name.replace("aux_head", "last_layer"): torch.rand_like(own[name])
        if own[name].is_floating_point()
        else own[name]
        for name in names
    }


# ------------------------------------------------------------------- random


@pytest.mark.parametrize("params", [{**HRNET, "width": 18}, LIGHT], ids=["hrnet", "light"])
def test_random_weights_have_the_spread_of_their_fans(params):
    model = network(params)
    initialise(model, torch.Generator().manual_seed(0))
    light = params is LIGHT
    seen = 0
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            outputs, inputs, *kernel = module.weight.shape
            area = kernel[0] * kernel[1]
            fans = inputs * area if light else (inputs + outputs) / 2 * area
            count = module.weight.numel()
            if count > 2000:
                seen += 1
                expected = np.sqrt(2 / fans)
                assert module.weight.std().item() == pytest.approx(expected, rel=0.08), name
                assert abs(module.weight.mean().item()) < 4 * expected / np.sqrt(count), name
            assert module.bias is None or not module.bias.any()
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert not module.bias.any()
    assert seen > 10


def test_random_weights_are_a_function_of_the_seed():
    first, again, other = (make_model(config(LIGHT, seed=seed)) for seed in (1, 1, 2))
    state = first.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in again.state_dict().items())
    assert not torch.equal(other.head.weight, first.head.weight)


def test_the_scale_of_the_click_features_is_left_alone():
    model = make_model(config(HRNET))
    assert model.maps_transform[-1].scale.item() == pytest.approx(0.05)
    assert all(p.requires_grad for p in model.parameters())


# ------------------------------------------------------------------- of ImageNet


@pytest.mark.parametrize("prefix", ["", "model."])
def test_published_names_find_their_places(tmp_path, prefix):
    model = network(HRNET)
    context = model.feature_extractor.conv3x3_ocr[0].weight.clone()
    weights = published_names(model)
    extra = {"classifier.weight": torch.rand(10, 4), "final_layer.0.bias": torch.rand(3)}
    torch.save({f"{prefix}{k}": v for k, v in {**weights, **extra}.items()}, tmp_path / "w.pth")
    load_imagenet(model, tmp_path / "w.pth")
    loaded = model.feature_extractor.state_dict()
    for name, value in weights.items():
        assert torch.equal(loaded[name.replace("last_layer", "aux_head")], value), name
    assert torch.equal(loaded["conv3x3_ocr.0.weight"], context)


def test_files_older_than_the_count_of_batches_are_read(tmp_path):
    model = network(HRNET)
    weights = published_names(model)
    old = {key: value for key, value in weights.items() if "num_batches_tracked" not in key}
    assert len(old) < len(weights)
    torch.save(old, tmp_path / "w.pth")
    load_imagenet(model, tmp_path / "w.pth")
    assert torch.equal(model.feature_extractor.conv1.weight, weights["conv1.weight"])


def test_the_configuration_leads_to_the_file(tmp_path, monkeypatch):
    weights = published_names(network(HRNET))
    torch.save(weights, tmp_path / "w.pth")
    monkeypatch.setenv("SOME_WEIGHTS", str(tmp_path))
    model = make_model(config(HRNET, {"imagenet": "${SOME_WEIGHTS}/w.pth"}))
    assert torch.equal(model.feature_extractor.conv1.weight, weights["conv1.weight"])


def test_unfit_files_of_imagenet_are_named(tmp_path):
    model, path = network(HRNET), tmp_path / "w.pth"
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(CheckpointError, match=r"There is no file .*w\.pth\. Download"):
        load_imagenet(model, path)
    path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"w\.pth is damaged or no file of weights"):
        load_imagenet(model, path)
    torch.save([1, 2], path)
    with pytest.raises(CheckpointError, match="holds no named weights"):
        load_imagenet(model, path)
    wider = network({**HRNET, "width": 6})
    torch.save(published_names(wider), path)
    with pytest.raises(CheckpointError, match="not the backbone of this network: 0 weights are"):
        load_imagenet(model, path)
    weights = published_names(model)
    del weights["stage2.0.branches.0.0.conv1.weight"]
    torch.save(weights, path)
    with pytest.raises(CheckpointError, match=r"1 weights are missing, 0 .*stage2\.0\.branches"):
        load_imagenet(model, path)
    torch.save({"state_dict": weights, "conv1.weight": 3}, path)
    with pytest.raises(CheckpointError, match="not the backbone"):
        load_imagenet(model, path)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    with pytest.raises(ConfigError, match="for HRNet models"):
        load_imagenet(network(LIGHT), path)


# ------------------------------------------------------------------- arrays


def arrays_of(encoder) -> dict[str, np.ndarray]:
    """Random arrays as an ``.npz`` names and lays them out."""
    rng, arrays = np.random.default_rng(3), {}
    convs = [module for module in encoder.modules() if isinstance(module, nn.Conv2d)]
    for number, conv in enumerate(convs):
        depthwise = conv.groups > 1
        outputs, inputs, height, width = conv.weight.shape
        shape = (1, height, width, outputs) if depthwise else (outputs, height, width, inputs)
        key = f"{number:03d}.{'DEPTHWISE_' if depthwise else ''}CONV_2D"
        arrays[f"{key}.w"] = rng.standard_normal(shape).astype(np.float16)
        arrays[f"{key}.b"] = rng.standard_normal(outputs).astype(np.float16)
        arrays[f"{number:03d}.name"] = np.array("layer")
    return arrays


def test_arrays_find_their_places(tmp_path):
    model = network(LIGHT)
    arrays = arrays_of(model.encoder)
    np.savez(tmp_path / "w.npz", **arrays, **{"051.CONV_2D.w": np.zeros((9, 1, 1, 320))})
    head = model.head.weight.clone()
    load_arrays(model, tmp_path / "w.npz")
    stem, block = model.encoder.stem, model.encoder.blocks[1]
    assert stem.weight[5, 2, 0, 1].item() == arrays["000.CONV_2D.w"][5, 0, 1, 2]
    assert (
        block.depthwise.weight[7, 0, 2, 0].item() == arrays["004.DEPTHWISE_CONV_2D.w"][0, 2, 0, 7]
    )
    assert block.project.bias[3].item() == arrays["005.CONV_2D.b"][3]
    assert torch.equal(model.head.weight, head)
    again = make_model(config(LIGHT, {"arrays": str(tmp_path / "w.npz")}))
    assert torch.equal(again.encoder.stem.weight, stem.weight)
    assert again.encoder.stem.weight.requires_grad


def test_unfit_arrays_are_named(tmp_path):
    model, path = network(LIGHT), tmp_path / "w.npz"
    with pytest.raises(CheckpointError, match=r"Cannot read the starting weights .*w\.npz"):
        load_arrays(model, path)
    for content in (b"PK\x03\x04 nothing", b""):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="Cannot read the starting weights"):
            load_arrays(model, path)
    arrays = arrays_of(model.encoder)
    np.savez(path, **{key: value for key, value in arrays.items() if key != "020.CONV_2D.b"})
    with pytest.raises(CheckpointError, match="lacks the convolution 020"):
        load_arrays(model, path)
    np.savez(path, **{**arrays, "002.CONV_2D.w": np.zeros((24, 1, 1, 32), np.float16)})
    with pytest.raises(CheckpointError, match=r"Convolution 002 .* another encoder"):
        load_arrays(model, path)
    np.savez(path, **{**arrays, "002.CONV_2D.w": np.zeros(16, np.float16)})
    with pytest.raises(CheckpointError, match=r"Convolution 002 .* another encoder"):
        load_arrays(model, path)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(CheckpointError, match="starting weights"):
        load_arrays(model, tmp_path / "one.npy")
    with pytest.raises(ConfigError, match="for light models"):
        load_arrays(network(HRNET), path)


@pytest.mark.parametrize("name", [MOBILENET, "weights/deeplabv3_mnv2_pascal_fp16.npz"])
def test_shared_arrays_fit(shared, name):
    model = make_model(config(LIGHT, {"arrays": str(shared / name)}))
    assert model.encoder.stem.weight.abs().max() > 0.1


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
        x = F.pad(x, (left, total[1] - left, top, total[0] - top))
        groups = len(weight) if deep else 1
        return F.conv2d(x, weight, bias, stride, 0, dilation, groups)

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
    model = make_model(config(LIGHT, {"arrays": str(path)})).eval()
    image = np.random.default_rng(0).random((96, 64, 3))
    rgb = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        scaled = (rgb - model.norm_mean) / model.norm_std
        found = model.encoder(scaled, torch.zeros(1, 32, 48, 32))[-1]
    with np.load(path) as file:
        expected = plain_forward(dict(file), (image * 255 - 128) / 128)
    assert found.shape == (1, 320, 6, 4)
    assert torch.allclose(found.double(), expected, atol=1e-3 * expected.abs().max().item())


@pytest.mark.parametrize(
    ("picture", "label"),
    [("124080.jpg", 985), ("69020.jpg", 104), ("banana1.bmp", 954), ("37073.jpg", 895)],
    ids=["daisy", "kangaroo", "banana", "warplane"],
)
def test_with_shared_arrays_the_encoder_knows_what_it_sees(shared, picture, label):
    """Padding, dilation, ReLU6 and the scale of the input are those of the published network."""
    model = make_model(config(LIGHT, {"arrays": str(shared / MOBILENET)})).eval()
    pixels = cv2.imread(str(shared / "grabcut/data_GT" / picture), cv2.IMREAD_COLOR_RGB)
    small = cv2.resize(pixels, (224, 224), interpolation=cv2.INTER_AREA)
    image = torch.from_numpy(small).permute(2, 0, 1)[None] / 255
    with torch.no_grad(), np.load(shared / MOBILENET) as arrays:
        rgb, _ = model.prepare(F.pad(image, (0, 0, 0, 0, 0, 1)), torch.full((1, 2, 3), -1.0))
        deep = model.encoder(rgb, torch.zeros(1, 32, 112, 112))[-1]
        weights = [
            (
                torch.from_numpy(arrays[f"{number:03d}.CONV_2D.w"][:, 0, 0].astype(np.float32)),
                torch.from_numpy(arrays[f"{number:03d}.CONV_2D.b"].astype(np.float32)),
            )
            for number in (51, 52)
        ]
        places = deep[0].flatten(1).T
        features = F.relu6(F.linear(places, *weights[0])).mean(dim=0)
        scores = F.linear(features, *weights[1])
    assert scores.argmax().item() - 1 == label  # 0 is "none of them"


# ------------------------------------------------------------------- whole models


def test_a_whole_model_goes_on(tmp_path):
    original = make_model(config(LIGHT, seed=9))
    path = tmp_path / "m.safetensors"
    native.write(path, original, {})
    for params in (LIGHT, {}):
        model = make_model(config(params, {"checkpoint": str(path)}))
        state = original.state_dict()
        assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
        assert all(p.requires_grad for p in model.parameters())
    with pytest.raises(ConfigError, match="another network than 'model' describes: channels"):
        make_model(config({**LIGHT, "channels": 8}, {"checkpoint": str(path)}))


def test_a_light_network_goes_on_at_finer_strides(tmp_path):
    original = make_model(config(LIGHT, seed=9))
    path = tmp_path / "m.safetensors"
    native.write(path, original, {})
    model = make_model(config({"middle_stride": 8}, {"checkpoint": str(path)}))
    assert (model.config.middle_stride, model.config.deep_stride) == (8, 16)
    assert model.config.channels == original.config.channels
    state = original.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert all(p.requires_grad for p in model.parameters())


def test_unclear_starts_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="Only one start is possible"):
        make_model(config(LIGHT, {"checkpoint": "a", "arrays": "b"}))
    with pytest.raises(ConfigError, match="architecture must be one of hrnet, deeplab, light"):
        make_model(config({"channels": 8}))
    with pytest.raises(CheckpointError, match="Unknown parameter"):
        make_model(config({**LIGHT, "width": 8}))
    with pytest.raises(ModelNotFoundError):
        make_model(config(LIGHT, {"checkpoint": str(tmp_path / "absent.pth")}))
