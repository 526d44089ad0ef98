"""Answers about the way between picture and map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..worker.protocol import trimmed
from .plain import plain
from .poses import read_pixels
from .protocol import (
    Drape,
    Draped,
    Drawn,
    LookAt,
    Mapped,
    Overlaid,
    Overlay,
    Seen,
    ToImage,
    ToMap,
)
from .shapes import polygon_of, rings_of
from .views import folder_of, stop_unless

if TYPE_CHECKING:
    from shapely import MultiPolygon

    from ..projection.to_map import MapOutline
    from ..projection.viewshed import Viewshed
    from .views import Views

_SAMPLES = 2000  # places in a polygon that are asked whether they are seen


def look_at(request: LookAt, views: Views, wanted: Callable[[], bool]) -> Seen:
    """Find the ground that each pixel sees."""
    from ..outline.rings import flatten_rings
    from ..projection.footprint import compute_footprint

    sight = views.sight(request, wanted)
    points, parts = flatten_rings(compute_footprint(sight))
    return Seen.of(
        points,
        parts,
        folder=folder_of(sight),
        skyline=sight.skyline_rows().astype(np.float32),
        warnings=list(sight.warnings),
        seconds=0.0,
    )


def to_map(request: ToMap, views: Views, wanted: Callable[[], bool]) -> Mapped:
    """Bring an outline to the map."""
    from ..outline.rings import flatten_rings
    from ..projection.to_map import outline_to_map

    sight = views.sight(request, wanted)
    drawn = polygon_of(request.points, request.parts)
    stop_unless(wanted)
    outline = outline_to_map(drawn, sight, min_area=request.min_area, bridge=request.bridge)
    points, parts = flatten_rings(outline.polygon)
    more = _described(outline, sight) if request.attributes and parts else {}
    return Mapped.of(
        points,
        parts,
        visible_fraction=float(outline.visible_fraction),
        lost=float(outline.lost_pixels),
        bridged=bool(outline.bridged),
        seconds=0.0,
        **more,
    )


def _described(outline: MapOutline, sight: Viewshed) -> dict[str, Any]:
    """Attributes and uncertainty, as `Mapped` has them."""
    from ..projection.attributes import measure_attributes
    from ..projection.uncertainty import boundary_uncertainty

    return {
        "attributes": plain(measure_attributes(outline, sight.terrain, sight)),
        "sigma": boundary_uncertainty(outline.polygon, sight).sigma_m.astype(np.float32),
    }


def to_image(request: ToImage, views: Views, wanted: Callable[[], bool]) -> Drawn:
    """Draw what the picture shows of map polygons."""
    from ..projection.to_image import polygon_to_mask

    sight = views.sight(request, wanted)
    polygon = polygon_of(request.xy, request.parts)
    mask = polygon_to_mask(polygon, sight)
    part, at = trimmed(mask)
    return Drawn(
        part=part.astype(np.bool_),
        at=at,
        size=mask.shape,
        visible_fraction=_visible(polygon, sight),
        seconds=0.0,
    )


def _visible(polygon: MultiPolygon, sight: Viewshed) -> float:
    """Share of a polygon's ground that the picture shows."""
    import shapely

    west, south, east, north = polygon.bounds
    side = max(np.sqrt((east - west) * (north - south) / _SAMPLES), 0.1)
    x, y = np.meshgrid(
        np.arange(west + side / 2, east, side), np.arange(south + side / 2, north, side)
    )
    inside = shapely.contains_xy(polygon, x, y)
    x, y = x[inside], y[inside]
    seen = sight.range_map.is_visible(np.column_stack([x, y, sight.terrain.sample(x, y)]))
    return float(seen.mean()) if len(seen) else 0.0


def overlay(request: Overlay, views: Views, wanted: Callable[[], bool]) -> Overlaid:
    """Find where lines on the map are seen in the picture."""
    from ..projection.to_image import lines_to_image

    sight = views.sight(request, wanted)
    lines = [line for part in rings_of(request.xy, request.parts) for line in part]
    runs = [run for line in lines for run in lines_to_image(line, sight)]
    points = np.concatenate([*runs, np.zeros((0, 2))]).astype(np.float32)
    return Overlaid(points, [len(run) for run in runs], seconds=0.0)


def drape_picture(request: Drape, views: Views, wanted: Callable[[], bool]) -> Draped:
    """Lay a picture on the map."""
    from ..projection.orthophoto import drape, write_orthophoto

    sight = views.sight(request, wanted)
    picture = read_pixels(request.picture, sight.record.camera)
    colours, transform = drape(picture, sight, cell=request.cell)
    write_orthophoto(Path(request.path), colours, transform, sight.record.epsg)
    return Draped(request.path, seconds=0.0)
