"""The screening of a series in a process of its own, at lowest priority; may be cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import QObject, pyqtSignal

from .. import settings
from ..core.survey.protocol import ScreenSeries
from ..worker.camera_client import CameraClient
from ..worker.requests import Receiver
from ..worker.state import WorkerState

if TYPE_CHECKING:
    from pathlib import Path

    from ..core.survey.protocol import Screened

_SLOT = "screen"


class ScreeningRun(QObject):
    """Asks a camera worker of its own to screen for a second, again and again, until all is done.

    What was measured is kept in the folder of the series, whatever ends the worker or QGIS.

    Signals
    -------
    progressed
        (number done, number of all)
    ended
        (why not all is done): empty if all is.
    """

    progressed = pyqtSignal(int, int)
    ended = pyqtSignal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._client = CameraClient(self)
        self._client.state_changed.connect(self._on_state)
        self._series: Path | None = None

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self._series is not None

    @property
    def pid(self) -> int:
        """Id of the worker's process, 0 if there is none."""
        return self._client.pid

    def start(self, series: Path) -> None:
        """Begin, or go on where it was stopped."""
        if self.is_running:
            return
        self._series = series
        self._client.configure(settings.INTERPRETER.get())
        self._ask()
        self._client.ensure_started()

    def cancel(self) -> None:
        """Stop at once; `ended` is not emitted."""
        self._series = None
        self._client.stop()

    def _ask(self) -> None:
        request = ScreenSeries(str(self._series))
        self._client.request(_SLOT, request, Receiver(self._take, self._end))

    def _take(self, answer: Screened) -> None:
        if not self.is_running:
            return
        self.progressed.emit(answer.done, answer.total)
        if answer.done < answer.total:
            self._ask()
        else:
            self._end("")

    def _on_state(self) -> None:
        if self.is_running and self._client.state is WorkerState.BROKEN:
            self._end(self._client.text)

    def _end(self, fault: str) -> None:
        self.cancel()
        self.ended.emit(fault)
