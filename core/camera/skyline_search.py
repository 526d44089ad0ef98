"""Search for headings at which the terrain's skyline resembles that of a photo."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .camera import Camera

    Floats = NDArray[np.float64]

APART = 4.0
"""Degrees from which two headings count as different."""

_COLUMNS = 100  # of the photo that are compared
_STEP, _BIN, _REACH = 6.0, 4.0, 4  # heading and height in pixels (of 1600); bins to either side
_FINE = 3  # samples of the skyline for each heading
_PITCHES = np.arange(-24.0, 25.0, 8.0)  # degrees; heights are found within half a step of each
_FOCAL_STEP, _FOCAL_SIGMAS = 0.04, 1.5  # relative step; range in the prior's sigmas
_TRIED = 20  # headings returned


def search_headings(
    pixels: Floats,
    elevation: Callable[[Floats], Floats],
    camera: Camera,
    focal_sigma: float,
    within: tuple[float, float] = (0.0, 180.0),
) -> list[Camera]:
    """Find the most promising headings, best first.

    For each heading, and coarsely for pitch and focal length, the columns of the photo vote for a
    height: trees, roofs and clouds then have little influence.

    `pixels` (N, 2) are of the photo's skyline; `elevation` returns elevation angles of the
    terrain at azimuths, radians, NaN where unknown. Of the camera, position, lens and size are
    used; `focal_sigma` is relative to its focal length. `within` is a heading and the largest
    difference from it, degrees.
    """
    chosen = pixels[np.linspace(0, len(pixels) - 1, min(_COLUMNS, len(pixels))).astype(np.intp)]
    unit = camera.width / 1600
    count = math.ceil(2 * math.pi * camera.f / (_STEP * unit))
    samples = np.arange(count * _FINE, dtype=np.float64)
    table = elevation(samples * (2 * math.pi / len(samples)))
    steps = math.ceil(_FOCAL_SIGMAS * focal_sigma / _FOCAL_STEP)
    spread = np.linspace(-1, 1, 2 * steps + 1) * _FOCAL_SIGMAS * focal_sigma
    found: list[tuple[float, Camera]] = []
    for focal in camera.f * np.exp(spread):
        for pitch in _PITCHES:
            tried = replace(camera, yaw=0.0, pitch=float(pitch), roll=0.0, f=float(focal))
            votes, lifts = _count_votes(chosen, table, tried, _BIN * unit / camera.f)
            headings = 360 * np.arange(count) / count
            votes[np.abs((headings - within[0] + 180) % 360 - 180) > within[1]] = -1
            for index in np.argsort(-votes)[: 2 * _TRIED]:
                if votes[index] < 0:
                    break
                yaw, above = float(headings[index]), pitch + math.degrees(lifts[index])
                found.append((float(votes[index]), replace(tried, yaw=yaw, pitch=float(above))))
    found.sort(key=lambda entry: -entry[0])
    best: list[Camera] = []
    for _, tried in found:
        if all(_are_distinct(tried, other) for other in best):
            best.append(tried)
            if len(best) == _TRIED:
                break
    return best


def _are_distinct(one: Camera, other: Camera) -> bool:
    """Return whether refining both may lead to two optima."""
    stretch = abs(math.log(one.f / other.f))
    return heading_difference(one.yaw, other.yaw) > APART or stretch > 1.5 * _FOCAL_STEP


def heading_difference(first: float, second: float) -> float:
    """Return the angle between two headings, degrees."""
    return abs((first - second + 180) % 360 - 180)


def _count_votes(
    pixels: Floats, table: Floats, camera: Camera, height: float
) -> tuple[NDArray[np.float32], Floats]:
    """Return for all headings (H,) the votes for the best height, and the pitch it needs, radians.

    A column's vote falls off linearly with the distance from its own height.
    """
    azimuth, tangent = camera.line_of_sight_angles(pixels)
    columns = np.rint(azimuth * (len(table) / (2 * math.pi))).astype(np.intp)
    headings = np.arange(0, len(table), _FINE)
    most = math.ceil(math.radians(float(_PITCHES[1] - _PITCHES[0])) / 2 / height)
    bins = 2 * (most + _REACH) + 1
    twice = np.concatenate([table, table])
    votes = np.zeros((len(headings), bins), np.float32)
    for column, angle in zip(columns % len(table), np.arctan(tangent), strict=True):
        lift = (twice[column : column + len(table) : _FINE] - angle) / height
        inside = np.abs(lift) < most + _REACH
        votes[np.flatnonzero(inside), np.rint(lift[inside]).astype(np.intp) + most + _REACH] += 1
    smooth = np.zeros((len(headings), 2 * most + 1), np.float32)
    for shift in range(1 - _REACH, _REACH):
        smooth += (1 - abs(shift) / _REACH) * votes[:, _REACH + shift : bins - _REACH + shift]
    best = smooth.argmax(axis=1)
    return smooth[np.arange(len(smooth)), best], (best - most) * height
