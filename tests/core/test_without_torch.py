"""The default model runs without PyTorch: nothing loads it, and nothing misses it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from limited_python import limited_python
from package import build
from predictor_fixtures import red_box
from tiny import write_tiny_checkpoint

from core.engine import load_model
from core.errors import EngineError
from core.model import native
from core.model.config import LightConfig
from core.predictor import Predictor, PredictorOptions, Zoom
from core.prompts import Box, Click, Prompts
from core.worker.client import Worker

ROOT = Path(__file__).resolve().parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="starts Python by a shell script")

CLICKS = [Click(150, 200), Click(20, 15, False), Click(120, 260.5), Click(180, 290), Click(5, 5)]
MASK = red_box((240, 360), (90, 170), (120, 250))[..., 0] > 0
PROMPTS = {
    "click": Prompts(CLICKS[:1]),
    "clicks": Prompts(CLICKS),
    "box": Prompts(box=Box(80, 190, 120, 300)),
    "mask": Prompts(CLICKS[1:4], mask=MASK),
    "box and mask": Prompts(CLICKS[:2], Box(80, 190, 120, 300), MASK),
}


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 60, (240, 360, 3), dtype=np.uint8)
    return noise + red_box((240, 360), (90, 180), (130, 290)) // 2


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return limited_python(tmp_path_factory.mktemp("python"), "prediction")


@pytest.fixture(scope="module")
def worker(python: Path, photo: np.ndarray) -> Iterator[Worker]:
    with Worker(python) as running:
        running.load_model("default", engine="openvino", threads=1)
        running.set_image("photo", photo)
        yield running


# --- the same answers -------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("prompts", PROMPTS.values(), ids=PROMPTS)
def test_a_worker_without_torch_answers_as_torch_does(worker, photo, prompts):
    predictor = Predictor(
        load_model("default", engine="torch"), PredictorOptions(correct_mask=True)
    )
    predictor.set_image(photo)
    expected = predictor.predict(prompts)
    answer = worker.predict("photo", prompts)
    assert answer.roi == list(vars(expected.roi).values())
    levels = np.ceil(expected.crop * 200)
    assert np.abs(answer.levels - levels).max() <= 1
    outline = worker.outline("photo", prompts, threshold=0.5)
    assert outline.area == pytest.approx(answer.mask(0.5).sum(), rel=0.02, abs=50)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"flip": True},
        {"zoom": None},
        {"zoom": Zoom(target_size=200)},
        {"windows": (96, 128), "zoom": None},
        {"reference": True, "zoom": Zoom()},
    ],
    ids=str,
)
def test_openvino_predicts_as_torch_does(photo, options):
    answers = []
    for engine in ("torch", "openvino"):
        predictor = Predictor(load_model("default", engine=engine), PredictorOptions(**options))
        predictor.set_image(photo)
        answers.append([predictor.predict(Prompts(CLICKS[:n])).probability for n in (1, 3, 5)])
    for expected, got in zip(*answers, strict=True):
        assert np.abs(got - expected).max() < 1e-3


def test_brs_takes_the_network_in_pytorch_when_it_needs_it(photo):
    model = load_model("default", engine="openvino")
    predictor = Predictor(model, PredictorOptions(mode="f-BRS-B"))
    predictor.set_image(photo)
    expected = Predictor(load_model("default", engine="torch"), PredictorOptions(mode="f-BRS-B"))
    expected.set_image(photo)
    prompts = Prompts(CLICKS[:2])
    np.testing.assert_array_equal(
        predictor.predict(prompts).probability, expected.predict(prompts).probability
    )


@pytest.mark.parametrize("is_light", [True, False])
def test_the_network_in_pytorch_gets_the_threads(tmp_path, monkeypatch, is_light):
    given: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    name = "default" if is_light else write_tiny_checkpoint(tmp_path / "tiny.pth")
    (engine,) = load_model(name, engine="openvino", threads=3).stages
    assert engine.model is not None
    assert given == [3]


# --- nothing loads it -------------------------------------------------------------------------

LOADED = "import sys; print('torch' in sys.modules)"


@pytest.mark.parametrize(
    "code",
    [
        "import core.engine, core.predictor, core.worker.handler, core.model.native",
        "from core.worker.handler import SegmentationHandler; SegmentationHandler().welcome()",
        "from core.engine import load_model; load_model('default', device='auto')",
        "import eval.__main__, training.synthetic.command",
        "from core.engine import *; from core.predictor import *; from core.prompts import *\n"
        "import numpy as np; p = Predictor(load_model('default'), PredictorOptions(flip=True))\n"
        "p.set_image(np.zeros((300, 700, 3), np.uint8))\n"
        "p.predict(Prompts([Click(9, 9), Click(50, 600), Click(8, 8, False)], Box(0, 99, 0, 99)))",
    ],
)
def test_the_default_model_loads_no_torch(code, tmp_path):
    code = code.replace("from core.engine import *", "from core.engine import load_model")
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{LOADED}"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr


def test_the_command_line_loads_no_torch(photo, tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "photo.png"), photo)
    code = (
        "from core.commands import main; main(['segment', 'photo.png', '--click', '200,150', "
        f"'--out', 'mask.png']); {LOADED}"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout.endswith("False\n"), done.stderr
    assert (tmp_path / "mask.png").is_file()


# --- what only torch can do says so -----------------------------------------------------------


@posix
def test_a_worker_without_torch_says_what_it_has(worker):
    assert worker.welcome.versions.keys() >= {"numpy", "openvino"}
    assert worker.welcome.devices == ["cpu"]


@posix
@pytest.mark.parametrize("engine", ["auto", "torch", "openvino"])
def test_published_checkpoints_ask_for_torch(worker, photo, tmp_path, engine):
    path = write_tiny_checkpoint(tmp_path / "tiny.pth")
    with pytest.raises(EngineError, match="needs PyTorch, which is not installed"):
        worker.load_model(str(path), engine=engine)
    with pytest.raises(EngineError, match="'cuda' needs PyTorch"):
        worker.load_model("default", device="cuda")
    assert worker.predict("photo", Prompts(CLICKS[:1])).levels.any()  # the model before is kept


def test_light_files_that_are_damaged_are_named(tmp_path):
    from safetensors.numpy import load_file, save_file

    source = ROOT / "resources" / "models" / "default.safetensors"
    config, _ = native.read_header(source)
    assert isinstance(config, LightConfig)
    path = tmp_path / "short.safetensors"
    path.write_bytes(source.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"short\.safetensors: it is truncated"):
        load_model(path)
    weights = load_file(source)
    del weights["head.bias"]
    from safetensors import safe_open

    with safe_open(str(source), framework="np") as file:
        header = file.metadata()
    save_file(weights, path, metadata=header)
    with pytest.raises(ValueError, match=r"short\.safetensors: .*Missing: head\.bias"):
        load_model(path)


# --- precision --------------------------------------------------------------------------------


def test_bfloat16_is_chosen_where_it_is_native_and_for_light_networks_only(tmp_path, monkeypatch):
    from core.engine import loading

    path = write_tiny_checkpoint(tmp_path / "tiny.pth")
    monkeypatch.setenv("AVALANCHE_ISEG_CACHE", str(tmp_path / "cache" / "models"))
    for native_one, name in (("bf16", "openvino-bf16"), ("f32", "openvino")):
        monkeypatch.setattr(loading, "native_precision", lambda chosen=native_one: chosen)
        assert load_model("default").stages[0].name == name
        assert load_model("default", engine="openvino").stages[0].name == "openvino"
        assert load_model("default", engine="openvino-bf16").stages[0].name == "openvino-bf16"
        assert load_model(path).stages[0].name == "openvino"
    with pytest.raises(EngineError, match="'tiny' is no light network"):
        load_model(path, engine="openvino-bf16")


# --- lists of packages ------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-pytorch.txt"])
def test_the_zip_lists_packages_as_tested(file, tmp_path):
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    declared = set(re.findall(r'"([\w-]+)>=', (ROOT / "pyproject.toml").read_text()))
    lines = (build(tmp_path) / "worker" / file).read_text().splitlines()
    wanted = [line.partition(" ;")[0] for line in lines if not line.startswith("#")]
    pinned = {line for line in wanted if "==" in line}
    names = {re.match(r"[\w-]+", line)[0] for line in wanted}
    assert len(pinned) > 5
    assert pinned <= set(constraints)
    assert names == {line.partition("==")[0] for line in pinned} <= declared
    assert ("torch" in names) == (file == "requirements-pytorch.txt")
