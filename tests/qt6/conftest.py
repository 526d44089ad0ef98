"""Qt 6 without QGIS: PyQt6 under the names that QGIS gives it (`stand_in`), no screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE / "stand_in"), str(HERE.parent / "qgis")]
os.environ["QT_QPA_PLATFORM"] = "offscreen"
pytest.register_assert_rewrite("test_worker")

from qgis.PyQt.QtWidgets import QApplication  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def application() -> QApplication:
    """The application, without which Qt makes no widget."""
    return QApplication([])


@pytest.fixture(autouse=True)
def uncaught(monkeypatch) -> Iterator[None]:
    """What was raised in slots and events: Qt 6 would end the program, a test fails."""
    errors: list[str] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: errors.append(repr(error)))
    yield
    assert errors == []


@pytest.fixture(scope="session")
def interpreter() -> Path:
    """Python of the worker's environment, as ``make setup`` makes it."""
    path = ROOT / ".venv" / "bin" / "python"
    if not path.exists():
        pytest.fail(f"{path} is missing: run make setup first")
    return path
