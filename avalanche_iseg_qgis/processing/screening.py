"""Algorithm that tells usable photos from night and fog, by the command `series screen`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFolderDestination,
    QgsWkbTypes,
)

from ..compat import TABLES
from ..core.errors import IsegError, write_errors
from ..core.exchange.avalanche import iso_time
from ..core.series import SeriesStore
from ..core.series.records import SUFFIX
from ..i18n import tr, tr_core
from .algorithm import IsegAlgorithm, Parameters, fields_of
from .command import PROGRESS_LINES, BlockingCommand
from .masks import OUTPUT
from .photo_folders import (
    FOLDER,
    RULE,
    WORKERS,
    ZONE,
    folder_parameter,
    list_folder,
    reading_parameters,
    undated_reason,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qgis.core import QgsProcessingContext, QgsProcessingFeedback

    from ..core.series import NameRule, SeriesPhoto

SERIES, USABLE, USELESS = "SERIES", "USABLE", "USELESS"

_COLUMNS = (
    ("photo", "text"),
    ("camera", "text"),
    ("observed_at", "text"),
    ("look", "text"),
    ("usable", "bool"),
    ("figure", "real"),
    ("reason", "text"),
    ("key", "text"),
)


class ScreenPhotos(IsegAlgorithm):
    """How each photo of a folder or a series looks."""

    key, room, needs_worker = "screenphotos", "series", True

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        for parameter in (
            folder_parameter(tr("Folder of photos, or a series")),
            QgsProcessingParameterFolderDestination(
                SERIES,
                tr("Series to make of the folder (NAME.series)"),
                optional=True,
                createByDefault=False,
            ),
            QgsProcessingParameterFeatureSink(OUTPUT, tr("Table of the photos"), TABLES),
            *reading_parameters(),
        ):
            self.addParameter(parameter)
        self.addOutput(QgsProcessingOutputNumber(USABLE, tr("Photos in which terrain can be seen")))
        self.addOutput(QgsProcessingOutputNumber(USELESS, tr("Photos with night, fog or the like")))

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Screen as the command does; its notes stay in the series, if there is one."""
        folder = Path(self.parameterAsFile(parameters, FOLDER, context))
        is_series = folder.suffix == SUFFIX
        given = [self.parameterAsString(parameters, name, context) for name in (RULE, ZONE)]
        pattern, zone = ("", "") if is_series else given  # a series has its own
        folders, rule, listing = list_folder(folder, pattern, zone)
        target = self.parameterAsString(parameters, SERIES, context)
        output = self.sink(
            parameters,
            OUTPUT,
            context,
            fields_of(_COLUMNS),
            QgsWkbTypes.Type.NoGeometry,
            QgsCoordinateReferenceSystem(),
        )
        ended = tr("The screening has ended by itself (status {}). The end of its log: {}")
        workers = f"--workers={self.parameterAsInt(parameters, WORKERS, context)}"
        with tempfile.TemporaryDirectory() as temporary:
            series = folder if is_series else Path(target or Path(temporary, "photos" + SUFFIX))
            store = SeriesStore.open(series) if is_series else _made(series, folders, rule)
            arguments = ["series", "screen", str(series), workers]
            BlockingCommand("core", arguments, feedback, ended, PROGRESS_LINES).run()
            screenings = store.read().screenings
        usable = 0
        for photo in listing.photos:
            screening = screenings[photo.key]
            usable += screening.look.usable
            output.add(
                None,
                {
                    **_facts(photo),
                    "look": screening.look.value,
                    "usable": screening.look.usable,
                    "figure": screening.figure,
                    "reason": tr_core(screening.reason),
                },
            )
        for photo in listing.undated:
            output.add(None, {**_facts(photo), "reason": undated_reason()})
        return {
            OUTPUT: output.identifier,
            SERIES: str(series) if is_series or target else "",
            USABLE: usable,
            USELESS: len(listing.photos) - usable,
        }


def _made(path: Path, folders: Sequence[Path], rule: NameRule) -> SeriesStore:
    if path.suffix != SUFFIX:
        text = tr("{}: the name of a series ends with {}; choose such a name.")
        raise IsegError(text.format(path, SUFFIX))
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    return SeriesStore.create(path, folders, rule)


def _facts(photo: SeriesPhoto) -> dict[str, Any]:
    return {
        "photo": photo.path.name,
        "camera": photo.camera,
        "observed_at": iso_time(photo.taken_at),
        "key": photo.key,
    }
