"""OpenVINO gives PyTorch's numbers, keeps what it converts, and tells no one."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from goldens import CONFIGS, GOLDEN_CLICKS, GOLDEN_POINTS, fill_with_recipe, golden_image, hrnet
from tiny import TINY, tiny_model, write_tiny_checkpoint

from core.engine import LoadedModel, OpenVinoEngine, TorchEngine, choose_engine, load_model
from core.engine.conversion import convert_to_openvino
from core.errors import EngineError
from core.model import HRNetConfig, ModelConfig, build_model
from core.predictor import Predictor, PredictorOptions, Zoom
from core.prompts import Prompts

CPU = torch.device("cpu")
POINTS = GOLDEN_POINTS.numpy()


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this module's networks are kept once converted: that takes seconds each."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def use_shared_cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never the user's own cache."""
    monkeypatch.setenv("AVALANCHE_ISEG_CACHE", str(shared_cache / "models"))


@pytest.fixture
def own_cache(shared_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds the tiny network alone; returns its folder of converted networks."""
    if not (shared_cache / "tiny").is_dir():
        monkeypatch.setenv("AVALANCHE_ISEG_CACHE", str(shared_cache / "tiny" / "models"))
        convert_to_openvino(tiny_model())
    shutil.copytree(shared_cache / "tiny", tmp_path / "cache")
    monkeypatch.setenv("AVALANCHE_ISEG_CACHE", str(tmp_path / "cache" / "models"))
    return tmp_path / "cache" / "openvino"


def example(config: ModelConfig, size: tuple[int, int] = (96, 128)) -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.random((1, 4 if config.with_prev_mask else 3, *size), np.float32)


def both(config: ModelConfig) -> tuple[TorchEngine, OpenVinoEngine]:
    model = fill_with_recipe(build_model(config))
    return TorchEngine(model, CPU), convert_to_openvino(model)


@pytest.mark.parametrize("name", ["h18s", "h18", "r34_prev"])
def test_same_logits_as_pytorch(name):
    config = CONFIGS[name]
    plain, fast = both(config)
    image = example(config)
    expected, got = (engine.compute_logits(image, POINTS) for engine in (plain, fast))
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() < 1e-3
    assert np.abs(got - expected).mean() < 1e-4


def test_same_logits_with_rgb_fusion_and_distance_maps_and_without_ocr():
    config = HRNetConfig(width=4, ocr_width=0, small=True, use_leaky_relu=True)
    plain, fast = both(config)
    image = example(config)
    expected, got = (engine.compute_logits(image, POINTS) for engine in (plain, fast))
    assert expected.std() > 0
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-3)


def test_one_engine_takes_inputs_of_every_size_and_batch():
    model = fill_with_recipe(build_model(hrnet(6, 4, small=True)))
    plain, fast = TorchEngine(model, CPU), convert_to_openvino(model)
    points = POINTS.repeat(2, axis=0)
    sizes = [(33, 65), (97, 131), (64, 200), (400, 267)]
    for size, batch in itertools.product(sizes, (1, 2)):
        image = example(model.config, size).repeat(batch, axis=0)
        expected, got = (engine.compute_logits(image, points[:batch]) for engine in (plain, fast))
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_predictions_agree_through_zoom_and_flip():
    model = fill_with_recipe(build_model(CONFIGS["h18s"]))
    with torch.no_grad():
        model.feature_extractor.cls_head.bias += 1.0  # so that there is something to zoom on
    options = PredictorOptions(zoom=Zoom(80, min_crop_size=40), flip=True, reference=True)
    answers = []
    for engine in (TorchEngine(model, CPU), convert_to_openvino(model)):
        predictor = Predictor(LoadedModel("h18s", Path(), (engine,)), options)
        predictor.set_image(golden_image())
        answers.append(
            [predictor.predict(Prompts(GOLDEN_CLICKS[: k + 1])).probability for k in range(3)]
        )
    for expected, got in zip(*answers, strict=True):
        assert np.abs(got - expected).max() < 1e-3
        assert np.abs(got - expected).mean() < 1e-4


def test_answers_stay_when_the_next_one_comes():
    model = tiny_model()
    engine = convert_to_openvino(model)
    first = engine.compute_logits(example(TINY), POINTS)
    kept = first.copy()
    engine.compute_logits(1 - example(TINY), POINTS)
    np.testing.assert_array_equal(first, kept)


def test_a_converted_network_is_kept_and_read_again(own_cache):
    (folder,) = own_cache.iterdir()
    before = (folder / "network.xml").stat()
    convert_to_openvino(tiny_model())
    after = (folder / "network.xml").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_other_weights_are_another_network(own_cache):
    convert_to_openvino(tiny_model(seed=1))
    assert len(list(own_cache.iterdir())) == 2


def test_a_damaged_cache_is_made_anew(own_cache):
    expected = convert_to_openvino(tiny_model()).compute_logits(example(TINY), POINTS)
    (folder,) = own_cache.iterdir()
    (folder / "network.xml").write_text("<net")
    again = convert_to_openvino(tiny_model()).compute_logits(example(TINY), POINTS)
    np.testing.assert_array_equal(again, expected)
    assert (folder / "network.xml").read_text().startswith("<?xml")


def test_a_cache_that_cannot_be_written_costs_a_warning_only(own_cache):
    shutil.rmtree(own_cache)
    own_cache.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="could not be written"):
        engine = convert_to_openvino(tiny_model())
    assert np.isfinite(engine.compute_logits(example(TINY), POINTS)).all()


def test_auto_takes_openvino_on_the_cpu_only():
    assert choose_engine("auto") == "openvino"
    assert choose_engine("auto", "cuda") == "torch"
    assert choose_engine("torch") == "torch"
    with pytest.raises(EngineError, match="cuda"):
        choose_engine("openvino", "cuda")
    with pytest.raises(EngineError, match="auto, torch, openvino, openvino-bf16"):
        choose_engine("tensorflow")


def test_load_model_uses_the_engine_asked_for(tmp_path):
    path = write_tiny_checkpoint(tmp_path / "tiny.pth")
    for engine, kind in (("torch", TorchEngine), ("openvino", OpenVinoEngine)):
        (stage,) = load_model(path, engine=engine).stages
        assert isinstance(stage, kind)
        assert stage.name == engine


def test_usage_reporting_is_not_loaded():
    code = (
        "from core.engine.openvino import import_openvino; import sys; import_openvino(); "
        "print([name for name in sys.modules if name.startswith('openvino_telemetry.')])"
    )
    root = Path(__file__).resolve().parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
