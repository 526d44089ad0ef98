"""`core` keeps to itself: relative imports, nothing heavy on import, works as a sub-package.

And what runs in QGIS's own Python suits it wherever QGIS runs: Python 3.9, NumPy, Qt 5 and Qt 6.
"""

from __future__ import annotations

import ast
import builtins
import os
import re
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
    return subprocess.run(
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
LIGHT += ", core.robot_user, core.outline, core.arguments"
REPORT = "import sys; print({'torch', 'openvino', 'core.model'} & set(sys.modules))"


@pytest.mark.parametrize("names", [LIGHT, *LIGHT.split(", ")])
def test_light_modules_load_neither_torch_nor_openvino(names):
    done = run(f"import {names}\n{REPORT}", ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "set()\n", "")


def test_the_report_would_tell():
    done = run(f"import core.model.network\n{REPORT}", ROOT)
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


# --- in QGIS's own Python -------------------------------------------------------------------

LIGHT_PARTS = {
    "capture_time",
    "containers",
    "errors",
    "files",
    "json_files",
    "mask_image",
    "prompts",
}
LIGHT_PARTS |= {"file_length", "stored_prompts", "text_files"}
LIGHT_PARTS |= {f"ipc.{name}" for name in ("envelope", "frames", "geometry", "launch")}
LIGHT_PARTS |= {"zoo", "version"}
LIGHT_PARTS |= {f"zoo.{name}" for name in ("cache", "download", "integrity", "lock", "registry")}
LIGHT_PARTS |= {"camera", "camera.camera", "camera.control_points", "camera.refraction"}
LIGHT_PARTS |= {
    "camera.foreign_gcps",
    "camera.gcp_table",
    "camera.lens",
    "camera.record",
    "camera.resizing",
    "camera.station",
    "camera.turning",
    "survey.protocol",
    "worker.protocol",
    "projection.cache",
    "projection.range_map",
}
LIGHT_PARTS |= {"series"}
LIGHT_PARTS |= {f"series.{name}" for name in ("activity", "exif_times", "listing", "looks")}
LIGHT_PARTS |= {f"series.{name}" for name in ("name_rule", "records", "release_times", "screening")}
LIGHT_PARTS |= {"series.sources"}
LIGHT_PARTS |= {"exchange", "file_names"}
LIGHT_PARTS |= {
    f"exchange.{name}"
    for name in ("activity", "avalanche", "awsome", "coco", "geojson", "images", "release")
}
LIGHT_PARTS |= {"geopackage"}
LIGHT_PARTS |= {f"geopackage.{name}" for name in ("database", "edit_notes", "history", "merging")}
IN_QGIS = sorted((ROOT / "avalanche_iseg_qgis").rglob("*.py"))
ROOMS = {
    "",
    "camera",
    "exchange",
    "geopackage",
    "ipc",
    "projection",
    "series",
    "survey",
    "worker",
    "zoo",
}
IN_QGIS += [ROOT / "core" / f"{part.replace('.', '/')}.py" for part in sorted(LIGHT_PARTS - ROOMS)]
IN_QGIS += [ROOT / "core" / room / "__init__.py" for room in sorted(ROOMS)]
IN_QGIS += [  # what the range map stands on
    ROOT / "core" / "projection" / f"{name}.py"
    for name in ("lines_of_sight", "profiles", "binary_search", "threads")
]
PRESENT = (sys.stdlib_module_names | {"numpy", "osgeo", "qgis"}) - {"subprocess", "pickle"}
NEWER = {"ParamSpec", "Self", "StrEnum", "TypeAlias", "TypeGuard", "UTC", "pairwise", "tomllib"}
NEWER_OPTIONS = {("zip", "strict"), ("dataclass", "slots"), ("dataclass", "kw_only")}

each_file = pytest.mark.parametrize("path", IN_QGIS, ids=lambda p: p.relative_to(ROOT).as_posix())


def evaluated(source: str) -> list[ast.AST]:
    """What Python evaluates: all but annotations and what stands under ``if TYPE_CHECKING``."""
    nodes: list[ast.AST] = [ast.parse(source, feature_version=(3, 9))]
    for node in nodes:  # which grows
        for field, value in ast.iter_fields(node):
            if field not in ("annotation", "returns"):
                below = value if isinstance(value, list) else [value]
                nodes += [n for n in below if isinstance(n, ast.AST) and not is_for_checkers(n)]
    return nodes


def is_for_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and last_name(node.test) == "TYPE_CHECKING"


def last_name(node: ast.AST) -> str:
    """``c`` of ``a.b.c``; nothing where there is no name."""
    return getattr(node, "attr", getattr(node, "id", ""))


def looks_like_a_type(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return looks_like_a_type(node.value)
    if isinstance(node, ast.Name):
        known = isinstance(getattr(builtins, node.id, None), type)
        return known or bool(re.match("_?[A-Z][A-Za-z]*[a-z]", node.id))
    return isinstance(node, ast.Constant) and node.value is None


def too_new(source: str) -> set[str]:
    """What Python 3.9 does not know, as far as it is told by its look."""
    found = set()
    for node in evaluated(source):
        if isinstance(node, ast.Call):
            options = {(last_name(node.func), option.arg) for option in node.keywords}
            found |= {f"{called}({option}=)" for called, option in options & NEWER_OPTIONS}
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            if looks_like_a_type(node.left) or looks_like_a_type(node.right):
                found.add(ast.unparse(node))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.name for alias in node.names} & NEWER
    return found


def parts_of_core(source: str) -> set[str]:
    """Modules of the plugin's `core` that an import loads."""
    found = set()
    for node in evaluated(source):
        if isinstance(node, ast.ImportFrom) and node.level:
            package, _, part = f"{node.module}.".partition(".")
            if package == "core":
                rooms = ("", "ipc.", "worker.")
                names = [alias.name for alias in node.names] if part in rooms else [""]
                found |= {(part + name).rstrip(".") for name in names}
    return found


def unscoped(source: str) -> set[str]:
    """Values of Qt's enums without their enum, which Qt 6 does not have: ``Qt.LeftButton``."""
    nodes = evaluated(source)
    # Qt.MouseButton is no value where it leads on, as in Qt.MouseButton.LeftButton, or is called.
    leading = {id(n.value) for n in nodes if isinstance(n, ast.Attribute)}
    leading |= {id(n.func) for n in nodes if isinstance(n, ast.Call)}
    names = {ast.unparse(n) for n in nodes if isinstance(n, ast.Attribute) and id(n) not in leading}
    # QGIS itself keeps QVariant.Int and the like for Qt 6.
    return {name for name in names if re.fullmatch(r"Q(?!Variant\.)\w*\.[A-Z]\w*[a-z]\w*", name)}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("X = int | None", {"int | None"}),
        ("isinstance(x, Click | Box)", {"Click | Box"}),
        ("x = cast(list[int] | None, y)", {"list[int] | None"}),
        ("def f(x: int | None) -> Click | None:\n    y: str | int = a | B_C | Qt.A.Bc", set()),
        ("if TYPE_CHECKING:\n    from typing import TypeAlias\n    X = int | None", set()),
        ("zip(a, b, strict=True)", {"zip(strict=)"}),
        ("@dataclasses.dataclass(frozen=True, slots=True)\nclass A: pass", {"dataclass(slots=)"}),
        ("from itertools import pairwise\nimport tomllib", {"pairwise", "tomllib"}),
    ],
)
def test_the_search_finds_what_is_too_new(source, found):
    assert too_new(source) == found


def test_the_search_refuses_newer_syntax():
    with pytest.raises(SyntaxError, match=r"3\.10"):
        too_new("match x:\n    case 1: pass")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("event.button() == Qt.LeftButton", {"Qt.LeftButton"}),
        ("QImage(1, 1, QImage.Format_Indexed8)", {"QImage.Format_Indexed8"}),
        ("a = Qt.MouseButton.LeftButton | Qt.MouseButton(0)", set()),
        ("def f(a: Qt.MouseButton): return Qgis.QGIS_VERSION_INT", set()),
    ],
)
def test_the_search_finds_unscoped_enums(source, found):
    assert unscoped(source) == found


def test_the_search_finds_parts_of_core():
    source = "from ..core.model.light import x\nfrom ..core import zoo\nfrom .core_like import y"
    assert parts_of_core(source) == {"model.light", "zoo"}
    assert parts_of_core("from .core.worker import protocol") == {"worker.protocol"}
    assert parts_of_core("from . import core") == set()


@each_file
def test_files_in_qgis_are_python_3_9(path):
    source = path.read_text(encoding="utf-8")
    assert too_new(source) == set()
    future = "from __future__ import annotations" in source
    assert future or not re.search(r"^\s*(def|class) ", source, re.MULTILINE)


@each_file
def test_files_in_qgis_import_only_what_is_there(path):
    assert imported(path.read_text(encoding="utf-8")) <= PRESENT


@each_file
def test_the_plugin_takes_only_light_parts_of_core(path):
    assert parts_of_core(path.read_text(encoding="utf-8")) <= LIGHT_PARTS


@each_file
def test_enums_are_scoped(path):
    assert unscoped(path.read_text(encoding="utf-8")) == set()
