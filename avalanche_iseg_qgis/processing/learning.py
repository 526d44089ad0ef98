"""Algorithm that fine-tunes a model on mapped avalanches, in a process of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsProviderRegistry,
)
from qgis.PyQt.QtCore import QEventLoop, QTimer

from .. import settings
from ..compat import POLYGON_LAYERS
from ..core.errors import IsegError
from ..core.files import is_file
from ..core.ipc.launch import module_command
from ..core.json_files import MALFORMED, read_json
from ..environment.job import NOT_STARTED, CommandRun
from ..i18n import tr
from ..worker.interpreter import chosen_interpreter
from .algorithm import IsegAlgorithm, Parameters
from .asking import check_cancelled
from .masks import INPUT, OUTPUT

if TYPE_CHECKING:
    from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsVectorLayer

PHOTOS, MODEL, NAME, UNREVIEWED, ZONE = "PHOTOS", "MODEL", "NAME", "UNREVIEWED", "ZONE"
SAMPLES = "SAMPLES"
MODEL_FILE, VERDICT, CONCLUSION = "MODEL_FILE", "VERDICT", "CONCLUSION"
NOC_BEFORE, NOC_AFTER = "NOC_BEFORE", "NOC_AFTER"
_PROGRESS = re.compile(r"\[ *(\d+) %\] (.*)")
_POLL = 200  # ms between looks whether the user has cancelled
_LOG_LINES = 5


class FineTune(IsegAlgorithm):
    """A model fine-tuned on layers of avalanches."""

    key, room, needs_worker = "finetune", "learning", True

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        folder = QgsProcessingParameterFile.Behavior.Folder
        for parameter in (
            QgsProcessingParameterMultipleLayers(
                INPUT, tr("Layers of avalanches, in GeoPackages"), POLYGON_LAYERS
            ),
            QgsProcessingParameterFile(
                PHOTOS, tr("Folder of images that have moved"), folder, optional=True
            ),
            QgsProcessingParameterString(
                MODEL, tr("Model to start from: its name or file"), "default"
            ),
            QgsProcessingParameterString(
                NAME, tr("Name of the new model (empty: that of the folder)"), optional=True
            ),
            QgsProcessingParameterBoolean(
                UNREVIEWED, tr("Also outlines that nobody has reviewed"), False
            ),
            QgsProcessingParameterString(
                ZONE,
                tr("Time zone of days, such as Europe/Vienna (empty: of this computer)"),
                optional=True,
            ),
            QgsProcessingParameterNumber(
                SAMPLES,
                tr("Samples to train on (empty: by the number of outlines)"),
                QgsProcessingParameterNumber.Type.Integer,
                optional=True,
                minValue=8,
            ),
            QgsProcessingParameterFolderDestination(OUTPUT, tr("Folder of model and report")),
        ):
            self.addParameter(parameter)
        for name, text in (
            (MODEL_FILE, tr("Model")),
            (VERDICT, tr("better, worse, chance, or none without a new model")),
            (CONCLUSION, tr("Conclusion")),
        ):
            self.addOutput(QgsProcessingOutputString(name, text))
        for name, text in (
            (NOC_BEFORE, tr("Mean number of clicks to an IoU of 85 %, before")),
            (NOC_AFTER, tr("Mean number of clicks to an IoU of 85 %, after")),
        ):
            self.addOutput(QgsProcessingOutputNumber(name, text))

    def prepare(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Find the files of the layers."""
        layers = self.parameterAsLayerList(parameters, INPUT, context)
        self._files = list(dict.fromkeys(_saved_file(layer) for layer in layers))

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Run the training, and return what its report says."""
        out = self.parameterAsString(parameters, OUTPUT, context)
        options = ["--out", out, "--model", self.parameterAsString(parameters, MODEL, context)]
        for option, name in (("--photos", PHOTOS), ("--name", NAME), ("--zone", ZONE)):
            value = self.parameterAsString(parameters, name, context)
            options += [f"{option}={value}"] if value else []
        if parameters.get(SAMPLES) is not None:
            options += ["--samples", str(self.parameterAsInt(parameters, SAMPLES, context))]
        if self.parameterAsBool(parameters, UNREVIEWED, context):
            options.append("--all")
        _Training(["from-mapped", *options, "--", *self._files], feedback).run()
        return _results(Path(out))


class _Training:
    """One run of ``python -m training``, waited for in any thread."""

    def __init__(self, arguments: list[str], feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback
        self._lines: list[str] = []
        self._status: int | None = None
        self._loop = QEventLoop()
        python = chosen_interpreter(settings.INTERPRETER.get())
        threads = settings.THREADS.get()
        self._run = CommandRun(
            [*module_command(python, "training"), *arguments],
            variables={"OMP_NUM_THREADS": str(threads)} if threads else {},
        )
        self._run.line.connect(self._on_line)
        self._run.finished.connect(self._on_finished)

    def run(self) -> None:
        """Train.

        Raises
        ------
        IsegError
            If that fails.
        CancelledError
            If the user cancels: what was trained so far is kept in the folder.
        """
        timer = QTimer()
        timer.setInterval(_POLL)
        timer.timeout.connect(self._on_time)
        timer.start()
        self._run.start()
        while self._status is None and not self._feedback.isCanceled():
            self._loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
        timer.stop()
        if self._status is None:
            self._run.kill()
            self._feedback.pushInfo(
                tr("Stopped. The same parameters and folder go on where it was.")
            )
        check_cancelled(self._feedback)
        if self._status:
            raise IsegError(self._fault())

    def _on_line(self, text: str) -> None:
        told = _PROGRESS.fullmatch(text)
        if told:
            self._feedback.setProgress(int(told[1]))
            self._feedback.setProgressText(told[2])
        elif text.startswith("warning: "):
            self._feedback.pushWarning(text.removeprefix("warning: "))
        else:
            self._lines.append(text)
            self._feedback.pushConsoleInfo(text)

    def _on_finished(self, status: int) -> None:
        self._status = status
        self._loop.quit()

    def _on_time(self) -> None:
        if self._feedback.isCanceled():
            self._loop.quit()

    def _fault(self) -> str:
        """Return the command's own sentence, or the end of what it said."""
        for place, line in enumerate(self._lines):
            if line.startswith("error: "):
                return "\n".join([line.removeprefix("error: "), *self._lines[place + 1 :]])
        if self._status == NOT_STARTED:
            return tr(
                "The Python of the environment cannot be started: press “Set up…” in the panel "
                "Segment."
            )
        text = tr("The training has ended by itself (status {}). The end of its log: {}")
        return text.format(self._status, " | ".join(self._lines[-_LOG_LINES:]))


def _saved_file(layer: QgsVectorLayer) -> str:
    """Return the file of a layer; `IsegError` if it has none, or edits that are not in it."""
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    path = str(parts.get("path") or "")
    if not is_file(path):
        text = tr("The layer {} is not in a file: save it as a GeoPackage first.")
        raise IsegError(text.format(layer.name()))
    if layer.isModified():
        text = tr("The layer {} has edits that are not saved: save them first.")
        raise IsegError(text.format(layer.name()))
    return path


def _results(out: Path) -> dict[str, Any]:
    """Return the outputs, from the report in the folder."""
    path = out / "report.json"
    try:
        report = read_json(path)
        gain = report["gains"]["NoC@85"]
        model = out / f"{report['name']}.safetensors"
        return {
            OUTPUT: str(out),
            MODEL_FILE: str(model) if report["share"] else "",
            VERDICT: report["verdict"],
            CONCLUSION: report["conclusion"],
            NOC_BEFORE: gain["before"],
            NOC_AFTER: gain["after"],
        }
    except (OSError, *MALFORMED) as error:
        text = tr("The report {} cannot be read: {}.")
        raise IsegError(text.format(path, error)) from error
