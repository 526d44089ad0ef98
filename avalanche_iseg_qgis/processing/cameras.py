"""Algorithms that pose cameras: from control points, and a folder of photos from one pose."""

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
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterPoint,
    QgsProcessingParameterString,
    QgsWkbTypes,
)

from ..camera.focal_length import exif_focal_length
from ..camera.points import PosePoint
from ..camera.pose_crs import epsg_code, is_metric
from ..compat import RASTER_LAYERS, TABLES
from ..core.camera import CameraRecord, read_gcps
from ..core.capture_time import capture_time
from ..core.errors import CameraError, IsegError, WorkerError
from ..core.files import visible_files
from ..core.series.listing import SUFFIXES
from ..core.survey.protocol import CAMERA_MESSAGES, Posed, Register, Registered, SolvePose
from ..i18n import tr
from .algorithm import IsegAlgorithm, Parameters, fields_of
from .asking import BlockingWorker, check_cancelled
from .photos import photo_size, read_camera, reference_photo, relative_path

if TYPE_CHECKING:
    from qgis.core import QgsProcessingContext, QgsProcessingFeedback

GCPS, PHOTO, CRS, DEM, POSITION = "GCPS", "PHOTO", "CRS", "DEM", "POSITION"
ELEVATION, HEIGHT, FOCAL, PROJECTION = "ELEVATION", "HEIGHT_ABOVE_GROUND", "FOCAL", "PROJECTION"
NAME, OUTPUT, FOLDER, CAMERA, REFERENCE = "NAME", "OUTPUT", "FOLDER", "CAMERA", "REFERENCE"
CAMERAS = "CAMERAS"
RMS_PX, LOO_MAP_M, WARNINGS = "RMS_PX", "LOO_MAP_MEDIAN_M", "WARNINGS"
TRUSTED, REFUSED = "TRUSTED", "REFUSED"

_COLUMNS = (
    ("photo", "text"),
    ("observed_at", "text"),
    ("trusted", "bool"),
    ("camera", "text"),
    ("drift_deg", "real"),
    ("shift_px", "real"),
    ("residual_px", "real"),
    ("patches", "int"),
    ("reason", "text"),
)
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


class RegisterPhotos(IsegAlgorithm):
    """Cameras of all photos in a folder, from one that was posed."""

    key, room, needs_worker = "registerphotos", "camera", True

    def initAlgorithm(self, _: object = None) -> None:  # noqa: N802
        """State the parameters; called by QGIS."""
        folder = QgsProcessingParameterFile.Behavior.Folder
        for parameter in (
            QgsProcessingParameterFile(FOLDER, tr("Folder of photos of one camera"), folder),
            camera_parameter(),
            QgsProcessingParameterFile(
                REFERENCE, tr("Photo that the camera was posed in"), optional=True
            ),
            dem_parameter(optional=True),
            QgsProcessingParameterFolderDestination(CAMERAS, tr("Folder of the cameras")),
            QgsProcessingParameterFeatureSink(OUTPUT, tr("Table of the photos"), TABLES),
        ):
            self.addParameter(parameter)
        self.addOutput(QgsProcessingOutputNumber(TRUSTED, tr("Photos with a camera")))
        self.addOutput(QgsProcessingOutputNumber(REFUSED, tr("Photos without")))

    def prepare(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Look up the terrain model."""
        self._dem = self.terrain(parameters, DEM, context)

    def compute(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Write a camera for each photo that fits, and a table of all."""
        folder = Path(self.parameterAsFile(parameters, FOLDER, context))
        camera = self.parameterAsFile(parameters, CAMERA, context)
        chosen = self.parameterAsFile(parameters, REFERENCE, context)
        reference = reference_photo(CameraRecord.read(camera), camera, chosen)
        record = read_camera(camera, reference)
        photos = visible_files(folder, *SUFFIXES) if folder.is_dir() else []
        if not photos:
            raise IsegError(tr("There are no photos in the folder {}.").format(folder))
        target = Path(self.parameterAsString(parameters, CAMERAS, context))
        target.mkdir(parents=True, exist_ok=True)
        output = self.sink(
            parameters,
            OUTPUT,
            context,
            fields_of(_COLUMNS),
            QgsWkbTypes.Type.NoGeometry,
            QgsCoordinateReferenceSystem(),
        )
        trusted = 0
        with BlockingWorker(CAMERA_MESSAGES, feedback) as worker:
            for count, photo in enumerate(photos, 1):
                check_cancelled(feedback)
                row = self._register(worker, record, reference, photo, target)
                trusted += bool(row["trusted"])
                output.add(None, row)
                feedback.setProgress(100 * count / len(photos))
        return {
            OUTPUT: output.identifier,
            CAMERAS: str(target),
            TRUSTED: trusted,
            REFUSED: len(photos) - trusted,
        }

    def _register(
        self,
        worker: BlockingWorker,
        record: CameraRecord,
        reference: str,
        photo: Path,
        target: Path,
    ) -> dict[str, Any]:
        """Write the camera of a photo, if it is to be trusted; return the photo's row."""
        when = capture_time(str(photo), {})
        row: dict[str, Any] = {
            "photo": photo.name,
            "observed_at": when.isoformat() if when else None,
            "trusted": False,
        }
        request = Register(
            record=record.to_json(), dem=self._dem, reference=reference, picture=str(photo)
        )
        try:
            found: Registered = worker.ask(request)
        except WorkerError:
            raise
        except IsegError as error:  # of another shape, damaged …
            return {**row, "reason": str(error)}
        row.update(
            trusted=found.trusted,
            shift_px=found.shift_px,
            residual_px=found.residual_px,
            patches=found.patches,
            reason=found.reason,
        )
        if found.trusted:
            path = target / f"{photo.stem}.camera.json"
            moved = CameraRecord.from_json(found.record)
            replace(moved, image=relative_path(str(photo), str(target))).write(path)
            row.update(camera=path.name, drift_deg=moved.drift_deg)
        return row
