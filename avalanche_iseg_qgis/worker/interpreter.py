"""The worker's Python, where the user has not chosen one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_VARIABLE = "AVALANCHE_ISEG_PYTHON"
_IN_ENVIRONMENT = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"


def find_interpreter() -> str:
    """Return the environment variable AVALANCHE_ISEG_PYTHON, else the Python of ``make setup``.

    The latter if the plugin's folder lies in a checkout or links into one; "" if there is none.
    """
    chosen = os.environ.get(_VARIABLE)
    if chosen:
        return chosen
    for folder in Path(__file__).resolve().parents[2:]:
        python = folder / ".venv" / _IN_ENVIRONMENT
        if python.is_file() and (folder / "core" / "worker").is_dir():
            return str(python)
    return ""
