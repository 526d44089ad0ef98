"""Small GeoPackages of avalanches, and people who edit them through SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pyogrio
import shapely

from core.geopackage.database import add_spatial_functions
from core.geopackage.history import keep_history, last_number, sign

FIELDS = ("uuid", "type", "comment", "mapper", "modified_at", "prompts", "review", "reviewed_at")


def square(x: float, side: float = 10.0) -> shapely.MultiPolygon:
    return shapely.MultiPolygon([shapely.box(x, 0, x + side, side)])


def write(path: Path, rows: dict[str, dict], *, table: str = "avalanches", crs="EPSG:2056") -> Path:
    """Write a table of avalanches; values by uuid, with "x" as the place."""
    fields = [
        np.array(
            [name if key == "uuid" else values.get(key) for name, values in rows.items()], object
        )
        for key in FIELDS
    ]
    shapes = [square(values.get("x", 0.0)) for values in rows.values()]
    pyogrio.raw.write(
        str(path),
        np.array([shapely.to_wkb(shape) for shape in shapes], object),
        field_data=fields,
        fields=list(FIELDS),
        geometry_type="MultiPolygon",
        crs=crs,
        driver="GPKG",
        layer=table,
        append=path.exists(),
    )
    return path


def edit(path: Path, text: str, *values: object, who: str = "", table: str = "avalanches") -> None:
    """Run SQL in one transaction, as GDAL does; ``who`` signs what it made."""
    before = last_number(path, table)
    with closing(sqlite3.connect(path)) as database:
        add_spatial_functions(database)
        database.execute(text, values)
        database.commit()
    if who:
        sign(path, table, who, before)


def outline(x: float, side: float, path: Path) -> bytes:
    """Geometry of a square as this file's GDAL writes it."""
    with closing(sqlite3.connect(path)) as database:
        header = database.execute("SELECT geom FROM avalanches").fetchone()[0][:8]
    bounds = np.array([x, x + side, 0, side], "<f8").tobytes()
    return header + bounds + shapely.to_wkb(square(x, side))


def content(path: Path, table: str = "avalanches") -> list[tuple]:
    """Rows of a table, without their numbers."""
    with closing(sqlite3.connect(path)) as database:
        return sorted(
            database.execute(f"SELECT {', '.join(FIELDS)}, geom FROM {table}").fetchall(),
            key=lambda row: row[0],
        )


def kept(path: Path, rows: dict[str, dict]) -> Path:
    """Write avalanches whose history is kept."""
    write(path, rows)
    keep_history(path, "avalanches")
    return path
