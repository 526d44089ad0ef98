"""An interpreter that finds only the packages that a kind of work lists (`scripts/package.py`)."""

from __future__ import annotations

import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from core.ipc.launch import FOLDER

sys.path.insert(0, str(FOLDER / "scripts"))

import package

_START = """
import sys

class Limits:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {forbidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Limits())
exec(sys.argv[-1])  # what `core.ipc.launch` gives behind -c
"""


def limited_python(folder: Path, kind: str) -> Path:
    """Write a program that starts workers as Python does, without all other packages."""
    allowed = _with_dependencies(package.WORKER_PACKAGES[kind])
    own = {"core", "eval", "training", "avalanche_iseg"}
    forbidden = {
        module
        for module, names in packages_distributions().items()
        if not allowed & {canonicalize_name(name) for name in names}
    }
    start, program = folder / f"{kind}.py", folder / kind
    start.write_text(_START.format(forbidden=forbidden - own))
    code = f'exec(open("{start}").read())'
    program.write_text(f"#!/bin/sh\ncd '{FOLDER}' && exec '{sys.executable}' -c '{code}' \"$@\"\n")
    program.chmod(0o755)
    return program


def _with_dependencies(packages: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in packages]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            for text in requires(name) or ():
                requirement = Requirement(text)
                if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                    waiting.append(canonicalize_name(requirement.name))
    return found
