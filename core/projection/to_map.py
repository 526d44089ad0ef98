"""From the photo to the map: masks, outlines, points.

The map is sampled, not the photo: every cell of a fine grid asks whether the camera sees it and
what the mask says where it appears. So ground that nothing shows is not invented, and ground that
appears behind a ridge, in the same row of pixels, is not smeared across what lies between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..errors import CameraError, TerrainError
from .map_grid import FINEST, MapGrid, in_image
from .vectorize import vectorize

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from shapely import MultiPolygon, Polygon

    from .viewshed import Viewshed

MOST_CELLS = 4_000_000
"""Of a grid on which an outline is made: it would take seconds otherwise."""

_USUAL_CELLS = 1_000_000  # where no size is asked for; more add nothing to the overlap with truth

GAP = 40.0
"""Metres. Hidden ground nearer than this to the outline on both sides is reported as a gap."""

_SAMPLES = 4000  # pixels whose ground says where the grid lies and how fine it needs to be
_SLIVER = 2  # pixels: how far masks spill over the edges of ridges onto what lies behind


@dataclass(frozen=True)
class MapOutline:
    """An outline on the map.

    Attributes
    ----------
    polygon
        In the CRS of the camera; valid; empty if the mask was. Visible ground only, unless
        `bridged`.
    cell
        Of the grid that it was made on, metres: it is exact to about half of that.
    visible_fraction
        Visible share of the outline with its gaps, 0 to 1.
    gaps
        Hidden ground that the outline has on both sides; None if there is none.
    bridged
        Whether `polygon` has gaps in it: that part is estimated, not seen.
    lost_pixels
        Share of the mask's pixels that show no ground of the DEM, or ground far behind a ridge
        that the mask covers by a pixel or two too much.
    """

    polygon: MultiPolygon
    cell: float
    visible_fraction: float = 1.0
    gaps: MultiPolygon | None = None
    bridged: bool = False
    lost_pixels: float = 0.0


def mask_to_map(
    mask: NDArray[Any],
    viewshed: Viewshed,
    *,
    cell: float | None = None,
    min_area: float = 0.0,
    bridge: float = 0.0,
) -> MapOutline:
    """Outline on the map what a mask covers in the photo.

    Parameters
    ----------
    mask
        (H, W) of the camera's photo: float probabilities (above 0.5 is the object), or bool or
        whole numbers, of which non-zero ones are the object.
    viewshed
        What the camera sees.
    cell
        Of the map grid, metres. By default the size on the ground of the mask's median pixel,
        from 0.5 m to half a cell of the DEM, and more where that makes more than a million cells.
        One that is asked for grows beyond `MOST_CELLS`. See `MapOutline.cell`.
    min_area
        Smaller parts are left out, m^2.
    bridge
        Hidden ground nearer than this (m) to the outline on both sides becomes part of it.

    Raises
    ------
    CameraError
        If the mask has another size than the camera's photo.
    TerrainError
        If no pixel of the mask shows ground of the DEM.
    """
    camera = viewshed.record.camera
    if mask.shape != (camera.height, camera.width):
        raise CameraError(
            f"The mask has {mask.shape[::-1]} pixels (width, height), the camera's photo "
            f"{(camera.width, camera.height)}: use a mask of this photo, or a camera for the "
            "mask's size."
        )
    if not np.issubdtype(mask.dtype, np.floating):
        mask = mask != 0
    if not (mask > 0.5).any():
        from shapely import MultiPolygon

        return MapOutline(MultiPolygon(), cell or FINEST)
    weights, corner, lost = _crop_mask(mask, viewshed)
    bounds, finest = _ground_extent(weights > 0.5, corner, viewshed)
    grid = MapGrid.covering(bounds, cell or finest, MOST_CELLS if cell else _USUAL_CELLS)
    heights = grid.sample_heights(viewshed.terrain)
    pixels = grid.project(heights, camera)
    value = _sample_mask(weights, pixels, corner)
    # Also where the mask fades out: the outline runs between these cells and those inside.
    value[~grid.visible_cells(value > 0, heights, viewshed.lines_of_sight)] = 0
    seen = value > 0.5
    gaps = _hidden_gaps(seen, bridge or GAP, grid, heights, pixels, viewshed)
    polygon = vectorize(np.maximum(value, gaps) if bridge else value, grid, min_area)
    hidden = vectorize(gaps.astype(np.float32), grid)
    return MapOutline(
        polygon,
        grid.cell,
        visible_fraction=float(seen.sum() / max(1, seen.sum() + gaps.sum())),
        gaps=None if hidden.is_empty else hidden,
        bridged=bool(bridge) and not hidden.is_empty,
        lost_pixels=lost,
    )


def outline_to_map(
    polygon: Polygon | MultiPolygon,
    viewshed: Viewshed,
    *,
    cell: float | None = None,
    min_area: float = 0.0,
    bridge: float = 0.0,
) -> MapOutline:
    """`mask_to_map` for an outline in pixels.

    Parameters
    ----------
    polygon
        x right, y down, in the corner convention of `core.outline`: pixel (row, col) covers the
        square from (col, row) to (col + 1, row + 1).
    viewshed, cell, min_area, bridge
        See `mask_to_map`, also for errors.
    """
    from rasterio.features import rasterize

    size = viewshed.record.camera.height, viewshed.record.camera.width
    mask = np.zeros(size, np.uint8) if polygon.is_empty else rasterize([polygon], size)
    return mask_to_map(mask, viewshed, cell=cell, min_area=min_area, bridge=bridge)


def points_to_map(pixels: ArrayLike, viewshed: Viewshed) -> NDArray[np.float64]:
    """(N, 3) ground x, y, z that pixels (N, 2) (u, v) show; NaN for sky and beyond the DEM."""
    return viewshed.range_map.unproject(pixels)


def _crop_mask(
    mask: NDArray[Any], viewshed: Viewshed
) -> tuple[NDArray[np.float32], tuple[int, int], float]:
    """The mask about the object, its first column and row, and the share of pixels lost."""
    left, top, width, height = cv2.boundingRect((mask > 0.5).view(np.uint8))
    # What lies beside the object stays 0: half a pixel outside of it the weight is one half.
    left, top = max(0, left - _SLIVER), max(0, top - _SLIVER)
    rows = slice(top, top + height + 2 * _SLIVER)
    cols = slice(left, left + width + 2 * _SLIVER)
    weights = mask[rows, cols].astype(np.float32)
    distances = np.nan_to_num(np.asarray(viewshed.range_map.distances[rows, cols]), nan=0.0)
    covered = weights > 0.5
    good = covered & (distances > 0)
    good &= ~_find_slivers(np.where(good, distances, 0))
    if not good.any():
        raise TerrainError(
            "Nothing of the mask lies on ground that the DEM covers and the camera sees: check "
            "that the mask is not in the sky, that the DEM reaches that far, and that the pose is "
            "right (draw the DEM's ridges over the photo)."
        )
    weights[covered & ~good] = 0
    return weights, (left, top), float(1 - good.sum() / covered.sum())


def _find_slivers(distances: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels of a mask (0 outside) that see past the edge of its ridge to ground far behind.

    They lie within `_SLIVER` pixels of much nearer ground, and of no thicker part of the mask on
    ground as far as theirs.
    """
    window = np.ones((2 * _SLIVER + 1, 2 * _SLIVER + 1), np.uint8)
    nearest = cv2.erode(np.where(distances > 0, distances, np.float32(1e9)), window)
    behind = distances > 1.1 * nearest + 20
    farthest = cv2.dilate(np.where(behind, np.float32(0), distances), window)
    return np.asarray(behind & (farthest < 0.9 * distances))


def _ground_extent(
    covered: NDArray[np.bool_], corner: tuple[int, int], viewshed: Viewshed
) -> tuple[NDArray[np.float64], float]:
    """Bounds on the map of a mask's ground, and the size on the ground of its median pixel."""
    within = _sample_pixels(covered) + corner
    place, right, below = (
        viewshed.range_map.unproject(within + shift)[:, :2]
        for shift in ((0, 0), (0.5, 0), (0, 0.5))
    )
    across, along = 2 * (right - place), 2 * (below - place)
    coarsest = max(FINEST, viewshed.terrain.cell / 2)
    size = np.sqrt(np.abs(across[:, 0] * along[:, 1] - across[:, 1] * along[:, 0]))
    size, deep = (np.nan_to_num(some, nan=coarsest) for some in (size, np.hypot(*along.T)))
    # Pixels at the mask's edge reach farthest; their ground goes on for half a pixel.
    edge = covered & (cv2.erode(covered.view(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    place = np.concatenate(
        [place, viewshed.range_map.unproject(_sample_pixels(edge) + corner)[:, :2]]
    )
    reach = np.quantile(deep, 0.9)
    bounds = np.concatenate([place.min(axis=0) - reach, place.max(axis=0) + reach])
    return bounds, float(np.clip(np.median(size), FINEST, coarsest))


def _sample_pixels(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(N, 2) columns and rows of at most about `_SAMPLES` pixels, evenly taken."""
    places = np.flatnonzero(mask)
    row, col = np.divmod(places[:: max(1, len(places) // _SAMPLES)], mask.shape[1])
    return np.stack([col, row], axis=1).astype(np.float64)


def _sample_mask(
    weights: NDArray[np.float32], pixels: NDArray[np.float32], corner: tuple[int, int]
) -> NDArray[np.float32]:
    """The mask between pixels' centres, bilinear; 0 outside of it."""
    places = np.nan_to_num(pixels - np.array(corner, np.float32), nan=-9.0)
    return np.asarray(cv2.remap(weights, places, None, cv2.INTER_LINEAR))


def _hidden_gaps(
    seen: NDArray[np.bool_],
    radius: float,
    grid: MapGrid,
    heights: NDArray[np.float32],
    pixels: NDArray[np.float32],
    viewshed: Viewshed,
) -> NDArray[np.bool_]:
    """Hidden ground within the photo that closing the outline by a radius (m) takes in."""
    between = _close(seen, radius / grid.cell) & ~seen & in_image(pixels, viewshed.record.camera)
    return between & ~grid.visible_cells(between, heights, viewshed.lines_of_sight)


def _close(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """Morphological closing by a disc, its radius in cells."""
    margin = int(radius) + 2
    padded = np.pad(mask, margin).astype(np.uint8)
    far = cv2.distanceTransform(1 - padded, cv2.DIST_L2, 5) > radius
    closed = cv2.distanceTransform((~far).view(np.uint8), cv2.DIST_L2, 5) > radius
    return np.asarray(closed[margin:-margin, margin:-margin])
