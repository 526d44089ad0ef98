"""Algorithm that poses a camera from control points, and parameters of all that need one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterCrs,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterPoint,
    QgsProcessingParameterString,
)

from ..camera.focal_length import exif_focal_length
from ..camera.points import PosePoint
from ..camera.pose_crs import epsg_code, is_metric
from ..compat import RASTER_LAYERS
from ..core.camera import CameraRecord, read_gcps
from ..core.errors import CameraError
from ..core.survey.protocol import CAMERA_MESSAGES, Posed, SolvePose
from ..i18n import tr
from .algorithm import IsegAlgorithm, Parameters
from .asking import BlockingWorker
from .photos import photo_size, relative_path

if TYPE_CHECKING:
    from qgis.core import QgsProcessingContext, QgsProcessingFeedback

GCPS, PHOTO, CRS, DEM, POSITION = "GCPS", "PHOTO", "CRS", "DEM", "POSITION"
ELEVATION, HEIGHT, FOCAL, PROJECTION = "ELEVATION", "HEIGHT_ABOVE_GROUND", "FOCAL", "PROJECTION"
NAME, OUTPUT, CAMERA = "NAME", "OUTPUT", "CAMERA"
RMS_PX, LOO_MAP_M, WARNINGS = "RMS_PX", "LOO_MAP_MEDIAN_M", "WARNINGS"

_POSITION_SIGMA = (10.0, 10.0, 5.0)  # metres
_PROJECTIONS = ("pinhole", "cylindrical")


def camera_parameter() -> QgsProcessingParameterFile:
    """Return the parameter of a camera file."""
    return QgsProcessingParameterFile(CAMERA, tr("Camera (camera.json)"), extension="json")


def dem_parameter(*, optional: bool = False) -> QgsProcessingParameterMultipleLayers:
    """Return the parameter of a terrain model."""
    text = tr("Terrain model (one raster or several)")
    return QgsProcessingParameterMultipleLayers(DEM, text, RASTER_LAYERS, optional=optional)


class SolveCamera(IsegAlgorithm):
    """Pose of a camera from a table of control points."""

    key, room, needs_worker = "solvecamera", "camera", True

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        double = QgsProcessingParameterNumber.Type.Double
        for parameter in (
            QgsProcessingParameterFile(GCPS, tr("Control points (CSV)"), extension="csv"),
            QgsProcessingParameterFile(PHOTO, tr("Photo")),
            QgsProcessingParameterCrs(CRS, tr("Coordinate system of the control points, metres")),
            dem_parameter(optional=True),
            QgsProcessingParameterPoint(
                POSITION, tr("Where the camera stands, if known"), optional=True
            ),
            QgsProcessingParameterNumber(
                ELEVATION, tr("Elevation of the camera, m"), double, optional=True
            ),
            QgsProcessingParameterNumber(
                HEIGHT,
                tr("Height of the camera above the ground, m"),
                double,
                optional=True,
                minValue=0.0,
            ),
            QgsProcessingParameterNumber(
                FOCAL, tr("Focal length, pixels"), double, optional=True, minValue=1.0
            ),
            QgsProcessingParameterEnum(
                PROJECTION,
                tr("Lens"),
                [tr("Ordinary lens"), tr("Panorama on a cylinder")],
                defaultValue=0,
            ),
            QgsProcessingParameterString(NAME, tr("Name of the camera"), optional=True),
            QgsProcessingParameterFileDestination(
                OUTPUT, tr("Camera (camera.json)"), "camera.json (*.json)"
            ),
        ):
            self.addParameter(parameter)
        self.addOutput(QgsProcessingOutputNumber(RMS_PX, tr("Reprojection error, pixels")))
        self.addOutput(QgsProcessingOutputNumber(LOO_MAP_M, tr("Error on the map, m")))
        self.addOutput(QgsProcessingOutputString(WARNINGS, tr("Warnings")))

    def prepare(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Look up the terrain model."""
        self._dem = self.terrain(parameters, DEM, context)

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Write the camera."""
        crs = self.parameterAsCrs(parameters, CRS, context)
        if not is_metric(crs):
            raise CameraError(
                tr(
                    "{} is no coordinate system of a map in metres: choose a national grid such as "
                    "EPSG:2056, or the UTM zone of the place."
                ).format(crs.userFriendlyIdentifier() or parameters.get(CRS))
            )
        photo = self.parameterAsFile(parameters, PHOTO, context)
        points = read_gcps(self.parameterAsFile(parameters, GCPS, context))
        unknown = [point.name for point in points if point.z is None]
        if unknown and not self._dem:
            text = tr("No height for {}: fill in z in the table, or give a terrain model.")
            raise CameraError(text.format(", ".join(unknown)))
        path = self.parameterAsFileOutput(parameters, OUTPUT, context)
        with BlockingWorker(CAMERA_MESSAGES, feedback) as worker:
            posed: Posed = worker.ask(
                SolvePose(
                    points=[PosePoint.from_gcp(point).to_json() for point in points],
                    epsg=epsg_code(crs),
                    dem=self._dem,
                    **self._known(parameters, context, photo, crs),
                )
            )
        record = replace(
            CameraRecord.from_json(posed.record),
            name=self.parameterAsString(parameters, NAME, context) or Path(path).stem,
            image=relative_path(photo, str(Path(path).parent)),
        )
        record.write(path)
        for text in record.warnings:
            feedback.pushWarning(text)
        return {
            OUTPUT: path,
            RMS_PX: record.rms_px,
            LOO_MAP_M: record.loo_map_median_m,
            WARNINGS: " ".join(record.warnings),
        }

    def _known(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        photo: str,
        crs: QgsCoordinateReferenceSystem,
    ) -> dict[str, Any]:
        """Return what is known of the camera, by the fields of the request."""
        width, height = photo_size(photo)
        is_flat = self.parameterAsEnum(parameters, PROJECTION, context) == 0
        focal = self.number(parameters, FOCAL, context)
        if focal is None and is_flat:  # a panorama's EXIF is that of its parts
            focal = exif_focal_length(photo, width, height)
        above, elevation = (self.number(parameters, name, context) for name in (HEIGHT, ELEVATION))
        position = None
        if parameters.get(POSITION):
            point = self.parameterAsPoint(parameters, POSITION, context, crs)
            position = [point.x(), point.y(), elevation]
            if elevation is None and above is None:
                raise CameraError(
                    tr(
                        "The position of the camera has no height: give its elevation, or its "
                        "height above the ground and a terrain model."
                    )
                )
        return {
            "width": width,
            "height": height,
            "position": position,
            "position_sigma": None if position is None else list(_POSITION_SIGMA),
            "height_above_ground": None if position is None else above,
            "focal": focal,
            "projection": _PROJECTIONS[0 if is_flat else 1],
        }
