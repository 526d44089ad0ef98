"""The one door to GDAL's vector drivers: files by their names, and nothing else.

pyogrio takes a path for an address: ``!`` divides archive and member, ``?`` and ``;`` begin a
query and parameters, ``zip://`` and ``/vsi…`` name file systems. A folder ``!2024`` is none of
that. Here a path means the file of this name; where it would be read otherwise, a copy under a
plain name is read.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..containers import is_whole
from ..errors import IsegError
from ..files import move
from ..json_files import DAMAGED
from ..text_files import decode_text, read_limited

_JSON = (".geojson", ".json", ".topojson")
_JSON_LINES = (".geojsonl", ".geojsons", ".jsonl", ".ndjson")
_TAIL = 1 << 16  # bytes
_JOURNALS = ("-wal", "-journal")  # of SQLite: the newest features may be there alone
_DATE, _UTC = "OGR_CURRENT_DATE", 100  # GDAL's option, and its number of this time zone
_AREAS = ("polygon", "surface", "collection", "tin", "triangle", "unknown")

UNCHANGED_SINCE = "2000-01-01T00:00:00.000Z"
"""Time of change in files of `write_geopackage`, by which later changes are known."""


class LayerInfo(NamedTuple):
    """A layer of a file; ``areas`` tells whether polygons can be in it."""

    name: str
    areas: bool


class VectorLayer(NamedTuple):
    """Content of a layer.

    Attributes
    ----------
    crs
        As named by GDAL, None if unknown.
    fids, wkb
        Number and well-known binary (None without geometry) of each feature.
    fields
        Values of each feature by the fields' names.
    unreadable
        Names of fields that hold a value that cannot be, such as a 30th of February.
    """

    crs: str | None
    fids: list[int]
    wkb: list[bytes | None]
    fields: dict[str, NDArray[Any]]
    unreadable: list[str]


class VectorFile:
    """A vector file or folder, opened by `open_vectors`."""

    def __init__(self, path: Path, shown: Path) -> None:
        self._path = str(path)
        self._shown = shown

    def layer_names(self) -> list[str]:
        """Return the names of all layers, those of tables without geometries too."""
        return [name for name, _ in self._layers()]

    def layers(self) -> list[LayerInfo]:
        """Return the layers that can hold geometries."""
        return [
            LayerInfo(name, any(word in str(kind).lower() for word in _AREAS))
            for name, kind in self._layers()
            if kind is not None
        ]

    def _layers(self) -> list[tuple[str, Any]]:
        from pyogrio import list_layers

        with self._errors():
            return [(str(name), kind) for name, kind in list_layers(self._path)]

    def read(self, layer: str) -> VectorLayer:
        """Read a layer.

        Raises
        ------
        IsegError
            If it cannot be read.
        """
        from pyogrio import read_info

        announced = 0
        with self._errors(), warnings.catch_warnings():
            # Rings are closed, and features without a geometry are told of by what reads them.
            warnings.simplefilter("ignore", RuntimeWarning)
            try:
                crs, fids, wkb, fields = self._read(layer)
                unreadable: list[str] = []
            except (ValueError, OverflowError):  # of an attribute: which one is not said
                crs, fids, wkb, fields = self._read(layer, [])
                names = [str(name) for name in read_info(self._path, layer=layer)["fields"]]
                for name in names:
                    with contextlib.suppress(ValueError, OverflowError):
                        fields |= self._read(layer, [name])[3]
                unreadable = [name for name in names if name not in fields]
            if self._path.lower().endswith(".fgb"):
                announced = read_info(self._path, layer=layer)["features"]
        if len(fids) < announced:
            raise _cut_short(self._shown)
        return VectorLayer(crs, fids, wkb, fields, unreadable)

    def _read(
        self, layer: str, columns: list[str] | None = None
    ) -> tuple[str | None, list[int], list[bytes | None], dict[str, NDArray[Any]]]:
        """Read a layer with all attributes, or those of ``columns``."""
        from pyogrio.raw import read

        options: dict[str, Any] = {"layer": layer, "columns": columns, "return_fids": True}
        try:
            meta, fids, wkb, values = read(self._path, datetime_as_string=True, **options)
        except UnicodeDecodeError:  # the file says that it is UTF-8, or nothing
            options["encoding"] = "cp1252"
            meta, fids, wkb, values = read(self._path, datetime_as_string=True, **options)
        shapes = [None] * len(fids) if wkb is None else list(wkb)
        names = [str(name) for name in meta["fields"]]
        return meta["crs"], list(map(int, fids)), shapes, dict(zip(names, values, strict=True))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from pyogrio.errors import DataLayerError, DataSourceError

        try:
            yield
        except (DataSourceError, DataLayerError, NameError, *DAMAGED) as error:
            # NameError: pyogrio's own, where a CRS cannot be exported
            reason = str(error).partition("; It might help")[0]  # to name a driver: it is not
            reason = reason.replace(self._path, str(self._shown)).rstrip(".")
            raise IsegError(f"{self._shown} cannot be read as outlines: {reason}.") from error


@contextmanager
def open_vectors(path: Path) -> Iterator[VectorFile]:
    """Open a file or folder of vectors under its own name, whatever characters that has.

    Raises
    ------
    IsegError
        If it does not exist or cannot be read.
    """
    if not path.is_file() and not path.is_dir():
        raise IsegError(f"{path} cannot be read: there is no such file. Check the name.")
    if path.is_file() and not (is_whole(path) and _has_last_line(path)):
        raise _cut_short(path)
    plain = path.absolute()
    utf8 = _as_utf8(plain)
    if utf8 is None and _is_taken_as_it_is(plain):
        yield VectorFile(plain, path)
        return
    with tempfile.TemporaryDirectory(prefix="outlines-") as folder:
        copy = Path(folder, f"outlines{_plain_suffix(plain)}")
        try:
            if utf8 is None:
                _copy(plain, copy)
            else:
                copy.write_bytes(utf8)
        except OSError as error:
            raise IsegError(
                f"{path} cannot be read: {error.strerror or error}. Check that it may be read, and "
                "that there is room for a copy of it among the temporary files."
            ) from error
        yield VectorFile(copy, path)


def encode_vectors(
    wkb: Sequence[bytes],
    fields: dict[str, NDArray[Any]],
    *,
    crs: str,
    driver: str,
    layer: str,
    layer_options: dict[str, str] | None = None,
) -> bytes:
    """Return the file of a driver with one layer of multipolygons.

    In memory: on a full disk, GDAL may cut files short without an error.

    Raises
    ------
    OSError
        If the driver cannot do it.
    """
    from pyogrio.errors import DataLayerError, DataSourceError
    from pyogrio.raw import write

    content = BytesIO()
    try:
        write(
            content,
            np.array(wkb, dtype=object),
            field_data=list(fields.values()),
            fields=list(fields),
            geometry_type="MultiPolygon",
            crs=crs,
            driver=driver,
            layer=layer,
            layer_options=layer_options or {},
        )
    except (DataSourceError, DataLayerError) as error:
        raise OSError(f"{driver}: {str(error).rstrip('.')}") from error
    return content.getvalue()


def write_polygons(
    path: Path, wkb: Sequence[bytes], fields: dict[str, NDArray[Any]], *, crs: str, driver: str
) -> None:
    """Write a layer of polygons, with all files that a driver makes of it.

    Raises
    ------
    OSError
        If it cannot be written, or the driver cannot do it; nothing is replaced then.
    """
    from pyogrio.errors import DataLayerError, DataSourceError
    from pyogrio.raw import write

    with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as folder:
        plain = Path(folder, "layer" + path.suffix)  # a name that means nothing else
        try:
            write(
                str(plain),
                np.array(wkb, dtype=object),
                field_data=list(fields.values()),
                fields=list(fields),
                geometry_type="Polygon",
                crs=crs,
                driver=driver,
                layer="layer" if driver == "ESRI Shapefile" else path.stem,
            )
        except (DataSourceError, DataLayerError) as error:
            raise OSError(f"{driver}: {str(error).rstrip('.')}") from error
        # The file that programs open last: it names the others.
        for part in sorted(Path(folder).iterdir(), key=lambda part: part.name == plain.name):
            move(part, path.with_name(path.stem + part.name[len("layer") :]))


class VectorTable(NamedTuple):
    """A layer to write, of multipolygons or (``crs`` None) without geometry.

    Attributes
    ----------
    name, crs
        Of the layer.
    fields
        Names and kinds: text, int, real, bool, datetime (UTC, ISO 8601), in their order.
    rows
        Values by the names of the fields; None, or no value, is unknown.
    wkb
        Well-known binary of each row's geometry, None for one without.
    """

    name: str
    crs: str | None
    fields: Sequence[tuple[str, str]]
    rows: Sequence[Mapping[str, Any]]
    wkb: Sequence[bytes | None] = ()


def write_geopackage(path: Path, tables: Sequence[VectorTable]) -> None:
    """Write layers as a GeoPackage in place of a file that may be there.

    The same layers give the same bytes: the time of change is `UNCHANGED_SINCE`.

    Raises
    ------
    OSError
        If it cannot be written; nothing is replaced then.
    """
    from pyogrio import get_gdal_config_option, set_gdal_config_options
    from pyogrio.errors import DataLayerError, DataSourceError
    from pyogrio.raw import write

    before = get_gdal_config_option(_DATE)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as folder:
        plain = Path(folder, "layers.gpkg")
        set_gdal_config_options({_DATE: UNCHANGED_SINCE})
        try:
            for table in tables:
                columns = {name: _column(table.rows, name, kind) for name, kind in table.fields}
                write(
                    str(plain),
                    np.array(table.wkb, dtype=object) if table.crs else None,
                    field_data=[values for values, _ in columns.values()],
                    field_mask=[unknown for _, unknown in columns.values()],
                    fields=list(columns),
                    geometry_type="MultiPolygon" if table.crs else None,
                    crs=table.crs,
                    driver="GPKG",
                    layer=table.name,
                    append=plain.exists(),
                    dataset_options={"VERSION": "1.2"},  # newer ones are news to many programs
                    gdal_tz_offsets={
                        name: np.full(len(table.rows), _UTC, np.int16)
                        for name, kind in table.fields
                        if kind == "datetime"
                    },
                )
            with open_vectors(plain) as file:  # on a full disk, GDAL may cut files short
                counts = {t.name: len(file.read(t.name).fids) for t in tables}
        except (DataSourceError, DataLayerError, IsegError) as error:
            raise OSError(f"GPKG: {str(error).rstrip('.')}") from error
        finally:
            set_gdal_config_options({_DATE: before})
        if any(counts[table.name] != len(table.rows) for table in tables):
            raise OSError("GPKG: it was cut short, perhaps as the disk is full")
        move(plain, path)


def is_unchanged(path: Path) -> bool:
    """Return whether nobody has changed a GeoPackage since `write_geopackage` wrote it."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as file:
            dates = {str(date) for (date,) in file.execute("SELECT last_change FROM gpkg_contents")}
    except (sqlite3.Error, ValueError):
        return False
    return dates == {UNCHANGED_SINCE}


def _column(
    rows: Sequence[Mapping[str, Any]], name: str, kind: str
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the values of a field, and which are unknown."""
    values = [row.get(name) for row in rows]
    unknown = np.array([value is None or value == "" for value in values], bool)
    if kind == "datetime":
        texts = [str(value).replace("Z", "").replace("+00:00", "") for value in values]
        values = ["NaT" if absent else text for absent, text in zip(unknown, texts, strict=True)]
        return np.array(values, "datetime64[ms]"), unknown
    if kind == "text":
        texts = ["" if absent else str(v) for absent, v in zip(unknown, values, strict=True)]
        return np.array(texts, object), unknown
    dtype = {"int": np.int32, "real": np.float64, "bool": np.bool_}[kind]
    return np.array([0 if a else v for a, v in zip(unknown, values, strict=True)], dtype), unknown


def _cut_short(path: Path) -> IsegError:
    return IsegError(f"{path} cannot be read as outlines: it is cut short. Copy it again.")


def _has_last_line(path: Path) -> bool:
    """Return whether a file with a JSON feature in each line ends with a whole one."""
    if path.suffix.lower() not in _JSON_LINES:
        return True
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read().rstrip(b"\0 \t\r\n").endswith(b"}")


def _is_taken_as_it_is(path: Path) -> bool:
    """Return whether pyogrio and GDAL take a path for the file of this name."""
    from pyogrio.util import vsi_path

    text = str(path)
    return not text.startswith("/vsi") and text.isprintable() and str(vsi_path(text)) == text


def _plain_suffix(path: Path) -> str:
    """Return the suffix, by which drivers know files; none where it is no plain one."""
    suffix = path.suffix.lower()
    return suffix if suffix[1:].isalnum() and suffix.isascii() else ""


def _copy(path: Path, copy: Path) -> None:
    """Copy a file with those that belong to it, or a folder."""
    if path.is_dir():
        shutil.copytree(path, copy)
        return
    shutil.copyfile(path, copy)
    for end in _JOURNALS:
        journal = path.with_name(path.name + end)
        if journal.is_file():
            shutil.copyfile(journal, copy.with_name(copy.name + end))
    if path.suffix.lower() != ".shp":
        return
    for other in path.parent.iterdir():
        if other.stem == path.stem and other != path and other.is_file():
            shutil.copyfile(other, copy.with_suffix(other.suffix.lower()))


def _as_utf8(path: Path) -> bytes | None:
    """Return JSON text in UTF-8, where the file has it in another encoding; else None."""
    if path.suffix.lower() not in _JSON or not path.is_file():
        return None
    try:
        content = read_limited(path)
        decoded = decode_text(content, "cp1252").encode("utf-8", errors="replace")
    except (OSError, ValueError):
        return None  # the driver says what is wrong
    return None if decoded == content else decoded
