"""Runs inside QGIS (see `run.py`): pytest or a script, in QGIS's own process and event loop."""

from __future__ import annotations

import json
import os
import runpy
import sys
import traceback
from pathlib import Path

from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication
from qgis.utils import iface


def finish(status: int) -> None:
    """End QGIS at once, unsaved projects included."""
    sys.stdout.flush()
    sys.stderr.flush()
    Path(os.environ["ISEG_STATUS"]).write_text(str(int(status)))
    os._exit(0)


def _show_map() -> None:
    """The map instead of the welcome page, in a window as large as the screen."""
    window = iface.mainWindow()
    window.setGeometry(0, 0, 1600, 1000)
    iface.newProject()
    QApplication.setActiveWindow(window)  # no window manager does


def _pytest(arguments: list[str]) -> int:
    import pytest

    sys.argv = ["pytest"]
    return pytest.main(["-p", "no:cacheprovider", "--import-mode=importlib", *arguments])


def _script(arguments: list[str]) -> int:
    sys.argv = arguments
    sys.path.insert(0, os.environ["ISEG_PLUGINS"])  # as QGIS itself does for plugins
    runpy.run_path(arguments[0], run_name="__main__")
    return 0


def _run() -> None:
    status = 1
    try:
        sys.path.insert(0, os.environ["ISEG_TESTS"])
        _show_map()
        if "ISEG_SCRIPT" in os.environ:
            status = _script(json.loads(os.environ["ISEG_SCRIPT"]))
        else:
            status = _pytest(json.loads(os.environ["ISEG_PYTEST"]))
    except BaseException:
        traceback.print_exc()
    finally:
        finish(status)


if {"ISEG_PYTEST", "ISEG_SCRIPT"} & os.environ.keys():
    QTimer.singleShot(0, _run)
