"""Viewshed of a posed camera: what it sees of a terrain, computed once and cached on disk."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..camera import Camera, CameraRecord
from ..camera.near_field import NEAREST, NearField, examine_near_field
from ..camera.refraction import EARTH_RADIUS
from ..errors import TerrainError
from ..terrain import Terrain
from ..terrain.noise import estimate_noise, without_noise
from .cache import cache_key, load_or_make
from .lines_of_sight import LinesOfSight, trace_lines_of_sight
from .near_field_mask import near_field_mask
from .range_map import RangeMap, azimuth_range, compute_range_map, in_image
from .threads import Progress

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ..terrain.sources import Dem

_VERSION = 1  # of cache entries; raised whenever `compute_viewshed` would give another result
_MOST_CELLS = 100_000_000  # of terrain: 400 MB; larger fields of view get larger cells
_JUMP = (1.05, 20.0)  # what lies behind a ridge is farther by 5 % and 20 m


@dataclass(frozen=True, eq=False)
class Viewshed:
    """Viewshed of a posed camera; computed by `compute_viewshed`.

    Attributes
    ----------
    record
        The camera.
    terrain
        Terrain of the field of view, in the record's CRS, its noise smoothed away.
    lines_of_sight
        Visibility of points of the map.
    range_map
        Ground point of each pixel; none in the near field that is drawn in the photo.
    warnings
        Doubts about the result, for the user.
    noise
        Standard deviation of the noise that the DEM has, metres.
    near_field
        (H, W) bool, the near field that is drawn in the photo; None if none is.

    Examples
    --------
    >>> import numpy as np
    >>> from core import Camera, CameraRecord, Terrain, compute_viewshed
    >>> rows = np.arange(200.0)[::-1, None]  # a slope of 1 in 2, rising northwards
    >>> slope = Terrain(np.float32(5 * rows + np.zeros(200)), west=0.0, north=1990.0, cell=10.0)
    >>> camera = Camera(300, 200, x=1000, y=0, z=300, yaw=0, pitch=0, roll=0, f=300)
    >>> viewshed = compute_viewshed(CameraRecord(camera, epsg=2056), slope)
    >>> viewshed.incidence_angles([(149.5, 99.5)]).round().tolist()  # degrees, at the centre
    [27.0]
    """

    record: CameraRecord
    terrain: Terrain
    lines_of_sight: LinesOfSight
    range_map: RangeMap
    warnings: tuple[str, ...] = ()
    noise: float = 0.0
    near_field: NDArray[np.bool_] | None = None

    def shows(self, pixels: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return which pixels (..., 2) (u, v) lie in the photo, and not in its near field."""
        inside = in_image(pixels, self.record.camera)
        if self.near_field is not None:
            col, row = np.rint(pixels[inside]).astype(np.intp).T
            inside[inside] = ~self.near_field[row, col]
        return inside

    def incidence_angles(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Compute the angles (N,) between ray and ground at pixels (N, 2), degrees.

        90 is perpendicular to the ground; NaN in the sky.
        """
        pixels = np.asarray(pixels, np.float64).reshape(-1, 2)
        x, y, _ = self.range_map.unproject(pixels).T
        half = self.terrain.cell / 2
        sample = self.terrain.sample
        east = (sample(x + half, y) - sample(x - half, y)) / (2 * half)
        north = (sample(x, y + half) - sample(x, y - half)) / (2 * half)
        camera = self.record.camera
        azimuth, tangent = camera.line_of_sight_angles(pixels)
        distance = np.hypot(x - camera.x, y - camera.y)
        # Relative to a flat map, rays bend upwards.
        rise = tangent + (1 - camera.refraction) / EARTH_RADIUS * distance
        into = np.sin(azimuth) * east + np.cos(azimuth) * north - rise
        sine = into / np.sqrt((1 + rise**2) * (1 + east**2 + north**2))
        return np.asarray(np.degrees(np.arcsin(np.clip(sine, 0, 1))))

    def skyline_rows(self) -> NDArray[np.float64]:
        """Compute v (W,) of the skyline in each column; NaN where land fills it or is missing."""
        land = np.isfinite(self.range_map.distances)
        row = land.argmax(axis=0)
        below = np.stack([np.arange(len(row)), row], axis=1).astype(np.float64)
        angles = map(self.record.camera.line_of_sight_angles, (below - (0, 1), below))
        over, under = (
            tangent - self.lines_of_sight.skyline(azimuth) for azimuth, tangent in angles
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.clip(under / (under - over), 0, 1)
        return np.where(land.any(axis=0) & (row > 0), row - share, np.nan)

    def ridges(self) -> list[NDArray[np.int32]]:
        """Find edges of ground before the sky or before ground farther away by 5 % and 20 m.

        Return the pixels (N, 2) of each edge, in order along or around it.
        """
        near = self.range_map.distances
        factor, extra = _JUMP
        sky = ~np.maximum.accumulate(np.isfinite(near), axis=0)  # the rest is too close
        behind = np.where(sky, np.float32(np.inf), near)
        beyond = near * factor + extra
        edge = np.zeros(near.shape, np.uint8)
        edge[1:] |= behind[:-1] > beyond[1:]
        edge[:, 1:] |= behind[:, :-1] > beyond[:, 1:]
        edge[:, :-1] |= behind[:, 1:] > beyond[:, :-1]
        found, _ = cv2.findContours(edge, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        return [line.reshape(-1, 2) for line in found]


def compute_viewshed(
    record: CameraRecord,
    dem: Dem | Terrain,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Viewshed:
    """Compute what a camera sees, or read it from the cache.

    The terrain's cells are those of the DEM, as long as the field of view has no more than 100
    million of them (10 km x 10 km at 1 m).

    Parameters
    ----------
    record
        The camera.
    dem
        DEM opened in the record's CRS, or terrain in that CRS. Its noise, which the record states
        or which is estimated, is smoothed away; see `core.terrain.noise`.
    cache
        Folder of cached results (see `cache.default_folder`); None, and a terrain, go without.
    progress
        Called with the share that is done.

    Raises
    ------
    TerrainError
        If the DEM is in another CRS or does not reach into the field of view, if the camera is
        below the ground by more than three sigma, or if no pixel shows ground.

    Examples
    --------
    >>> import numpy as np
    >>> from core.camera import Camera, CameraRecord
    >>> from core.projection import compute_viewshed
    >>> from core.terrain import Terrain
    >>> rows = np.arange(200.0)[::-1, None]  # a slope of 1 in 2, rising northwards
    >>> slope = Terrain(np.float32(5 * rows + np.zeros(200)), west=0.0, north=1990.0, cell=10.0)
    >>> camera = Camera(300, 200, x=1000, y=0, z=300, yaw=0, pitch=0, roll=0, f=300)
    >>> viewshed = compute_viewshed(CameraRecord(camera, epsg=2056), slope)
    >>> viewshed.range_map.unproject([(149.5, 99.5)]).round(-1).tolist()  # the photo's centre
    [[1000.0, 600.0, 300.0]]
    """
    camera = record.camera
    if isinstance(dem, Terrain):
        terrain, noise = _without_noise(record, dem)
        near, warnings = _near_field(record, terrain, noise)
        lines, range_map = _look(camera, terrain, near, progress)
        drawn, range_map = _without_near_field(record, range_map)
        return Viewshed(record, terrain, lines, range_map, tuple(warnings), noise, drawn)
    if dem.epsg != record.epsg:
        raise TerrainError(
            f"The DEM is open in EPSG:{dem.epsg}, the camera is posed in EPSG:{record.epsg}. "
            "Open the DEM in the camera's CRS."
        )
    terrain, noise = _without_noise(record, _terrain_in_view(camera, dem))
    near, warnings = _near_field(record, terrain, noise)
    warnings = [*dem.warnings, *warnings]
    if terrain.cell > dem.cell:
        warnings.append(
            f"The field of view is large: the DEM is used with cells of {terrain.cell:g} m "
            f"instead of {dem.cell:g} m."
        )

    def make() -> tuple[LinesOfSight, RangeMap]:
        return _look(camera, terrain, near, progress, dem.name)

    key = cache_key(_VERSION, camera, dem.epsg, dem.identity, terrain.cell, near, noise)
    if cache is None:
        lines, range_map = make()
    else:
        lines, range_map = load_or_make(Path(cache), key, _open_entry, make, _save_entry)
    holes = float(np.isfinite(lines.unknown).mean())
    if holes > 0:
        warnings.append(
            f"The DEM has gaps in {max(holes, 0.01):.0%} of the view: what appears visible behind "
            "them may be hidden."
        )
    drawn, range_map = _without_near_field(record, range_map)
    return Viewshed(record, terrain, lines, range_map, tuple(warnings), noise, drawn)


def _look(
    camera: Camera,
    terrain: Terrain,
    near: float,
    progress: Progress | None,
    name: str = "given",
) -> tuple[LinesOfSight, RangeMap]:
    """Trace the lines of sight from the near field on, and compute the range map.

    `name` is that of the DEM.
    """
    lines = trace_lines_of_sight(
        terrain,
        (camera.x, camera.y, camera.z),
        azimuths=azimuth_range(camera),
        step=0.5 / camera.f,
        refraction=camera.refraction,
        nearest=near,
        progress=_half_progress(progress, 0),
    )
    range_map = compute_range_map(camera, lines, _half_progress(progress, 1))
    if np.isnan(range_map.distances).all():
        raise TerrainError(
            f"The camera sees nothing of the DEM {name}: all of the photo is sky. Check its "
            "angles and its height, and that the DEM covers what it looks at."
        )
    return lines, range_map


def _terrain_in_view(camera: Camera, dem: Dem) -> Terrain:
    """Read the terrain of the field of view."""
    west, south, east, north = bounds = dem.bounds
    azimuths = azimuth_range(camera)
    if azimuths is not None:
        reach = math.hypot(
            max(abs(west - camera.x), abs(east - camera.x)),
            max(abs(south - camera.y), abs(north - camera.y)),
        )
        angle = (azimuths[1] - azimuths[0]) % (2 * math.pi)
        bearings = azimuths[0] + np.linspace(0, angle, 181)
        x = np.append(camera.x + reach * np.sin(bearings), camera.x)
        y = np.append(camera.y + reach * np.cos(bearings), camera.y)
        edge = 2 * dem.cell
        bounds = (x.min() - edge, y.min() - edge, x.max() + edge, y.max() + edge)
    wide = min(bounds[2], east) - max(bounds[0], west)
    tall = min(bounds[3], north) - max(bounds[1], south)
    times = math.sqrt(max(wide, 0) * max(tall, 0) / _MOST_CELLS) / dem.cell
    return dem.read_terrain(bounds, dem.cell * max(1, math.ceil(times)))


def _without_noise(record: CameraRecord, terrain: Terrain) -> tuple[Terrain, float]:
    """Return the terrain without its noise, and how much that is, metres."""
    given = record.dem_noise_m
    if terrain.noise:
        return terrain, terrain.noise
    noise = estimate_noise(terrain) if given is None else given
    return without_noise(terrain, noise), noise


def _near_field(record: CameraRecord, terrain: Terrain, noise: float) -> tuple[float, list[str]]:
    """Return the near field and warnings of how the camera stands; refuse one under the ground."""
    given = record.near_field_m
    found: NearField = examine_near_field(
        record.camera, record.covariance, terrain.sample, terrain.cell, noise
    )
    if math.isnan(found.depth):
        return NEAREST if given is None else given, [
            "The DEM does not reach the camera: ground beyond the DEM may hide what appears "
            "visible."
        ]
    texts = found.warnings(given)
    if found.is_buried:
        raise TerrainError(texts[0])
    near = (found.suggested or NEAREST) if given is None else given
    return near, texts


def _without_near_field(
    record: CameraRecord, range_map: RangeMap
) -> tuple[NDArray[np.bool_] | None, RangeMap]:
    """Return the near field (H, W) that is drawn in the photo, and the range map without it."""
    if not record.near_field_px:
        return None, range_map
    drawn = near_field_mask(record.near_field_px, (record.camera.width, record.camera.height))
    distances = np.where(drawn, np.float32(np.nan), range_map.distances)
    if np.isnan(distances).all():
        raise TerrainError(
            "The near field that is drawn in the photo covers all ground that the camera sees: "
            "draw less."
        )
    return drawn, RangeMap(range_map.camera, distances)


def _half_progress(progress: Progress | None, done: int) -> Progress | None:
    """Return the progress of one of two halves of the work."""
    return None if progress is None else lambda share: progress((done + share) / 2)


def _save_entry(parts: tuple[LinesOfSight, RangeMap], folder: Path) -> None:
    for part in parts:
        part.save(folder)


def _open_entry(folder: Path) -> tuple[LinesOfSight, RangeMap]:
    return LinesOfSight.open(folder), RangeMap.open(folder)
