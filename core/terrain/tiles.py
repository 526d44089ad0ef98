"""Headers of DEM files, and mosaics of tiles of one grid."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..containers import is_whole
from ..errors import ImageError, TerrainError
from ..files import visible_files
from ..json_files import DAMAGED
from ..raster_files import crs_of, horizontal_crs, opened_raster

if TYPE_CHECKING:
    from affine import Affine

    Bounds = tuple[float, float, float, float]

ENDINGS = (".tif", ".tiff", ".asc", ".vrt", ".img", ".hgt", ".dem", ".bil", ".xyz")
"""Suffixes of the files that are read from a folder."""

UNKNOWN = -9999.0
"""Nodata value of mosaics, and of files that state none."""
HEIGHTS = (-500.0, 9000.0)
"""Metres: values beyond are no heights, whatever a file states of them."""

_FEET = {"ft": 0.3048, "foot": 0.3048, "feet": 0.3048, "international foot": 0.3048}
_FEET |= dict.fromkeys(("us survey foot", "us-ft", "ftus", "us_survey_foot"), 1200 / 3937)
_STEP = 1e-4  # metres
_METRES = ("", "m", "metre", "meter", "metres", "meters")
_DATUM_TAGS = ("VERTICAL_DATUM", "VERT_DATUM", "VERTICAL_CRS")


@dataclass(frozen=True)
class Tile:
    """Header of a DEM file.

    Attributes
    ----------
    path
        Absolute.
    crs
        CRS of x and y, WKT.
    transform
        From column and row to x and y.
    width, height
        Cells.
    voids
        Stored numbers that mean that the height is unknown: the one that the file states, or else
        -9999; and the outermost one of a type of whole numbers, whatever it states.
    is_masked
        Whether the file says by a mask (or nodata, or alpha) where the height is unknown.
    has_wide_alpha
        Whether that is by alpha of more than 16 bits, which GDAL takes for no mask.
    scale, offset
        From stored numbers to metres.
    unit, vertical_datum
        Of the heights, as stated by the file, else "".
    """

    path: Path
    crs: str
    transform: Affine
    width: int
    height: int
    voids: frozenset[float]
    is_masked: bool
    has_wide_alpha: bool
    scale: float
    offset: float
    unit: str
    vertical_datum: str

    @property
    def warning(self) -> str | None:
        """Doubt about the unit of heights, for the user."""
        if self.unit in _FEET:
            return f"{self.path.name}: heights in feet, taken as metres after conversion."
        if self.unit not in _METRES:
            return f"{self.path.name}: heights in {self.unit!r}, taken as metres."
        return None

    @property
    def grid(self) -> tuple[object, ...]:
        """Key of the grid: equal for tiles of one mosaic."""
        t = self.transform
        if not is_upright(t):
            return (self.path,)
        hundredths = round(100 * t.c / t.a) % 100, round(100 * t.f / t.e) % 100
        return self.crs, round(t.a, 9), round(t.e, 9), hundredths


@dataclass(frozen=True)
class Mosaic:
    """Tiles of one grid as one virtual raster.

    Attributes
    ----------
    source
        XML of a GDAL virtual raster: float32 metres, `UNKNOWN` where the height is unknown.
    crs, transform, width, height
        As of `Tile`.
    """

    source: str
    crs: str
    transform: Affine
    width: int
    height: int

    @property
    def bounds(self) -> Bounds:
        """(x_min, y_min, x_max, y_max) of the cells' outer edges in `crs`."""
        t = self.transform
        corners = [(0, 0), (self.width, 0), (0, self.height), (self.width, self.height)]
        x = [t.a * col + t.b * row + t.c for col, row in corners]
        y = [t.d * col + t.e * row + t.f for col, row in corners]
        return min(x), min(y), max(x), max(y)


def is_upright(transform: Affine) -> bool:
    """Return whether rows run from north to south and columns from west to east."""
    t = transform
    return bool(t.b == 0 and t.d == 0 and t.a > 0 > t.e)


def find_tiles(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return the DEM files of paths; a folder stands for the DEM files in it.

    Raises
    ------
    TerrainError
        If a file is missing, or a folder holds no DEM.
    """
    found: list[Path] = []
    for path in map(Path, [paths] if isinstance(paths, str | Path) else paths):
        if path.is_dir():
            inside = visible_files(path, *ENDINGS)
            if not inside:
                raise TerrainError(
                    f"The folder {path} holds no DEM: no file ends in {', '.join(ENDINGS)}."
                )
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise TerrainError(f"There is no DEM {path}. Check the folder and the name.")
    if not found:
        raise TerrainError("No DEM is named. Name a file, several files or a folder of tiles.")
    return [path.resolve() for path in found]


def read_tile(path: Path) -> Tile:
    """Read the header of a DEM file.

    Raises
    ------
    TerrainError
        If it is no raster, has several bands, or no CRS.
    """
    from rasterio.enums import ColorInterp, MaskFlags

    with naming_damage(path), opened_raster(path) as file:
        if not is_whole(path):
            raise TerrainError(f"The DEM {path} is cut short: copy or download it again.")
        bands = [kind for kind in file.colorinterp if kind is not ColorInterp.alpha]
        if len(bands) != 1 or bands[0] is not file.colorinterp[0]:
            raise TerrainError(
                f"{path} has {file.count} bands, a DEM has one: heights. Is it an image?"
            )
        wkt = crs_of(file)
        if not wkt:
            raise TerrainError(
                f"The DEM {path} does not say which CRS it is in. Give it one: "
                f"`gdal_edit -a_srs EPSG:2056 {path.name}` with the right number, or "
                "Raster > Projections > Assign Projection in QGIS."
            )
        crs, datum = horizontal_crs(wkt)
        tags = [file.tags().get(name, "") for name in _DATUM_TAGS]
        unit = (file.units[0] or "").strip().lower()
        metres = _FEET.get(unit, 1.0)
        wide = file.count > 1 and file.dtypes[1] not in ("uint8", "uint16")
        return Tile(
            path=path,
            crs=crs,
            transform=file.transform,
            width=file.width,
            height=file.height,
            voids=_voids(file.nodata, file.dtypes[0]),
            is_masked=wide or MaskFlags.all_valid not in file.mask_flag_enums[0],
            has_wide_alpha=wide,
            scale=file.scales[0] * metres,
            offset=file.offsets[0] * metres,
            unit=unit,
            vertical_datum=datum or next(filter(None, tags), ""),
        )


def _voids(nodata: float | None, dtype: str) -> frozenset[float]:
    """Return the stored numbers that are no heights; of 8 bits all are needed."""
    voids = {UNKNOWN if nodata is None else float(nodata)}
    kind = np.dtype(dtype)
    if kind.kind in "iu" and kind.itemsize > 1:
        limits = np.iinfo(kind)
        voids.add(float(limits.min if kind.kind == "i" else limits.max))
    return frozenset(void for void in voids if math.isfinite(void))


@contextmanager
def naming_damage(name: object) -> Iterator[None]:
    """Turn what is raised where a DEM is damaged into a `TerrainError` that names it."""
    from pyproj.exceptions import ProjError
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError

    try:
        yield
    except TerrainError:
        raise
    except ImageError as error:
        raise TerrainError(str(error)) from error
    except (RasterioError, CPLE_BaseError, ProjError, ArithmeticError, *DAMAGED) as error:
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise TerrainError(
            f"{name} cannot be read as a DEM: {reason}. A DEM is a raster of heights, such as a "
            "GeoTIFF or an ASCII grid; copy or download it again."
        ) from error


def make_mosaics(tiles: Sequence[Tile]) -> list[Mosaic]:
    """Join tiles of one grid each; where tiles of one grid overlap, the last is on top."""
    grids: dict[tuple[object, ...], list[Tile]] = {}
    for tile in tiles:
        grids.setdefault(tile.grid, []).append(tile)
    return [_make_mosaic(group) for group in grids.values()]


def _make_mosaic(tiles: Sequence[Tile]) -> Mosaic:
    """Join tiles of one grid, as gdalbuildvrt."""
    first = tiles[0].transform
    west = min(tile.transform.c for tile in tiles)
    north = max(tile.transform.f for tile in tiles)
    cols = [round((tile.transform.c - west) / first.a) if first.a else 0 for tile in tiles]
    rows = [round((tile.transform.f - north) / first.e) if first.e else 0 for tile in tiles]
    width = max(col + tile.width for col, tile in zip(cols, tiles, strict=True))
    height = max(row + tile.height for row, tile in zip(rows, tiles, strict=True))
    transform = type(first)(first.a, first.b, west, first.d, first.e, north)
    sources = "".join(
        f'<ComplexSource><SourceFilename relativeToVRT="0">{escape(_source(tile))}'
        f"</SourceFilename>{_options(tile)}<SourceBand>1</SourceBand>"
        f'<SrcRect xOff="0" yOff="0" xSize="{tile.width}" ySize="{tile.height}"/>'
        f'<DstRect xOff="{col}" yOff="{row}" '
        f'xSize="{tile.width}" ySize="{tile.height}"/>'
        f"<ScaleOffset>{tile.offset!r}</ScaleOffset><ScaleRatio>{tile.scale!r}</ScaleRatio>"
        f"<LUT>{_heights_only(tile)}</LUT>"
        f"<UseMaskBand>{str(tile.is_masked).lower()}</UseMaskBand></ComplexSource>"
        for col, row, tile in zip(cols, rows, tiles, strict=True)
    )
    source = (
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}">'
        f"<SRS>{escape(tiles[0].crs)}</SRS>"
        f"<GeoTransform>{', '.join(map(repr, transform.to_gdal()))}</GeoTransform>"
        f'<VRTRasterBand dataType="Float32" band="1"><NoDataValue>{UNKNOWN}</NoDataValue>'
        f"{sources}</VRTRasterBand></VRTDataset>"
    )
    return Mosaic(source, tiles[0].crs, transform, width, height)


def _heights_only(tile: Tile) -> str:
    """Return a table (LUT of GDAL) that keeps heights, and makes all else UNKNOWN.

    So what is no height is gone before anything is resampled. Tables are linear between their
    entries, which steps this narrow do not let heights notice.
    """
    lowest, highest = HEIGHTS
    entries = [(-1e300, UNKNOWN), (lowest, UNKNOWN), (lowest + _STEP, lowest + _STEP)]
    for unknown in sorted({void * tile.scale + tile.offset for void in tile.voids}):
        if not lowest + _STEP < unknown < highest - _STEP:
            continue
        for height, distance in ((None, _STEP / 2), (UNKNOWN, _STEP / 4)):
            ends = unknown - distance, unknown + distance
            entries += [(end, end if height is None else height) for end in ends]
    entries += [(highest - _STEP, highest - _STEP), (highest, UNKNOWN), (1e300, UNKNOWN)]
    return ",".join(f"{value!r}:{height!r}" for value, height in sorted(entries))


def _source(tile: Tile) -> str:
    """Return the name of a tile's raster; with alpha in a type that GDAL takes for a mask."""
    if not tile.has_wide_alpha:
        return str(tile.path)
    bands = "".join(
        f'<VRTRasterBand dataType="{kind}" band="{number}">{more}<SimpleSource>'
        f'<SourceFilename relativeToVRT="0">{escape(str(tile.path))}</SourceFilename>'
        f"<SourceBand>{number}</SourceBand></SimpleSource></VRTRasterBand>"
        for number, kind, more in (
            (1, "Float32", ""),
            (2, "Byte", "<ColorInterp>Alpha</ColorInterp>"),
        )
    )
    return (
        f'<VRTDataset rasterXSize="{tile.width}" rasterYSize="{tile.height}">{bands}</VRTDataset>'
    )


def _options(tile: Tile) -> str:
    """Leave overviews alone where they may be averages of heights and undeclared voids."""
    if tile.is_masked:
        return ""
    return '<OpenOptions><OOI key="OVERVIEW_LEVEL">NONE</OOI></OpenOptions>'
