"""One avalanche as it lies on the slope: outline, height, roughness and tone, on a fine grid."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .flow import GRID, Tracks
from .noise import Plane, fractal, smoothstep
from .release import Release

_LARGEST = 1_500_000
"""Cells of an avalanche's grid."""


@dataclass(frozen=True)
class Appearance:
    """Contrast, roughness and tone of an avalanche.

    Attributes
    ----------
    contrast
        0 hardly to 1 strongly.
    depth
        Of the snow that broke loose, m.
    roughness
        Of the debris, 1 is usual.
    dirt
        Share of earth in the snow.
    brightness
        Of the deposit beside undisturbed snow, without its dirt and shadows.
    """

    contrast: float
    depth: float
    roughness: float
    dirt: float
    brightness: float


@dataclass(frozen=True, eq=False)
class Avalanche:
    """Planes of (rows, cols) float32 on a grid of its own.

    Attributes
    ----------
    kind
        ``slab`` or ``loose``.
    west, north
        Local coordinates of the upper left corner, m.
    cell
        Side of a cell, m.
    mask
        1 inside, 0 outside.
    relief
        Change of the surface, m.
    debris
        Roughness, 0 scoured smooth to 1 blocks.
    tone
        Factor of the snow's brightness.
    dirt
        Share of earth.
    blocks
        Rise of the debris' fine relief.
    calm
        How much of the snow's own fine relief is left, 1 is all.
    """

    kind: str
    west: float
    north: float
    cell: float
    mask: Plane
    relief: Plane
    debris: Plane
    tone: Plane
    dirt: Plane
    blocks: float
    calm: float

    def cells(self, x: Plane, y: Plane) -> tuple[Plane, Plane]:
        """Local coordinates -> (col, row) with cell centres in whole numbers."""
        return (
            (x - np.float32(self.west)) / np.float32(self.cell) - np.float32(0.5),
            (np.float32(self.north) - y) / np.float32(self.cell) - np.float32(0.5),
        )


def compose(
    tracks: Tracks, release: Release, look: Appearance, resolution: float, rng: np.random.Generator
) -> Avalanche | None:
    """Shape an avalanche from the tracks of its snow.

    Parameters
    ----------
    resolution
        Side of a pixel on the slope, m: no detail is needed that is finer.

    Returns
    -------
    None where hardly anything moved.
    """
    extent = tracks.flux.size * GRID**2
    cell = max(float(np.clip(resolution, 0.5, 2.5)), float(np.sqrt(extent / _LARGEST)))
    rows, cols = (round(side * GRID / cell) for side in tracks.flux.shape)
    grid = _Fine(tracks.west, tracks.north, cell, (rows, cols))
    return _compose(grid, tracks, release, look, rng)


@dataclass(frozen=True)
class _Fine:
    """Fine grid of an avalanche."""

    west: float
    north: float
    cell: float
    shape: tuple[int, int]

    def take(self, plane: Plane, west: float, north: float, cell: float, outside: float) -> Plane:
        """Interpolate a plane of another grid."""
        x = self.west + (np.arange(self.shape[1], dtype=np.float32) + 0.5) * self.cell
        y = self.north - (np.arange(self.shape[0], dtype=np.float32) + 0.5) * self.cell
        cols, rows = np.meshgrid((x - west) / cell - 0.5, (north - y) / cell - 0.5)
        taken: Plane = cv2.remap(
            plane,
            cols.astype(np.float32),
            rows.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=outside,
        )
        return taken


def _compose(
    grid: _Fine, tracks: Tracks, release: Release, look: Appearance, rng: np.random.Generator
) -> Avalanche | None:
    place = tracks.west, tracks.north, GRID
    flux = cv2.GaussianBlur(tracks.flux, (0, 0), 1.6)
    slab = grid.take(release.level, release.west, release.north, release.cell, -50.0)
    rest = cv2.GaussianBlur(tracks.rest, (0, 0), 2.0)
    mask = _outline(grid, grid.take(flux + 3 * rest, *place, 0.0), slab, rng)
    if mask is None:
        return None
    inside = mask.astype(np.float32)
    edge = cv2.distanceTransform(mask, cv2.DIST_L2, 3) * np.float32(grid.cell)
    share = rest / (rest + 0.04 * flux + 1e-3)
    deposit = grid.take(share.astype(np.float32), *place, 0.0)
    lumps = fractal(grid.shape, rng, 60 / grid.cell, 2, 1.3)
    deposit = smoothstep(0.05, 0.95, deposit + 0.22 * lumps)
    streaks = grid.take(tracks.streaks, *place, 0.0)
    # The crown is sharp, for the outline ends there; further down the bed passes into the track.
    broken = cv2.GaussianBlur((slab > 0).astype(np.float32), (0, 0), 5 / grid.cell)
    broken *= release.kind == "slab"
    blocks = np.abs(fractal(grid.shape, rng, 7 / grid.cell, 2, 0.8)) * look.roughness
    levee = np.exp(-(((edge - 4) / 2.5) ** 2)) * (1 - broken)
    relief = -look.depth * np.maximum(broken, 0.25 * (1 - deposit))
    relief += deposit * (0.5 * look.depth * smoothstep(0, 12, edge) + 0.8 * blocks + 0.3 * lumps)
    relief += 0.25 * (1 - deposit) * streaks + 0.35 * look.depth * levee
    strength = np.float32(look.contrast)
    tone = 1 + strength * (
        (look.brightness - 1) * (0.5 + 0.5 * deposit) * (1 + 0.3 * lumps) - 0.12 * broken
    )
    rim = broken * smoothstep(3.0, 0.7, edge / np.float32(grid.cell))
    tone -= (0.15 + 0.35 * strength) * rim * smoothstep(-1.5, 0.5, lumps)
    tone += strength * (0.12 * streaks - 0.05) * (1 - 0.6 * deposit)
    dirt = look.dirt * smoothstep(-0.3, 1.3, 0.8 * deposit + 0.5 * streaks + 0.25 * lumps)
    scale = 0.25 + 0.75 * strength
    return Avalanche(
        release.kind,
        grid.west,
        grid.north,
        grid.cell,
        inside,
        (scale * relief * inside).astype(np.float32),
        (deposit * (1 - 0.8 * broken) + 0.25 * (1 - broken) * np.abs(streaks)).astype(np.float32),
        tone.astype(np.float32),
        dirt.astype(np.float32),
        blocks=0.45 * look.roughness * float(scale),
        calm=1 - 0.7 * look.contrast,
    )


def _outline(
    grid: _Fine, flux: Plane, slab: Plane, rng: np.random.Generator
) -> NDArray[np.uint8] | None:
    """(rows, cols) 1 inside: the largest part that enough snow came through, ragged, no specks."""
    busy = flux[flux > 0.5]
    if busy.size < 50:
        return None
    level = np.log(np.maximum(flux, 1e-3) / (0.05 * float(np.percentile(busy, 90))))
    ragged = fractal(grid.shape, rng, 80 / grid.cell, 2, 1.5)
    passed = level + 0.7 * ragged > 0
    mask = cv2.morphologyEx((passed | (slab > 0)).astype(np.uint8), cv2.MORPH_OPEN, _DISC)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        return None
    part = (parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    return _without_holes(part, limit=round(60 / grid.cell**2))


_DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))


def _without_holes(mask: NDArray[np.uint8], limit: int) -> NDArray[np.uint8]:
    """Fill holes of fewer than `limit` cells."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    small = np.flatnonzero(stats[:count, cv2.CC_STAT_AREA] < limit)
    return (mask.astype(bool) | np.isin(parts, small[small > 0])).astype(np.uint8)
