"""Pixel to map coordinates, and areas on the ground."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapely import MultiPolygon


def pixel_to_map(geometry: MultiPolygon, transform: Sequence[float] | None) -> MultiPolygon:
    """Transform an outline from pixel to map coordinates.

    Parameters
    ----------
    geometry
        In pixels, corner convention (see `mask_to_polygons`).
    transform
        Affine transform (a, b, c, d, e, f, ...) with x = a col + b row + c and
        y = d col + e row + f, such as `Image.transform`. None for a photo: x = col, y = -row, as
        QGIS displays it.
    """
    from shapely.affinity import affine_transform

    a, b, c, d, e, f = (1, 0, 0, 0, -1, 0) if transform is None else tuple(transform)[:6]
    return affine_transform(geometry, [a, b, d, e, c, f])


def ground_area(geometry: MultiPolygon, crs_wkt: str | None) -> float | None:
    """Compute the area on the ellipsoid in m²; None where the CRS is unknown or not of the Earth.

    Measured in a Lambert azimuthal equal-area projection about the outline's centre, so it is
    right in degrees and Web Mercator, too. The slope of the terrain is not included.
    """
    from rasterio.crs import CRS
    from rasterio.warp import transform, transform_geom
    from shapely.geometry import mapping, shape

    crs = CRS.from_wkt(crs_wkt) if crs_wkt else CRS()
    if not (crs.is_projected or crs.is_geographic):
        return None
    if geometry.is_empty:
        return 0.0
    centre = geometry.centroid
    (lon,), (lat,) = transform(crs, "EPSG:4326", [centre.x], [centre.y])
    equal_area = f"+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m"
    return float(shape(transform_geom(crs, equal_area, mapping(geometry))).area)
