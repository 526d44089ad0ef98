"""Requests for camera poses, and for outlines from photo to map and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgis.PyQt.QtCore import QObject

from ..core.survey.protocol import CAMERA_MESSAGES
from ..i18n import tr
from .requests import Receiver, WorkerRequest
from .state import WorkerState
from .supervisor import WorkerSupervisor

if TYPE_CHECKING:
    from collections.abc import Hashable

    from .connection import WorkerConnection


class CameraClient(WorkerSupervisor):
    """The worker that knows cameras and terrain."""

    message_set = CAMERA_MESSAGES

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._chosen = ""

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

    def ensure_started(self) -> None:
        """Start the worker if it is off; if it is BROKEN, try again with what was requested."""
        if self.state in (WorkerState.OFF, WorkerState.BROKEN):
            self._reset_failures()
            self._update_state()  # that it is BROKEN again is news then
            self.start()

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
        self._add(WorkerRequest(slot, request, receiver))

    def withdraw(self, slot: Hashable) -> None:
        """Drop the request of a slot: its receiver is not called any more."""
        self._drop(slot)
        self._update_state()

    def _interpreter(self) -> str:
        return self._chosen

    def _send_next(self, connection: WorkerConnection) -> None:
        request = next(iter(self._requests.values()), None)
        if request is not None:
            self._send(connection, request, lambda: request.message)

    def _ready_state(self) -> tuple[WorkerState, str]:
        if self._requests:
            return WorkerState.BUSY, tr("Computing…")
        return WorkerState.READY, tr("Ready")

    def _advice(self) -> str:
        return tr(
            "Check that there is memory free and that the DEM can be read, or choose another "
            "Python in Options → Avalanche ISeg, and start it again."
        )
