"""Algorithm that poses all photos of a camera, by the command `camera register` over folders."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterString,
    QgsWkbTypes,
)

from ..compat import FILES, TABLES
from ..core.camera import CameraRecord
from ..core.text_files import read_table
from ..i18n import tr, tr_core
from .algorithm import IsegAlgorithm, Parameters, fields_of
from .cameras import CAMERA, DEM, OUTPUT, camera_parameter, dem_parameter
from .command import PROGRESS_LINES, BlockingCommand
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
from .photos import reference_photo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qgis.core import QgsProcessingContext, QgsProcessingFeedback

    from ..core.series import SeriesPhoto

REFERENCE, ALSO, ONLY, CAMERAS = "REFERENCE", "ALSO", "ONLY", "CAMERAS"
POSES, VIEWS = "POSES", "VIEWS"
TRUSTED, REFUSED, NEED_POINTS, VIEW_COUNT = "TRUSTED", "REFUSED", "NEED_POINTS", "VIEW_COUNT"

_COLUMNS = (
    ("photo", "text"),
    ("observed_at", "text"),
    ("trusted", "bool"),
    ("camera", "text"),
    ("drift_deg", "real"),
    ("shift_px", "real"),
    ("patches", "int"),
    ("reason", "text"),
    ("key", "text"),
    ("state", "text"),
    ("view", "int"),
    ("keyframe", "text"),
    ("yaw_deg", "real"),
    ("pitch_deg", "real"),
    ("roll_deg", "real"),
    ("f_px", "real"),
    ("drift_yaw_deg", "real"),
    ("drift_pitch_deg", "real"),
    ("drift_roll_deg", "real"),
    ("sigma_deg", "real"),
    ("offered", "int"),
    ("registrations", "int"),
)
_POSED, _REFUSED, _NEEDS_POINTS = "posed", "refused", "needs points"
_READ = {"text": str, "int": int, "real": float}


class RegisterPhotos(IsegAlgorithm):
    """Cameras of all photos in folders, from one or several that were posed."""

    key, room, needs_worker = "registerphotos", "series", True

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        only = QgsProcessingParameterString(
            ONLY, tr("Name of the camera, if the folder holds several"), optional=True
        )
        only.setFlags(only.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        for parameter in (
            folder_parameter(tr("Folder of photos of one camera, or a series")),
            camera_parameter(),
            QgsProcessingParameterFile(
                REFERENCE, tr("Photo that the camera was posed in"), optional=True
            ),
            dem_parameter(optional=True),
            QgsProcessingParameterMultipleLayers(
                ALSO, tr("Cameras of its other views (camera.json)"), FILES, optional=True
            ),
            QgsProcessingParameterFolderDestination(CAMERAS, tr("Folder of the cameras")),
            QgsProcessingParameterFeatureSink(OUTPUT, tr("Table of the photos"), TABLES),
            only,
            *reading_parameters(),
        ):
            self.addParameter(parameter)
        for name, text in ((POSES, tr("Poses and drift (CSV)")), (VIEWS, tr("Views (CSV)"))):
            self.addOutput(QgsProcessingOutputFile(name, text))
        for name, text in (
            (TRUSTED, tr("Photos with a camera")),
            (REFUSED, tr("Photos without")),
            (NEED_POINTS, tr("Of these, photos of views that need control points")),
            (VIEW_COUNT, tr("Views")),
        ):
            self.addOutput(QgsProcessingOutputNumber(name, text))

    def prepare(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Look up the terrain model."""
        self._dem = self.terrain(parameters, DEM, context)

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Pose the photos as the command does, and read its tables."""
        folder = Path(self.parameterAsFile(parameters, FOLDER, context))
        camera = self.parameterAsFile(parameters, CAMERA, context)
        chosen = self.parameterAsFile(parameters, REFERENCE, context)
        reference = reference_photo(CameraRecord.read(camera), camera, chosen)
        also = self.parameterAsFileList(parameters, ALSO, context) if parameters.get(ALSO) else []
        for path in also:
            CameraRecord.read(path)  # before any work
        rule, zone = (self.parameterAsString(parameters, name, context) for name in (RULE, ZONE))
        undated = list_folder(folder, rule, zone)[2].undated
        target = Path(self.parameterAsString(parameters, CAMERAS, context))
        output = self.sink(
            parameters,
            OUTPUT,
            context,
            fields_of(_COLUMNS),
            QgsWkbTypes.Type.NoGeometry,
            QgsCoordinateReferenceSystem(),
        )
        options = [str(folder), "--camera", camera, "--reference", reference, "-o", str(target)]
        options += [f"--rule={rule}", f"--zone={zone}"]
        options += [f"--workers={self.parameterAsInt(parameters, WORKERS, context)}"]
        only = self.parameterAsString(parameters, ONLY, context)
        options += [f"--only={only}"] if only else []
        options += ["--also", *also] if also else []
        options += ["--dem", *self._dem] if self._dem else []
        ended = tr("The registration has ended by itself (status {}). The end of its log: {}")
        arguments = ["camera", "register", *options]
        BlockingCommand("core", arguments, feedback, ended, PROGRESS_LINES).run()
        states: list[str] = []
        for row in [*_posed(target / "poses.csv"), *map(_without_time, undated)]:
            output.add(None, row)
            states.append(row["state"])
        return {
            OUTPUT: output.identifier,
            CAMERAS: str(target),
            POSES: str(target / "poses.csv"),
            VIEWS: str(target / "views.csv"),
            TRUSTED: states.count(_POSED),
            REFUSED: len(states) - states.count(_POSED),
            NEED_POINTS: states.count(_NEEDS_POINTS),
            VIEW_COUNT: len(read_table(target / "views.csv").rows),
        }


def _without_time(photo: SeriesPhoto) -> dict[str, Any]:
    """Return the row of a photo without a time."""
    return {
        "photo": photo.path.name,
        "key": photo.key,
        "trusted": False,
        "state": _REFUSED,
        "reason": undated_reason(),
    }


def _posed(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table of poses, as those of the algorithm."""
    table = read_table(path)
    kinds = dict(_COLUMNS)
    for _, cells in table.rows:
        told = dict(zip(table.columns, cells))  # noqa: B905 - Python 3.9
        row: dict[str, Any] = {
            name: _READ[kinds[name]](text) for name, text in told.items() if name in kinds and text
        }
        row["key"], row["photo"] = told["photo"], os.path.basename(told["photo"])  # noqa: PTH119
        row["observed_at"], row["trusted"] = told["taken_at"], told["state"] == _POSED
        row["reason"] = tr_core(told["reason"])
        if row["trusted"]:
            row["shift_px"] = math.radians(row["drift_deg"]) * row["f_px"]
        yield row
