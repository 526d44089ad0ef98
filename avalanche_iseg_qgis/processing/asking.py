"""A worker of an algorithm's own: asked one thing at a time, and waited for."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from qgis.PyQt.QtCore import QEventLoop, QTimer

from .. import settings
from ..core.errors import IsegError, WorkerError
from ..core.files import is_file
from ..core.ipc.envelope import Failure, Hello, Skipped
from ..i18n import tr
from ..worker.connection import WorkerConnection
from ..worker.interpreter import chosen_interpreter

if TYPE_CHECKING:
    from qgis.core import QgsProcessingFeedback

    from ..core.ipc.envelope import MessageSet

_POLL = 100  # ms between looks whether the user has cancelled


class CancelledError(Exception):
    """The user has cancelled the algorithm."""


def check_cancelled(feedback: QgsProcessingFeedback) -> None:
    """Raise `CancelledError` if the user has cancelled."""
    if feedback.isCanceled():
        raise CancelledError


def environment_fault() -> str:
    """Return what to do where no environment is set up in which workers run; else nothing."""
    python = chosen_interpreter(settings.INTERPRETER.get())
    if python and is_file(python):
        return ""
    return tr(
        "There is no Python environment for the computation yet ({}): press “Set up…” in the panel "
        "Segment in QGIS, or name its Python in the environment variable AVALANCHE_ISEG_PYTHON."
    ).format(python or "—")


class BlockingWorker:
    """A worker process for one run of an algorithm; a context manager, in any thread.

    It lives beside the workers of the panels, which go on undisturbed.
    """

    def __init__(self, message_set: MessageSet, feedback: QgsProcessingFeedback) -> None:
        python = chosen_interpreter(settings.INTERPRETER.get())
        self._feedback = feedback
        self._answer: Any = None
        self._fault = ""
        self._loop = QEventLoop()
        self._timer = QTimer()
        self._timer.setInterval(_POLL)
        self._timer.timeout.connect(self._on_time)
        self._connection = WorkerConnection(python, message_set)
        self._connection.answered.connect(self._on_answered)
        self._connection.ended.connect(self._on_ended)

    def __enter__(self) -> BlockingWorker:
        self._connection.open()
        self.ask(Hello(self._connection.message_set.version))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.stop()
        self._connection.close()

    @property
    def held(self) -> list[str]:
        """Names of the images that the worker holds."""
        return self._connection.held

    def ask(self, request: Any) -> Any:  # noqa: ANN401
        """Return the answer to a request.

        Raises
        ------
        WorkerError
            If the worker has ended: it is of no more use.
        IsegError
            If the request fails; the worker goes on.
        CancelledError
            If the user cancels.
        """
        check_cancelled(self._feedback)
        self._answer = None
        if not self._fault:
            self._connection.send(request)
        self._timer.start()
        while self._answer is None and not self._fault:
            # In the main thread, nothing that the user clicks meanwhile is to begin in here.
            self._loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
            check_cancelled(self._feedback)
        self._timer.stop()
        if self._fault:
            raise WorkerError(self._fault)
        if isinstance(self._answer, Skipped):
            raise CancelledError
        if isinstance(self._answer, Failure):
            raise IsegError(self._answer.text)
        return self._answer

    def _on_answered(self, _: object, answer: object) -> None:
        self._answer = answer
        self._loop.quit()

    def _on_ended(self, text: str) -> None:
        self._fault = text
        self._loop.quit()

    def _on_time(self) -> None:
        if self._feedback.isCanceled():
            self._loop.quit()
