"""Camera record: a pose with its accuracy and origin, stored as ``camera.json``."""

from __future__ import annotations

import json
import math
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CameraError, write_errors
from ..files import write_text
from ..json_files import MALFORMED, is_true, read_json
from .camera import Camera
from .control_points import ControlPoint
from .lens import Projection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PARAMETERS = ("x", "y", "z", "yaw_deg", "pitch_deg", "roll_deg", "f_px", "k1", "cx", "cy")
"""Order of rows and columns of the covariance; metres, degrees, pixels, 1, pixels.

Without the last two where the principal point was held.
"""

_POSE = ("x", "y", "z", "yaw_deg", "pitch_deg", "roll_deg", "f_px")
_LENS = ("cx", "cy", "k1", "k2")
_COVARIANCES = (len(PARAMETERS) - 2, len(PARAMETERS))  # rows
_MORE_LENS = ("k3", "p1", "p2")  # written where they are not 0
_STATION = ("view", "station")  # written where there is one
_PRIORS = {"position_prior": 6, "focal_prior": 2}  # numbers; written where known
_TEXTS = ("image", "foreground", "dem", "vertical_datum", "author", "valid_from", "valid_to")
_LARGEST_FILE = 64 << 20  # bytes
_LARGEST_WHOLE = 10**6  # pixels of a side, and EPSG number
_MOST_PIXELS = 10**9
_ROUNDING = 1e-12  # of covariances
_OPTIONS = ("near_field_m", "dem_noise_m", "sigma_px")  # written where known
_NUMBERS = ("rms_px", "loo_rms_px", "loo_map_median_m", "loo_map_p90_m", "drift_deg")


@dataclass(frozen=True)
class PointFit:
    """Residuals of a control point.

    Attributes
    ----------
    point
        The control point, with its height.
    residual_u, residual_v
        Projected less observed, pixels; NaN where the point cannot be projected.
    loo_px
        Leave-one-out error in the photo, pixels; None if not computed.
    loo_map_m
        Leave-one-out error on the map, metres: from the point to the ground its pixel shows.
    suspect
        Whether the point contradicts the other points.
    loo_sigmas
        Leave-one-out error in units of what is expected of it; 68 % of points lie within 1.51, 95 %
        within 2.45.
    """

    point: ControlPoint
    residual_u: float
    residual_v: float
    loo_px: float | None = None
    loo_map_m: float | None = None
    suspect: bool = False
    loo_sigmas: float | None = None


@dataclass(frozen=True)
class CameraRecord:
    """Posed camera with its accuracy, control points and origin.

    Attributes
    ----------
    camera
        Pose and lens.
    epsg
        Projected CRS of x and y.
    name, image, author, valid_from, valid_to, vertical_datum
        Descriptive texts; dates and times in ISO 8601.
    foreground
        Mask file, relative to the image's folder: pixels without terrain (roofs, masts, logos),
        excluded when photos are compared.
    dem
        Path or name of the DEM that gave heights.
    covariance
        (10, 10) of `PARAMETERS`, or (8, 8) where the principal point was held; None if unknown.
    points
        Control points and their residuals.
    rms_px, loo_rms_px
        Root mean square per point (of distances, not of coordinates) of the points in use.
    loo_map_median_m, loo_map_p90_m
        Leave-one-out errors on the map; None without a DEM.
    drift_deg
        Rotation from the camera that was posed; None for that camera itself.
    warnings
        Doubts about the pose, for the user.
    pose_id
        Unique to each pose.
    orientation
        EXIF orientation of the photo, if all pixels here are those of the photo as displayed, and
        that differs from how it is stored; else 1. See `core.camera.turning`.
    near_field_m
        Ground closer than this is not looked at, metres; None chooses, see `near_field`.
    dem_noise_m
        Standard deviation of the noise of the DEM, metres; None estimates it.
    near_field_px
        Polygons of pixels (u, v) that show things close by, where no ground is looked at.
    sigma_px
        Standard deviation of a mark in u and in v, pixels, as the residuals tell; None if unknown.
    position_prior
        What was known before the fit: x, y, z and their standard deviations, metres; None if
        nothing was.
    focal_prior
        Focal length and its standard deviation that were known before the fit, pixels.
    view, station
        Name of the view of a station, and the station's file, relative to the camera file's folder.

    Examples
    --------
    >>> from core.camera import Camera, CameraRecord
    >>> camera = Camera(1600, 1000, 2_700_000, 1_150_000, 1500, yaw=90, pitch=5, roll=0, f=2000)
    >>> record = CameraRecord(camera, epsg=2056, name="Davos")
    >>> CameraRecord.from_json(record.to_json()) == record
    True
    """

    camera: Camera
    epsg: int
    name: str = ""
    image: str = ""
    foreground: str = ""
    dem: str = ""
    vertical_datum: str = ""
    author: str = ""
    valid_from: str = ""
    valid_to: str = ""
    created_at: str = field(
        default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds")
    )
    pose_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    covariance: Sequence[Sequence[float]] | None = None
    points: Sequence[PointFit] = ()
    rms_px: float | None = None
    loo_rms_px: float | None = None
    loo_map_median_m: float | None = None
    loo_map_p90_m: float | None = None
    drift_deg: float | None = None
    warnings: Sequence[str] = ()
    orientation: int = 1
    near_field_m: float | None = None
    dem_noise_m: float | None = None
    sigma_px: float | None = None
    view: str = ""
    station: str = ""
    position_prior: Sequence[float] | None = None
    focal_prior: Sequence[float] | None = None
    near_field_px: Sequence[Sequence[tuple[float, float]]] = ()

    def with_camera(self, camera: Camera, **changes: Any) -> CameraRecord:  # noqa: ANN401
        """Return the record with another pose, under a new `pose_id`."""
        return replace(self, camera=camera, pose_id=str(uuid.uuid4()), **changes)

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON; keys and units are a published format."""
        camera, rings = self.camera, self.near_field_px
        turned = {} if self.orientation == 1 else {"orientation": self.orientation}
        size = _COVARIANCES[0] if self.covariance is None else len(self.covariance)
        return {
            "format": "avalanche-iseg camera 1",
            "name": self.name,
            "epsg": self.epsg,
            "width": camera.width,
            "height": camera.height,
            **turned,
            "projection": camera.projection.value,
            **{key: getattr(camera, _field(key)) for key in (*_POSE, *_LENS)},
            **{key: getattr(camera, key) for key in _MORE_LENS if getattr(camera, key)},
            "refraction_k": camera.refraction,
            **{key: getattr(self, key) for key in (*_NUMBERS, *_TEXTS, "created_at", "pose_id")},
            **{key: getattr(self, key) for key in _OPTIONS if getattr(self, key) is not None},
            **{key: getattr(self, key) for key in _STATION if getattr(self, key)},
            **{key: list(getattr(self, key)) for key in _PRIORS if getattr(self, key) is not None},
            **({"near_field_px": [[list(p) for p in r] for r in rings]} if rings else {}),
            "warnings": list(self.warnings),
            "points": [_point_to_json(fit) for fit in self.points],
            "covariance_parameters": list(PARAMETERS[:size]),
            "covariance": None if self.covariance is None else [list(r) for r in self.covariance],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CameraRecord:
        """Return the record of `to_json`; keys that a pose does not need may be missing.

        Raises
        ------
        CameraError
            If a required key is missing or not a number.
        """
        try:
            camera = Camera(
                width=_whole(content, "width"),
                height=_whole(content, "height"),
                **{_field(key): float(content[key]) for key in _POSE},
                **{
                    key: float(content[key])
                    for key in (*_LENS, *_MORE_LENS)
                    if content.get(key) is not None
                },
                projection=Projection(content.get("projection", "pinhole")),
                refraction=float(content.get("refraction_k", Camera.refraction)),
            )
            if camera.width * camera.height > _MOST_PIXELS:
                raise ValueError(f"its photo has more than {_MOST_PIXELS} pixels")
            more: dict[str, Any] = {
                **{key: str(content.get(key) or "") for key in ("name", *_TEXTS, *_STATION)},
                **{key: _float_or_none(content.get(key)) for key in _NUMBERS},
                **{key: _size_or_none(content, key) for key in _OPTIONS},
                **{key: _prior_or_none(content, key, count) for key, count in _PRIORS.items()},
                **{key: str(content[key]) for key in ("created_at", "pose_id") if key in content},
            }
            return cls(
                camera=camera,
                epsg=_whole(content, "epsg"),
                orientation=_orientation(content.get("orientation")),
                **more,
                covariance=_covariance_from_json(content),
                points=tuple(_point_from_json(point) for point in content.get("points") or ()),
                near_field_px=_rings_from_json(content.get("near_field_px")),
                warnings=tuple(str(text) for text in content.get("warnings") or ()),
            )
        except MALFORMED as error:
            if isinstance(error, CameraError):
                raise
            missing = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise CameraError(
                f"This is no camera that can be used: {missing}. Cameras are made by "
                "`python -m core camera solve` or in the Camera panel."
            ) from error

    @classmethod
    def read(cls, path: str | Path) -> CameraRecord:
        """Read a camera file; raise `CameraError` if it cannot be read, or holds no camera."""
        try:
            content = read_json(path, _LARGEST_FILE)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise CameraError(f"The camera {path} cannot be read: {reason}.") from error
        if not isinstance(content, dict):
            raise CameraError(f"{path} is no camera: it holds no JSON object.")
        try:
            return cls.from_json(content)
        except CameraError as error:
            raise CameraError(f"{path}: {error}") from error

    def write(self, path: str | Path) -> None:
        """Write a camera file atomically; raise `CameraError` if that fails."""
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        with write_errors(f"The camera {path}", CameraError):
            write_text(path, text)


def _field(key: str) -> str:
    """Return the field of `Camera` of a key, which has its unit appended."""
    return key.partition("_")[0]


def _point_to_json(fit: PointFit) -> dict[str, Any]:
    point = fit.point
    sigmas = _finite_or_none(fit.loo_sigmas)
    return {
        "name": point.name,
        "u_px": point.u,
        "v_px": point.v,
        "x": point.x,
        "y": point.y,
        "z": point.z,
        "use": int(point.use),
        "sigma_px": point.sigma,
        "residual_u_px": _finite_or_none(fit.residual_u),
        "residual_v_px": _finite_or_none(fit.residual_v),
        "loo_px": _finite_or_none(fit.loo_px),
        "loo_map_m": _finite_or_none(fit.loo_map_m),
        "suspect": fit.suspect,
        **({} if sigmas is None else {"loo_sigmas": sigmas}),  # files of before have none
    }


def control_point_from_json(content: Mapping[str, Any]) -> ControlPoint:
    """Return the control point that a camera file describes.

    Raises
    ------
    KeyError, TypeError, ValueError, OverflowError
        If a value is missing, or not what it should be.
    """
    point = ControlPoint(
        name=str(content["name"]),
        u=float(content["u_px"]),
        v=float(content["v_px"]),
        x=float(content["x"]),
        y=float(content["y"]),
        z=_float_or_none(content.get("z")),
        use=is_true(content.get("use", 1)),
        sigma=float(content.get("sigma_px") or 1.0),
    )
    numbers = (point.u, point.v, point.x, point.y, point.z or 0.0, point.sigma)
    if not all(map(math.isfinite, numbers)) or point.sigma <= 0:
        raise ValueError(f"the control point {point.name} has a number that cannot be")
    return point


def _point_from_json(content: Mapping[str, Any]) -> PointFit:
    residual_u, residual_v = (_float_or_none(content.get(f"residual_{axis}_px")) for axis in "uv")
    return PointFit(
        control_point_from_json(content),
        math.nan if residual_u is None else residual_u,
        math.nan if residual_v is None else residual_v,
        _float_or_none(content.get("loo_px")),
        _float_or_none(content.get("loo_map_m")),
        is_true(content.get("suspect", False)),
        _float_or_none(content.get("loo_sigmas")),
    )


def _orientation(value: Any) -> int:  # noqa: ANN401
    """Return an EXIF orientation; 1 where none is named."""
    number = 1 if value is None else int(value)
    if not 1 <= number <= 8:
        raise ValueError(f"orientation {number} is not 1 to 8")
    return number


def _whole(content: Mapping[str, Any], key: str) -> int:
    value = float(content[key])
    if not (value.is_integer() and abs(value) <= _LARGEST_WHOLE):
        raise ValueError(f"{key} is {content[key]!r}, expected a whole number")
    return int(value)


def _size_or_none(content: Mapping[str, Any], key: str) -> float | None:
    value = _float_or_none(content.get(key))
    if value is not None and not 0 <= value < math.inf:
        raise ValueError(f"{key} is {content[key]!r}, expected a number from 0 up")
    return value


def _prior_or_none(content: Mapping[str, Any], key: str, count: int) -> tuple[float, ...] | None:
    """Return values and as many standard deviations, which are positive."""
    if content.get(key) is None:
        return None
    numbers = tuple(float(value) for value in content[key])
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{key} is {content[key]!r}, expected {count} numbers")
    if min(numbers[count // 2 :]) <= 0:
        raise ValueError(f"{key} has a standard deviation that is not positive")
    return numbers


def _rings_from_json(value: Any) -> tuple[tuple[tuple[float, float], ...], ...]:  # noqa: ANN401
    """Return the polygons of a near field; none where none is named."""
    rings = tuple(tuple((float(u), float(v)) for u, v in ring) for ring in value or ())
    if not all(abs(part) < _LARGEST_WHOLE for ring in rings for point in ring for part in point):
        raise ValueError("near_field_px has a number that cannot be")
    if not all(len(ring) >= 1 for ring in rings):
        raise ValueError("near_field_px has a polygon without points")
    return rings


def _covariance_from_json(content: Mapping[str, Any]) -> list[list[float]] | None:
    """Return the covariance of `PARAMETERS`, which must be what a covariance can be."""
    value = content.get("covariance")
    if value is None:
        return None
    rows = [[float(entry) for entry in row] for row in value]
    size = len(rows)
    if size not in _COVARIANCES or any(len(row) != size for row in rows):
        numbers = " or ".join(map(str, _COVARIANCES))
        raise ValueError(f"its covariance is not {numbers} rows of as many numbers")
    if tuple(content.get("covariance_parameters") or PARAMETERS[:size]) != PARAMETERS[:size]:
        raise ValueError(f"covariance_parameters are not {', '.join(PARAMETERS[:size])}")
    if not all(math.isfinite(entry) for row in rows for entry in row):
        raise ValueError("its covariance has an entry that is no finite number")
    sigma = [math.sqrt(max(row[index], 0.0)) for index, row in enumerate(rows)]
    for index, row in enumerate(rows):
        if row[index] < -_ROUNDING:
            raise ValueError(f"its covariance has a negative variance of {PARAMETERS[index]}")
        for other in range(index):
            limit = sigma[index] * sigma[other]
            if abs(row[other] - rows[other][index]) > 1e-6 * limit + _ROUNDING:
                raise ValueError("its covariance is not symmetric")
            if abs(row[other]) > (1 + 1e-6) * limit + _ROUNDING:
                raise ValueError("its covariance has a correlation beyond 1")
    return rows


def _float_or_none(value: Any) -> float | None:  # noqa: ANN401
    return None if value is None else float(value)


def _finite_or_none(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
