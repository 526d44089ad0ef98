"""DEM files read as terrain: any CRS, one file or many tiles, only the part that is needed."""

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
from .tiles import (
    HEIGHTS,
    UNKNOWN,
    Mosaic,
    find_tiles,
    is_upright,
    make_mosaics,
    naming_damage,
    read_tile,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from rasterio import DatasetReader

    from .tiles import Bounds

_COARSER = 1.5  # from this ratio to the file's cells, larger cells are averages
_TOGETHER = 1_000_000  # cells read at most at once to sample a few points


@dataclass(frozen=True)
class _Layer:
    """Files of one grid, read onto other grids.

    Attributes
    ----------
    cell, bounds
        In the target CRS, metres.
    as_is
        Whether the files are in that CRS and upright: then their own grid is not resampled.
    """

    mosaic: Mosaic
    cell: float
    bounds: Bounds
    as_is: bool

    def read(
        self, epsg: int, corner: tuple[float, float], cell: float, shape: tuple[int, int]
    ) -> NDArray[np.float32]:
        """Read the heights of a grid, given x and y of its upper left corner; NaN if unknown."""
        import rasterio
        from rasterio.enums import Resampling
        from rasterio.transform import from_origin
        from rasterio.vrt import WarpedVRT

        with rasterio.open(self.mosaic.source) as source:
            offset = self._offset(corner, cell)
            if offset is not None:
                heights = _read_part(source, offset, shape)
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
        lowest, highest = HEIGHTS
        heights[heights <= lowest] = np.nan
        heights[heights >= highest] = np.nan
        return np.asarray(heights, np.float32)

    def _offset(self, corner: tuple[float, float], cell: float) -> tuple[int, int] | None:
        """Return row and column of a grid in the mosaic, if their cells coincide."""
        t = self.mosaic.transform
        if not self.as_is or max(abs(t.a - cell), abs(-t.e - cell)) > 1e-6 * cell:
            return None
        row, col = (t.f - corner[1]) / cell, (corner[0] - t.c) / cell
        if max(abs(row - round(row)), abs(col - round(col))) > 0.01:
            return None
        return round(row), round(col)


@dataclass(frozen=True)
class Dem:
    """Elevation model: files opened in a projected CRS by `open_dem`.

    Attributes
    ----------
    epsg
        CRS of all coordinates.
    name
        For messages.
    cell
        Size of the finest cells, metres.
    bounds
        (x_min, y_min, x_max, y_max) of all files, metres.
    vertical_datum
        As stated by the files, else "".
    warnings
        Doubts about the files, for the user.
    identity
        Hash that changes with the files, for keys of caches.
    """

    epsg: int
    name: str
    cell: float
    bounds: Bounds
    vertical_datum: str
    warnings: tuple[str, ...]
    identity: str
    _layers: tuple[_Layer, ...]  # the finest first
    _corner: tuple[float, float]  # of a cell, for the grids of all windows: of the finest file

    def sample(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """Interpolate heights bilinearly at x and y (N,), metres; NaN where unknown."""
        x, y = (np.asarray(a, np.float64).reshape(-1) for a in (x, y))
        heights = np.full(len(x), np.nan)
        west, south, east, north = self.bounds
        near = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
        if not len(near):
            return heights
        x, y = x[near], y[near]
        if len(near) > 1 and np.ptp(x) * np.ptp(y) > _TOGETHER * self.cell**2:
            # Far apart: half of the points at a time, without all the terrain between them.
            along = x if np.ptp(x) > np.ptp(y) else y
            order = np.argsort(along, kind="stable")
            for half in np.array_split(order, 2):
                heights[near[half]] = self.sample(x[half], y[half])
            return heights
        terrain = self._read_cells((x.min(), y.min(), x.max(), y.max()), self.cell)
        heights[near] = terrain.sample(x, y)
        return heights

    def read_terrain(self, bounds: Bounds, cell: float | None = None) -> Terrain:
        """Read the terrain of a part of the map.

        Parameters
        ----------
        bounds
            (x_min, y_min, x_max, y_max), metres; clipped to the DEM.
        cell
            Size of the cells, metres; by default that of the finest file. Larger ones are averages.

        Raises
        ------
        TerrainError
            If the DEM has no height there, or is damaged.
        """
        if not _overlaps(bounds, self.bounds):
            raise TerrainError(
                f"The DEM {self.name} does not cover {_format_bounds(bounds)}: it covers "
                f"{_format_bounds(self.bounds)} in EPSG:{self.epsg}. Check that x and y are not "
                "exchanged and are in that CRS, or name a DEM of that place."
            )
        terrain = self._read_cells(bounds, cell or self.cell)
        if np.isnan(terrain.heights).all():
            raise TerrainError(
                f"The DEM {self.name} has no height at {_format_bounds(bounds)}: a hole, or a "
                "missing tile. Name a DEM of that place as well."
            )
        return terrain

    def _read_cells(self, bounds: Bounds, cell: float) -> Terrain:
        """Read all cells that are needed to interpolate within bounds."""
        (x, y), (west, south, east, north) = self._corner, self.bounds
        low, high = np.maximum(bounds[:2], (west, south)), np.minimum(bounds[2:], (east, north))
        left, right = math.floor((low[0] - x) / cell - 0.5), math.ceil((high[0] - x) / cell - 0.5)
        top, bottom = math.floor((y - high[1]) / cell - 0.5), math.ceil((y - low[1]) / cell - 0.5)
        shape = (bottom - top + 1, right - left + 1)
        west, north = x + left * cell, y - top * cell
        first, *others = self._layers
        with naming_damage(self.name):
            heights = first.read(self.epsg, (west, north), cell, shape)
            for layer in others:
                missing = np.isnan(heights)
                if missing.any() and _overlaps(bounds, layer.bounds):
                    found = layer.read(self.epsg, (west, north), cell, shape)
                    np.copyto(heights, found, where=missing)
        return Terrain(heights, west + cell / 2, north - cell / 2, cell)


def open_dem(paths: str | Path | Sequence[str | Path], epsg: int) -> Dem:
    r"""Open DEM files, reading their headers only.

    Where files overlap, finer ones take precedence; coarser ones fill their holes.

    Parameters
    ----------
    paths
        A file, several files, or a folder of tiles; any format of GDAL, any CRS.
    epsg
        Projected CRS in metres, in which heights are read.

    Raises
    ------
    TerrainError
        If a file is missing, no DEM or without CRS, or `epsg` is not projected.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from pyproj import CRS
    >>> from core.terrain import open_dem
    >>> grid = "ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 10\n30 30\n20 20"
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "dem.asc").write_text(grid)
    ...     _ = Path(folder, "dem.prj").write_text(CRS(2056).to_wkt("WKT1_ESRI"))
    ...     open_dem(folder, epsg=2056).sample([10], [10]).tolist()
    [25.0]
    """
    files = find_tiles(paths)
    name = files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1} more"
    tiles = [read_tile(file) for file in files]
    _require_projected(epsg)
    with naming_damage(name):
        layers = [_make_layer(mosaic, epsg) for mosaic in make_mosaics(tiles)]
    layers.sort(key=lambda layer: layer.cell)
    finest = layers[0]
    transform = finest.mosaic.transform
    boxes = np.array([layer.bounds for layer in layers])
    datums = sorted({tile.vertical_datum for tile in tiles} - {""})
    warnings = [warning for tile in tiles if (warning := tile.warning)]
    if len(datums) > 1:
        warnings.append(f"The files have different vertical datums: {', '.join(datums)}.")
    return Dem(
        epsg=epsg,
        name=name,
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
    """Return a mosaic as a layer in a CRS."""
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
    """Return whether a CRS is that of an EPSG code, whatever its name."""
    from pyproj import CRS

    return bool(CRS.from_wkt(wkt).equals(CRS.from_epsg(epsg), ignore_axis_order=True))


def _hash_files(files: Sequence[Path]) -> str:
    """Return a hash of the files' paths, sizes and modification times."""
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr(stats).encode()).hexdigest()


def _read_part(
    source: DatasetReader, offset: tuple[int, int], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Read cells of a raster from a row and column on; UNKNOWN outside of it."""
    from rasterio.windows import Window

    (row, col), (rows, cols) = offset, shape
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
