"""How long files must be that readers fill up with zeros, or take as they are, when cut short.

Formats that announce their length in a header of their own are told by their first bytes; of
rasters without compression, and of text grids, the driver has to say how many cells there are.
Standard library only: the plugin looks at files in the same way.
"""

from __future__ import annotations

import io
import math
import re
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from .files import open_file

_SQLITE, _PCIDSK, _CLASSIC = b"SQLite format 3\0", b"PCIDSK  ", (b"CDF\1", b"CDF\2", b"CDF\5")
_PCIDSK_BLOCK = 512  # bytes
_NETCDF_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}  # by type
_MOST_DIMENSIONS = 1024
_RAW = ("ENVI", "EHdr", "EIR", "LAN", "RST", "PCRaster")
_CODESTREAM, _END_OF_CODESTREAM = b"\xff\x4f\xff\x51", b"\xff\xd9"
_HEADERS = {"PCRaster": 256, "LAN": 128}  # bytes
_DERIVED = (".ovr", ".msk", ".xml", ".aux")  # what GDAL and others put beside a raster
_X, _Y = re.compile(rb"x|lon|east", re.IGNORECASE), re.compile(rb"y|lat|north", re.IGNORECASE)
_HEAD, _MOST_TAIL = 1 << 16, 1 << 26  # bytes
_GAP = rb"(?:\s|#[^\n]*\n)+"
_SIZE = rb"(\d{1,9})"
_PNM = re.compile(rb"P([56])" + (_GAP + _SIZE) * 3 + rb"\s")


def is_as_long_as_announced(file: BinaryIO) -> bool:
    """Return whether an open file is all there, if its first bytes tell; else True.

    For SQLite (GeoPackage, MBTiles), PCIDSK, PNM, JPEG 2000, and netCDF before netCDF-4.
    """
    file.seek(0)
    head = file.read(32)
    size = file.seek(0, io.SEEK_END)
    if head.startswith(_SQLITE) and len(head) > 17:
        page = int.from_bytes(head[16:18], "big")  # SQLite misses whole pages itself
        return size % (65536 if page == 1 else page or 1) == 0
    if head.startswith(_PCIDSK):
        blocks = head[16:32].strip()
        is_long = not blocks.isdigit() or size >= _PCIDSK_BLOCK * int(blocks)
        return is_long or _is_tiled(file)  # room for more tiles is announced, but not written
    if head.startswith(_CODESTREAM) or head[4:8] == b"jP  ":
        return _has_end_of_codestream(file, size)
    if head.startswith((b"P5", b"P6")):
        file.seek(0)
        found = _PNM.match(file.read(_HEAD))
        kind, width, height, white = map(int, found.groups()) if found else (5, 0, 0, 0)
        cell = (3 if kind == 6 else 1) * (2 if white > 255 else 1)
        return found is None or size >= found.end() + cell * width * height
    if head.startswith(_CLASSIC):
        try:
            return size >= _Classic(file, head[3]).length()
        except (struct.error, KeyError, IndexError, ValueError, OverflowError):
            return False
    return True


def holds_all_cells(
    driver: str, path: Path, files: Iterable[str], shape: tuple[int, int], bits: int
) -> bool:
    """Return whether a raster that GDAL has opened is all there; True for what it notices itself.

    Parameters
    ----------
    driver
        Its short name.
    path, files
        What was opened, and all files that belong to it.
    shape
        (rows, columns).
    bits
        That a cell takes in the file, of all bands together.
    """
    rows, cols = shape
    if driver == "XYZ":
        return _last_row_is_whole(path, max(shape))
    if driver != "ILWIS" and driver not in _RAW:
        return True
    if driver == "ILWIS":
        found = [path.with_suffix(".mp#")]
    else:
        found = [Path(name) for name in files if not name.lower().endswith(_DERIVED)]
    size = max((file.stat().st_size for file in found if file.is_file()), default=0)
    if driver == "ILWIS":  # stored in 1 to 8 bytes, whatever the type of the values
        return size % (rows * cols) == 0
    return size >= _HEADERS.get(driver, 0) + -(-rows * cols * bits // 8)


def _has_end_of_codestream(file: BinaryIO, size: int) -> bool:
    """Return whether all boxes of a JPEG 2000 are there, and its pixels end with the end mark."""
    file.seek(0)
    start, end = 0, size
    is_whole = file.read(4) == _CODESTREAM
    while not is_whole:
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return False
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        end = start + length if length else size
        if end > size or end < start + 8:
            return False
        is_whole, start = head[4:8] == b"jp2c", end
    file.seek(max(0, end - 2))
    return file.read(2) == _END_OF_CODESTREAM


def _is_tiled(file: BinaryIO) -> bool:
    """Return whether a PCIDSK file has a segment with tiles."""
    file.seek(440)
    start, blocks = (text.strip() for text in (file.read(16), file.read(8)))
    if not (start.isdigit() and blocks.isdigit()):
        return False
    file.seek(_PCIDSK_BLOCK * max(0, int(start) - 1))
    return b"TileData" in file.read(_PCIDSK_BLOCK * min(int(blocks), 64))


class _Classic:
    """Header of a netCDF file before netCDF-4; see the specification "CDF-1, CDF-2, CDF-5"."""

    def __init__(self, file: BinaryIO, version: int) -> None:
        self._file = file
        file.seek(4)
        self._wide = version == 5
        self._wide_begin = version != 1

    def length(self) -> int:
        """Return the bytes that the file must have; struct.error where the header is cut."""
        records = self._count()
        if records == (1 << (64 if self._wide else 32)) - 1:  # still being written
            records = 0
        sizes = [self._dimension() for _ in self._entries()]
        self._attributes()
        ends, in_records = [self._file.tell()], []
        for _ in self._entries():
            self._name()
            count = self._count()
            if count > _MOST_DIMENSIONS:
                raise ValueError(f"{count} dimensions")
            dims = [sizes[self._count()] for _ in range(count)]
            self._attributes()
            cell = _NETCDF_BYTES[self._number(False)]
            self._count()  # padded size, which has no room for large ones
            begin = self._number(self._wide_begin)
            if dims[:1] == [0]:
                in_records.append((begin, cell * math.prod(dims[1:])))
            else:
                ends.append(begin + cell * math.prod(dims))
        padding = 1 if len(in_records) == 1 else 4
        step = sum(-(-size // padding) * padding for _, size in in_records)
        ends += [begin + (records - 1) * step + size for begin, size in in_records if records]
        return max(ends)

    def _entries(self) -> Iterator[None]:
        self._number(False)  # what is listed
        for _ in range(self._count()):
            yield

    def _dimension(self) -> int:
        self._name()
        return self._count()

    def _name(self) -> None:
        self._skip(self._count())

    def _attributes(self) -> None:
        for _ in self._entries():
            self._name()
            cell = _NETCDF_BYTES[self._number(False)]
            self._skip(cell * self._count())

    def _skip(self, length: int) -> None:
        self._file.seek(-(-length // 4) * 4, io.SEEK_CUR)

    def _count(self) -> int:
        return self._number(self._wide)

    def _number(self, is_wide: bool) -> int:
        kind = ">Q" if is_wide else ">I"
        return int(struct.unpack(kind, self._file.read(struct.calcsize(kind)))[0])


def _last_row_is_whole(path: Path, longest: int) -> bool:
    """Return whether the last row of a text grid has as many points as the rows before it.

    Rows may run along x or y. Grids that leave points out have rows of many lengths.
    """
    with open_file(path) as file:
        head = file.read(_HEAD).splitlines()
        size = file.seek(0, io.SEEK_END)
        width = max(map(len, head), default=0) + 2
        start = max(0, size - min(4 * longest * width, _MOST_TAIL))
        file.seek(start)
        lines = [_cells(line) for line in file.read().splitlines() if line.strip()]
    names = _cells(head[0]) if head else []
    places = [
        next((place for place, name in enumerate(names) if pattern.match(name)), default)
        for default, pattern in enumerate((_X, _Y))
    ]
    lines = lines[1:]  # a heading, or a part of a line
    if len(lines) < 2 or len(lines[-1]) < len(lines[-2]):
        return len(lines) < 2
    if any(len(line) <= max(places) for line in lines):
        return True
    rows = min((_runs([line[place] for line in lines]) for place in places), key=len)
    before = rows[1:-1] or rows[:-1]  # the first may have begun further up
    return not before or len(set(before)) > 1 or rows[-1] >= before[0]


def _cells(line: bytes) -> list[bytes]:
    return re.split(rb"[ \t,;]+", line.strip())


def _runs(values: list[bytes]) -> list[int]:
    """Return how often each value follows itself."""
    lengths: list[int] = []
    last = None
    for value in values:
        if value == last:
            lengths[-1] += 1
        else:
            lengths.append(1)
        last = value
    return lengths
