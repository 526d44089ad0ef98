"""Build the API reference of `core` from its docstrings: ``python scripts/api.py [FOLDER]``."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pdoc

PACKAGES = ("camera", "datasets", "engine", "metrics", "outline", "predictor", "projection")
MODULES = ["core", *(f"core.{name}" for name in PACKAGES), "core.terrain", "core.worker.client"]


def main() -> None:
    """Write HTML pages; names that are imported when first used are imported for it."""
    for module in map(import_module, MODULES):
        for name in getattr(module, "__all__", ()):
            setattr(module, name, getattr(module, name))
    pdoc.render.configure(docformat="numpy")
    pdoc.pdoc(*MODULES, output_directory=Path(*sys.argv[1:] or ["build/api"]))


if __name__ == "__main__":
    main()
