"""Waiting, while QGIS goes on."""

from __future__ import annotations

import time

import pytest
from qgis.PyQt.QtCore import QCoreApplication, QEventLoop


def wait_until(condition, seconds: float = 20.0, what: str = "what was waited for") -> None:
    """Let QGIS go on until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"{what} did not happen within {seconds:g} s")
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        time.sleep(0.002)
