"""Requests for predictions and outlines."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from qgis.PyQt.QtCore import QObject

from ..core.worker.protocol import (
    SEGMENTATION_MESSAGES,
    Failure,
    Load,
    Loaded,
    Outline,
    Outlined,
    Predict,
    Predicted,
    SetImage,
)
from ..i18n import tr
from ..models.catalogue import entry_of
from .requests import WorkerRequest
from .settings import ShapeSettings, WorkerSettings
from .state import WorkerState, describe
from .supervisor import WorkerSupervisor

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ..core.prompts import Prompts
    from ..layers.pixel_window import WindowImage
    from .connection import WorkerConnection
    from .requests import Receiver


_PREVIEW = "preview"


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
        self._sent_settings = self._settings  # in force when the latest message was sent
        self._ahead: WindowImage | None = None

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
        message = Predict.of(image.name, prompts)
        self._add(WorkerRequest((slot, Predict), message, receiver, image))

    def outline(
        self,
        slot: Hashable,
        image: WindowImage,
        prompts: Prompts,
        shape: ShapeSettings,
        receiver: Receiver,
    ) -> None:
        """Request the `Outlined` of a prediction, in place of the one requested before."""
        message = Outline.of(image.name, prompts, **asdict(shape))
        self._add(WorkerRequest((slot, Outline), message, receiver, image))

    def withdraw(self, slot: Hashable) -> None:
        """Drop the requests of a slot: their receivers are not called any more."""
        for kind in (Predict, Outline):
            self._drop((slot, kind))
        self._update_state()

    def preview(self, image: WindowImage, prompts: Prompts, receiver: Receiver) -> None:
        """Request a prediction if there is nothing else to do, in place of the preview before.

        The worker does not count as busy with it.
        """
        self._requests.pop(_PREVIEW, None)  # one that was sent goes on, for nobody
        if self.loaded is not None and not self._requests and self.state is WorkerState.READY:
            message = Predict.of(image.name, prompts)
            self._add(WorkerRequest(_PREVIEW, message, receiver, image))

    def withdraw_preview(self) -> None:
        """Drop the request of a preview: its receiver is not called any more."""
        self._requests.pop(_PREVIEW, None)

    def cancel(self) -> None:
        """Drop all requests."""
        self._ahead = None
        super().cancel()

    # --- sending and answers ---------------------------------------------------------------

    def _interpreter(self) -> str:
        return self._settings.interpreter

    def _send_next(self, connection: WorkerConnection) -> None:
        settings = self._sent_settings = self._settings
        requests = sorted(self._requests.values(), key=_urgency)
        if self.loaded is None:
            connection.send(Load(settings.model, settings.device, threads=settings.threads or None))
        elif requests:
            request = requests[0]
            image = request.image
            if image is not None and image.name not in connection.held:
                self._send(connection, request, partial(SetImage, image.name, image.pixels))
            else:
                self._send(connection, request, lambda: request.message)
        elif self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            if ahead.name not in connection.held:
                connection.send(SetImage(ahead.name, ahead.pixels))

    def _on_answered(self, request: Any, answer: Any) -> None:  # noqa: ANN401
        if self._sent_settings is self._settings:  # else of a model that is not wanted any more
            if isinstance(answer, Loaded):
                self.loaded = answer
            elif isinstance(answer, Failure) and isinstance(request, Load):
                self._fault = answer.text
            elif isinstance(answer, (Predicted, Outlined, Failure)):
                self._deliver(answer)
                return
        self._sent = None
        self._proceed()

    def _close(self) -> None:
        self.loaded = None
        super()._close()

    # --- state -----------------------------------------------------------------------------

    def _ready_state(self) -> tuple[WorkerState, str]:
        if self.loaded is None:
            return WorkerState.LOADING, tr("Loading the model {}…").format(self._settings.model)
        if self._requests.keys() - {_PREVIEW}:
            return WorkerState.BUSY, tr("Computing…")
        return WorkerState.READY, describe(self.loaded, entry_of(self.loaded.name).title)

    def _advice(self) -> str:
        return tr(
            "Check that there is memory free, or choose another model or device in Options → "
            "Avalanche ISeg, and start it again."
        )


def _urgency(request: WorkerRequest) -> int:
    """Return the place of a request in the queue: predictions, then outlines, then a preview."""
    return 2 if request.key == _PREVIEW else int(isinstance(request.message, Outline))
