"""Attributes of an avalanche, measured from its outline on the map."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import TerrainError
from .fall_line import ENDS, measure_length_and_width
from .outline_cells import OutlineCells, make_outline_cells, weighted_quantiles
from .to_map import MapOutline
from .uncertainty import boundary_uncertainty, view_geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import MultiPolygon, Polygon

    from ..terrain import Terrain
    from .viewshed import Viewshed

RELEASE = 0.2
"""Share of the area, from the top, that counts as the release area where none is given."""

_LEAST_KNOWN = 0.95  # of the ground: else heights and slopes would not represent the outline
_MOST_VIEWED = 5000  # points of an outline whose view from the camera is measured
_SECTORS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
_TERRAIN = (
    "area_surface_m2",
    "length_m",
    "width_m",
    "size_suggested",
    "z_max",
    "z_min",
    "z_release",
    "z_deposit",
    "aspect_deg",
    "aspect_8",
    "slope_mean_deg",
    "slope_release_deg",
    "slope_max_deg",
)
_VIEW = (
    "vis_frac",
    "grazing_med_deg",
    "range_med_m",
    "gsd_m",
    "sigma_map_m",
    "sigma_map_p90_m",
)

# Upper limits of sizes 1 to 4. Lengths: between the typical ones of EAWS. Areas: of avalanches of
# these lengths, eight times as long as wide.
_LENGTHS = (50, 250, 1000, 2000)
_AREAS = (500, 10_000, 80_000, 500_000)


def measure_attributes(
    outline: MapOutline | Polygon | MultiPolygon,
    terrain: Terrain,
    viewshed: Viewshed | None = None,
    release: Polygon | MultiPolygon | None = None,
) -> dict[str, Any]:
    """Measure the attributes of an avalanche.

    Parameters
    ----------
    outline
        In the CRS of the terrain.
    terrain
        Terrain that covers the outline.
    viewshed
        Viewshed that the outline was mapped with, for visibility and accuracy.
    release
        The release area, if known; by default the highest 20 % of the outline's area.

    Returns
    -------
    dict
        float, int, str and bool; None where unknown: all that needs heights if less than 95 % of
        the ground is known. Names (a published schema) and units:

        - area_m2: on the map; area_surface_m2: on the slope. m^2
        - length_m: along the fall line, on the slope; width_m: greatest, across it, horizontal;
          see `fall_line`
        - z_max, z_min: highest and lowest ground, m
        - z_release, z_deposit: heights that 2 % of the area lie above and below, m
        - slope_mean_deg, slope_release_deg: means over the map's area; slope_max_deg: steepest
          place of the release. Slopes are over 10 m of ground, see `outline_cells.SLOPE_STEP`
        - aspect_deg: circular mean over the release, clockwise from grid north; aspect_8: N to NW
        - vis_frac: share that the camera sees, of a `MapOutline` with its hidden gaps
        - bridged: whether hidden gaps were filled; of a `MapOutline` only
        - closed_frac: share hidden by no more than the DEM's noise, in gaps of a few cells, and
          closed; of a `MapOutline` only
        - grazing_med_deg, range_med_m, gsd_m: medians over visible ground of the angle between ray
          and ground, the horizontal distance, and the root of a pixel's area on the map
        - sigma_map_m, sigma_map_p90_m: see `uncertainty.BoundaryUncertainty`
        - size_suggested: EAWS 1 to 5, from length and area only

    Raises
    ------
    TerrainError
        If the outline is empty.

    Examples
    --------
    >>> import numpy as np, shapely
    >>> from core.projection import measure_attributes
    >>> from core.terrain import Terrain
    >>> heights = np.tile(np.float32(5) * np.arange(200)[::-1, None], 200)  # rises northwards
    >>> found = measure_attributes(shapely.box(900, 500, 960, 900), Terrain(heights, 0, 1990, 10))
    >>> round(found["slope_mean_deg"], 1), found["aspect_8"], found["size_suggested"]
    (26.6, 'S', 3)
    """
    polygon = outline.polygon if isinstance(outline, MapOutline) else outline
    if polygon.is_empty:
        raise TerrainError("The outline is empty: there is nothing to measure.")
    cells = make_outline_cells(polygon, terrain)
    known = cells.known & (cells.cover > 0)
    weights = np.where(known, cells.cover, 0.0)
    measured: dict[str, Any] = {"area_m2": float(polygon.area)}
    measured |= dict.fromkeys((*_TERRAIN, *_VIEW))
    if weights.sum() >= _LEAST_KNOWN * max(float(cells.cover.sum()), 1e-9):
        measured |= _measure_extent(polygon, cells, terrain, weights)
        measured |= _measure_release(cells, terrain, weights, release)
    if viewshed is not None:
        measured |= _measure_view(cells, known, viewshed)
        boundary = boundary_uncertainty(polygon, viewshed)
        measured |= {"sigma_map_m": boundary.median_m, "sigma_map_p90_m": boundary.p90_m}
    if isinstance(outline, MapOutline):
        measured |= {"vis_frac": float(outline.visible_fraction), "bridged": outline.bridged}
        measured |= {"closed_frac": outline.closed_fraction}
    return measured


def _measure_extent(
    polygon: Polygon | MultiPolygon,
    cells: OutlineCells,
    terrain: Terrain,
    weights: NDArray[np.float64],
) -> dict[str, Any]:
    """Measure area, length, width and heights."""
    import shapely

    used = weights > 0
    share, z = weights[used], cells.z[used]
    tangent = np.linalg.norm(cells.gradient[used], axis=1)
    edge = shapely.get_coordinates(shapely.segmentize(polygon.boundary, cells.size))
    heights = terrain.sample(*edge.T)
    inner = cells.z[weights == 1]
    heights = np.concatenate([heights[np.isfinite(heights)], inner])
    highest, lowest = float(heights.max()), float(heights.min())
    deposit, release = weighted_quantiles(z, share, (ENDS, 1 - ENDS))
    length, width = measure_length_and_width(cells, highest, lowest)
    return {
        "area_surface_m2": float(polygon.area * np.average(np.hypot(1, tangent), weights=share)),
        "length_m": length,
        "width_m": width,
        "size_suggested": None if length is None else suggest_size(length, float(polygon.area)),
        "z_max": highest,
        "z_min": lowest,
        "z_release": release,
        "z_deposit": deposit,
        "slope_mean_deg": float(np.average(np.degrees(np.arctan(tangent)), weights=share)),
    }


def _measure_release(
    cells: OutlineCells,
    terrain: Terrain,
    weights: NDArray[np.float64],
    release: Polygon | MultiPolygon | None,
) -> dict[str, Any]:
    """Measure slope and aspect of the release area."""
    if release is not None and not release.is_empty:
        cells = make_outline_cells(release, terrain)
        weights = np.where(cells.known, cells.cover, 0.0)
    else:
        used = weights > 0
        (above,) = weighted_quantiles(cells.z[used], weights[used], (1 - RELEASE,))
        weights = np.where(cells.z >= above, weights, 0.0)
    used = weights > 0
    if not used.any():
        return {}
    share, rise = weights[used], cells.gradient[used]
    tangent = np.linalg.norm(rise, axis=1)
    slope = np.degrees(np.arctan(tangent))
    east, north = (
        share[tangent > 0] @ -(rise[tangent > 0] / tangent[tangent > 0, None]) / share.sum()
    )
    aspect = None
    if math.hypot(east, north) > 1e-6:
        aspect = math.degrees(math.atan2(east, north)) % 360
    return {
        "slope_release_deg": float(np.average(slope, weights=share)),
        "slope_max_deg": float(slope.max()),
        "aspect_deg": aspect,
        "aspect_8": None if aspect is None else _SECTORS[round(aspect / 45) % 8],
    }


def _measure_view(
    cells: OutlineCells, known: NDArray[np.bool_], viewshed: Viewshed
) -> dict[str, Any]:
    """Measure visibility, distance and angle of the view from the camera."""
    points = np.column_stack([cells.x[known], cells.y[known], cells.z[known]])
    points = points[:: max(1, len(points) // _MOST_VIEWED)]
    if not len(points):
        return {}
    camera = viewshed.record.camera
    visible = viewshed.range_map.is_visible(points)
    found: dict[str, Any] = {"vis_frac": float(visible.mean())}
    if not visible.any():
        return found
    points = points[visible]
    view = view_geometry(points, camera, viewshed.terrain)
    # Pixels per square metre of the map: the determinant of d(u, v) / d(x, y) on the ground.
    across, along = (
        camera.project(points + offset) - camera.project(points - offset)
        for offset in _ground_steps(view.gradient)
    )
    pixels = np.abs(np.linalg.det(np.stack([across, along], axis=2) / 2))
    with np.errstate(divide="ignore"):
        sides = 1 / np.sqrt(pixels)
    return found | {
        "grazing_med_deg": float(np.nanmedian(view.grazing)),
        "range_med_m": float(np.median(view.distance)),
        "gsd_m": float(np.nanmedian(sides)),
    }


def _ground_steps(gradient: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return steps (N, 3) on the ground of one metre east, and of one metre north."""
    one, none = np.ones(len(gradient)), np.zeros(len(gradient))
    return [
        np.column_stack([one, none, gradient[:, 0]]),
        np.column_stack([none, one, gradient[:, 1]]),
    ]


def suggest_size(length: float, area: float) -> int:
    """Suggest the EAWS size, 1 to 5, by length along the fall line (m) and area on the map (m^2).

    The mean of both suggestions, rounded up. The size is defined by damage and run-out, which may
    give another one.
    """
    by_length = sum(length >= limit for limit in _LENGTHS)
    by_area = sum(area >= limit for limit in _AREAS)
    return (by_length + by_area + 1) // 2 + 1
