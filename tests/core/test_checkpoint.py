"""Model files of the RITM and f-BRS families: what loads, what is refused, what never runs."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from goldens import CONFIGS, deeplab, hrnet
from tiny import TINY, ritm_content, tiny_model, write_tiny_checkpoint

from core.errors import CheckpointError, ModelNotFoundError
from core.model import ClickModel, DeepLabConfig, HRNetConfig, build_model
from core.model.checkpoint import load_checkpoint
from core.model.ritm_format import infer_config, parse

FBRS = HRNetConfig(
    width=2,
    ocr_width=2,
    small=True,
    with_aux_output=True,
    use_leaky_relu=True,
    fbrs_rgb_conv=True,
)
SYNC = "torch.nn.modules.batchnorm.SyncBatchNorm"


@pytest.fixture(scope="module")
def model() -> ClickModel:
    return tiny_model()


@pytest.fixture
def content(model: ClickModel) -> dict[str, Any]:
    """A fresh copy of what a training would have saved."""
    content = ritm_content(model)
    content["state_dict"] = dict(content["state_dict"])
    return content


@pytest.fixture
def stub(content: dict[str, Any]) -> dict[str, Any]:
    """The same with hardly any weights, for what is refused before they are looked at."""
    return content | {"state_dict": {"maps_transform.0.bias": torch.zeros(16)}}


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def save(content: object, **options: Any) -> Path:
        torch.save(content, tmp_path / "model.pth", **options)
        return tmp_path / "model.pth"

    return save


def refusal(path: Path) -> str:
    """Message of the error, which always names the file."""
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path)
    message = str(error.value)
    assert str(path) in message
    return message


def same_weights(first: ClickModel, second: ClickModel) -> bool:
    one, two = first.state_dict(), second.state_dict()
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


def same_logits(first: ClickModel, second: ClickModel) -> bool:
    torch.manual_seed(1)
    image = torch.rand(1, 4 if first.config.with_prev_mask else 3, 33, 40)
    points = torch.tensor([[[10.0, 20, 0], [30, 5, 1]]])
    return torch.equal(first(image, points).instances, second(image, points).instances)


# --- forms of files -------------------------------------------------------------------------


def test_the_form_that_training_writes(model, content, save):
    path = save(content)
    checkpoint = load_checkpoint(path)
    (loaded,) = checkpoint.stages
    assert checkpoint.path == path
    assert checkpoint.metadata == {}
    assert loaded.config == model.config == TINY
    assert same_weights(loaded, model)
    assert same_logits(loaded, model)


def test_a_loaded_network_is_ready_for_inference(content, save):
    (loaded,) = load_checkpoint(str(save(content))).stages
    assert not any(module.training for module in loaded.modules())
    tensors = [*loaded.parameters(), *loaded.buffers()]
    assert not any(tensor.requires_grad for tensor in tensors)
    assert {tensor.device.type for tensor in tensors} == {"cpu"}
    assert loaded.norm_mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])


def test_the_older_file_layout_of_pytorch(model, content, save):
    path = save(content, _use_new_zipfile_serialization=False)
    assert not zipfile.is_zipfile(path)
    assert same_weights(load_checkpoint(path).stages[0], model)


def test_a_deeplab_network(tmp_path):
    config = deeplab("resnet34", 4, aspp_dropout=0.2)
    half = tiny_model(config).half()
    torch.save(ritm_content(half), tmp_path / "r34.pth")
    (loaded,) = load_checkpoint(tmp_path / "r34.pth").stages
    assert loaded.config == config
    assert same_weights(loaded, half.float())


def test_stages_keep_their_order(save):
    models = [tiny_model(seed=seed) for seed in range(3)]
    checkpoint = load_checkpoint(save([ritm_content(model) for model in models]))
    assert len(checkpoint.stages) == 3
    assert all(map(same_weights, checkpoint.stages, models))
    assert not same_weights(models[0], models[1])


def test_stages_may_differ_in_kind(save):
    first, second = hrnet(2, 2, small=True, with_prev_mask=False), TINY
    checkpoint = load_checkpoint(save([ritm_content(tiny_model(c)) for c in (first, second)]))
    assert [stage.config for stage in checkpoint.stages] == [first, second]


@pytest.mark.parametrize(
    "config",
    [TINY, hrnet(2, 2, small=True, with_prev_mask=False), FBRS],
    ids=["m", "plain", "fbrs"],
)
def test_bare_weights_of_an_hrnet(save, config):
    model = tiny_model(config)
    (loaded,) = load_checkpoint(save(model.state_dict())).stages
    assert loaded.config == config
    assert same_logits(loaded, model)


def test_bare_weights_of_a_deeplab(save):
    config = DeepLabConfig(
        backbone="resnet34", deeplab_ch=4, use_leaky_relu=True, fbrs_rgb_conv=True
    )
    half = tiny_model(config).half()
    (loaded,) = load_checkpoint(save(half.state_dict())).stages
    assert loaded.config == config
    assert same_weights(loaded, half.float())


@pytest.mark.parametrize("name", sorted(set(CONFIGS) - {"default"}))
def test_the_architecture_is_told_from_bare_weights(name):
    config = CONFIGS[name]
    with torch.device("meta"):
        state = build_model(config).state_dict()
        inferred = infer_config(state)
        assert build_model(inferred).state_dict().keys() == state.keys()
    if isinstance(config, DeepLabConfig):
        assert (inferred.backbone, inferred.deeplab_ch) == (config.backbone, config.deeplab_ch)
        assert inferred.map_channels == config.map_channels
    else:
        assert inferred == config


def test_half_precision_is_widened_without_loss(model, content, save):
    state = {k: t.half() if t.is_floating_point() else t for k, t in model.state_dict().items()}
    (loaded,) = load_checkpoint(save(content | {"state_dict": state})).stages
    original = model.state_dict()
    for key, tensor in loaded.state_dict().items():
        assert tensor.dtype == original[key].dtype
        assert torch.equal(tensor, state[key].to(tensor.dtype))


def test_half_precision_file_of_the_research_code(parity_checkpoints):
    stored = torch.load(parity_checkpoints["h18s_warm"], weights_only=True)["state_dict"]
    key = "feature_extractor.conv1.weight"
    assert stored[key].dtype == torch.float16
    (loaded,) = load_checkpoint(parity_checkpoints["h18s_warm"]).stages
    assert loaded.config == CONFIGS["h18s"]
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    assert torch.equal(loaded.state_dict()[key], stored[key].float())


# --- the config inside ----------------------------------------------------------------------


def entry(value: object, specified: bool = True) -> dict[str, object]:
    return {"type": "builtin", "value": value, "specified": specified}


@pytest.mark.parametrize("name", ["norm_layer", "backbone_norm_layer"])
@pytest.mark.parametrize("specified", [True, False])
def test_synchronised_batch_norm_is_batch_norm(model, content, save, name, specified):
    content["config"]["params"][name] = entry(SYNC, specified) | {"type": "class"}
    assert same_weights(load_checkpoint(save(content)).stages[0], model)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dist_map_mode", "disk"),
        ("norm_layer", "torch.nn.modules.normalization.GroupNorm"),
        ("norm_layer", ["unhashable"]),
        ("clicks_groups", [4, 3, 2]),
    ],
)
def test_a_parameter_we_do_not_know_matters_if_it_was_set(model, content, save, name, value):
    content["config"]["params"][name] = entry(value, specified=False)
    assert same_weights(load_checkpoint(save(content)).stages[0], model)
    content["config"]["params"][name] = entry(value)
    message = refusal(save(content))
    assert f"it was made with {name}={value!r}" in message
    assert "does not know" in message


def test_a_parameter_without_a_note_on_who_set_it_counts_as_set(stub, save):
    stub["config"]["params"]["mystery"] = {"type": "builtin", "value": 3}
    assert "mystery=3" in refusal(save(stub))


@pytest.mark.parametrize(
    ("name", "value"), [("backbone_lr_mult", 0.5), ("cpu_dist_maps", True), ("clicks_groups", None)]
)
def test_parameters_without_effect_may_be_set(content, save, name, value):
    content["config"]["params"][name] = entry(value)
    assert load_checkpoint(save(content)).stages[0].config == TINY


def test_a_stored_value_counts_even_if_nobody_had_set_it(content, save):
    content["config"]["params"]["norm_radius"] = entry(7, specified=False)
    assert load_checkpoint(save(content)).stages[0].config.norm_radius == 7


def test_absent_parameters_have_the_familys_defaults(content, save):
    params = content["config"]["params"]
    for name in ("binary_prev_mask", "conv_extend", "norm_mean_std", "norm_layer"):
        del params[name]
    assert load_checkpoint(save(content)).stages[0].config == TINY


def test_norm_statistics_are_taken_over(content, save):
    content["config"]["params"]["norm_mean_std"] = entry(([0.1, 0.2, 0.3], [0.4, 0.5, 0.6]))
    config = load_checkpoint(save(content)).stages[0].config
    assert (config.norm_mean, config.norm_std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


@pytest.mark.parametrize("value", [None, 1, [1, 2, 3], ([1], [1]), ("abc", "abc"), ([None] * 3, 1)])
def test_odd_norm_statistics_are_refused(stub, save, value):
    stub["config"]["params"]["norm_mean_std"] = entry(value)
    assert "norm_mean" in refusal(save(stub))


@pytest.mark.parametrize("value", ["2", 2.0, True, -2, None, 10**9, [2]])
def test_odd_widths_are_refused(stub, save, value):
    stub["config"]["params"]["width"] = entry(value)
    assert f"Parameter 'width' has the value {value!r}" in refusal(save(stub))


def test_a_network_of_absurd_size_is_refused_before_it_fills_the_memory(content, save):
    content["config"]["params"]["width"] = entry(1_000_000)
    assert "has shape" in refusal(save(content))


def test_an_unknown_backbone_is_refused(save, stub):
    params = {"backbone": entry("vgg16")}
    stub["config"] = {"class": "isegm.model.is_deeplab_model.DeeplabModel", "params": params}
    assert "'vgg16'" in refusal(save(stub))


@pytest.mark.parametrize(
    "name",
    ["os.system", "isegm.model.is_segformer_model.SegFormerModel", "HRNetModel", "", None, 7],
)
def test_only_known_classes_are_made(stub, save, name):
    stub["config"]["class"] = name
    message = refusal(save(stub))
    assert f"it names the class {name!r}" in message
    assert "isegm.model.is_hrnet_model.HRNetModel" in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"config": None}, "lacks 'class' and 'params'"),
        ({"config": {"class": "x"}}, "lacks 'class' and 'params'"),
        ({"state_dict": None}, "holds no weights"),
        ({"state_dict": {}}, "holds no weights"),
        ({"state_dict": [1, 2]}, "holds no weights"),
        ({"state_dict": {"a": 3}}, "entry 'a' is a int"),
        ({"state_dict": {5: torch.zeros(1)}}, "entry 5 is a Tensor"),
    ],
)
def test_parts_of_the_wrong_kind(stub, save, change, words):
    assert words in refusal(save(stub | change))


@pytest.mark.parametrize("lacking", ["config", "state_dict"])
def test_both_parts_are_needed(stub, save, lacking):
    del stub[lacking]
    assert f"the entry '{lacking}' is missing" in refusal(save(stub))


def test_a_parameter_without_value(stub, save):
    stub["config"]["params"]["width"] = 2
    assert "the parameter 'width' in its 'config' has no value" in refusal(save(stub))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ([], "a list of stages without a stage"),
        ([3], "it holds a int"),
        ("weights", "it holds a str"),
        (torch.zeros(3), "it holds a Tensor"),
        ({}, "it holds no weights"),
        ({"weight": torch.zeros(3)}, "no architecture of the RITM family"),
        ({"epoch": 3, "model": "h18"}, "entry 'epoch' is a int"),
    ],
)
def test_files_that_hold_something_else(save, other, words):
    assert words in refusal(save(other))


def test_bare_weights_whose_stem_is_unclear(save):
    state = tiny_model(HRNetConfig(width=2, ocr_width=2, small=True)).state_dict()
    message = refusal(save(state))
    assert "how clicks enter the network cannot be told" in message
    assert "Use the file with 'state_dict' and 'config'" in message


@pytest.mark.parametrize(
    "key",
    [
        "feature_extractor.stage2.0.branches.0.0.conv1.weight",
        "feature_extractor.ocr_distri_head.object_context_block.f_down.1.0.bias",
        "maps_transform.0.weight",
    ],
)
def test_bare_weights_with_too_few_axes(model, save, key):
    message = refusal(save({**model.state_dict(), key: torch.tensor(1.0)}))
    assert f"the weight '{key}' has shape (), too few axes" in message


# --- weights that do not fit ----------------------------------------------------------------

HEAD = "feature_extractor.cls_head.weight"


def test_a_lacking_weight_is_named(content, save):
    del content["state_dict"][HEAD]
    assert f"Missing: {HEAD}. Unexpected: none." in refusal(save(content))


def test_a_weight_too_many_is_named(content, save):
    content["state_dict"]["head.extra"] = torch.zeros(1)
    assert "Missing: none. Unexpected: head.extra." in refusal(save(content))


def test_long_lists_of_weights_are_cut_short(content, save):
    removed = sorted(content["state_dict"])[:7]
    for key in removed:
        del content["state_dict"][key]
    assert f"Missing: {', '.join(removed[:4])} and 3 more." in refusal(save(content))


@pytest.mark.parametrize("shape", [(1, 5, 1, 1), (4,), (1, 4), ()])
def test_a_weight_of_another_shape_is_named(content, save, shape):
    content["state_dict"][HEAD] = torch.zeros(shape)
    message = refusal(save(content))
    assert f"'{HEAD}' has shape {shape}" in message
    assert "needs (1, 4, 1, 1)" in message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_weight_that_is_not_a_number_is_named(content, save, value):
    content["state_dict"][HEAD] = torch.tensor([1, 2, value, 4]).reshape(1, 4, 1, 1)
    message = refusal(save(content))
    assert f"values that are not numbers, in {HEAD}" in message
    assert "Download it again" in message


def test_another_architecture_than_the_config_says(content, save):
    content["config"]["params"]["small"] = entry(False)
    message = refusal(save(content))
    assert "do not fit the architecture 'hrnet'" in message
    assert "more. Unexpected: none." in message


def test_one_bad_stage_spoils_the_file(model, content, save):
    del content["state_dict"][HEAD]
    assert HEAD in refusal(save([ritm_content(model), content]))


# --- damaged files --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gone.pth", "gone.safetensors", ""])
def test_no_such_file(tmp_path, name):
    with pytest.raises(ModelNotFoundError, match="no model file") as error:
        load_checkpoint(tmp_path / name)  # with no name: the folder
    assert str(tmp_path / name) in str(error.value)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ""])
def test_an_empty_file(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    path.touch()
    assert "is empty (0 bytes). Download it again" in refusal(path)


def saved(content: object, *, older: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not older)
    return buffer.getvalue()


@pytest.mark.parametrize("older", [False, True], ids=["zip", "older"])
@pytest.mark.parametrize("part", [1e-6, 2e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.3, 0.6, 0.9, 0.99999])
def test_a_file_cut_short(model, tmp_path, older, part):
    whole = saved(ritm_content(model), older=older)
    path = tmp_path / "model.pth"
    path.write_bytes(whole[: max(1, int(part * len(whole)))])
    message = refusal(path)
    assert "truncated or damaged" in message or "not a PyTorch checkpoint" in message


@pytest.mark.parametrize("lacking", [1, 8, 22, 100])
@pytest.mark.parametrize("older", [False, True], ids=["zip", "older"])
def test_a_file_that_lacks_its_last_bytes(model, tmp_path, older, lacking):
    path = tmp_path / "model.pth"
    path.write_bytes(saved(ritm_content(model), older=older)[:-lacking])
    assert "truncated or damaged" in refusal(path)


@pytest.mark.filterwarnings("ignore::UserWarning:torch")
@pytest.mark.parametrize("older", [False, True], ids=["zip", "older"])
def test_altered_bytes_never_raise_anything_else(tmp_path, older):
    """The family's own errors only, or a network that is complete."""
    rng = np.random.default_rng(5)
    small = {"state_dict": {"a": torch.zeros(3), "b": torch.ones(2)}, "config": {"params": {}}}
    whole = np.frombuffer(saved(small, older=older), np.uint8)
    path = tmp_path / "model.pth"
    refusals = set()
    for _ in range(200):
        altered = whole.copy()
        altered[rng.integers(len(whole))] = rng.integers(256)
        path.write_bytes(altered.tobytes())
        refusals.add(refusal(path).split(":")[1][:25])  # no such network: refused in any case
    assert len(refusals) > 2


@pytest.mark.parametrize(
    "content",
    [
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n",
        b"<!DOCTYPE html><html><body>404: Not Found</body></html>",
        b"hello",
        b"12345678{",
        bytes(range(256)) * 40,
        b"\x80\x02}q\x00.",
        b"PK\x03\x04 and no more",
    ],
    ids=["lfs", "html", "text", "brace", "bytes", "pickle", "zip-head"],
)
@pytest.mark.parametrize("name", ["model.pth", "model.safetensors"])
def test_files_of_another_kind(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    assert refusal(path)


def test_a_zip_archive_that_is_no_checkpoint(tmp_path):
    path = tmp_path / "model.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "weights are elsewhere")
    assert "truncated or damaged" in refusal(path)


# --- hostile files --------------------------------------------------------------------------


class Bomb:
    """Unpickling it makes a folder."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


class ShellBomb(Bomb):
    """Unpickling it runs a command."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"mkdir '{self.marker}'",)


@pytest.fixture(params=[Bomb, ShellBomb], ids=["call", "shell"])
def bomb(request, tmp_path) -> Bomb:
    return request.param(tmp_path / "boom")


def test_the_bomb_is_live(bomb):
    pickle.loads(pickle.dumps(bomb))  # noqa: S301 - it is ours
    assert bomb.marker.is_dir()


@pytest.mark.parametrize("older", [False, True], ids=["zip", "older"])
@pytest.mark.parametrize("place", ["whole", "state", "config", "value", "stage", "beside"])
def test_nothing_in_a_checkpoint_is_executed(bomb, stub, save, older, place):
    if place == "whole":
        stub = bomb
    elif place == "state":
        stub["state_dict"]["maps_transform.0.bias"] = bomb
    elif place == "config":
        stub["config"] = bomb
    elif place == "value":
        stub["config"]["params"]["width"] = entry(bomb)
    elif place == "stage":
        stub = [stub, bomb]
    else:
        stub["extra"] = bomb
    message = refusal(save(stub, _use_new_zipfile_serialization=not older))
    assert "could run code" in message
    assert "nothing of it was executed" in message
    assert not bomb.marker.exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["model.pth", "model.safetensors"])
def test_nothing_in_a_plain_pickle_is_executed(bomb, tmp_path, protocol, name):
    path = tmp_path / name
    path.write_bytes(pickle.dumps(bomb, protocol=protocol))
    message = refusal(path)
    if name == "model.pth":
        assert "nothing of it was executed" in message
    assert not bomb.marker.exists()


def test_a_pickled_network_is_refused(model, save):
    assert "nothing of it was executed" in refusal(save(model))


# --- the parts of the reader ----------------------------------------------------------------


def test_extra_entries_beside_the_two_are_ignored(model, content, save):
    assert same_weights(load_checkpoint(save(content | {"epoch": 3})).stages[0], model)


def test_parsing_does_not_alter_what_it_reads(content):
    keys = list(content["state_dict"])
    ((config, state),) = parse(content)
    state.clear()
    assert config == TINY
    assert list(content["state_dict"]) == keys


def test_the_tiny_file_of_other_tests_loads(tmp_path):
    first, again, other = (
        load_checkpoint(write_tiny_checkpoint(tmp_path / f"{i}.pth", seed=seed)).stages[0]
        for i, seed in enumerate((0, 0, 1))
    )
    assert same_weights(first, again)
    assert not same_weights(first, other)
