"""One worker, sent one request at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ..core.ipc.envelope import Cancel, Welcome
from ..core.worker.protocol import Images
from ..i18n import tr
from .process import WorkerProcess

if TYPE_CHECKING:
    from ..core.ipc.envelope import MessageSet


class WorkerConnection(QObject):
    """One worker process, from start to end.

    Signals
    -------
    answered
        (request, answer): two messages of the set.
    ended
        (text for the user): the worker has ended. Not emitted after `close`.

    Attributes
    ----------
    interpreter
        Python of the worker's environment; proven if a worker has answered with it before.
    message_set
        Which worker it is, and its messages.
    welcome
        What the worker is, None before it has answered.
    held
        Names of the images that it holds.
    """

    answered = pyqtSignal(object, object)
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
        self.interpreter = interpreter
        self.message_set = message_set
        self.welcome: Any = None
        self.held: list[str] = []
        self._number = 0  # of the request under way
        self._request: Any = None
        self._sent_at = 0.0  # seconds of the monotonic clock
        self._process = WorkerProcess(interpreter, message_set, self, is_proven=is_proven)
        self._process.answered.connect(self._on_answered)
        self._process.ended.connect(self.ended)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_timeout)

    def open(self) -> None:
        """Start the worker. Whether that works is told by the signals."""
        self._process.start()

    def close(self) -> None:
        """End the worker at once."""
        self._timer.stop()
        self._process.close()

    @property
    def pid(self) -> int:
        """Id of the process, 0 if there is none."""
        return self._process.pid

    @property
    def log(self) -> str:
        """The end of the worker's log."""
        return self._process.log

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return self._request is not None

    @property
    def waiting(self) -> float:
        """Seconds since the request under way was sent; 0 without one."""
        return time.monotonic() - self._sent_at if self.busy else 0.0

    @property
    def may_start_again(self) -> bool:
        """Whether the worker has ended in a way that another one need not."""
        return self._process.may_start_again

    def send(self, request: Any) -> None:  # noqa: ANN401
        """Send a request, when not `busy`.

        Raises
        ------
        WorkerError
            If a frame cannot carry it. The worker goes on.
        """
        self._number = self._process.send(request)
        self._request, self._sent_at = request, time.monotonic()
        _, seconds = self.message_set.answered_by[type(request)]
        self._timer.start(int(seconds * 1000))

    def withdraw_request(self) -> None:
        """Cancel the request under way, if it can be skipped: it is answered sooner."""
        if type(self._request) in self.message_set.replaces:
            self._process.send(Cancel(self._number))

    def _on_answered(self, number: int, answer: Any) -> None:  # noqa: ANN401
        request, self._request = self._request, None
        asked = request is not None and number == self._number
        if not asked or not self.message_set.accepts(request, answer):
            self._fail(tr("The answer of the worker does not fit its request."))
            return
        self._timer.stop()
        if isinstance(answer, Welcome):
            self.welcome = answer
        elif isinstance(answer, Images):
            self.held = list(answer.held)
        self.answered.emit(request, answer)

    def _on_timeout(self) -> None:
        text = tr(
            "The worker gave no answer within {} seconds. Choose another Python, model or device "
            "in Options → Avalanche ISeg, or press Restart."
        )
        self._fail(text.format(self._timer.interval() // 1000))

    def _fail(self, text: str) -> None:
        self.close()
        self.ended.emit(text)
