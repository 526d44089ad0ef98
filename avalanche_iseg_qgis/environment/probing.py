"""Finds the Pythons of this computer by running them, one after another."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QObject, pyqtSignal

from .interpreters import PROBE, candidates, read_probe
from .job import CommandRun

if TYPE_CHECKING:
    from .interpreters import Command

_SECONDS = 30.0  # a Python on a network drive starts slowly


class InterpreterSearch(QObject):
    """Runs candidates.

    Signals
    -------
    found
        An `Interpreter`, one that was not found before.
    finished
        All have been run.
    """

    found = pyqtSignal(object)
    finished = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: list[Command] = []
        self._known: set[str] = set()
        self._job: CommandRun | None = None
        self._output: list[str] = []

    def start(self, commands: list[Command] | None = None) -> None:
        """Run all candidates of this computer, or these."""
        self.stop()
        self._known.clear()
        self._waiting = installed() if commands is None else list(commands)
        self._next()

    def stop(self) -> None:
        """Run no more."""
        self._waiting.clear()
        if self._job is not None:
            self._job.kill()
            self._job.deleteLater()
            self._job = None

    def _next(self) -> None:
        if not self._waiting:
            self.finished.emit()
            return
        command, self._output = self._waiting.pop(0), []
        job = self._job = CommandRun([*command, "-I", "-c", PROBE], self, seconds=_SECONDS)
        job.line.connect(self._output.append)
        job.finished.connect(self._on_finished)
        job.start()

    def _on_finished(self, _code: int) -> None:
        if self._job is not None:
            self._job.deleteLater()
            self._job = None
        interpreter = read_probe("\n".join(self._output))
        if interpreter is not None:
            real = os.path.realpath(interpreter.program)
            if real not in self._known:
                self._known.add(real)
                self.found.emit(interpreter)
        self._next()


def installed() -> list[Command]:
    """Return the candidates of this computer."""
    return candidates(
        sys.platform,
        os.environ,
        sys.exec_prefix,
        sys.executable,
        QgsApplication.applicationFilePath(),
    )


def is_sandboxed() -> bool:
    """Whether QGIS runs as a Flatpak."""
    return Path("/.flatpak-info").exists()
