"""A camera worker for scripts."""

from __future__ import annotations

from ..ipc.client import WorkerClient
from .protocol import CAMERA_MESSAGES


class CameraWorker(WorkerClient):
    """A running camera worker; a context manager. See `WorkerClient`.

    Examples
    --------
    ``worker.ask(ToMap(record, dem, points, parts), Mapped)``, with the messages of `protocol`.
    """

    message_set = CAMERA_MESSAGES
