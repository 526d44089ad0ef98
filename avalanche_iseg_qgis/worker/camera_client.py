"""Requests for camera poses, and for outlines from photo to map and back.

The worker computes one request at a time. Requests are kept until they are answered, so a worker
that ends is started again and gets them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgis.PyQt.QtCore import QObject

from ..core.errors import IsegError
from ..core.ipc.envelope import Failure, Skipped
from ..core.survey.protocol import CAMERA_MESSAGES
from ..i18n import tr
from .receiver import Receiver
from .state import WorkerState
from .supervisor import WorkerSupervisor

if TYPE_CHECKING:
    from collections.abc import Hashable

    from .connection import WorkerConnection

_Wanted = tuple[Any, Receiver]  # request and receiver


class CameraClient(WorkerSupervisor):
    """The worker that knows cameras and terrain."""

    message_set = CAMERA_MESSAGES

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._chosen = ""
        self._requests: dict[Hashable, _Wanted] = {}  # not answered yet
        self._sent: _Wanted | None = None  # what the worker computes

    @property
    def busy(self) -> bool:
        """Whether there are requests that are not answered yet."""
        return bool(self._requests)

    def configure(self, interpreter: str) -> None:
        """Set the Python of the worker's environment; "" looks for one."""
        self._reset_failures()
        if interpreter != self._chosen:
            self._close()
            self._chosen = interpreter
        self._proceed()

    def request(self, slot: Hashable, request: Any, receiver: Receiver) -> None:  # noqa: ANN401
        """Request something, in place of what was requested in the same slot before.

        Parameters
        ----------
        slot
            What the answer is for, such as "pose". Slots take turns, in the order of requests.
        request
            A message of `core.survey.protocol`.
        receiver
            Is given the answer.
        """
        self._drop(slot)
        self._requests[slot] = (request, receiver)
        self._proceed()

    def withdraw(self, slot: Hashable) -> None:
        """Drop the request of a slot: its receiver is not called any more."""
        self._drop(slot)
        self._update_state()

    def cancel(self) -> None:
        """Drop all requests."""
        self._requests.clear()
        self._withdraw_request()
        self._update_state()

    def _drop(self, slot: Hashable) -> None:
        wanted = self._requests.pop(slot, None)
        if wanted is not None and wanted is self._sent:
            self._withdraw_request()

    # --- sending, answers ----------------------------------------------------------------------

    def _interpreter(self) -> str:
        return self._chosen

    def _send_next(self, connection: WorkerConnection) -> None:
        wanted = next(iter(self._requests.values()), None)
        if wanted is None:
            return
        self._sent = wanted
        try:
            connection.send(wanted[0])
        except (IsegError, TypeError, ValueError) as error:  # no frame can carry it
            self._deliver(wanted, Failure(type(error).__name__, str(error)))

    def _on_answered(self, request: Any, answer: Any) -> None:  # noqa: ANN401, ARG002
        sent, self._sent = self._sent, None
        self._deliver(sent, answer)

    def _deliver(self, sent: _Wanted | None, answer: Any) -> None:  # noqa: ANN401
        slots = [slot for slot, wanted in self._requests.items() if wanted is sent]
        is_answered = bool(slots) and not isinstance(answer, Skipped)
        if is_answered:
            self._requests.pop(slots[0])
        self._proceed()  # the worker computes what is next while this is shown
        if sent is not None and is_answered:
            sent[1].deliver(answer)

    def _close(self) -> None:
        self._sent = None
        super()._close()

    # --- state ---------------------------------------------------------------------------------

    def _advice(self) -> str:
        return tr(
            "Check that there is memory free and that the DEM can be read, or choose another "
            "Python in Options → Avalanche ISeg, and start it again."
        )

    def _describe_state(self) -> tuple[WorkerState, str]:
        if self._fault or self.welcome is None:
            return super()._describe_state()
        if self._requests:
            return WorkerState.BUSY, tr("Computing…")
        return WorkerState.READY, tr("Ready")
