"""True outlines on the map, and control points: what georeferencing is measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from core.outline import mask_to_polygons

from .avalanche import Avalanche
from .camera import SceneCamera
from .render import PixelGround
from .sight import SceneSight
from .terrain import SceneTerrain

if TYPE_CHECKING:
    from shapely import MultiPolygon

ControlPoint = tuple[str, float, float, float, float, float]
"""Name, u and v in pixels, x and y in LV95, elevation."""

_COLS, _ROWS = 5, 4
_TRIES = 40


def map_outline(avalanche: Avalanche, terrain: SceneTerrain) -> MultiPolygon:
    """Outline of an avalanche in LV95, exact to a cell of its grid."""
    from shapely.affinity import affine_transform

    cell = avalanche.cell
    west, north = terrain.west + avalanche.west, terrain.north + avalanche.north
    pixels = mask_to_polygons(avalanche.mask > 0.5, tolerance=0.7)
    return affine_transform(pixels, [cell, 0, 0, -cell, west, north])


def control_points(
    terrain: SceneTerrain,
    camera: SceneCamera,
    sight: SceneSight,
    frame: PixelGround,
    hidden: NDArray[np.bool_],
    rng: np.random.Generator,
) -> list[ControlPoint]:
    """Choose one point for each part of the image that shows open terrain.

    Pixels `hidden` (H, W) show something else than terrain.
    """
    height, width = frame.land.shape
    usable = frame.land & ~hidden & (frame.distance > 60) & _is_inside_faces(frame)
    points: list[ControlPoint] = []
    for part in range(_COLS * _ROWS):
        row, col = divmod(part, _COLS)
        v = rng.integers(row * height // _ROWS, (row + 1) * height // _ROWS, _TRIES)
        u = rng.integers(col * width // _COLS, (col + 1) * width // _COLS, _TRIES)
        v, u = (pixels[usable[v, u]] for pixels in (v, u))
        place = np.stack([frame.x[v, u], frame.y[v, u], frame.z[v, u]], axis=1).astype(np.float64)
        pixels = camera.project(place)
        near = np.abs(pixels - np.stack([u, v], axis=1)).max(axis=1, initial=0) < 0.5
        good = np.flatnonzero(near & sight.sees(place, tolerance=0.5))
        if len(good):
            x, y, z = place[good[0]].tolist()
            u_px, v_px = pixels[good[0]].tolist()
            name = f"GCP{len(points) + 1:02d}"
            points.append((name, u_px, v_px, terrain.west + x, terrain.north + y, z))
    return points


def _is_inside_faces(frame: PixelGround) -> NDArray[np.bool_]:
    """(H, W) bool, False on the edges behind which farther terrain begins."""
    kernel = np.ones((7, 7), np.uint8)
    far, near = cv2.dilate(frame.distance, kernel), cv2.erode(frame.distance, kernel)
    inner = cv2.erode(frame.land.astype(np.uint8), kernel) > 0
    return np.asarray(inner & (far < 1.05 * near))
