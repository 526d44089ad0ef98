"""What the rest of the plugin asks for camera poses and for the way between picture and map.

One request is under way at a time. What is wanted stays noted until it is answered, so a worker
that ends is started again and asked again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgis.PyQt.QtCore import QObject

from ..core.errors import IsegError
from ..core.worker.protocol import Failure, Skipped
from ..i18n import tr
from .camera_messages import SURVEY
from .receiver import Receiver
from .state import WorkerState
from .supervisor import WorkerSupervisor

if TYPE_CHECKING:
    from .connection import WorkerConnection

_Ask = tuple[Any, Receiver]  # request and receiver


class CameraClient(WorkerSupervisor):
    """The worker that knows cameras and terrain."""

    dialect = SURVEY

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
        self._forgive()
        if interpreter != self._chosen:
            self._hang_up()
            self._chosen = interpreter
        self._go_on()

    def request(self, slot: str, request: Any, receiver: Receiver) -> None:  # noqa: ANN401
        """Send a request, in place of an earlier one in the same slot.

        Parameters
        ----------
        slot
            What the answer is for, such as "pose". Slots take turns, in the order of asking.
        request
            One of `core.survey.protocol`.
        receiver
            Of the answer.
        """
        self._withdraw(slot)
        self._asks[slot] = (request, receiver)
        self._go_on()

    def forget(self, slot: str) -> None:
        """Nobody waits for the answer in this slot any more."""
        self._withdraw(slot)
        self._report()

    def cancel(self) -> None:
        """Nobody waits for anything any more."""
        self._asks.clear()
        self._call_back()
        self._report()

    def _withdraw(self, slot: str) -> None:
        ask = self._asks.pop(slot, None)
        if ask is not None and ask is self._asked:
            self._call_back()

    # --- what the worker is asked, and answers -----------------------------------------------

    def _interpreter(self) -> str:
        return self._chosen

    def _send_next(self, line: WorkerConnection) -> None:
        ask = next(iter(self._asks.values()), None)
        if ask is None:
            return
        self._asked = ask
        try:
            line.ask(ask[0])
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
        self._go_on()  # the worker computes what is next while this is shown
        if not wanted:
            return
        if isinstance(answer, Failure):
            ask[1].failed(answer.text)
        else:
            ask[1].answered(answer)

    def _hang_up(self) -> None:
        self._asked = None
        super()._hang_up()

    # --- how it is ---------------------------------------------------------------------------

    def _advice(self) -> str:
        return tr(
            "Check that there is memory free and that the DEM can be read, or choose another "
            "Python in Options → Avalanche ISeg, and start it again."
        )

    def _described(self) -> tuple[WorkerState, str]:
        if self._fault or self.welcome is None:
            return super()._described()
        if self._asks:
            return WorkerState.BUSY, tr("Computing…")
        return WorkerState.READY, tr("Ready")
