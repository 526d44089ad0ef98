"""Build the plugin: a folder that QGIS can load, and the zip to install.

The plugin carries its own copy of `core`, without the parts that only scripts use: its worker
process runs that copy, in an environment of its own. `training` comes along for fine-tuning, which
runs in that environment too. What that needs is listed in
``worker/requirements.txt``, with PyTorch in ``requirements-pytorch.txt`` (`requirements.py`).

Usage: ``python scripts/package.py [FOLDER]``. Without a folder the zip goes into ``dist/``.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

from translations import compile_languages

ROOT = Path(__file__).resolve().parents[1]
NAME = "avalanche_iseg_qgis"
# Of core, what neither the plugin nor its worker needs.
_SCRIPTS_ONLY = (
    "__main__.py",
    "commands",
    "ipc/client.py",
    "survey/client.py",
    "worker/client.py",
    "worker/frames.py",
    "worker/launch.py",
)
_PREDICTION = (
    "affine",
    "numpy",
    "opencv-python-headless",
    "openvino",
    "rasterio",
    "safetensors",
    "shapely",
)
WORKER_PACKAGES = {
    "prediction": _PREDICTION,
    "cameras": (
        "affine",
        "numpy",
        "opencv-python-headless",
        "pyproj",
        "rasterio",
        "scikit-image",
        "scipy",
        "shapely",
    ),
    "checkpoints": (*_PREDICTION, "torch"),
    "training": ("pyogrio", "pyyaml", "tqdm", "torch"),
}
"""What workers need: to run the default model, for cameras, to run published checkpoints too, and
to fine-tune."""


def build(parent: Path) -> Path:
    """Make the plugin's folder below ``parent``, replacing one that is there; returns it."""
    plugin = parent / NAME
    if plugin.exists():
        shutil.rmtree(plugin)
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "*.po")
    shutil.copytree(ROOT / NAME, plugin, ignore=unwanted, symlinks=True)
    (plugin / "core").unlink(missing_ok=True)  # a link in a checkout
    shutil.copytree(ROOT / "core", plugin / "core", ignore=unwanted)
    for part in _SCRIPTS_ONLY:
        path = plugin / "core" / part
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.copytree(ROOT / "training", plugin / "training", ignore=unwanted)
    shutil.copytree(ROOT / "resources", plugin / "resources")
    compile_languages(ROOT / NAME / "languages", plugin / "languages")
    shutil.copy(ROOT / "LICENSE", plugin / "core")  # the plugin has its own
    metadata = (ROOT / "metadata.txt").read_text(encoding="utf-8").rstrip("\n")
    text = f"{metadata}\nchangelog={_changelog()}\n"
    (plugin / "metadata.txt").write_text(text, encoding="utf-8")
    return plugin


def _changelog() -> str:
    """Return the latest two versions of the changelog, as a value of metadata.txt."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.split(r"^## ", text, flags=re.MULTILINE)[1:3]
    lines = [line for version in versions for line in version.replace("### ", "").splitlines()]
    return "\n    ".join(line.strip().replace("%", "%%") for line in lines if line.strip())


def main() -> None:
    """Build in the folder given on the command line."""
    if len(sys.argv) > 1:
        print(build(Path(sys.argv[1])))
        return
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        print(shutil.make_archive(str(dist / NAME), "zip", folder, NAME))


if __name__ == "__main__":
    main()
