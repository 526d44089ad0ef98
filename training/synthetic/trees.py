"""Spruces: drawn one by one, far ones first, each where its foot stands on the terrain."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .ground import Ground
from .noise import Plane
from .sight import SceneSight
from .terrain import CELL, SceneTerrain

MOST = 40_000
NEAREST = 90.0
"""m: whoever sets up a webcam avoids trees in front of it."""

UP = np.array([0.0, 0.0, 1.0])

_TALLEST = 0.22
"""Share of the image's height."""

_RAGGED = 14
"""Pixels of height from which branches show."""

_BRANCHES = (
    (0.0, 0.0), (0.22, 0.30), (0.20, 0.16), (0.42, 0.55), (0.39, 0.36), (0.62, 0.76), (0.59, 0.58),
    (0.82, 0.95), (0.79, 0.76), (0.96, 1.05), (1.0, 0.15),
)  # fmt: skip
"""Way down the stem and half-width of a spruce's edge, as shares."""

_FULL = 150
"""Of 255, so that bright trees have room."""

_SHIFT = 3
"""Sub-pixel bits of OpenCV's polygons."""


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees in view, far ones first.

    Attributes
    ----------
    foot, top
        (N, 2) pixels (u, v).
    width
        (N,) of the crown, pixels.
    distance
        (N,) m.
    tone
        (N,) brightness, about 1.
    lit
        (N,) share of the sunlight that arrives.
    """

    foot: NDArray[np.float64]
    top: NDArray[np.float64]
    width: NDArray[np.float64]
    distance: NDArray[np.float64]
    tone: NDArray[np.float64]
    lit: NDArray[np.float64]


def plant(
    terrain: SceneTerrain,
    sight: SceneSight,
    ground: Ground,
    blocked: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Trees:
    """Place trees where forest grows and keep those in view.

    On cells `blocked` (rows, cols), avalanches took the trees away.
    """
    camera = sight.camera
    cells = np.argwhere((rng.random(blocked.shape, np.float32) < 0.75 * ground.forest) & ~blocked)
    place = (cells + rng.uniform(0, 1, cells.shape)) * CELL
    x, y = place[:, 1], -place[:, 0]
    z = terrain.heights(x, y)
    feet = np.stack([x, y, z], axis=1)
    height = rng.uniform(8, 24, len(feet))
    distance = np.hypot(x - camera.x, y - camera.y)
    foot = camera.project(feet)
    # Wider than the image by a tree.
    room = np.array(camera.centre) + 5 + (30 * camera.f / np.maximum(distance, 1))[:, None]
    framed = (np.abs(foot - camera.centre) < room).all(axis=1)
    tall = height * camera.f / distance > _TALLEST * camera.height
    index = np.flatnonzero(framed & (distance > NEAREST) & ~tall)
    index = index[sight.sees(feet[index] + 0.8 * UP * height[index, None])]
    if len(index) > MOST:
        index = rng.choice(index, MOST, replace=False)
    index = index[np.argsort(-distance[index], kind="stable")]
    tops = feet[index] + UP * height[index, None]
    return Trees(
        foot[index],
        camera.project(tops),
        np.maximum(0.26 * height[index] * camera.f / distance[index], 0.8),
        distance[index],
        rng.uniform(0.6, 1.4, len(index)),
        (ground.shadow[cells[index, 0], cells[index, 1]] < 0).astype(np.float64),
    )


def draw_trees(trees: Trees, size: tuple[int, int], haze: float) -> Plane:
    """Draw trees over nothing, on an image of `size` (width, height).

    Returns
    -------
    (H, W, 4) float32: share of shaded side, of sunny side and of haze in what a pixel shows, and
    opacity; all multiplied by the opacity.
    """
    canvas = np.zeros((size[1], size[0], 4), np.uint8)
    body, side = _outlines(trees)
    clear = np.exp(-haze * trees.distance)
    tone, fog = (clear * trees.tone * _FULL).tolist(), ((1 - clear) * _FULL).tolist()
    # One by one: polygons drawn together would cut holes into each other.
    for i in range(len(tone)):
        colour = tone[i], 0.0, fog[i], _FULL
        cv2.fillPoly(canvas, [body[i]], colour, cv2.LINE_AA, _SHIFT)
        sunny = 0.5 * trees.lit[i] * tone[i]
        colour = tone[i] - sunny, sunny, fog[i], _FULL
        cv2.fillPoly(canvas, [side[i]], colour, cv2.LINE_AA, _SHIFT)
    return canvas.astype(np.float32) / np.float32(_FULL)


def _outlines(trees: Trees) -> tuple[list[NDArray[np.int32]], list[NDArray[np.int32]]]:
    """Outlines (points, 2) of crowns and of their lighter halves, in sub-pixels."""
    left = [_half(trees, -1.0, ragged) for ragged in (False, True)]
    right = [_half(trees, 1.0, ragged) for ragged in (False, True)]
    inner = [_half(trees, -0.15, ragged) for ragged in (False, True)]
    large = np.hypot(*(trees.top - trees.foot).T) > _RAGGED
    body, side = [], []
    for i, ragged in enumerate(large.tolist()):
        body.append(np.concatenate([left[ragged][i], right[ragged][i][::-1]]))
        side.append(np.concatenate([left[ragged][i], inner[ragged][i][::-1]]))
    return body, side


def _half(trees: Trees, side: float, ragged: bool) -> NDArray[np.int32]:
    """(N, points, 2) one edge of each crown from the top down, in sub-pixels."""
    steps = np.array(_BRANCHES if ragged else ((0.0, 0.0), (1.0, 1.0)))
    axis = trees.top[:, None] + steps[:, :1] * (trees.foot - trees.top)[:, None]
    axis[:, :, 0] += side * trees.width[:, None] / 2 * steps[:, 1]
    return np.asarray(np.rint(axis * 2**_SHIFT), np.int32)
