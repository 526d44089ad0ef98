"""Parameters of the algorithms that read folders of photos, and the photos in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import (
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ..core.errors import IsegError
from ..core.series import Listing, NameRule, list_photos
from ..core.series.records import photo_folders
from ..i18n import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER, RULE, ZONE, WORKERS = "FOLDER", "RULE", "ZONE", "WORKERS"


def folder_parameter(text: str) -> QgsProcessingParameterFile:
    """Return the parameter of a folder of photos."""
    return QgsProcessingParameterFile(FOLDER, text, QgsProcessingParameterFile.Behavior.Folder)


def reading_parameters() -> list[QgsProcessingParameterDefinition]:
    """Return how names are read and the work is shared, for those who ask."""
    parameters = [
        QgsProcessingParameterString(
            RULE, tr("How camera and time are read from names (a rule)"), optional=True
        ),
        QgsProcessingParameterString(
            ZONE,
            tr("Time zone of names, such as Europe/Vienna (empty: of this computer)"),
            optional=True,
        ),
        QgsProcessingParameterNumber(
            WORKERS,
            tr("Processes that share the work"),
            QgsProcessingParameterNumber.Type.Integer,
            1,
            minValue=1,
        ),
    ]
    for parameter in parameters:
        advanced = QgsProcessingParameterDefinition.Flag.FlagAdvanced
        parameter.setFlags(parameter.flags() | advanced)
    return parameters


def list_folder(folder: Path, pattern: str, zone: str) -> tuple[Sequence[Path], NameRule, Listing]:
    """Return what a folder, or a series, holds: folders, rule of names, photos.

    Raises
    ------
    IsegError
        If there are no photos at all, or the rule cannot be.
    """
    folders: Sequence[Path] = ()
    rule = NameRule(pattern, zone)
    listing = Listing((), ())
    if folder.is_dir():
        folders, rule = photo_folders([folder], rule)
        listing = list_photos(folders, rule)
    if not (listing.photos or listing.undated):
        raise IsegError(tr("There are no photos in the folder {}.").format(folder))
    return folders, rule, listing


def undated_reason() -> str:
    """Return why a photo without a time has no place in a series."""
    return tr("Neither its name nor its EXIF says when it was taken: give a rule for names.")
