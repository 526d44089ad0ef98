"""Outlines of records, in pixels of a photo as displayed, and those of QGIS, as stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import QgsGeometry

from ..core.camera.turning import turned_back, turned_point
from ..core.containers import orientation_of
from ..core.series import Observation, Presence
from ..core.series.sources import FITS
from ..features import record
from ..features.geometry import arrays_to_multipolygon, multipolygon_to_arrays
from ..features.queries import features_of_avalanche

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from qgis.core import QgsFeature

    from ..core.series import SeriesPhoto
    from ..core.survey.protocol import Carried
    from ..layers.grid import Grid
    from .browser import SeriesBrowser

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


def photo_of(browser: SeriesBrowser, feature: QgsFeature) -> SeriesPhoto | None:
    """Return the photo of a series in which a feature was outlined.

    By its file, or, where that has another path here, by the only one of its name.
    """
    path, name = (record.attribute_value(feature, n) for n in ("image_path", "image_name"))
    return browser.find(str(path or "")) or browser.named(str(name or ""))


def observe(
    browser: SeriesBrowser, photo: SeriesPhoto, avalanche: str, stored: tuple[int, int] | None
) -> Observation:
    """Return the note of an avalanche in a photo, with its outline there if features have it.

    Parts that are features of their own are one outline.

    Parameters
    ----------
    stored
        (width, height) of the photo as stored; None if unknown, then that of an earlier note.
    """
    known = browser.observation(photo, avalanche)
    if stored is None and known is not None and known.rings:
        stored = known.size[::-1] if orientation_of(str(photo.path)) > 4 else known.size
    found = [
        feature.geometry()
        for layer, feature in features_of_avalanche(avalanche)
        if not layer.crs().isValid() and photo_of(browser, feature) == photo
    ]
    if stored is None or not found:
        return Observation(photo.key, avalanche=avalanche)
    geometry = found[0] if len(found) == 1 else QgsGeometry.unaryUnion(found)
    rings, parts, size = recorded(geometry, stored, str(photo.path))
    return Observation(photo.key, avalanche=avalanche, rings=rings, parts=parts, size=size)


def is_other(now: Observation, noted: Observation | None) -> bool:
    """Return whether an avalanche has another outline than was noted, or was not noted at all."""
    if noted is None or noted.presence is not Presence.PRESENT:
        return True
    return bool(now.rings) and now.rings != noted.rings


def recorded(
    geometry: QgsGeometry, stored: tuple[int, int], path: str
) -> tuple[Rings, tuple[int, ...], tuple[int, int]]:
    """Return rings, parts and size of an `Observation` from a geometry in a photo's layer.

    ``stored`` is (width, height) of the photo as stored.
    """
    xy, parts = multipolygon_to_arrays(geometry)
    orientation = orientation_of(path)
    points = []
    for x, y in xy.tolist():
        u, v = turned_point(x - 0.5, -y - 0.5, stored, orientation)
        points.append((round(u + 0.5, 2), round(v + 0.5, 2)))
    places = iter(points)
    rings = tuple(tuple(next(places) for _ in range(size)) for sizes in parts for size in sizes)
    size = stored[::-1] if orientation > 4 else stored
    return rings, tuple(len(sizes) for sizes in parts), size
