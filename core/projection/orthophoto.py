"""A photo laid on the map: an orthophoto of what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..errors import CameraError, TerrainError
from .footprint import compute_footprint
from .map_grid import FINEST, MapGrid, in_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .viewshed import Viewshed

MOST_CELLS = 40_000_000
"""Of an orthophoto: larger ones get larger cells."""

_GRAZING = 3.0  # degrees below which a pixel is smeared over tens of metres
_SAMPLES = 4000
_BLOCK = 1_000_000  # cells at a time


def drape(
    photo: NDArray[np.uint8], viewshed: Viewshed, cell: float | None = None
) -> tuple[NDArray[np.uint8], tuple[float, float, float, float, float, float]]:
    """Lay a photo on the map.

    Parameters
    ----------
    photo
        (H, W, 3) RGB.
    viewshed
        What its camera sees.
    cell
        Metres; by default the median size of a pixel on the ground, from 0.5 m up.

    Returns
    -------
    colours, transform
        (R, C, 4) uint8 RGB and opacity: 0 where no ground is seen, or is looked at more flatly
        than 3 degrees; and the affine transform from cell corners to the map.

    Raises
    ------
    CameraError
        If the photo has another size than the camera's.
    TerrainError
        If it shows no ground.
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
        wanted = in_image(pixels, camera) & _is_steep_enough(part, heights, viewshed)
        seen = part.visible_cells(wanted, heights, viewshed.lines_of_sight)
        sampled = cv2.remap(
            photo,
            pixels[..., 0].copy(),
            pixels[..., 1].copy(),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        colours[rows, :, :3] = np.where(seen[..., None], sampled, 0)
        colours[rows, :, 3] = np.where(seen, 255, 0)
    return colours, grid.transform


def _median_pixel_size(viewshed: Viewshed) -> float:
    """Median size of a pixel on the ground, metres: the root of its area."""
    camera = viewshed.record.camera
    rng = np.random.default_rng(0)
    pixels = rng.uniform((0, 0), (camera.width - 1, camera.height - 1), (_SAMPLES, 2))
    angle = np.radians(viewshed.incidence_angles(pixels))
    away = np.linalg.norm(viewshed.range_map.unproject(pixels) - camera.position, axis=1)
    size = away / camera.f / np.sqrt(np.maximum(np.sin(angle), 0.02))
    known = size[np.isfinite(size)]
    return max(FINEST, float(np.median(known))) if known.size else viewshed.terrain.cell


def _is_steep_enough(
    grid: MapGrid, heights: NDArray[np.float32], viewshed: Viewshed
) -> NDArray[np.bool_]:
    """(rows, cols) which cells are not looked at too flatly."""
    camera = viewshed.record.camera
    if min(heights.shape) < 2:
        return np.ones(heights.shape, bool)
    south, east = np.gradient(heights, grid.cell)
    away_x, away_y = grid.x - camera.x, (grid.y - camera.y)[:, None]
    up = heights - camera.z
    length = np.sqrt(away_x**2 + away_y**2 + up**2)
    into = (away_x * east - away_y * south - up) / (length * np.sqrt(1 + east**2 + south**2))
    return np.asarray(into > np.sin(np.radians(_GRAZING)))
