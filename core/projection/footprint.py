"""Footprint of a camera on the map: visible ground, and the sector of its view."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .map_grid import MapGrid
from .vectorize import vectorize

if TYPE_CHECKING:
    from shapely import MultiPolygon, Polygon

    from ..camera import CameraRecord
    from .viewshed import Viewshed

_MOST_CELLS = 250_000
_STRIDE = 16  # pixels between those whose ground determines the grid's bounds
_REACH = 0.995  # quantile of distances: a distant summit should not enlarge all cells
_LEAST = 20  # cells of the smallest part shown


def compute_footprint(viewshed: Viewshed) -> MultiPolygon:
    """Outline the visible ground in the CRS of the camera, coarse: about 500 cells across."""
    camera = viewshed.record.camera
    u, v = np.meshgrid(np.arange(0, camera.width, _STRIDE), np.arange(0, camera.height, _STRIDE))
    ground = viewshed.range_map.unproject(np.stack([u.ravel(), v.ravel()], axis=1))[:, :2]
    ground = ground[np.isfinite(ground[:, 0])]
    if not len(ground):
        from shapely import MultiPolygon

        return MultiPolygon()
    distance = np.hypot(*(ground - camera.position[:2]).T)
    ground = ground[distance <= np.quantile(distance, _REACH)]
    bounds = np.concatenate([ground.min(axis=0), ground.max(axis=0)])
    grid = MapGrid.covering(bounds, 2 * viewshed.terrain.cell, _MOST_CELLS)
    heights = grid.sample_heights(viewshed.terrain)
    pixels = grid.project(heights, camera)
    visible = grid.visible_cells(viewshed.shows(pixels), heights, viewshed)
    return vectorize(visible.astype(np.float32), grid, _LEAST * grid.cell**2)


def view_cone(record: CameraRecord, distance: float) -> Polygon:
    """Return the sector of the map that a photo covers, out to a distance in metres."""
    from shapely import Polygon

    camera = record.camera
    middle = (camera.height - 1) / 2
    u = np.linspace(-0.5, camera.width - 0.5, 65)
    azimuth, _ = camera.line_of_sight_angles(np.stack([u, np.full_like(u, middle)], axis=1))
    angle = np.unwrap(azimuth)
    arc = np.stack([camera.x + distance * np.sin(angle), camera.y + distance * np.cos(angle)], 1)
    if abs(angle[-1] - angle[0]) >= 2 * math.pi - 1e-6:
        return Polygon(arc[:-1])
    return Polygon([(camera.x, camera.y), *arc])
