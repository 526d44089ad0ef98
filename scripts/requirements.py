"""Write the list of packages from which the plugin makes the workers' environment.

It holds what the default model and cameras need, in the versions of `constraints.txt`; an older
Python, for which these were not made, takes what `pyproject.toml` allows.

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

TARGET = ROOT / NAME / "worker" / "requirements.txt"
OLDEST, NEWEST = (3, 10), (3, 14)  # of Python; for newer ones not all packages are there
SIZE = "# Size: 250 MB to download, 900 MB on disk"  # measured on Linux


def lines() -> list[str]:
    """Return the list."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    allowed = project["dependencies"]
    tested = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    pins = dict(line.split("==") for line in tested if "==" in line)
    needed = {*WORKER_PACKAGES["prediction"], *WORKER_PACKAGES["cameras"]}
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
