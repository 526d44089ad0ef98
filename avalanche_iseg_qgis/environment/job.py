"""One command, run beside QGIS."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from qgis.PyQt.QtCore import QObject, QProcess, QTimer, pyqtSignal

from ..core.ipc.launch import environment
from ..worker.process import kill, to_qt

NOT_STARTED, KILLED = -1, -2

# Settings of pip that would lead it away from the environment; where packages come from, and
# through which proxy, stays as the user or the office has set it.
_FOREIGN = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PIP_NO_DEPS"}
_KILL_TIMEOUT = 500  # ms


class CommandRun(QObject):
    """Runs a command; nothing here blocks.

    Signals
    -------
    line
        A line of its output.
    finished
        Its exit status; `NOT_STARTED` where there is no such program, `KILLED` where it was ended.
        Not emitted after `kill`.
    """

    line = pyqtSignal(str)
    finished = pyqtSignal(int)

    def __init__(
        self,
        command: list[str],
        parent: QObject | None = None,
        *,
        variables: Mapping[str, str] | None = None,
        seconds: float = 0,
    ) -> None:
        """Prepare a command; ``variables`` are added to its own, after ``seconds`` it is ended."""
        super().__init__(parent)
        self._rest = b""
        self._ended = False
        process = self._process = QProcess(self)
        process.setProgram(command[0])
        process.setArguments(command[1:])
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        process.setStandardInputFile(QProcess.nullDevice())
        process.setProcessEnvironment(to_qt({**_base(command[0]), **(variables or {})}))
        process.readyReadStandardOutput.connect(self._read)
        process.errorOccurred.connect(self._on_error)
        process.finished.connect(self._on_finished)
        if seconds:
            QTimer.singleShot(int(1000 * seconds), process.kill)

    def start(self) -> None:
        """Start it. Whether that works is told by the signals."""
        self._process.start()

    @property
    def pid(self) -> int:
        """Id of the process, 0 if there is none."""
        return int(self._process.processId())

    def kill(self) -> None:
        """End it at once."""
        self._ended = True
        kill(self._process, _KILL_TIMEOUT)

    def _read(self) -> None:
        data = self._rest + bytes(self._process.readAllStandardOutput())
        *lines, self._rest = data.replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            text = line.decode(errors="replace").rstrip()
            if text and not self._ended:
                self.line.emit(text)

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._end(NOT_STARTED)

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._rest += b"\n"
        self._read()
        self._end(KILLED if status == QProcess.ExitStatus.CrashExit else code)

    def _end(self, code: int) -> None:
        if not self._ended:
            self._ended = True
            self.finished.emit(code)


def _base(program: str) -> dict[str, str]:
    """Return the environment of a child, without what leads to QGIS's own libraries."""
    kept = {k: v for k, v in environment(os.environ).items() if k.upper() not in _FOREIGN}
    root = os.environ.get("OSGEO4W_ROOT")
    python = Path(base_of(program) or program)
    if root and Path(root) in python.parents:  # its Python finds OpenSSL there
        kept["PATH"] = os.pathsep.join([kept.get("PATH", ""), str(Path(root) / "bin")])
    return {**kept, "PIP_USER": "0", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


def base_of(program: str) -> str:
    """Return the folder of the Python that an environment was made from, "" if it is none."""
    try:
        text = (Path(program).parents[1] / "pyvenv.cfg").read_text(encoding="utf-8")
    except (OSError, IndexError, ValueError):
        return ""
    homes = [line.partition("=")[2].strip() for line in text.splitlines() if line[:4] == "home"]
    return str(Path(homes[0]) / "python") if homes else ""
