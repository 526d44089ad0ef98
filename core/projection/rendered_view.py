"""Rendered views: what a camera would see of a terrain, painted with light or an orthophoto."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import TerrainError
from ..terrain import Terrain
from ..terrain.sunlight import shade

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .viewshed import Viewshed

_SKY = 210  # grey value
_ROWS = 100  # of pixels at a time
_MOST = 30_000_000  # cells of an orthophoto
_NO_SUN = 315.0, 45.0  # azimuth and elevation of the light where there is no sun
_BRIGHT = 200.0  # grey value of the brightest slopes


@dataclass(frozen=True, eq=False)
class RenderedView:
    """A picture of the terrain.

    Attributes
    ----------
    viewshed
        Of the camera that it is seen by.
    pixels
        (H, W, 3) uint8.
    land
        (H, W) bool, where ground is known and painted.
    """

    viewshed: Viewshed
    pixels: NDArray[np.uint8]
    land: NDArray[np.bool_]


def sunlit_layer(terrain: Terrain, sun: tuple[float, float] | None) -> Terrain:
    """Return grey values of a terrain lit by the sun at grid azimuth and elevation, degrees.

    None lights it as hillshades on maps are.
    """
    bright = shade(terrain, *(sun or _NO_SUN))
    top = float(np.nanpercentile(bright, 98)) or 1.0
    return Terrain(_BRIGHT * bright / top, terrain.west, terrain.north, terrain.cell)


def orthophoto_layer(paths: Sequence[Path], terrain: Terrain, cell: float, epsg: int) -> Terrain:
    """Return grey values of orthophotos where a terrain lies, in cells of a size in metres.

    Raises
    ------
    TerrainError
        If they cannot be read, have no CRS or do not reach there.
    """
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.transform import from_origin
    from rasterio.vrt import WarpedVRT

    west, south, east, north = terrain.bounds
    cell = max(cell, float(np.sqrt((east - west) * (north - south) / _MOST)))
    shape = int((north - south) / cell) + 1, int((east - west) / cell) + 1
    grey = np.full(shape, np.nan, np.float32)
    for path in paths:
        try:
            with rasterio.open(path) as source:
                if source.crs is None:
                    raise TerrainError(f"The orthophoto {path} has no CRS: give a GeoTIFF.")
                with WarpedVRT(
                    source,
                    crs=f"EPSG:{epsg}",
                    transform=from_origin(west - cell / 2, north + cell / 2, cell, cell),
                    height=shape[0],
                    width=shape[1],
                    resampling=Resampling.average,
                    add_alpha=source.nodata is None and source.count in (1, 3),
                ) as warped:
                    bands = warped.read().astype(np.float32)
                    known = warped.dataset_mask() > 0
        except rasterio.errors.RasterioError as error:
            raise TerrainError(f"The orthophoto {path} cannot be read: {error}.") from error
        colours = bands[:3] if len(bands) >= 3 else bands[:1]
        top = float(np.percentile(colours[:, known], 99.5)) if known.any() else 255.0
        scaled = np.clip(colours.mean(axis=0) * (255 / max(top, 1.0)), 0, 255)
        grey = np.where(np.isnan(grey) & known, scaled, grey)
    if np.isnan(grey).all():
        raise TerrainError("No orthophoto reaches into the view: name those of that place.")
    return Terrain(grey, west, north, cell)


def render_view(viewshed: Viewshed, layer: Terrain) -> RenderedView:
    """Paint what a camera sees with the grey values of a layer."""
    camera = viewshed.record.camera
    pixels = np.full((camera.height, camera.width), _SKY, np.uint8)
    land = np.zeros(pixels.shape, bool)
    for top in range(0, camera.height, _ROWS):
        rows = slice(top, min(top + _ROWS, camera.height))
        ground = viewshed.range_map.unproject_rows(rows)
        grey = layer.sample(ground[..., 0], ground[..., 1])
        land[rows] = np.isfinite(grey)
        pixels[rows] = np.where(land[rows], np.clip(np.nan_to_num(grey), 0, 255), pixels[rows])
    return RenderedView(viewshed, np.repeat(pixels[:, :, None], 3, axis=2), land)
