"""One worker, asked one thing at a time."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ..core.worker.protocol import (
    Cancel,
    Failure,
    Hello,
    Images,
    Load,
    Loaded,
    Outline,
    Outlined,
    Predict,
    Prediction,
    SetImage,
    Skipped,
    Welcome,
)
from ..panel.words import tr
from .process import WorkerProcess

# Of each request: what may answer it, and the seconds after which nothing will.
_ANSWERED_BY = {
    Hello: ((Welcome,), 180),  # a cold disk, a virus scanner, PyTorch
    Load: ((Loaded,), 900),  # it may be downloaded
    SetImage: ((Images,), 120),
    Predict: ((Prediction, Skipped), 300),
    Outline: ((Outlined, Skipped), 300),
}


class Line(QObject):
    """The line to a worker, from its start to its end.

    Signals
    -------
    answered
        (request, answer): two messages of `core.worker.protocol`.
    ended
        (how, for people): the worker is gone. Not emitted after `close`.

    Attributes
    ----------
    interpreter
        Python of the worker's environment.
    welcome
        What the worker is, once it has said so.
    held
        Names of the pictures that it has.
    """

    answered = pyqtSignal(object, object)
    ended = pyqtSignal(str)

    def __init__(self, interpreter: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.interpreter = interpreter
        self.welcome: Welcome | None = None
        self.held: list[str] = []
        self._number, self._request = 0, None  # under way
        self._process = WorkerProcess(interpreter, self)
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

    def ask(self, request: Any) -> None:  # noqa: ANN401
        """Send a request, when not `busy`.

        Raises
        ------
        WorkerError
            If a frame cannot carry it. The worker goes on.
        """
        self._number = self._process.send(request)
        self._request = request
        self._patience.start(_ANSWERED_BY[type(request)][1] * 1000)

    def call_back(self) -> None:
        """Tell the worker that nobody waits for what it is computing; it answers sooner."""
        if isinstance(self._request, (Predict, Outline)):
            self._process.send(Cancel(self._number))

    def _on_answered(self, number: int, answer: Any) -> None:  # noqa: ANN401
        request, self._request = self._request, None
        known = (*_ANSWERED_BY[type(request)][0], Failure) if request else ()
        if number != self._number or not isinstance(answer, known):
            self._fail(tr("The worker answers what it was not asked."))
            return
        self._patience.stop()
        if isinstance(answer, Welcome):
            self.welcome = answer
        elif isinstance(answer, Images):
            self.held = list(answer.held)
        self.answered.emit(request, answer)

    def _on_silence(self) -> None:
        text = tr(
            "The worker gave no answer within {} seconds. Choose another Python, model or device "
            "in Options → Avalanche ISeg, or start it again."
        )
        self._fail(text.format(self._patience.interval() // 1000))

    def _fail(self, text: str) -> None:
        self.close()
        self.ended.emit(text)
