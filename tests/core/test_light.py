"""The light click network: its parts, its sizes, its engines and its file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from predictor_fixtures import bench, red_box
from torch import nn

from core.engine import OpenVinoEngine, TorchEngine
from core.engine.light_graph import build_light_graph
from core.errors import CheckpointError
from core.model import build_model, native
from core.model.arrays import click_points
from core.model.checkpoint import load_checkpoint
from core.model.config import LightConfig, config_from_json
from core.model.light import (
    LightDecoder,
    MobileNetV2Encoder,
    SameConv2d,
    SimilarityGuide,
    guide_maps,
    upsample,
)
from core.predictor import MODES
from core.prompts import Click, Prompts

SMALL = LightConfig(channels=16)
CLICKS = [Click(20, 30, True), Click(40.5, 12.25, False), Click(5, 50, True)]
NO_CLICK = torch.full((1, 2, 3), -1.0)
SIZES = [(64, 64), (65, 97), (33, 400), (17, 31), (16, 16), (15, 40), (3, 200), (1, 1)]


def made(config=SMALL, seed=0):
    """Random weights that keep the signal: logits of some units, which clicks change."""
    torch.manual_seed(seed)
    model = build_model(config)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    with torch.no_grad():
        model.head.weight *= 0.1
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def model():
    return made()


def inputs(height, width, batch=1, *, guided=True):
    rng = np.random.default_rng(height * width)
    image = torch.from_numpy(rng.random((batch, 4, height, width), np.float32))
    image[:, 3] = (image[:, 3] > 0.7).float() * guided
    return image, torch.from_numpy(click_points(CLICKS)).repeat(batch, 1, 1)


def same_padded(image, weight, bias):
    """TensorFlow's SAME of stride 2 for even sides, in NumPy: (C, H, W) -> (C', H / 2, W / 2)."""
    outputs, per_group, _, _ = weight.shape
    height, width = image.shape[1] // 2, image.shape[2] // 2
    padded = np.zeros((image.shape[0], image.shape[1] + 1, image.shape[2] + 1))
    padded[:, :-1, :-1] = image
    result = np.zeros((outputs, height, width))
    groups = image.shape[0] // per_group
    for output in range(outputs):
        first = output // (outputs // groups) * per_group
        for row in range(height):
            for col in range(width):
                seen = padded[first : first + per_group, 2 * row : 2 * row + 3]
                seen = seen[:, :, 2 * col : 2 * col + 3]
                result[output, row, col] = (seen * weight[output]).sum() + bias[output]
    return result


# ------------------------------------------------------------------- parts


def test_it_is_as_large_as_it_claims():
    parameters = sum(p.numel() for p in build_model(LightConfig()).parameters())
    assert parameters == 1_885_250


@pytest.mark.parametrize("groups", [1, 4])
def test_halving_pads_at_the_bottom_and_the_right(groups):
    torch.manual_seed(0)
    conv = SameConv2d(4, 8, groups=groups).double()
    image = torch.randn(1, 4, 10, 14, dtype=torch.float64)
    with torch.no_grad():
        got = conv(image)[0].numpy()
    expected = same_padded(image[0].numpy(), conv.weight.detach().numpy(), conv.bias.detach())
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_taps_lie_at_strides_4_8_16_and_16():
    with torch.no_grad():
        taps = MobileNetV2Encoder(16, 16)(torch.rand(2, 3, 96, 160), torch.zeros(2, 32, 48, 80))
    shapes = [tuple(tap.shape) for tap in taps]
    assert shapes == [(2, 24, 24, 40), (2, 32, 12, 20), (2, 96, 6, 10), (2, 320, 6, 10)]


@pytest.mark.parametrize("size", [(96, 160), (87, 53)])
def test_finer_stages_hold_what_the_coarser_ones_gave(size):
    """The same weights at stride 8: every second row and column is what stride 16 had."""
    torch.manual_seed(0)
    coarse = MobileNetV2Encoder(16, 16)
    example = torch.rand(1, 3, *size), torch.zeros(1, 32, size[0] // 2, size[1] // 2)
    for strides in ((8, 16), (8, 8)):
        fine = MobileNetV2Encoder(*strides)
        fine.load_state_dict(coarse.state_dict())
        with torch.no_grad():
            pairs = zip(fine(*example), coarse(*example), (8, 8, *strides), strict=True)
            for index, (got, expected, stride) in enumerate(pairs):
                kept = got[..., 1::2, 1::2] if index > 1 and stride == 8 else got
                torch.testing.assert_close(kept, expected)


def test_enlarging_keeps_pixel_centres():
    ramp = torch.arange(8.0).repeat(8, 1)[None, None]
    large = upsample(ramp, (32, 32))[0, 0, 0].numpy()
    centres = (np.arange(32) + 0.5) / 4 - 0.5
    np.testing.assert_allclose(large, np.clip(centres, 0, 7), atol=1e-6)


def test_guides_are_clicks_mask_and_what_the_mask_leaves_out():
    maps = torch.zeros(2, 3, 20, 24)
    maps[0, 0, :8, :8] = 1
    maps[:, 1, 3, 17] = 1
    guides = guide_maps(maps)
    assert guides.shape == (2, 4, 3, 3)
    assert guides[0, 0].nonzero().tolist() == [[0, 2]]
    assert guides[0, 1].sum() == 0
    assert guides[0, 2].flatten().tolist() == [1, *[0] * 8]
    assert guides[0, 3].flatten().tolist() == [0, *[1] * 8]
    assert guides[1, 2:].abs().sum() == 0  # without a mask, nothing is left out


def test_a_click_on_a_texture_speaks_for_it_elsewhere():
    likeness = SimilarityGuide(3)
    features = torch.zeros(1, 3, 6, 8)
    features[:, 0, :, :4], features[:, 1, :, 4:] = 2, 5  # two textures
    guides = torch.zeros(1, 4, 6, 8)
    guides[0, 0, 1, 1] = 1
    with torch.no_grad():
        likeness.embed.weight.copy_(torch.eye(3)[..., None, None])
        likeness.embed.bias.zero_()
        likeness.spread.weight.zero_()[:, 0] = 1
        likeness.spread.bias.zero_()
        alike = likeness(features, guides)[0, 0]
        nothing = likeness(features, torch.zeros_like(guides))
    torch.testing.assert_close(alike[:, :4], torch.ones(6, 4))
    torch.testing.assert_close(alike[:, 4:], torch.zeros(6, 4))
    assert nothing.abs().max() == 0


def test_the_decoder_answers_at_stride_4():
    decoder = LightDecoder(8, 16).eval()
    channels, sides = (24, 32, 96, 320), (16, 8, 4, 4)
    fine, low, middle, deep = (
        torch.rand(1, c, s, s + 2) for c, s in zip(channels, sides, strict=True)
    )
    with torch.no_grad():
        x = decoder.join_fine(decoder.join_deep(middle, deep), low, fine, torch.rand(1, 4, 8, 8))
    assert x.shape == (1, 8, 16, 18)


# ------------------------------------------------------------------- the whole


@pytest.mark.parametrize("level", ["A", "B", "C"])
@pytest.mark.parametrize(("height", "width"), [(64, 96), (65, 51)])
def test_all_levels_give_the_same_logits(model, level, height, width):
    image, points = inputs(height, width, 2)
    rgb, maps = model.prepare(image, points)
    low = model.decode(model.encode(rgb, maps, level), level)
    assert low.aux is None
    logits = model.enlarge(low.instances, (height, width))
    assert torch.equal(logits, model(image, points).instances)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_every_size_is_answered(model, height, width):
    logits = model(*inputs(height, width)).instances
    assert logits.shape == (1, 1, height, width)
    assert torch.isfinite(logits).all()


def test_small_images_are_filled_up_not_stretched():
    model = made()
    image, points = inputs(12, 64)
    filled = torch.cat([image, image[:, :, -1:].repeat(1, 1, 4, 1)], dim=2)
    filled[:, 3, 12:] = 0
    expected = model(filled, torch.where(points[..., :1] >= 12, -1, points)).instances
    got = model(image, torch.where(points[..., :1] >= 12, -1, points)).instances
    torch.testing.assert_close(got[:, :, :11], expected[:, :, :11])


def test_images_of_a_batch_do_not_mix(model):
    image, points = inputs(64, 80, 3)
    points[1, 0, :2] = 5
    logits = model(image, points).instances
    for index in range(3):
        alone = model(image[index : index + 1], points[index : index + 1]).instances
        torch.testing.assert_close(logits[index : index + 1], alone, atol=1e-4, rtol=1e-4)


def test_clicks_and_guidance_change_the_answer(model):
    image, points = inputs(64, 80)
    answer = model(image, points).instances
    assert (answer - model(image, points[:, :, [1, 0, 2]]).instances).abs().max() > 0.01
    bare = torch.cat([image[:, :3], torch.zeros(1, 1, 64, 80)], dim=1)
    assert (answer - model(bare, points).instances).abs().max() > 0.01


def test_without_click_and_guidance_logits_and_gradients_are_finite():
    model = made().train().requires_grad_(True)
    image, _ = inputs(64, 64, 2, guided=False)
    logits = model(image, NO_CLICK.expand(2, -1, -1)).instances
    logits.square().mean().backward()
    assert torch.isfinite(logits).all()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert len(gradients) > 100
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


# ------------------------------------------------------------------- engines, BRS, file


STRIDES = [(16, 16), (8, 16), (8, 8)]


def arrays(model):
    return {name: values.numpy() for name, values in model.state_dict().items()}


def graph_engine(model, **options):
    network = build_light_graph(model.config, arrays(model))
    return OpenVinoEngine(model.config, network, lambda: model, **options)


@pytest.fixture(scope="module")
def engines(model):
    return TorchEngine(model, torch.device("cpu")), graph_engine(model, sizes=[(64, 64), (65, 97)])


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_openvino_gives_the_same_logits(engines, height, width, batch):
    image, points = inputs(height, width, batch)
    expected, got = (e.compute_logits(image.numpy(), points.numpy()) for e in engines)
    assert got.shape == expected.shape
    assert got.dtype == np.float32
    assert np.abs(got - expected).max() < 1e-4
    assert np.abs(expected).max() > 0.1


def test_openvino_gives_the_same_without_click_and_guidance(engines):
    image, _ = inputs(64, 64, guided=False)
    expected, got = (e.compute_logits(image.numpy(), NO_CLICK.numpy()) for e in engines)
    assert np.abs(got - expected).max() < 1e-4


@pytest.mark.parametrize("strides", STRIDES)
@pytest.mark.parametrize("changes", [{}, {"binary_prev_mask": True, "norm_mean": (0.1, 0.5, 0.3)}])
def test_openvino_builds_every_light_network(strides, changes):
    config = LightConfig(channels=24, middle_stride=strides[0], deep_stride=strides[1], **changes)
    model = made(config, seed=1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias, 0, 0.3)
    model.maps_transform[-1].scale.fill_(-0.7)
    image, points = inputs(72, 104)
    image[:, 3] *= 0.6
    expected = model(image, points).instances.numpy()
    got = graph_engine(model).compute_logits(image.numpy(), points.numpy())
    assert np.abs(got - expected).max() < 1e-4 * max(1, np.abs(expected).max())


def test_bfloat16_is_near(model):
    image, points = inputs(64, 80)
    expected = model(image, points).instances.numpy()
    engine = graph_engine(model, precision="bf16")
    got = engine.compute_logits(image.numpy(), points.numpy())
    assert engine.name == "openvino-bf16"
    assert np.abs(got - expected).max() < 0.1 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.pop("head.bias"), "Missing: head.bias"),
        (lambda w: w.pop("decoder.lateral.2.1.running_var"), "Missing: decoder.lateral.2.1.runn"),
        (lambda w: w.update({"extra": np.zeros(1)}), "Unexpected: extra"),
        (lambda w: w.update({"head.bias": np.zeros(2)}), r"'head.bias' has shape \(2,\).* \(1,\)"),
        (lambda w: w.update({"head.bias": np.full(1, np.nan)}), "not numbers, in head.bias"),
        (lambda w: w.update({"encoder.stem.bias": np.full(32, np.inf)}), "not numbers, in enc"),
    ],
)
def test_weights_that_do_not_fit_the_graph_are_named(model, change, words):
    weights = arrays(model)
    change(weights)
    with pytest.raises(CheckpointError, match=words):
        build_light_graph(model.config, weights)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "NoBRS"])
def test_brs_brings_the_clicks_nearer_to_what_they_say(mode):
    model = made()
    model.head.weight *= 0.1  # probabilities far from 0 and 1 have gradients to follow
    image = red_box((64, 72), (10, 40), (15, 55))
    clicks = [Click(20, 30, True), Click(50, 60, False)]
    plain, refined = (
        bench(model, image=image, mode=used, zoom=None, flip=False) for used in ("NoBRS", mode)
    )
    before = plain.predictor.predict(Prompts(clicks)).probability
    after = refined.each(clicks)[-1].probability

    def wrong(probability):
        return (1 - probability[20, 30]) + probability[50, 60]

    assert np.isfinite(after).all()
    assert wrong(after) < wrong(before) - 1e-3


def test_the_file_holds_all_of_it(model, tmp_path):
    path = tmp_path / "light.safetensors"
    native.write(path, model, {"threshold": 0.4})
    checkpoint = load_checkpoint(path)
    (loaded,) = checkpoint.stages
    assert loaded.config == model.config == SMALL
    assert checkpoint.metadata["threshold"] == 0.4
    state = model.state_dict()
    assert loaded.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in loaded.state_dict().items())
    example = inputs(40, 50)
    # Tensors that lie elsewhere in memory may be added up in another order.
    torch.testing.assert_close(loaded(*example).instances, model(*example).instances)


def test_files_that_name_no_stride_are_of_16():
    params = {"channels": 16}
    assert config_from_json({"architecture": "light", "params": params}) == SMALL
    with pytest.raises(CheckpointError, match=r"strides 16 \(middle\) and 8 \(deep\)"):
        LightConfig(deep_stride=8)


@pytest.mark.parametrize(
    "change", [{"use_rgb_conv": True}, {"conv_extend": True}, {"with_prev_mask": False}]
)
def test_what_it_cannot_be_is_refused(change):
    with pytest.raises(CheckpointError, match="embeds clicks and previous mask on their own"):
        LightConfig(**change)
    data = {"architecture": "light", "params": change}
    with pytest.raises(CheckpointError, match="embeds clicks"):
        config_from_json(data)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"width": 18}, "Unknown parameter 'width' for the architecture 'light'"),
        ({"channels": "many"}, "'channels' has the value 'many'"),
        ({"channels": 16.5}, "'channels' has the value 16.5"),
    ],
)
def test_unknown_or_unfit_parameters_are_named(params, message):
    with pytest.raises(CheckpointError, match=message):
        config_from_json({"architecture": "light", "params": params})
