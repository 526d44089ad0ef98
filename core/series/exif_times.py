"""Times in the EXIF tags of a photo, from the first bytes of its file; nothing is decoded.

For QGIS's own Python too: standard library only, Python 3.9.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ..files import open_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HEAD = 1 << 17  # bytes: EXIF stands in the first segment of a JPEG, of 64 kB at most
_MOST_TEXT = 64
_SUBDIRECTORY = 0x8769
_TAGS = {
    0x0132: "EXIF_DateTime",
    0x9003: "EXIF_DateTimeOriginal",
    0x9004: "EXIF_DateTimeDigitized",
    0x9010: "EXIF_OffsetTime",
    0x9011: "EXIF_OffsetTimeOriginal",
    0x9012: "EXIF_OffsetTimeDigitized",
}


def read_exif_times(path: str | Path) -> dict[str, str]:
    """Return the tags of times of a JPEG or TIFF, named as `core.capture_time` takes them.

    Empty where there are none, and where the file cannot be read.
    """
    try:
        with open_file(path) as file:
            head = file.read(_HEAD)
    except OSError:
        return {}
    start = head.find(b"Exif\0\0") + 6 if head.startswith(b"\xff\xd8") else 0
    tiff = head[start:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or (start == 5 and head.startswith(b"\xff\xd8")):
        return {}
    try:
        return dict(_texts(tiff, order, struct.unpack_from(f"{order}I", tiff, 4)[0], 1))
    except struct.error:  # directories that lie beyond the head, or are damaged
        return {}


def _texts(tiff: bytes, order: str, offset: int, deeper: int) -> Iterator[tuple[str, str]]:
    (count,) = struct.unpack_from(f"{order}H", tiff, offset)
    for entry in range(count):
        tag, kind, length, value = struct.unpack_from(f"{order}HHII", tiff, offset + 2 + 12 * entry)
        if tag == _SUBDIRECTORY and deeper:
            yield from _texts(tiff, order, value, deeper - 1)
        elif tag in _TAGS and kind == 2 and length <= _MOST_TEXT:
            text = tiff[value : value + length] if length > 4 else b""
            yield _TAGS[tag], text.decode("latin-1").strip("\0 ")
