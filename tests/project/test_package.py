"""The plugin's folder as it is zipped: what the site that publishes it asks for."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

import core

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from package import build  # noqa: E402


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    return build(tmp_path_factory.mktemp("built"))


def test_licences(plugin):
    assert "GNU GENERAL PUBLIC LICENSE" in (plugin / "LICENSE").read_text(encoding="utf-8")
    assert (plugin / "core" / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")


def test_metadata(plugin):
    metadata = configparser.ConfigParser()
    metadata.read(plugin / "metadata.txt", encoding="utf-8")
    general = metadata["general"]
    assert general["version"] == core.__version__
    assert (plugin / general["icon"]).is_file()
    assert core.__version__ in general["changelog"]
    for name in ("name", "description", "about", "author", "email", "tracker", "repository"):
        assert general[name]
        assert "<" not in general[name]


def test_files(plugin):
    files = [path.relative_to(plugin) for path in plugin.rglob("*")]
    assert not [path for path in files if path.name.startswith(".") or "__pycache__" in path.parts]
    assert not [path for path in files if path.suffix in (".pyc", ".so", ".dll", ".sh", ".bat")]
    assert not any((plugin / path).is_symlink() for path in files)
    assert sum((plugin / path).stat().st_size for path in files) < 25e6


def test_a_demo_photo_comes_with_it(plugin):
    assert [path.suffix for path in (plugin / "resources" / "demo").iterdir()] == [".jpg"]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-pytorch.txt"])
def test_the_lists_are_what_their_script_writes(name):
    code = f"import requirements; print('\\n'.join(requirements.lines({name!r})))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "scripts",
        capture_output=True,
        text=True,
        check=True,
    )
    path = ROOT / "avalanche_iseg_qgis" / "worker" / name
    assert path.read_text(encoding="utf-8") == run.stdout, "run scripts/requirements.py"
