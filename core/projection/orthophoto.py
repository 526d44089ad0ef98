"""Orthophotos: photos draped on the map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..errors import CameraError, TerrainError
from ..outline.write import write_tif
from .footprint import compute_footprint
from .map_grid import FINEST, MapGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .viewshed import Viewshed

MOST_CELLS = 40_000_000
"""Limit of an orthophoto: larger ones get larger cells."""

_GRAZING = 3.0  # degrees below which a pixel is smeared over tens of metres
_SAMPLES = 4000
_BLOCK = 1_000_000  # cells at a time


def drape(
    photo: NDArray[np.uint8], viewshed: Viewshed, cell: float | None = None
) -> tuple[NDArray[np.uint8], tuple[float, float, float, float, float, float]]:
    """Drape a photo on the map.

    Parameters
    ----------
    photo
        (H, W, 3) uint8 RGB.
    viewshed
        Viewshed of its camera.
    cell
        Cell size, metres; by default the median size of a pixel on the ground, at least 0.5 m.

    Returns
    -------
    colours, transform
        (R, C, 4) uint8 RGB and opacity: 0 where ground is hidden or seen at less than 3 degrees;
        and the affine transform (a, b, c, d, e, f) from cell corners to the map.

    Raises
    ------
    CameraError
        If the photo has another size than the camera's.
    TerrainError
        If it shows no ground.

    Examples
    --------
    >>> import numpy as np
    >>> from core.camera import Camera, CameraRecord
    >>> from core.projection import compute_viewshed, drape
    >>> from core.terrain import Terrain
    >>> heights = np.tile(np.float32(5) * np.arange(200)[::-1, None], 200)  # rises northwards
    >>> camera = Camera(300, 200, x=1000, y=0, z=300, yaw=0, pitch=0, roll=0, f=300)
    >>> viewshed = compute_viewshed(CameraRecord(camera, 2056), Terrain(heights, 0.0, 1990.0, 10.0))
    >>> colours, transform = drape(np.full((200, 300, 3), 99, np.uint8), viewshed, cell=10.0)
    >>> colours.max(axis=(0, 1)).tolist(), transform[0]
    ([99, 99, 99, 255], 10.0)
    """
    camera = viewshed.record.camera
    if photo.shape[:2] != (camera.height, camera.width):
        raise CameraError(
            f"The photo has {photo.shape[1]} x {photo.shape[0]} pixels, the camera's "
            f"{camera.width} x {camera.height}: take a photo of this camera."
        )
    ground = compute_footprint(viewshed)
    if ground.is_empty:
        raise TerrainError(
            "The camera sees no ground of the DEM: check its pose, and that the DEM covers what "
            "it looks at."
        )
    grid = MapGrid.covering(ground.bounds, cell or _median_pixel_size(viewshed), MOST_CELLS)
    colours = np.zeros((grid.rows, grid.cols, 4), np.uint8)
    for rows, part in grid.blocks(_BLOCK):
        heights = part.sample_heights(viewshed.terrain)
        pixels = part.project(heights, camera)
        wanted = viewshed.shows(pixels) & _is_steep_enough(part, heights, viewshed)
        visible = part.visible_cells(wanted, heights, viewshed)
        sampled = cv2.remap(
            photo,
            pixels[..., 0].copy(),
            pixels[..., 1].copy(),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        colours[rows, :, :3] = np.where(visible[..., None], sampled, 0)
        colours[rows, :, 3] = np.where(visible, 255, 0)
    return colours, grid.transform


def _median_pixel_size(viewshed: Viewshed) -> float:
    """Estimate the median size of a pixel on the ground, metres: the root of its area."""
    camera = viewshed.record.camera
    rng = np.random.default_rng(0)
    pixels = rng.uniform((0, 0), (camera.width - 1, camera.height - 1), (_SAMPLES, 2))
    angle = np.radians(viewshed.incidence_angles(pixels))
    distance = np.linalg.norm(viewshed.range_map.unproject(pixels) - camera.position, axis=1)
    size = distance / camera.f / np.sqrt(np.maximum(np.sin(angle), 0.02))
    known = size[np.isfinite(size)]
    return max(FINEST, float(np.median(known))) if known.size else viewshed.terrain.cell


def _is_steep_enough(
    grid: MapGrid, heights: NDArray[np.float32], viewshed: Viewshed
) -> NDArray[np.bool_]:
    """Return which cells (rows, cols) are not seen at a grazing angle."""
    camera = viewshed.record.camera
    if min(heights.shape) < 2:
        return np.ones(heights.shape, bool)
    south, east = np.gradient(heights, grid.cell)
    dx, dy = grid.x - camera.x, (grid.y - camera.y)[:, None]
    dz = heights - camera.z
    length = np.sqrt(dx**2 + dy**2 + dz**2)
    sine = (dx * east - dy * south - dz) / (length * np.sqrt(1 + east**2 + south**2))
    return np.asarray(sine > np.sin(np.radians(_GRAZING)))


def write_orthophoto(
    path: Path, colours: NDArray[np.uint8], transform: Sequence[float], epsg: int
) -> None:
    """Write an orthophoto of `drape` as a GeoTIFF with tiles and overviews; see `write_tif`."""
    write_tif(
        path,
        np.moveaxis(colours, -1, 0),
        transform,
        f"EPSG:{epsg}",
        colours=("red", "green", "blue", "alpha"),
        driver="COG",
        photometric="rgb",
    )
