"""Import contracts of `pyproject.toml`: kept by the packaged tree, broken by a planted import."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from package import build  # noqa: E402

LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """The packages in a folder of their own, the plugin as it is packaged."""
    folder = tmp_path_factory.mktemp("tree")
    build(folder)
    for name in ("core", "eval", "training"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(tree: Path) -> tuple[int, list[str]]:
    """Status of lint-imports in a tree, and the contracts that are broken."""
    done = subprocess.run(
        [LINT, "--no-cache"],
        cwd=tree,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    return done.returncode, [line for line in lines if " BROKEN" in line]


def test_the_packaged_tree_keeps_all_contracts(tree):
    assert lint(tree) == (0, [])


@pytest.mark.parametrize(
    ("file", "planted", "contract"),
    [
        ("avalanche_iseg_qgis/gui/widgets.py", "import torch", "plugin: QGIS's process"),
        ("avalanche_iseg_qgis/layers/grid.py", "import rasterio", "plugin: QGIS's process"),
        ("avalanche_iseg_qgis/layers/grid.py", "from ..gui import widgets", "plugin: rooms"),
        ("avalanche_iseg_qgis/canvas/item.py", "import training.config", "training, eval and"),
        ("core/image.py", "from .predictor import Predictor", "data flows one way"),
        ("core/metrics/overlap.py", "import torch", "images, prompts, data sets"),
        ("core/errors.py", "import qgis.core", "core knows neither"),
        ("training/config.py", "from .trainer import Trainer", "training flows one way"),
    ],
)
def test_a_planted_import_breaks_its_contract(tree, file, planted, contract):
    path = tree / file
    source = path.read_text(encoding="utf-8")
    checked = f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {planted}\n"
    future = "from __future__ import annotations\n"
    for code in (planted + "\n", checked):
        try:
            path.write_text(source.replace(future, future + code, 1), encoding="utf-8")
            status, broken = lint(tree)
        finally:
            path.write_text(source, encoding="utf-8")
        assert status == 1
        assert any(name.startswith(contract) for name in broken), broken
