"""Truth for the tests of what cameras see: rays marched over a terrain, one small step at a time.

Nothing of `core.projection` is used. Of the camera, only its pixels' rays and its projection are
(`core.camera.camera`, tested against OpenCV).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from core.camera import Camera
from core.terrain import Terrain

_BENDING = (1 - 0.13) / (2 * 6_371_000)  # curvature less refraction
_STEP = 0.25  # of a cell
_END = 0.1  # metres before a point that its ray is no longer looked at, to which it is free

Ground = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


def heights_of(terrain: Terrain) -> Ground:
    """Return the bilinear surface of a terrain; NaN outside."""
    heights = terrain.heights.astype(np.float64)

    def at(x, y):
        places = [(terrain.north - y) / terrain.cell, (x - terrain.west) / terrain.cell]
        return map_coordinates(heights, places, order=1, cval=np.nan)

    return at


def see(terrain: Terrain, camera: Camera, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points on the ground (N, 3) no ground hides and the photo shows."""
    at, offset = heights_of(terrain), points - camera.position
    distance = np.hypot(offset[:, 0], offset[:, 1])
    heading = offset[:, :2] / distance[:, None]
    tangent = (offset[:, 2] - _BENDING * distance**2) / distance
    u, v = camera.project(points).T
    free = (u > -0.5) & (u < camera.width - 0.5) & (v > -0.5) & (v < camera.height - 0.5)
    for step in np.arange(20, distance.max(), _STEP * terrain.cell):
        on = np.flatnonzero(free & (step < distance - _END))
        x, y = camera.x + heading[on, 0] * step, camera.y + heading[on, 1] * step
        free[on] = ~(at(x, y) > camera.z + tangent[on] * step + _BENDING * step**2)
    on = np.flatnonzero(free)
    last = distance[on] - _END
    x, y = camera.x + heading[on, 0] * last, camera.y + heading[on, 1] * last
    free[on] = ~(at(x, y) > camera.z + tangent[on] * last + _BENDING * last**2)
    return free


def hit(terrain: Terrain, camera: Camera, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find x, y, z (N, 3) where the rays of pixels (N, 2) first meet ground; NaN in the sky."""
    at, rays = heights_of(terrain), camera.pixel_rays(pixels)
    level = np.hypot(rays[:, 0], rays[:, 1])
    heading, tangent = rays[:, :2] / level[:, None], rays[:, 2] / level
    found, before = np.full(len(rays), np.nan), np.full(len(rays), np.inf)
    going, stride = np.arange(len(rays)), _STEP * terrain.cell
    west, south, east, north = terrain.bounds
    end = np.hypot(
        max(abs(camera.x - west), abs(camera.x - east)),
        max(abs(camera.y - south), abs(camera.y - north)),
    )
    for step in np.arange(20, end, stride):
        x, y = camera.x + heading[going, 0] * step, camera.y + heading[going, 1] * step
        over = camera.z + tangent[going] * step + _BENDING * step**2 - at(x, y)
        under = over <= 0
        last = before[going[under]]
        last = np.where(np.isfinite(last), last, 0.0)
        share = last / np.maximum(last - over[under], 1e-9)
        share[last == 0] = 1.0
        found[going[under]] = step - stride * (1 - share)
        before[going] = over
        going = going[~under]
        if not len(going):
            break
    height = camera.z + tangent * found + _BENDING * found**2
    return np.column_stack([camera.position[:2] + heading * found[:, None], height])


@dataclass(frozen=True)
class SeenOutline:
    """Outline on the ground as a camera sees it: mask of the photo, points and which are seen."""

    camera: Camera
    mask: NDArray[np.bool_]
    points: NDArray[np.float64]
    seen: NDArray[np.bool_]
    around: shapely.Polygon

    def iou(self, mapped: shapely.Geometry) -> float:
        """Intersection over union of a mapped outline and what is seen of the true one."""
        inside = shapely.contains_xy(mapped, *self.points[:, :2].T)
        beyond = mapped.difference(self.around).area / self.around.area
        missed = beyond * len(self.points)
        return float((inside & self.seen).sum() / ((inside | self.seen).sum() + missed))


def see_outline(
    terrain: Terrain, camera: Camera, outline: shapely.Polygon, points: int = 8000
) -> SeenOutline:
    """Draw an outline of the ground into a photo, ray by ray, and test which of it is seen."""
    shapely.prepare(outline)
    at = heights_of(terrain)
    edge = shapely.get_coordinates(shapely.segmentize(outline.boundary, terrain.cell))
    around = outline.buffer(60).envelope
    random = np.random.default_rng(0)
    west, south, east, north = around.bounds
    xy = random.uniform((west, south), (east, north), (points, 2))
    within = xy[shapely.contains_xy(outline, *xy.T)]
    drawn = np.concatenate([edge, within])
    drawn = camera.project(np.column_stack([drawn, at(*drawn.T)]))
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    left, top = np.clip(np.floor(drawn.min(axis=0)) - 4, 0, None).astype(int)
    right, bottom = np.minimum(np.ceil(drawn.max(axis=0)) + 5, (camera.width, camera.height))
    u, v = np.meshgrid(np.arange(left, right), np.arange(top, bottom))
    ground = hit(terrain, camera, np.column_stack([u.ravel(), v.ravel()]).astype(np.float64))
    mask = np.zeros((camera.height, camera.width), bool)
    mask[top : int(bottom), left : int(right)] = shapely.contains_xy(
        outline, *ground[:, :2].T
    ).reshape(u.shape)
    xyz = np.column_stack([xy, at(*xy.T)])
    seen = shapely.contains_xy(outline, *xy.T)
    seen[seen] = see(terrain, camera, xyz[seen])
    return SeenOutline(camera, mask, xyz, seen, around)


def with_noise(terrain: Terrain, sigma: float, seed: int = 0) -> Terrain:
    """Return the terrain with white noise in its heights."""
    noise = np.random.default_rng(seed).normal(0, sigma, terrain.heights.shape)
    return replace(terrain, heights=(terrain.heights + noise).astype(np.float32))


X, Y = 2_600_000.0, 1_200_000.0
_POSES = {  # east, north, height of the camera over the ground; east, north looked at; f
    "good": (100.0, -1300.0, 260.0, 0.0, 480.0, 1600.0),
    "mid": (-450.0, -350.0, 8.0, 0.0, 480.0, 1400.0),
    "poor": (-450.0, -250.0, 8.0, 0.0, 480.0, 1400.0),
}


def mountainside(cell: float = 5.0) -> Terrain:
    """A slope of 32 degrees with ribs and gullies, rising to the north from a valley at (X, Y)."""
    axis = np.arange(-1500, 1500 + cell, cell)
    x, y = np.meshgrid(axis, axis[::-1])
    heights = np.maximum(y, 0) * np.tan(np.radians(32)) + np.maximum(-y - 300, 0) * 0.4
    rough = gaussian_filter(np.random.default_rng(5).normal(size=x.shape), 20 / cell)
    ribs = 6 * np.sin(x / 25 + np.sin(y / 90)) + 8 * np.sin(x / 61 + y / 140)
    heights += np.clip(y / 200, 0, 1) * (ribs + 2 * rough / rough.std())
    return Terrain(heights.astype(np.float32), X + axis[0], Y + axis[-1], cell)


def avalanche() -> shapely.Polygon:
    """The outline of an avalanche on the mountainside."""
    ring = [(-20, 250), (40, 260), (60, 380), (90, 520), (70, 680), (0, 740), (-80, 690)]
    return shapely.Polygon([(X + x, Y + y) for x, y in [*ring, (-100, 560), (-45, 400)]])


def camera_of(terrain: Terrain, view: str, width: int = 1000, height: int = 800) -> Camera:
    """Return the camera of a good, mid or poor view of the avalanche."""
    east, north, above, to_east, to_north, f = _POSES[view]
    (z,), (there,) = (
        heights_of(terrain)(X + np.array([e]), Y + np.array([n]))
        for e, n in ((east, north), (to_east, to_north))
    )
    yaw = np.degrees(np.arctan2(to_east - east, to_north - north)) % 360
    away = np.hypot(to_east - east, to_north - north)
    pitch = np.degrees(np.arctan2(there - z - above, away))
    return Camera(
        width, height, X + east, Y + north, float(z + above), float(yaw), float(pitch), 0.0, f
    )
