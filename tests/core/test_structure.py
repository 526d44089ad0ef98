"""The structure of the source: no import circles, one meaning a class, words of the glossary."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "eval", "training", "avalanche_iseg_qgis")
SHARED_NAMES: dict[str, str] = {}
"""Class names that may be defined twice, and why; three at most."""

Graph = dict[str, set[str]]


def sources(root: Path = ROOT) -> dict[str, Path]:
    """Every file of the product by its module's name; `core` inside the plugin is a link to it."""
    paths = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if parts[:2] != ("avalanche_iseg_qgis", "core"):
                paths[".".join(parts).removesuffix(".__init__")] = path
    return paths


def imports(module: str, path: Path, known: Iterable[str]) -> set[str]:
    """Modules of the product that a file imports, anywhere in it, for type checkers only too."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join(base) if node.level else ""
            base = ".".join(filter(None, (base, node.module)))
            base = base.removeprefix("avalanche_iseg_qgis.") if ".core" in base else base
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= (names & set(known)) or {base}
    return {name for name in found if name in known and name != module}


def file_graph(root: Path = ROOT) -> Graph:
    """Which file imports which."""
    paths = sources(root)
    return {module: imports(module, path, paths) for module, path in paths.items()}


def folder_graph(graph: Mapping[str, set[str]], paths: Mapping[str, Path]) -> Graph:
    """Which folder imports which; a file on the ground floor of a package stands for itself."""

    def folder(module: str) -> str:
        parts = module.split(".")
        inner = parts if paths[module].name == "__init__.py" else parts[:-1]
        return ".".join(inner) if len(inner) > 1 else module

    found: Graph = defaultdict(set)
    for module, targets in graph.items():
        found[folder(module)] |= {folder(target) for target in targets} - {folder(module)}
    return found


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other (Tarjan 1972)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in order:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], order[target])
        if low[node] == order[node]:
            group = [stack.pop()]
            while group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found


def defined_classes(root: Path = ROOT) -> dict[str, list[str]]:
    """Modules in which each class name is defined."""
    found = defaultdict(list)
    for module, path in sources(root).items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(module)
    return found


def avoided_words() -> set[str]:
    """Words in code font in the last column of the glossary's tables."""
    rows = re.findall(r"^\|.*\|([^|]*)\|$", (ROOT / "CONTEXT.md").read_text("utf-8"), re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`(\w+)`", row)}


def words_of(name: str) -> set[str]:
    """The words of a name: ``map_tool``, ``MapTool``."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


# --- the product ----------------------------------------------------------------------------


def test_no_import_circle_between_files():
    assert circles(file_graph()) == []


def test_no_import_circle_between_folders():
    assert circles(folder_graph(file_graph(), sources())) == []


def test_a_class_name_means_one_thing():
    twice = {name: where for name, where in defined_classes().items() if len(where) > 1}
    assert set(twice) == set(SHARED_NAMES), twice
    assert len(SHARED_NAMES) <= 3


def test_classes_and_files_are_named_as_the_glossary_says():
    avoided = avoided_words()
    assert len(avoided) > 20
    names = {name: f"class in {where}" for name, where in defined_classes().items()}
    names.update({module.rpartition(".")[2]: str(path) for module, path in sources().items()})
    wrong = {name: where for name, where in names.items() if words_of(name) & avoided}
    assert wrong == {}


# --- the checks themselves ------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small product with two folders."""
    for name in ("core/a", "core/b", "eval", "training", "avalanche_iseg_qgis"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    for folder in (tmp_path / "core", tmp_path / "core/a", tmp_path / "core/b"):
        (folder / "__init__.py").touch()
    (tmp_path / "core/a/one.py").write_text("from ..b import two\n")
    (tmp_path / "core/a/three.py").write_text("")
    (tmp_path / "core/b/two.py").write_text("")
    return tmp_path


def test_a_tree_without_circles(tree):
    assert file_graph(tree)["core.a.one"] == {"core.b.two"}
    assert circles(file_graph(tree)) == []
    assert circles(folder_graph(file_graph(tree), sources(tree))) == []


@pytest.mark.parametrize(
    "planted",
    [
        "from ..a import one\n",
        "def f():\n    from ..a.one import x\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import core.a.one\n",
    ],
)
def test_a_planted_circle_is_found(tree, planted):
    (tree / "core/b/two.py").write_text(planted)
    assert circles(file_graph(tree)) == [["core.a.one", "core.b.two"]]


def test_a_planted_circle_of_folders_is_found(tree):
    (tree / "core/b/two.py").write_text("from ..a import three\n")
    assert circles(file_graph(tree)) == []
    assert circles(folder_graph(file_graph(tree), sources(tree))) == [["core.a", "core.b"]]


def test_a_class_defined_twice_is_found(tree):
    for name in ("core/a/one.py", "core/b/two.py"):
        (tree / name).write_text("class View: pass\n")
    assert defined_classes(tree)["View"] == ["core.a.one", "core.b.two"]


def test_words_of_names():
    assert words_of("MapTool") == words_of("map_tool") == {"map", "tool"}
    assert words_of("HRNetOCR") == {"hr", "net", "ocr"} or "ocr" in words_of("HRNetOCR")
