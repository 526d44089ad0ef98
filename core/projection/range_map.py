"""Range map: distance to the terrain for each pixel of a photo."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..camera import Camera, Projection
from ..camera.lens import to_rays
from ..camera.refraction import curvature_drop
from ..errors import CameraError
from ..json_files import DAMAGED, read_json
from .lines_of_sight import LinesOfSight
from .threads import Progress, map_in_threads

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float32]

_BLOCK = (1024, 48)  # rows and columns at a time: few lines of sight at once
_NODES = 4096  # of the table of the undistortion
_LEAST_GAP = math.radians(10)  # a photo whose azimuths leave less open covers the full circle
_ONE_SURFACE = (1.03, 5.0)  # neighbours farther apart than 3 % and 5 m: an edge between them


@dataclass(frozen=True, eq=False)
class RangeMap:
    """Distance to the ground of each pixel.

    Attributes
    ----------
    camera
        Camera of the photo.
    distances
        (H, W) float32 horizontal distance at pixel centres, metres; NaN in the sky and where
        the ground is closer than the near field.
    """

    camera: Camera
    distances: Floats

    def unproject(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Find the ground x, y, z (N, 3) that pixels (N, 2) show.

        Points lie on the pixels' rays, so that they project to the pixels exactly; NaN in the sky
        and outside of the photo. Between pixel centres the inverse distance is interpolated, which
        is exact for planes; but where the four pixels differ by more than 3 % and 5 m, an edge
        hides ground between them and the nearest pixel's distance is taken.
        """
        pixels = np.asarray(pixels, np.float64).reshape(-1, 2)
        azimuth, tangent = self.camera.line_of_sight_angles(pixels)
        return self._points_at(azimuth, tangent, self._interpolate(pixels))

    def is_visible(self, points: ArrayLike, tolerance: float | None = None) -> NDArray[np.bool_]:
        """Return whether points (N, 3) are in the photo and no ground before them hides them.

        A point is visible if the ray that passes over it by the tolerance (metres of height, by
        default 1) and by half a pixel does not end before it. At grazing angles ranges need not
        agree.
        """
        points = np.asarray(points, np.float64).reshape(-1, 3)
        height, width = self.distances.shape
        inside = in_image(self.camera.project(points), self.camera)
        visible = np.zeros(len(points), np.bool_)
        over = points[inside]
        distance = np.hypot(*(over - self.camera.position)[:, :2].T)
        lift = 1.0 if tolerance is None else max(tolerance, 0.0)
        over[:, 2] += lift + 0.5 * distance / self.camera.f
        col, row = np.rint(np.nan_to_num(self.camera.project(over))).astype(np.intp).T
        ends = self.distances[np.clip(row, 0, height - 1), np.clip(col, 0, width - 1)]
        visible[inside] = ~(ends < distance)
        return visible

    def unproject_rows(self, rows: slice) -> NDArray[np.float64]:
        """Find the ground x, y, z (h, W, 3) that rows of pixels show; NaN in the sky."""
        top, bottom, step = rows.indices(self.camera.height)
        v, u = np.mgrid[top:bottom:step, 0 : self.camera.width]
        pixels = np.stack([u.ravel(), v.ravel()], axis=1)
        azimuth, tangent = self.camera.line_of_sight_angles(pixels)
        return self._points_at(azimuth, tangent, self.distances[rows].ravel()).reshape(*u.shape, 3)

    def save(self, folder: str | Path) -> None:
        """Write the map into a folder, for `open`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "ranges.npy", self.distances)
        (folder / "view.json").write_text(json.dumps(asdict(self.camera)), encoding="utf-8")

    @classmethod
    def open(cls, folder: str | Path) -> RangeMap:
        """Open a folder of `save`; distances are memory-mapped.

        Raises CameraError if it is missing, damaged or of another camera.
        """
        folder = Path(folder)
        try:
            fields = read_json(folder / "view.json")
            camera = Camera(**{**fields, "projection": Projection(fields["projection"])})
            distances = np.load(folder / "ranges.npy", mmap_mode="r")
        except DAMAGED as error:
            raise CameraError(f"The range map in {folder} cannot be read: {error}.") from error
        if distances.shape != (camera.height, camera.width) or distances.dtype != np.float32:
            raise CameraError(f"The range map in {folder} is not that of its camera.")
        return cls(camera, distances)

    def _interpolate(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Interpolate the horizontal distance at pixels (N, 2), as described in `unproject`."""
        height, width = self.distances.shape
        u, v = pixels.T
        inside = in_image(pixels, self.camera)
        u = np.clip(np.where(inside, u, 0), 0, width - 1)
        v = np.clip(np.where(inside, v, 0), 0, height - 1)
        left = np.minimum(u.astype(np.intp), max(width - 2, 0))
        upper = np.minimum(v.astype(np.intp), max(height - 2, 0))
        right, lower = np.minimum(left + 1, width - 1), np.minimum(upper + 1, height - 1)
        at = self.distances
        corners = np.stack([at[upper, left], at[upper, right], at[lower, left], at[lower, right]])
        across, along = u - left, v - upper
        above = (1 - across) / corners[0] + across / corners[1]
        below = (1 - across) / corners[2] + across / corners[3]
        smooth = 1 / (above * (1 - along) + below * along)
        ratio, gap = _ONE_SURFACE
        with np.errstate(invalid="ignore"):
            one = corners.max(axis=0) <= corners.min(axis=0) * ratio + gap
        nearest = at[np.rint(v).astype(np.intp), np.rint(u).astype(np.intp)]
        return np.where(inside, np.where(one, smooth, nearest), np.nan)

    def _points_at(
        self,
        azimuth: NDArray[np.float64],
        tangent: NDArray[np.float64],
        distance: NDArray[np.floating],
    ) -> NDArray[np.float64]:
        """Return x, y, z (N, 3) on rays at horizontal distances."""
        camera = self.camera
        height = camera.z + tangent * distance + curvature_drop(distance, camera.refraction)
        east, north = np.sin(azimuth) * distance, np.cos(azimuth) * distance
        return np.stack([camera.x + east, camera.y + north, height], axis=1)


def in_image(pixels: NDArray[np.floating], camera: Camera) -> NDArray[np.bool_]:
    """Return which pixels (..., 2) (u, v) lie in the photo of a camera."""
    u, v = pixels[..., 0], pixels[..., 1]
    with np.errstate(invalid="ignore"):
        across = (u >= -0.5) & (u <= camera.width - 0.5)
        return np.asarray(across & (v >= -0.5) & (v <= camera.height - 0.5))


def compute_range_map(
    camera: Camera, lines: LinesOfSight, progress: Progress | None = None
) -> RangeMap:
    """Compute the range map from lines of sight that cover the `azimuth_range` of the camera."""
    distances = np.empty((camera.height, camera.width), np.float32)
    lens = _undistortion_table(camera)

    def fill(block: tuple[slice, slice]) -> None:
        distances[block] = lines.intersect(*_block_angles(camera, lens, *block))[0]

    rows, cols = _split(camera.height, _BLOCK[0]), _split(camera.width, _BLOCK[1])
    for _ in map_in_threads(fill, [(row, col) for col in cols for row in rows], progress):
        pass
    return RangeMap(camera, distances)


def _split(length: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]


def azimuth_range(camera: Camera) -> tuple[float, float] | None:
    """Return the first and last grid azimuth of a photo, radians, clockwise; None: full circle."""
    u = np.linspace(-0.5, camera.width - 0.5, 2 * camera.width)
    v = np.linspace(-0.5, camera.height - 0.5, 2 * camera.height)
    poles = camera.project_rays(np.outer([1.0, -1.0], camera.rotation_matrix()[:, 2]))
    with np.errstate(invalid="ignore"):
        if np.any(np.all(np.abs(poles - [u.mean(), v.mean()]) <= [u[-1] + 1, v[-1] + 1], axis=1)):
            return None
    grids = np.meshgrid(u, v[[0, -1]]), np.meshgrid(u[[0, -1]], v)
    border = np.concatenate([np.stack(grid, axis=-1).reshape(-1, 2) for grid in grids])
    azimuth = camera.line_of_sight_angles(border)[0]
    azimuth = np.sort(azimuth[np.isfinite(azimuth)])
    gaps = np.diff(azimuth, append=azimuth[:1] + 2 * math.pi)
    widest = int(np.argmax(gaps)) if len(gaps) else 0
    if not len(gaps) or gaps[widest] < _LEAST_GAP:
        return None
    return float(azimuth[(widest + 1) % len(azimuth)]), float(azimuth[widest])


def _undistortion_table(camera: Camera) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tabulate `Distortion.undistortion_ratio`: radii, ratios."""
    corners = np.array([[u, v] for u in (0, camera.width - 1) for v in (0, camera.height - 1)])
    farthest = np.hypot(*(corners - (camera.cx, camera.cy)).T).max() / camera.f
    radii = np.linspace(0, farthest, _NODES)
    return radii, camera.distortion.undistortion_ratio(radii)


def _block_angles(
    camera: Camera,
    lens: tuple[NDArray[np.float64], NDArray[np.float64]],
    rows: slice,
    cols: slice,
) -> tuple[Floats, Floats]:
    """Compute `Camera.line_of_sight_angles` of a block of pixels in single precision, faster."""
    u = ((np.arange(cols.start, cols.stop) - camera.cx) / camera.f).astype(np.float32)
    v = ((np.arange(rows.start, rows.stop)[:, None] - camera.cy) / camera.f).astype(np.float32)
    right, down, forward = camera.rotation_matrix().astype(np.float32)
    if camera.distortion.is_tangential:
        x, y = (part[..., 0] for part in np.split(_ideal(camera, u, v), 2, axis=-1))
    elif camera.distortion.is_radial:
        ratio = np.interp(np.hypot(u, v), *lens).astype(np.float32)
        x, y = u * ratio, v * ratio
    else:
        x, y = u, v
    ray = to_rays(camera.projection, x, y)
    east, north, up = (ray[0] * right[i] + ray[1] * down[i] + ray[2] * forward[i] for i in range(3))
    with np.errstate(divide="ignore"):
        return np.arctan2(east, north), up / np.hypot(east, north)


def _ideal(camera: Camera, u: Floats, v: Floats) -> Floats:
    """Return what the lens distorts to u (W,) and v (H, 1) on its plane, (H, W, 2)."""
    plane = np.stack(np.broadcast_arrays(u, v), axis=-1).astype(np.float64)
    return camera.distortion.undo(plane.reshape(-1, 2)).reshape(plane.shape).astype(np.float32)
