"""The light network: its encoder against NumPy, its levels, its file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from core.model.checkpoint import load_checkpoint
from core.model.config import LightConfig
from core.model.light import HalvingConv
from core.model.native import write
from core.model.network import LightModel, build_model
from core.prompts import Click

SMALL = LightConfig(channels=16)


@pytest.fixture(scope="module")
def model() -> LightModel:
    torch.manual_seed(0)
    return build_model(SMALL).eval()


def example(height=64, width=96):
    from core.model.click_maps import points_tensor

    image = torch.rand((1, 4, height, width), generator=torch.Generator().manual_seed(1))
    return image, points_tensor([Click(20, 30, True), Click(40, 60, False)]).float()


def same_padding(pixels, weight, bias):
    """TensorFlow's SAME convolution of stride 2, (H, W, in) and (out, 3, 3, in), in plain NumPy."""
    height, width, _ = pixels.shape
    rows, cols = -(-height // 2), -(-width // 2)
    down, across = (max(0, (n - 1) * 2 + 3 - size) for n, size in ((rows, height), (cols, width)))
    padded = np.pad(
        pixels, ((down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0))
    )
    out = np.empty((rows, cols, len(weight)))
    for row in range(rows):
        for col in range(cols):
            window = padded[2 * row : 2 * row + 3, 2 * col : 2 * col + 3]
            out[row, col] = (weight * window).sum((1, 2, 3)) + bias
    return out


def test_halving_pads_as_tensorflow_does_for_even_sizes():
    torch.manual_seed(0)
    conv = HalvingConv(3, 5)
    x = torch.rand(1, 3, 12, 10)
    weight = conv.weight.detach().permute(0, 2, 3, 1).double().numpy()
    expected = same_padding(x[0].permute(1, 2, 0).double().numpy(), weight, conv.bias.tolist())
    assert np.allclose(conv(x)[0].detach().permute(1, 2, 0).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (71, 50), (256, 256)])
def test_any_size_comes_back(model, size):
    image, points = example(*size)
    with torch.no_grad():
        logits = model(image, points)
    assert logits.instances.shape == (1, 1, *size)
    assert logits.aux is None


def test_levels_agree(model):
    image, points = example()
    with torch.no_grad():
        rgb, maps = model.prepare(image, points)
        decoded = [model.decode(model.encode(rgb, maps, level), level) for level in "ABC"]
    assert torch.allclose(decoded[0].instances, decoded[1].instances, atol=1e-5)
    assert torch.allclose(decoded[0].instances, decoded[2].instances, atol=1e-5)


def test_clicks_and_previous_mask_matter(model):
    image, points = example()
    with torch.no_grad():
        base = model(image, points).instances
        without = model(image, torch.full_like(points, -1)).instances
        bare = image.clone()
        bare[:, 3] = 0
        unguided = model(bare, points).instances
    assert not torch.allclose(base, without)
    assert not torch.allclose(base, unguided)


def test_its_file_is_read_back(model, tmp_path):
    write(tmp_path / "light.safetensors", model, {})
    (read,) = load_checkpoint(tmp_path / "light.safetensors").stages
    assert read.config == SMALL
    image, points = example()
    with torch.no_grad():
        assert torch.equal(read(image, points).instances, model(image, points).instances)


def test_published_size():
    count = sum(p.numel() for p in build_model(LightConfig()).parameters())
    assert 1_800_000 < count < 2_100_000


def test_likeness_without_any_guide_says_nothing(model):
    likeness = model.decoder.likeness
    features = torch.rand(1, 16, 4, 4)
    nothing = likeness(features, torch.zeros(1, 4, 4, 4))
    constant = functional.conv2d(
        torch.zeros(1, 4, 4, 4), likeness.spread.weight, likeness.spread.bias
    )
    assert torch.allclose(nothing, constant)
