"""Polygons in well-known binary, of every geometry that holds some, closed and checked.

Shapely refuses rings that are not closed and knows neither TINs nor polyhedral surfaces; what it
refuses, it refuses with the whole file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import MultiPolygon

_POLYGONS = {3: "Polygon", 17: "Triangle"}
_GROUPS = {
    6: "MultiPolygon",
    7: "GeometryCollection",
    12: "MultiSurface",
    15: "PolyhedralSurface",
    16: "TIN",
}
_OTHERS = {1: "a point", 2: "a line", 4: "points", 5: "lines"}
_DEEPEST = 32  # collections within each other
_LARGEST = 1e12  # of a coordinate in any unit that maps use


@dataclass
class WkbPolygons:
    """Polygons of one geometry.

    Attributes
    ----------
    rings
        Of each polygon: (N, 2) closed rings, outer ring first.
    others
        What is no polygon: "a point", "lines" …
    flat
        Number of polygons left out since their outer ring has fewer than three different points.
    """

    rings: list[list[NDArray[np.float64]]] = field(default_factory=list)
    others: set[str] = field(default_factory=set)
    flat: int = 0

    def to_multipolygon(self) -> MultiPolygon:
        """Return the valid area of the polygons; heights are dropped. It may be empty.

        Raises
        ------
        ValueError
            If the polygons cannot be made valid.
        """
        import shapely

        polygons = [shapely.Polygon(outer, holes) for outer, *holes in self.rings]
        whole = shapely.MultiPolygon(polygons)
        if whole.is_valid:
            return whole
        try:
            # Each by itself: where polygons overlap is area, not a hole.
            valid = shapely.union_all(shapely.make_valid(np.array(polygons, dtype=object)))
        except shapely.errors.GEOSException as error:
            raise ValueError(f"its polygons cannot be made valid ({error})") from error
        parts = shapely.get_parts(shapely.get_parts(valid))
        return shapely.MultiPolygon([part for part in parts if part.geom_type == "Polygon"])


def read_wkb_polygons(wkb: bytes) -> WkbPolygons:
    """Read the polygons of a geometry, however they are nested; rings that are open are closed.

    Raises
    ------
    ValueError
        If the geometry is damaged, of an unknown kind, or a coordinate is no finite number.
    """
    found = WkbPolygons()
    _Reader(wkb).geometry(found, 0)
    return found


class _Reader:
    """Reads ISO and extended well-known binary from the front."""

    def __init__(self, wkb: bytes) -> None:
        self._wkb = wkb
        self._at = 0

    def geometry(self, found: WkbPolygons, depth: int) -> None:
        if depth > _DEEPEST:
            raise ValueError(f"collections are nested deeper than {_DEEPEST} levels")
        order = "<" if self._take("B", "<") else ">"
        code = self._take("I", order)
        extended = code >> 29
        kind, dimensions = (code & 0x1FFFFFFF) % 1000, (code & 0x1FFFFFFF) // 1000
        size = 2 + (dimensions in (1, 3)) + (dimensions in (2, 3))
        size += bool(extended & 4) + bool(extended & 2)
        if extended & 1:
            self._take("I", order)  # the SRID
        if kind in _POLYGONS:
            self._polygon(found, order, size)
        elif kind in _GROUPS:
            for _ in range(self._take("I", order)):
                self.geometry(found, depth + 1)
        elif kind in _OTHERS:
            found.others.add(_OTHERS[kind])
            self._skip(kind, order, size, depth)
        else:
            raise ValueError(f"geometries of kind {kind} of well-known binary are not known")

    def _polygon(self, found: WkbPolygons, order: str, size: int) -> None:
        rings = [self._points(order, size) for _ in range(self._take("I", order))]
        if not any(len(ring) for ring in rings):
            return  # empty
        for ring in rings:
            if not np.isfinite(ring).all() or np.abs(ring).max(initial=0) > _LARGEST:
                raise ValueError("a coordinate is no finite number that a map could have")
        outer, *holes = [_closed(ring) for ring in rings]
        if outer is None:
            found.flat += 1
            return
        found.rings.append([outer, *(hole for hole in holes if hole is not None)])

    def _skip(self, kind: int, order: str, size: int, depth: int) -> None:
        if kind == 1:
            self._advance(8 * size)
        elif kind == 2:
            self._points(order, size)
        else:
            for _ in range(self._take("I", order)):
                self.geometry(WkbPolygons(), depth + 1)

    def _points(self, order: str, size: int) -> NDArray[np.float64]:
        count = self._take("I", order)
        start = self._at
        self._advance(8 * size * count)
        values = np.frombuffer(self._wkb, f"{order}f8", size * count, start)
        return values.reshape(count, size)[:, :2].astype(np.float64)

    def _take(self, kind: str, order: str) -> Any:  # noqa: ANN401
        start = self._at
        self._advance(struct.calcsize(order + kind))
        return struct.unpack_from(order + kind, self._wkb, start)[0]

    def _advance(self, size: int) -> None:
        self._at += size
        if self._at > len(self._wkb):
            raise ValueError("its geometry is cut short")


def _closed(ring: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return a ring with its first point at its end; None if it encloses nothing."""
    if len(np.unique(ring, axis=0)) < 3:
        return None
    return ring if (ring[0] == ring[-1]).all() else np.concatenate([ring, ring[:1]])
