"""Networks: numbers of the research code, names in checkpoints, and how the parts fit together."""

from __future__ import annotations

import copy
import dataclasses
import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from goldens import (
    CONFIGS,
    GOLDEN_POINTS,
    deeplab,
    fill_with_recipe,
    golden_image,
    golden_prev_mask,
    hrnet,
)
from tiny import TINY, tiny_model

from core.errors import CheckpointError
from core.model import HRNetConfig, ModelConfig, build_model
from core.model.checkpoint import load_checkpoint
from core.model.config import DeepLabConfig, build_config, config_from_json

EXTRACTOR = "feature_extractor."
OCR = EXTRACTOR + "ocr_distri_head.object_context_block."


@functools.cache
def skeleton(config: ModelConfig):
    """The network without storage: names and shapes only."""
    with torch.device("meta"):
        return build_model(config)


def golden_input(config: ModelConfig) -> torch.Tensor:
    """(1, 3 or 4, 96, 128) image of the goldens, with its mask if the network takes one."""
    image = torch.from_numpy(golden_image()).permute(2, 0, 1)[None].float() / 255
    if config.with_prev_mask:
        image = torch.cat([image, torch.from_numpy(golden_prev_mask())[None, None]], dim=1)
    return image


def random_input(config: ModelConfig, size=(33, 65), batch=1, seed=0) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.rand(batch, 4 if config.with_prev_mask else 3, *size)


def clicks_at(*places, batch=1) -> torch.Tensor:
    """Positive clicks, for each sample the same, and a negative one at (2, 3)."""
    negative = [(2, 3, len(places))] + [(-1, -1, -1)] * (len(places) - 1)
    rows = [(row, col, i) for i, (row, col) in enumerate(places)] + negative
    return torch.tensor([rows] * batch, dtype=torch.float32)


@pytest.fixture(scope="module")
def recipe():
    """Networks by name with the weights of the goldens, each made once."""
    made = {}

    def get(name: str):
        if name not in made:
            made[name] = fill_with_recipe(build_model(CONFIGS[name]))
        return made[name]

    return get


# --- numbers of the research code -----------------------------------------------------------


def test_the_golden_image_is_the_published_one():
    image = golden_image()
    assert image.shape == (96, 128, 3)
    assert image[0, 0].tolist() == [127, 127, 127]
    assert image[50, 60].tolist() == [247, 180, 15]
    assert image.sum() == 4_707_863


# Mean, standard deviation, minimum, maximum, and the values at [0, 0], [40, 60] and [95, 127].
GOLDENS = [
    (
        "h18s",
        "instances",
        (-0.976366, 0.182398, -1.27768, -0.292438, -0.692235, -1.17947, -0.945414),
    ),
    ("h18s", "aux", (-0.102421, 0.316546, -0.972529, 0.753644, 0.372658, -0.302259, -0.61143)),
    ("h18", "instances", (-1.46669, 0.611839, -4.12979, 0.47036, -1.93217, -1.40263, -4.12979)),
    ("h18", "aux", (-7.3045, 2.94326, -14.1747, -1.17645, -1.28756, -7.71974, -10.9498)),
    ("h32", "instances", (-8.58284, 1.59455, -10.5405, -1.41609, -2.77405, -10.109, -1.41609)),
    ("h32", "aux", (23.8295, 4.60602, 9.89947, 29.7577, 11.3489, 29.4112, 9.89947)),
    (
        "h18_baseline",
        "instances",
        (-1.45325, 0.616139, -4.11009, 0.480237, -1.93128, -1.49796, -4.11009),
    ),
    (
        "r34",
        "instances",
        (0.00617763, 0.0985389, -0.298454, 0.306396, 0.201185, -0.105824, -0.0249755),
    ),
    (
        "r34_prev",
        "instances",
        (0.00516177, 0.0988014, -0.362818, 0.310737, 0.200831, -0.137953, -0.0253327),
    ),
    ("default", "instances", (-8.02472, 1.6114, -10.5458, -2.34046, -3.61977, -9.07041, -2.34046)),
]


@pytest.fixture(scope="module")
def golden_logits(recipe):
    """Logits of the golden input by name of the network."""
    made = {}

    def get(name: str):
        if name not in made:
            model = recipe(name)
            made[name] = model(golden_input(model.config), GOLDEN_POINTS)
        return made[name]

    return get


@pytest.mark.parametrize(
    ("name", "output", "expected"), GOLDENS, ids=[f"{name}-{output}" for name, output, _ in GOLDENS]
)
def test_logits_of_recipe_weights(golden_logits, name, output, expected):
    logits = getattr(golden_logits(name), output)
    assert logits.shape == (1, 1, 96, 128)
    x = logits[0, 0].numpy().astype(np.float64)
    actual = (x.mean(), x.std(), x.min(), x.max(), x[0, 0], x[40, 60], x[95, 127])
    assert actual == pytest.approx(expected, rel=1e-4, abs=1e-4 * expected[1])


def test_without_clicks_and_mask(recipe):
    model = recipe("h18")
    image = golden_input(model.config)
    image[:, 3] = 0
    logits = model(image, torch.full((1, 2, 3), -1.0)).instances[0, 0]
    assert logits[40, 60].item() == pytest.approx(-1.50117, rel=1e-4)
    assert logits.mean().item() == pytest.approx(-1.45567, rel=1e-4)


def test_the_recipe_is_sensitive_to_clicks_and_mask(golden_logits, recipe):
    model = recipe("h18s")
    image = golden_input(model.config)
    expected = golden_logits("h18s").instances
    no_mask = image.clone()
    no_mask[:, 3] = 0
    swapped = GOLDEN_POINTS[:, [3, 4, 5, 0, 1, 2]]
    for other in (model(no_mask, GOLDEN_POINTS), model(image, swapped)):
        assert (other.instances - expected).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["h18s_rand", "h18s_warm"])
def test_checkpoints_of_the_research_code_compute_the_same(shared, parity_checkpoints, name):
    (model,) = load_checkpoint(parity_checkpoints[name]).stages
    assert model.config == CONFIGS["h18s"]
    fixture = np.load(shared / "parity" / f"net_{name}.npz")
    image = torch.from_numpy(fixture["image_u8_1x3x240x320"]).float() / 255
    image = torch.cat([image, torch.from_numpy(fixture["prev_mask"])], dim=1)
    points = torch.from_numpy(fixture["points"])
    _, maps = model.prepare(image, points)
    assert np.array_equal(maps.numpy(), fixture["coord_features"])
    logits = model(image, points)
    assert np.abs(logits.instances.numpy() - fixture["logits"]).max() < 1e-3
    assert np.abs(logits.aux.numpy() - fixture["logits_aux"]).max() < 1e-3


# --- size and names -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "numbers", "learnable", "keys", "norms", "convs"),
    [
        ("h18s", 4_220_047, 470, 929, 153, 157),
        ("h18", 10_032_019, 953, 1895, 314, 318),
        ("h32", 30_951_363, 953, 1895, 314, 318),
        ("h18_baseline", 10_032_003, 953, 1895, 314, 318),
        ("h18_no_ocr", 10_228_786, 926, 1844, 306, 309),
        ("default", 70_350_557, 954, 1899, 315, 318),
        ("r34", 23_350_930, 154, 295, 47, 55),
        ("r34_prev", 23_350_946, 154, 295, 47, 55),
        ("r50", 39_448_722, 211, 409, 66, 74),
        ("r101", 58_440_850, 364, 715, 117, 125),
    ],
)
def test_published_counts(name, numbers, learnable, keys, norms, convs):
    model = skeleton(CONFIGS[name])
    state = model.state_dict()
    kinds = [type(module) for module in model.modules()]
    assert sum(p.numel() for p in model.parameters()) == numbers
    assert len(list(model.parameters())) == learnable
    assert len(state) == keys
    assert sum(key.endswith("num_batches_tracked") for key in state) == norms
    assert sum(issubclass(kind, torch.nn.BatchNorm2d) for kind in kinds) == norms
    assert kinds.count(torch.nn.Conv2d) == convs


@pytest.mark.parametrize(
    ("part", "numbers"),
    [
        ("layer1", 286_208),
        ("stage2", 124_092),
        ("stage3", 2_162_880),
        ("stage4", 6_708_636),
        ("conv3x3_ocr", 311_424),
        ("ocr_distri_head", 74_880),
        ("aux_head", 73_981),
        ("cls_head", 129),
        ("transition1", 124_524),
        ("transition2", 23_472),
        ("transition3", 93_600),
    ],
)
def test_parameters_are_split_as_published(part, numbers):
    module = skeleton(CONFIGS["h18"]).feature_extractor.get_submodule(part)
    assert sum(p.numel() for p in module.parameters()) == numbers


@functools.cache
def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in skeleton(config).state_dict().items()}


NORM = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


def below(keys, prefix: str) -> set[str]:
    """What follows ``prefix.`` in keys."""
    return {key.removeprefix(prefix + ".") for key in keys if key.startswith(prefix + ".")}


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("conv1.weight", (64, 3, 3, 3)),
        ("conv2.weight", (64, 64, 3, 3)),
        ("bn2.running_var", (64,)),
        ("layer1.0.conv1.weight", (64, 64, 1, 1)),
        ("layer1.0.downsample.0.weight", (256, 64, 1, 1)),
        ("layer1.0.downsample.1.weight", (256,)),
        ("layer1.3.conv1.weight", (64, 256, 1, 1)),
        ("layer1.3.conv2.weight", (64, 64, 3, 3)),
        ("layer1.3.conv3.weight", (256, 64, 1, 1)),
        ("transition1.0.0.weight", (18, 256, 3, 3)),
        ("transition1.0.1.bias", (18,)),
        ("transition1.1.0.0.weight", (36, 256, 3, 3)),
        ("transition2.2.0.0.weight", (72, 36, 3, 3)),
        ("transition3.3.0.0.weight", (144, 72, 3, 3)),
        ("stage2.0.branches.1.3.conv2.weight", (36, 36, 3, 3)),
        ("stage3.3.branches.2.0.bn1.weight", (72,)),
        ("stage4.2.branches.3.3.conv1.weight", (144, 144, 3, 3)),
        ("stage2.0.fuse_layers.0.1.0.weight", (18, 36, 1, 1)),
        ("stage4.2.fuse_layers.0.3.0.weight", (18, 144, 1, 1)),
        ("stage4.2.fuse_layers.0.3.1.running_mean", (18,)),
        ("stage4.0.fuse_layers.3.0.0.0.weight", (18, 18, 3, 3)),
        ("stage4.0.fuse_layers.3.0.1.0.weight", (18, 18, 3, 3)),
        ("stage4.0.fuse_layers.3.0.2.0.weight", (144, 18, 3, 3)),
        ("stage4.0.fuse_layers.3.2.0.0.weight", (144, 72, 3, 3)),
        ("conv3x3_ocr.0.weight", (128, 270, 3, 3)),
        ("conv3x3_ocr.0.bias", (128,)),
        ("ocr_distri_head.object_context_block.f_pixel.0.weight", (64, 128, 1, 1)),
        ("ocr_distri_head.object_context_block.f_pixel.2.weight", (64, 64, 1, 1)),
        ("ocr_distri_head.object_context_block.f_object.3.0.running_mean", (64,)),
        ("ocr_distri_head.object_context_block.f_down.0.weight", (64, 128, 1, 1)),
        ("ocr_distri_head.object_context_block.f_up.0.weight", (128, 64, 1, 1)),
        ("ocr_distri_head.object_context_block.f_up.1.0.weight", (128,)),
        ("ocr_distri_head.conv_bn_dropout.0.weight", (128, 256, 1, 1)),
        ("ocr_distri_head.conv_bn_dropout.1.0.weight", (128,)),
        ("cls_head.weight", (1, 128, 1, 1)),
        ("cls_head.bias", (1,)),
        ("aux_head.0.weight", (270, 270, 1, 1)),
        ("aux_head.3.weight", (1, 270, 1, 1)),
        ("aux_head.3.bias", (1,)),
    ],
)
def test_hrnet_keys(key, shape):
    assert shapes(CONFIGS["h18"])[EXTRACTOR + key] == shape


def test_hrnet_has_no_other_kinds_of_keys():
    keys = shapes(CONFIGS["h18"])
    assert {key.split(".")[0] for key in keys} == {"maps_transform", "feature_extractor"}
    assert {key.split(".")[1] for key in keys if key.startswith(EXTRACTOR)} == {
        *("conv1", "bn1", "conv2", "bn2", "layer1", "transition1", "transition2", "transition3"),
        *("stage2", "stage3", "stage4", "conv3x3_ocr", "ocr_distri_head", "cls_head", "aux_head"),
    }
    assert below(keys, EXTRACTOR + "transition2.2.0.1") == NORM
    assert not below(keys, EXTRACTOR + "transition2.0")
    assert not below(keys, EXTRACTOR + "stage3.0.fuse_layers.1.1")
    # Convolutions in the backbone have no bias.
    assert EXTRACTOR + "stage3.0.branches.0.0.conv1.bias" not in keys


def test_the_small_hrnet_has_fewer_modules_and_blocks():
    keys = shapes(CONFIGS["h18s"])
    stages = {
        stage: {key.split(".")[2] for key in keys if key.startswith(f"{EXTRACTOR}{stage}.")}
        for stage in ("stage2", "stage3", "stage4")
    }
    assert {stage: len(modules) for stage, modules in stages.items()} == {
        "stage2": 1,
        "stage3": 3,
        "stage4": 2,
    }
    blocks = {key.split(".")[5] for key in keys if key.startswith(EXTRACTOR + "stage4.0.branches")}
    assert blocks == {"0", "1"}


def test_without_ocr_the_last_head_is_larger_and_the_ocr_keys_are_gone():
    keys = shapes(CONFIGS["h18_no_ocr"])
    assert keys[EXTRACTOR + "cls_head.0.weight"] == (270, 270, 3, 3)
    assert keys[EXTRACTOR + "cls_head.3.weight"] == (1, 270, 1, 1)
    assert not [key for key in keys if "ocr" in key or "aux" in key]


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        (EXTRACTOR + "backbone.conv1.weight", (64, 3, 7, 7)),
        (EXTRACTOR + "backbone.layer1.2.conv2.weight", (64, 64, 3, 3)),
        (EXTRACTOR + "backbone.layer2.0.downsample.0.weight", (128, 64, 1, 1)),
        (EXTRACTOR + "backbone.layer3.5.bn2.running_mean", (256,)),
        (EXTRACTOR + "backbone.layer4.0.downsample.1.bias", (512,)),
        (EXTRACTOR + "head.block.0.body.0.weight", (160, 1, 3, 3)),
        (EXTRACTOR + "head.block.0.body.1.weight", (128, 160, 1, 1)),
        (EXTRACTOR + "head.block.1.body.2.running_var", (128,)),
        (EXTRACTOR + "head.block.2.weight", (128, 128, 1, 1)),
        (EXTRACTOR + "head.block.2.bias", (128,)),
        (EXTRACTOR + "skip_project.skip_project.0.weight", (32, 64, 1, 1)),
        (EXTRACTOR + "skip_project.skip_project.1.weight", (32,)),
        (EXTRACTOR + "aspp.concurent.0.0.weight", (128, 512, 1, 1)),
        (EXTRACTOR + "aspp.concurent.3.0.weight", (128, 512, 3, 3)),
        (EXTRACTOR + "aspp.concurent.4.gap.1.weight", (128, 512, 1, 1)),
        (EXTRACTOR + "aspp.concurent.4.gap.2.weight", (128,)),
        (EXTRACTOR + "aspp.project.0.weight", (128, 640, 1, 1)),
        ("head.layers.0.body.1.weight", (64, 128, 1, 1)),
        ("head.layers.1.body.0.weight", (64, 1, 3, 3)),
        ("head.layers.2.weight", (1, 64, 1, 1)),
        ("head.layers.2.bias", (1,)),
    ],
)
def test_deeplab_keys(key, shape):
    assert shapes(CONFIGS["r34"])[key] == shape


@pytest.mark.parametrize(("name", "last"), [("r50", 5), ("r101", 22)])
def test_deep_resnets_have_a_deep_stem_and_bottlenecks(name, last):
    keys = shapes(CONFIGS[name])
    backbone = EXTRACTOR + "backbone."
    for index, shape in ((0, (64, 3, 3, 3)), (3, (64, 64, 3, 3)), (6, (128, 64, 3, 3))):
        assert keys[f"{backbone}conv1.{index}.weight"] == shape
    assert below(keys, backbone + "conv1.1") == below(keys, backbone + "conv1.4") == NORM
    assert keys[backbone + "layer1.0.downsample.0.weight"] == (256, 128, 1, 1)
    assert keys[f"{backbone}layer3.{last}.conv3.weight"] == (1024, 256, 1, 1)
    assert f"{backbone}layer3.{last + 1}.conv3.weight" not in keys


# --- how clicks enter -----------------------------------------------------------------------


@pytest.mark.parametrize(("prev_mask", "channels"), [(True, 3), (False, 2)])
def test_click_branch_keys(prev_mask, channels):
    keys = shapes(hrnet(2, 2, small=True, with_prev_mask=prev_mask))
    assert {key: shape for key, shape in keys.items() if not key.startswith(EXTRACTOR)} == {
        "maps_transform.0.weight": (16, channels, 1, 1),
        "maps_transform.0.bias": (16,),
        "maps_transform.2.weight": (64, 16, 3, 3),
        "maps_transform.2.bias": (64,),
        "maps_transform.3.scale": (1,),
    }


def test_the_strided_click_branch_is_a_single_convolution():
    keys = shapes(hrnet(2, 2, small=True, conv_extend=True))
    assert {key: shape for key, shape in keys.items() if not key.startswith(EXTRACTOR)} == {
        "maps_transform.weight": (64, 3, 3, 3),
        "maps_transform.bias": (64,),
    }


@pytest.mark.parametrize(("older", "norm", "last"), [(False, 1, 3), (True, 2, 3)])
def test_rgb_fusion_keys(older, norm, last):
    config = HRNetConfig(width=2, ocr_width=2, small=True, fbrs_rgb_conv=older)
    keys = {k: shape for k, shape in shapes(config).items() if not k.startswith(EXTRACTOR)}
    assert below(keys, f"rgb_conv.{norm}") == NORM
    assert keys["rgb_conv.0.weight"] == (8, 5, 1, 1)
    assert keys[f"rgb_conv.{last}.weight"] == (3, 8, 1, 1)
    assert len(keys) == 9


def test_click_branch_by_hand():
    model = tiny_model()
    model.maps_transform[3].scale.fill_(-0.3)  # learnt with either sign, its size counts
    _, maps = model.prepare(random_input(TINY), clicks_at((10, 20)))
    first, _, second, _ = model.maps_transform
    by_hand = F.leaky_relu(F.conv2d(maps, first.weight, first.bias), 0.2)
    by_hand = 0.3 * F.conv2d(by_hand, second.weight, second.bias, stride=2, padding=1)
    rgb, stem = model.fuse(*model.prepare(random_input(TINY), clicks_at((10, 20))))
    torch.testing.assert_close(stem, by_hand)
    assert stem.shape == (1, 64, 17, 33)
    assert rgb.shape == (1, 3, 33, 65)


@pytest.mark.parametrize("leaky", [False, True])
@pytest.mark.parametrize("older", [False, True])
def test_rgb_fusion_by_hand(leaky, older):
    config = HRNetConfig(
        width=2, ocr_width=2, small=True, use_leaky_relu=leaky, fbrs_rgb_conv=older
    )
    model = tiny_model(config)
    rgb, maps = model.prepare(random_input(config), clicks_at((10, 20)))
    first, last = model.rgb_conv[0], model.rgb_conv[3]
    (norm,) = (module for module in model.rgb_conv if isinstance(module, torch.nn.BatchNorm2d))

    def bend(x):
        return F.leaky_relu(x, 0.2) if leaky else F.relu(x)

    x = F.conv2d(torch.cat([rgb, maps], dim=1), first.weight, first.bias)
    x = norm(bend(x)) if older else bend(norm(x))
    x = F.conv2d(x, last.weight, last.bias)
    fused, stem = model.fuse(rgb, maps)
    torch.testing.assert_close(fused, x)
    assert stem is None


def test_input_is_normalised_but_the_mask_is_not():
    image = random_input(TINY, batch=2)
    rgb, maps = tiny_model().prepare(image, clicks_at((10, 20), batch=2))
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = (image[:, :3].numpy() - mean[:, None, None]) / std[:, None, None]
    np.testing.assert_allclose(rgb.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(maps[:, :1], image[:, 3:])
    assert maps[0, 1, 10, 20] == maps[0, 2, 2, 3] == 1
    assert maps[:, 1:].sum() == 2 * (81 + 57)  # disks, the second cut off by the border


def test_prepare_leaves_the_image_alone():
    image = random_input(TINY)
    before = image.clone()
    tiny_model().prepare(image, clicks_at((10, 20)))
    assert torch.equal(image, before)


def test_other_norm_statistics():
    config = dataclasses.replace(TINY, norm_mean=(0.5, 0.5, 0.5), norm_std=(0.25, 0.5, 1.0))
    rgb, _ = tiny_model(config).prepare(torch.full((1, 4, 8, 8), 1.0), clicks_at((1, 1)))
    assert rgb[0, :, 0, 0].tolist() == [2, 1, 0.5]
    assert tiny_model(config).state_dict().keys() == tiny_model().state_dict().keys()


def test_a_binary_mask_is_cut_at_one_half():
    config = dataclasses.replace(TINY, binary_prev_mask=True)
    model, soft = tiny_model(config), random_input(config)
    soft[0, 3, 0, :3] = torch.tensor([0.5, 0.5000001, 0.4999999])
    hard = soft.clone()
    hard[:, 3] = (soft[:, 3] > 0.5).float()
    points = clicks_at((10, 20))
    _, maps = model.prepare(soft, points)
    assert maps[0, 0, 0, :3].tolist() == [0, 1, 0]
    assert torch.equal(model(soft, points).instances, model(hard, points).instances)
    plain = tiny_model()
    assert not torch.equal(plain(soft, points).instances, plain(hard, points).instances)


@pytest.mark.parametrize(("disks", "radius"), [(True, 3), (False, 260), (False, 40)])
def test_clicks_are_drawn_as_the_config_says(disks, radius):
    config = dataclasses.replace(TINY, use_disks=disks, norm_radius=radius)
    maps = tiny_model(config).click_maps(clicks_at((20, 25)), (40, 50))[0, 0]
    if disks:
        assert maps.sum() == 29
    else:
        assert maps[20, 30].item() == pytest.approx(np.tanh(2 * 5 / radius), rel=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"conv_extend": True},
        {"with_prev_mask": False},
        {"use_disks": False, "norm_radius": 260},
        {"use_rgb_conv": True},
        {"use_rgb_conv": True, "fbrs_rgb_conv": True, "with_prev_mask": False},
        {"ocr_width": 0, "with_aux_output": False},
    ],
)
def test_clicks_matter_in_every_variant(changes):
    config = dataclasses.replace(TINY, **changes)
    model, image = tiny_model(config), random_input(config)
    here, there = (model(image, clicks_at(place)).instances for place in ((10, 20), (25, 50)))
    assert torch.isfinite(here).all()
    assert not torch.equal(here, there)


def test_features_of_clicks_reach_the_first_64_channels_of_a_deep_stem():
    config = deeplab("resnet50", 4)
    backbone = tiny_model(config).feature_extractor.backbone
    seen = []
    backbone.maxpool.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    rgb = random_input(config)
    for stem in (None, torch.ones(1, 64, 17, 33)):
        backbone(rgb, stem)
    change = seen[1] - seen[0]
    assert change.shape == (1, 128, 17, 33)
    torch.testing.assert_close(change[:, :64], torch.ones(1, 64, 17, 33))
    assert (change[:, 64:] == 0).all()


# --- sizes, outputs, batches ----------------------------------------------------------------

SIZES = [
    ((96, 128), (24, 32)),
    ((97, 131), (25, 33)),
    ((33, 65), (9, 17)),
    ((400, 267), (100, 67)),
    ((1, 1), (1, 1)),
]


@pytest.mark.parametrize(("size", "low"), SIZES)
def test_any_size_goes_in_and_comes_out(size, low):
    model, image = tiny_model(), random_input(TINY, size)
    inner = model.decode(model.encode(*model.prepare(image, clicks_at((0, 0))), "A"), "A")
    assert inner.instances.shape == inner.aux.shape == (1, 1, *low)
    logits = model(image, clicks_at((0, 0)))
    assert logits.instances.shape == logits.aux.shape == (1, 1, *size)
    expected = F.interpolate(inner.instances, size, mode="bilinear", align_corners=True)
    assert torch.equal(logits.instances, expected)


@pytest.mark.parametrize(("size", "low"), SIZES[1:3])
def test_any_size_goes_through_deeplab(recipe, size, low):
    model = recipe("r34")
    image = random_input(model.config, size)
    inner = model.decode(model.encode(*model.prepare(image, clicks_at((0, 0))), "A"), "A")
    assert inner.instances.shape == (1, 1, *low)
    logits = model(image, clicks_at((0, 0)))
    assert logits.instances.shape == (1, 1, *size)
    assert logits.aux is None


def test_the_aux_output_is_enlarged_only_if_asked_for():
    config = dataclasses.replace(TINY, with_aux_output=False)
    image, points = random_input(TINY), clicks_at((10, 20))
    small, large = (tiny_model(c)(image, points) for c in (config, TINY))
    assert small.aux.shape == (1, 1, 9, 17)
    assert large.aux.shape == (1, 1, 33, 65)
    assert torch.equal(small.instances, large.instances)
    no_ocr = dataclasses.replace(config, ocr_width=0)
    assert tiny_model(no_ocr)(image, points).aux is None


@pytest.mark.parametrize("config", [TINY, deeplab("resnet34", 4)], ids=["hrnet", "deeplab"])
@pytest.mark.parametrize("level", ["A", "B", "C"])
def test_every_level_decodes_to_the_same_logits(config, level):
    model = tiny_model(config)
    prepared = model.prepare(random_input(config), clicks_at((10, 20)))
    whole = model.decode(model.encode(*prepared, "A"), "A").instances
    assert torch.equal(model.decode(model.encode(*prepared, level), level).instances, whole)


@pytest.mark.parametrize(
    ("name", "channels"),
    [("h18s", {"A": 270, "B": 270, "C": 96}), ("r34", {"A": 512, "B": 160, "C": 128})],
)
def test_channels_of_the_features_at_each_level(recipe, name, channels):
    model = recipe(name)
    prepared = model.prepare(random_input(model.config), clicks_at((10, 20)))
    features = {level: model.encode(*prepared, level)[0] for level in channels}
    assert {level: x.shape[1] for level, x in features.items()} == channels


@pytest.mark.parametrize("config", [TINY, deeplab("resnet34", 4)], ids=["hrnet", "deeplab"])
def test_samples_of_a_batch_do_not_mix(config):
    model, images = tiny_model(config), random_input(config, batch=2)
    points = torch.cat([clicks_at((10, 20)), clicks_at((25, 50))])
    together = model(images, points).instances
    alone = [model(images[i : i + 1], points[i : i + 1]).instances for i in range(2)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


# --- the dead branch of OCR -----------------------------------------------------------------


def test_attention_weights_that_cannot_matter_do_not():
    model = tiny_model()
    image, points = random_input(TINY), clicks_at((10, 20))
    before = model(image, points)
    dead = [
        key for key in model.state_dict() if key.startswith((OCR + "f_pixel", OCR + "f_object"))
    ]
    assert len(dead) == 4 * 6
    for key, tensor in model.state_dict().items():
        if key in dead:
            tensor.copy_(torch.rand(tensor.shape) * 9 + 1)
    after = model(image, points)
    assert torch.equal(after.instances, before.instances)
    assert torch.equal(after.aux, before.aux)


@pytest.mark.parametrize("part", ["f_down", "f_up"])
def test_attention_weights_that_matter_do(part):
    model = tiny_model()
    image, points = random_input(TINY), clicks_at((10, 20))
    before = model(image, points).instances
    model.state_dict()[OCR + part + ".1.0.bias"].add_(3)
    assert not torch.equal(model(image, points).instances, before)


def test_the_whole_attention_gives_the_same(recipe):
    """Object attention as published, softmax over the single object included."""
    network = recipe("h18s").feature_extractor
    block = network.ocr_distri_head.object_context_block
    torch.manual_seed(0)
    pixels = torch.rand(2, 96, 9, 17)
    vector = torch.rand(2, 96, 1, 1)
    query = block.f_pixel(pixels).flatten(2).transpose(1, 2)
    key, value = block.f_object(vector).flatten(2), block.f_down(vector).flatten(2)
    attention = torch.softmax(query @ key * 48**-0.5, dim=-1)
    context = (attention @ value.transpose(1, 2)).transpose(1, 2).reshape(2, 48, 9, 17)
    expected = block.f_up(context)
    result = block(vector, (9, 17)).expand(-1, -1, 9, 17)
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-5)


def test_training_counts_pixels_in_the_running_variance():
    model = tiny_model()
    block = model.feature_extractor.ocr_distri_head.object_context_block
    other = copy.deepcopy(block).train()
    block.train()
    torch.manual_seed(0)
    vector = torch.rand(3, 4, 1, 1)
    assert block(vector, (5, 7)).shape == (3, 4, 5, 7)
    expected = other.f_up(other.f_down(vector).expand(-1, -1, 5, 7))
    assert torch.equal(block(vector, (5, 7)), expected)
    values = block.f_up[0](block.f_down(vector)).flatten(1)
    unbiased = values.repeat(35, 1).var(dim=0)
    counted = copy.deepcopy(tiny_model().feature_extractor.ocr_distri_head.object_context_block)
    norm = counted.train().f_up[1][0]
    norm.momentum = 1.0
    counted(vector, (5, 7))
    torch.testing.assert_close(norm.running_var, unbiased)


def test_gradients_reach_all_that_is_not_dead():
    model = tiny_model().train().requires_grad_(True)
    logits = model(random_input(TINY, batch=2), clicks_at((10, 20), batch=2))
    (logits.instances.square().mean() + logits.aux.square().mean()).backward()
    without = {name for name, p in model.named_parameters() if p.grad is None}
    assert without == {
        name
        for name, _ in model.named_parameters()
        if name.startswith((OCR + "f_pixel", OCR + "f_object"))
    }


# --- configs --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_configs_survive_json(name):
    assert config_from_json(CONFIGS[name].to_json()) == CONFIGS[name]


def test_lists_and_whole_numbers_of_json_become_what_the_config_has():
    config = build_config(
        HRNetConfig, {"norm_mean": [0, 0.5, 1], "norm_radius": 5, "use_disks": True}
    )
    assert config.norm_mean == (0.0, 0.5, 1.0)
    assert config.norm_radius == 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", "18"),
        ("width", 18.0),
        ("width", True),
        ("width", -18),
        ("width", 10**400),
        ("width", None),
        ("small", 1),
        ("use_disks", "yes"),
        ("norm_radius", float("nan")),
        ("norm_radius", float("inf")),
        ("norm_radius", -5),
        ("norm_mean", (0.5, 0.5)),
        ("norm_mean", ("a", "b", "c")),
        ("norm_std", (None, 1, 1)),
        ("norm_std", 0.5),
    ],
)
def test_values_of_the_wrong_kind_are_named(name, value):
    with pytest.raises(CheckpointError, match=f"Parameter '{name}' has the value .* expected"):
        build_config(HRNetConfig, {name: value})


def test_unknown_parameters_and_architectures_are_named():
    with pytest.raises(CheckpointError, match=r"Unknown parameter 'backbone' .*'hrnet'"):
        build_config(HRNetConfig, {"backbone": "resnet34"})
    known = r"'segformer'; known are hrnet, deeplab, light\. A newer"
    with pytest.raises(CheckpointError, match=known):
        config_from_json({"architecture": "segformer", "params": {}})
    with pytest.raises(CheckpointError, match="'vgg16'; known are resnet34, resnet50, resnet101"):
        DeepLabConfig(backbone="vgg16")


@pytest.mark.parametrize("data", [None, [], {}, {"architecture": "hrnet"}, {"params": []}])
def test_a_config_that_is_none(data):
    with pytest.raises(CheckpointError, match="lacks 'architecture' and 'params'"):
        config_from_json(data)


def test_there_is_no_network_for_a_bare_config():
    with pytest.raises(TypeError, match="no network for ModelConfig"):
        build_model(ModelConfig())
