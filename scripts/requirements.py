"""Write the list of packages from which the plugin makes the workers' environment.

It holds what the parts of `core` import that are in the zip, in the versions of `constraints.txt`;
an older Python, for which these were not made, takes what `pyproject.toml` allows.

Usage: ``.venv/bin/python scripts/requirements.py``
"""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tempfile
from pathlib import Path

import tomllib

sys.path.insert(0, str(Path(__file__).parent))
from package import NAME, ROOT, build

TARGET = ROOT / NAME / "worker" / "requirements.txt"
OLDEST, NEWEST = (3, 10), (3, 14)  # of Python; for newer ones not all packages are there
SIZE = "# Size: 440 MB to download, 1800 MB on disk"  # measured on Linux
_NAMES = {"cv2": "opencv-python-headless", "skimage": "scikit-image"}


def imported() -> set[str]:
    """Return the distributions that the packaged `core` imports."""
    with tempfile.TemporaryDirectory() as folder:
        found = set()
        for path in (build(Path(folder)) / "core").rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    found.add(node.module.partition(".")[0])
    return {_NAMES.get(name, name) for name in found - sys.stdlib_module_names}


def lines() -> list[str]:
    """Return the list."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    allowed = [*project["dependencies"], *project["optional-dependencies"]["fast"]]
    tested = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    pins = dict(line.split("==") for line in tested if "==" in line)
    needed = imported()
    python = " to ".join(".".join(map(str, version)) for version in (OLDEST, NEWEST))
    result = [
        "# Packages of the workers' environment. Written by scripts/requirements.py.",
        f"# Python: {python}",
        SIZE,
    ]
    for requirement in allowed:
        name = re.match(r"[\w-]+", requirement)[0]
        if name not in needed:
            continue
        since = importlib.metadata.metadata(name)["Requires-Python"] or ">=3.0"
        first = re.search(r">=\s*3\.(\d+)", since)[1]
        if int(first) > OLDEST[1]:
            result += [
                f'{name}=={pins[name]} ; python_version >= "3.{first}"',
                f'{requirement} ; python_version < "3.{first}"',
            ]
        else:
            result.append(f"{name}=={pins[name]}")
    return result


if __name__ == "__main__":
    TARGET.write_text("\n".join(lines()) + "\n", encoding="utf-8")
    print(TARGET)
