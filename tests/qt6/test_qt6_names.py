"""Every name of Qt that the plugin uses is in Qt 6: classes, methods, scoped enums."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
NOT_IN_QT_6 = """
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QMouseEvent
from qgis.PyQt.QtWebKit import QWebView
from qgis.PyQt.QtWidgets import QAction, QDialog

def answer(event: QMouseEvent, button=Qt.LeftButton):
    QDialog().exec_()
    return event.x()
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("mypy")


def missing_names(cache: Path, *what: str) -> list[str]:
    """What mypy says of names that are not there; the rest of what it says is not asked here."""
    command = [sys.executable, "-m", "mypy", "--config-file", str(HERE / "mypy.ini"), *what]
    command += ["--cache-dir", str(cache)]
    run = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, check=False)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    kinds = re.compile(r"\[(attr-defined|name-defined|import[a-z-]*)\]$")
    return [line for line in run.stdout.splitlines() if kinds.search(line)]


def test_every_name_of_qt_is_in_qt_6(cache):
    assert missing_names(cache, "-p", "avalanche_iseg_qgis") == []


def test_what_is_not_in_qt_6_is_found(cache):
    found = "\n".join(missing_names(cache, "-c", NOT_IN_QT_6))
    for name in ("LeftButton", "QtWebKit", "QAction", "exec_", '"x"'):
        assert name in found
