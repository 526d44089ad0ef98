"""`core` keeps to itself: relative imports, nothing heavy on import, works as a sub-package."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import write_tiny_checkpoint

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "core").rglob("*.py"))
OWN = {"core", "eval", "training", "avalanche_iseg_qgis", "tests"}
FOREIGN = {"qgis", "osgeo", "PyQt5", "PyQt6", "PySide2", "PySide6"}


def imported(source: str) -> set[str]:
    """Top-level names of all absolute imports, wherever they stand."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(str(node.module).split(".")[0])
    return names


def run(code: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a fresh interpreter that finds packages of ``folder``, and no other own."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment["OMP_NUM_THREADS"] = "1"
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


# --- imports in the source ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import core", {"core"}),
        ("import core.model as m, os", {"core", "os"}),
        ("from core.errors import IsegError", {"core"}),
        ("def f():\n    from core import zoo", {"core"}),
        ("from . import zoo\nfrom ..model import x\nfrom .core import y", set()),
    ],
)
def test_the_search_finds_absolute_imports(source, names):
    assert imported(source) == names


def test_there_is_something_to_search():
    assert len(FILES) > 30
    assert ROOT / "core" / "model" / "network.py" in FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_core_imports_itself_relatively_and_no_gui(path):
    assert imported(path.read_text(encoding="utf-8")) & (OWN | FOREIGN) == set()


def test_relative_imports_stay_inside_the_package():
    for path in FILES:
        depth = len(path.relative_to(ROOT).parts) - 1
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level <= depth, f"{path}:{node.lineno}"


def test_every_folder_is_a_package():
    for folder in {path.parent for path in FILES}:
        assert (folder / "__init__.py").is_file(), folder


# --- what an import loads -------------------------------------------------------------------

LIGHT = "core, core.prompts, core.zoo, core.image, core.datasets, core.metrics"
LIGHT += ", core.robot_user, core.outline"
REPORT = "import sys; print({'torch', 'openvino', 'core.model'} & set(sys.modules))"


@pytest.mark.parametrize("names", [LIGHT, *LIGHT.split(", ")])
def test_light_modules_load_neither_torch_nor_openvino(names):
    done = run(f"import {names}\n{REPORT}", ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "set()\n", "")


def test_the_report_would_tell():
    done = run(f"import core.model\n{REPORT}", ROOT)
    assert "torch" in done.stdout
    assert "core.model" in done.stdout
    assert "openvino" not in done.stdout


# --- as part of the plugin ------------------------------------------------------------------

INSIDE = """
import sys
import plugin.core.predictor
from plugin.core.engine import load_model
from plugin.core.errors import CheckpointError
assert not [name for name in sys.modules if name.split(".")[0] == "core"]
loaded = load_model(sys.argv[1], engine="torch")
assert type(loaded.stages[0].model).__module__ == "plugin.core.model.network"
try:
    load_model(sys.argv[2], engine="torch")
except CheckpointError as error:
    print("refused", error)
"""


@pytest.fixture
def plugin_folder(tmp_path: Path) -> Path:
    """A folder with a copy of ``core`` inside another package."""
    (tmp_path / "plugin").mkdir()
    (tmp_path / "plugin" / "__init__.py").touch()
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "core", tmp_path / "plugin" / "core", ignore=ignored)
    return tmp_path


def test_core_works_inside_another_package(plugin_folder):
    model = write_tiny_checkpoint(plugin_folder / "tiny.pth")
    broken = plugin_folder / "broken.pth"
    broken.write_bytes(b"no model")
    done = run(INSIDE, plugin_folder, str(model), str(broken))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("refused Cannot use the model file")


def test_the_command_line_works_inside_another_package(plugin_folder):
    done = run(
        "import runpy, sys; sys.argv = ['core', '--help'];"
        "runpy.run_module('plugin.core', run_name='__main__')",
        plugin_folder,
    )
    assert done.returncode == 0, done.stderr
    assert "segment" in done.stdout
