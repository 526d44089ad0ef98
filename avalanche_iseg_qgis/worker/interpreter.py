"""The worker's Python: the one that the user has chosen, or one that is found."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..core.files import is_file

_VARIABLE = "AVALANCHE_ISEG_PYTHON"
IN_ENVIRONMENT = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
_IN_FOLDER = (IN_ENVIRONMENT, f".venv/{IN_ENVIRONMENT}", "bin/python3", "python.exe")


def interpreter_of(text: str) -> str:
    """Return the Python that a user means: a program, or the folder of its environment.

    Quotes are dropped, which Windows puts round a path that is copied. Links stay: by them Python
    recognises its environment.
    """
    text = os.path.expanduser(text.strip().strip("\"'").strip())  # noqa: PTH111, "" stays ""
    programs = (Path(text, name) for name in _IN_FOLDER) if text else ()
    return next((str(program) for program in programs if is_file(program)), text)


def chosen_interpreter(text: str) -> str:
    """Return the Python that a user means, or the one that is found where the text is empty."""
    return interpreter_of(text) or find_interpreter()


def find_interpreter() -> str:
    """Return the environment variable AVALANCHE_ISEG_PYTHON, else the Python of ``make setup``.

    The latter if the plugin's folder lies in a checkout or links into one; "" if there is none.
    """
    chosen = os.environ.get(_VARIABLE)
    if chosen:
        return interpreter_of(chosen)
    for folder in Path(__file__).resolve().parents[2:]:
        python = folder / ".venv" / IN_ENVIRONMENT
        if python.is_file() and (folder / "core" / "worker").is_dir():
            return str(python)
    return ""
