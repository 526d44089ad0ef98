"""The rearranged network computes what the plain one does; engines hand out its logits."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from goldens import CONFIGS, deeplab, fill_with_recipe, hrnet
from tiny import TINY, tiny_model

from core.engine import TorchEngine
from core.engine.fused import FusedNetwork, SplitConv, _fuse
from core.model import ClickModel, HRNetConfig, build_model
from core.model.checkpoint import load_checkpoint

POINTS = torch.tensor([[[10.0, 20, 0], [25, 31.5, 2], [5, 5, 1], [-1, -1, -1]]])


def prepared(model: ClickModel, size=(33, 65), batch=1):
    """What `ClickModel.prepare` makes of a random image and mask."""
    torch.manual_seed(3)
    image = torch.rand(batch, 4 if model.config.with_prev_mask else 3, *size)
    return model.prepare(image, POINTS.expand(batch, -1, -1))


def plain(model: ClickModel, rgb, maps) -> torch.Tensor:
    return model.decode(model.encode(rgb, maps, "A"), "A").instances


def assert_same(result, expected):
    """Equal but for rounding, measured against the spread of the logits."""
    scale = max(1.0, expected.std().item() if expected.numel() > 1 else 1.0)
    assert result.shape == expected.shape
    assert (result - expected).abs().max().item() < 1e-4 * scale


@pytest.fixture(scope="module")
def recipe():
    """Published networks with the weights of the goldens, each made once."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = fill_with_recipe(build_model(CONFIGS[name]))
        return made[name]

    return get


# --- the whole network ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [(96, 128), (97, 131), (33, 65), (64, 40)])
def test_lean_logits_of_the_small_published_network(recipe, size):
    model = recipe("h18s")
    inputs = prepared(model, size)
    assert_same(FusedNetwork(model)(*inputs), plain(model, *inputs))


@pytest.mark.parametrize("name", ["h18", "h18_baseline"])
def test_lean_logits_of_published_networks(recipe, name):
    model = recipe(name)
    inputs = prepared(model)
    assert_same(FusedNetwork(model)(*inputs), plain(model, *inputs))


@pytest.mark.parametrize("name", ["h18s_rand", "h18s_warm"])
def test_lean_logits_match_the_research_code(shared, parity_checkpoints, name):
    (model,) = load_checkpoint(parity_checkpoints[name]).stages
    fixture = np.load(shared / "parity" / f"net_{name}.npz")
    image = torch.from_numpy(fixture["image_u8_1x3x240x320"]).float() / 255
    image = torch.cat([image, torch.from_numpy(fixture["prev_mask"])], dim=1)
    low = FusedNetwork(model)(*model.prepare(image, torch.from_numpy(fixture["points"])))
    logits = F.interpolate(low, (240, 320), mode="bilinear", align_corners=True)
    assert np.abs(logits.numpy() - fixture["logits"]).max() < 1e-3


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        hrnet(3, 5, small=True, with_prev_mask=False),
        hrnet(2, 2, small=True, conv_extend=True),
        HRNetConfig(width=2, ocr_width=3, small=True),
        HRNetConfig(width=2, ocr_width=3, small=True, use_leaky_relu=True, fbrs_rgb_conv=True),
    ],
    ids=["tiny", "no-mask", "extend", "rgb", "fbrs"],
)
@pytest.mark.parametrize("size", [(33, 65), (40, 40), (7, 5), (1, 1)])
def test_lean_logits_of_every_stem_and_size(config, size):
    model = tiny_model(config)
    inputs = prepared(model, size)
    assert_same(FusedNetwork(model)(*inputs), plain(model, *inputs))


def test_batches(recipe):
    model = recipe("h18s")
    inputs = prepared(model, batch=3)
    lean = FusedNetwork(model)
    together = lean(*inputs)
    assert_same(together, plain(model, *inputs))
    alone = torch.cat([lean(*(x[i : i + 1] for x in inputs)) for i in range(3)])
    assert_same(together, alone)


@pytest.mark.parametrize(
    "config",
    [hrnet(2, 0, small=True, with_aux_output=False), deeplab("resnet34", 4)],
    ids=["no-ocr", "deeplab"],
)
def test_networks_without_ocr_pass_through(config):
    model = tiny_model(config)
    lean = FusedNetwork(model)
    assert lean.heads is None
    inputs = prepared(model)
    assert torch.equal(lean(*inputs), plain(model, *inputs))


def test_the_plain_network_is_left_as_it_was():
    model = tiny_model()
    inputs = prepared(model)
    before, state = plain(model, *inputs), {k: t.clone() for k, t in model.state_dict().items()}
    lean = FusedNetwork(model)
    lean(*inputs)
    assert all(torch.equal(tensor, state[key]) for key, tensor in model.state_dict().items())
    assert torch.equal(plain(model, *inputs), before)


NETWORK = "feature_extractor."
JOINED = NETWORK + "ocr_distri_head.conv_bn_dropout."
BLOCK = NETWORK + "ocr_distri_head.object_context_block."


@pytest.mark.parametrize(
    "key",
    [
        NETWORK + "conv3x3_ocr.0.weight",
        NETWORK + "conv3x3_ocr.1.running_mean",
        NETWORK + "aux_head.0.weight",
        NETWORK + "aux_head.1.running_var",
        NETWORK + "aux_head.3.weight",
        BLOCK + "f_down.1.0.bias",
        BLOCK + "f_up.1.0.bias",
        JOINED + "0.weight",
        JOINED + "1.0.bias",
        NETWORK + "cls_head.weight",
        NETWORK + "cls_head.bias",
    ],
)
def test_all_weights_of_the_heads_count(recipe, key):
    """What changes the plain logits changes the lean ones, by the same amount."""
    model = copy.deepcopy(recipe("h18s"))
    inputs = prepared(model, (40, 40))
    before = plain(model, *inputs)
    tensor = model.state_dict()[key]
    tensor.add_(0.1 * torch.rand(tensor.shape) + 0.1)
    expected = plain(model, *inputs)
    change = (expected - before).abs().max()
    assert change > 1e-4
    assert (FusedNetwork(model)(*inputs) - expected).abs().max() < 0.05 * change


# --- its convolution ------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("size", [(24, 32), (25, 33), (9, 17), (3, 2), (1, 1)])
def test_split_convolution_is_the_convolution_of_enlarged_branches(kernel, size):
    torch.manual_seed(4)
    widths = [2, 4, 8, 16]
    weight, bias = torch.randn(5, sum(widths), kernel, kernel), torch.randn(5)
    branches = [
        torch.randn(2, width, *(-(-side // 2**i) for side in size))
        for i, width in enumerate(widths)
    ]
    enlarged = [F.interpolate(x, size, mode="bilinear", align_corners=True) for x in branches]
    expected = F.conv2d(torch.cat(enlarged, dim=1), weight, bias, padding=kernel // 2)
    result = SplitConv(weight, bias, widths)(branches)
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4)


def test_split_convolution_has_nothing_to_learn():
    conv = SplitConv(torch.randn(5, 30, 3, 3), torch.randn(5), [2, 4, 8, 16])
    assert not any(p.requires_grad for p in conv.parameters())


def test_folding_a_batch_norm_into_its_convolution():
    torch.manual_seed(5)
    conv, norm = torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    torch.nn.init.uniform_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = torch.randn(2, 3, 5, 6)
    weight, bias = _fuse(conv, norm)
    torch.testing.assert_close(F.conv2d(x, weight, bias), norm.eval()(conv(x)))


@pytest.mark.parametrize("pair", [(torch.nn.ReLU(), torch.nn.BatchNorm2d(4)),
                                  (torch.nn.Conv2d(3, 4, 1), torch.nn.ReLU())])  # fmt: skip
def test_only_a_convolution_and_its_batch_norm_can_be_folded(pair):
    with pytest.raises(TypeError, match="expected a convolution and its batch norm"):
        _fuse(*pair)


# --- the PyTorch engine ---------------------------------------------------------------------


@pytest.mark.parametrize("config", [TINY, deeplab("resnet34", 4)], ids=["hrnet", "deeplab"])
@pytest.mark.parametrize("size", [(33, 65), (40, 48)])
def test_engine_logits_are_those_of_the_network(config, size):
    model = tiny_model(config)
    engine = TorchEngine(model, torch.device("cpu"))
    torch.manual_seed(6)
    image = torch.rand(2, config.map_channels + 1, *size)
    points = POINTS.expand(2, -1, -1)
    logits = engine.compute_logits(image.numpy(), points.numpy())
    assert logits.shape == (2, 1, *size)
    np.testing.assert_array_equal(logits, model(image, points).instances.numpy())


def test_engine_runs_without_gradients():
    model = tiny_model().requires_grad_(True)
    engine = TorchEngine(model, torch.device("cpu"))
    logits = engine.compute_logits(np.zeros((1, 4, 33, 65), np.float32), POINTS.numpy())
    assert isinstance(logits, np.ndarray)


def test_engine_tells_its_name_network_and_device():
    model = tiny_model()
    engine = TorchEngine(model, torch.device("cpu"))
    assert (engine.name, engine.model, engine.device.type) == ("torch", model, "cpu")
    assert engine.config == model.config
