"""History of outlines: whatever edits a GeoPackage, nothing is overwritten."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pyogrio
import pytest
import shapely
from avalanche_files import content, edit, kept, outline, square, write

from core.errors import IsegError
from core.geopackage.database import (
    bounds_of,
    feature_tables,
    opened,
    transaction,
    with_srs,
    wkb_of,
)
from core.geopackage.history import (
    begin_history,
    deleted_avalanches,
    has_history,
    keep_history,
    last_number,
    release_columns,
    sign,
    versions_of,
)

ROWS = {"a": {"x": 0.0, "type": "slab", "mapper": "Anna"}, "b": {"x": 50.0}}


def events(path, uuid: str) -> list[tuple[str, str]]:
    return [(each.event, each.by) for each in versions_of(path, "avalanches", uuid)]


@pytest.fixture
def file(tmp_path):
    return kept(tmp_path / "avalanches.gpkg", ROWS)


def test_what_is_there_is_the_beginning(file):
    assert events(file, "a") == [("found", "Anna")]
    assert events(file, "b") == [("found", "")]
    (first,) = versions_of(file, "avalanches", "a")
    assert shapely.from_wkb(first.wkb).equals(square(0.0))
    assert first.values["type"] == "slab"
    assert "comment" not in first.values


@pytest.mark.parametrize(
    ("modified", "at"),
    [
        ("2026-01-02T08:00:00Z", "2026-01-02T08:00:00.000Z"),
        ("2026-01-02T08:00:00.250", "2026-01-02T08:00:00.250Z"),  # as QGIS writes it
        ("2026/01/02 09:00:00+01:00", "2026-01-02T08:00:00.000Z"),
        ("yesterday", "1970-01-01T00:00:00.000Z"),
        (None, "1970-01-01T00:00:00.000Z"),
    ],
)
def test_the_beginning_has_the_time_of_the_outline(tmp_path, modified, at):
    file = kept(tmp_path / "a.gpkg", {"a": {"modified_at": modified}})
    assert versions_of(file, "avalanches", "a")[0].at == at
    release_columns(file, "avalanches")
    edit(file, "UPDATE avalanches SET type = 'slab'")
    keep_history(file, "avalanches")
    assert versions_of(file, "avalanches", "a")[1].at > at


def test_the_table_of_outlines_stays_as_it_was(tmp_path):
    file = write(tmp_path / "a.gpkg", ROWS)
    before = content(file)
    keep_history(file, "avalanches")
    assert content(file) == before
    names = {str(name): kind for name, kind in pyogrio.list_layers(file)}
    assert names == {"avalanches": "MultiPolygon", "avalanches_history": None}
    assert len(pyogrio.raw.read(file, layer="avalanches_history")[3][0]) == 2  # GDAL can read it


def test_every_change_is_a_version_with_the_older_outline_kept(file):
    edit(file, "UPDATE avalanches SET geom = ? WHERE uuid = 'a'", outline(0, 20, file), who="Ben")
    edit(file, "UPDATE avalanches SET type = 'loose' WHERE uuid = 'a'")
    edit(file, "DELETE FROM avalanches WHERE uuid = 'a'", who="Cleo")
    versions = versions_of(file, "avalanches", "a")
    assert [(v.event, v.by) for v in versions] == [
        ("found", "Anna"), ("changed", "Ben"), ("changed", ""), ("deleted", "Cleo"),
    ]  # fmt: skip
    areas = [shapely.from_wkb(version.wkb).area for version in versions]
    assert areas == [100, 400, 400, 400]
    assert [version.values["type"] for version in versions] == ["slab", "slab", "loose", "loose"]
    assert [version.at for version in versions] == sorted(version.at for version in versions)
    assert events(file, "b") == [("found", "")]


def test_an_update_that_changes_nothing_is_no_version(file):
    edit(file, "UPDATE avalanches SET type = 'slab' WHERE uuid = 'a'")
    assert len(events(file, "a")) == 1


def test_a_new_one_a_review_and_an_older_outline(file):
    shape = outline(90, 10, file)
    edit(file, "INSERT INTO avalanches (uuid, geom) VALUES ('c', ?)", shape, who="Anna")
    edit(file, "UPDATE avalanches SET review = 'accepted' WHERE uuid = 'c'", who="Ben")
    edit(file, "UPDATE avalanches SET geom = ? WHERE uuid = 'c'", outline(90, 5, file), who="Cleo")
    edit(file, "UPDATE avalanches SET geom = ? WHERE uuid = 'c'", shape, who="Dora")
    assert events(file, "c") == [
        ("made", "Anna"), ("reviewed", "Ben"), ("changed", "Cleo"), ("restored", "Dora"),
    ]  # fmt: skip


def test_what_was_deleted_can_be_brought_back(file):
    edit(file, "DELETE FROM avalanches WHERE uuid = 'b'", who="Anna")
    (gone,) = deleted_avalanches(file, "avalanches")
    assert (gone.uuid, gone.by) == ("b", "Anna")
    edit(file, "INSERT INTO avalanches (uuid, geom) VALUES ('b', ?)", gone.geometry, who="Ben")
    assert deleted_avalanches(file, "avalanches") == []
    assert events(file, "b")[-1] == ("restored", "Ben")


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM avalanches_history",
        "UPDATE avalanches_history SET history_by = 'me' WHERE history_by = 'Anna'",
        "UPDATE avalanches_history SET geom = NULL WHERE history_by IS NULL",
        "UPDATE avalanches_history SET history_at = '2000-01-01' WHERE history_by IS NULL",
    ],
)
def test_the_history_is_only_added_to(file, text):
    edit(file, "UPDATE avalanches SET type = 'loose'")  # by somebody unknown
    with (
        closing(sqlite3.connect(file)) as database,
        pytest.raises(sqlite3.IntegrityError, match="only added to"),
    ):
        database.execute(text)


def test_only_what_came_after_is_signed(file):
    edit(file, "UPDATE avalanches SET type = 'loose' WHERE uuid = 'a'")
    number = last_number(file, "avalanches")
    edit(file, "UPDATE avalanches SET type = 'glide' WHERE uuid = 'a'")
    sign(file, "avalanches", "Ben", number)
    assert [by for _, by in events(file, "a")] == ["Anna", "", "Ben"]


def test_outline_and_attributes_of_one_commit_are_one_version(file):
    edit(file, "UPDATE avalanches SET geom = ? WHERE uuid = 'a'", outline(0, 20, file))
    edit(file, "UPDATE avalanches SET modified_at = '2026' WHERE uuid = 'a'")
    assert events(file, "a") == [("found", "Anna"), ("changed", "")]
    assert versions_of(file, "avalanches", "a")[-1].values["modified_at"] == "2026"
    edit(file, "UPDATE avalanches SET geom = ? WHERE uuid = 'a'", outline(0, 30, file))
    assert len(events(file, "a")) == 3  # another outline is another version, however soon


def test_what_was_signed_at_once_is_one_version(file):
    before = last_number(file, "avalanches")
    edit(file, "UPDATE avalanches SET geom = ? WHERE uuid = 'a'", outline(0, 20, file))
    edit(file, "UPDATE avalanches SET type = 'loose' WHERE uuid = 'a'")
    sign(file, "avalanches", "Ben", before)
    assert events(file, "a") == [("found", "Anna"), ("changed", "Ben")]


@pytest.mark.parametrize("then", ["type = 'loose'", "review = 'accepted'"])
def test_saves_one_after_the_other_are_versions_however_soon(file, then):
    edit(file, "UPDATE avalanches SET geom = ? WHERE uuid = 'a'", outline(0, 20, file), who="Ben")
    edit(file, f"UPDATE avalanches SET {then} WHERE uuid = 'a'", who="Ben")
    event = "reviewed" if "review" in then else "changed"
    assert events(file, "a") == [("found", "Anna"), ("changed", "Ben"), (event, "Ben")]


def test_a_history_begun_before_saves_were_told_apart_goes_on(file):
    edit(file, "UPDATE avalanches SET geom = ? WHERE uuid = 'a'", outline(0, 20, file), who="Ben")
    with closing(sqlite3.connect(file)) as database:
        database.execute("ALTER TABLE avalanches_history DROP COLUMN history_save")
    assert events(file, "a") == [("found", "Anna"), ("changed", "Ben")]
    keep_history(file, "avalanches")
    edit(file, "UPDATE avalanches SET type = 'loose' WHERE uuid = 'a'", who="Ben")
    assert events(file, "a") == [("found", "Anna"), ("changed", "Ben"), ("changed", "Ben")]


def test_times_never_go_back(file):
    edit(file, "UPDATE avalanches SET type = 'loose' WHERE uuid = 'a'")
    with closing(sqlite3.connect(file)) as database:  # a clock that was a century ahead
        database.execute("DROP TRIGGER avalanches_history_unchanged")
        database.execute("UPDATE avalanches_history SET history_at = '2126-01-01T00:00:00.000Z'")
        database.commit()
    edit(file, "UPDATE avalanches SET type = 'glide' WHERE uuid = 'a'")
    assert versions_of(file, "avalanches", "a")[-1].at == "2126-01-01T00:00:00.001Z"


def test_fields_that_are_added_later_are_kept_too(file):
    edit(file, "ALTER TABLE avalanches ADD COLUMN damage TEXT")
    edit(file, "UPDATE avalanches SET damage = 'road' WHERE uuid = 'a'")
    assert "damage" not in versions_of(file, "avalanches", "a")[-1].values
    keep_history(file, "avalanches")
    edit(file, "UPDATE avalanches SET damage = 'forest' WHERE uuid = 'a'")
    assert versions_of(file, "avalanches", "a")[-1].values["damage"] == "forest"


def test_fields_can_be_dropped_once_released(file):
    with pytest.raises(sqlite3.OperationalError):
        edit(file, "ALTER TABLE avalanches DROP COLUMN comment")
    release_columns(file, "avalanches")
    edit(file, "ALTER TABLE avalanches DROP COLUMN comment")
    keep_history(file, "avalanches")
    edit(file, "UPDATE avalanches SET type = 'glide' WHERE uuid = 'a'")
    assert events(file, "a")[-1] == ("changed", "")


def test_what_happened_while_no_history_was_kept_is_taken_in(file):
    release_columns(file, "avalanches")
    edit(file, "UPDATE avalanches SET type = 'glide' WHERE uuid = 'a'")
    edit(file, "DELETE FROM avalanches WHERE uuid = 'b'")
    keep_history(file, "avalanches")
    assert events(file, "a") == [("found", "Anna"), ("found", "")]
    assert events(file, "b") == [("found", ""), ("deleted", "")]


def test_keeping_it_again_writes_nothing(file):
    before = file.read_bytes()
    keep_history(file, "avalanches")
    assert file.read_bytes() == before


def test_copies_begin_with_the_same_versions(tmp_path):
    first = write(tmp_path / "a.gpkg", ROWS)
    second = shutil.copy(first, tmp_path / "b.gpkg")
    for path in (first, second):
        keep_history(path, "avalanches")
    one, two = (versions_of(path, "avalanches", "a") for path in (first, second))
    assert one == two


def test_a_file_without_history_has_none(tmp_path):
    file = write(tmp_path / "a.gpkg", ROWS)
    assert not has_history(file, "avalanches")
    assert versions_of(file, "avalanches", "a") == []
    assert deleted_avalanches(file, "avalanches") == []


def test_a_locked_file_is_said(file):
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        release_columns(file, "avalanches")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(IsegError, match="is locked by another program"):
            keep_history(file, "avalanches", wait=0.1)
        other.execute("ROLLBACK")


@pytest.mark.parametrize("room", [0, 1, 2])
def test_a_full_disk_is_said_and_leaves_the_file_as_it_was(tmp_path, room):
    file = write(tmp_path / "a.gpkg", ROWS)
    before = file.read_bytes()

    def begin() -> None:
        with opened(file) as database:
            pages = database.execute("PRAGMA page_count").fetchone()[0]
            database.execute(f"PRAGMA max_page_count = {pages + room}")
            with transaction(database):
                begin_history(database, feature_tables(database)["avalanches"])

    with pytest.raises(IsegError, match="disk is full"):
        begin()
    assert file.read_bytes() == before


def test_what_is_no_geopackage_is_said(tmp_path):
    (tmp_path / "a.gpkg").write_text("no database at all, but long enough to be looked at" * 20)
    for path in (tmp_path / "a.gpkg", tmp_path / "b.gpkg"):
        with pytest.raises(IsegError, match=r"[ab]\.gpkg"):
            keep_history(path, "avalanches")


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("dimension", [2, 3])
def test_bounds_are_found_without_an_envelope(order, dimension):
    shape = shapely.MultiPolygon([shapely.box(1, 2, 3, 5), shapely.box(-4, 0, -3, 9)])
    shape = shapely.force_3d(shape) if dimension == 3 else shape
    wkb = shapely.to_wkb(shape, byte_order=order, flavor="iso", output_dimension=dimension)
    blob = b"GP\0\x01\0\0\0\0" + wkb
    assert bounds_of(blob) == (-4, 3, 0, 9)
    assert wkb_of(with_srs(blob, 7)) == wkb
    assert bounds_of(None) is None


def test_the_spatial_index_is_there(file):
    with opened(file) as database:
        assert list(feature_tables(database)) == ["avalanches"]
    edit(file, "UPDATE avalanches SET geom = ? WHERE uuid = 'a'", outline(500, 10, file))
    found = pyogrio.raw.read(file, layer="avalanches", bbox=(490, 0, 520, 5))[2]
    assert len(found) == 1
