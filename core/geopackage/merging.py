"""Merging of two copies of a GeoPackage that two people have edited; nothing of either is lost.

What one of them changed is taken: a history tells, where a version of the one file is an older
version in the other. What both changed is decided by time, and the other version stays in the
history. What one deleted and the other changed is kept. An avalanche on the map and its outline in
the photo are decided together: both are those of the one person. The result does not depend on the
order of the two files, but for styles and tables that hold no avalanches, which are those of the
first.

Names in statements are quoted, values bound: so much for B608.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from ..errors import IsegError, write_errors
from ..files import normal_path, replacing
from . import history
from .database import (
    FeatureTable,
    add_spatial_functions,
    bounds_of,
    columns_of,
    feature_tables,
    has_table,
    opened,
    quoted,
    transaction,
    with_srs,
)
from .history import DELETED, RESTORED, Version

BOTH_CHANGED, CHANGED_AND_DELETED = "both changed", "changed and deleted"


@dataclass(frozen=True)
class Conflict:
    """What two people did to one avalanche.

    Attributes
    ----------
    table, uuid
        Of the avalanche.
    kind
        `BOTH_CHANGED` or `CHANGED_AND_DELETED`.
    held
        The version that holds.
    other
        The version that stays in the history.
    """

    table: str
    uuid: str
    kind: str
    held: Version
    other: Version

    def text(self) -> str:
        """Return it in a sentence."""
        held, other = _told(self.held), _told(self.other)
        if self.kind == CHANGED_AND_DELETED:
            return f"{self.table}, {self.uuid}: changed {held}, deleted {other}. It is kept."
        return (
            f"{self.table}, {self.uuid}: changed by both. The version {held} holds, the one "
            f"{other} is in the history."
        )


@dataclass
class MergeReport:
    """What a merge did.

    Attributes
    ----------
    avalanches
        Number of avalanches in each table of the result.
    from_first, from_second
        Of the avalanches, how many have a version that the other file lacked, or are gone by it.
    conflicts
        Sorted by table and avalanche.
    notes
        What else a person should know, in sentences.
    """

    avalanches: dict[str, int] = field(default_factory=dict)
    from_first: int = 0
    from_second: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _State:
    """A table of one file: versions by identifier, the last one of each avalanche by key."""

    versions: Mapping[str, Version]
    heads: Mapping[str, Version]


def merge_geopackages(first: Path, second: Path, out: Path) -> MergeReport:
    """Write the union of two GeoPackages to a third one.

    Raises
    ------
    IsegError
        If one cannot be read or written, has no avalanches, or the two do not fit together; if
        ``out`` is one of them, or in use.
    """
    report = MergeReport()
    if normal_path(out) in (normal_path(first), normal_path(second)):
        raise IsegError(
            f"{out} is one of the files to be merged: name another file for the result."
        )
    if any(Path(f"{out}{end}").exists() for end in ("-wal", "-journal")):
        raise IsegError(f"{out} is open in another program: close it, or name another file.")
    with write_errors(out), replacing(out) as temporary, opened(first) as one:
        _require_avalanches(first, one)
        with opened(second) as two:
            _require_avalanches(second, two)
            _copy(one, temporary)
            with opened(temporary) as merged:
                _merge(first, second, two, merged, report)
                merged.execute("PRAGMA journal_mode = DELETE")
    return report


def conflict_table(report: MergeReport) -> str:
    """Return what both have changed as CSV."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("table", "uuid", "kind", "held_by", "held_at", "other_by", "other_at"))
    for each in report.conflicts:
        held, other = each.held, each.other
        rows.writerow((each.table, each.uuid, each.kind, held.by, held.at, other.by, other.at))
    return text.getvalue()


def _copy(source: sqlite3.Connection, path: Path) -> None:
    """Copy a database as it is now, with what other programs have written."""
    with closing(sqlite3.connect(str(path))) as copy:
        source.backup(copy)


def _require_avalanches(path: Path, database: sqlite3.Connection) -> None:
    if not feature_tables(database):
        raise IsegError(
            f"{path} has no table of avalanches with the field uuid: choose a GeoPackage of the "
            "plugin."
        )


def _merge(
    first: Path,
    second: Path,
    other: sqlite3.Connection,
    merged: sqlite3.Connection,
    report: MergeReport,
) -> None:
    ours, theirs = feature_tables(merged), feature_tables(other)
    add_spatial_functions(merged)
    with transaction(merged):
        merges = []
        for name in sorted({*ours, *theirs}):
            if name not in theirs:
                report.avalanches[name] = len(history.read_rows(merged, ours[name]))
                report.from_first += report.avalanches[name]
                continue
            before = _State({}, {})
            if name in ours:
                before = _state(merged, ours[name], first, report)
            if name not in ours:
                _copy_table(other, merged, theirs[name])
            else:
                _check_srs(first, second, merged, other, ours[name], theirs[name])
            _add_columns(merged, name, theirs[name])
            table = feature_tables(merged)[name]
            after = _state(other, theirs[name], second, report)
            merges.append(_Merge(table, before, after, report))
        for key in sorted({key for each in merges for key in each.keys}):
            concerned = [each for each in merges if key in each.keys]
            holder = _holder(key, concerned)
            for each in concerned:
                each.decide(key, holder)
        report.conflicts.sort(key=lambda each: (each.table, each.uuid))
        for each in merges:
            each.write(merged)
        lacking = sorted(_other_tables(other) - _other_tables(merged))
        if lacking:
            report.notes.append(
                f"Only the avalanches of {second} are taken, not its tables {', '.join(lacking)}."
            )


class _Merge:
    """Union of one table of two files.

    Attributes
    ----------
    keys
        Of the avalanches that either has, or had.
    """

    def __init__(
        self, table: FeatureTable, first: _State, second: _State, report: MergeReport
    ) -> None:
        self._table, self._first, self._second, self._report = table, first, second, report
        self._added: list[Version] = []
        self._rows: dict[str, Version] = {}
        self.keys = {*first.heads, *second.heads}

    def heads(self, key: str) -> tuple[Version | None, Version | None]:
        """Return the last version of an avalanche in each file."""
        return self._first.heads.get(key), self._second.heads.get(key)

    def changes(self, key: str) -> dict[int, Version]:
        """Return what each file (0, 1) did to an avalanche that both have, and the other did not.

        Empty where they did the same.
        """
        one, two = self.heads(key)
        if one is None or two is None or one.version == two.version:
            return {}
        is_older = one.version in self._second.versions
        if is_older != (two.version in self._first.versions):
            return {1: two} if is_older else {0: one}
        return {} if _are_alike(one, two) else {0: one, 1: two}

    def decide(self, key: str, holder: int | None) -> None:
        """Decide about an avalanche.

        ``holder`` is the file (0, 1) that holds where each has changed something, see `_holder`.
        """
        held = self._held(key, holder)
        if held.event != DELETED:
            self._rows[key] = held

    def _held(self, key: str, holder: int | None) -> Version:
        one, two = self.heads(key)
        if one is None or two is None or one.version == two.version:
            self._report.from_first += two is None
            self._report.from_second += one is None
            return one or cast(Version, two)
        later = max(one, two, key=_rank)
        changes = self.changes(key)
        if holder is None or (holder in changes and len(changes) == 1):
            self._report.from_first += 0 in changes
            self._report.from_second += 1 in changes
            return next(iter(changes.values()), later)
        if _are_alike(one, two):
            return later
        kept, other = (one, two) if holder == 0 else (two, one)
        if kept.event == DELETED:
            kept, other = other, kept
        kind = CHANGED_AND_DELETED if other.event == DELETED else BOTH_CHANGED
        self._report.conflicts.append(Conflict(self._table.name, key, kind, kept, other))
        if kept is later:
            return kept
        again = history.successor(later, kept, RESTORED, later.at, kept.by)
        self._added.append(again)
        return again

    def write(self, database: sqlite3.Connection) -> None:
        """Write rows and history in place of what the table has."""
        table = self._table
        history.begin_history(database, table)
        history.drop_triggers(database, table.name)
        database.execute(f"DELETE FROM {quoted(table.name)}")  # nosec B608
        name = history.history_table(table.name)
        database.execute(f"DELETE FROM {quoted(name)}")  # nosec B608
        database.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = ?", (name,))
        fids = self._numbers()
        columns = ", ".join(map(quoted, (table.key, *table.names)))
        places = ", ".join("?" * (1 + len(table.names)))
        rows = sorted(self._rows.items(), key=lambda item: fids[item[0]])
        database.executemany(
            f"INSERT INTO {quoted(table.name)} ({columns}) VALUES ({places})",  # nosec B608
            (
                (fids[key], *(self._value(version, name) for name in table.names))
                for key, version in rows
            ),
        )
        versions = {**self._first.versions, **self._second.versions}
        versions.update({version.version: version for version in self._added})
        history.add_versions(database, table, sorted(versions.values(), key=_rank))
        history.begin_history(database, table)
        _note_extent(database, table, [version for _, version in rows])
        self._report.avalanches[table.name] = len(rows)

    def _value(self, version: Version, name: str) -> object:
        if name == self._table.geometry:
            return with_srs(version.geometry, self._table.srs)
        return version.values.get(name)

    def _numbers(self) -> dict[str, int]:
        """Return the number of each row: as it was, but where both files gave it to another one."""
        wanted = {
            key: min(state.heads[key].fid for state in (self._first, self._second)
                     if key in state.heads)
            for key in self._rows
        }  # fmt: skip
        free = max(wanted.values(), default=0) + 1
        taken: set[int] = set()
        for key in sorted(wanted, key=lambda key: (wanted[key], key)):
            if wanted[key] in taken:
                wanted[key], free = free, free + 1
            taken.add(wanted[key])
        return wanted


def _holder(key: str, merges: Sequence[_Merge]) -> int | None:
    """Return the file (0, 1) whose versions of an avalanche hold in all tables.

    None where one file alone has changed it, on the map or in its photo. Where both have, it is the
    one that has not deleted it, else the one that was changed last.
    """
    changes = [(side, change) for each in merges for side, change in each.changes(key).items()]
    if {side for side, _ in changes} != {0, 1}:
        return None
    gone = {side for side, change in changes if change.event == DELETED}
    if len(gone) == 1:
        return 1 - gone.pop()
    return max(changes, key=lambda pair: _rank(pair[1]))[0]


def _are_alike(one: Version, two: Version) -> bool:
    """Return whether two versions are the same but for who made them; deleted ones always are."""
    gone = one.event == DELETED, two.event == DELETED
    return all(gone) or (not any(gone) and one.content == two.content)


def _state(
    database: sqlite3.Connection, table: FeatureTable, path: Path, report: MergeReport
) -> _State:
    """Return the versions of a table, with those that no history recorded."""
    rows, named = [], set()
    for row in history.read_rows(database, table):
        if not row.uuid or row.uuid in named:
            own = str(uuid.uuid5(uuid.NAMESPACE_OID, row.content))
            report.notes.append(
                f"{path}, {table.name}, feature {row.fid}: it has no uuid of its own, and gets "
                f"{own}."
            )
            row = replace(row, values={**row.values, "uuid": own})
        named.add(row.uuid)
        rows.append(row)
    versions = history.read_history(database, table)
    if not versions:
        report.notes.append(
            f"{path}, {table.name}: no history is kept, so what was deleted cannot be told from "
            "what was never there, and is kept."
        )
    versions += history.unrecorded(versions, rows)
    return _State({each.version: each for each in versions}, history.heads(versions))


def _rank(version: Version) -> tuple[str, str]:
    return version.at, version.version


def _told(version: Version) -> str:
    return f"of {version.by or 'an unknown person'} at {version.at}"


def _check_srs(
    first: Path,
    second: Path,
    merged: sqlite3.Connection,
    other: sqlite3.Connection,
    ours: FeatureTable,
    theirs: FeatureTable,
) -> None:
    if ours.geometry != theirs.geometry:
        raise IsegError(
            f"The geometries of {ours.name} are in the column {ours.geometry} of {first}, and in "
            f"{theirs.geometry} of {second}: rename the one."
        )
    if _srs(merged, ours.srs) != _srs(other, theirs.srs):
        raise IsegError(
            f"The tables {ours.name} of {first} and {second} have different coordinate systems: "
            "export the one to that of the other in QGIS, under the same name."
        )


def _srs(database: sqlite3.Connection, number: int) -> tuple[object, ...]:
    """Return a reference system as all files name it: its code, or where it has none its text."""
    row = database.execute(
        "SELECT lower(organization), organization_coordsys_id, definition "
        "FROM gpkg_spatial_ref_sys WHERE srs_id = ?",
        (number,),
    ).fetchone()
    if row is None:
        return (number,)
    return (row[0], row[1]) if row[0] == "epsg" else (row[2],)


def _add_columns(database: sqlite3.Connection, name: str, table: FeatureTable) -> None:
    known = columns_of(database, name)
    history.drop_triggers(database, name)
    for column in table.columns:
        if column.name not in known:
            database.execute(
                f"ALTER TABLE {quoted(name)} ADD COLUMN {quoted(column.name)} {column.kind}"
            )


def _copy_table(
    source: sqlite3.Connection, target: sqlite3.Connection, table: FeatureTable
) -> None:
    """Make a table that only the other file has, without rows, with its index and its style."""
    srs = source.execute("SELECT * FROM gpkg_spatial_ref_sys WHERE srs_id = ?", (table.srs,))
    for row in srs.fetchall():
        known = target.execute(
            "SELECT * FROM gpkg_spatial_ref_sys WHERE srs_id = ?", (table.srs,)
        ).fetchone()
        if known is None:
            _insert(target, "gpkg_spatial_ref_sys", row)
        elif _srs(target, table.srs) != _srs(source, table.srs):
            raise IsegError(
                f"The coordinate system of the table {table.name} has the number {table.srs}, "
                "which another one has in the first file: give the other file first."
            )
    texts = source.execute(
        "SELECT type, sql FROM sqlite_master WHERE sql IS NOT NULL AND "
        "(tbl_name = :name OR name = :index) ORDER BY type = 'trigger'",
        {"name": table.name, "index": f"rtree_{table.name}_{table.geometry}"},
    ).fetchall()
    for _, text in texts:
        target.execute(text)
    for name in (
        "gpkg_contents",
        "gpkg_geometry_columns",
        "gpkg_extensions",
        "gpkg_ogr_contents",
        "layer_styles",
    ):
        if not has_table(source, name) or not has_table(target, name):
            continue
        column = "f_table_name" if name == "layer_styles" else "table_name"
        rows = source.execute(f"SELECT * FROM {name} WHERE {column} = ?", (table.name,))  # nosec B608
        for row in rows.fetchall():
            _insert(target, name, row)
    if has_table(target, "gpkg_ogr_contents"):
        target.execute(
            "UPDATE gpkg_ogr_contents SET feature_count = 0 WHERE table_name = ?", (table.name,)
        )


def _insert(database: sqlite3.Connection, table: str, row: sqlite3.Row) -> None:
    names = [name for name in row.keys() if not (table == "layer_styles" and name == "id")]  # noqa: SIM118
    places = ", ".join("?" * len(names))
    database.execute(
        f"INSERT INTO {quoted(table)} ({', '.join(map(quoted, names))}) VALUES ({places})",  # nosec B608
        [row[name] for name in names],
    )


def _note_extent(
    database: sqlite3.Connection, table: FeatureTable, rows: Sequence[Version]
) -> None:
    bounds = [each for each in (bounds_of(row.geometry) for row in rows) if each is not None]
    extent = (None,) * 4
    if bounds:
        low_x, high_x, low_y, high_y = zip(*bounds)
        extent = (min(low_x), min(low_y), max(high_x), max(high_y))
    database.execute(
        "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ?, "
        "last_change = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE table_name = ?",
        (*extent, table.name),
    )


def _other_tables(database: sqlite3.Connection) -> set[str]:
    """Return the tables that hold no avalanches: what a merge leaves as it is."""
    rows = database.execute("SELECT table_name FROM gpkg_contents")
    return {str(row["table_name"]) for row in rows}
