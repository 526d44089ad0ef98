"""A command of the workers' environment, run for an algorithm and waited for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import QEventLoop, QTimer

from .. import settings
from ..core.errors import IsegError
from ..core.ipc.launch import module_command
from ..environment.job import NOT_STARTED, CommandRun
from ..i18n import tr, tr_core
from ..worker.interpreter import chosen_interpreter
from .asking import check_cancelled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qgis.core import QgsProcessingFeedback

PROGRESS_LINES = {"AVALANCHE_ISEG_PROGRESS": "lines"}
"""Variables of commands that draw a bar otherwise; see `core.progress`, not for QGIS's Python."""

_PROGRESS = re.compile(r"\[ *(\d+) %\] (.*)")
_POLL = 200  # ms between looks whether the user has cancelled
_LOG_LINES = 5


class BlockingCommand:
    """One run of ``python -m MODULE``, waited for in any thread; what it says is passed on.

    Parameters
    ----------
    module
        ``core`` or ``training``, the plugin's own copy.
    arguments
        Of the command.
    ended
        What to say where it ends without a word of its own, with places for status and log.
    variables
        Of its environment, more than the usual ones.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        feedback: QgsProcessingFeedback,
        ended: str,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._feedback, self._ended = feedback, ended
        self._lines: list[str] = []
        self._status: int | None = None
        self._loop = QEventLoop()
        python = chosen_interpreter(settings.INTERPRETER.get())
        threads = settings.THREADS.get()
        own = {"OMP_NUM_THREADS": str(threads)} if threads else {}
        self._run = CommandRun(
            [*module_command(python, module), *arguments], variables={**own, **(variables or {})}
        )
        self._run.line.connect(self._on_line)
        self._run.finished.connect(self._on_finished)

    def run(self) -> None:
        """Run it.

        Raises
        ------
        IsegError
            If that fails.
        CancelledError
            If the user cancels: what was computed so far is kept in the folder of the results.
        """
        timer = QTimer()
        timer.setInterval(_POLL)
        timer.timeout.connect(self._on_time)
        timer.start()
        self._run.start()
        while self._status is None and not self._feedback.isCanceled():
            self._loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
        timer.stop()
        if self._status is None:
            self._run.kill()
            self._feedback.pushInfo(
                tr("Stopped. The same parameters and folder go on where it was.")
            )
        check_cancelled(self._feedback)
        if self._status:
            raise IsegError(self._fault())

    def _on_line(self, text: str) -> None:
        told = _PROGRESS.fullmatch(text)
        if told:
            self._feedback.setProgress(int(told[1]))
            self._feedback.setProgressText(told[2])
        elif text.startswith("warning: "):
            self._feedback.pushWarning(tr_core(text.removeprefix("warning: ")))
        else:
            self._lines.append(text)
            self._feedback.pushConsoleInfo(text)

    def _on_finished(self, status: int) -> None:
        self._status = status
        self._loop.quit()

    def _on_time(self) -> None:
        if self._feedback.isCanceled():
            self._loop.quit()

    def _fault(self) -> str:
        """Return the command's own sentence, or the end of what it said."""
        for place, line in enumerate(self._lines):
            if line.startswith("error: "):
                text = tr_core(line.removeprefix("error: "))
                return "\n".join([text, *self._lines[place + 1 :]])
        if self._status == NOT_STARTED:
            return tr(
                "The Python of the environment cannot be started: press “Set up…” in the panel "
                "Segment."
            )
        return self._ended.format(self._status, " | ".join(self._lines[-_LOG_LINES:]))
