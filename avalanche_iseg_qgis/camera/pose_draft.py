"""All that is known of the camera of one photo, finished or not."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.camera import Camera, CameraRecord, Projection
from .points import PosePoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.camera import ControlPoint, PointFit

UNKNOWN, DEGREES, PIXELS = "unknown", "degrees", "pixels"
"""How the focal length is known."""

LEAST, LEAST_KNOWN = 4, 3
"""Points that a pose needs; fewer where position and focal length are known."""

_PLAIN_FIELDS = (
    *("width", "height", "epsg", "position_sigma", "height_above_ground"),
    *("focal_as", "focal", "projection"),
)
# Not in projects of earlier versions.
_LATER_FIELDS = ("near_field", "principal_point_sigma", "station", "zooms")
_DESCRIPTION = ("name", "author", "valid_from", "valid_to", "foreground")


@dataclass(frozen=True)
class PoseDraft:
    """Values of the camera work on one photo.

    Attributes
    ----------
    photo
        Its file; empty where no photo is open.
    width, height
        In pixels.
    dem
        Files of the terrain model.
    epsg
        CRS of the pose and of the points; 0 until it is chosen.
    position
        Of the camera, approximate, x and y; None if unknown.
    position_sigma
        Standard deviation of the position, metres.
    height_above_ground
        Of the camera, metres.
    focal_as, focal
        How the focal length is known, and its value: the photo's width in degrees, or pixels.
    projection
        Name of a `core.camera.Projection`.
    near_field
        Metres around the camera that are not looked at; 0 lets the program choose.
    principal_point_sigma
        Share of the photo's width, by which the principal point may be off its centre; 0 holds it
        there.
    station
        Identifier that photos share which one camera took from one position, turned and zoomed;
        empty for a photo by itself.
    zooms
        Whether each of these has a focal length of its own.
    points
        In the order in which they were begun.
    record
        The newest pose.
    """

    photo: str = ""
    width: int = 0
    height: int = 0
    dem: tuple[str, ...] = ()
    epsg: int = 0
    position: tuple[float, float] | None = None
    position_sigma: float = 10.0
    height_above_ground: float = 5.0
    focal_as: str = UNKNOWN
    focal: float = 60.0
    projection: str = Projection.PINHOLE.value
    near_field: float = 0.0
    principal_point_sigma: float = 0.0
    station: str = ""
    zooms: bool = False
    points: tuple[PosePoint, ...] = ()
    record: CameraRecord | None = None

    @property
    def focal_px(self) -> float | None:
        """The focal length in pixels, where it is known."""
        if self.focal_as == PIXELS:
            return self.focal
        if self.focal_as == UNKNOWN:
            return None
        angle = math.radians(self.focal)
        if self.projection == Projection.PINHOLE.value:
            return self.width / 2 / math.tan(angle / 2)
        return self.width / angle

    @property
    def gcps(self) -> list[ControlPoint]:
        """The points that are complete."""
        return [gcp for gcp in (point.to_gcp() for point in self.points) if gcp is not None]

    @property
    def missing(self) -> int:
        """How many points a pose still needs."""
        known = self.position is not None and self.focal_as != UNKNOWN
        used = sum(gcp.use for gcp in self.gcps)
        return max(0, (LEAST_KNOWN if known else LEAST) - used)

    @property
    def fits(self) -> dict[str, PointFit]:
        """How the pose fits the points, by their names."""
        return {fit.point.name: fit for fit in self.record.points} if self.record else {}

    def with_record(self, record: CameraRecord) -> PoseDraft:
        """Return the draft with a camera of another photo or of a file, and that one's points."""
        camera = record.camera
        return replace(
            self,
            epsg=record.epsg,
            position=(camera.x, camera.y),
            focal_as=PIXELS,
            focal=camera.f,
            projection=camera.projection.value,
            near_field=record.near_field_m or 0.0,
            points=tuple(PosePoint.from_gcp(fit.point) for fit in record.points),
            record=record,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the draft as the project stores it: all but the photo."""
        return {
            **{name: getattr(self, name) for name in (*_PLAIN_FIELDS, *_LATER_FIELDS)},
            "position": None if self.position is None else list(self.position),
            "points": [point.to_json() for point in self.points],
            "record": None if self.record is None else self.record.to_json(),
            "dem": list(self.dem),
        }

    @classmethod
    def from_json(cls, photo: str, content: dict[str, Any]) -> PoseDraft:
        """Read what `to_json` returns.

        Raises
        ------
        KeyError, TypeError, ValueError, IndexError
            If it is something else.
        """
        position, record = content["position"], content["record"]
        plain: dict[str, Any] = {
            name: type(getattr(cls, name))(content[name])
            for name in (*_PLAIN_FIELDS, *(later for later in _LATER_FIELDS if later in content))
        }
        return cls(
            photo=photo,
            dem=tuple(str(path) for path in content["dem"]),
            position=None if position is None else (float(position[0]), float(position[1])),
            points=tuple(PosePoint.from_json(point) for point in content["points"]),
            record=None if record is None else CameraRecord.from_json(record),
            **plain,
        )


def initial_camera(draft: PoseDraft, position: tuple[float, float], z: float) -> Camera:
    """Return a level camera that looks north: where a fit to the skyline starts."""
    return Camera(
        width=draft.width,
        height=draft.height,
        x=position[0],
        y=position[1],
        z=z,
        yaw=0.0,
        pitch=0.0,
        roll=0.0,
        f=draft.focal_px or 1.1 * draft.width,
        projection=Projection(draft.projection),
    )


def description_of(record: CameraRecord | None) -> dict[str, Any]:
    """Return the fields of a record that stay when the camera is posed anew."""
    return {} if record is None else {name: getattr(record, name) for name in _DESCRIPTION}


def view_names(views: Sequence[PoseDraft]) -> list[str]:
    """Return a name for each photo, that of its file; no two are the same."""
    names: list[str] = []
    for number, view in enumerate(views, 1):
        name = Path(view.photo).stem
        names.append(f"{name} ({number})" if name in names else name)
    return names
