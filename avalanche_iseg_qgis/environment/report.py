"""A report to be sent to the developers: versions and what happened, without the user's name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from qgis.core import Qgis
from qgis.PyQt.QtCore import QSysInfo, qVersion

from ..core.version import __version__

_LOG_LINES = 40


def make_report(
    interpreter: str, results: Iterable[str], versions: Mapping[str, str], log: Iterable[str]
) -> str:
    """Return the report, as text.

    Parameters
    ----------
    interpreter
        Python of the workers.
    results
        Sentences about what works.
    versions
        Of Python and packages.
    log
        Lines; the last ones are taken.
    """
    packages = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    lines = [
        f"Avalanche ISeg {__version__}",
        f"QGIS {Qgis.QGIS_VERSION}, Qt {qVersion()}",
        f"{QSysInfo.prettyProductName()}, {QSysInfo.currentCpuArchitecture()}",
        f"Interpreter: {interpreter or 'none'}",
        f"Packages: {packages or 'not known'}",
        "",
        *results,
        "",
        "Log:",
        *list(log)[-_LOG_LINES:],
    ]
    return without_home("\n".join(lines)) + "\n"


def without_home(text: str, home: str = "") -> str:
    """Return a text in which the user's folder is ``~``, however it is written."""
    homes = [home] if home else [str(Path.home()), os.path.realpath(Path.home())]
    for path in sorted(set(homes), key=len, reverse=True):
        if len(path) > 1:
            parts = [re.escape(part) for part in re.split(r"[\\/]+", path.rstrip("\\/"))]
            pattern = r"(?<![\w.~-])" + r"[\\/]+".join(parts) + r"(?![\w-])"
            ignore = re.IGNORECASE if "\\" in path else 0  # Windows
            text = re.sub(pattern, "~", text, flags=ignore)
    return text
