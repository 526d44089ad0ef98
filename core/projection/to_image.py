"""Outlines and lines of the map brought into a photo, as far as they are visible."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CameraError
from ..outline import mask_to_polygons
from .map_grid import MapGrid, is_ground_visible
from .range_map import in_image

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from shapely import MultiPolygon, Polygon

    from .viewshed import Viewshed

_SAMPLES = 20_000  # points of an outline that determine its window in the photo
_RASTER = 4_000_000  # cells of a `_PolygonIndex`
_ROWS = 64  # of the photo at a time
_MARGIN = 8  # pixels

_EDGE, _INSIDE = 1, 2  # values of a `_PolygonIndex`


def polygon_to_mask(polygon: Polygon | MultiPolygon, viewshed: Viewshed) -> NDArray[np.bool_]:
    """Find the pixels (H, W) that show ground within an outline of the map, in the camera's CRS.

    The ground of each pixel is tested, so nothing shows through a ridge.

    Raises
    ------
    CameraError
        If no pixel shows the outline: it is empty, beside or behind the photo, hidden, or smaller
        than a pixel; the message states which.

    Examples
    --------
    >>> import numpy as np, shapely
    >>> from core.camera import Camera, CameraRecord
    >>> from core.projection import compute_viewshed, polygon_to_mask
    >>> from core.terrain import Terrain
    >>> heights = np.tile(np.float32(5) * np.arange(200)[::-1, None], 200)  # rises northwards
    >>> camera = Camera(300, 200, x=1000, y=0, z=300, yaw=0, pitch=0, roll=0, f=300)
    >>> viewshed = compute_viewshed(CameraRecord(camera, 2056), Terrain(heights, 0.0, 1990.0, 10.0))
    >>> int(polygon_to_mask(shapely.box(980, 560, 1020, 640), viewshed).sum())
    402
    """
    camera = viewshed.record.camera
    mask = np.zeros((camera.height, camera.width), np.bool_)
    if polygon.is_empty:
        raise CameraError("The outline is empty: there is nothing to show in the photo.")
    rows, cols = _image_window(polygon, viewshed)
    contains = _PolygonIndex(polygon)
    for top in range(rows.start, rows.stop, _ROWS):
        part = slice(top, min(top + _ROWS, rows.stop))
        ground = viewshed.range_map.unproject_rows(part)[:, cols]
        mask[part, cols] = contains(ground[..., 0], ground[..., 1])
    if not mask.any():
        raise CameraError(
            "No pixel shows any of the outline: it is hidden by terrain, beyond the DEM, or "
            "smaller in the photo than a pixel."
        )
    return mask


def polygon_to_image(polygon: Polygon | MultiPolygon, viewshed: Viewshed) -> MultiPolygon:
    """Outline `polygon_to_mask` in pixels, in the corner convention of `core.outline`."""
    return mask_to_polygons(polygon_to_mask(polygon, viewshed))


def lines_to_image(xy: ArrayLike, viewshed: Viewshed) -> list[NDArray[np.float64]]:
    """Project the visible parts of a line on the ground.

    The line follows the ground between its points (N, 2), in the CRS of the camera. Return the
    pixels (M, 2) of each visible part, M at least 2.
    """
    import shapely

    camera = viewshed.record.camera
    line = shapely.segmentize(shapely.LineString(np.asarray(xy)), viewshed.terrain.cell)
    x, y = shapely.get_coordinates(line).T
    points = np.stack([x, y, viewshed.terrain.sample(x, y)], axis=1)
    pixels = camera.project(points)
    visible = viewshed.shows(pixels) & is_ground_visible(points, viewshed)
    ends = np.flatnonzero(np.diff(visible)) + 1
    runs = zip(np.split(pixels, ends), np.split(visible, ends), strict=True)
    return [run for run, shown in runs if shown[0] and len(run) > 1]


def _image_window(polygon: Polygon | MultiPolygon, viewshed: Viewshed) -> tuple[slice, slice]:
    """Return rows and columns of the photo outside of which an outline cannot appear."""
    import shapely

    camera, terrain = viewshed.record.camera, viewshed.terrain
    # The outline's edge, and ground within, which may rise above the edge in the photo.
    step = max(terrain.cell, polygon.length / _SAMPLES)
    edge = shapely.get_coordinates(shapely.segmentize(polygon.boundary, step))
    grid = MapGrid.covering(polygon.bounds, terrain.cell, _SAMPLES)
    within = np.stack(np.meshgrid(grid.x, grid.y), axis=-1).reshape(-1, 2)
    within = within[shapely.contains_xy(polygon, *within.T)]
    x, y = np.concatenate([edge, within]).T
    points = np.stack([x, y, terrain.sample(x, y)], axis=1)
    if np.isnan(points[:, 2]).all():
        raise CameraError(
            "The outline lies beyond the DEM: use a DEM that covers it, and check that both are "
            "in the same CRS."
        )
    pixels = camera.project(points)
    shown = in_image(pixels, camera)
    if not shown.any():
        raise CameraError(
            "The outline lies beside or behind what the photo shows: the camera looks elsewhere."
        )
    # The ground between two samples is many pixels where it is close.
    distance = np.linalg.norm(points[shown] - camera.position, axis=1).min()
    margin = _MARGIN + min(2 * camera.f * max(step, grid.cell) / distance, 1e6)
    left, top = np.maximum(pixels[shown].min(axis=0) - margin, 0).astype(int).tolist()
    right, bottom = (pixels[shown].max(axis=0) + margin + 1).astype(int).tolist()
    return slice(top, min(bottom, camera.height)), slice(left, min(right, camera.width))


class _PolygonIndex:
    """Test of points in a polygon, by a raster except for its cells on the edge."""

    def __init__(self, polygon: Polygon | MultiPolygon) -> None:
        import shapely
        from affine import Affine
        from rasterio.features import rasterize

        west, south, east, north = polygon.bounds
        cell = max(1e-3, math.sqrt((east - west) * (north - south) / _RASTER))
        self._grid = grid = MapGrid.covering(polygon.bounds, cell, _RASTER)
        shapely.prepare(polygon)
        self._polygon = polygon
        size, transform = (grid.rows, grid.cols), Affine(*grid.transform)
        self._cells = rasterize([(polygon, _INSIDE)], size, transform=transform, dtype="uint8")
        edge = [(polygon.boundary, _EDGE)]
        rasterize(edge, out=self._cells, transform=transform, all_touched=True)

    def __call__(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        import shapely

        grid = self._grid
        with np.errstate(invalid="ignore"):
            col, row = (x - grid.west) / grid.cell, (grid.north - y) / grid.cell
            within = (col >= 0) & (col < grid.cols) & (row >= 0) & (row < grid.rows)
        kind = np.zeros(x.shape, np.uint8)
        kind[within] = self._cells[row[within].astype(np.intp), col[within].astype(np.intp)]
        edge = kind == _EDGE
        found = np.asarray(kind == _INSIDE)
        found[edge] = shapely.contains_xy(self._polygon, x[edge], y[edge])
        return found
