"""The range map: how far away the ground is that each pixel of a photo sees."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..camera import Camera, Projection
from ..camera.refraction import curvature_drop
from ..errors import CameraError
from .lines_of_sight import LinesOfSight
from .threads import Progress, map_in_threads

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float32]

_BLOCK = (1024, 48)  # rows and columns at a time: few lines of sight at once
_NODES = 4096  # of the table that straightens the lens
_LEAST_GAP = math.radians(10)  # photos that leave out less are taken all round
_ONE_SURFACE = (1.03, 5.0)  # neighbours farther apart than 3 % and 5 m: an edge between them


@dataclass(frozen=True, eq=False)
class RangeMap:
    """How far away the ground is that each pixel sees.

    Attributes
    ----------
    camera
        Whose photo it is.
    distances
        (H, W) float32 horizontal distance at pixel centres, metres; NaN in the sky and where
        the ground is closer than `lines.NEAREST`.
    """

    camera: Camera
    distances: Floats

    def unproject(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Which ground places of the photo see.

        Between pixel centres the inverse distance is interpolated, which is right for planes;
        only within one surface: where the four pixels differ by more than 3 % and 5 m, an edge
        hides ground between them and the nearest pixel's distance holds.

        Parameters
        ----------
        pixels
            (N, 2) (u, v).

        Returns
        -------
        ndarray
            (N, 3) x, y, z on the pixel's ray, so that they project to it exactly; NaN in the sky
            and outside of the photo.
        """
        pixels = np.asarray(pixels, np.float64).reshape(-1, 2)
        azimuth, tangent = self.camera.line_of_sight_angles(pixels)
        return self._points_at(azimuth, tangent, self._interpolate(pixels))

    def is_visible(self, points: ArrayLike, tolerance: float | None = None) -> NDArray[np.bool_]:
        """Whether places are in the photo and no ground before them hides them.

        A place is seen if the ray that passes over it by the tolerance, and by half a pixel, does
        not end before it: however flat the ground is looked at, ranges need not agree.

        Parameters
        ----------
        points
            (N, 3) x, y, z, metres.
        tolerance
            Metres of height; by default 1 m.
        """
        points = np.asarray(points, np.float64).reshape(-1, 3)
        u, v = self.camera.project(points).T
        height, width = self.distances.shape
        with np.errstate(invalid="ignore"):
            inside = (u >= -0.5) & (u <= width - 0.5) & (v >= -0.5) & (v <= height - 0.5)
        seen = np.zeros(len(points), np.bool_)
        places = points[inside]
        distance = np.hypot(*(places - self.camera.position)[:, :2].T)
        over = places.copy()
        over[:, 2] += (
            np.maximum(1.0 if tolerance is None else tolerance, 0) + 0.5 * distance / self.camera.f
        )
        col, row = np.rint(np.nan_to_num(self.camera.project(over))).astype(np.intp).T
        ends = self.distances[np.clip(row, 0, height - 1), np.clip(col, 0, width - 1)]
        seen[inside] = ~(ends < distance)
        return seen

    def unproject_rows(self, rows: slice) -> NDArray[np.float64]:
        """(h, W, 3) x, y, z of the ground that rows of pixels see; NaN in the sky."""
        top, bottom, step = rows.indices(self.camera.height)
        v, u = np.mgrid[top:bottom:step, 0 : self.camera.width]
        azimuth, tangent = self.camera.line_of_sight_angles(
            np.stack([u.ravel(), v.ravel()], axis=1)
        )
        places = self._points_at(azimuth, tangent, self.distances[rows].ravel())
        return places.reshape(*u.shape, 3)

    def save(self, folder: str | Path) -> None:
        """Write the map into a folder, for `open`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "ranges.npy", self.distances)
        (folder / "view.json").write_text(json.dumps(asdict(self.camera)), encoding="utf-8")

    @classmethod
    def open(cls, folder: str | Path) -> RangeMap:
        """Read what `save` wrote; distances stay on disk until they are needed.

        Raises
        ------
        CameraError
            If it is missing, damaged or another camera's.
        """
        folder = Path(folder)
        try:
            fields = json.loads((folder / "view.json").read_text(encoding="utf-8"))
            camera = Camera(**{**fields, "projection": Projection(fields["projection"])})
            distances = np.load(folder / "ranges.npy", mmap_mode="r")
        except (OSError, ValueError, TypeError, KeyError, EOFError) as error:
            raise CameraError(f"The range map in {folder} cannot be read: {error}.") from error
        if distances.shape != (camera.height, camera.width) or distances.dtype != np.float32:
            raise CameraError(f"The range map in {folder} is not that of its camera.")
        return cls(camera, distances)

    def _interpolate(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Horizontal distance at places of the photo, as `unproject` says."""
        height, width = self.distances.shape
        u, v = pixels.T
        with np.errstate(invalid="ignore"):
            inside = (u >= -0.5) & (u <= width - 0.5) & (v >= -0.5) & (v <= height - 0.5)
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
        """(N, 3) x, y, z on rays at horizontal distances."""
        camera = self.camera
        height = camera.z + tangent * distance + curvature_drop(distance, camera.refraction)
        east, north = np.sin(azimuth) * distance, np.cos(azimuth) * distance
        return np.stack([camera.x + east, camera.y + north, height], axis=1)


def compute_range_map(
    camera: Camera, lines: LinesOfSight, progress: Progress | None = None
) -> RangeMap:
    """The range map of a camera whose lines of sight cover the photo's `azimuth_range`."""
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
    """Grid azimuths (radians) between which a photo lies, for `lines.trace`; None: all round."""
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
    """A table of `Camera.undistortion_ratio`: radii, ratios."""
    corners = np.array([[u, v] for u in (0, camera.width - 1) for v in (0, camera.height - 1)])
    farthest = np.hypot(*(corners - (camera.cx, camera.cy)).T).max() / camera.f
    radii = np.linspace(0, farthest, _NODES)
    return radii, camera.undistortion_ratio(radii)


def _block_angles(
    camera: Camera,
    lens: tuple[NDArray[np.float64], NDArray[np.float64]],
    rows: slice,
    cols: slice,
) -> tuple[Floats, Floats]:
    """`Camera.line_of_sight_angles` of a block of pixels, in single precision and a tenth of the time."""
    u = ((np.arange(cols.start, cols.stop) - camera.cx) / camera.f).astype(np.float32)
    v = ((np.arange(rows.start, rows.stop)[:, None] - camera.cy) / camera.f).astype(np.float32)
    right, down, forward = camera.rotation_matrix().astype(np.float32)
    if camera.projection is Projection.CYLINDRICAL:
        east, north, up = (
            np.sin(u) * right[i] + v * down[i] + np.cos(u) * forward[i] for i in range(3)
        )
    else:
        ratio = np.ones(1, np.float32)
        if camera.k1 or camera.k2:
            ratio = np.interp(np.hypot(u, v), *lens).astype(np.float32)
        east, north, up = ((u * right[i] + v * down[i]) * ratio + forward[i] for i in range(3))
    with np.errstate(divide="ignore"):
        return np.arctan2(east, north), up / np.hypot(east, north)
