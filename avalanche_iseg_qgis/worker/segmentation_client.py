"""Requests for predictions and outlines.

The worker computes one request at a time. Requests are kept until they are answered, so a worker
that ends is started again and gets them again, with all that it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgis.PyQt.QtCore import QObject

from ..core.errors import IsegError
from ..core.worker.protocol import (
    SEGMENTATION_MESSAGES,
    Failure,
    Load,
    Loaded,
    Outlined,
    Predicted,
    SetImage,
)
from ..i18n import tr
from .requests import PredictionRequest
from .settings import ShapeSettings, WorkerSettings
from .state import WorkerState, describe
from .supervisor import WorkerSupervisor

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ..core.prompts import Prompts
    from ..layers.pixel_window import WindowImage
    from .connection import WorkerConnection
    from .receiver import Receiver


class SegmentationClient(WorkerSupervisor):
    """The worker that holds the model.

    Attributes
    ----------
    loaded
        The model that is ready, and where it computes.
    """

    message_set = SEGMENTATION_MESSAGES

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.loaded: Loaded | None = None
        self._settings = WorkerSettings()
        self._requests: dict[tuple[Hashable, bool], PredictionRequest] = {}  # not answered yet
        self._ahead: WindowImage | None = None
        # The request that the worker computes for, and the settings under which it was sent.
        self._sent: tuple[PredictionRequest | None, WorkerSettings] = (None, self._settings)

    # --- requests --------------------------------------------------------------------------

    def configure(self, settings: WorkerSettings) -> None:
        """Change how the worker computes; what has not changed stays loaded."""
        before = self._settings
        self._reset_failures()
        if settings.interpreter != before.interpreter:
            self._close()
        if settings != before:
            self._settings = settings
            self.loaded = None
            self._withdraw_request()
        self._proceed()

    def preload(self, image: WindowImage) -> None:
        """Send an image that will be asked about, when the worker has nothing else to do."""
        self._ahead = image
        self._proceed()

    def predict(
        self, slot: Hashable, image: WindowImage, prompts: Prompts, receiver: Receiver
    ) -> None:
        """Request a prediction, in place of the one requested before in the same slot.

        Parameters
        ----------
        slot
            What the answer is for, such as an object. Slots take turns.
        image
            Where to look; its pixels must not be changed any more.
        prompts
            In pixels of the image.
        receiver
            Is given the `Predicted`.
        """
        self._add(PredictionRequest(slot, image, prompts, receiver))

    def outline(
        self,
        slot: Hashable,
        image: WindowImage,
        prompts: Prompts,
        shape: ShapeSettings,
        receiver: Receiver,
    ) -> None:
        """Request the `Outlined` of a prediction, in place of the one requested before."""
        self._add(PredictionRequest(slot, image, prompts, receiver, shape))

    def withdraw(self, slot: Hashable) -> None:
        """Drop the requests of a slot: their receivers are not called any more."""
        for is_outline in (False, True):
            self._drop((slot, is_outline))
        self._update_state()

    def cancel(self) -> None:
        """Drop all requests."""
        self._requests.clear()
        self._ahead = None
        self._withdraw_request()
        self._update_state()

    def _add(self, request: PredictionRequest) -> None:
        self._drop(request.key)
        self._requests[request.key] = request
        self._proceed()

    def _drop(self, key: tuple[Hashable, bool]) -> None:
        request = self._requests.pop(key, None)
        if request is not None and request is self._sent[0]:
            self._withdraw_request()

    # --- sending ---------------------------------------------------------------------------

    def _interpreter(self) -> str:
        return self._settings.interpreter

    def _send_next(self, connection: WorkerConnection) -> None:
        settings = self._settings
        requests = sorted(self._requests.values(), key=lambda r: r.shape is not None)
        self._sent = (None, settings)
        if self.loaded is None:
            connection.send(Load(settings.model, settings.device, threads=settings.threads or None))
        elif requests:
            self._send_for(requests[0], connection)
        elif self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            if ahead.name not in connection.held:
                connection.send(SetImage(ahead.name, ahead.pixels))

    def _send_for(self, request: PredictionRequest, connection: WorkerConnection) -> None:
        image = request.image
        self._sent = (request, self._settings)
        try:
            if image.name in connection.held:
                connection.send(request.message())
            else:
                connection.send(SetImage(image.name, image.pixels))
        except IsegError as error:
            self._deliver(request, Failure(type(error).__name__, str(error)))

    # --- answers ---------------------------------------------------------------------------

    def _on_answered(self, request: Any, answer: Any) -> None:  # noqa: ANN401
        (sent, settings), self._sent = self._sent, (None, self._settings)
        if settings is self._settings:  # else it is of a model that is not wanted any more
            if isinstance(answer, Loaded):
                self.loaded = answer
            elif isinstance(answer, Failure) and isinstance(request, Load):
                self._fault = answer.text
            elif isinstance(answer, (Predicted, Outlined, Failure)):
                self._deliver(sent, answer)
                return
        self._proceed()

    def _deliver(self, request: PredictionRequest | None, answer: Any) -> None:  # noqa: ANN401
        if request is None or self._requests.get(request.key) is not request:
            self._proceed()
            return
        self._requests.pop(request.key)
        self._proceed()  # the worker computes what is next while this is shown
        request.receiver.deliver(answer)

    def _close(self) -> None:
        self.loaded = None
        self._sent = (None, self._settings)
        super()._close()

    # --- state -----------------------------------------------------------------------------

    def _advice(self) -> str:
        return tr(
            "Check that there is memory free, or choose another model or device in Options → "
            "Avalanche ISeg, and start it again."
        )

    def _describe_state(self) -> tuple[WorkerState, str]:
        if self._fault or self.welcome is None:
            return super()._describe_state()
        if self.loaded is None:
            return WorkerState.LOADING, tr("Loading the model {}…").format(self._settings.model)
        if self._requests:
            return WorkerState.BUSY, tr("Computing…")
        return WorkerState.READY, describe(self.loaded)
