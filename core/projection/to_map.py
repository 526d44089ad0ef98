"""Masks and outlines of a photo brought to the map.

The map is sampled, not the photo: each cell of a fine grid is tested for visibility, projected
into the photo and given the mask's value there. So hidden ground is not invented, and ground
behind a ridge, in the same row of pixels, is not smeared across what lies between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..errors import CameraError, TerrainError
from ..terrain.noise import LEAST
from .map_grid import FINEST, MapGrid
from .vectorize import vectorize

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import MultiPolygon, Polygon

    from .viewshed import Viewshed

MOST_CELLS = 4_000_000
"""Limit of the grid of an outline: more would take seconds."""

_USUAL_CELLS = 1_000_000  # limit without a given cell size; more do not improve the IoU

GAP = 40.0
"""Metres. Hidden ground nearer than this to the outline on both sides is reported as a gap."""

_GAP_CELLS = 3.0  # of the DEM: wider gaps are not of its noise
_REMAINING = 0.25  # of the noise, by which ground in narrow gaps may be hidden
_SAMPLES = 4000  # pixels whose ground determines the grid's bounds and cell size
_SLOPE = np.array([-0.5, 0, 0.5], np.float32)  # central difference
_SLIVER = 2  # pixels: how far masks spill over the edges of ridges onto what lies behind


@dataclass(frozen=True)
class MapOutline:
    """Outline on the map.

    Attributes
    ----------
    polygon
        In the CRS of the camera; valid; empty if the mask was. Visible ground only, unless
        `bridged`.
    cell
        Cell size of the grid, metres: the outline is exact to about half of it.
    visible_fraction
        Visible share of the outline with its gaps, 0 to 1.
    gaps
        Hidden ground between parts of the outline; None if there is none.
    bridged
        Whether `polygon` includes gaps: that part is estimated, not seen.
    lost_pixels
        Share of the mask's pixels that show no ground of the DEM, or ground far behind a ridge
        that the mask exceeds by a pixel or two.
    closed_fraction
        Share of `polygon` that is hidden by no more than the DEM's noise, in gaps of a few cells.
    """

    polygon: MultiPolygon
    cell: float
    visible_fraction: float = 1.0
    gaps: MultiPolygon | None = None
    bridged: bool = False
    lost_pixels: float = 0.0
    closed_fraction: float = 0.0


def mask_to_map(
    mask: NDArray[Any],
    viewshed: Viewshed,
    *,
    cell: float | None = None,
    min_area: float = 0.0,
    min_share: float = 0.0,
    bridge: float = 0.0,
) -> MapOutline:
    """Outline on the map what a mask covers in the photo.

    Parameters
    ----------
    mask
        (H, W) of the camera's photo: float probabilities (above 0.5 is the object), or bool or
        integers, of which non-zero ones are the object.
    viewshed
        Viewshed of the camera.
    cell
        Cell size of the map grid, metres. By default the size on the ground of the mask's median
        pixel, from 0.5 m to half a cell of the DEM, enlarged to keep to a million cells; a given
        one is enlarged to keep to `MOST_CELLS`. See `MapOutline.cell`.
    min_area
        Smaller parts are omitted, m^2.
    min_share
        Parts below this share of the largest one's area are omitted: views along the ground break
        outlines into crumbs.
    bridge
        Hidden ground nearer than this (m) to the outline on both sides becomes part of it.

    Raises
    ------
    CameraError
        If the mask has another size than the camera's photo.
    TerrainError
        If no pixel of the mask shows ground of the DEM.

    Examples
    --------
    >>> import numpy as np
    >>> from core.camera import Camera, CameraRecord
    >>> from core.projection import compute_viewshed, mask_to_map
    >>> from core.terrain import Terrain
    >>> heights = np.tile(np.float32(5) * np.arange(200)[::-1, None], 200)  # rises northwards
    >>> camera = Camera(300, 200, x=1000, y=0, z=300, yaw=0, pitch=0, roll=0, f=300)
    >>> viewshed = compute_viewshed(CameraRecord(camera, 2056), Terrain(heights, 0.0, 1990.0, 10.0))
    >>> mask = np.zeros((200, 300), bool)
    >>> mask[90:110, 140:160] = True
    >>> outline = mask_to_map(mask, viewshed)
    >>> round(outline.polygon.area, -3), outline.visible_fraction
    (3000.0, 1.0)
    """
    camera = viewshed.record.camera
    if mask.shape != (camera.height, camera.width):
        raise CameraError(
            f"The mask has {mask.shape[::-1]} pixels (width, height), the camera's photo "
            f"{(camera.width, camera.height)}: use a mask of this photo, or a camera for the "
            "mask's size."
        )
    is_soft = np.issubdtype(mask.dtype, np.floating)
    marked = mask > 0.5 if is_soft else _as_bool(mask)
    window = cv2.boundingRect(np.ascontiguousarray(marked).view(np.uint8))
    if not window[2]:
        from shapely import MultiPolygon

        return MapOutline(MultiPolygon(), cell or FINEST)
    weights, corner, lost = _crop_mask(mask if is_soft else marked, window, viewshed)
    bounds, finest = _ground_extent(weights > 0.5, corner, viewshed)
    grid = MapGrid.covering(bounds, cell or finest, MOST_CELLS if cell else _USUAL_CELLS)
    heights = grid.sample_heights(viewshed.terrain)
    pixels = grid.project(heights, camera)
    value = _sample_mask(weights, pixels, corner)
    # Also where the mask fades out: the outline runs between these cells and those inside.
    clearance = grid.clearance(value > 0, heights, viewshed)
    closed = _noisy_gaps(value, clearance, grid, viewshed)
    np.minimum(value, _visible_share(clearance), out=value, where=~closed)
    covered = value > 0.5
    gaps = _hidden_gaps(covered, bridge or GAP, grid, heights, pixels, viewshed)
    polygon = vectorize(np.maximum(value, gaps) if bridge else value, grid, min_area)
    if min_share:
        polygon = _drop_crumbs(polygon, min_share)
    hidden = vectorize(gaps.astype(np.float32), grid)
    return MapOutline(
        polygon,
        grid.cell,
        visible_fraction=float(covered.sum() / max(1, covered.sum() + gaps.sum())),
        gaps=None if hidden.is_empty else hidden,
        bridged=bool(bridge) and not hidden.is_empty,
        lost_pixels=lost,
        closed_fraction=float((closed & covered).sum() / max(1, covered.sum())),
    )


def outline_to_map(
    polygon: Polygon | MultiPolygon,
    viewshed: Viewshed,
    *,
    min_area: float = 0.0,
    min_share: float = 0.0,
    bridge: float = 0.0,
) -> MapOutline:
    """Bring an outline in pixels to the map.

    Parameters
    ----------
    polygon
        x right, y down, in the corner convention of `core.outline`: pixel (row, col) covers the
        square from (col, row) to (col + 1, row + 1).
    viewshed, min_area, min_share, bridge
        See `mask_to_map`, also for errors and an example.
    """
    from rasterio.features import rasterize

    size = viewshed.record.camera.height, viewshed.record.camera.width
    mask = np.zeros(size, np.uint8) if polygon.is_empty else rasterize([polygon], size)
    return mask_to_map(mask, viewshed, min_area=min_area, min_share=min_share, bridge=bridge)


def _drop_crumbs(polygon: MultiPolygon, share: float) -> MultiPolygon:
    """Return the parts that are not below a share of the largest one's area."""
    from shapely import MultiPolygon

    largest = max((part.area for part in polygon.geoms), default=0.0)
    return MultiPolygon([part for part in polygon.geoms if part.area >= share * largest])


def _as_bool(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which values are not 0: of bools themselves, as comparing 20 megapixels takes time."""
    return np.asarray(mask if mask.dtype == np.bool_ else mask != 0)


def _crop_mask(
    mask: NDArray[Any], window: Sequence[int], viewshed: Viewshed
) -> tuple[NDArray[np.float32], tuple[int, int], float]:
    """Crop the mask to the object; return also its first column and row, and the share lost.

    `window` is the object's first column and row, width and height.
    """
    left, top, width, height = window
    # With a margin of 0: half a pixel outside of the object the weight is one half.
    left, top = max(0, left - _SLIVER), max(0, top - _SLIVER)
    rows = slice(top, top + height + 2 * _SLIVER)
    cols = slice(left, left + width + 2 * _SLIVER)
    weights = mask[rows, cols].astype(np.float32)
    covered = weights > 0.5
    distances = np.asarray(viewshed.range_map.distances[rows, cols])
    good = covered & (distances > 0)  # NaN in the sky
    _drop_slivers(good, distances)
    if not good.any():
        raise TerrainError(
            "Nothing of the mask lies on ground that the DEM covers and the camera sees: check "
            "that the mask is not in the sky, that the DEM reaches that far, and that the pose is "
            "right (draw the DEM's ridges over the photo)."
        )
    weights[covered & ~good] = 0
    lost = 1 - np.count_nonzero(good) / np.count_nonzero(covered)
    return weights, (left, top), float(lost)


def _drop_slivers(mask: NDArray[np.bool_], distances: NDArray[np.float32]) -> None:
    """Take pixels out of a mask that lie beyond the edge of its ridge, on ground far behind.

    They are within `_SLIVER` pixels of much nearer ground, and of no thicker part of the mask on
    ground as far as theirs.
    """
    window = np.ones((2 * _SLIVER + 1, 2 * _SLIVER + 1), np.uint8)
    nearest = cv2.erode(np.where(mask, distances, np.float32(1e9)), window)
    behind = mask & (distances > 1.1 * nearest + 20)
    left, top, width, height = cv2.boundingRect(behind.view(np.uint8))
    if width:
        part = (slice(top, top + height), slice(left, left + width))
        around = (
            slice(max(0, top - _SLIVER), top + height + _SLIVER),
            slice(max(0, left - _SLIVER), left + width + _SLIVER),
        )
        near = np.where(mask[around] & ~behind[around], distances[around], np.float32(0))
        farthest = cv2.dilate(near, window)[top - around[0].start :, left - around[1].start :][
            :height, :width
        ]
        mask[part] &= ~(behind[part] & (farthest < 0.9 * distances[part]))


def _ground_extent(
    covered: NDArray[np.bool_], corner: tuple[int, int], viewshed: Viewshed
) -> tuple[NDArray[np.float64], float]:
    """Return the bounds of a mask's ground, and the size on the ground of its median pixel."""
    unproject = viewshed.range_map.unproject
    pixels = _sample_pixels(covered) + corner
    ground, right, below = (
        unproject(pixels + shift)[:, :2] for shift in ((0, 0), (0.5, 0), (0, 0.5))
    )
    across, along = 2 * (right - ground), 2 * (below - ground)
    coarsest = max(FINEST, viewshed.terrain.cell / 2)
    size = np.sqrt(np.abs(across[:, 0] * along[:, 1] - across[:, 1] * along[:, 0]))
    size, depth = (np.nan_to_num(values, nan=coarsest) for values in (size, np.hypot(*along.T)))
    # Pixels at the mask's edge reach farthest; their ground extends by half a pixel.
    edge = covered & (cv2.erode(covered.view(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    ground = np.concatenate([ground, unproject(_sample_pixels(edge) + corner)[:, :2]])
    margin = np.quantile(depth, 0.9)
    bounds = np.concatenate([ground.min(axis=0) - margin, ground.max(axis=0) + margin])
    return bounds, float(np.clip(np.median(size), FINEST, coarsest))


def _sample_pixels(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return columns and rows (N, 2) of about `_SAMPLES` pixels at most, evenly spaced."""
    index = np.flatnonzero(mask)
    row, col = np.divmod(index[:: max(1, len(index) // _SAMPLES)], mask.shape[1])
    return np.stack([col, row], axis=1).astype(np.float64)


def _sample_mask(
    weights: NDArray[np.float32], pixels: NDArray[np.float32], corner: tuple[int, int]
) -> NDArray[np.float32]:
    """Interpolate the mask bilinearly; 0 outside of it."""
    inside = pixels - np.array(corner, np.float32)
    inside[np.isnan(inside)] = -9
    return np.asarray(cv2.remap(weights, inside, None, cv2.INTER_LINEAR))


def _visible_share(clearance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the share of each cell (rows, cols) that is visible, 0 to 1: one half where it is 0.

    From cell to cell the clearance is linear; so the outline of hidden ground lies where it is 0,
    not halfway between cells.
    """
    known = np.nan_to_num(clearance, nan=0.0, posinf=1e3, neginf=-1e3)
    down, right = (
        cv2.filter2D(known, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE)
        for kernel in (_SLOPE[:, None], _SLOPE[None])
    )
    share = known / np.maximum(cv2.magnitude(down, right), np.float32(1e-6)) + np.float32(0.5)
    share = np.clip(share, 0, 1)
    share[np.isnan(clearance)] = 0
    return np.asarray(share)


def _noisy_gaps(
    value: NDArray[np.float32],
    clearance: NDArray[np.float32],
    grid: MapGrid,
    viewshed: Viewshed,
) -> NDArray[np.bool_]:
    """Find hidden ground in narrow gaps of an outline that the DEM's noise alone may hide.

    `value` is the mask's (rows, cols).
    """
    covered, visible = value > 0.5, clearance >= 0
    if viewshed.noise < LEAST:
        return np.zeros_like(visible)
    narrow = _close(covered & visible, _GAP_CELLS / 2 * viewshed.terrain.cell / grid.cell)
    by_noise = ~visible & (clearance >= -_REMAINING * viewshed.noise)
    return np.asarray(narrow & covered & by_noise)


def _hidden_gaps(
    covered: NDArray[np.bool_],
    radius: float,
    grid: MapGrid,
    heights: NDArray[np.float32],
    pixels: NDArray[np.float32],
    viewshed: Viewshed,
) -> NDArray[np.bool_]:
    """Find hidden ground within the photo that closing the outline by a radius (m) includes."""
    between = _close(covered, radius / grid.cell) & ~covered
    between &= viewshed.shows(pixels)
    return between & ~grid.visible_cells(between, heights, viewshed)


def _close(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """Close a mask morphologically by a disc, its radius in cells."""
    margin = int(radius) + 2
    padded = np.pad(mask, margin).astype(np.uint8)
    far = cv2.distanceTransform(1 - padded, cv2.DIST_L2, 5) > radius
    closed = cv2.distanceTransform((~far).view(np.uint8), cv2.DIST_L2, 5) > radius
    return np.asarray(closed[margin:-margin, margin:-margin])
