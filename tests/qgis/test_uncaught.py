"""The tests themselves: an exception that nobody catches fails them."""

from __future__ import annotations

import pytest
from conftest import fail_with
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal
from waiting import wait_until


class Emitter(QObject):
    emitted = pyqtSignal()


def planted(*_args) -> None:
    raise RuntimeError("planted")


def deep(*_args, left: int = 900) -> None:
    if not left:  # a Python 3.13 inside QGIS knows no limit itself, and would take all memory
        raise RecursionError
    deep(left=left - 1)


def from_a_signal(slot) -> None:
    emitter = Emitter()
    emitter.emitted.connect(slot)
    emitter.emitted.emit()


def from_a_timer(slot) -> None:
    QTimer.singleShot(0, slot)


@pytest.mark.parametrize("start", [from_a_signal, from_a_timer])
@pytest.mark.parametrize(("slot", "words"), [(planted, "planted"), (deep, "RecursionError")])
def test_an_exception_fails_the_test(uncaught, start, slot, words):
    start(slot)
    wait_until(lambda: uncaught)
    with pytest.raises(pytest.fail.Exception, match=words):
        fail_with(uncaught)
    assert len(uncaught) == 1
    uncaught.clear()


def test_nothing_fails_without_an_exception(uncaught):
    fail_with(uncaught)
