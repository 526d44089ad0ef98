"""The worker's process, driven by QGIS's event loop: nothing here blocks."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.PyQt.QtCore import (
    QCoreApplication,
    QDir,
    QObject,
    QProcess,
    QProcessEnvironment,
    pyqtSignal,
)

from ..core.errors import IsegError
from ..core.ipc.envelope import Failure, from_frame, number_of
from ..core.ipc.frames import FrameDecoder, encode
from ..core.ipc.launch import command, environment
from ..i18n import tr

if TYPE_CHECKING:
    from ..core.ipc.envelope import MessageSet

_CHUNK = 1 << 20  # bytes given to Qt at a time, which copies them
_LOG_LENGTH = 1500  # characters kept
_MEMORY_SHORT = ("MemoryError", "Cannot allocate memory", "std::bad_alloc")  # in the log
_KILL_TIMEOUT = 150  # ms; a killed process that hangs in a driver takes longer


class WorkerProcess(QObject):
    """One process. After `ended` or `close` it is of no more use.

    Signals
    -------
    answered
        (number of the request, message)
    ended
        (text for the user). Not emitted after `close`.

    Attributes
    ----------
    log
        The end of what the worker and its libraries print to stderr.
    may_start_again
        Whether it was ended by a signal, or memory was short: another one may work.
    """

    answered = pyqtSignal(int, object)
    ended = pyqtSignal(str)

    def __init__(
        self,
        interpreter: str,
        message_set: MessageSet,
        parent: QObject | None = None,
        *,
        is_proven: bool = False,
    ) -> None:
        super().__init__(parent)
        self.log = ""
        self.may_start_again = False
        self._interpreter = interpreter
        self._message_set = message_set
        self._decoder = FrameDecoder(skip_foreign=True)
        self._unsent: deque[memoryview] = deque()
        self._number = 0
        self._has_answered = False
        self._is_proven = is_proven
        self._closed = False
        process = self._process = QProcess(self)
        program, *arguments = command(interpreter, message_set.part)
        process.setProgram(program)
        process.setArguments(arguments)
        process.setWorkingDirectory(QDir.tempPath())
        process.setProcessEnvironment(to_qt(environment(os.environ)))
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._read_log)
        process.bytesWritten.connect(self._write)
        process.errorOccurred.connect(self._on_error)
        process.finished.connect(self._on_finished)

    def start(self) -> None:
        """Start it. Whether that works is told by the signals."""
        self._process.start()

    @property
    def pid(self) -> int:
        """Id of the process, 0 if there is none."""
        return int(self._process.processId())

    def send(self, message: Any) -> int:  # noqa: ANN401
        """Send a request; return its number.

        Its arrays are read while they are sent, piece by piece: they are not to be changed.

        Raises
        ------
        WorkerError
            If a frame cannot carry it. The worker goes on.
        """
        frame = self._message_set.to_frame(self._number + 1, message)
        self._unsent.extend(memoryview(part) for part in encode(frame))
        self._number += 1
        self._write()
        return self._number

    def close(self) -> None:
        """Kill it. Does nothing the second time."""
        if self._closed:
            return
        self._closed = True
        self._unsent.clear()
        kill(self._process, _KILL_TIMEOUT)

    def _write(self, *_: int) -> None:
        """Write no more than Qt sends soon: copying a large image at once would block QGIS."""
        while self._unsent and self._process.bytesToWrite() < _CHUNK:
            part = self._unsent.popleft()
            self._process.write(bytes(part[:_CHUNK]))
            if part.nbytes > _CHUNK:
                self._unsent.appendleft(part[_CHUNK:])

    def _read(self) -> None:
        data = bytes(self._process.readAllStandardOutput())
        if not self._closed:
            self._deliver(data)

    def _deliver(self, data: bytes) -> None:
        try:
            answers = [
                (number_of(frame), from_frame(frame, self._message_set.answers))
                for frame in self._decoder.feed(data)
            ]
        except IsegError as error:
            text = tr("The output of the worker cannot be understood ({}).").format(error)
            self._end(text if self._has_answered or self._is_proven else self._no_python_text())
            return
        for number, answer in answers:
            if self._closed:
                return
            if number == 0 and isinstance(answer, Failure):  # it ends itself after that
                self._end(answer.text)
                return
            self._has_answered = True
            self.answered.emit(number, answer)

    def _read_log(self) -> None:
        text = bytes(self._process.readAllStandardError()).decode(errors="replace")
        self.log = (self.log + text)[-_LOG_LENGTH:]

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._end(self._no_python_text())

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        if self._closed:
            return
        self._read_log()
        was_killed = status == QProcess.ExitStatus.CrashExit
        is_memory_short = any(word in self.log for word in _MEMORY_SHORT)
        self.may_start_again = was_killed or is_memory_short
        if was_killed:
            text = _killed_text(code)
        elif is_memory_short:
            text = tr("The worker ended because memory was short: close other programs.")
        elif not self._has_answered and not self._is_proven:
            text = self._no_python_text()
        else:
            text = tr("The worker ended by itself, with the exit status {}.").format(code)
        lines = self.log.strip().splitlines()
        self._end(tr("{} The end of its log: {}").format(text, lines[-1]) if lines else text)

    def _no_python_text(self) -> str:
        return tr(
            "{} is no Python in which the segmentation can run: press “Set up…” in the panel "
            "Segment, or choose another Python in Options → Avalanche ISeg."
        ).format(self._interpreter)

    def _end(self, text: str) -> None:
        if not self._closed:
            self.close()
            self.ended.emit(text)


def _killed_text(number: int) -> str:
    """Return what ended a process: the number of a signal, or an error code of Windows."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        return tr("The worker crashed (code {:#x}).").format(number & 0xFFFFFFFF)
    if name in ("SIGKILL", "SIGTERM"):
        return tr(
            "The worker was ended from outside ({}): by a person or a program, or because memory "
            "was short."
        ).format(name)
    return tr("The worker crashed ({}).").format(name)


def to_qt(variables: Mapping[str, str]) -> QProcessEnvironment:
    """Return the environment of a process, which has nothing of QGIS's but these variables."""
    result = QProcessEnvironment()
    for name, value in variables.items():
        result.insert(name, value)
    return result


def kill(process: QProcess, timeout: int) -> None:
    """Kill a process; one that takes longer than ``timeout`` ms ends by itself, later."""
    process.kill()
    running = process.state() != QProcess.ProcessState.NotRunning
    if running and not process.waitForFinished(timeout):
        # Deleting it now would block until it has ended.
        process.setParent(QCoreApplication.instance())
        process.finished.connect(process.deleteLater)
