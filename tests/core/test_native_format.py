"""Our own model files: what goes in comes out, and what does not fit is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from goldens import deeplab, hrnet
from safetensors import safe_open
from safetensors.torch import save_file
from tiny import TINY, ritm_content, tiny_model

from core.errors import CheckpointError
from core.model import ClickModel, HRNetConfig, native
from core.model.checkpoint import load_checkpoint

METADATA = {
    "training_data": "SLF, 400 photos of Dorfberg",
    "licence": "MIT",
    "citation": "Hafner et al. 2024, Größe & Übung ❄",
    "metrics": {"NoC@90": 3.25, "images": [1, 2, None]},
    "threshold": 0.4,
}
HEAD = "feature_extractor.cls_head.weight"


@pytest.fixture(scope="module")
def model() -> ClickModel:
    return tiny_model()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def header_of(path: Path) -> dict[str, Any]:
    with safe_open(str(path), framework="pt") as file:
        return json.loads(file.metadata()["avalanche_iseg"])


def refusal(path: Path) -> str:
    """Message of the error, which always names the file."""
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path)
    message = str(error.value)
    assert str(path) in message
    return message


def write_by_hand(path: Path, model: ClickModel, header: object, state=None) -> Path:
    """A file of ours with another header or other weights."""
    text = header if isinstance(header, str) else json.dumps(header)
    save_file(state or dict(model.state_dict()), path, metadata={"avalanche_iseg": text})
    return path


def header(**changes: object) -> dict[str, object]:
    return {"format": 1, "model": TINY.to_json(), "metadata": {}} | changes


# --- there and back -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        hrnet(2, 0, small=True, with_aux_output=False, binary_prev_mask=True),
        hrnet(2, 2, norm_mean=(0.1, 0.2, 0.3), conv_extend=True),
        HRNetConfig(width=2, ocr_width=2, small=True, fbrs_rgb_conv=True),
        deeplab("resnet34", 4, aspp_dropout=0.2),
    ],
    ids=["tiny", "no-ocr", "extend", "fbrs", "deeplab"],
)
def test_round_trip_is_exact(path, config):
    model = tiny_model(config)
    native.write(path, model, METADATA)
    checkpoint = load_checkpoint(path)
    (loaded,) = checkpoint.stages
    assert loaded.config == config
    assert checkpoint.metadata == METADATA
    state = loaded.state_dict()
    assert state.keys() == model.state_dict().keys()
    for key, tensor in model.state_dict().items():
        assert state[key].dtype == tensor.dtype
        assert torch.equal(state[key], tensor), key


def test_a_loaded_network_predicts_the_same_and_is_frozen(model, path):
    native.write(path, model, {})
    (loaded,) = load_checkpoint(path).stages
    image, points = torch.rand(1, 4, 33, 40), torch.tensor([[[10.0, 20, 0], [-1, -1, -1]]])
    assert torch.equal(loaded(image, points).instances, model(image, points).instances)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


def test_a_published_checkpoint_survives_conversion(parity_checkpoints, path):
    (original,) = load_checkpoint(parity_checkpoints["h18s_warm"]).stages
    native.write(path, original, {})
    (converted,) = load_checkpoint(path).stages
    assert converted.config == original.config
    state = converted.state_dict()
    assert all(torch.equal(state[key], t) for key, t in original.state_dict().items())


def test_a_network_in_training_can_be_written(path):
    model = tiny_model().train().requires_grad_(True)
    native.write(str(path), model, {})
    assert all(p.requires_grad for p in model.parameters())
    assert not any(p.requires_grad for p in load_checkpoint(path).stages[0].parameters())


def test_weights_that_are_views_are_written_whole(path):
    model = tiny_model()
    weight = model.feature_extractor.conv2.weight
    weight.data = weight.data.transpose(0, 1)
    native.write(path, model, {})
    assert torch.equal(load_checkpoint(path).stages[0].state_dict()[
        "feature_extractor.conv2.weight"], weight)  # fmt: skip


def test_the_header_is_plain_json_that_others_can_read(model, path):
    native.write(path, model, METADATA)
    found = header_of(path)
    assert found["format"] == 1
    assert found["metadata"] == METADATA
    assert found["model"]["architecture"] == "hrnet"
    assert found["model"]["params"]["width"] == 2
    assert found["model"]["params"]["norm_mean"] == [0.485, 0.456, 0.406]


def test_half_precision_weights_are_widened(model, path):
    half = {k: t.half() if t.is_floating_point() else t for k, t in model.state_dict().items()}
    write_by_hand(path, model, header(), half)
    state = load_checkpoint(path).stages[0].state_dict()
    assert state[HEAD].dtype == torch.float32
    assert torch.equal(state[HEAD], half[HEAD].float())


# --- which files are ours -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.bin", "model.pth", "model"])
def test_content_counts_whatever_the_name(model, tmp_path, name):
    native.write(tmp_path / name, model, METADATA)
    assert native.is_native(tmp_path / name)
    assert load_checkpoint(tmp_path / name).metadata == METADATA


def test_a_checkpoint_of_the_family_is_not_ours(model, tmp_path):
    torch.save(ritm_content(model), tmp_path / "model.pth")
    assert not native.is_native(tmp_path / "model.pth")
    (tmp_path / "model.pth").rename(tmp_path / "model.safetensors")
    assert "truncated or damaged" in refusal(tmp_path / "model.safetensors")


@pytest.mark.parametrize(("content", "expected"), [(b"", False), (b"12345678", False)])
def test_short_files_are_not_ours(tmp_path, content, expected):
    (tmp_path / "short").write_bytes(content)
    assert native.is_native(tmp_path / "short") is expected


# --- writing is whole or not at all ---------------------------------------------------------


def test_an_existing_file_is_replaced(model, path):
    native.write(path, tiny_model(seed=1), {"licence": "old"})
    native.write(path, model, {"licence": "new"})
    assert load_checkpoint(path).metadata == {"licence": "new"}
    assert torch.equal(load_checkpoint(path).stages[0].state_dict()[HEAD], model.state_dict()[HEAD])
    assert list(path.parent.iterdir()) == [path]


def test_others_may_read_what_was_written(model, path):
    usual = path.with_name("usual")
    usual.touch()
    native.write(path, model, {})
    assert path.stat().st_mode == usual.stat().st_mode


def test_metadata_that_are_not_json_leave_the_old_file(model, path):
    native.write(path, model, {"licence": "MIT"})
    before = path.read_bytes()
    with pytest.raises(TypeError, match="not JSON serializable"):
        native.write(path, model, {"when": object()})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_in_the_way_stays_and_nothing_is_left_beside_it(model, path):
    (path / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="model"):
        native.write(path, model, {})
    assert list(path.parent.iterdir()) == [path]
    assert (path / "inside").is_dir()


def test_a_folder_that_does_not_exist_is_not_made(model, tmp_path):
    with pytest.raises(FileNotFoundError):
        native.write(tmp_path / "gone" / "model.safetensors", model, {})
    assert list(tmp_path.iterdir()) == []


# --- headers that do not fit ----------------------------------------------------------------


def test_without_our_header(model, path):
    save_file(dict(model.state_dict()), path)
    assert "weights without the header of this program" in refusal(path)
    save_file(dict(model.state_dict()), path, metadata={"format": "pt"})
    assert "weights without the header of this program" in refusal(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("width=18", "not valid JSON"),
        ("[1, 2]", "its format is [1, 2]"),
        ("null", "its format is None"),
        ("{}", "its format is None"),
    ],
)
def test_headers_that_are_no_object(model, path, text, words):
    assert words in refusal(write_by_hand(path, model, text))


@pytest.mark.parametrize("number", [2, 99, 0, "1", None])
def test_other_formats_ask_for_an_update(model, path, number):
    message = refusal(write_by_hand(path, model, header(format=number)))
    assert f"its format is {number!r}, this program reads format 1. Update the program" in message


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (None, "lacks 'architecture' and 'params'"),
        ({"architecture": "hrnet"}, "lacks 'architecture' and 'params'"),
        ({"architecture": "sam", "params": {}}, "Unknown architecture 'sam'"),
        ({"architecture": None, "params": {}}, "Unknown architecture None"),
        ({"architecture": "hrnet", "params": {"depth": 3}}, "Unknown parameter 'depth'"),
        (
            {"architecture": "hrnet", "params": {"width": "2"}},
            "Parameter 'width' has the value '2'",
        ),
        ({"architecture": "hrnet", "params": {"norm_mean": ["a", 1, 1]}}, "Parameter 'norm_mean'"),
        ({"architecture": "deeplab", "params": {"backbone": "vgg16"}}, "Unknown backbone 'vgg16'"),
        ({"architecture": "deeplab", "params": {}}, "do not fit the architecture 'deeplab'"),
        ({"architecture": "hrnet", "params": {}}, "do not fit the architecture 'hrnet'"),
    ],
)
def test_a_description_that_does_not_fit(model, path, described, words):
    assert words in refusal(write_by_hand(path, model, header(model=described)))


@pytest.mark.parametrize("value", [[1], "MIT", 3, None])
def test_metadata_must_be_named(model, path, value):
    assert "expected named values" in refusal(write_by_hand(path, model, header(metadata=value)))


@pytest.mark.parametrize("value", ["high", None, 1.5, -0.1, float("nan"), [0.5]])
def test_a_threshold_must_be_a_probability(model, path, value):
    message = refusal(write_by_hand(path, model, header(metadata={"threshold": value})))
    assert f"its threshold is {value!r}, expected a probability" in message


def test_metadata_may_be_absent(model, path):
    content = header()
    del content["metadata"]
    assert load_checkpoint(write_by_hand(path, model, content)).metadata == {}


# --- weights that do not fit, damaged files -------------------------------------------------


def test_renamed_weights_are_named(model, path):
    state = dict(model.state_dict())
    state["head.last"] = state.pop(HEAD)
    message = refusal(write_by_hand(path, model, header(), state))
    assert f"Missing: {HEAD}. Unexpected: head.last." in message


def test_weights_of_another_shape_are_named(model, path):
    state = {**model.state_dict(), HEAD: torch.zeros(1, 6, 1, 1)}
    assert f"'{HEAD}' has shape (1, 6, 1, 1)" in refusal(
        write_by_hand(path, model, header(), state)
    )


def test_weights_that_are_not_numbers_are_named(model, path):
    state = {**model.state_dict(), HEAD: torch.full((1, 4, 1, 1), float("nan"))}
    assert f"not numbers, in {HEAD}" in refusal(write_by_hand(path, model, header(), state))


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float8_e4m3fn])
def test_numbers_that_numpy_does_not_know_are_left_to_torch(model, path, kind):
    write_by_hand(path, model, header(), {HEAD: torch.zeros(1, 4, 1, 1, dtype=kind)})
    with pytest.raises(CheckpointError, match="NumPy does not know"):
        native.read_weights(path, "np")
    assert native.read_weights(path, "pt")[HEAD].dtype == kind


@pytest.mark.parametrize("kept", [1, 7, 8, 9, 100, 5_000, 0.3, 0.9, -1])
def test_a_file_cut_short(model, path, kept):
    native.write(path, model, {})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    message = refusal(path)
    assert "truncated or damaged" in message
    assert "Download it again" in message


def test_bytes_behind_the_end(model, path):
    native.write(path, model, {})
    path.write_bytes(path.read_bytes() + b"more")
    assert "truncated or damaged" in refusal(path)


@pytest.mark.parametrize("length", [2**63, 2**40, 0])
def test_a_length_that_is_not_the_headers(model, path, length):
    native.write(path, model, {})
    path.write_bytes(length.to_bytes(8, "little") + path.read_bytes()[8:])
    assert "truncated or damaged" in refusal(path)
