"""Random fields from which slopes and avalanches are painted."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Size = tuple[int, int]
Field = NDArray[np.float32]

_FINE_STEP = 2.5


def fractal(
    rng: Generator,
    size: Size,
    cell: tuple[float, float],
    angle: float = 0.0,
    gain: float = 0.5,
    finest: float = 2.0,
) -> Field:
    """Fractal noise: small random grids, each twice as fine as the one before, summed and enlarged.

    Parameters
    ----------
    size
        (H, W) in pixels.
    cell
        Size in pixels of the coarsest features, (along, across) the downhill direction.
    angle
        Downhill direction in radians from straight down, positive towards the right.
    gain
        Strength of each octave relative to the coarser one: 0.4 is smooth, 0.8 rough.
    finest
        Shorter side of the finest features in pixels.

    Returns
    -------
    (H, W) float32 with mean 0 and standard deviation 1.
    """
    octaves = 1 + max(0, round(math.log2(min(cell) / finest)))
    reach = (
        abs(size[0] * math.cos(angle)) + abs(size[1] * math.sin(angle)),
        abs(size[0] * math.sin(angle)) + abs(size[1] * math.cos(angle)),
    )
    rows, cols = (math.ceil(r / c) + 2 for r, c in zip(reach, cell, strict=True))
    grid = _noise(rng, rows, cols)
    for octave in range(1, octaves):
        rows, cols = 2 * rows, 2 * cols
        grid = cv2.resize(grid, (cols, rows), interpolation=cv2.INTER_LINEAR)
        grid += np.float32(gain**octave) * _noise(rng, rows, cols)
    steps = [c / 2 ** (octaves - 1) for c in cell]
    return unit(_enlarged(grid, size, steps, angle))


def _noise(rng: Generator, rows: int, cols: int) -> Field:
    return rng.random((rows, cols), np.float32) - np.float32(0.5)


def _enlarged(grid: Field, size: Size, steps: list[float], angle: float) -> Field:
    """Turn a grid with cells of ``steps`` pixels downhill and lay it over the image."""
    sin, cos = math.sin(angle), math.cos(angle)
    to_grid = np.array([[cos, -sin], [sin, cos]]) / np.array([[steps[1]], [steps[0]]])
    centre = np.array([size[1], size[0]]) / 2
    shift = np.array([grid.shape[1], grid.shape[0]]) / 2 - to_grid @ centre
    matrix = np.hstack([to_grid, shift[:, None]])
    # Straight lines between the grid's points show only where these are far apart.
    between_points = cv2.INTER_LINEAR if min(steps) < _FINE_STEP else cv2.INTER_CUBIC
    flags = between_points | cv2.WARP_INVERSE_MAP
    enlarged: Field = cv2.warpAffine(
        grid, matrix, (size[1], size[0]), flags=flags, borderMode=cv2.BORDER_REFLECT_101
    )
    return enlarged


def unit(field: Field) -> Field:
    """Shift and scale a field in place to mean 0 and standard deviation 1."""
    mean, deviation = cv2.meanStdDev(field)
    field -= np.float32(mean[0, 0])
    field /= np.float32(max(deviation[0, 0], 1e-6))
    return field


def shade(height: Field, towards: float) -> Field:
    """Change of a height field per pixel in one direction: light from there makes it bright.

    Parameters
    ----------
    height
        (H, W) float32.
    towards
        Direction in radians as `fractal`'s angle: 0 is down the image, pi / 2 to the right.
    """
    x, y = math.sin(towards) / 2, math.cos(towards) / 2
    kernel = np.array([[0, -y, 0], [-x, 0, x], [0, y, 0]], np.float32)
    shaded: Field = cv2.filter2D(height, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE)
    return shaded


def soften(field: Field, sigma: float) -> Field:
    """Gaussian blur of an (H, W) field; sigma in pixels."""
    softened: Field = cv2.GaussianBlur(field, (0, 0), sigma)
    return softened


def step(field: Field, edge: float, width: float) -> Field:
    """0 below ``edge``, 1 above it, rising linearly over ``width``."""
    risen: Field = np.clip((field - np.float32(edge)) * np.float32(1 / width) + 0.5, 0, 1)
    return risen


def quantile(field: Field, share: float) -> float:
    """Value that ``share`` of the field stay below, from every fourth row and column."""
    return float(np.quantile(field[::4, ::4], share))


def between(rng: Generator, low: float, high: float) -> float:
    """Draw so that each doubling between two positive values is equally likely."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))
