"""What the rest of the plugin asks for camera poses and for the way between picture and map.

One request is under way at a time. What is wanted stays noted until it is answered, so a worker
that ends is started again and asked again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..core.errors import IsegError
from ..core.ipc.envelope import Failure, Skipped
from ..core.survey.protocol import CAMERA_MESSAGES
from ..i18n import tr
from .state import WorkerState
from .supervisor import WorkerSupervisor

if TYPE_CHECKING:
    from .connection import WorkerConnection

_Ask = tuple[object, Any]  # ticket and request


class CameraClient(WorkerSupervisor):
    """The worker that knows cameras and terrain.

    Signals
    -------
    answered
        (ticket, answer of `core.survey.protocol`).
    refused
        (ticket, text): this cannot be answered; the worker goes on.
    """

    message_set = CAMERA_MESSAGES
    answered = pyqtSignal(object, object)
    refused = pyqtSignal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._chosen = ""
        self._asks: dict[str, _Ask] = {}  # the newest of each slot that nobody has answered
        self._asked: _Ask | None = None  # under way

    @property
    def busy(self) -> bool:
        """Whether anybody waits for an answer."""
        return bool(self._asks)

    def configure(self, interpreter: str) -> None:
        """Compute with another Python from now on; "" looks for one."""
        self._reset_failures()
        if interpreter != self._chosen:
            self._close()
            self._chosen = interpreter
        self._proceed()

    def ask(self, slot: str, ticket: object, request: Any) -> None:  # noqa: ANN401
        """Ask something, in place of what was asked in the same slot before.

        Parameters
        ----------
        slot
            What the answer is for, such as "pose". Slots take turns, in the order of asking.
        ticket
            Comes back with the answer.
        request
            One of `core.survey.protocol`.
        """
        self._withdraw(slot)
        self._asks[slot] = (ticket, request)
        self._proceed()

    def forget(self, slot: str) -> None:
        """Nobody waits for the answer in this slot any more."""
        self._withdraw(slot)
        self._update_state()

    def cancel(self) -> None:
        """Nobody waits for anything any more."""
        self._asks.clear()
        self._withdraw_request()
        self._update_state()

    def _withdraw(self, slot: str) -> None:
        ask = self._asks.pop(slot, None)
        if ask is not None and ask is self._asked:
            self._withdraw_request()

    # --- what the worker is asked, and answers -----------------------------------------------

    def _interpreter(self) -> str:
        return self._chosen

    def _send_next(self, connection: WorkerConnection) -> None:
        ask = next(iter(self._asks.values()), None)
        if ask is None:
            return
        self._asked = ask
        try:
            connection.send(ask[1])
        except (IsegError, TypeError, ValueError) as error:  # no frame can carry it
            self._deliver(ask, Failure(type(error).__name__, str(error)))

    def _on_answered(self, request: Any, answer: Any) -> None:  # noqa: ANN401, ARG002
        ask, self._asked = self._asked, None
        self._deliver(ask, answer)

    def _deliver(self, ask: _Ask, answer: Any) -> None:  # noqa: ANN401
        slots = [slot for slot, wanted in self._asks.items() if wanted is ask]
        wanted = bool(slots) and not isinstance(answer, Skipped)
        if wanted:
            self._asks.pop(slots[0])
        self._proceed()  # the worker computes what is next while this is shown
        if not wanted:
            return
        if isinstance(answer, Failure):
            self.refused.emit(ask[0], answer.text)
        else:
            self.answered.emit(ask[0], answer)

    def _close(self) -> None:
        self._asked = None
        super()._close()

    # --- how it is ---------------------------------------------------------------------------

    def _advice(self) -> str:
        return tr(
            "Check that there is memory free and that the DEM can be read, or choose another "
            "Python in Options → Avalanche ISeg, and start it again."
        )

    def _describe_state(self) -> tuple[WorkerState, str]:
        if self._fault or self.welcome is None:
            return super()._describe_state()
        if self._asks:
            return WorkerState.BUSY, tr("Computing…")
        return WorkerState.READY, tr("Ready")
