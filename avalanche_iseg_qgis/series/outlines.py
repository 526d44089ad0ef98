"""Outlines of records, in pixels of a photo as displayed, and those of QGIS, as stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..core.camera.turning import turned_back, turned_point
from ..core.containers import orientation_of
from ..core.series.sources import FITS
from ..features.geometry import arrays_to_multipolygon, multipolygon_to_arrays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from qgis.core import QgsGeometry

    from ..core.survey.protocol import Carried
    from ..layers.grid import Grid

    Rings = tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True, eq=False)
class OutlineProposal:
    """A carried outline, as it is proposed for a photo.

    Attributes
    ----------
    number
        Its name in the panel, from 1.
    points, sizes
        As of a `AcceptedOutline`: (x, y) in pixels as stored, sizes of the rings of each part.
    """

    number: int
    avalanche: str
    confidence: float
    points: NDArray[np.float32]
    sizes: Sequence[Sequence[int]]

    @property
    def fits(self) -> bool:
        """Whether the photo shows what the outline encloses, as far as a program can tell."""
        return self.confidence >= FITS

    def geometry(self, grid: Grid) -> QgsGeometry:
        """Return the outline in coordinates of the photo's layer."""
        u, v = self.points.astype(np.float64).T
        xy = np.stack(grid.corner_to_layer(u, v), axis=1)
        return arrays_to_multipolygon(xy, self.sizes)


def proposed(carried: Carried, path: str) -> list[OutlineProposal]:
    """Return the outlines of a worker's answer about a photo, the best first."""
    orientation, start, found = orientation_of(path), 0, []
    for outline in carried.outlines:
        count, (width, height) = sum(outline["rings"]), outline["size"]
        points = carried.points[start : start + count].astype(np.float64) - 0.5
        start += count
        stored = [turned_back(u, v, (width, height), orientation) for u, v in points.tolist()]
        rings = iter(outline["rings"])
        sizes = [[next(rings) for _ in range(number)] for number in outline["parts"]]
        xy = np.array(stored, np.float32).reshape(-1, 2) + np.float32(0.5)
        found.append((float(outline["confidence"]), str(outline["avalanche"]), xy, sizes))
    found.sort(key=lambda each: -each[0])
    return [
        OutlineProposal(number, avalanche, confidence, xy, sizes)
        for number, (confidence, avalanche, xy, sizes) in enumerate(found, 1)
        if len(xy)
    ]


def recorded(
    geometry: QgsGeometry, grid: Grid, path: str
) -> tuple[Rings, tuple[int, ...], tuple[int, int]]:
    """Return rings, parts and size of an `Observation` from a geometry in a photo's layer."""
    xy, parts = multipolygon_to_arrays(geometry)
    stored, orientation = (grid.width, grid.height), orientation_of(path)
    points = []
    for x, y in xy.tolist():
        u, v = turned_point(x - 0.5, -y - 0.5, stored, orientation)
        points.append((round(u + 0.5, 2), round(v + 0.5, 2)))
    places = iter(points)
    rings = tuple(tuple(next(places) for _ in range(size)) for sizes in parts for size in sizes)
    size = stored[::-1] if orientation > 4 else stored
    return rings, tuple(len(sizes) for sizes in parts), size
