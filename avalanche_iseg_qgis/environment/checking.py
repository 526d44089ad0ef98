"""Tries an environment: both workers, with a click and a camera whose answers are known."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..core.ipc.envelope import Failure, Hello
from ..core.prompts import Click, Prompts
from ..core.survey.protocol import CAMERA_MESSAGES, Posed, SolvePose
from ..core.worker.protocol import (
    SEGMENTATION_MESSAGES,
    Images,
    Load,
    Loaded,
    Predict,
    Predicted,
    SegmentationWelcome,
    SetImage,
)
from ..i18n import tr
from ..worker.connection import WorkerConnection

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.ipc.envelope import MessageSet

_NAME = "check"
_HEIGHT, _WIDTH = 240, 320  # of the built-in picture
_FOCAL = 800.0


@dataclass(frozen=True)
class CheckResult:
    """What was found out about one part.

    Attributes
    ----------
    works
        Whether it does what it is for.
    text
        What works, with seconds, or why it does not and what to do.
    """

    works: bool
    text: str


class EnvironmentCheck(QObject):
    """Starts the workers of an environment and asks them something, without blocking.

    Signals
    -------
    reported
        A `CheckResult`: of the Python, of the prediction, of cameras.
    finished
        Whether everything works. Not emitted after `stop`.

    Attributes
    ----------
    results
        All so far.
    versions
        Of Python and packages, as the workers tell them.
    device
        Where predictions are computed.
    log
        The end of what the workers printed.
    """

    reported = pyqtSignal(object)
    finished = pyqtSignal(bool)

    def __init__(
        self, interpreter: str, parent: QObject | None = None, *, model: str = "default"
    ) -> None:
        super().__init__(parent)
        self.interpreter, self._model = interpreter, model
        self.results: list[CheckResult] = []
        self.versions: dict[str, str] = {}
        self.device, self.log = "", ""
        self._start = 0.0
        self._connection: WorkerConnection | None = None

    def start(self) -> None:
        """Begin with the segmentation worker."""
        self._open(SEGMENTATION_MESSAGES)

    def stop(self) -> None:
        """End the worker that is asked."""
        if self._connection is not None:
            self.log = self._connection.log
            self._connection.close()
            self._connection.deleteLater()
            self._connection = None

    # --- what is asked -------------------------------------------------------------------------

    def _open(self, message_set: MessageSet) -> None:
        self._start = time.perf_counter()
        connection = self._connection = WorkerConnection(self.interpreter, message_set, self)
        connection.answered.connect(self._on_answered)
        connection.ended.connect(self._fail)
        connection.open()
        connection.send(Hello(message_set.version))

    def _on_answered(self, request: Any, answer: Any) -> None:  # noqa: ANN401
        if isinstance(answer, Failure):
            self._fail(answer.text)
        elif isinstance(answer, SegmentationWelcome):
            self.versions.update(answer.versions)
            text = tr("Python {} works ({:.1f} s).").format(
                answer.versions.get("python", "?"), self._seconds()
            )
            self._report(CheckResult(True, text))
            self._send(Load(self._model))
        elif isinstance(answer, Loaded):
            self.device = f"{answer.device}, {answer.engine}"
            self._send(SetImage(_NAME, _picture()))
        elif isinstance(answer, Images):
            self._send(Predict.of(_NAME, Prompts([Click(_HEIGHT / 2, _WIDTH / 2)])))
        elif isinstance(answer, Predicted):
            self._judge_prediction(answer)
        elif isinstance(request, Hello):
            self.versions.update(answer.versions)
            self._send(_pose_request())
        elif isinstance(answer, Posed):
            self._judge_pose(answer)

    def _judge_prediction(self, predicted: Predicted) -> None:
        found, inside = predicted.mask(0.5), _inside()
        overlap = float((found & inside).sum() / (found | inside).sum())
        if overlap < 0.5:
            text = tr(
                "The prediction runs, but gives nonsense. Choose another device in the panel, or "
                "make the environment anew with Repair."
            )
            self._report(CheckResult(False, text))
        else:
            text = tr("Prediction works: a click on a test picture, {:.1f} s with loading.")
            self._report(CheckResult(True, text.format(self._seconds())))
        self.stop()
        self._open(CAMERA_MESSAGES)

    def _judge_pose(self, posed: Posed) -> None:
        rms = posed.record.get("rms_px")  # the points are exact
        if rms is None or rms > 1.0:
            text = tr("Cameras are computed, but wrongly. Make the environment anew with Repair.")
            self._report(CheckResult(False, text))
        else:
            text = tr("Cameras work: a pose from six points, {:.1f} s.").format(self._seconds())
            self._report(CheckResult(True, text))
        self._end()

    # --- answers -------------------------------------------------------------------------------

    def _send(self, request: Any) -> None:  # noqa: ANN401
        if self._connection is not None:
            self._connection.send(request)

    def _fail(self, text: str) -> None:
        connection = self._connection
        if connection is None:
            return
        is_camera = connection.message_set is CAMERA_MESSAGES
        self.stop()
        part = tr("Cameras do not work.") if is_camera else tr("Prediction does not work.")
        self._report(CheckResult(False, f"{part} {text}"))
        if is_camera or not self.versions:  # else no worker will run in this Python
            self._end()
        else:
            self._open(CAMERA_MESSAGES)

    def _report(self, result: CheckResult) -> None:
        self.results.append(result)
        self.reported.emit(result)

    def _end(self) -> None:
        self.stop()
        self.finished.emit(all(result.works for result in self.results))

    def _seconds(self) -> float:
        return time.perf_counter() - self._start


def _inside() -> NDArray[np.bool_]:
    """(H, W) bool: the object of the built-in picture."""
    rows, cols = np.ogrid[:_HEIGHT, :_WIDTH]
    return ((rows - _HEIGHT / 2) / _HEIGHT) ** 2 + ((cols - _WIDTH / 2) / _WIDTH) ** 2 < 0.04


def _picture() -> NDArray[np.uint8]:
    """(H, W, 3) uint8: a bright disk on a dark ground."""
    grey = np.where(_inside(), np.uint8(220), np.uint8(60))
    return np.ascontiguousarray(np.repeat(grey[..., None], 3, axis=2))


def _pose_request() -> SolvePose:
    """Return six points that a camera looking north sees, with exact pixels."""
    x, y, z = 2_700_000.0, 1_180_000.0, 2000.0
    offsets = [(-300, 1000, -50), (250, 900, 60), (-60, 1500, 180), (420, 1300, -120)]
    offsets += [(-500, 1800, 250), (100, 700, -90)]
    points = [
        {
            "name": str(number),
            "u_px": 600 + _FOCAL * east / north,
            "v_px": 400 - _FOCAL * up / north,
            "x": x + east,
            "y": y + north,
            "z": z + up,
        }
        for number, (east, north, up) in enumerate(offsets, 1)
    ]
    return SolvePose(
        points=points,
        width=1200,
        height=800,
        epsg=2056,
        position=(x + 5, y - 5, z + 3),
        position_sigma=(20.0, 20.0, 20.0),
    )
