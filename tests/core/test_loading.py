"""From a name or a file to engines: names, devices, thresholds, stages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import TINY, ritm_content, tiny_model, write_tiny_checkpoint

from core.engine import TorchEngine, load_model
from core.engine.loading import DEFAULT_THRESHOLD
from core.errors import CheckpointError, EngineError, IsegError, ModelNotFoundError
from core.model import native
from core.zoo import cache
from core.zoo.registry import MODELS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_tiny_checkpoint(tmp_path / "my_model.pth")


def test_a_file_is_called_by_its_stem(file):
    loaded = load_model(file, engine="torch")
    assert (loaded.name, loaded.path) == ("my_model", file)
    (engine,) = loaded.stages
    assert isinstance(engine, TorchEngine)
    assert engine.model.config == TINY
    assert engine.device == torch.device("cpu")


def test_a_path_may_be_text_and_relative(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    loaded = load_model("my_model.pth", engine="torch")
    assert (loaded.name, loaded.path) == ("my_model", Path("my_model.pth"))


def test_a_model_of_the_zoo_keeps_its_name():
    stored = cache.BUNDLED_DIR / MODELS["default"].file_name
    loaded = load_model("default", engine="torch")
    assert (loaded.name, loaded.path, loaded.threshold) == ("default", stored, 0.5)


def test_the_family_has_its_threshold(file):
    loaded = load_model(file, engine="torch")
    assert loaded.threshold == DEFAULT_THRESHOLD == 0.49
    assert loaded.metadata == {}


@pytest.mark.parametrize("threshold", [0, 0.35, 1])
def test_a_file_may_bring_its_own_threshold(tmp_path, threshold):
    metadata = {"threshold": threshold, "licence": "MIT"}
    native.write(tmp_path / "own.safetensors", tiny_model(), metadata)
    loaded = load_model(tmp_path / "own.safetensors", engine="torch")
    assert loaded.threshold == threshold
    assert isinstance(loaded.threshold, float)
    assert loaded.metadata == metadata


def test_every_stage_gets_an_engine_in_order(tmp_path):
    models = [tiny_model(seed=seed) for seed in (0, 1)]
    torch.save([ritm_content(model) for model in models], tmp_path / "two.pth")
    loaded = load_model(tmp_path / "two.pth", engine="torch")
    key = "maps_transform.0.weight"
    assert [type(engine) for engine in loaded.stages] == [TorchEngine, TorchEngine]
    for engine, model in zip(loaded.stages, models, strict=True):
        assert torch.equal(engine.model.state_dict()[key], model.state_dict()[key])


def test_the_loaded_model_predicts_what_the_network_did(file):
    (engine,) = load_model(file, engine="torch").stages
    torch.manual_seed(2)
    image, points = torch.rand(1, 4, 33, 40), torch.tensor([[[10.0, 20, 0], [30, 5, 1]]])
    expected = tiny_model()(image, points).instances
    logits = engine.compute_logits(image.numpy(), points.numpy())
    np.testing.assert_array_equal(logits, expected.numpy())


def test_auto_finds_a_device_that_is_there(file):
    (engine,) = load_model(file, device="auto", engine="torch").stages
    assert engine.device.type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "auto"])
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_computes_the_same(file, device):
    (gpu,) = load_model(file, device=device, engine="torch").stages
    (cpu,) = load_model(file, engine="torch").stages
    torch.manual_seed(2)
    image, points = torch.rand(1, 4, 33, 40), torch.tensor([[[10.0, 20, 0], [30, 5, 1]]])
    inputs = image.numpy(), points.numpy()
    assert gpu.device.type == "cuda"
    np.testing.assert_allclose(
        gpu.compute_logits(*inputs), cpu.compute_logits(*inputs), rtol=1e-2, atol=1e-2
    )


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a computer without CUDA")
def test_a_device_that_is_not_there(file, device):
    with pytest.raises(EngineError) as error:
        load_model(file, device=device, engine="torch")
    assert f"The device '{device}' cannot be used" in str(error.value)
    assert "Choose 'cpu', or check the driver" in str(error.value)


@pytest.mark.parametrize("device", ["gpu", "", "cpu:x", "CPU"])
def test_a_device_that_nobody_knows(file, device):
    with pytest.raises(EngineError, match=rf"The device '{device}' cannot be used.*Choose 'cpu'"):
        load_model(file, device=device, engine="torch")


@pytest.mark.parametrize("engine", ["tensorrt", "", "Torch"])
def test_an_engine_that_nobody_knows(file, engine):
    with pytest.raises(EngineError, match=f"Unknown engine '{engine}'.*torch"):
        load_model(file, engine=engine)


def test_errors_of_the_zoo_and_of_the_file_come_through(tmp_path):
    with pytest.raises(ModelNotFoundError, match="no_such_model"):
        load_model("no_such_model", engine="torch")
    (tmp_path / "bad.pth").write_bytes(b"not a model")
    with pytest.raises(CheckpointError, match=r"bad\.pth"):
        load_model(tmp_path / "bad.pth", engine="torch")
    with pytest.raises(IsegError):
        load_model(tmp_path / "bad.pth", engine="torch")
