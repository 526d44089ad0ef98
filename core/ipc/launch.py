"""The start of a worker: command, folder and environment of its process.

For QGIS's own Python too: standard library only, Python 3.9.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]

FOLDER = _PACKAGE.parent
"""Where Python finds the same `core` as this one: the plugin, or the checkout."""

# Instead of ``-m``, which would look for modules in the working directory.
_START = (
    "import sys; sys.path[:1] = [{!r}]; import runpy; "
    "runpy.run_module({!r}, run_name='__main__', alter_sys=True)"
)

# What QGIS and virtual environments set for their own Python and libraries.
_FOREIGN = {
    "GDAL_DATA",
    "GDAL_DRIVER_PATH",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "PROJ_DATA",
    "PROJ_LIB",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
}
_FOREIGN_PREFIXES = ("PYTHON", "DYLD_")


def command(interpreter: str | Path, part: str = "worker") -> list[str]:
    """Return program and arguments that start a part of `core` as a worker.

    They hold in any working directory; the plugin's own would keep it from being replaced on
    Windows.
    """
    return module_command(interpreter, f"{_PACKAGE.name}.{part}")


def module_command(interpreter: str | Path, module: str) -> list[str]:
    """Return program and arguments that run a module beside this `core`, such as ``training``."""
    # Not resolved: by their links, virtual environments are recognised.
    program = str(Path(interpreter).absolute() if Path(interpreter).exists() else interpreter)
    code = _START.format(str(FOLDER), module)
    return [program, "-X", "utf8", "-X", "faulthandler", "-c", code]


def environment(parent: Mapping[str, str]) -> dict[str, str]:
    """Return the parent's environment without what leads to another Python's libraries."""
    kept = {
        name: value
        for name, value in parent.items()
        if name.upper() not in _FOREIGN and not name.upper().startswith(_FOREIGN_PREFIXES)
    }
    root = kept.get("OSGEO4W_ROOT")
    if root and "PATH" in kept:  # Windows looks for DLLs there
        entries = kept["PATH"].split(os.pathsep)
        kept["PATH"] = os.pathsep.join(entry for entry in entries if not _below(entry, root))
    return kept


def _below(path: str, root: str) -> bool:
    path, root = (os.path.normcase(os.path.normpath(text)) for text in (path, root))
    return path == root or path.startswith(root + os.sep)
