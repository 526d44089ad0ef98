"""What the rest of the plugin asks for predictions and outlines.

One request is under way at a time. What is wanted stays noted until it is answered, so a worker
that ends is started again and asked again, with all that it needs.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qgis.core import Qgis, QgsMessageLog
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..core.errors import IsegError
from ..core.worker.protocol import (
    Failure,
    Hello,
    Load,
    Loaded,
    Outline,
    Outlined,
    Predict,
    Prediction,
    SetImage,
    Welcome,
)
from ..panel.notices import TITLE
from ..panel.words import tr
from .asking import Ask
from .interpreter import find_interpreter
from .line import Line
from .settings import ShapeSettings, WorkerSettings
from .state import State, describe

if TYPE_CHECKING:
    from ..core.prompts import Prompts
    from ..layers.picture import Picture

_MOST_ENDS, _WITHIN = 3, 60.0  # seconds; then starting it again is of no use


class Service(QObject):
    """The worker, whichever process it is at the moment.

    Signals
    -------
    state_changed
        `state` or `text` is another.
    predicted, outlined
        (ticket, `Prediction`) and (ticket, `Outlined`).
    refused
        (ticket, text): this cannot be answered; the worker goes on.

    Attributes
    ----------
    state, text
        How the worker is, and a sentence that says so, and what to do when it is BROKEN.
    loaded
        The model that is ready, and where it computes.
    """

    state_changed = pyqtSignal()
    predicted = pyqtSignal(object, object)
    outlined = pyqtSignal(object, object)
    refused = pyqtSignal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.loaded: Loaded | None = None
        self._settings = WorkerSettings()
        self._on = False
        self._fault = ""  # why it is BROKEN
        self._line: Line | None = None
        self._suitable = ""  # interpreter that has been seen to work
        self._ends: list[float] = []  # when workers ended, since all was well
        self._asks: dict[type, Ask] = {}  # the newest of each kind that nobody has answered
        self._ahead: Picture | None = None
        # Whom the request under way is for, and under which settings it was made.
        self._asked: tuple[Ask | None, WorkerSettings] = (None, self._settings)
        self.state, self.text = self._described()

    # --- what the plugin asks --------------------------------------------------------------

    @property
    def pid(self) -> int:
        """Id of the worker's process, 0 if there is none."""
        return self._line.pid if self._line else 0

    @property
    def welcome(self) -> Welcome | None:
        """What the worker is, once it has said so."""
        return self._line.welcome if self._line else None

    def configure(self, settings: WorkerSettings) -> None:
        """Compute in another way from now on; what has not changed is kept."""
        before = self._settings
        self._forgive()
        if settings.interpreter != before.interpreter:
            self._hang_up()
        if settings != before:
            self._settings = settings
            self.loaded = None
            self._call_back()
        self._go_on()

    def start(self) -> None:
        """Start the worker and load the model; when BROKEN, try again."""
        self._on = True
        self._forgive()
        self._go_on()

    def stop(self) -> None:
        """End the worker; nobody waits for anything any more."""
        self._on = False
        self._forgive()
        self._hang_up()
        self.cancel()

    def hand_over(self, picture: Picture) -> None:
        """Give the worker a picture that will be asked about, when it has nothing else to do."""
        self._ahead = picture
        self._go_on()

    def predict(self, ticket: object, picture: Picture, prompts: Prompts) -> None:
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
        self._ask(Ask(ticket, picture, prompts))

    def outline(
        self, ticket: object, picture: Picture, prompts: Prompts, shape: ShapeSettings
    ) -> None:
        """Ask for the outline of a prediction, in place of the one asked for before."""
        self._ask(Ask(ticket, picture, prompts, shape))

    def cancel(self) -> None:
        """Nobody waits for anything any more."""
        self._asks.clear()
        self._ahead = None
        self._call_back()
        self._report()

    def _ask(self, ask: Ask) -> None:
        if self._asked[0] is not None and self._asked[0] is self._asks.get(ask.kind):
            self._call_back()
        self._asks[ask.kind] = ask
        self._go_on()

    def _call_back(self) -> None:
        if self._line is not None:
            self._line.call_back()

    # --- what the worker is asked ----------------------------------------------------------

    def _go_on(self) -> None:
        """Do what is next, if the worker is not at something."""
        if self._on and not self._fault and self._line is None:
            self._call_up()
        if self._line and not self._fault and not self._line.busy:
            self._send_next(self._line)
        self._report()

    def _call_up(self) -> None:
        interpreter = self._settings.interpreter or find_interpreter()
        if not interpreter:
            self._fault = tr(
                "Choose the worker's Python in Options → Avalanche ISeg: the environment made by "
                "`make setup`."
            )
            return
        self._line = Line(interpreter, self)
        self._line.answered.connect(self._on_answered)
        self._line.ended.connect(self._on_ended)
        self._line.open()

    def _send_next(self, line: Line) -> None:
        settings = self._settings
        ask = self._asks.get(Predict) or self._asks.get(Outline)
        self._asked = (None, settings)
        if line.welcome is None:
            line.ask(Hello())
        elif self.loaded is None:
            line.ask(Load(settings.model, settings.device, threads=settings.threads or None))
        elif ask is not None:
            self._send_for(ask, line)
        elif self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            if ahead.name not in line.held:
                line.ask(SetImage(ahead.name, ahead.pixels))

    def _send_for(self, ask: Ask, line: Line) -> None:
        picture = ask.picture
        self._asked = (ask, self._settings)
        try:
            if picture.name in line.held:
                line.ask(ask.request())
            else:
                line.ask(SetImage(picture.name, picture.pixels))
        except IsegError as error:
            self._deliver(ask, Failure(type(error).__name__, str(error)))

    # --- what the worker answers -----------------------------------------------------------

    def _on_answered(self, request: Any, answer: Any) -> None:  # noqa: ANN401
        (ask, settings), self._asked = self._asked, (None, self._settings)
        if isinstance(answer, Welcome):
            self._suitable = self._line.interpreter
        if settings is self._settings:  # else it is of a model that is not wanted any more
            if isinstance(answer, Loaded):
                self.loaded = answer
            elif isinstance(answer, Failure) and isinstance(request, (Hello, Load)):
                self._fault = answer.text
            elif isinstance(answer, (Prediction, Outlined, Failure)):
                self._deliver(ask, answer)
                return
        self._go_on()

    def _deliver(self, ask: Ask | None, answer: Any) -> None:  # noqa: ANN401
        wanted = ask is not None and self._asks.get(ask.kind) is ask
        if wanted:
            self._asks.pop(ask.kind)
        self._go_on()  # the worker computes what is next while this is shown
        if not wanted:
            return
        if isinstance(answer, Failure):
            self.refused.emit(ask.ticket, answer.text)
        elif isinstance(answer, Prediction):
            self.predicted.emit(ask.ticket, answer)
        else:
            self.outlined.emit(ask.ticket, answer)

    def _on_ended(self, text: str) -> None:
        line = self._line
        QgsMessageLog.logMessage(
            f"{text}\n{line.log}", TITLE, Qgis.MessageLevel.Warning, notifyUser=False
        )
        self._hang_up()
        now = time.monotonic()
        self._ends = [end for end in self._ends if now - end < _WITHIN] + [now]
        if line.interpreter != self._suitable:
            self._fault = tr("{} (Options → Avalanche ISeg, Worker's Python)").format(text)
        elif len(self._ends) >= _MOST_ENDS:
            self._fault = tr(
                "{} It was started {} times within a minute. Check that there is memory free, or "
                "choose another model or device in Options → Avalanche ISeg, and start it again."
            ).format(text, _MOST_ENDS)
        self._go_on()

    def _hang_up(self) -> None:
        """End the worker, if there is one. What was wanted of it stays noted."""
        self.loaded = None
        self._asked = (None, self._settings)
        if self._line is not None:
            self._line.close()
            self._line.deleteLater()
            self._line = None

    def _forgive(self) -> None:
        self._fault = ""
        self._ends.clear()

    # --- how it is -------------------------------------------------------------------------

    def _report(self) -> None:
        now = self._described()
        if now != (self.state, self.text):
            self.state, self.text = now
            self.state_changed.emit()

    def _described(self) -> tuple[State, str]:
        if self._fault:
            return State.BROKEN, self._fault
        if self._line is None:
            return State.OFF, tr("The worker is off.")
        if self.welcome is None:
            again = tr("The worker stopped; starting it again…")
            return State.STARTING, again if self._ends else tr("Starting the worker…")
        if self.loaded is None:
            return State.LOADING, tr("Loading the model {}…").format(self._settings.model)
        if self._asks:
            return State.BUSY, tr("Computing…")
        return State.READY, describe(self.loaded)
