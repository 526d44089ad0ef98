"""The ground that a camera sees, and the sector it looks into, for the map."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .map_grid import MapGrid, in_image
from .vectorize import vectorize

if TYPE_CHECKING:
    from shapely import MultiPolygon, Polygon

    from ..camera import CameraRecord
    from .viewshed import Viewshed

_MOST_CELLS = 250_000
_STRIDE = 16  # pixels between those whose ground says where the grid lies
_REACH = 0.995  # quantile of distances: a distant summit shall not make all cells large
_LEAST = 20  # cells of a part that is worth showing


def compute_footprint(viewshed: Viewshed) -> MultiPolygon:
    """Visible ground in the CRS of the camera, coarse: about 500 cells across."""
    camera = viewshed.record.camera
    u, v = np.meshgrid(np.arange(0, camera.width, _STRIDE), np.arange(0, camera.height, _STRIDE))
    places = viewshed.range_map.unproject(np.stack([u.ravel(), v.ravel()], axis=1))[:, :2]
    places = places[np.isfinite(places[:, 0])]
    if not len(places):
        from shapely import MultiPolygon

        return MultiPolygon()
    away = np.hypot(*(places - camera.position[:2]).T)
    places = places[away <= np.quantile(away, _REACH)]
    bounds = np.concatenate([places.min(axis=0), places.max(axis=0)])
    grid = MapGrid.covering(bounds, 2 * viewshed.terrain.cell, _MOST_CELLS)
    heights = grid.sample_heights(viewshed.terrain)
    pixels = grid.project(heights, camera)
    seen = grid.visible_cells(in_image(pixels, camera), heights, viewshed.lines_of_sight)
    return vectorize(seen.astype(np.float32), grid, _LEAST * grid.cell**2)


def view_cone(record: CameraRecord, distance: float) -> Polygon:
    """The sector of a map that a photo looks into, out to a distance in metres."""
    from shapely import Polygon

    camera = record.camera
    middle = (camera.height - 1) / 2
    u = np.linspace(-0.5, camera.width - 0.5, 65)
    azimuth, _ = camera.line_of_sight_angles(np.stack([u, np.full_like(u, middle)], axis=1))
    turned = np.unwrap(azimuth)
    arc = np.stack([camera.x + distance * np.sin(turned), camera.y + distance * np.cos(turned)], 1)
    if abs(turned[-1] - turned[0]) >= 2 * math.pi - 1e-6:
        return Polygon(arc[:-1])
    return Polygon([(camera.x, camera.y), *arc])
