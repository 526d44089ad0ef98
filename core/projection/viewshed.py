"""A posed camera over its terrain: what it sees, found once and kept on disk."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..camera import Camera, CameraRecord
from ..camera.refraction import EARTH_RADIUS
from ..errors import TerrainError
from ..terrain import Terrain
from .cache import cache_key, load_or_make
from .lines_of_sight import LinesOfSight, trace_lines_of_sight
from .range_map import RangeMap, azimuth_range, compute_range_map
from .threads import Progress

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ..terrain.sources import Dem

_VERSION = (
    1  # of what is kept on disk; raised whenever `compute_viewshed` would give something else
)
_MOST_CELLS = 100_000_000  # of terrain: 400 MB; larger views get larger cells
_SUNK, _BURIED = 0.5, 5.0  # metres below the DEM at which a camera is warned of and refused
_JUMP = (1.05, 20.0)  # what lies behind a ridge is farther by 5 % and 20 m


@dataclass(frozen=True, eq=False)
class Viewshed:
    """What a posed camera sees; made by `compute_viewshed`.

    Attributes
    ----------
    record
        The camera.
    terrain
        In the record's CRS, around all that the photo can see.
    lines
        Whether a place of the map is seen.
    ranges
        Which place each pixel sees.
    warnings
        What the user should know.
    """

    record: CameraRecord
    terrain: Terrain
    lines_of_sight: LinesOfSight
    range_map: RangeMap
    warnings: tuple[str, ...] = ()

    def incidence_angles(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Angle between ray and ground at places of the photo.

        Parameters
        ----------
        pixels
            (N, 2) (u, v).

        Returns
        -------
        ndarray
            (N,) degrees: 90 looks straight at the ground, few graze it; NaN in the sky.
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
        # Against the ground of a flat map, rays bend upwards.
        rise = tangent + (1 - camera.refraction) / EARTH_RADIUS * distance
        into = np.sin(azimuth) * east + np.cos(azimuth) * north - rise
        sine = into / np.sqrt((1 + rise**2) * (1 + east**2 + north**2))
        return np.asarray(np.degrees(np.arcsin(np.clip(sine, 0, 1))))

    def skyline_rows(self) -> NDArray[np.float64]:
        """(W,) v at which the ground ends in each column; NaN where it fills or misses it."""
        land = np.isfinite(self.range_map.distances)
        row = land.argmax(axis=0)
        below = np.stack([np.arange(len(row)), row], axis=1).astype(np.float64)
        over, under = (
            tangent - self.lines_of_sight.skyline(azimuth)
            for azimuth, tangent in map(
                self.record.camera.line_of_sight_angles, (below - (0, 1), below)
            )
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.clip(under / (under - over), 0, 1)
        return np.where(land.any(axis=0) & (row > 0), row - share, np.nan)

    def ridges(self) -> list[NDArray[np.int32]]:
        """Where ground ends before the sky or before ground farther away by 5 % and 20 m.

        Returns
        -------
        list of ndarray
            (N, 2) pixels (u, v) each, in order along (around) one edge.
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
    dem: Dem,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Viewshed:
    """Find what a camera sees, or take it from the cache.

    The terrain's cells are the DEM's, as long as the field of view has no more than 100 million
    of them (10 km x 10 km at 1 m).

    Parameters
    ----------
    record
        The camera.
    dem
        Opened in the record's CRS.
    cache
        Folder to keep it in, and to take it from; see `cache.default_folder`. None: neither.
    progress
        Told the share that is done.

    Raises
    ------
    TerrainError
        If the DEM is in another CRS or does not reach into the view, if the camera is under the
        ground, or if no pixel sees any.
    """
    if dem.epsg != record.epsg:
        raise TerrainError(
            f"The DEM is open in EPSG:{dem.epsg}, the camera is posed in EPSG:{record.epsg}. "
            "Open the DEM in the camera's CRS."
        )
    camera = record.camera
    azimuths = azimuth_range(camera)
    terrain = _terrain_in_view(camera, azimuths, dem)
    warnings = [*dem.warnings, *_height_warnings(camera, terrain)]
    if terrain.cell > dem.cell:
        warnings.append(
            f"The field of view is large: the DEM is used with cells of {terrain.cell:g} m "
            f"instead of {dem.cell:g} m."
        )

    def make() -> tuple[LinesOfSight, RangeMap]:
        lines = trace_lines_of_sight(
            terrain,
            (camera.x, camera.y, camera.z),
            azimuths=azimuths,
            step=0.5 / camera.f,
            refraction=camera.refraction,
            progress=_half_progress(progress, 0),
        )
        ranges = compute_range_map(camera, lines, _half_progress(progress, 1))
        if np.isnan(ranges.distances).all():
            raise TerrainError(
                f"The camera sees nothing of the DEM {dem.name}: all of the photo is sky. Check "
                "its angles and its height, and that the DEM covers what it looks at."
            )
        return lines, ranges

    key = cache_key(_VERSION, camera, dem.epsg, dem.identity, terrain.cell)
    lines, ranges = (
        make() if cache is None else load_or_make(Path(cache), key, _open_entry, make, _save_entry)
    )
    holes = float(np.isfinite(lines.unknown).mean())
    if holes > 0:
        warnings.append(
            f"In {max(holes, 0.01):.0%} of the directions the DEM has holes: what is seen behind "
            "them may be hidden in truth."
        )
    return Viewshed(record, terrain, lines, ranges, tuple(warnings))


def _terrain_in_view(camera: Camera, azimuths: tuple[float, float] | None, dem: Dem) -> Terrain:
    """The terrain of the field of view."""
    west, south, east, north = bounds = dem.bounds
    if azimuths is not None:
        reach = math.hypot(
            max(abs(west - camera.x), abs(east - camera.x)),
            max(abs(south - camera.y), abs(north - camera.y)),
        )
        turn = (azimuths[1] - azimuths[0]) % (2 * math.pi)
        bearings = azimuths[0] + np.linspace(0, turn, 181)
        x = np.append(camera.x + reach * np.sin(bearings), camera.x)
        y = np.append(camera.y + reach * np.cos(bearings), camera.y)
        edge = 2 * dem.cell
        bounds = (x.min() - edge, y.min() - edge, x.max() + edge, y.max() + edge)
    wide = min(bounds[2], east) - max(bounds[0], west)
    tall = min(bounds[3], north) - max(bounds[1], south)
    times = math.sqrt(max(wide, 0) * max(tall, 0) / _MOST_CELLS) / dem.cell
    return dem.read_terrain(bounds, dem.cell * max(1, math.ceil(times)))


def _height_warnings(camera: Camera, terrain: Terrain) -> list[str]:
    """What is to be said of a camera's height over the terrain."""
    depth = float(terrain.sample(camera.x, camera.y)) - camera.z
    if math.isnan(depth):
        return [
            "The DEM does not reach the camera: ground before it, not in the DEM, may hide what "
            "is taken for seen."
        ]
    if depth > _BURIED:
        raise TerrainError(
            f"The camera is {depth:.0f} m under the ground of the DEM. Check its height, its "
            "place, and whether both heights are of one vertical datum (ellipsoidal heights "
            "differ by some 50 m in the Alps)."
        )
    return [f"The camera is {depth:.1f} m below the DEM."] if depth > _SUNK else []


def _half_progress(progress: Progress | None, done: int) -> Progress | None:
    """Progress in one of two halves of the work."""
    if progress is None:
        return None
    tell = progress
    return lambda share: tell((done + share) / 2)


def _save_entry(seen: tuple[LinesOfSight, RangeMap], folder: Path) -> None:
    for part in seen:
        part.save(folder)


def _open_entry(folder: Path) -> tuple[LinesOfSight, RangeMap]:
    return LinesOfSight.open(folder), RangeMap.open(folder)
