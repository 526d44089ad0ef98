"""The real QGIS around the tests: its window, its canvas, the plugin as packaged."""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from pathlib import Path

import pytest

if "ISEG_PLUGINS" not in os.environ:
    pytest.exit("These tests run inside QGIS: python3 tests/qgis/run.py", returncode=2)

from qgis import utils
from qgis.core import QgsApplication, QgsProject, QgsSettings, QgsVectorLayer
from qgis.PyQt.QtTest import QTest

ROOT = Path(__file__).resolve().parents[2]
NAME = "avalanche_iseg_qgis"
sys.path.insert(0, os.environ["ISEG_PLUGINS"])  # as QGIS itself does
sys.path.append(str(ROOT / "tests"))  # helpers shared with tests that need no QGIS


def pytest_configure(config) -> None:
    """Let what was raised in a thread fail the test, too."""
    warning = "pytest.PytestUnhandledThreadExceptionWarning"
    config.addinivalue_line("filterwarnings", f"error::{warning}")


@pytest.fixture(autouse=True)
def uncaught(monkeypatch):
    """What was raised in slots and events: in QGIS a dialog, in tests a failure."""
    errors: list[str] = []

    def note(kind, error, trace) -> None:
        errors.append("".join(traceback.format_exception(kind, error, trace)))

    monkeypatch.setattr(sys, "excepthook", note)
    yield errors
    fail_with(errors)


def fail_with(errors: list[str]) -> None:
    """Fail if there are errors, with their tracebacks."""
    if errors:
        pytest.fail("Not caught by the plugin:\n" + "\n".join(errors), pytrace=False)


@pytest.fixture(scope="session")
def iface():
    """QGIS's own interface."""
    return utils.iface


@pytest.fixture(autouse=True)
def window(iface):
    """QGIS's window, active: Xvfb has no window manager that makes it so when a dialog closes."""
    window = iface.mainWindow()
    if not window.isActiveWindow():
        window.activateWindow()
        QTest.qWaitForWindowActive(window, 5000)
    return window


@pytest.fixture(scope="session")
def interpreter() -> Path:
    """Python of the worker's environment, as ``make setup`` makes it."""
    path = ROOT / ".venv" / "bin" / "python"
    if not path.exists():
        pytest.fail(f"{path} is missing: run make setup first")
    return path


@pytest.fixture(autouse=True)
def project():
    """An empty project, before and after."""
    QgsProject.instance().clear()
    yield QgsProject.instance()
    for layer in QgsProject.instance().mapLayers().values():
        if isinstance(layer, QgsVectorLayer) and layer.isEditable():
            layer.rollBack()  # QGIS would ask
    QgsProject.instance().setDirty(False)
    QgsProject.instance().clear()


@pytest.fixture
def plugin(iface, interpreter):
    """The plugin, loaded and started by QGIS, with an interpreter chosen; unloaded afterwards."""
    QgsSettings().setValue("avalanche_iseg/interpreter", str(interpreter))
    # Tests map the same shape again and again.
    QgsSettings().setValue("avalanche_iseg/keep_off", False)
    forget_drafts()
    if NAME not in utils.available_plugins:
        utils.updateAvailablePlugins()
    layout = iface.mainWindow().saveState()
    assert utils.loadPlugin(NAME)
    assert utils.startPlugin(NAME)
    yield utils.plugins[NAME]
    utils.unloadPlugin(NAME)
    iface.mainWindow().restoreState(layout)  # docks that were wide leave their neighbours so
    QgsSettings().remove("avalanche_iseg")
    forget_drafts()


def forget_drafts() -> None:
    """Remove what the plugin has kept of unfinished work."""
    shutil.rmtree(Path(QgsApplication.qgisSettingsDirPath(), "avalanche_iseg"), ignore_errors=True)
