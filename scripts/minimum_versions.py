"""Print the oldest versions that `pyproject.toml` allows, as constraints for pip.

PyTorch stays as in `constraints.txt`: of older versions there is no small CPU build to test with.
"""

from __future__ import annotations

import re
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print a line ``package==version`` for every dependency with a lower bound."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["fast"], *extras["eval"], *extras["training"]]
    for requirement in wanted:
        name, oldest = re.fullmatch(r"([\w-]+)>=([\w.]+)", requirement).groups()
        if name != "torch":
            print(f"{name}=={oldest}")
    tested = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    print(*(line for line in tested if line.startswith(("torch=", "pytest"))), sep="\n")


if __name__ == "__main__":
    main()
