"""Two copies of a GeoPackage that two people have edited, merged without loss."""

from __future__ import annotations

import csv
import random
import shutil
import sqlite3
from contextlib import closing

import pyogrio
import pytest
import shapely
from avalanche_files import FIELDS, content, edit, kept, outline, write

from core.commands import main
from core.errors import IsegError
from core.geopackage.history import keep_history, versions_of
from core.geopackage.merging import BOTH_CHANGED, CHANGED_AND_DELETED, merge_geopackages

ROWS = {
    name: {"x": 50.0 * place, "type": "slab", "modified_at": "2026-01-01T08:00:00Z"}
    for place, name in enumerate("abcdef")
}


@pytest.fixture
def copies(tmp_path):
    """Two copies of a file with a history."""
    first = kept(tmp_path / "anna.gpkg", ROWS)
    return first, shutil.copy(first, tmp_path / "ben.gpkg")


def set_type(path, uuid: str, kind: str, who: str) -> None:
    edit(path, "UPDATE avalanches SET type = ? WHERE uuid = ?", kind, uuid, who=who)


def delete(path, uuid: str, who: str) -> None:
    edit(path, "DELETE FROM avalanches WHERE uuid = ?", uuid, who=who)


def add(path, uuid: str, x: float, who: str) -> None:
    text = "INSERT INTO avalanches (uuid, mapper, geom) VALUES (?, ?, ?)"
    edit(path, text, uuid, who, outline(x, 10, path), who=who)


def merged(first, second, name="merged.gpkg"):
    """Merge in both orders, and check that the result is the same."""
    out, back = first.with_name(name), first.with_name(f"back_{name}")
    report, other = merge_geopackages(first, second, out), merge_geopackages(second, first, back)
    assert rows_and_history(out) == rows_and_history(back)
    assert report.conflicts == other.conflicts
    assert (report.from_first, report.from_second) == (other.from_second, other.from_first)
    return out, report


def rows_and_history(path, table="avalanches"):
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        return [
            [{name: row[name] for name in sorted(row.keys())} for row in database.execute(text)]
            for text in (
                f"SELECT * FROM {table} ORDER BY fid",
                f"SELECT * FROM {table}_history ORDER BY history_id",
            )
        ]


def types(path) -> dict[str, str]:
    return {row[0]: row[1] for row in content(path)}


def test_what_one_changed_is_taken(copies):
    anna, ben = copies
    set_type(anna, "a", "loose", "Anna")
    set_type(ben, "b", "glide", "Ben")
    delete(anna, "c", "Anna")
    delete(ben, "d", "Ben")
    add(anna, "x", 900, "Anna")
    add(ben, "y", 950, "Ben")
    out, report = merged(anna, ben)
    assert types(out) == {
        "a": "loose", "b": "glide", "e": "slab", "f": "slab", "x": None, "y": None,
    }  # fmt: skip
    assert report.conflicts == []
    assert (report.avalanches, report.from_first, report.from_second) == ({"avalanches": 6}, 3, 3)
    assert [(v.event, v.by) for v in versions_of(out, "avalanches", "c")][-1] == ("deleted", "Anna")


def test_what_both_changed_is_decided_by_time_and_named(copies):
    anna, ben = copies
    edit(ben, "UPDATE avalanches SET geom = ? WHERE uuid = 'a'", outline(0, 30, ben), who="Ben")
    set_type(anna, "a", "loose", "Anna")  # later
    out, report = merged(anna, ben)
    assert types(out)["a"] == "loose"
    (conflict,) = report.conflicts
    assert (conflict.kind, conflict.uuid) == (BOTH_CHANGED, "a")
    assert (conflict.held.by, conflict.other.by) == ("Anna", "Ben")
    versions = versions_of(out, "avalanches", "a")
    assert [version.by for version in versions] == ["", "Ben", "Anna"]
    assert shapely.from_wkb(versions[1].wkb).area == 900  # not lost


@pytest.mark.parametrize("deleted_last", [False, True])
def test_what_one_deleted_and_the_other_changed_is_kept(copies, deleted_last):
    anna, ben = copies
    steps = [lambda: set_type(anna, "a", "loose", "Anna"), lambda: delete(ben, "a", "Ben")]
    for step in steps if deleted_last else reversed(steps):
        step()
    out, report = merged(anna, ben)
    assert types(out)["a"] == "loose"
    (conflict,) = report.conflicts
    assert conflict.kind == CHANGED_AND_DELETED
    assert "It is kept" in conflict.text()
    events = [version.event for version in versions_of(out, "avalanches", "a")]
    assert events[-1] == ("restored" if deleted_last else "changed")
    assert "deleted" in events


def test_the_same_change_by_both_is_no_conflict(copies):
    for path, who in zip(copies, ("Anna", "Ben"), strict=True):
        set_type(path, "a", "loose", who)
        delete(path, "b", who)
    out, report = merged(*copies)
    assert report.conflicts == []
    assert (types(out)["a"], "b" in types(out)) == ("loose", False)


def test_reviews_go_with_their_outlines(copies):
    anna, ben = copies
    edit(ben, "UPDATE avalanches SET review = 'rejected' WHERE uuid = 'a'", who="Ben")
    out, _ = merged(anna, ben)
    assert [row[FIELDS.index("review")] for row in content(out)] == ["rejected", *[None] * 5]


def test_merging_again_changes_nothing_and_work_can_go_on(copies):
    anna, ben = copies
    set_type(anna, "a", "loose", "Anna")
    set_type(ben, "a", "glide", "Ben")
    delete(ben, "b", "Ben")
    set_type(anna, "b", "loose", "Anna")
    out, report = merged(anna, ben)
    assert len(report.conflicts) == 2
    for path in (anna, ben):  # what holds is known to be newer than either
        again, report = merged(out, path, f"again_{path.name}")
        assert report.conflicts == []
        assert rows_and_history(again) == rows_and_history(out)
    set_type(ben, "c", "cornice", "Ben")
    set_type(out, "d", "slush", "Anna")
    last, report = merged(out, ben, "last.gpkg")
    assert report.conflicts == []
    assert (types(last)["c"], types(last)["d"]) == ("cornice", "slush")


def test_the_merged_file_keeps_its_history(copies):
    out, _ = merged(*copies)
    set_type(out, "a", "loose", "Cleo")
    assert [v.by for v in versions_of(out, "avalanches", "a")] == ["", "Cleo"]
    with closing(sqlite3.connect(out)) as database, pytest.raises(sqlite3.IntegrityError):
        database.execute("DELETE FROM avalanches_history")


def test_gdal_reads_the_result(copies):
    anna, ben = copies
    add(ben, "y", 5000, "Ben")
    out, _ = merged(anna, ben)
    info = pyogrio.read_info(out, layer="avalanches")
    assert info["features"] == 7
    assert tuple(info["total_bounds"]) == (0, 0, 5010, 10)
    assert len(pyogrio.raw.read(out, layer="avalanches", bbox=(4990, 0, 5020, 9))[2]) == 1
    with closing(sqlite3.connect(out)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_new_ones_of_both_under_one_number_are_both_there(copies):
    anna, ben = copies
    for name in "xyz":
        add(anna, name, 900, "Anna")
    add(ben, "w", 950, "Ben")
    out, _ = merged(anna, ben)
    assert set(types(out)) == {*ROWS, *"xyzw"}


# --- an avalanche on the map and its outline in the photo -----------------------------------------

PIXELS = "avalanches_pixels"


@pytest.fixture
def pairs(tmp_path):
    """Two copies of a file whose avalanches lie on the map and in their photos."""
    first = kept(tmp_path / "anna.gpkg", ROWS)
    write(first, ROWS, table=PIXELS, crs=None)
    keep_history(first, PIXELS)
    return first, shutil.copy(first, tmp_path / "ben.gpkg")


def mark(path, uuid: str, text: str, who: str, *tables: str) -> None:
    """Outline an avalanche anew in tables; the type says by whom."""
    for table in tables:
        order = f"UPDATE {table} SET type = ? WHERE uuid = ?"
        edit(path, order, text, uuid, who=who, table=table)


def drop(path, uuid: str, who: str, *tables: str) -> None:
    for table in tables:
        edit(path, f"DELETE FROM {table} WHERE uuid = ?", uuid, who=who, table=table)


def both(path) -> dict[str, list[str | None]]:
    """What the type says on the map and in the photo, by avalanche."""
    found = [{row[0]: row[1] for row in content(path, table)} for table in ("avalanches", PIXELS)]
    return {
        key: [each.get(key, "gone") for each in found] for key in sorted({*found[0], *found[1]})
    }


def merged_pairs(first, second):
    """Merge in both orders, and each with the result; return that."""
    out, back = first.with_name("out.gpkg"), first.with_name("back.gpkg")
    report, other = merge_geopackages(first, second, out), merge_geopackages(second, first, back)
    assert report.conflicts == other.conflicts
    for table in ("avalanches", PIXELS):
        assert rows_and_history(out, table) == rows_and_history(back, table)
    for path in (first, second):
        again = first.with_name(f"again_{path.name}")
        assert merge_geopackages(out, path, again).conflicts == []
        for table in ("avalanches", PIXELS):
            assert rows_and_history(again, table) == rows_and_history(out, table)
    return out, report


@pytest.mark.parametrize("last", ["Anna", "Ben"])
@pytest.mark.parametrize(
    ("annas", "bens"),
    [
        (("avalanches",), ("avalanches", PIXELS)),  # its type; outlined anew
        (("avalanches", PIXELS), ("avalanches", PIXELS)),
        (("avalanches",), (PIXELS,)),
        ((PIXELS,), ("avalanches", PIXELS)),
    ],
)
def test_map_and_photo_are_those_of_one_person(pairs, annas, bens, last):
    anna, ben = pairs
    steps = {
        "Anna": lambda: mark(anna, "a", "Anna", "Anna", *annas),
        "Ben": lambda: mark(ben, "a", "Ben", "Ben", *bens),
    }
    for who in sorted(steps, key=lambda who: who == last):
        steps[who]()
    out, report = merged_pairs(anna, ben)
    tables = annas if last == "Anna" else bens
    assert both(out)["a"] == [last if t in tables else "slab" for t in ("avalanches", PIXELS)]
    assert report.conflicts
    assert {conflict.uuid for conflict in report.conflicts} == {"a"}
    for table in ("avalanches", PIXELS):  # nothing is lost
        noted = {version.values["type"] for version in versions_of(out, table, "a")}
        assert noted == {"slab", *(["Anna"] * (table in annas)), *(["Ben"] * (table in bens))}


@pytest.mark.parametrize("deleted_last", [False, True])
@pytest.mark.parametrize("tables", [("avalanches",), (PIXELS,), ("avalanches", PIXELS)])
def test_a_deleted_avalanche_comes_back_on_the_map_and_in_the_photo(pairs, tables, deleted_last):
    anna, ben = pairs
    steps = [
        lambda: mark(anna, "a", "Anna", "Anna", *tables),
        lambda: drop(ben, "a", "Ben", "avalanches", PIXELS),
    ]
    for step in steps if deleted_last else reversed(steps):
        step()
    out, report = merged_pairs(anna, ben)
    assert both(out)["a"] == [
        "Anna" if table in tables else "slab" for table in ("avalanches", PIXELS)
    ]
    assert {conflict.kind for conflict in report.conflicts} == {CHANGED_AND_DELETED}


def test_what_one_did_on_the_map_and_in_the_photo_is_no_conflict(pairs):
    anna, ben = pairs
    mark(anna, "a", "Anna", "Anna", "avalanches", PIXELS)
    mark(anna, "b", "Anna", "Anna", PIXELS)
    mark(ben, "c", "Ben", "Ben", "avalanches")
    drop(ben, "d", "Ben", "avalanches", PIXELS)
    out, report = merged_pairs(anna, ben)
    assert report.conflicts == []
    assert both(out) == {
        "a": ["Anna", "Anna"], "b": ["slab", "Anna"], "c": ["Ben", "slab"],
        "e": ["slab", "slab"], "f": ["slab", "slab"],
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_any_edits_leave_map_and_photo_of_one_person(pairs, seed):
    chance = random.Random(seed)  # noqa: S311
    files = dict(zip(("Anna", "Ben"), pairs, strict=True))
    for step in range(14):
        who, uuid = chance.choice(list(files)), chance.choice("abcdef")
        tables = chance.choice([("avalanches",), (PIXELS,), ("avalanches", PIXELS)])
        if chance.random() < 0.2:
            drop(files[who], uuid, who, "avalanches", PIXELS)
        else:
            mark(files[who], uuid, f"{who} {step}", who, *tables)
    out, _ = merged_pairs(*pairs)
    ends, found = [both(path) for path in pairs], both(out)
    for uuid in "abcdef":
        assert found.get(uuid) in [each.get(uuid) for each in ends]
        if found.get(uuid) is None:  # nobody else had touched it
            assert {tuple(each.get(uuid) or ()) for each in ends} <= {(), ("slab", "slab")}


# --- files without a history, or with half of one ------------------------------------------------


def test_older_files_are_decided_by_the_time_of_their_outlines(tmp_path):
    old = {"a": {"type": "slab", "modified_at": "2026-01-01T08:00:00Z"}}
    new = {"a": {"type": "loose", "modified_at": "2026-01-02T08:00:00Z"}, "b": {"x": 90.0}}
    first, second = write(tmp_path / "1.gpkg", old), write(tmp_path / "2.gpkg", new)
    out, report = merged(first, second)
    assert types(out) == {"a": "loose", "b": None}
    assert [conflict.kind for conflict in report.conflicts] == [BOTH_CHANGED]
    assert len(versions_of(out, "avalanches", "a")) == 2
    assert any("no history is kept" in note for note in report.notes)


def test_a_copy_of_before_the_history_is_known_to_be_older(tmp_path):
    first = write(tmp_path / "1.gpkg", ROWS)
    second = shutil.copy(first, tmp_path / "2.gpkg")
    keep_history(second, "avalanches")
    set_type(second, "a", "glide", "Ben")
    out, report = merged(first, second)
    assert (types(out)["a"], report.conflicts) == ("glide", [])


def test_avalanches_without_a_uuid_of_their_own_are_all_kept(tmp_path):
    first = kept(tmp_path / "1.gpkg", ROWS)
    text = "INSERT INTO avalanches (uuid, geom) VALUES (?, ?)"
    edit(first, text, "a", outline(700, 10, first))  # split by QGIS: both parts have its uuid
    edit(first, text, None, outline(800, 10, first))
    second = kept(tmp_path / "2.gpkg", ROWS)
    edit(second, text, None, outline(850, 10, second))
    out, report = merged(first, second)
    assert len(content(out)) == 9
    assert len(set(types(out))) == 9
    assert sum("no uuid of its own" in note for note in report.notes) == 3


def test_fields_that_only_one_has_are_kept(copies):
    anna, ben = copies
    edit(ben, "ALTER TABLE avalanches ADD COLUMN damage TEXT")
    edit(ben, "UPDATE avalanches SET damage = 'road' WHERE uuid = 'a'", who="Ben")
    set_type(anna, "b", "loose", "Anna")
    out, report = merged(anna, ben)
    rows, _ = rows_and_history(out)
    assert {row["uuid"]: row["damage"] for row in rows}["a"] == "road"
    assert (types(out)["b"], report.conflicts) == ("loose", [])


def test_a_table_that_only_one_has_is_taken(copies):
    anna, ben = copies
    write(ben, {"p": {"x": 3.0}, "q": {}}, table="avalanches_pixels", crs=None)
    keep_history(ben, "avalanches_pixels")
    for first, second in (copies, copies[::-1]):
        out = anna.with_name(f"of_{first.name}")
        report = merge_geopackages(first, second, out)
        assert report.avalanches == {"avalanches": 6, "avalanches_pixels": 2}
        assert len(pyogrio.raw.read(out, layer="avalanches_pixels", bbox=(2, 0, 4, 1))[2]) == 2
        edit(out, "DELETE FROM avalanches_pixels WHERE uuid = 'p'", table="avalanches_pixels")
        assert pyogrio.read_info(out, layer="avalanches_pixels")["features"] == 1
        assert versions_of(out, "avalanches_pixels", "p")[-1].event == "deleted"


def test_any_edits_of_two_people_are_merged_without_loss(tmp_path):
    """Random work on both copies: what holds follows from who touched what, all else is kept."""
    for seed in range(5):
        chance = random.Random(seed)  # noqa: S311
        folder = tmp_path / str(seed)
        folder.mkdir()
        anna = kept(folder / "anna.gpkg", ROWS)
        files = {"Anna": anna, "Ben": shutil.copy(anna, folder / "ben.gpkg")}
        touched = {"Anna": {}, "Ben": {}}
        for step in range(12):
            who = chance.choice(("Anna", "Ben"))
            uuid = chance.choice([name for name in ROWS if touched[who].get(name) != "deleted"])
            if chance.random() < 0.3:
                delete(files[who], uuid, who)
                touched[who][uuid] = "deleted"
            else:
                set_type(files[who], uuid, f"{who} {step}", who)
                touched[who][uuid] = f"{who} {step}"
        out, report = merged(files["Anna"], files["Ben"])
        found = types(out)
        for uuid in ROWS:
            ends = {touched[who][uuid] for who in touched if uuid in touched[who]} or {"slab"}
            if ends == {"deleted"}:
                assert uuid not in found
            else:
                assert found[uuid] in ends - {"deleted"}
            noted = {v.values["type"] for v in versions_of(out, "avalanches", uuid)}
            assert ends - {"deleted"} <= noted
        both = {uuid for uuid in ROWS if uuid in touched["Anna"] and uuid in touched["Ben"]}
        alike = {u for u in both if touched["Anna"][u] == touched["Ben"][u]}
        assert {conflict.uuid for conflict in report.conflicts} == both - alike


# --- refusals and the command --------------------------------------------------------------------


def test_other_coordinate_systems_are_refused(tmp_path):
    first = write(tmp_path / "1.gpkg", ROWS)
    second = write(tmp_path / "2.gpkg", ROWS, crs="EPSG:31254")
    with pytest.raises(IsegError, match="different coordinate systems"):
        merge_geopackages(first, second, tmp_path / "out.gpkg")
    assert not (tmp_path / "out.gpkg").exists()


def test_the_result_is_another_file(copies):
    for path in copies:
        before = path.read_bytes()
        with pytest.raises(IsegError, match="name another file"):
            merge_geopackages(*copies, path)
        assert path.read_bytes() == before


def test_the_command_names_what_both_changed(copies, tmp_path, capsys):
    anna, ben = copies
    set_type(anna, "a", "loose", "Anna")
    set_type(ben, "a", "glide", "Ben")
    out, report = tmp_path / "out.gpkg", tmp_path / "report.csv"
    arguments = ["merge", str(anna), str(ben), "-o", str(out), "--report", str(report)]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "avalanches, a: changed by both. The version of Ben at " in text
    assert "6 avalanches" in text
    (row,) = csv.DictReader(report.open())
    assert (row["uuid"], row["held_by"], row["other_by"]) == ("a", "Ben", "Anna")


@pytest.mark.parametrize("name", ["missing.gpkg", "text.gpkg", "empty.gpkg"])
def test_the_command_says_what_is_no_geopackage_of_avalanches(copies, tmp_path, capsys, name):
    (tmp_path / "text.gpkg").write_text("this is no database" * 100)
    sqlite3.connect(tmp_path / "empty.gpkg").execute("CREATE TABLE x (y)").connection.close()
    command = ["merge", str(copies[0]), str(tmp_path / name), "-o", str(tmp_path / "out.gpkg")]
    assert main(command) != 0
    assert name in capsys.readouterr().err
    assert not (tmp_path / "out.gpkg").exists()
