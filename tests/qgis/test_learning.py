"""Fine-tuning in `qgis_process`, from the plugin's zip, and its model in the window *Models*."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from qgis.core import QgsSettings
from toolbox import ROOT, Toolbox

from avalanche_iseg_qgis.gui.models_dialog import ModelsDialog
from avalanche_iseg_qgis.models import catalogue
from avalanche_iseg_qgis.models.catalogue import usable

_MAKE = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/tests/training"]
from pathlib import Path
import torch
from mapped_fixtures import winter
from core.model.config import LightConfig
from core.model.native import write
from core.model.network import build_model
from training.initial_weights import initialise
folder = Path({folder!r})
winter(folder / "many", 4, each=5)
winter(folder / "few", 3)
model = build_model(LightConfig(channels=16))
initialise(model, torch.Generator().manual_seed(1))
write(folder / "parent.safetensors", model, {{"view": [64, 64], "overview": [64, 64]}})
"""


@pytest.fixture(scope="module")
def given(tmp_path_factory, interpreter) -> Path:
    """GeoPackages of 4 and of 3 days, and a small model."""
    folder = tmp_path_factory.mktemp("given")
    code = _MAKE.format(root=str(ROOT), folder=str(folder))
    kept = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    subprocess.run([interpreter, "-c", code], check=True, env=kept, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory, interpreter) -> Toolbox:
    made = Toolbox(tmp_path_factory.mktemp("toolbox"), interpreter)
    made.variables["AVALANCHE_ISEG_MODELS"] = str(made.home / "own")
    made.variables["OMP_NUM_THREADS"] = "1"
    return made


def inputs(given: Path, name: str, out: Path, **more) -> dict:
    file = given / name / "hut.gpkg"
    return {
        "INPUT": file,
        "MODEL": given / "parent.safetensors",
        "OUTPUT": out,
        "ZONE": "UTC",
    } | more


@pytest.fixture(scope="module")
def tuned(given, toolbox) -> dict:
    """Results of a fine-tuning of 40 samples."""
    out = toolbox.home / "tuned"
    return toolbox.run("finetune", **inputs(given, "many", out, NAME="hut-2024", SAMPLES=40))


def test_the_outputs_are_those_of_the_report(tuned, toolbox):
    report = json.loads((toolbox.home / "tuned" / "report.json").read_text(encoding="utf-8"))
    assert tuned["VERDICT"] == report["verdict"]
    assert tuned["CONCLUSION"] == report["conclusion"]
    assert tuned["NOC_BEFORE"] == report["gains"]["NoC@85"]["before"]
    assert tuned["NOC_AFTER"] == report["gains"]["NoC@85"]["after"]
    assert bool(tuned["MODEL_FILE"]) == (report["verdict"] != "none")


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("few", {}, "too few to learn from"),
        ("many", {"MODEL": "/no/such.safetensors"}, "such.safetensors"),
        ("many", {"ZONE": "Mars"}, "time zone"),
        ("many", {"NAME": "a/b"}, "no name for a file"),
        ("many", {"INPUT": "/no/such.gpkg"}, "INPUT: "),
        ("many", {"PHOTOS": "/no/such"}, "such"),
    ],
)
def test_what_does_not_fit_is_a_sentence(given, toolbox, tmp_path, name, more, words):
    said = toolbox.refusal("finetune", **inputs(given, name, tmp_path / "out", **more))
    assert words in said


def test_a_layer_of_something_else_is_a_sentence(given, toolbox, tmp_path):
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    feature = {"type": "Feature", "properties": {"a": 1}, "geometry": square}
    content = {"type": "FeatureCollection", "features": [feature]}
    path = tmp_path / "lakes.geojson"
    path.write_text(json.dumps(content))
    said = toolbox.refusal("finetune", **inputs(given, "few", tmp_path / "out", INPUT=path))
    assert "lakes.geojson has no layer of the plugin" in said


def test_an_environment_without_pytorch_says_what_to_install(given, toolbox, tmp_path):
    python = tmp_path / "python"
    real = toolbox.variables["AVALANCHE_ISEG_PYTHON"]
    blocked = (
        "import importlib.util as u; find = u.find_spec; "
        "u.find_spec = lambda name, *a: None if name == 'torch' else find(name, *a); "
    )
    python.write_text(
        "#!/bin/sh\n"
        "shift 5\n"  # -X utf8 -X faulthandler -c
        "code=$1\n"
        "shift\n"
        f'exec "{real}" -c "{blocked}$code" "$@"\n'
    )
    python.chmod(0o755)
    toolbox.variables["AVALANCHE_ISEG_PYTHON"] = str(python)
    try:
        said = toolbox.refusal("finetune", **inputs(given, "many", tmp_path / "out"))
    finally:
        toolbox.variables["AVALANCHE_ISEG_PYTHON"] = real
    assert "pip install torch" in said
    assert "Set up" in said


# --- the list of models -------------------------------------------------------------------------


@pytest.fixture
def made(tuned, toolbox, tmp_path, monkeypatch) -> Path:
    """The folder of models made here, with the fine-tuned one."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("AVALANCHE_ISEG_MODELS", str(folder))
    if not tuned["MODEL_FILE"]:
        pytest.fail("the fine-tuning gave no model")
    for suffix in (".safetensors", ".md"):
        shutil.copy(Path(tuned["MODEL_FILE"]).with_suffix(suffix), folder)
    QgsSettings().remove("avalanche_iseg")
    yield folder
    QgsSettings().remove("avalanche_iseg")


def test_the_model_is_listed_with_its_card(made, tuned):
    name = str(made / "hut-2024.safetensors")
    assert usable("default")[name] == "hut-2024"
    dialog = ModelsDialog()
    dialog.select(name)
    text = dialog.details.text()
    for words in ("Fine-tuned from parent", "cameras hut", f"{tuned['NOC_AFTER']:.2f} after"):
        assert words in text
    assert dialog.use.isEnabled()
    assert dialog.delete.text() == "Delete"
    dialog.deleteLater()


def test_the_model_is_deleted_with_its_card(made):
    name = str(made / "hut-2024.safetensors")
    dialog = ModelsDialog()
    dialog.select(name)
    dialog.use.click()
    dialog.delete.click()
    assert os.listdir(made) == []  # noqa: PTH208
    assert name not in usable("default")
    assert not catalogue.made_files()
    assert QgsSettings().value("avalanche_iseg/model", "default") == "default"
    dialog.deleteLater()


@pytest.mark.parametrize(
    "content", [b"", b"\x08\0\0\0\0\0\0\0{}", b"\xff" * 40, b"\x02\0\0\0\0\0\0\0[]"]
)
def test_files_that_are_no_fine_tuned_models_are_listed_as_files(made, content):
    (made / "other.safetensors").write_bytes(content)
    entry = catalogue.entry_of(str(made / "other.safetensors"))
    assert entry.title == "other.safetensors"
    assert entry.clicks == ""
