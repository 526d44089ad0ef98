"""One worker, asked one thing at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ..core.worker.protocol import Cancel, Failure, Images, Skipped
from ..i18n import tr
from .process import WorkerProcess

if TYPE_CHECKING:
    from .message_set import MessageSet


class WorkerConnection(QObject):
    """The line to a worker, from its start to its end.

    Signals
    -------
    answered
        (request, answer): two messages of the dialect.
    ended
        (how, for people): the worker is gone. Not emitted after `close`.

    Attributes
    ----------
    interpreter
        Python of the worker's environment.
    dialect
        Which worker it is, and its messages.
    welcome
        What the worker is, once it has said so.
    held
        Names of the pictures that it has.
    """

    answered = pyqtSignal(object, object)
    ended = pyqtSignal(str)

    def __init__(
        self, interpreter: str, dialect: MessageSet, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.interpreter = interpreter
        self.message_set = dialect
        self.welcome: Any = None
        self.held: list[str] = []
        self._number, self._request = 0, None  # under way
        self._process = WorkerProcess(interpreter, dialect, self)
        self._process.answered.connect(self._on_answered)
        self._process.ended.connect(self.ended)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._on_silence)

    def open(self) -> None:
        """Start the worker. Whether that works is heard later, from the signals."""
        self._process.start()

    def close(self) -> None:
        """End the worker at once."""
        self._patience.stop()
        self._process.close()

    @property
    def pid(self) -> int:
        """Id of the process, 0 if there is none."""
        return self._process.pid

    @property
    def log(self) -> str:
        """The end of what the worker and its libraries print."""
        return self._process.log

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._request is not None

    def send(self, request: Any) -> None:  # noqa: ANN401
        """Send a request, when not `busy`.

        Raises
        ------
        WorkerError
            If a frame cannot carry it. The worker goes on.
        """
        self._number = self._process.send(request)
        self._request = request
        self._patience.start(self.message_set.answered_by[type(request)][1] * 1000)

    def withdraw_request(self) -> None:
        """Tell the worker that nobody waits for what it is computing; it answers sooner."""
        if Skipped in self._expected(self._request):
            self._process.send(Cancel(self._number))

    def _on_answered(self, number: int, answer: Any) -> None:  # noqa: ANN401
        request, self._request = self._request, None
        expected = self._expected(request)
        if number != self._number or not isinstance(answer, expected):
            self._fail(tr("The worker answers what it was not asked."))
            return
        self._patience.stop()
        if request is self.message_set.hello and not isinstance(answer, Failure):
            self.welcome = answer
        elif isinstance(answer, Images):
            self.held = list(answer.held)
        self.answered.emit(request, answer)

    def _expected(self, request: Any) -> tuple[type, ...]:  # noqa: ANN401
        """What may answer a request; nothing, where there is none."""
        answers = self.message_set.answered_by
        return () if request is None else (*answers[type(request)][0], Failure)

    def _on_silence(self) -> None:
        text = tr(
            "The worker gave no answer within {} seconds. Choose another Python, model or device "
            "in Options → Avalanche ISeg, or start it again."
        )
        self._fail(text.format(self._patience.interval() // 1000))

    def _fail(self, text: str) -> None:
        self.close()
        self.ended.emit(text)
