"""Noise of a DEM: estimated from its roughness, and smoothed away where nothing else is there.

Noise is white here: each cell errs by itself, as cells of photogrammetry and of sparse lidar do.
Heights that err alike over many cells look like ground, and cannot be told from it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .terrain import Terrain

    Floats = NDArray[np.float32]

LEAST = 0.05
"""Metres: less noise hides nothing, and is not smoothed."""

_WINDOW = 5  # cells, of the quadratic surfaces that are fitted
_BLOCK = 32  # cells, of the squares whose roughness is compared
_SMOOTHEST = 0.2  # quantile of the squares: rough ones are rock
_MOST_BLOCKS = 4000  # that the estimate looks at
_ROWS = 1024  # smoothed at a time
_GROWTH = 4.0  # of the variance of differences of ground, at least, from one distance to twice it
_SURE = 1.5  # times the variance of noise alone, from which a place is rougher than noise


def estimate_noise(terrain: Terrain) -> float:
    """Estimate the standard deviation of a terrain's noise, metres.

    By the second differences along and across, in which planes and valleys vanish, of the fifth of
    the terrain that is smoothest. Those between cells twice as far apart tell how much of them is
    ground: its differences grow with distance (four times their variance at least is taken), those
    of noise do not. 0 where too little is known.
    """
    heights = terrain.heights
    rows, cols = (size // _BLOCK for size in heights.shape)
    if not rows or not cols:
        return 0.0
    stride = max(1, int(np.ceil(np.sqrt(rows * cols / _MOST_BLOCKS))))
    found = []
    for row in range(0, rows, stride):
        band = heights[row * _BLOCK : (row + 1) * _BLOCK, : cols * _BLOCK]
        squares = band.reshape(_BLOCK, cols, _BLOCK)[:, ::stride].astype(np.float64)
        near, far = (_mean_square_roughness(squares, lag) for lag in (1, 2))
        known = near > 0  # lakes are flat, and what is unknown is NaN
        found.append(np.stack([near[known], far[known]]))
    near, far = np.concatenate(found, axis=1)
    if not len(near):
        return 0.0
    smooth = near <= np.quantile(near, _SMOOTHEST)
    variance = (_GROWTH * near[smooth] - far[smooth]) / (_GROWTH - 1)
    return math.sqrt(max(0.0, float(np.median(variance)) / 36))


def _mean_square_roughness(squares: NDArray[np.float64], lag: int) -> NDArray[np.float64]:
    """Return the mean square (M,) of the second differences along and across of squares."""
    down = squares[: -2 * lag] - 2 * squares[lag:-lag] + squares[2 * lag :]
    mixed = down[..., : -2 * lag] - 2 * down[..., lag:-lag] + down[..., 2 * lag :]
    return np.asarray(np.mean(mixed**2, axis=(0, 2)))


def without_noise(terrain: Terrain, sigma: float) -> Terrain:
    """Smooth noise of a standard deviation (metres) away, where a terrain is no rougher than that.

    A quadratic surface is fitted about each cell. What a place departs from it beyond the noise is
    kept (Wiener's filter): ridges and rocks stay. Heights within two cells of unknown ones too.
    """
    if sigma < LEAST:
        return terrain
    margin = _WINDOW - 1
    smooth = np.empty_like(terrain.heights)
    for top in range(0, len(smooth), _ROWS):
        first = max(0, top - margin)
        part = terrain.heights[first : top + _ROWS + margin]
        smooth[top : top + _ROWS] = _smooth(part, sigma)[top - first :][:_ROWS]
    return replace(terrain, heights=smooth, noise=sigma)


def _smooth(heights: Floats, sigma: float) -> Floats:
    kernel = _quadratic_kernel()
    unknown = ~np.isfinite(heights)
    window = np.ones((_WINDOW, _WINDOW), np.uint8)
    beside = cv2.dilate(unknown.view(np.uint8), window) > 0
    middle = np.float32(np.nanmean(heights)) if not unknown.all() else np.float32(0)
    level = np.where(unknown, np.float32(0), heights - middle)
    surface = cv2.filter2D(level, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT_101)
    rest = np.where(beside, np.float32(0), level - surface)
    noise = np.float32(sigma**2 * (1 - kernel[_WINDOW // 2, _WINDOW // 2]))
    found = cv2.boxFilter(rest * rest, cv2.CV_32F, (_WINDOW, _WINDOW))
    kept = np.where(found > _SURE * noise, 1 - noise / np.maximum(found, np.float32(1e-12)), 0)
    smoothed = surface + kept.astype(np.float32) * rest + middle
    return np.where(beside, heights, smoothed)


def _quadratic_kernel() -> NDArray[np.float32]:
    """Return the weights of a window's cells in the height of the surface fitted to it."""
    x, y = np.meshgrid(*2 * [np.arange(_WINDOW) - _WINDOW // 2])
    terms = np.stack([np.ones(x.shape), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    weights = np.linalg.pinv(terms)[0].reshape(x.shape)
    return np.asarray(weights, np.float32)
