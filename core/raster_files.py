"""Opening of raster files by GDAL: what may be opened, how large it may be, where it lies.

A picture is opened by the formats that hold their own pixels, whatever its name: a file that only
names other files or servers (VRT, WMS …) is none, unless its name says openly that it is a .vrt,
and then it may name files only.
"""

from __future__ import annotations

import html
import logging
import math
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from .containers import DRIVERS
from .errors import ImageError
from .file_length import holds_all_cells
from .files import open_file, require_file
from .text_files import read_text

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

MAX_PIXELS = 1_000_000_000
"""Most pixels of an image; a webcam has 0.01, an orthophoto 0.4 of them."""
FREE_BYTES = 400_000_000
"""Bytes of pixels up to which a file may be as small as it is: 130 megapixels in colour."""
MAX_RATIO = 300
"""Beyond `FREE_BYTES`, the most bytes of pixels for one byte of the file. Photos are compressed 5
to 50 times, what is made to fill memory 1000 times and more."""

_MOST_MARKUP = 64_000_000  # bytes of a .vrt
_SOURCES = re.compile(r"<(?:SourceFilename|SourceDataset|SrcDSName|SourceDSName)[^>]*>([^<]*)<")
_ELSEWHERE = re.compile(r"^\s*(?:/vsi|<|\w\w+:)", re.ASCII)  # a drive has one letter only
_SMALLEST_PIXEL, _LARGEST_NUMBER = 1e-12, 1e12


@contextmanager
def opened_raster(path: Path) -> Iterator[DatasetReader]:
    """Open a raster file by `DRIVERS`.

    Raises
    ------
    ImageError
        If a .vrt names anything but files, or pixels are missing.
    OSError, RasterioError
        If there is no such file, or it cannot be opened.
    """
    from rasterio._path import _UnparsedPath
    from rasterio.io import DatasetReader

    require_file(path)
    drivers: Sequence[str] = DRIVERS
    if path.suffix.lower() == ".vrt":
        _check_sources(path)
        drivers = ("VRT",)
    plain = str(path.absolute())  # so that no "driver:" begins it; "!" is left alone as well
    name = _UnparsedPath("/." + plain if plain.startswith("/vsi") else plain)
    with _unplaced_allowed(), DatasetReader(name, driver=list(drivers)) as source:
        if not _holds_all_cells(path, source):
            raise ImageError(
                f"The raster {path} is cut short: its last rows are missing, in whole or in part. "
                "Copy or download it again."
            )
        yield source


def _holds_all_cells(path: Path, source: DatasetReader) -> bool:
    import numpy as np

    if source.tags(ns="ENVI").get("file_compression", "0") != "0":
        return True
    bits = sum(
        int(source.tags(band, ns="IMAGE_STRUCTURE").get("NBITS", 8 * np.dtype(kind).itemsize))
        for band, kind in enumerate(source.dtypes, 1)
    )
    return holds_all_cells(source.driver, path, source.files, source.shape, bits)


@contextmanager
def opened_memory(content: bytes, driver: str) -> Iterator[DatasetReader]:
    """Open a raster file that is in memory; RasterioError as by rasterio."""
    from rasterio.io import MemoryFile

    with _unplaced_allowed(), MemoryFile(content) as file, file.open(driver=driver) as source:
        yield source


@contextmanager
def _unplaced_allowed() -> Iterator[None]:
    """Open in GDAL's environment, without warnings that photos lie on no map."""
    from rasterio import Env
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings(), Env():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def _check_sources(path: Path, depth: int = 0) -> None:
    """Raise an ImageError unless all that a .vrt names are files that hold pixels, or such .vrt."""
    if depth > 8 or path.stat().st_size > _MOST_MARKUP:
        raise ImageError(f"The raster {path} is too large or deep: name one of its files instead.")
    text = path.read_text(encoding="utf-8", errors="replace")
    for found in _SOURCES.findall(text):
        name = html.unescape(found).strip()
        inner = path.parent / name
        if not _ELSEWHERE.match(name) and not _is_markup(inner):
            continue
        if _ELSEWHERE.match(name) or inner.suffix.lower() != ".vrt":
            raise ImageError(
                f"The raster {path} takes its pixels from {name[:80]}, which is no file that holds "
                "pixels: save it as GeoTIFF first (gdal_translate), or name the file itself."
            )
        _check_sources(inner, depth + 1)


def _is_markup(path: Path) -> bool:
    """Return whether a file is text in angle or curly brackets, as those that only name others."""
    try:
        with open_file(path) as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"{"))
    except OSError:
        return False


def check_announced_size(
    path: object, width: int, height: int, pixel_bytes: int, file_bytes: int
) -> None:
    """Raise an ImageError if an image is larger than can be meant, before anything is read.

    Parameters
    ----------
    path
        Name of the file, for the message.
    width, height
        As the file announces them.
    pixel_bytes
        Bytes that one pixel takes in memory.
    file_bytes
        Size of the file, and of those that belong to it.
    """
    pixels = width * height
    needed = pixels * pixel_bytes
    too_empty = needed > FREE_BYTES and needed > MAX_RATIO * max(file_bytes, 1)
    if pixels <= MAX_PIXELS and not too_empty:
        return
    reason = (
        f"its {file_bytes} bytes are too few for an image of that size"
        if pixels <= MAX_PIXELS
        else f"more than {MAX_PIXELS // 1_000_000} megapixels are not read"
    )
    raise ImageError(
        f"The image {path} announces {width} x {height} pixels, and {reason}. If it is really that "
        "large, cut the part you need first (gdal_translate -srcwin, or an image editor)."
    )


def files_size(source: DatasetReader) -> int:
    """Return the bytes of a raster's file, and of those that belong to it."""
    found = (Path(name) for name in source.files)
    return sum(file.stat().st_size for file in found if file.is_file())


@contextmanager
def heard_warnings() -> Iterator[list[str]]:
    """Collect what GDAL and its libraries warn of in this thread; they read on all the same."""
    texts: list[str] = []
    listener = _Listener(texts)
    logger = logging.getLogger("rasterio")
    logger.addHandler(listener)
    try:
        yield texts
    finally:
        logger.removeHandler(listener)


class _Listener(logging.Handler):
    def __init__(self, texts: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._texts, self._thread = texts, threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self._texts.append(record.getMessage())


# --- where it lies --------------------------------------------------------------------------------


def placement(
    source: DatasetReader,
) -> tuple[tuple[float, ...] | None, str | None, tuple[str, ...]]:
    """Return the georeference of a raster.

    Returns
    -------
    transform
        (a, b, c, d, e, f) from column and row of pixel corners to x and y; None without one.
    crs
        CRS of x and y as WKT, the horizontal part of one with heights; None where unknown.
    warnings
        What a person should know of it.
    """
    transform = tuple(source.transform)[:6]
    if is_placed(transform):
        crs = _horizontal(crs_of(source))
        if crs is None:
            beside = _find_beside(Path(source.name), r"prj")
            said = f" ({beside.name} beside it names none)" if beside else ""
            return transform, None, (
                f"is placed by a world file or transform, but its CRS is not known{said}: outlines "
                "are in its coordinates, without areas. Give it one, e.g. gdal_edit -a_srs "
                "EPSG:2056, or by a .prj file of its name.",
            )  # fmt: skip
        return transform, crs, ()
    crs = _horizontal(source.crs.to_wkt() if source.crs else None)
    points, points_crs = source.gcps
    if points:
        return _fit_points(points, points_crs)
    if source.rpcs is not None:
        return None, crs, (
            "is placed by the sensor's RPCs, which are not read: outlines are in its pixels. "
            "Orthorectify it first, e.g. gdalwarp -rpc.",
        )  # fmt: skip
    unread = _world_file(Path(source.name))
    if unread:
        return None, crs, (
            f"has a world file, {unread.name}, which is not read: outlines are in its pixels. It "
            "is to hold six numbers, one a line, that place it on a map.",
        )  # fmt: skip
    if crs is not None:
        return None, crs, ("names a CRS, but no place in it: outlines are in its pixels.",)
    return None, crs, ()


def crs_of(source: DatasetReader) -> str | None:
    """Return the CRS of a raster as WKT: its own, or that of a .prj file beside it (Esri's way).

    None where there is none, or a local one, which no other can be brought to.
    """
    own = source.crs.to_wkt() if source.crs else None
    if _is_of_maps(own):
        return own
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    beside = _find_beside(Path(source.name), r"prj")
    if beside is None:
        return None
    try:
        crs = CRS.from_user_input(read_text(beside, fallback="cp1252").strip("\0 \t\r\n"))
        epsg = crs.to_epsg()  # Esri's names are not those of EPSG
        wkt = str((CRS.from_epsg(epsg) if epsg else crs).to_wkt())
    except (CRSError, OSError, ValueError):
        return None
    return wkt if _is_of_maps(wkt) else None


def _is_of_maps(wkt: str | None) -> TypeGuard[str]:
    """Return whether a WKT is the CRS of a map, not a local one."""
    from pyproj import CRS

    return wkt is not None and not CRS.from_wkt(horizontal_crs(wkt)[0]).is_engineering


def _horizontal(wkt: str | None) -> str | None:
    return horizontal_crs(wkt)[0] if _is_of_maps(wkt) else None


def _world_file(path: Path) -> Path | None:
    """Return a file beside a raster that is to place it, such as .jgw, .jpegw, .wld."""
    first = re.escape(path.suffix[1:2].lower())
    return _find_beside(path, rf"wld|{first}\w{{1,3}}w")


def _find_beside(path: Path, ending: str) -> Path | None:
    """Return a file of the name of another, but for its ending; letter case does not matter."""
    name = re.compile(rf"{re.escape(path.stem)}\.(?:{ending})", re.IGNORECASE)
    try:
        return next((file for file in path.parent.iterdir() if name.fullmatch(file.name)), None)
    except OSError:  # the folder may not be listed
        return None


def is_placed(transform: Sequence[float]) -> bool:
    """Return whether a transform (a, b, c, d, e, f) places pixels on a map.

    Formats without one give the identity, rows upwards or downwards, or what memory held.
    """
    a, b, c, d, e, f = transform
    if not all(math.isfinite(value) and abs(value) < _LARGEST_NUMBER for value in transform):
        return False
    if abs(a * e - b * d) < _SMALLEST_PIXEL**2 or max(map(abs, (a, b, d, e))) < _SMALLEST_PIXEL:
        return False
    return (a, b, c, d, abs(e), f) != (1, 0, 0, 0, 1, 0)


def horizontal_crs(wkt: str) -> tuple[str, str]:
    """Return the CRS of x and y (WKT), and the name of the CRS of heights or ""."""
    from pyproj import CRS

    crs = CRS.from_wkt(wkt)
    if crs.is_compound:
        flat, upward = crs.sub_crs_list[:2]
        return flat.to_wkt(), upward.name
    return wkt, "ellipsoidal" if len(crs.axis_info) == 3 else ""


_MOST_PIXELS_OFF = 1.0  # of the control points in the file


def _fit_points(
    points: Sequence[Any],
    crs: Any,  # noqa: ANN401
) -> tuple[tuple[float, ...] | None, str | None, tuple[str, ...]]:
    """Place a raster by its control points, if an affine transform fits them to about a pixel."""
    import numpy as np

    ours = np.array([(point.col, point.row, 1.0) for point in points])
    theirs = np.array([(point.x, point.y) for point in points])
    centre = theirs.mean(axis=0)  # for precision
    if np.linalg.matrix_rank(ours) < 3:
        return None, None, (
            "has control points on one line, or fewer than three: outlines are in its pixels.",
        )  # fmt: skip
    (a, d), (b, e), (c, f) = np.linalg.lstsq(ours, theirs - centre, rcond=None)[0]
    residuals = np.linalg.norm(ours @ [(a, d), (b, e), (c, f)] + centre - theirs, axis=1)
    pixel = abs(a * e - b * d) ** 0.5
    if pixel == 0 or residuals.max() > _MOST_PIXELS_OFF * pixel:
        return None, None, (
            "has control points that no flat map fits "
            f"({residuals.max() / pixel if pixel else math.inf:.1f} pixels off): outlines are in "
            "its pixels. Rectify it first, e.g. gdalwarp -tps.",
        )  # fmt: skip
    wkt = _horizontal(crs.to_wkt() if crs else None)
    placed = tuple(float(value) for value in (a, b, c + centre[0], d, e, f + centre[1]))
    return placed, wkt, ()
