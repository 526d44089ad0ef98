"""Algorithm that fine-tunes a model on mapped avalanches, in a process of its own."""

from __future__ import annotations

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

from ..compat import POLYGON_LAYERS
from ..core.errors import IsegError
from ..core.files import is_file
from ..core.json_files import MALFORMED, read_json
from ..i18n import tr
from .algorithm import IsegAlgorithm, Parameters
from .command import BlockingCommand
from .masks import INPUT, OUTPUT

if TYPE_CHECKING:
    from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsVectorLayer

PHOTOS, MODEL, NAME, UNREVIEWED, ZONE = "PHOTOS", "MODEL", "NAME", "UNREVIEWED", "ZONE"
SAMPLES = "SAMPLES"
MODEL_FILE, VERDICT, CONCLUSION = "MODEL_FILE", "VERDICT", "CONCLUSION"
NOC_BEFORE, NOC_AFTER = "NOC_BEFORE", "NOC_AFTER"


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
        arguments = ["from-mapped", *options, "--", *self._files]
        ended = tr("The training has ended by itself (status {}). The end of its log: {}")
        BlockingCommand("training", arguments, feedback, ended).run()
        return _results(Path(out))


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
