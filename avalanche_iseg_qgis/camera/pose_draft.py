"""All that is known of the camera of one picture, finished or not."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from ..core.camera import Camera, CameraRecord, Projection
from ..core.errors import CameraError
from .points import PosePoint

UNKNOWN, DEGREES, PIXELS = "unknown", "degrees", "pixels"
"""How the focal length is known."""

LEAST, LEAST_KNOWN = 4, 3
"""Points that a pose needs; fewer where position and focal length are known."""


@dataclass(frozen=True)
class PoseDraft:
    """The work on one picture.

    Attributes
    ----------
    picture
        Its file.
    width, height
        In pixels.
    dem
        Files of the terrain model.
    epsg
        CRS of the pose and of the points; 0 until it is chosen.
    position
        Where the camera stands, x and y; None if unknown.
    position_sigma
        How well that is known, metres.
    height_above_ground
        Of the camera, metres.
    focal_as, focal
        How the focal length is known, and its number: the picture's width in degrees, or pixels.
    projection
        Name of a `core.camera.Projection`.
    points
        In the order in which they were begun.
    record
        The newest pose.
    """

    picture: str = ""
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
        if self.projection == Projection.CYLINDRICAL.value:
            return self.width / angle
        return self.width / 2 / math.tan(angle / 2)

    @property
    def usable(self) -> list[PosePoint]:
        """The points that a pose can be fitted to."""
        return [point for point in self.points if point.complete and point.use]

    @property
    def missing(self) -> int:
        """How many points a pose still needs."""
        known = self.position is not None and self.focal_as != UNKNOWN
        return max(0, (LEAST_KNOWN if known else LEAST) - len(self.usable))

    def with_record(self, record: CameraRecord) -> PoseDraft:
        """The sheet that takes over a camera of another picture, or of a file, with its points."""
        camera = record.camera
        return replace(
            self,
            epsg=record.epsg,
            position=(camera.x, camera.y),
            focal_as=PIXELS,
            focal=camera.f,
            projection=camera.projection.value,
            points=tuple(PosePoint.of(fit.point) for fit in record.points),
            record=record,
        )

    def to_json(self) -> dict[str, Any]:
        """As it is kept in the project."""
        plain = ("width", "height", "epsg", "position_sigma", "height_above_ground", "focal_as")
        return {
            **{name: getattr(self, name) for name in (*plain, "focal", "projection")},
            "position": None if self.position is None else list(self.position),
            "points": [point.to_json() for point in self.points],
            "record": None if self.record is None else self.record.to_json(),
        }

    @classmethod
    def from_json(cls, picture: str, dem: tuple[str, ...], content: dict[str, Any]) -> PoseDraft:
        """What `to_json` gives.

        Raises
        ------
        CameraError
            If it is something else.
        """
        try:
            position, record = content["position"], content["record"]
            return cls(
                picture=picture,
                dem=dem,
                position=None if position is None else (float(position[0]), float(position[1])),
                points=tuple(PosePoint.from_json(point) for point in content["points"]),
                record=None if record is None else CameraRecord.from_json(record),
                **{name: int(content[name]) for name in ("width", "height", "epsg")},
                **{
                    name: float(content[name])
                    for name in ("position_sigma", "height_above_ground", "focal")
                },
                **{name: str(content[name]) for name in ("focal_as", "projection")},
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise CameraError(
                f"What the project keeps of the camera of {picture} cannot be read: {error!r}."
            ) from error


def start_camera(sheet: PoseDraft, z: float) -> Camera:
    """A level camera at the place of the sheet, looking north: where a skyline fit starts."""
    return Camera(
        width=sheet.width,
        height=sheet.height,
        x=sheet.position[0],
        y=sheet.position[1],
        z=z,
        yaw=0.0,
        pitch=0.0,
        roll=0.0,
        f=sheet.focal_px or 1.1 * sheet.width,
        projection=Projection(sheet.projection),
    )
