"""DEM files as terrain: any CRS, one file or many tiles, only the part that is needed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import TerrainError
from .terrain import Terrain
from .tiles import UNKNOWN, Mosaic, find_tiles, is_upright, make_mosaics, read_tile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from rasterio import DatasetReader

    from .tiles import Bounds

_HEIGHTS = (-500.0, 9000.0)  # what is not between is no height on Earth
_COARSER = 1.5  # cells so much larger than the file's are averages
_TOGETHER = 1_000_000  # cells that are read for the sake of a few points


@dataclass(frozen=True)
class _Layer:
    """Files of one grid, read onto other grids.

    Attributes
    ----------
    cell, bounds
        In the CRS in which they are read, metres.
    as_is
        Whether they are in that CRS and upright: on their own grid nothing is resampled.
    """

    mosaic: Mosaic
    cell: float
    bounds: Bounds
    as_is: bool

    def read(
        self, epsg: int, corner: tuple[float, float], cell: float, shape: tuple[int, int]
    ) -> NDArray[np.float32]:
        """Heights of a grid, given the x and y of its upper left corner; NaN where unknown."""
        import rasterio
        from rasterio.enums import Resampling
        from rasterio.transform import from_origin
        from rasterio.vrt import WarpedVRT

        with rasterio.open(self.mosaic.source) as source:
            place = self._place(corner, cell)
            if place is not None:
                heights = _read_part(source, place, shape)
            else:
                coarser = cell > _COARSER * self.cell
                with WarpedVRT(
                    source,
                    crs=f"EPSG:{epsg}",
                    transform=from_origin(*corner, cell, cell),
                    height=shape[0],
                    width=shape[1],
                    resampling=Resampling.average if coarser else Resampling.bilinear,
                ) as warped:
                    heights = warped.read(1)
        lowest, highest = _HEIGHTS
        heights[heights <= lowest] = np.nan
        heights[heights >= highest] = np.nan
        return np.asarray(heights, np.float32)

    def _place(self, corner: tuple[float, float], cell: float) -> tuple[int, int] | None:
        """Row and column of a grid in the mosaic, if their cells are the same."""
        t = self.mosaic.transform
        if not self.as_is or max(abs(t.a - cell), abs(-t.e - cell)) > 1e-6 * cell:
            return None
        row, col = (t.f - corner[1]) / cell, (corner[0] - t.c) / cell
        if max(abs(row - round(row)), abs(col - round(col))) > 0.01:
            return None
        return round(row), round(col)


@dataclass(frozen=True)
class Dem:
    """DEM files, open for reading in a projected CRS; made by `open_dem`.

    Attributes
    ----------
    epsg
        CRS of all coordinates.
    name
        For people.
    cell
        Size of the finest cells, metres.
    bounds
        (x_min, y_min, x_max, y_max) of all files, metres.
    vertical_datum
        As the files state it, else "".
    warnings
        What the user should know.
    identity
        Another whenever a file was changed: for keys of caches.
    """

    epsg: int
    name: str
    cell: float
    bounds: Bounds
    vertical_datum: str
    warnings: tuple[str, ...]
    identity: str
    _layers: tuple[_Layer, ...]  # the finest first
    _corner: tuple[float, float]  # of a cell of all windows: those of the finest file, if possible

    def sample(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """Heights at places, bilinear; NaN where none is known.

        Parameters
        ----------
        x, y
            (N,) metres.
        """
        x, y = (np.asarray(a, np.float64).reshape(-1) for a in (x, y))
        heights = np.full(len(x), np.nan)
        west, south, east, north = self.bounds
        near = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
        if not len(near):
            return heights
        x, y = x[near], y[near]
        if len(near) > 1 and np.ptp(x) * np.ptp(y) > _TOGETHER * self.cell**2:
            # Far apart: half of the points at a time, not all the ground between them.
            along = x if np.ptp(x) > np.ptp(y) else y
            order = np.argsort(along, kind="stable")
            for half in np.array_split(order, 2):
                heights[near[half]] = self.sample(x[half], y[half])
            return heights
        heights[near] = self._read_cells((x.min(), y.min(), x.max(), y.max()), self.cell).sample(
            x, y
        )
        return heights

    def read_terrain(self, bounds: Bounds, cell: float | None = None) -> Terrain:
        """The terrain of a part of the map.

        Parameters
        ----------
        bounds
            (x_min, y_min, x_max, y_max), metres; what lies beyond the DEM is left out.
        cell
            Size of its cells, metres; the finest file's by default. Larger ones are averages.

        Raises
        ------
        TerrainError
            If the DEM knows no height there.
        """
        if not _overlaps(bounds, self.bounds):
            raise TerrainError(
                f"The DEM {self.name} does not cover {_format_bounds(bounds)}: it covers "
                f"{_format_bounds(self.bounds)} in EPSG:{self.epsg}. Check that x and y are not exchanged "
                "and are in that CRS, or name a DEM of that place."
            )
        terrain = self._read_cells(bounds, cell or self.cell)
        if np.isnan(terrain.heights).all():
            raise TerrainError(
                f"The DEM {self.name} knows no height at {_format_bounds(bounds)}: a hole, or a missing "
                "tile. Name a DEM of that place as well."
            )
        return terrain

    def _read_cells(self, bounds: Bounds, cell: float) -> Terrain:
        """Heights of all cells whose centres are needed to interpolate within bounds."""
        (x, y), (west, south, east, north) = self._corner, self.bounds
        low, high = np.maximum(bounds[:2], (west, south)), np.minimum(bounds[2:], (east, north))
        left, right = math.floor((low[0] - x) / cell - 0.5), math.ceil((high[0] - x) / cell - 0.5)
        top, bottom = math.floor((y - high[1]) / cell - 0.5), math.ceil((y - low[1]) / cell - 0.5)
        shape = (bottom - top + 1, right - left + 1)
        west, north = x + left * cell, y - top * cell
        first, *others = self._layers
        heights = first.read(self.epsg, (west, north), cell, shape)
        for layer in others:
            missing = np.isnan(heights)
            if missing.any() and _overlaps(bounds, layer.bounds):
                found = layer.read(self.epsg, (west, north), cell, shape)
                np.copyto(heights, found, where=missing)
        return Terrain(heights, west + cell / 2, north - cell / 2, cell)


def open_dem(paths: str | Path | Sequence[str | Path], epsg: int) -> Dem:
    """DEM files for a CRS; nothing but their heads is read yet.

    Where files overlap the finer one counts; coarser ones fill its holes.

    Parameters
    ----------
    paths
        A file, several, or a folder of tiles; anything that GDAL reads, in any CRS.
    epsg
        Of the projected CRS in metres in which heights are wanted.

    Raises
    ------
    TerrainError
        If a file is missing or no DEM, does not state its CRS, or the CRS cannot be used.
    """
    files = find_tiles(paths)
    tiles = [read_tile(file) for file in files]
    _require_projected(epsg)
    layers = sorted(
        (_make_layer(mosaic, epsg) for mosaic in make_mosaics(tiles)), key=lambda it: it.cell
    )
    finest = layers[0]
    transform = finest.mosaic.transform
    boxes = np.array([layer.bounds for layer in layers])
    datums = sorted({tile.vertical_datum for tile in tiles} - {""})
    warnings = [warning for tile in tiles if (warning := tile.warning)]
    if len(datums) > 1:
        warnings.append(f"The files have different vertical datums: {', '.join(datums)}.")
    return Dem(
        epsg=epsg,
        name=files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1} more",
        cell=finest.cell,
        bounds=(*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()),
        vertical_datum=", ".join(datums),
        warnings=tuple(warnings),
        identity=_hash_files(files),
        _layers=tuple(layers),
        _corner=(transform.c, transform.f) if finest.as_is else (0.0, 0.0),
    )


def _require_projected(epsg: int) -> None:
    """Refuse a CRS that is unknown or not projected."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        projected = CRS.from_epsg(epsg).is_projected
    except CRSError as error:
        raise TerrainError(f"EPSG:{epsg} is no known CRS. EPSG:2056 is Switzerland's.") from error
    if not projected:
        raise TerrainError(f"EPSG:{epsg} is not in metres. Use a projected CRS such as EPSG:2056.")


def _make_layer(mosaic: Mosaic, epsg: int) -> _Layer:
    """A mosaic as seen from a CRS."""
    from rasterio.crs import CRS
    from rasterio.warp import calculate_default_transform, transform_bounds

    t = mosaic.transform
    if is_upright(t) and _is_same_crs(mosaic.crs, epsg):
        return _Layer(mosaic, min(t.a, -t.e), mosaic.bounds, as_is=True)
    crs = CRS.from_wkt(mosaic.crs), CRS.from_epsg(epsg)
    warped, _, _ = calculate_default_transform(*crs, mosaic.width, mosaic.height, *mosaic.bounds)
    bounds = transform_bounds(*crs, *mosaic.bounds)
    return _Layer(mosaic, float(f"{warped.a:.3g}"), bounds, as_is=False)


def _is_same_crs(wkt: str, epsg: int) -> bool:
    """Whether a CRS is that of an EPSG code, whatever it is called."""
    from pyproj import CRS

    return bool(CRS.from_wkt(wkt).equals(CRS.from_epsg(epsg), ignore_axis_order=True))


def _hash_files(files: Sequence[Path]) -> str:
    """Hash of the files' paths, sizes and times of change."""
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr(stats).encode()).hexdigest()


def _read_part(
    source: DatasetReader, place: tuple[int, int], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Cells of a raster from a row and column on; UNKNOWN outside of it."""
    from rasterio.windows import Window

    (row, col), (rows, cols) = place, shape
    top, left = max(row, 0), max(col, 0)
    bottom, right = min(row + rows, source.height), min(col + cols, source.width)
    cells = np.full(shape, UNKNOWN, np.float32)
    if top < bottom and left < right:
        part = cells[top - row : bottom - row, left - col : right - col]
        source.read(1, window=Window(left, top, right - left, bottom - top), out=part)
    return cells


def _overlaps(one: Bounds, other: Bounds) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _format_bounds(bounds: Bounds) -> str:
    return "x {0:.0f} to {2:.0f}, y {1:.0f} to {3:.0f}".format(*bounds)
