"""The algorithm that merges two GeoPackages; see `core.geopackage.merging`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
)

from ..core.files import write_text
from ..core.geopackage.merging import conflict_table, merge_geopackages
from ..i18n import tr
from .algorithm import IsegAlgorithm, Parameters
from .masks import OUTPUT

if TYPE_CHECKING:
    from qgis.core import QgsProcessingContext, QgsProcessingFeedback

FIRST, SECOND, REPORT, CONFLICTS = "FIRST", "SECOND", "REPORT", "CONFLICTS"


class MergeGeopackages(IsegAlgorithm):
    """Union of two copies of a GeoPackage."""

    key, room = "mergegeopackages", "exchange"

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        file = QgsProcessingParameterFile.Behavior.File
        for name, text in (
            (FIRST, tr("GeoPackage, whose styles are taken")),
            (SECOND, tr("The other GeoPackage")),
        ):
            self.addParameter(QgsProcessingParameterFile(name, text, file, "gpkg"))
        self.addParameter(
            QgsProcessingParameterFileDestination(
                REPORT, tr("What both have changed"), "CSV (*.csv)", optional=True
            )
        )
        self.addParameter(
            QgsProcessingParameterFileDestination(
                OUTPUT, tr("Merged GeoPackage"), "GeoPackage (*.gpkg)"
            )
        )
        self.addOutput(QgsProcessingOutputNumber(CONFLICTS, tr("Avalanches that both changed")))

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Merge, and tell what both have changed."""
        first, second = (
            Path(self.parameterAsFile(parameters, name, context)) for name in (FIRST, SECOND)
        )
        out = self.parameterAsFileOutput(parameters, OUTPUT, context)
        report = merge_geopackages(first, second, Path(out))
        for note in report.notes:
            feedback.pushWarning(note)
        for conflict in report.conflicts:
            feedback.pushInfo(conflict.text())
        found: dict[str, Any] = {OUTPUT: out, CONFLICTS: len(report.conflicts)}
        if parameters.get(REPORT):
            table = self.parameterAsFileOutput(parameters, REPORT, context)
            write_text(table, conflict_table(report))
            found[REPORT] = table
        return found
