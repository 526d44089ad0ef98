"""Lines of sight: the visible ground along a fan of azimuths from a position.

Along each line, ground is visible whose elevation angle exceeds all before it. Only that is stored:
a sequence of nodes (distance, tangent of the elevation angle), both non-decreasing, with the
visible surface straight between them. Where ground is hidden, two nodes have equal tangents: the
occluding edge, and the point behind it where the same ray meets ground again. So the end of a ray
is found by a binary search by tangent, the visibility of a point by one by distance.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..camera.near_field import NEAREST
from ..camera.refraction import REFRACTION, curvature_drop
from ..errors import TerrainError
from ..json_files import DAMAGED, read_json
from .binary_search import search_sorted
from .profiles import sample_distances, sample_profiles, visible_nodes
from .threads import Progress, map_in_threads

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ..terrain import Terrain

    Floats = NDArray[np.float32]

_CIRCLE = 2 * math.pi
_CLOSE = 0.05  # of a cell, between lines: then ground does not differ from one to the next
_BATCH = 200_000  # samples of terrain at a time: they fit into the processor's cache


@dataclass(frozen=True, eq=False)
class LinesOfSight:
    """Ground visible from a position; computed by `trace_lines_of_sight`.

    Attributes
    ----------
    position
        x, y, z, metres.
    refraction
        Coefficient k of `core.camera.refraction`.
    nearest
        Closer ground is ignored, metres.
    cell
        Cell size of the terrain, metres.
    first, step
        Grid azimuth of the first line, and from line to line clockwise, radians.
    starts
        (A + 1,) int64: line i has the nodes from ``starts[i]`` to before ``starts[i + 1]``.
    distances, tangents
        (N,) float32 nodes of all lines: horizontal distance, metres, and tangent of the apparent
        elevation angle; non-decreasing in each line.
    unknown
        (A,) float32 distance of the first unknown ground with known ground behind it, metres,
        else inf.
    """

    position: tuple[float, float, float]
    refraction: float
    nearest: float
    cell: float
    first: float
    step: float
    starts: NDArray[np.int64]
    distances: Floats
    tangents: Floats
    unknown: Floats

    def intersect(
        self, azimuth: ArrayLike, tangent: ArrayLike
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Intersect rays with the ground, each on the line nearest to it.

        Azimuth and tangent, of one shape, are those of `Camera.line_of_sight_angles`. Return the
        horizontal distance of the ground, metres, NaN where there is none or it is closer than
        `nearest`; and whether the ray ends on ground, at any distance: False for the sky and beside
        the fan.
        """
        line, inside = self._nearest_line(np.asarray(azimuth, np.float32))
        tangent = np.asarray(tangent, np.float32)
        before, place = self._bracket(line, self.tangents, tangent)
        near, far = self.distances[before], self.distances[before + 1]
        # Heights, not tangents, are linear between nodes.
        below = near * (tangent - self.tangents[before])
        above = far * (self.tangents[before + 1] - tangent)
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = near + (far - near) * below / (below + above)
        land = inside & (place <= 0)
        return np.where(land & (place == 0), distance, np.float32(np.nan)), land

    def is_visible(self, points: ArrayLike, tolerance: float | None = None) -> NDArray[np.bool_]:
        """Return whether points (N, 3) are visible: no ground before them hides them.

        `tolerance` is added to the points' heights, metres: by default 1 m or a quarter of a cell
        (half a cell at a slope of 1 in 2), whichever is more. False also closer than `nearest` and
        beside the fan.
        """
        offset = np.asarray(points, np.float64).reshape(-1, 3) - self.position
        distance = np.hypot(offset[:, 0], offset[:, 1])
        lift = max(1.0, self.cell / 4) if tolerance is None else tolerance
        height = offset[:, 2] + lift - curvature_drop(distance, self.refraction)
        azimuth = np.arctan2(offset[:, 0], offset[:, 1]).astype(np.float32)
        inside = self._nearest_line(azimuth)[1]
        horizon = self.horizon(azimuth, distance)
        return np.asarray(inside & (distance >= self.nearest) & ~(height < horizon))

    def horizon(self, azimuth: ArrayLike, distance: ArrayLike) -> NDArray[np.float64]:
        """Return the least height at which points are visible, interpolated between two lines.

        Of points (N,) at azimuths and horizontal distances, metres over the camera, as it appears:
        curvature and refraction are not in it. -inf before the first node of a line, and beside
        the fan.
        """
        azimuth, distance = np.asarray(azimuth, np.float64), np.asarray(distance, np.float64)
        if self.step * distance.max(initial=0) < _CLOSE * self.cell:  # the nearer one will do
            nearest, inside = self._nearest_line(azimuth.astype(np.float32))
            return np.where(inside, self._horizon_on(nearest, distance), -np.inf)
        line, share, inside = self._lines_beside(azimuth)
        low, high = self._horizon_on(line[0], distance), self._horizon_on(line[1], distance)
        with np.errstate(invalid="ignore"):
            between = low + share * (high - low)
        found = np.where(np.isfinite(between), between, np.where(share < 0.5, low, high))
        return np.where(inside, found, -np.inf)

    def _horizon_on(
        self, line: NDArray[np.intp], distance: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the horizon on lines (N,) at distances (N,)."""
        before, place = self._bracket(line, self.distances, distance.astype(np.float32))
        near, far = self.distances[before], self.distances[before + 1]
        low, high = near * self.tangents[before], far * self.tangents[before + 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            horizon = low + (high - low) * (distance - near) / (far - near)
        horizon = np.where(place > 0, self._skyline_tangents()[line] * distance, horizon)
        return np.where((place < 0) | np.isnan(horizon), -np.inf, horizon)

    def skyline(self, azimuth: ArrayLike) -> NDArray[np.float64]:
        """Interpolate the tangent of the skyline's elevation angle between the lines; same shape.

        NaN beside the fan and where no ground is known.
        """
        tops = self._skyline_tangents()
        (low, high), share, inside = self._lines_beside(np.asarray(azimuth, np.float64))
        return np.where(inside, tops[low] * (1 - share) + tops[high] * share, np.nan)

    def crosses_unknown(self, azimuth: ArrayLike, distance: ArrayLike) -> NDArray[np.bool_]:
        """Return whether rays cross unknown ground before a distance, metres; same shape.

        It may hide what appears visible.
        """
        line, inside = self._nearest_line(np.asarray(azimuth, np.float32))
        return np.asarray(inside & (np.asarray(distance) > self.unknown[line]))

    def save(self, folder: str | Path) -> None:
        """Write the lines into a folder, for `open`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        content = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                np.save(folder / f"{field.name}.npy", value)
            else:
                content[field.name] = value
        (folder / "lines.json").write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def open(cls, folder: str | Path) -> LinesOfSight:
        """Open a folder of `save`; nodes are memory-mapped.

        Raises TerrainError if they are missing or damaged.
        """
        folder = Path(folder)
        try:
            content = read_json(folder / "lines.json")
            content["position"] = tuple(content["position"])
            for field in fields(cls):
                if field.name not in content:
                    content[field.name] = np.load(folder / f"{field.name}.npy", mmap_mode="r")
            return cls(**content)
        except DAMAGED as error:
            raise TerrainError(
                f"The lines of sight in {folder} cannot be read: {error}."
            ) from error

    def _nearest_line(self, azimuth: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Return the line nearest to each azimuth, and whether it lies in the fan."""
        count, full = len(self.unknown), np.float32(_CIRCLE / self.step)
        at = (azimuth - np.float32(self.first)) / np.float32(self.step) + np.float32(0.5)
        at = np.where(at < 0, at + full, at)
        at = np.where(at >= full, at - full, at)
        with np.errstate(invalid="ignore"):
            inside = at < count
            return np.where(inside, at, 0).astype(np.intp), inside

    def _lines_beside(
        self, azimuth: NDArray[np.float64]
    ) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], NDArray[np.float64], NDArray[np.bool_]]:
        """Return the lines on both sides of azimuths, the share of the second, and which are in it.

        To half a step beside the fan, it is the outermost line.
        """
        count, full = len(self.unknown), _CIRCLE / self.step
        at = (azimuth - self.first) % _CIRCLE / self.step
        at = np.where(at > full - 0.5, at - full, at)
        with np.errstate(invalid="ignore"):
            low = np.floor(np.where(np.isfinite(at), at, 0)).astype(np.intp)
        share = at - low
        if count * self.step > _CIRCLE - self.step / 2:  # the lines cover it all
            return (low % count, (low + 1) % count), share, np.isfinite(at)
        inside = at <= count - 0.5
        return (np.clip(low, 0, count - 1), np.clip(low + 1, 0, count - 1)), share, inside

    def _skyline_tangents(self) -> Floats:
        """Return the tangent of each line's skyline, (A,); NaN for lines without nodes."""
        known = self.starts[1:] > self.starts[:-1]
        tangents = np.full(len(known), np.nan, np.float32)
        tangents[known] = self.tangents[self.starts[1:][known] - 1]
        return tangents

    def _bracket(
        self, line: NDArray[np.intp], values: Floats, wanted: Floats
    ) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """Return the last node of each line whose value is less than wanted.

        And whether that lies before the line's nodes (-1), between them (0) or after (1). The node
        is valid only between them, but always has one behind it.
        """
        start, end = self.starts[line], self.starts[line + 1]
        node = search_sorted(values, start, end, wanted)
        place = np.where(node == end, np.int8(1), np.where(node == start, np.int8(-1), np.int8(0)))
        return np.clip(node - 1, 0, len(values) - 2), place


def trace_lines_of_sight(
    terrain: Terrain,
    position: tuple[float, float, float],
    *,
    azimuths: tuple[float, float] | None = None,
    step: float = math.radians(0.02),
    refraction: float = REFRACTION,
    nearest: float = NEAREST,
    progress: Progress | None = None,
) -> LinesOfSight:
    """Trace the lines of sight from a position over a terrain.

    Samples along a line are half a cell apart, or `step` times the distance where that is more.
    Unknown ground hides nothing; see `LinesOfSight.crosses_unknown`.

    Parameters
    ----------
    terrain
        Terrain in the CRS of the position.
    position
        x, y, z, metres; may lie beyond the terrain.
    azimuths
        Grid azimuths of the first and, clockwise, of the last line, radians; None: full circle.
    step
        Angle from line to line, radians; half a pixel is enough.
    refraction, nearest
        See `LinesOfSight`.
    progress
        Called with the share that is done.

    Raises
    ------
    TerrainError
        If no line meets known ground.
    """
    if azimuths is None:
        first, count = -math.pi, math.ceil(_CIRCLE / step)
        step = _CIRCLE / count
    else:
        first, span = math.remainder(azimuths[0], _CIRCLE), (azimuths[1] - azimuths[0]) % _CIRCLE
        count = math.ceil(span / step) + 1
        step = span / (count - 1) if count > 1 else step
    ranges = sample_distances(terrain, position, step, nearest)
    drop = (position[2] + curvature_drop(ranges, refraction)).astype(np.float32)

    def trace(bearings: NDArray[np.floating]) -> tuple[NDArray[np.generic], ...]:
        heights = sample_profiles(terrain, position, bearings, ranges)
        return visible_nodes((heights - drop) / ranges, ranges)

    batch = max(1, _BATCH // max(len(ranges), 1))
    bearings = first + step * np.arange(count)
    parts = [bearings[i : i + batch] for i in range(0, count, batch)]
    results = list(map_in_threads(trace, parts, progress))
    counts, distances, tangents, unknown = (
        np.concatenate([result[i] for result in results]) for i in range(4)
    )
    if len(distances) < 2:
        raise TerrainError(
            "The DEM has no ground in the direction of the camera's view. Check the camera's "
            "position and heading, and that the DEM covers what it looks at."
        )
    return LinesOfSight(
        position=(float(position[0]), float(position[1]), float(position[2])),
        refraction=refraction,
        nearest=nearest,
        cell=terrain.cell,
        first=first,
        step=step,
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        distances=distances,
        tangents=tangents,
        unknown=unknown,
    )
