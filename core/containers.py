"""How JPEG, PNG, WebP and TIFF files are built: announced size, orientation, what is missing.

Segments and chunks are walked one by one, so that bytes that look like a mark elsewhere (in a
comment, a thumbnail, a film behind the photo) are not taken for one. Standard library only: the
plugin looks at files in the same way.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from .file_length import is_as_long_as_announced
from .files import open_file

if TYPE_CHECKING:
    from pathlib import Path

JPEG, PNG, WEBP, TIFF = "JPEG", "PNG", "WebP", "TIFF"

DRIVERS = (
    *("JPEG", "PNG", "WEBP", "GTiff", "BMP", "GIF", "BIGGIF", "PNM", "SGI"),
    *("JP2OpenJPEG", "JP2KAK", "JP2ECW", "JP2MrSID", "ECW", "MrSID", "JPEGXL", "AVIF", "HEIF"),
    *("ENVI", "EHdr", "EIR", "HFA", "LAN", "PCIDSK", "RST", "SAGA", "ILWIS", "RMF", "NITF", "BSB"),
    *("AAIGrid", "GRASSASCIIGrid", "GSAG", "GSBG", "GS7BG", "XYZ", "ZMap", "GXF", "SIGDEM", "AIG"),
    *("SRTMHGT", "USGSDEM", "DTED", "SDTS", "BT", "Leveller", "Terragen", "PCRaster", "netCDF"),
    *("GPKG", "MBTiles"),
)
"""Drivers of GDAL by which files are opened: they read pixels of the file itself and its header."""

# Of libjpeg, and of libtiff for fax compression.
_DAMAGE = re.compile(r"Corrupt JPEG data|[Pp]remature (?:end|EO[FL])|Bad code word|Line length mis")
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")  # fill bytes and restart marks are none
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_START, _TEM, _END, _SCAN, _APP1 = 0xD8, 0x01, 0xD9, 0xDA, 0xE1
_EXIF = b"Exif\0\0"
_LARGEST_EXIF = 1 << 20
_ORIENTATION = 0x0112
_PIECE = 1 << 20  # bytes read at a time
# First row, first column, step of rows, step of columns of the passes of an interlaced PNG.
_ADAM7 = (
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)
)  # fmt: skip
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type of a PNG


@dataclass(frozen=True)
class Container:
    """What the structure of a file tells without decoding it.

    Attributes
    ----------
    kind
        `JPEG`, `PNG`, `WEBP`, `TIFF`; empty for any other file.
    size
        (width, height) as stored, None where unknown.
    orientation
        EXIF orientation 1 to 8, as OpenCV understands it: 1 where it is missing or malformed.
    is_whole
        False if a part of the file is missing; decoders invent what is not there.
    """

    kind: str = ""
    size: tuple[int, int] | None = None
    orientation: int = 1
    is_whole: bool = True


def inspect(file: BinaryIO) -> Container:
    """Inspect an open file; nothing is decoded, and little is read but of a JPEG."""
    file.seek(0)
    head = file.read(16)
    if head.startswith(b"\xff\xd8\xff"):
        file.seek(0)
        return _inspect_jpeg(file.read())
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _inspect_png(file)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _inspect_webp(file)
    if head.startswith((b"II*\0", b"MM\0*")):
        return Container(TIFF, orientation=_read_orientation(file))
    return Container(is_whole=is_as_long_as_announced(file))


def is_lossy(driver: str, structure: Mapping[str, str]) -> bool:
    """Return whether the values of a file are inexact, by GDAL's driver and ``IMAGE_STRUCTURE``."""
    compression = structure.get("COMPRESSION", "")
    how = structure.get("COMPRESSION_REVERSIBILITY", "")
    return driver == "JPEG" or compression.endswith("JPEG") or how == "LOSSY"


def is_damage(text: str) -> bool:
    """Return whether a library's warning means that pixels are missing, and were invented.

    Bytes too many before the end are none: some webcams write them.
    """
    if "extraneous bytes before marker 0xd9" in text:
        return False
    return _DAMAGE.search(text) is not None


def orientation_of(path: str | Path) -> int:
    """Return the EXIF orientation of a file, 1 to 8; 1 where it cannot be read."""
    try:
        with open_file(path) as file:
            return inspect(file).orientation
    except OSError:
        return 1


def is_whole(path: str | Path) -> bool:
    """Return whether nothing of a file is missing, as far as its structure tells.

    True for what is no file on disk, and for formats whose decoders notice themselves.
    """
    try:
        with open_file(path) as file:
            container = inspect(file)
            return container.is_whole and (container.kind != PNG or holds_all_rows(file))
    except OSError:
        return True


def holds_all_rows(file: BinaryIO) -> bool:
    """Return whether the data of a PNG that is whole suffice for its size; inflates them."""
    file.seek(8)
    inflate, missing = zlib.decompressobj(), -1
    for kind, start, length in _chunks(file, ">"):
        if kind == b"IHDR":
            missing = _count_png_bytes(_read_at(file, start, length))
        if kind != b"IDAT":
            continue
        file.seek(start)
        for size in _pieces(length):
            try:
                piece = inflate.decompress(file.read(size), _PIECE)
                while piece and missing > 0:
                    missing -= len(piece)
                    piece = inflate.decompress(inflate.unconsumed_tail, _PIECE)
            except zlib.error:
                return False
            if missing <= 0:
                return True
    return missing <= 0


def with_orientation(png: bytes, orientation: int) -> bytes:
    """Return a PNG that is displayed turned by an EXIF orientation."""
    entry = struct.pack("<HHHIHH", 1, _ORIENTATION, 3, 1, orientation, 0)
    body = b"eXIf" + b"II*\0" + struct.pack("<I", 8) + entry + bytes(4)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    header = 8 + 25  # signature and IHDR
    return png[:header] + chunk + png[header:]


# --- JPEG ---------------------------------------------------------------------------------------


def _inspect_jpeg(content: bytes) -> Container:
    size, orientation, is_progressive, has_ended = None, None, False, False
    lacking: dict[int, set[int]] = {}  # coefficients that no scan has completed, by component
    for marker, body in _segments(content):
        if marker in _FRAMES and size is None and len(body) >= 6:
            height, width = struct.unpack_from(">HH", body, 1)
            size, is_progressive = (width, height), marker in _PROGRESSIVE
            lacking = {identity: set(range(64)) for identity in body[6::3][: body[5]]}
        elif marker == _APP1 and orientation is None and body.startswith(_EXIF):
            orientation = _read_orientation(io.BytesIO(body[len(_EXIF) :]))
        elif marker == _SCAN and body and len(body) >= 4 + 2 * body[0]:
            first, last, bits = body[1 + 2 * body[0] :][:3]
            done = range(first, last + 1) if is_progressive else range(64)
            if not is_progressive or bits & 15 == 0:
                for identity in body[1 : 1 + 2 * body[0] : 2]:
                    lacking.get(identity, set()).difference_update(done)
        has_ended = marker == _END
    is_whole = has_ended and not any(lacking.values())
    return Container(JPEG, size, orientation or 1, is_whole)


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and body of each segment of the first image, up to its end mark."""
    position = 2
    while found := _MARKER.search(content, position):
        marker, position = found[1][0], found.end()
        if marker == _END:
            yield marker, b""
            return
        if marker in (_START, _TEM):
            continue
        length = int.from_bytes(content[position : position + 2], "big")
        if length < 2 or position + length > len(content):
            return
        yield marker, content[position + 2 : position + length]
        position += length


# --- PNG and WebP -------------------------------------------------------------------------------


def _inspect_png(file: BinaryIO) -> Container:
    file.seek(8)
    size, orientation, has_ended = None, None, False
    for kind, start, length in _chunks(file, ">"):
        if kind == b"IHDR":
            width, height = struct.unpack(">II", _read_at(file, start, 8))
            size = (width, height)
        elif kind == b"eXIf" and orientation is None and length <= _LARGEST_EXIF:
            orientation = _read_orientation(io.BytesIO(_read_at(file, start, length)))
        elif kind == b"IEND":
            has_ended = True
            break
    return Container(PNG, size, orientation or 1, has_ended or size is None)


def _inspect_webp(file: BinaryIO) -> Container:
    length = int.from_bytes(_read_at(file, 4, 4), "little")
    is_whole = file.seek(0, io.SEEK_END) >= 8 + length
    file.seek(12)
    orientation = 1
    for kind, start, size in _chunks(file, "<"):
        if kind == b"EXIF" and size <= _LARGEST_EXIF:
            body = _read_at(file, start, size)
            orientation = _read_orientation(io.BytesIO(body.removeprefix(_EXIF)))
            break
    return Container(WEBP, None, orientation, is_whole)


def _chunks(file: BinaryIO, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and length of each chunk that is there in full, from here on.

    ``order`` is ">" for a PNG, whose chunks end in a checksum, "<" for RIFF with padding.
    """
    start, end = file.tell(), file.seek(0, io.SEEK_END)
    while start + 8 <= end:
        head = _read_at(file, start, 8)
        if order == ">":
            (length,), kind, rest = struct.unpack(">I", head[:4]), head[4:], 4
        else:
            (length,), kind = struct.unpack("<I", head[4:]), head[:4]
            rest = length % 2
        if start + 8 + length + (rest if order == ">" else 0) > end:
            return
        yield kind, start + 8, length
        start += 8 + length + rest


def _count_png_bytes(header: bytes) -> int:
    """Return the number of bytes of all rows of a PNG, their filters included."""
    width, height, bits, colours, _, _, interlaced = struct.unpack(">IIBBBBB", header[:13])
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    total = 0
    for top, left, rows, cols in passes:
        wide, high = -(-(width - left) // cols), -(-(height - top) // rows)
        if wide > 0 and high > 0:
            total += high * (1 + -(-wide * bits * _CHANNELS.get(colours, 1) // 8))
    return total


def _pieces(length: int) -> Iterator[int]:
    for start in range(0, length, _PIECE):
        yield min(_PIECE, length - start)


def _read_at(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)


# --- TIFF, and EXIF, which is one -----------------------------------------------------------------


def _read_orientation(file: BinaryIO) -> int:
    """Read the orientation from the first directory of a TIFF; 1 if there is none."""
    head = _read_at(file, 0, 8)
    order = "<" if head.startswith(b"II*\0") else ">"
    if len(head) < 8 or not head.startswith((b"II*\0", b"MM\0*")):
        return 1
    (offset,) = struct.unpack(order + "I", head[4:])
    (count,) = struct.unpack(order + "H", _read_at(file, offset, 2).rjust(2, b"\0"))
    directory = _read_at(file, offset + 2, 12 * count)
    for entry in range(0, len(directory) - 11, 12):
        tag, _, _, value = struct.unpack_from(order + "HHIH", directory, entry)
        if tag == _ORIENTATION:
            return value if 1 <= value <= 8 else 1
    return 1
