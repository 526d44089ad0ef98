"""A GeoPackage as the SQLite database that it is: connections, tables, geometries.

The program that changes tables of features has to bring the functions of their spatial index:
GDAL does, SQLite alone does not.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from ..errors import IsegError
from ..files import is_file

_ENVELOPES = (0, 32, 48, 48, 64)  # bytes, by the number in the header
_HEADER = 8  # bytes: magic, version, flags, SRS
_EMPTY = 0b00010000
_POLYGON = 3

Bounds = tuple[float, float, float, float]
"""(x_min, x_max, y_min, y_max)."""


class Column(NamedTuple):
    """A column of a table, with its declared type."""

    name: str
    kind: str


class FeatureTable(NamedTuple):
    """A table of features.

    Attributes
    ----------
    name, geometry, key
        Of the table, its column of geometries, and that of its primary key.
    srs
        Number of the reference system within this file.
    columns
        All but the primary key, the geometry too.
    """

    name: str
    geometry: str
    key: str
    srs: int
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of `columns`."""
        return tuple(column.name for column in self.columns)


@contextmanager
def opened(path: str | Path, wait: float = 5.0) -> Iterator[sqlite3.Connection]:
    """Open a GeoPackage; each statement is a transaction, but within `transaction`.

    Parameters
    ----------
    wait
        Seconds to wait for other programs that have locked it.

    Raises
    ------
    IsegError
        If it is not there, is none, is damaged or stays locked.
    """
    if not is_file(path):
        raise IsegError(f"{path} cannot be read: there is no such file. Check the name.")
    try:
        connection = sqlite3.connect(str(path), timeout=wait, isolation_level=None)
        with closing(connection):
            connection.row_factory = sqlite3.Row
            yield connection
    except sqlite3.Error as error:
        raise IsegError(_explained(path, error)) from error


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Write all of the block, or nothing of it."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def has_table(database: sqlite3.Connection, name: str) -> bool:
    """Return whether there is a table of this name."""
    found = database.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)
    )
    return found.fetchone() is not None


def columns_of(database: sqlite3.Connection, table: str) -> dict[str, Column]:
    """Return the columns of a table by their names; the primary key is left out."""
    rows = database.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
    return {row["name"]: Column(row["name"], row["type"]) for row in rows if not row["pk"]}


def feature_tables(database: sqlite3.Connection) -> dict[str, FeatureTable]:
    """Return the tables of features whose avalanches have a ``uuid``, by name."""
    found: dict[str, FeatureTable] = {}
    if not has_table(database, "gpkg_geometry_columns"):
        return found
    for row in database.execute("SELECT * FROM gpkg_geometry_columns ORDER BY table_name"):
        name = str(row["table_name"])
        info = database.execute(f"PRAGMA table_info({quoted(name)})").fetchall()
        keys = [str(each["name"]) for each in info if each["pk"]]
        columns = columns_of(database, name)
        if len(keys) == 1 and "uuid" in columns:
            found[name] = FeatureTable(
                name,
                str(row["column_name"]),
                keys[0],
                int(row["srs_id"]),
                tuple(columns.values()),
            )
    return found


def add_spatial_functions(database: sqlite3.Connection) -> None:
    """Bring the functions that the triggers of spatial indexes call."""
    database.create_function("ST_IsEmpty", 1, lambda blob: int(bounds_of(blob) is None))
    for index, name in enumerate(("ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY")):
        database.create_function(name, 1, lambda blob, i=index: (bounds_of(blob) or (None,) * 4)[i])


# --- geometries ----------------------------------------------------------------------------------


def wkb_of(blob: bytes | None) -> bytes:
    """Return the well-known binary in a geometry of a GeoPackage; empty if there is none."""
    if blob is None or blob[:2] != b"GP":
        return b""
    return blob[_HEADER + _ENVELOPES[_envelope_kind(blob)] :]


def bounds_of(blob: bytes | None) -> Bounds | None:
    """Return the bounds of a geometry; None of an empty one."""
    if blob is None or blob[:2] != b"GP" or blob[3] & _EMPTY:
        return None
    if _envelope_kind(blob):
        order = "<" if blob[3] & 1 else ">"
        return struct.unpack_from(f"{order}4d", blob, _HEADER)
    points = list(_points(wkb_of(blob), [0]))
    if not points:
        return None
    xs, ys = zip(*points)
    return min(xs), max(xs), min(ys), max(ys)


def with_srs(blob: bytes | None, srs: int) -> bytes | None:
    """Return a geometry that says which reference system of its file it is in."""
    if blob is None or blob[:2] != b"GP":
        return blob
    return blob[:4] + struct.pack("<i" if blob[3] & 1 else ">i", srs) + blob[_HEADER:]


def _points(wkb: bytes, at: list[int]) -> Iterator[tuple[float, float]]:
    """Yield the corners of polygons from a place of their well-known binary on; move the place."""
    order = "<" if wkb[at[0]] else ">"
    kind, count = struct.unpack_from(f"{order}2I", wkb, at[0] + 1)
    at[0] += 9
    if kind % 1000 != _POLYGON:
        for _ in range(count):
            yield from _points(wkb, at)
        return
    size = 2 + (kind // 1000 in (1, 3)) + (kind // 1000 in (2, 3))
    for _ in range(count):
        (corners,) = struct.unpack_from(f"{order}I", wkb, at[0])
        values = struct.unpack_from(f"{order}{size * corners}d", wkb, at[0] + 4)
        at[0] += 4 + 8 * size * corners
        yield from zip(values[::size], values[1::size])


def _envelope_kind(blob: bytes) -> int:
    kind = (blob[3] >> 1) & 0b111
    return kind if kind < len(_ENVELOPES) else 0


def _explained(path: str | Path, error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return (
            f"{path} is locked by another program: wait until it has saved, or close it, and try "
            "again."
        )
    if "not a database" in text or "malformed" in text:
        return f"{path} is no GeoPackage, or is damaged: {text}."
    return (
        f"{path} cannot be read or written: {text}. Check its rights, and that the disk has room."
    )
