"""What the rest of the plugin asks for predictions and outlines.

One request is under way at a time. What is wanted stays noted until it is answered, so a worker
that ends is started again and asked again, with all that it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..core.errors import IsegError
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
from .requests import PredictionRequest
from .settings import ShapeSettings, WorkerSettings
from .state import WorkerState, describe
from .supervisor import WorkerSupervisor

if TYPE_CHECKING:
    from ..core.prompts import Prompts
    from ..layers.pixel_window import WindowImage
    from .connection import WorkerConnection


class SegmentationClient(WorkerSupervisor):
    """The worker that holds the model.

    Signals
    -------
    predicted, outlined
        (ticket, `Predicted`) and (ticket, `Outlined`).
    refused
        (ticket, text): this cannot be answered; the worker goes on.

    Attributes
    ----------
    loaded
        The model that is ready, and where it computes.
    """

    message_set = SEGMENTATION_MESSAGES
    predicted = pyqtSignal(object, object)
    outlined = pyqtSignal(object, object)
    refused = pyqtSignal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.loaded: Loaded | None = None
        self._settings = WorkerSettings()
        self._asks: dict[
            type, PredictionRequest
        ] = {}  # the newest of each kind that nobody has answered
        self._ahead: WindowImage | None = None
        # Whom the request under way is for, and under which settings it was made.
        self._asked: tuple[PredictionRequest | None, WorkerSettings] = (None, self._settings)

    # --- what the plugin asks --------------------------------------------------------------

    def configure(self, settings: WorkerSettings) -> None:
        """Compute in another way from now on; what has not changed is kept."""
        before = self._settings
        self._reset_failures()
        if settings.interpreter != before.interpreter:
            self._close()
        if settings != before:
            self._settings = settings
            self.loaded = None
            self._withdraw_request()
        self._proceed()

    def hand_over(self, picture: WindowImage) -> None:
        """Give the worker a picture that will be asked about, when it has nothing else to do."""
        self._ahead = picture
        self._proceed()

    def predict(self, ticket: object, picture: WindowImage, prompts: Prompts) -> None:
        """Ask for a prediction, in place of the one asked for before.

        Parameters
        ----------
        ticket
            Comes back with the answer.
        picture
            Where to look; its pixels are not to be changed any more.
        prompts
            In pixels of the picture.
        """
        self._ask(PredictionRequest(ticket, picture, prompts))

    def outline(
        self, ticket: object, picture: WindowImage, prompts: Prompts, shape: ShapeSettings
    ) -> None:
        """Ask for the outline of a prediction, in place of the one asked for before."""
        self._ask(PredictionRequest(ticket, picture, prompts, shape))

    def cancel(self) -> None:
        """Nobody waits for anything any more."""
        self._asks.clear()
        self._ahead = None
        self._withdraw_request()
        self._update_state()

    def _ask(self, ask: PredictionRequest) -> None:
        if self._asked[0] is not None and self._asked[0] is self._asks.get(ask.kind):
            self._withdraw_request()
        self._asks[ask.kind] = ask
        self._proceed()

    # --- what the worker is asked ----------------------------------------------------------

    def _interpreter(self) -> str:
        return self._settings.interpreter

    def _send_next(self, connection: WorkerConnection) -> None:
        settings = self._settings
        ask = self._asks.get(Predict) or self._asks.get(Outline)
        self._asked = (None, settings)
        if self.loaded is None:
            connection.send(Load(settings.model, settings.device, threads=settings.threads or None))
        elif ask is not None:
            self._send_for(ask, connection)
        elif self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            if ahead.name not in connection.held:
                connection.send(SetImage(ahead.name, ahead.pixels))

    def _send_for(self, ask: PredictionRequest, connection: WorkerConnection) -> None:
        picture = ask.picture
        self._asked = (ask, self._settings)
        try:
            if picture.name in connection.held:
                connection.send(ask.request())
            else:
                connection.send(SetImage(picture.name, picture.pixels))
        except IsegError as error:
            self._deliver(ask, Failure(type(error).__name__, str(error)))

    # --- what the worker answers -----------------------------------------------------------

    def _on_answered(self, request: Any, answer: Any) -> None:  # noqa: ANN401
        (ask, settings), self._asked = self._asked, (None, self._settings)
        if settings is self._settings:  # else it is of a model that is not wanted any more
            if isinstance(answer, Loaded):
                self.loaded = answer
            elif isinstance(answer, Failure) and isinstance(request, Load):
                self._fault = answer.text
            elif isinstance(answer, (Predicted, Outlined, Failure)):
                self._deliver(ask, answer)
                return
        self._proceed()

    def _deliver(self, ask: PredictionRequest | None, answer: Any) -> None:  # noqa: ANN401
        wanted = ask is not None and self._asks.get(ask.kind) is ask
        if wanted:
            self._asks.pop(ask.kind)
        self._proceed()  # the worker computes what is next while this is shown
        if not wanted:
            return
        if isinstance(answer, Failure):
            self.refused.emit(ask.ticket, answer.text)
        elif isinstance(answer, Predicted):
            self.predicted.emit(ask.ticket, answer)
        else:
            self.outlined.emit(ask.ticket, answer)

    def _close(self) -> None:
        self.loaded = None
        self._asked = (None, self._settings)
        super()._close()

    # --- how it is -------------------------------------------------------------------------

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
        if self._asks:
            return WorkerState.BUSY, tr("Computing…")
        return WorkerState.READY, describe(self.loaded)
