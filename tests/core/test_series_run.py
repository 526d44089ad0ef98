"""`series run`: one GeoPackage of a network of cameras, the same however the work is shared."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3

import numpy as np
import pytest
import rasterio
import shapely
from avalanche_files import edit as change
from rasterio.transform import from_origin
from test_series_carrying import RING, SIZE, slope, turned, with_avalanche, write_photo

from core.camera import Camera, CameraRecord
from core.commands import main
from core.commands.camera.features import read_polygons
from core.outline.vector_files import (
    VectorTable,
    is_unchanged,
    open_vectors,
    write_geopackage,
)
from core.series import NameRule, Observation, Review, SeriesStore
from core.series import computing as computing_module
from core.series.carrying import move_rings
from core.series.computing import PhotoShare, ResultLog, compute
from core.series.records import PhotoState

LENS = Camera(*SIZE, x=2_600_000, y=1_200_000, z=350, yaw=0, pitch=0, roll=0, f=1.2 * SIZE[0])
CAMERAS = "north", "south"


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    """Two cameras before a plane, four photos each; the avalanche is in the last two."""
    folder = tmp_path_factory.mktemp("season")
    (folder / "photos").mkdir()
    y = np.arange(5000, -1000, -10.0)[:, None]
    heights = np.broadcast_to(0.5 * np.maximum(y, 0), (600, 600)).astype(np.float32)
    with rasterio.open(
        folder / "dem.tif", "w", driver="GTiff", width=600, height=600, count=1, dtype="float32",
        crs="EPSG:2056", transform=from_origin(2_597_000, 1_205_000, 10, 10),
    ) as dem:  # fmt: skip
        dem.write(heights, 1)
    for number, name in enumerate(CAMERAS):
        for index in range(4):
            photo = with_avalanche(slope()) if index > 1 else slope()
            shown, _ = turned(photo, LENS, (0.06 * index, -0.03 * index, 0.02 * number))
            path = folder / "photos" / f"{name}_2024-01-15_{8 + index:02}00.jpg"
            write_photo(path, shown, 10 * number + index)
        first = f"photos/{name}_2024-01-15_0800.jpg"
        CameraRecord(LENS, 2056, name=name, image=first).write(folder / f"{name}.json")
    store = SeriesStore.create(folder / "w.series", [folder / "photos"], NameRule(zone="UTC"))
    for camera in CAMERAS:
        keys = [f"photos/{camera}_2024-01-15_{hour:02}00.jpg" for hour in (8, 9, 10)]
        store.append(Review(key, by="anna", state=PhotoState.NOTHING) for key in keys[:2])
        _, after = turned(slope(), LENS, (0.12, -0.06, 0))
        rings = move_rings((RING,), LENS, after)
        outline = {"rings": rings, "parts": (1,), "size": SIZE}
        store.append([Observation(keys[2], by="anna", avalanche=f"a-{camera}", **outline)])
    return folder


@pytest.fixture
def series(season, tmp_path):
    """A copy of the series, not worked on; its photos stay where they are."""
    return copied(season, tmp_path / "w.series")


def copied(season, path):
    store = SeriesStore.create(path, [season / "photos"], NameRule(zone="UTC"))
    for notes in (season / "w.series").glob("anna*.jsonl"):
        shutil.copy(notes, path)
    return store


def run(season, series, out, *more, on_map=True):
    cameras = [text for name in CAMERAS for text in ("--camera", f"{name}={season / name}.json")]
    given = [*cameras, "--dem", season / "dem.tif"] if on_map else []
    return main(["series", "run", *map(str, (series, *given, "-o", out, *more))])


@pytest.fixture(scope="module")
def whole(season, tmp_path_factory):
    """The file of one worker."""
    folder = tmp_path_factory.mktemp("whole")
    store = copied(season, folder / "w.series")
    assert run(season, store.path, folder / "out.gpkg") == 0
    return folder / "out.gpkg"


# --- the same for all -------------------------------------------------------------------------


def test_four_workers_give_the_same_file(season, series, whole, tmp_path):
    assert run(season, series.path, tmp_path / "out.gpkg", "--workers", 4) == 0
    assert (tmp_path / "out.gpkg").read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("lost", ["the last lines", "a share", "the end of a line"])
def test_a_machine_does_what_another_that_was_killed_has_left(
    season, series, whole, tmp_path, lost
):
    assert run(season, series.path, tmp_path / "1.gpkg", "--share", "1/2") == 0
    for log in series.path.glob("*/*.jsonl"):
        lines = log.read_bytes().splitlines(keepends=True)
        kept = {
            "the last lines": b"".join(lines[: len(lines) // 2]),
            "a share": b"".join(lines[::2]),
            "the end of a line": b"".join(lines)[:-40],
        }[lost]
        log.write_bytes(kept)
    for computed in series.path.glob("program-*"):
        computed.unlink()
    assert run(season, series.path, tmp_path / "2.gpkg", "--share", "2/2") == 0
    for name in ("1.gpkg", "2.gpkg"):
        assert (tmp_path / name).read_bytes() == whole.read_bytes()


def test_what_is_there_is_taken_on_another_machine(season, whole, tmp_path, monkeypatch):
    folder = tmp_path / "mounted"
    shutil.copytree(season, folder)
    shutil.copytree(whole.with_name("w.series"), folder / "w.series", dirs_exist_ok=True)
    SeriesStore.create(folder / "w.series", [folder / "photos"], NameRule(zone="UTC"))
    for name in ("measure_file", "pose_task", "carry_task"):
        monkeypatch.setattr(f"core.series.archive.{name}", lambda task: pytest.fail("again"))
    monkeypatch.setattr("core.commands.series.mapping.map_task", lambda _: pytest.fail("again"))
    assert run(folder, folder / "w.series", tmp_path / "out.gpkg") == 0
    assert (tmp_path / "out.gpkg").read_bytes() == whole.read_bytes()


def number_of(task):
    return {"is": task}


@pytest.mark.parametrize("count", [1, 2, 3, 7, 40])
def test_shares_are_each_task_once_and_helpers_do_all(count):
    keys = [str(number) for number in range(20)]
    own = [PhotoShare(number, count).order(keys) for number in range(1, count + 1)]
    assert sorted(key for keys in own for key in keys) == sorted(keys)
    for number in range(1, count + 1):
        order = PhotoShare(number, count, helps=True).order(keys)
        assert sorted(order) == sorted(keys)
        assert order[: len(own[number - 1])] == own[number - 1]


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_in_the_order_of_the_tasks(tmp_path, workers):
    tasks = {f"p/{number}": ("v", number) for number in (5, 3, 9, 1, 7)}
    log = ResultLog(tmp_path / "log", PhotoShare(2, 2))
    log.append("p/7", "v", {"is": 7})
    found = compute(number_of, tasks, log, share=PhotoShare(2, 2, helps=True), workers=workers)
    assert list(found.items()) == [(key, {"is": n}) for key, (_, n) in tasks.items()]


def test_what_another_machine_has_done_meanwhile_is_not_done_again(tmp_path, monkeypatch):
    monkeypatch.setattr(computing_module, "_LOOKED", 0)
    tasks = {f"p/{number}": ("v", number) for number in range(6)}
    other = ResultLog(tmp_path / "log", PhotoShare(2, 2))
    done = []

    def work(task):
        done.append(task)
        if task == 0:
            for number in (1, 3, 5):
                other.append(f"p/{number}", "v", {"is": number})
        return {"is": task}

    share = PhotoShare(1, 2, helps=True)
    found = compute(work, tasks, ResultLog(tmp_path / "log", share), share=share)
    assert done == [0, 2, 4]
    assert found == {key: {"is": number} for key, (_, number) in tasks.items()}


def test_what_another_version_of_the_program_has_done_is_done_again(tmp_path, monkeypatch):
    tasks = {f"p/{number}": ("v", number) for number in range(3)}
    log = ResultLog(tmp_path / "log", PhotoShare())
    monkeypatch.setattr(computing_module, "__version__", "0.0.1")
    log.append("p/1", "v", {"is": "old"})
    assert compute(number_of, {"p/1": tasks["p/1"]}, log) == {"p/1": {"is": "old"}}
    monkeypatch.undo()
    assert compute(number_of, tasks, log) == {key: {"is": n} for key, (_, n) in tasks.items()}


# --- what is in the file ----------------------------------------------------------------------


def table(path, layer):
    with open_vectors(path) as file:
        content = file.read(layer)
    return [
        {name: values[row] for name, values in content.fields.items()}
        for row in range(len(content.fids))
    ]


def test_the_file_has_outlines_releases_and_days(whole):
    with open_vectors(whole) as file:
        assert file.layer_names() == ["avalanches", "avalanches_pixels", "releases", "days"]
    on_map, pixels = table(whole, "avalanches"), table(whole, "avalanches_pixels")
    assert [row["uuid"] for row in on_map] == [row["uuid"] for row in pixels]
    assert len({row["uuid"] for row in pixels}) == 4
    assert [(row["camera_id"], row["avalanche_id"], bool(row["by_program"])) for row in pixels] == [
        (camera, f"a-{camera}", program) for camera in CAMERAS for program in (False, True)
    ]
    assert [row["uuid"] for row in pixels[::2]] == ["a-north", "a-south"]  # as in QGIS's layer
    assert {row["mapper"] for row in pixels[::2]} == {"anna"}
    assert all(0 < row["drift_deg"] < 0.3 and row["area_m2"] > 1000 for row in on_map)
    releases = table(whole, "releases")
    assert [row["avalanche_id"] for row in releases] == ["a-north", "a-south"]
    for row in (*releases, *on_map):
        assert str(row["released_from"]).startswith("2024-01-15T09:00:00")
        assert str(row["released_to"]).startswith("2024-01-15T10:00:00")
        assert row["quality"] == "hour"
    assert {int(row["outlines"]) for row in releases} == {2}
    days = table(whole, "days")
    assert [(row["camera"], int(row["new_avalanches"])) for row in days] == [
        ("north", 1), ("south", 1),
    ]  # fmt: skip


def test_all_outlines_of_an_avalanche_lie_at_its_place(whole):
    features, crs = read_polygons(whole, "avalanches")
    assert "2056" in crs or "LV95" in crs
    shapes = [feature.polygon for feature in features]
    for shape in shapes:
        common = shapes[0].intersection(shape).area / shapes[0].union(shape).area
        assert common > 0.85
    released, _ = read_polygons(whole, "releases")
    assert [
        feature.polygon.equals(shapes[at]) for feature, at in zip(released, (0, 2), strict=True)
    ]


def test_without_cameras_there_is_no_layer_of_the_map(season, series, tmp_path):
    out = tmp_path / "out.gpkg"
    assert run(season, series.path, out, "--workers", 2, on_map=False) == 0
    with open_vectors(out) as file:
        assert file.layer_names() == ["avalanches_pixels", "releases", "days"]
    assert len(table(out, "avalanches_pixels")) == 4
    assert len(table(out, "releases")) == 2


def test_a_season_in_which_nothing_was_seen_has_days(season, tmp_path):
    out = tmp_path / "out.gpkg"
    folder = str(season / "photos")
    assert (
        main(["series", "run", str(tmp_path / "n.series"), "--photos", folder, "-o", str(out)]) == 0
    )
    assert [row["observation"] for row in table(out, "days")] == ["none", "none"]
    assert [row["photos"] for row in table(out, "days")] == [4, 4]
    with open_vectors(out) as file:
        assert file.read("avalanches_pixels").fids == []


# --- files that are there -----------------------------------------------------------------------


def plain_table(name="avalanches", crs="EPSG:2056"):
    square = shapely.to_wkb(shapely.multipolygons([shapely.box(0, 0, 9, 9)]))
    fields = [("uuid", "text"), ("n", "int"), ("x", "real"), ("is", "bool"), ("at", "datetime")]
    rows = [
        {"uuid": "u", "n": 3, "x": 1.5, "is": True, "at": "2024-01-15T09:00:00Z"},
        {"uuid": None},
    ]
    return VectorTable(name, crs, fields, rows, [square, None] if crs else ())


def test_a_geopackage_has_the_values_and_what_is_unknown(tmp_path):
    write_geopackage(tmp_path / "a.gpkg", [plain_table(), plain_table("days", None)])
    write_geopackage(tmp_path / "b.gpkg", [plain_table(), plain_table("days", None)])
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()
    with sqlite3.connect(tmp_path / "a.gpkg") as file:
        for query in (
            'SELECT uuid, n, x, "is", at FROM avalanches',
            'SELECT uuid, n, x, "is", at FROM days',
        ):
            rows = file.execute(query).fetchall()
            assert rows[0][:4] == ("u", 3, 1.5, 1)
            assert rows[0][4].startswith("2024-01-15T09:00:00")
            assert rows[0][4].endswith("Z")
            assert rows[1] == (None,) * 5


def edit(path):
    with sqlite3.connect(path) as file:
        file.execute("UPDATE gpkg_contents SET last_change = '2026-01-01T00:00:00.000Z'")


def draw(path):
    write_geopackage(path, [plain_table()])
    edit(path)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (draw, "changed since"),
        (lambda path: write_geopackage(path, [plain_table("roads")]), "other layers"),
        (lambda path: path.write_bytes(b"no GeoPackage"), "changed since"),
    ],
)
def test_work_of_others_is_not_replaced(season, series, tmp_path, capsys, made, told):
    out = tmp_path / "out.gpkg"
    made(out)
    before = out.read_bytes()
    assert run(season, series.path, out) == 2
    assert told in capsys.readouterr().err
    assert out.read_bytes() == before


def test_its_own_file_is_replaced_until_it_is_edited(season, series, whole, tmp_path):
    out = tmp_path / "out.gpkg"
    shutil.copy(whole, out)
    assert is_unchanged(out)
    assert run(season, series.path, out) == 0
    assert out.read_bytes() == whole.read_bytes()
    edit(out)
    assert not is_unchanged(out)
    assert run(season, series.path, out) == 2


def test_only_what_somebody_has_changed_comes_back_as_a_persons(season, series, tmp_path, capsys):
    out = tmp_path / "out.gpkg"
    assert run(season, series.path, out) == 0
    before = series.records()
    back = ["series", "import", str(series.path), str(out)]
    assert main(back) == 0
    assert "noted 0 outlines; 2 were noted before\n2 that a program" in capsys.readouterr().out
    assert series.records() == before
    change(
        out,
        "UPDATE avalanches_pixels SET geom = (SELECT geom FROM avalanches_pixels WHERE uuid = "
        "'a-north') WHERE by_program AND camera_id = 'north'",
    )
    assert main(back) == 0
    assert "noted 1 outlines; 2 were noted before\n1 that" in capsys.readouterr().out
    (made,) = (each for each in set(series.records()) - set(before) if hasattr(each, "avalanche"))
    assert made.avalanche == "a-north"
    assert not made.is_by_program


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--camera", "north=north.json"], "needs both"),
        (["--dem", "dem.tif"], "needs both"),
        (["--camera", "west=north.json", "--dem", "dem.tif"], "north, south"),
        (["-o", "x.geojson"], "cannot be written"),
        (["--share", "3/2"], "I/N"),
    ],
)
def test_faults_are_sentences(season, series, tmp_path, capsys, monkeypatch, more, told):
    monkeypatch.chdir(season)
    arguments = [str(series.path), "-o", str(tmp_path / "out.gpkg"), *more]
    with contextlib.suppress(SystemExit):  # of argparse
        assert main(["series", "run", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out.gpkg").exists()
