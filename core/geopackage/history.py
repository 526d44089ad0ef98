"""History of outlines: every version of each avalanche, kept by the GeoPackage itself.

Triggers of the database write each row that is made, changed or deleted into a table beside the
outlines, within the same transaction. So whatever program edits them, nothing is overwritten, and a
program that is killed leaves either both or neither. The history is only added to: triggers refuse
anything else. Who it was is written by the program that knows it, see `sign`.

A version is known by an identifier that copies of a file share: that is what merging stands on.

Names in statements are quoted, values bound: so much for B608.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..errors import IsegError
from .database import (
    FeatureTable,
    columns_of,
    feature_tables,
    has_table,
    opened,
    quoted,
    transaction,
    wkb_of,
)

SUFFIX = "_history"
"""Of the table beside that of the outlines."""

FOUND, MADE, CHANGED = "found", "made", "changed"
REVIEWED, DELETED, RESTORED = "reviewed", "deleted", "restored"

_OWN = ("version", "event", "at", "by", "fid", "save")
_PREFIX = "history_"
_SAVE = _PREFIX + "save"
_TIME = "%Y-%m-%dT%H:%M:%fZ"
_EARLIEST = "1970-01-01T00:00:00.000Z"
_SAME_COMMIT = 1.0  # seconds, of programs that do not sign


@dataclass(frozen=True)
class Version:
    """One version of an avalanche.

    Attributes
    ----------
    version
        Identifier, the same in all copies of the file.
    event
        What made it: `FOUND` (it was there when the history began), `MADE`, `CHANGED`, `REVIEWED`,
        `DELETED` (the last version before), `RESTORED`.
    at
        UTC, ISO 8601 with milliseconds; later ones of an avalanche are never earlier.
    by
        Who; empty if it was by another program, which did not tell.
    fid
        Of the row.
    geometry
        As the GeoPackage has it, see `wkb`.
    values
        Attributes by name, as stored; those that are empty are left out.
    save
        Shared by what was saved and signed together; empty if it was by another program.
    """

    version: str
    event: str
    at: str
    by: str
    fid: int
    geometry: bytes | None
    values: Mapping[str, Any] = field(default_factory=dict)
    save: str = ""

    @property
    def uuid(self) -> str:
        """Of the avalanche; empty if it has none."""
        return str(self.values.get("uuid") or "")

    @property
    def wkb(self) -> bytes:
        """Outline as well-known binary, in the reference system of the table."""
        return wkb_of(self.geometry)

    @property
    def content(self) -> str:
        """Digest of outline and attributes."""
        values = {n: v.hex() if isinstance(v, bytes) else v for n, v in self.values.items()}
        text = json.dumps([self.wkb.hex(), values], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def history_table(table: str) -> str:
    """Return the name of the table with the history of another one."""
    return table + SUFFIX


# --- keeping -------------------------------------------------------------------------------------


def keep_history(path: str | Path, table: str, wait: float = 5.0) -> None:
    """Let a GeoPackage keep the history of a table from now on; what is there is its beginning.

    Nothing is written if it does already. Columns that were added since are kept from now on, too.

    Raises
    ------
    IsegError
        If the file cannot be written, or has no such table of avalanches.
    """
    with opened(path, wait) as database:
        known = _feature_table(database, path, table)
        if _is_kept(database, known):
            return
        with transaction(database):
            begin_history(database, known)


def release_columns(path: str | Path, table: str, wait: float = 5.0) -> None:
    """Let columns of a table be dropped: SQLite refuses that while triggers name them.

    The history goes on with the next `keep_history`.
    """
    with opened(path, wait) as database, transaction(database):
        drop_triggers(database, table)


def begin_history(database: sqlite3.Connection, table: FeatureTable) -> None:
    """Make table and triggers as `keep_history` does, within a transaction."""
    name = history_table(table.name)
    was_kept = _triggers(database, table.name)
    if not has_table(database, name):
        _create_table(database, table)
    known = columns_of(database, name)
    for column in table.columns:
        if column.name not in known:
            kind = _stored_kind(table, column.name, column.kind)
            database.execute(f"ALTER TABLE {quoted(name)} ADD COLUMN {quoted(column.name)} {kind}")
    if _SAVE not in known:
        database.execute(f"ALTER TABLE {quoted(name)} ADD COLUMN {_SAVE} TEXT")
    drop_triggers(database, table.name)
    if f"{name}_insert" not in was_kept:
        lacking = unrecorded(read_history(database, table), read_rows(database, table))
        add_versions(database, table, lacking)
    for text in _trigger_texts(table).values():
        database.execute(text)


def drop_triggers(database: sqlite3.Connection, table: str) -> None:
    """Remove the triggers of a history; the history stays."""
    for name in _triggers(database, table):
        database.execute(f"DROP TRIGGER {quoted(name)}")


def add_versions(
    database: sqlite3.Connection, table: FeatureTable, versions: Iterable[Version]
) -> None:
    """Add versions to a history, as they are."""
    names = [name for name in table.names if name != table.geometry]
    columns = [*(_PREFIX + own for own in _OWN), table.geometry, *names]
    places = ", ".join("?" * len(columns))
    database.executemany(
        f"INSERT INTO {quoted(history_table(table.name))} "  # nosec B608
        f"({', '.join(map(quoted, columns))}) VALUES ({places})",
        (
            (
                *(v.version, v.event, v.at, v.by, v.fid, v.save or None),
                v.geometry,
                *map(v.values.get, names),
            )
            for v in versions
        ),
    )


def last_number(path: str | Path, table: str, wait: float = 5.0) -> int:
    """Return the number of the newest version of a history, for `sign`; 0 if there is none."""
    with opened(path, wait) as database:
        name = history_table(table)
        if not has_table(database, name):
            return 0
        return int(
            database.execute(f"SELECT max(history_id) FROM {quoted(name)}").fetchone()[0] or 0  # nosec B608
        )


def sign(path: str | Path, table: str, who: str, after: int, wait: float = 5.0) -> None:
    """Write who saved the versions that came after a number (`last_number`) and have no name yet.

    They are one save: outline and attributes of an avalanche in it are one version (`versions_of`).

    Raises
    ------
    IsegError
        If the file cannot be written.
    """
    with opened(path, wait) as database:
        name = history_table(table)
        if has_table(database, name):
            database.execute(
                f"UPDATE {quoted(name)} SET history_by = ?, {_SAVE} = ? "  # nosec B608
                "WHERE history_by IS NULL AND history_id > ?",
                (who, uuid4().hex, after),
            )


# --- reading -------------------------------------------------------------------------------------


def has_history(path: str | Path, table: str) -> bool:
    """Return whether a GeoPackage has a history of a table."""
    with opened(path) as database:
        return has_table(database, history_table(table))


def versions_of(path: str | Path, table: str, uuid: str) -> list[Version]:
    """Return the versions of an avalanche, the first one first; none without a history.

    Outline and attributes that were saved together are one version, though QGIS writes them one
    after the other.
    """
    with opened(path) as database:
        known = _feature_table(database, path, table)
        return _joined(read_history(database, known, uuid))


def outline_times(path: str | Path, table: str) -> dict[str, datetime]:
    """Return when each outline became what it is, UTC, by uuid; empty without a history."""
    with opened(path) as database:
        known = feature_tables(database).get(table)
        versions = read_history(database, known) if known else []
    times: dict[str, datetime] = {}
    before: dict[str, bytes] = {}
    for version in versions:
        if before.get(version.uuid) != version.wkb:
            times[version.uuid] = datetime.fromisoformat(version.at.replace("Z", "+00:00"))
        before[version.uuid] = version.wkb
    return times


def deleted_avalanches(path: str | Path, table: str) -> list[Version]:
    """Return the last version of each avalanche that was deleted, the latest deletion first."""
    with opened(path) as database:
        known = _feature_table(database, path, table)
        last = heads(read_history(database, known))
        there = {row.uuid for row in read_rows(database, known)}
    gone = [each for each in last.values() if each.event == DELETED and each.uuid not in there]
    return sorted(gone, key=lambda each: each.at, reverse=True)


def read_history(
    database: sqlite3.Connection, table: FeatureTable, uuid: str | None = None
) -> list[Version]:
    """Return all versions of all avalanches, or of one, in the order in which they were made."""
    name = history_table(table.name)
    if not has_table(database, name):
        return []
    where, values = ("", ()) if uuid is None else (" WHERE uuid = ?", (uuid,))
    rows = database.execute(f"SELECT * FROM {quoted(name)}{where} ORDER BY history_id", values)  # nosec B608
    found = []
    for row in rows:
        names = [each for each in row.keys() if not each.startswith(_PREFIX)]  # noqa: SIM118
        found.append(
            Version(
                row["history_version"],
                row["history_event"],
                row["history_at"],
                row["history_by"] or "",
                row["history_fid"],
                row[table.geometry],
                _values(row, [each for each in names if each != table.geometry]),
                (_SAVE in row.keys() and row[_SAVE]) or "",  # noqa: SIM118
            )
        )
    return found


def read_rows(database: sqlite3.Connection, table: FeatureTable) -> list[Version]:
    """Return the avalanches of a table as they are now, each as a version that was found.

    ``version`` follows from the content, so that it is the same in copies without a history.
    """
    names = [name for name in table.names if name != table.geometry]
    found = []
    for row in database.execute(f"SELECT * FROM {quoted(table.name)} ORDER BY {quoted(table.key)}"):  # nosec B608
        values = _values(row, names)
        at = _time_of(values.get("modified_at") or values.get("created_at"))
        by = str(values.get("mapper") or "")
        version = Version("", FOUND, at, by, row[table.key], row[table.geometry], values)
        found.append(replace(version, version=version.content[:32]))
    return found


def heads(versions: Iterable[Version]) -> dict[str, Version]:
    """Return the last version of each avalanche by its uuid."""
    return {version.uuid: version for version in versions if version.uuid}


def unrecorded(versions: Iterable[Version], rows: Iterable[Version]) -> list[Version]:
    """Return the versions that a history lacks of rows: it was not kept while others edited.

    They follow from the content alone, so that they are the same in copies of a file. Of rows that
    share a uuid the first one counts.
    """
    last, found, there = heads(versions), [], {""}
    for row in rows:
        head = last.get(row.uuid)
        if row.uuid in there:
            continue
        there.add(row.uuid)
        if head is None:
            found.append(row)
        elif head.event == DELETED or head.content != row.content:
            found.append(successor(head, row, FOUND, row.at, ""))
    for uuid, head in last.items():
        if uuid not in there and head.event != DELETED:
            found.append(successor(head, head, DELETED, head.at, ""))
    return found


def successor(head: Version, content: Version, event: str, at: str, by: str) -> Version:
    """Return a version with a content after another one; all of it follows from these."""
    text = f"{head.version} {content.content} {event}"
    return Version(
        hashlib.sha256(text.encode()).hexdigest()[:32],
        event,
        max(at, _just_after(head.at)),
        by,
        content.fid,
        content.geometry,
        content.values,
    )


def _just_after(at: str) -> str:
    """Return the time one millisecond later."""
    return _text(datetime.fromisoformat(at.replace("Z", "+00:00")) + timedelta(milliseconds=1))


def _time_of(value: object) -> str:
    """Return the time of an attribute as histories have it; the earliest one if it is none."""
    try:
        moment = datetime.fromisoformat(str(value).replace("/", "-").replace("Z", "+00:00"))
    except ValueError:
        return _EARLIEST
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return _text(moment.astimezone(timezone.utc))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _values(row: sqlite3.Row, names: Iterable[str]) -> dict[str, Any]:
    return {name: row[name] for name in names if row[name] is not None}


def _joined(versions: list[Version]) -> list[Version]:
    """Return versions with those made one that one commit made of outline, then attributes."""
    found: list[Version] = []
    for version in versions:
        before = found[-1] if found else None
        if (
            before is not None
            and before.event in (CHANGED, RESTORED)
            and version.event in (CHANGED, REVIEWED)
            and before.geometry == version.geometry
            and (len(found) < 2 or found[-2].geometry != before.geometry)
            and _are_saved_together(before, version)
        ):
            event = version.event if version.event == REVIEWED else before.event
            found[-1] = replace(version, event=event)
        else:
            found.append(version)
    return found


def _are_saved_together(first: Version, second: Version) -> bool:
    """Return whether it was one save; of versions without a name only their times tell."""
    if first.by or second.by:
        return first.save == second.save != ""
    times = [datetime.fromisoformat(each.at.replace("Z", "+00:00")) for each in (first, second)]
    return (times[1] - times[0]).total_seconds() < _SAME_COMMIT


# --- tables and triggers -------------------------------------------------------------------------


def _feature_table(database: sqlite3.Connection, path: str | Path, table: str) -> FeatureTable:
    known = feature_tables(database).get(table)
    if known is None:
        raise IsegError(
            f"{path} has no table {table} of avalanches with the field uuid: its history cannot "
            "be kept or read."
        )
    return known


def _stored_kind(table: FeatureTable, name: str, kind: str) -> str:
    return "BLOB" if name == table.geometry else kind


def _create_table(database: sqlite3.Connection, table: FeatureTable) -> None:
    name = history_table(table.name)
    columns = ", ".join(
        f"{quoted(column.name)} {_stored_kind(table, column.name, column.kind)}"
        for column in table.columns
    )
    database.execute(
        f"CREATE TABLE {quoted(name)} ("
        "history_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "
        "history_version TEXT NOT NULL UNIQUE, history_event TEXT NOT NULL, "
        f"history_at DATETIME NOT NULL, history_by TEXT, history_fid INTEGER, {_SAVE} TEXT, "
        f"{columns})"
    )
    database.execute(f"CREATE INDEX {quoted(name + '_uuid')} ON {quoted(name)} (uuid)")
    database.execute(
        "INSERT OR REPLACE INTO gpkg_contents (table_name, data_type, identifier, description) "
        "VALUES (?, 'attributes', ?, ?)",
        (name, name, f"Every version of the outlines in {table.name}, only added to."),
    )


def _is_kept(database: sqlite3.Connection, table: FeatureTable) -> bool:
    kept = _triggers(database, table.name)
    return _SAVE in columns_of(database, history_table(table.name)) and kept == _trigger_texts(
        table
    )


def _triggers(database: sqlite3.Connection, table: str) -> dict[str, str]:
    """Return the triggers of a history: name and text."""
    name = history_table(table)
    rows = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    ours = {f"{name}_{what}" for what in ("insert", "update", "delete", "unchanged", "undeleted")}
    return {row["name"]: row["sql"] for row in rows if row["name"] in ours}


def _trigger_texts(table: FeatureTable) -> dict[str, str]:
    name = history_table(table.name)
    last = (
        f"SELECT history_event FROM {quoted(name)} WHERE uuid IS NEW.uuid "  # nosec B608
        "ORDER BY history_id DESC LIMIT 1"
    )
    made = f"CASE ({last}) WHEN '{DELETED}' THEN '{RESTORED}' ELSE '{MADE}' END"
    geometry = quoted(table.geometry)
    changed = (
        f"CASE WHEN NEW.{geometry} IS NOT OLD.{geometry} AND EXISTS (SELECT 1 FROM {quoted(name)} "  # nosec B608
        f"WHERE uuid = NEW.uuid AND {geometry} IS NEW.{geometry}) THEN '{RESTORED}' "
    )
    if "review" in table.names:
        changed += f"WHEN NEW.review <> '' AND {_differs(('review', 'reviewed_at'), table)} "
        changed += f"THEN '{REVIEWED}' "
    changed += f"ELSE '{CHANGED}' END"
    # Names in the text of SQLite are compared as they stand: no line breaks, no other spacing.
    return {
        f"{name}_insert": _trigger(table, "insert", "INSERT", "NEW", made),
        f"{name}_update": _trigger(
            table, "update", "UPDATE", "NEW", changed, _differs(table.names, table)
        ),
        f"{name}_delete": _trigger(table, "delete", "DELETE", "OLD", f"'{DELETED}'"),
        f"{name}_unchanged": (
            f"CREATE TRIGGER {quoted(name + '_unchanged')} BEFORE UPDATE ON {quoted(name)} WHEN "
            "OLD.history_by IS NOT NULL OR (OLD.history_version, OLD.history_event, "
            f"OLD.history_at, OLD.{geometry}) IS NOT (NEW.history_version, NEW.history_event, "
            f"NEW.history_at, NEW.{geometry}) BEGIN SELECT RAISE(ABORT, "
            "'the history of avalanches is only added to'); END"
        ),
        f"{name}_undeleted": (
            f"CREATE TRIGGER {quoted(name + '_undeleted')} BEFORE DELETE ON {quoted(name)} BEGIN "
            "SELECT RAISE(ABORT, 'the history of avalanches is only added to'); END"
        ),
    }


def _differs(names: Iterable[str], table: FeatureTable) -> str:
    known = [quoted(name) for name in names if name in table.names]
    before = ", ".join(f"OLD.{name}" for name in known)
    after = ", ".join(f"NEW.{name}" for name in known)
    return f"({before}) IS NOT ({after})"


def _trigger(
    table: FeatureTable, what: str, verb: str, row: str, event: str, when: str = ""
) -> str:
    name = history_table(table.name)
    columns = [*(_PREFIX + own for own in _OWN if own not in ("by", "save")), *table.names]
    latest = f"SELECT max(history_at) FROM {quoted(name)} WHERE uuid = {row}.uuid"  # nosec B608
    # Never earlier than the version before, however wrong a clock is.
    now = (
        f"max(strftime('{_TIME}', 'now'), "
        f"coalesce(strftime('{_TIME}', ({latest}), '+0.001 seconds'), ''))"
    )
    values = ["lower(hex(randomblob(16)))", event, now, f"{row}.{quoted(table.key)}"]
    values += [f"{row}.{quoted(each)}" for each in table.names]
    condition = f"WHEN {when} " if when else ""
    return (
        f"CREATE TRIGGER {quoted(f'{name}_{what}')} AFTER {verb} ON {quoted(table.name)} "  # nosec B608
        f"{condition}BEGIN INSERT INTO {quoted(name)} ({', '.join(map(quoted, columns))}) "
        f"VALUES ({', '.join(values)}); END"
    )
