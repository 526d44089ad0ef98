"""Roughness finer than the elevation model, down to about a pixel, made where it is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .noise import Plane, fractal, lookup, smoothstep

_SIDE = 512
_PERIOD = 8.0
"""Pixels of the tile for one wavelength."""

_COARSE = (55.0, 26.0, 12.0)
_FINE = (5.6, 2.6, 1.2, 0.55)
"""Wavelengths, m. No one is a multiple of another: repeats do not line up."""


@dataclass(frozen=True, eq=False)
class Detail:
    """Self-similar relief as seen by each pixel: of wavelengths above 10 m, and below.

    Attributes
    ----------
    height
        (H, W) float32 without unit, standard deviation about 1.
    east, north
        (H, W) float32 rise, standard deviation about 1.
    """

    height: Plane
    east: Plane
    north: Plane


def detail(
    x: Plane, y: Plane, z: Plane, footprint: Plane, heading: float, rng: np.random.Generator
) -> tuple[Detail, Detail]:
    """Make the detail of the places that pixels see.

    Parameters
    ----------
    x, y, z
        (H, W) local coordinates, m.
    footprint
        (H, W) side of a pixel there, m: finer wavelengths are left out.
    heading
        Radians; the direction of view, so that cliffs get detail by their height.

    Returns
    -------
    coarse, fine
        Wavelengths from 55 to 10 m, and from 6 m to a pixel.
    """
    tile = _tile(rng)
    along = x + np.float32(0.8 * np.sin(heading)) * z
    up = y + np.float32(0.8 * np.cos(heading)) * z
    coarse, fine = (_sum(tile, along, up, footprint, band, rng) for band in (_COARSE, _FINE))
    return coarse, fine


def _sum(
    tile: Plane,
    x: Plane,
    y: Plane,
    footprint: Plane,
    wavelengths: tuple[float, ...],
    rng: np.random.Generator,
) -> Detail:
    total = np.zeros((*x.shape, 3), np.float32)
    for length in wavelengths:
        scale, shift = np.float32(_PERIOD / length), rng.uniform(0, _SIDE, 2).astype(np.float32)
        angle = rng.uniform(0, 2 * np.pi)
        cos, sin = np.float32(scale * np.cos(angle)), np.float32(scale * np.sin(angle))
        found = lookup(tile, cos * x + sin * y + shift[0], cos * y - sin * x + shift[1])
        found *= smoothstep(1.4, 3.5, np.float32(length) / footprint)[:, :, None]
        # The tile's gradient back into the map's directions.
        found[:, :, 1:] = found[:, :, 1:] @ np.array([[cos, sin], [-sin, cos]], np.float32) / scale
        total += found
    total *= np.float32(1 / np.sqrt(len(wavelengths)))
    return Detail(*cv2.split(total))


def _tile(rng: np.random.Generator) -> Plane:
    """(side, side, 3): height and its rise along both axes, each of standard deviation 1."""
    height = fractal((_SIDE, _SIDE), rng, longest=1.6 * _PERIOD, shortest=0.6 * _PERIOD, slope=1.0)
    rise = [np.roll(height, -1, axis) - np.roll(height, 1, axis) for axis in (1, 0)]
    return np.stack([height, *(plane / plane.std() for plane in rise)], axis=2)
