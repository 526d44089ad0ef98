"""The messages of the camera worker: requests and answers about cameras and terrain.

- Requests carry all that their answers depend on, so that any worker can be asked at any time.
  What took long (the viewshed of a camera) is held, or found again on disk.
- A request makes an earlier one of its kind `Skipped`, if that is not answered yet.
- ``record`` is what `CameraRecord.to_json` gives. Its width and height are those of the photo
  that pixels are of; all map coordinates are in its CRS.
- ``dem`` are paths of files or folders that make up one DEM.
- Outlines in photos have the corner convention of `core.worker.protocol.Outlined`.

For QGIS's own Python too: standard library and NumPy only, Python 3.9.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..ipc.envelope import Hello, MessageSet, Welcome
from ..ipc.geometry import paste_mask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

VERSION = 1
"""Raised with every change that an older program or worker would misunderstand."""

_Shape = TypeVar("_Shape", bound="MapGeometry")


# --- what messages share ----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PosedView:
    """A posed camera and its terrain."""

    record: Mapping[str, Any]
    dem: Sequence[str]


@dataclass(frozen=True, eq=False)
class MapGeometry:
    """Polygons or lines on the map. Made by `of`, read by `xy` and ``parts``.

    Attributes
    ----------
    points
        (N, 2) float32, (x, y) of all rings one after another, metres from ``origin``: good to
        1 mm within 8 km.
    origin
        x and y.
    parts
        For each polygon the numbers of points of its rings, outer ring first. A ring's first
        point is not repeated at its end. Lines are parts of one ring each, which is left open.
    """

    points: NDArray[np.float32]
    origin: Sequence[float]
    parts: Sequence[Sequence[int]]

    @classmethod
    def of(
        cls: type[_Shape],
        xy: ArrayLike,
        parts: Sequence[Sequence[int]],
        **others: Any,  # noqa: ANN401
    ) -> _Shape:
        """Return the message about points (N, 2), metres; ``others`` are its other fields."""
        places = np.asarray(xy, np.float64).reshape(-1, 2)
        origin = np.round((places.min(axis=0) + places.max(axis=0)) / 2) if len(places) else (0, 0)
        return cls(
            points=(places - origin).astype(np.float32),
            origin=[float(value) for value in origin],
            parts=parts,
            **others,
        )

    @property
    def xy(self) -> NDArray[np.float64]:
        """(N, 2) map coordinates, metres."""
        return np.asarray(self.points.astype(np.float64) + np.asarray(self.origin))


# --- requests ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SolvePose:
    """Pose a camera from control points: answered with `Posed`.

    Attributes
    ----------
    points
        As in a camera file: ``name, u_px, v_px, x, y`` and optionally ``z, use, sigma_px``.
    width, height
        Of the photo.
    epsg
        Projected CRS of x and y.
    dem
        May be empty where all heights are known.
    position
        Approximate position of the camera, (x, y, z); z None with ``height_above_ground``.
    position_sigma
        Standard deviations of x, y and z, metres.
    height_above_ground
        Of the camera, metres.
    focal, focal_sigma
        Pixels, and standard deviation as a share of it.
    projection
        "pinhole", "cylindrical", "equirectangular" or "fisheye".
    near_field, dem_noise
        Metres around the camera that are not looked at, and of the DEM's noise; None chooses.
    principal_point_sigma
        Share of the width, by which the principal point is free about the centre; None holds it.
    """

    points: Sequence[Mapping[str, Any]]
    width: int
    height: int
    epsg: int
    dem: Sequence[str] = ()
    position: Sequence[float | None] | None = None
    position_sigma: Sequence[float] | None = None
    height_above_ground: float | None = None
    focal: float | None = None
    focal_sigma: float = 0.1
    projection: str = "pinhole"
    near_field: float | None = None
    dem_noise: float | None = None
    principal_point_sigma: float | None = None


@dataclass(frozen=True, eq=False)
class SolveStation:
    """Pose photos that one camera took from one position: answered with `PosedStation`.

    Attributes
    ----------
    views
        Of each photo ``name``, ``width``, ``height`` and ``points``, as in `SolvePose`.
    zooms
        Whether each has a focal length of its own.
    focal
        Pixels of the first photo.

    All others are as in `SolvePose`.
    """

    views: Sequence[Mapping[str, Any]]
    epsg: int
    dem: Sequence[str] = ()
    position: Sequence[float | None] | None = None
    position_sigma: Sequence[float] | None = None
    height_above_ground: float | None = None
    focal: float | None = None
    focal_sigma: float = 0.1
    projection: str = "pinhole"
    zooms: bool = False
    near_field: float | None = None
    dem_noise: float | None = None
    principal_point_sigma: float | None = None


@dataclass(frozen=True, eq=False)
class FitSkyline(PosedView):
    """Turn a camera until the terrain's skyline fits that of a photo: answered with `Posed`.

    The record is the start: position, focal length and size of the photo count.

    Attributes
    ----------
    picture
        Path of the photo.
    """

    picture: str


@dataclass(frozen=True, eq=False)
class Register(PosedView):
    """Pose a camera that has moved a little, by a new photo: answered with `Registered`.

    Attributes
    ----------
    reference, picture
        Paths of the photo that the record poses, and of the new one.
    """

    reference: str
    picture: str


@dataclass(frozen=True, eq=False)
class ComputeViewshed(PosedView):
    """Compute the viewshed of a camera, which takes seconds: answered with `ComputedViewshed`."""


@dataclass(frozen=True, eq=False)
class ToMap(PosedView):
    """Bring an outline to the map: answered with `Mapped`.

    Attributes
    ----------
    points, parts
        As in `core.worker.protocol.Outlined`.
    min_area
        Parts below it are dropped, m2.
    min_share
        Parts below this share of the largest one's area are dropped.
    bridge
        Hidden ground within it is joined, metres.
    attributes
        Whether attributes and uncertainty are wanted too.
    """

    points: NDArray[np.float32]
    parts: Sequence[Sequence[int]]
    min_area: float = 0.0
    min_share: float = 0.0
    bridge: float = 0.0
    attributes: bool = False


@dataclass(frozen=True, eq=False)
class ToImage(MapGeometry, PosedView):
    """Draw the visible part of map polygons as a mask of the photo: answered with `Drawn`."""


@dataclass(frozen=True, eq=False)
class Overlay(MapGeometry, PosedView):
    """Project the visible parts of map lines into the photo: answered with `Overlaid`."""


@dataclass(frozen=True, eq=False)
class Drape(PosedView):
    """Write an orthophoto as a GeoTIFF: answered with `Draped`.

    Attributes
    ----------
    picture
        Path of the photo.
    path
        Of the GeoTIFF.
    cell
        Size of its cells, metres; None takes the resolution of the photo.
    """

    picture: str
    path: str
    cell: float | None = None


@dataclass(frozen=True, eq=False)
class CarryOutlines:
    """Carry outlines of earlier photos of a series into one: answered with `Carried`.

    Attributes
    ----------
    series
        Folder of the series, which keeps what is found.
    picture
        Key, path and time (ISO 8601) of the photo.
    sources
        An outline each: ``picture`` as above, ``avalanche``, ``rings``, ``parts`` and ``size`` as
        in `Carried`, and ``without``, pictures of its place without the avalanche.
    points
        (N, 2) float32, (x, y) of all outlines one after another.
    reference, record
        Path of a photo of the camera that was posed, and its record; empty and None where none was.
    """

    series: str
    picture: Sequence[str]
    sources: Sequence[Mapping[str, Any]]
    points: NDArray[np.float32]
    reference: str = ""
    record: Mapping[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class ScreenSeries:
    """Screen the photos of a series for a while, at lowest priority: answered with `Screened`.

    To be asked again until all is done.

    Attributes
    ----------
    series
        Folder of the series.
    seconds
        After which to answer.
    """

    series: str
    seconds: float = 1.0


# --- answers ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Posed:
    """A camera's new pose, with warnings in the record."""

    record: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True, eq=False)
class PosedStation:
    """The poses of the views of a station, in the order of the request."""

    records: Sequence[Mapping[str, Any]]
    seconds: float


@dataclass(frozen=True, eq=False)
class Registered:
    """The camera of the new photo.

    Attributes
    ----------
    shift_px, residual_px
        Shift of the photo, and residual after turning the camera; medians.
    patches
        Number of places of the photos that agree.
    trusted, reason
        Whether it can be used without a check, and why not.
    """

    record: Mapping[str, Any]
    shift_px: float | None
    residual_px: float | None
    patches: int
    trusted: bool
    reason: str
    seconds: float


@dataclass(frozen=True, eq=False)
class ComputedViewshed(MapGeometry):
    """The viewshed of a camera. The polygons are the ground that is visible.

    Attributes
    ----------
    folder
        Of the range map, for `core.projection.range_map.RangeMap.open`; "" if the cache could not
        be written to.
    skyline
        (W,) float32, row of the terrain's skyline in each column, NaN where there is none.
    warnings
        Holes in the DEM, a camera below it.
    """

    folder: str
    skyline: NDArray[np.float32]
    warnings: Sequence[str]
    seconds: float


@dataclass(frozen=True, eq=False)
class Mapped(MapGeometry):
    """An outline on the map; no parts, if its ground is not known.

    Attributes
    ----------
    visible_fraction
        Share that is visible in the photo.
    lost
        Share of the outline's pixels that see no ground: sky, or beyond the DEM.
    bridged
        Whether hidden ground has been joined.
    attributes
        By the names of `core.projection.attributes`, None where unknown; empty unless asked for.
    sigma
        (N,) float32, standard deviation of each point's place on the map, metres, NaN where
        unknown; None unless asked for.
    """

    visible_fraction: float
    lost: float
    bridged: bool
    seconds: float
    attributes: Mapping[str, Any] = field(default_factory=dict)
    sigma: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Drawn:
    """A mask of the photo.

    Attributes
    ----------
    part, at, size
        The part that is not 0, the (row, col) of its first pixel, and (height, width) of the
        whole.
    visible_fraction
        Share of the polygons that is visible in the photo.
    """

    part: NDArray[np.bool_]
    at: Sequence[int]
    size: Sequence[int]
    visible_fraction: float
    seconds: float

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W) bool."""
        return paste_mask(self.part, self.at, self.size)


@dataclass(frozen=True, eq=False)
class Overlaid:
    """Visible runs of lines.

    Attributes
    ----------
    points
        (M, 2) float32 (u, v) of all runs one after another; see `core.camera.camera`.
    runs
        Numbers of their points.
    """

    points: NDArray[np.float32]
    runs: Sequence[int]
    seconds: float


@dataclass(frozen=True, eq=False)
class Draped:
    """The GeoTIFF has been written."""

    path: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Carried:
    """Outlines in pixels of the new photo as displayed, corner convention.

    Attributes
    ----------
    outlines
        For each ``avalanche``, ``confidence`` (0 to 1), ``rings``, the number of points of each
        ring, ``parts``, the number of rings of each part, and ``size`` (width, height).
    points
        (N, 2) float32, (x, y) of all outlines one after another.
    """

    outlines: Sequence[Mapping[str, Any]]
    points: NDArray[np.float32]
    seconds: float


@dataclass(frozen=True, eq=False)
class Screened:
    """How far the screening is: ``done`` of ``total``; what was found is written when all is."""

    done: int
    total: int
    seconds: float


# --- message set ------------------------------------------------------------------------------

_SKIPPABLE = (
    SolvePose, SolveStation, FitSkyline, Register, ComputeViewshed, ToMap, ToImage, Overlay,
    Drape, CarryOutlines, ScreenSeries,
)  # fmt: skip
CAMERA_MESSAGES = MessageSet(
    part="survey",
    version=VERSION,
    table=(
        ("hello", Hello, "welcome", Welcome, 180),  # imports from a cold disk
        ("solve_pose", SolvePose, "posed", Posed, 600),
        ("solve_station", SolveStation, "posed_station", PosedStation, 600),
        ("fit_skyline", FitSkyline, "posed", Posed, 600),
        ("register", Register, "registered", Registered, 600),
        ("look_at", ComputeViewshed, "seen", ComputedViewshed, 600),  # a DEM on a network drive
        ("to_map", ToMap, "mapped", Mapped, 600),
        ("to_image", ToImage, "drawn", Drawn, 600),
        ("overlay", Overlay, "overlaid", Overlaid, 600),
        ("drape", Drape, "draped", Draped, 600),
        ("carry", CarryOutlines, "carried", Carried, 600),
        ("screen", ScreenSeries, "screened", Screened, 600),
    ),
    replaces={kind: (kind,) for kind in _SKIPPABLE},
)
REQUESTS, ANSWERS = CAMERA_MESSAGES.requests, CAMERA_MESSAGES.answers
