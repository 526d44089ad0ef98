"""Write the lists of packages from which the plugin makes the workers' environment.

They hold what the default model and cameras need, one of them PyTorch for published models too, in
the versions of `constraints.txt`; an older Python, for which these were not made, takes what
`pyproject.toml` allows.

Usage: ``.venv/bin/python scripts/requirements.py``
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import tomllib

sys.path.insert(0, str(Path(__file__).parent))
from package import NAME, ROOT, WORKER_PACKAGES

FOLDER = ROOT / NAME / "worker"
OLDEST, NEWEST = (3, 10), (3, 14)  # of Python; for newer ones not all packages are there
LISTS = {
    "requirements.txt": (("prediction", "cameras"), (250, 900)),
    "requirements-pytorch.txt": (
        ("prediction", "cameras", "checkpoints", "training"),
        (465, 1860),
    ),
}
"""Kinds of work, and MB to download and on disk, measured on Linux."""


def lines(file: str) -> list[str]:
    """Return one of `LISTS`."""
    kinds, (download, disk) = LISTS[file]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    extra = dict.fromkeys((*extras["torch"], *extras["training"]))
    allowed = [*project["dependencies"], *extra]
    tested = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    pins = dict(line.split("==") for line in tested if "==" in line)
    needed = {name for kind in kinds for name in WORKER_PACKAGES[kind]}
    python = " to ".join(".".join(map(str, version)) for version in (OLDEST, NEWEST))
    result = [
        "# Packages of the workers' environment. Written by scripts/requirements.py.",
        f"# Python: {python}",
        f"# Size: {download} MB to download, {disk} MB on disk",
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
    for name in LISTS:
        (FOLDER / name).write_text("\n".join(lines(name)) + "\n", encoding="utf-8")
        print(FOLDER / name)
