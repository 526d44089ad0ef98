"""Answers about the way between photo and map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ipc.geometry import crop_mask
from .conversion import split_rings, to_json_value, to_multipolygon
from .poses import read_pixels
from .protocol import (
    ComputedViewshed,
    ComputeViewshed,
    Drape,
    Draped,
    Drawn,
    Mapped,
    Overlaid,
    Overlay,
    ToImage,
    ToMap,
)
from .viewshed_cache import check_wanted, range_map_folder

if TYPE_CHECKING:
    from shapely import MultiPolygon

    from ..projection.to_map import MapOutline
    from ..projection.viewshed import Viewshed
    from .viewshed_cache import ViewshedCache

_SAMPLES = 2000  # points of a polygon that are tested for visibility


def find_viewshed(
    request: ComputeViewshed, cache: ViewshedCache, is_wanted: Callable[[], bool]
) -> ComputedViewshed:
    """Compute the viewshed of a camera, or find it in the cache."""
    from ..outline.rings import flatten_rings
    from ..projection.footprint import compute_footprint

    viewshed = cache.viewshed(request, is_wanted)
    points, parts = flatten_rings(compute_footprint(viewshed))
    return ComputedViewshed.of(
        points,
        parts,
        folder=range_map_folder(viewshed),
        skyline=viewshed.skyline_rows().astype(np.float32),
        warnings=list(viewshed.warnings),
        seconds=0.0,
    )


def to_map(request: ToMap, cache: ViewshedCache, is_wanted: Callable[[], bool]) -> Mapped:
    """Bring an outline to the map."""
    from ..outline.rings import flatten_rings
    from ..projection.to_map import outline_to_map

    viewshed = cache.viewshed(request, is_wanted)
    drawn = to_multipolygon(request.points, request.parts)
    check_wanted(is_wanted)
    outline = outline_to_map(
        drawn,
        viewshed,
        min_area=request.min_area,
        min_share=request.min_share,
        bridge=request.bridge,
    )
    points, parts = flatten_rings(outline.polygon)
    more = _attributes(outline, viewshed) if request.attributes and parts else {}
    return Mapped.of(
        points,
        parts,
        visible_fraction=float(outline.visible_fraction),
        lost=float(outline.lost_pixels),
        bridged=bool(outline.bridged),
        seconds=0.0,
        **more,
    )


def _attributes(outline: MapOutline, viewshed: Viewshed) -> dict[str, Any]:
    """Return attributes and uncertainty, as `Mapped` has them."""
    from ..projection.attributes import measure_attributes
    from ..projection.uncertainty import boundary_uncertainty

    return {
        "attributes": to_json_value(measure_attributes(outline, viewshed.terrain, viewshed)),
        "sigma": boundary_uncertainty(outline.polygon, viewshed).sigma_m.astype(np.float32),
    }


def to_image(request: ToImage, cache: ViewshedCache, is_wanted: Callable[[], bool]) -> Drawn:
    """Draw the visible part of map polygons as a mask of the photo."""
    from ..projection.to_image import polygon_to_mask

    viewshed = cache.viewshed(request, is_wanted)
    polygon = to_multipolygon(request.xy, request.parts)
    mask = polygon_to_mask(polygon, viewshed)
    part, at = crop_mask(mask)
    return Drawn(
        part=part.astype(np.bool_),
        at=at,
        size=mask.shape,
        visible_fraction=_visible_fraction(polygon, viewshed),
        seconds=0.0,
    )


def _visible_fraction(polygon: MultiPolygon, viewshed: Viewshed) -> float:
    """Return the share of a polygon's ground that is visible in the photo."""
    import shapely

    west, south, east, north = polygon.bounds
    side = max(np.sqrt((east - west) * (north - south) / _SAMPLES), 0.1)
    x, y = np.meshgrid(
        np.arange(west + side / 2, east, side), np.arange(south + side / 2, north, side)
    )
    inside = shapely.contains_xy(polygon, x, y)
    x, y = x[inside], y[inside]
    seen = viewshed.range_map.is_visible(np.column_stack([x, y, viewshed.terrain.sample(x, y)]))
    return float(seen.mean()) if len(seen) else 0.0


def overlay(request: Overlay, cache: ViewshedCache, is_wanted: Callable[[], bool]) -> Overlaid:
    """Project the visible parts of map lines into the photo."""
    from ..projection.to_image import lines_to_image

    viewshed = cache.viewshed(request, is_wanted)
    lines = [line for part in split_rings(request.xy, request.parts) for line in part]
    runs = [run for line in lines for run in lines_to_image(line, viewshed)]
    points = np.concatenate([*runs, np.zeros((0, 2))]).astype(np.float32)
    return Overlaid(points, [len(run) for run in runs], seconds=0.0)


def write_drape(request: Drape, cache: ViewshedCache, is_wanted: Callable[[], bool]) -> Draped:
    """Write an orthophoto."""
    from ..projection.orthophoto import drape, write_orthophoto

    viewshed = cache.viewshed(request, is_wanted)
    photo = read_pixels(request.picture, viewshed.record.camera)
    colours, transform = drape(photo, viewshed, cell=request.cell)
    write_orthophoto(Path(request.path), colours, transform, viewshed.record.epsg)
    return Draped(request.path, seconds=0.0)
