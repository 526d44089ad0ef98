"""Text files and tables as people, editors and spreadsheets save them.

Standard library only, since the plugin reads through it inside QGIS, too.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .files import open_file

if TYPE_CHECKING:
    import os

LARGEST = 1 << 30
"""Bytes of a text file beyond which it is refused instead of read into memory."""

_CHUNK = 1 << 20
_SEPARATORS = ",;\t"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t ]*(?:\r\n|\r|\n|$)', re.IGNORECASE)  # of Excel


def read_limited(path: str | os.PathLike[str], most: int = LARGEST) -> bytes:
    """Read a file of at most ``most`` bytes.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is larger.
    """
    content = bytearray()
    with open_file(path) as file:
        while chunk := file.read(_CHUNK):
            content += chunk
            if len(content) > most:
                raise ValueError(f"it has more than {most >> 20} MB")
    return bytes(content)


def decode_text(content: bytes, fallback: str | None = None) -> str:
    """Decode UTF-8 or UTF-16, with or without a byte order mark.

    Parameters
    ----------
    content
        Of a whole file.
    fallback
        Encoding of what is neither, such as ``cp1252``; None refuses it.

    Raises
    ------
    ValueError
        If it is no text in these encodings; the message says from which byte on.
    """
    wide = {b"\0": "utf-16-be"}.get(content[:1]) or {b"\0": "utf-16-le"}.get(content[1:2])
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        wide = "utf-16"
    try:
        return content.decode(wide or "utf-8").lstrip("\ufeff")  # joined files have several
    except UnicodeDecodeError as error:
        if fallback is not None:
            return content.decode(fallback, errors="replace")
        raise ValueError(
            f"its byte {error.start + 1} is no {wide or 'UTF-8'} text: save it as UTF-8"
        ) from error


def read_text(path: str | os.PathLike[str], *, fallback: str | None = None) -> str:
    """Read a text file; see `read_limited` and `decode_text` for encodings and errors."""
    return decode_text(read_limited(path), fallback)


def read_lines(path: str | os.PathLike[str]) -> list[str]:
    """Read the lines of a list that are not empty, without blanks round them; see `read_text`."""
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


@dataclass(frozen=True)
class Table:
    """A table with a heading.

    Attributes
    ----------
    columns
        Their names in small letters; each occurs once.
    rows
        The number of the line in the file, and its cells without blanks round them; at least one
        of them is not empty. A row may have more or fewer cells than there are columns.
    separator
        Comma, semicolon, tab, or what the file names in Excel's first line ``sep=``.
    """

    columns: list[str]
    rows: list[tuple[int, list[str]]]
    separator: str


def read_table(path: str | os.PathLike[str], *, fallback: str | None = None) -> Table:
    """Read a table that a text editor or a spreadsheet has written.

    The separator is the one that the heading has most of, unless the file names it. Encodings are
    those of `decode_text`; people's tables need the ``fallback`` ``cp1252``, in which Excel writes.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is too large, no table, or two columns have one name; the message says which.
    """
    text = read_text(path, fallback=fallback)
    named = _SEPARATOR_LINE.match(text)
    if named:
        separator, text = named[1], text[named.end() :]
    else:
        heading = next((line for line in text.splitlines() if line.strip()), "")
        separator = max(_SEPARATORS, key=heading.count)
    before = 1 if named else 0  # lines
    rows: list[tuple[int, list[str]]] = []
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    except (TypeError, ValueError) as error:
        raise ValueError(f"its columns cannot be separated by {separator!r}") from error
    try:
        for cells in lines:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                rows.append((lines.line_num + before, stripped))
    except csv.Error as error:
        raise ValueError(f"line {lines.line_num + before}: {error}") from error
    columns = [name.lower() for name in rows[0][1]] if rows else []
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise ValueError(
            f"it has two columns {' and two columns '.join(twice)}: keep or rename one of them"
        )
    return Table(columns, rows[1:], separator)
