"""Keeps a worker running: starts it again when it ends, and gives up when that is of no use.

The worker computes one request at a time. Requests are kept until they are answered, so a worker
that ends is started again and gets them again, with all that it needs.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qgis.core import Qgis, QgsMessageLog
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ..core.errors import IsegError
from ..core.ipc.envelope import Failure, Hello, Skipped
from ..i18n import tr, tr_core
from ..messages import TITLE
from .connection import WorkerConnection
from .interpreter import chosen_interpreter
from .state import WorkerState

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from ..core.ipc.envelope import MessageSet
    from .requests import WorkerRequest

_MAX_ENDS, _WITHIN_SECONDS = 3, 60.0  # then starting it again is of no use
_TICK = 1000  # ms
_SLOW, _SLOW_START = 8.0, 30.0  # seconds without an answer, after which the user may act


class WorkerSupervisor(QObject):
    """A worker, whichever process it is at the moment.

    Subclasses have the `message_set` of the worker, add requests and choose the next one.

    Signals
    -------
    state_changed
        `state` or `text` has changed.

    Attributes
    ----------
    state, text
        How the worker is, and a sentence for the user; what to do, when it is BROKEN.
    """

    state_changed = pyqtSignal()
    message_set: MessageSet

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._on = False
        self._fault = ""  # why it is BROKEN
        self._connection: WorkerConnection | None = None
        self._working_interpreter = ""  # the last one with which a worker answered
        self._end_times: list[float] = []  # of workers, since all was well
        self._requests: dict[Hashable, WorkerRequest] = {}  # not answered yet, by key
        self._sent: WorkerRequest | None = None  # the one that the worker computes
        self.state, self.text = self._describe_state()
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK)
        self._clock.timeout.connect(self._update_state)

    @property
    def pid(self) -> int:
        """Id of the worker's process, 0 if there is none."""
        return self._connection.pid if self._connection else 0

    @property
    def welcome(self) -> Any:  # noqa: ANN401
        """What the worker is, None before it has answered."""
        return self._connection.welcome if self._connection else None

    @property
    def needs_interpreter(self) -> bool:
        """Whether there is no Python in which the worker could run."""
        interpreter = chosen_interpreter(self._interpreter())
        is_proven = bool(interpreter) and interpreter == self._working_interpreter
        return bool(self._fault) and self._connection is None and not is_proven

    def start(self) -> None:
        """Start the worker; when BROKEN, try again."""
        self._on = True
        self._reset_failures()
        self._proceed()

    def restart(self) -> None:
        """End the worker, however it is, and start another one; requests are kept."""
        self._close()
        self.start()

    def stop(self) -> None:
        """End the worker and drop all requests."""
        self._on = False
        self._reset_failures()
        self._close()
        self.cancel()

    def cancel(self) -> None:
        """Drop all requests."""
        self._requests.clear()
        self._withdraw_request()
        self._update_state()

    # --- for subclasses ----------------------------------------------------------------------

    def _interpreter(self) -> str:
        """Return the Python of the worker's environment; "" looks for one."""
        raise NotImplementedError

    def _send_next(self, connection: WorkerConnection) -> None:
        """Send the next request, if there is one. The worker is ready."""
        raise NotImplementedError

    def _on_answered(self, request: Any, answer: Any) -> None:  # noqa: ANN401, ARG002
        """Take an answer, and proceed."""
        self._deliver(answer)

    def _ready_state(self) -> tuple[WorkerState, str]:
        """Describe a worker that has answered."""
        raise NotImplementedError

    def _advice(self) -> str:
        """Return what the user can do about a worker that ends again and again."""
        raise NotImplementedError

    # --- requests ----------------------------------------------------------------------------

    def _add(self, request: WorkerRequest) -> None:
        self._drop(request.key)
        self._requests[request.key] = request
        self._proceed()

    def _drop(self, key: Hashable) -> None:
        request = self._requests.pop(key, None)
        if request is not None and request is self._sent:
            self._withdraw_request()

    def _withdraw_request(self) -> None:
        """Cancel the request under way."""
        if self._connection is not None:
            self._connection.withdraw_request()

    def _send(
        self, connection: WorkerConnection, request: WorkerRequest, build: Callable[[], Any]
    ) -> None:
        """Build and send a message for a request."""
        self._sent = request
        try:
            connection.send(build())
        except (IsegError, TypeError, ValueError) as error:  # no message or frame can carry it
            self._deliver(Failure(type(error).__name__, str(error)))

    def _deliver(self, answer: Any) -> None:  # noqa: ANN401
        """Give an answer to the request that it was computed for, if that is still wanted."""
        sent, self._sent = self._sent, None
        if sent is None or self._requests.get(sent.key) is not sent or isinstance(answer, Skipped):
            self._proceed()
            return
        self._requests.pop(sent.key)
        self._proceed()  # the worker computes what is next while this is shown
        sent.receiver.deliver(answer)

    # --- the worker --------------------------------------------------------------------------

    def _proceed(self) -> None:
        """Start the worker or send what is next, unless a request is under way."""
        if self._on and not self._fault and self._connection is None:
            self._open()
        if self._connection and not self._fault and not self._connection.busy:
            if self._connection.welcome is None:
                self._connection.send(Hello(self.message_set.version))
            else:
                self._send_next(self._connection)
        self._update_state()

    def _open(self) -> None:
        interpreter = chosen_interpreter(self._interpreter())
        if not interpreter:
            self._fault = tr("Segmentation is not set up yet.")
            return
        is_proven = interpreter == self._working_interpreter
        self._connection = WorkerConnection(
            interpreter, self.message_set, self, is_proven=is_proven
        )
        self._connection.answered.connect(self._receive)
        self._connection.ended.connect(self._on_ended)
        self._connection.open()

    def _receive(self, request: Any, answer: Any) -> None:  # noqa: ANN401
        if not isinstance(request, Hello):
            self._on_answered(request, answer)
            return
        if isinstance(answer, Failure):
            self._fault = tr_core(answer.text)
        elif self._connection is not None:
            self._working_interpreter = self._connection.interpreter
        self._proceed()

    def _on_ended(self, text: str) -> None:
        connection = self._connection
        if connection is None:
            return
        QgsMessageLog.logMessage(
            f"{text}\n{connection.log}", TITLE, Qgis.MessageLevel.Warning, notifyUser=False
        )
        self._close()
        now = time.monotonic()
        self._end_times = [end for end in self._end_times if now - end < _WITHIN_SECONDS] + [now]
        is_proven = connection.interpreter == self._working_interpreter
        if not is_proven and not connection.may_start_again:
            self._fault = text
        elif len(self._end_times) >= _MAX_ENDS:
            again = tr("It was started {} times within a minute.").format(_MAX_ENDS)
            self._fault = f"{text} {again} {self._advice()}"
        self._proceed()

    def _close(self) -> None:
        """End the worker, if there is one. Requests stay noted."""
        self._sent = None
        if self._connection is not None:
            self._connection.close()
            self._connection.deleteLater()
            self._connection = None

    def _reset_failures(self) -> None:
        self._fault = ""
        self._end_times.clear()

    def _describe_state(self) -> tuple[WorkerState, str]:
        if self._fault:
            return WorkerState.BROKEN, self._fault
        if self._connection is None:
            return WorkerState.OFF, tr("The worker is off.")
        if self._connection.welcome is None:
            again = tr("The worker stopped; starting it again…")
            return WorkerState.STARTING, again if self._end_times else tr("Starting the worker…")
        return self._ready_state()

    def _with_wait(self, state: WorkerState, text: str) -> tuple[WorkerState, str]:
        """Say so if the answer takes longer than usual: the worker may hang."""
        if self._fault or self._connection is None:
            return state, text
        is_starting = state in (WorkerState.STARTING, WorkerState.LOADING)
        seconds = self._connection.waiting
        if seconds < (_SLOW_START if is_starting else _SLOW):
            return state, text
        slow = tr("No answer for {} seconds. Wait, or press Restart: nothing is lost by it.")
        return WorkerState.SLOW, f"{text} {slow.format(int(seconds))}"

    def _update_state(self) -> None:
        is_busy = self._connection is not None and self._connection.busy
        if is_busy and not self._clock.isActive():
            self._clock.start()
        elif not is_busy:
            self._clock.stop()
        now = self._with_wait(*self._describe_state())
        if now != (self.state, self.text):
            self.state, self.text = now
            self.state_changed.emit()
