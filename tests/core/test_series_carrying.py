"""Carried outlines, and a whole series at once: the same for any number of workers."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
import shapely
from avalanche_files import edit
from clock import utc

from core.camera import Camera
from core.commands import main
from core.containers import with_orientation
from core.errors import IsegError
from core.geopackage.history import keep_history, outline_times
from core.image import read_image, write_png
from core.metrics import iou
from core.outline import mask_to_polygons, pixel_to_map, write_outlines
from core.outline.rings import polygon_rings, rings_to_polygons
from core.series import (
    Look,
    NameRule,
    Observation,
    Presence,
    Review,
    SeriesStore,
    list_photos,
)
from core.series.archive import carry_series, measure_file, screen_series
from core.series.carrying import carry_outline, fill_rings, move_rings, usual_camera
from core.series.computing import PhotoShare, ResultLog, compute
from core.series.records import PhotoState

SIZE = 720, 480
RING = ((250.0, 150.0), (390.0, 160.0), (430.0, 380.0), (300.0, 400.0), (270.0, 280.0))


def slope():
    """(H, W, 3) float32 of rocks and snow under a plain sky."""
    rng = np.random.default_rng(1)
    grey = np.zeros(SIZE[::-1], np.float32)
    for cells, weight in ((6, 50), (20, 40), (60, 35), (180, 20)):
        noise = rng.random((cells * 2 // 3, cells)).astype(np.float32)
        grey += weight * cv2.resize(noise, SIZE, interpolation=cv2.INTER_CUBIC)
    grey += 60
    skyline = 70 + 25 * np.sin(np.arange(SIZE[0]) / 60)
    sky = np.arange(SIZE[1])[:, None] < skyline
    photo = np.repeat(grey[:, :, None], 3, axis=2)
    photo[sky] = (150, 180, 235)
    return photo


def with_avalanche(photo, rings=(RING,), strength=1.0):
    """A darker, rougher track."""
    inside = fill_rings(rings, photo.shape)
    rough = np.random.default_rng(2).normal(0, 28, (SIZE[1] // 3, SIZE[0] // 3))
    rough = cv2.resize(rough.astype(np.float32), SIZE, interpolation=cv2.INTER_CUBIC)
    laid = photo.copy()
    track = 0.35 * photo + 50 + rough[:, :, None]
    laid[inside] += strength * (track - photo)[inside]
    return laid


def develop(photo, light=1.0, seed=0):
    noisy = photo * light + np.random.default_rng(seed).normal(0, 2, photo.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def turned(photo, camera, angles):
    """The photo as the camera sees it turned by yaw, pitch, roll; and that camera."""
    yaw, pitch, roll = np.add((camera.yaw, camera.pitch, camera.roll), angles)
    other = Camera(camera.width, camera.height, 0, 0, 0, yaw, pitch, roll, camera.f)
    matrices = [np.array([[c.f, 0, c.cx], [0, c.f, c.cy], [0, 0, 1]]) for c in (camera, other)]
    turn = other.rotation_matrix() @ camera.rotation_matrix().T
    homography = matrices[1] @ turn @ np.linalg.inv(matrices[0])
    return cv2.warpPerspective(photo, homography, SIZE, borderMode=cv2.BORDER_REPLICATE), other


def squares(*corners, side=60.0):
    return tuple(((x, y), (x + side, y), (x + side, y + side), (x, y + side)) for x, y in corners)


# --- one outline ----------------------------------------------------------------------------


@pytest.mark.parametrize("angles", [(0.4, 0, 0), (0, -0.3, 0), (0, 0, 0.5), (-0.3, 0.2, -0.4)])
@pytest.mark.parametrize("k1", [0.0, -0.08])
def test_rings_move_as_points_of_the_world_do(angles, k1):
    rng = np.random.default_rng(0)
    before = Camera(*SIZE, x=5, y=6, z=7, yaw=30, pitch=2, roll=1, f=800, k1=k1)
    yaw, pitch, roll = np.add((30, 2, 1), angles)
    after = Camera(*SIZE, x=5, y=6, z=7, yaw=yaw, pitch=pitch, roll=roll, f=800, k1=k1)
    far = 1000 * before.pixel_rays(rng.uniform((50, 50), (650, 430), (20, 2)))
    world = far + before.position
    ring = tuple(map(tuple, (before.project(world) + 0.5).tolist()))
    (moved,) = move_rings((ring,), before, after)
    assert np.abs(np.array(moved) - 0.5 - after.project(world)).max() < 0.02


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.5, -0.3, 0.4), (-0.8, 0.2, 0)])
@pytest.mark.parametrize("light", [1.0, 0.8, 1.15])
def test_an_outline_that_still_fits_is_told_from_one_that_does_not(angles, light):
    camera = usual_camera(*SIZE)
    old = develop(with_avalanche(slope())), camera
    empty = develop(slope(), seed=5), camera
    found = {}
    for name, photo in (("there", with_avalanche(slope())), ("gone", slope())):
        shown, moved = turned(photo, camera, angles)
        new = develop(shown, light, seed=3), moved
        found[name] = carry_outline((RING,), old, new, [empty])
        true, _ = turned(fill_rings((RING,), old[0].shape).astype(np.uint8), camera, angles)
        assert iou(fill_rings(found[name].rings, old[0].shape), true > 0) > 0.97
    assert found["there"].confidence > 0.6
    assert found["gone"].confidence < 0.3
    assert len(found["gone"].doubtful) > 2 * len(found["there"].doubtful)


def test_doubtful_points_lie_where_the_outline_is_gone():
    camera = usual_camera(*SIZE)
    upper = (tuple((x, min(y, 250.0)) for x, y in RING),)
    old, new = (develop(with_avalanche(slope(), rings)) for rings in ((RING,), upper))
    found = carry_outline((RING,), (old, camera), (new, camera))
    assert len(found.doubtful) >= 3
    assert np.median([y for _, y in found.doubtful]) > 270


def test_an_outline_that_left_the_photo_has_no_confidence():
    camera = usual_camera(*SIZE)
    photo = with_avalanche(slope())
    shown, moved = turned(photo, camera, (25, 0, 0))
    found = carry_outline((RING,), (develop(photo), camera), (develop(shown), moved))
    assert found.confidence == 0


@pytest.mark.parametrize(
    "mask_of",
    [
        lambda m: m.__setitem__((slice(3, 20), slice(5, 30)), True),
        lambda m: (m.__setitem__((slice(3, 30), slice(5, 30)), True),
                   m.__setitem__((slice(10, 20), slice(10, 20)), False)),
        lambda m: (m.__setitem__((slice(3, 9), slice(5, 9)), True),
                   m.__setitem__((slice(12, 30), slice(11, 40)), True)),
    ],
)  # fmt: skip
def test_parts_and_holes_come_back(mask_of):
    mask = np.zeros((40, 50), bool)
    mask_of(mask)
    polygon = mask_to_polygons(mask, tolerance=0)
    rings, parts = polygon_rings(polygon)
    assert rings_to_polygons(rings, parts).equals(polygon)
    np.testing.assert_array_equal(fill_rings(rings, mask.shape), mask)


def test_an_outline_that_is_carried_again_and_again_does_not_grow():
    """Small ones most: a quarter of a pixel along the outline is a tenth of an area of 200."""
    rng = np.random.default_rng(3)
    for size in (3, 8, 14, 60):
        mask = cv2.GaussianBlur(rng.random((90, 110)).astype(np.float32), (0, 0), size / 3) > 0.5
        found = mask
        for _ in range(5):
            rings, _ = polygon_rings(mask_to_polygons(found, tolerance=0))
            found = fill_rings(rings, mask.shape)
        np.testing.assert_array_equal(found, mask)


@pytest.mark.parametrize("shift", [(-30, 0), (0, -25), (60, 10), (20, 70), (-12.5, -12.5)])
def test_of_an_outline_that_leaves_the_photo_the_part_inside_is_filled(shift):
    ring = np.array([(10, 10), (45, 10), (45, 40), (10, 40)], float) + shift
    rows, cols = np.indices((50, 64)) + 0.5
    (left, top), (right, bottom) = ring[0], ring[2]
    expected = (cols > left) & (cols < right) & (rows > top) & (rows < bottom)
    found = fill_rings((tuple(map(tuple, ring)),), (50, 64))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "rings", [(), ((),), (((1, 1), (5, 5)),), (((1e9, 2), (1e9, 9), (2e9, 5)),)]
)
def test_what_encloses_nothing_in_the_photo_fills_nothing(rings):
    assert not fill_rings(rings, (50, 64)).any()


def test_rings_that_cross_themselves_are_made_valid():
    bow = ((0.0, 0.0), (10.0, 10.0), (10.0, 0.0), (0.0, 10.0))
    found = rings_to_polygons((bow, ((1.0, 1.0),)), (2,))
    assert found.is_valid
    assert found.area == pytest.approx(50)


# --- a series -------------------------------------------------------------------------------


def write_photo(path, photo, seed=0):
    pixels = develop(photo, seed=seed)[:, :, ::-1]
    cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Six photos of a camera that drifts; the avalanche is in all from the third but the last."""
    folder = tmp_path_factory.mktemp("winter") / "photos"
    folder.mkdir()
    camera = usual_camera(*SIZE)
    for index in range(6):
        photo = with_avalanche(slope()) if 2 <= index < 5 else slope()
        shown, _ = turned(photo, camera, (0.05 * index, -0.04 * index, 0.02 * index))
        write_photo(folder / f"cam_2024-01-15_{8 + index:02}00.jpg", shown, index)
    return folder


@pytest.fixture
def series(photos, tmp_path):
    store = SeriesStore.create(tmp_path / "w.series", [photos], NameRule(zone="UTC"))
    return store, list_photos(store.folders, store.rule)


def note_outline(store, listing):
    keys = [photo.key for photo in listing.photos]
    drifted, _ = truth(2)
    rings, parts = polygon_rings(mask_to_polygons(drifted))
    store.append(
        [
            *(Review(key, by="anna", state=PhotoState.NOTHING) for key in keys[:2]),
            Observation(keys[2], by="anna", avalanche="u", rings=rings, parts=parts, size=SIZE),
            Review(keys[2], by="anna", state=PhotoState.AVALANCHES, count=1),
        ]
    )
    return keys


def truth(index):
    mask = fill_rings((RING,), SIZE[::-1]).astype(np.uint8)
    shown, camera = turned(mask, usual_camera(*SIZE), (0.05 * index, -0.04 * index, 0.02 * index))
    return shown > 0, camera


def test_outlines_are_carried_into_later_photos(series):
    store, listing = series
    keys = note_outline(store, listing)
    found = carry_series(store, listing)
    assert [observation.photo for observation in found] == keys[3:]
    ious = [iou(fill_rings(o.rings, SIZE[::-1]), truth(keys.index(o.photo))[0]) for o in found]
    assert min(ious) > 0.93
    presence = [observation.presence for observation in found]
    assert presence == [Presence.PRESENT, Presence.PRESENT, Presence.HIDDEN]
    state = store.read()
    assert {avalanche for avalanche, _ in state.observations} == {"u"}
    assert state.observations["u", keys[2]].by == "anna"


@pytest.mark.parametrize(
    ("noted", "left"),
    [
        (lambda key: Observation(key, by="anna", avalanche="u", presence=Presence.ABSENT), [4, 5]),
        (lambda key: Review(key, by="anna", state=PhotoState.NOTHING), [4, 5]),
        (lambda key: Observation(key, by="anna", avalanche="u"), [4]),
    ],
)
def test_what_persons_noted_is_not_carried_over(series, noted, left):
    store, listing = series
    keys = note_outline(store, listing)
    store.append([noted(keys[3])])
    carried = [observation.photo for observation in carry_series(store, listing)]
    assert keys[3] not in carried
    assert carried == ([] if len(left) == 2 else keys[4:])


def test_carrying_ends_after_a_time(series):
    store, listing = series
    keys = note_outline(store, listing)
    found = carry_series(store, listing, longest=timedelta(hours=1.5))
    assert [observation.photo for observation in found] == keys[3:4]


def files_of(store):
    return {path.name: path.read_bytes() for path in store.path.glob("program-*")}


def test_workers_and_shares_and_a_kill_change_nothing(series, tmp_path):
    store, listing = series
    note_outline(store, listing)
    screen_series(store, listing)
    carry_series(store, listing)
    expected = files_of(store)
    assert set(expected) == {"program-screening.jsonl", "program-carried.jsonl"}
    other = SeriesStore.create(tmp_path / "other.series", store.folders, store.rule)
    other.take_in(store)
    assert len(screen_series(other, listing, share=PhotoShare(2, 3))) == 2
    log = next((other.path / "looks").glob("*.jsonl"))
    log.write_bytes(log.read_bytes()[:-40])  # killed while writing
    screen_series(other, listing, workers=2)
    carry_series(other, listing, workers=2)
    assert files_of(other) == expected
    assert {path.name for path in log.parent.iterdir()} == {"2of3.jsonl", "all.jsonl"}


def killed_once(task):
    """A task in whose first run the process is killed, if its number is 3."""
    marker, number = task
    if number == 3 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"square": number**2}


def always_killed(task):
    os.kill(os.getpid(), signal.SIGKILL)


def tasks_of(marker):
    return {f"p/{number}": ("v", (str(marker), number)) for number in range(6)}


def test_what_a_killed_worker_did_not_finish_is_done_again(tmp_path):
    log = ResultLog(tmp_path / "log", PhotoShare())
    found = compute(killed_once, tasks_of(tmp_path / "marker"), log, workers=2)
    assert found == {f"p/{number}": {"square": number**2} for number in range(6)}
    assert log.read(dict.fromkeys(found, "v")) == found
    assert log.read(dict.fromkeys(found, "changed")) == {}


def test_workers_that_are_always_killed_are_told(tmp_path):
    log = ResultLog(tmp_path / "log", PhotoShare())
    with pytest.raises(IsegError, match="fewer --workers"):
        compute(always_killed, tasks_of(""), log, workers=2)


def test_what_is_done_is_not_done_again(series, monkeypatch):
    store, listing = series
    note_outline(store, listing)
    screen_series(store, listing)
    carry_series(store, listing)
    before = files_of(store)
    for name in ("measure_file", "pose_task", "carry_task"):
        monkeypatch.setattr(f"core.series.archive.{name}", lambda task: pytest.fail("again"))
    screen_series(store, listing)
    carry_series(store, listing)
    assert files_of(store) == before


def test_a_photo_that_was_replaced_is_measured_again(tmp_path):
    path = tmp_path / "p" / "cam_2024-01-15_0800.jpg"
    path.parent.mkdir()
    write_photo(path, slope())
    store = SeriesStore.create(tmp_path / "w.series", [path.parent])
    for content, look in ((b"", Look.UNREADABLE), (None, Look.CLEAR)):
        whole = path.read_bytes()
        if content is not None:
            path.write_bytes(content)
        found = screen_series(store, list_photos(store.folders))
        assert found[0].look is look
        path.write_bytes(whole)


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[: len(b) // 2], lambda b: b"GIF89a"])
def test_photos_that_cannot_be_read_do_not_end_the_work(tmp_path, damage):
    path = tmp_path / "a.jpg"
    write_photo(path, slope())
    assert measure_file(str(path))["look"]
    path.write_bytes(damage(path.read_bytes()))
    assert measure_file(str(path)) == {"look": None}


def test_a_photo_of_another_view_gets_no_outline(series):
    store, listing = series
    keys = note_outline(store, listing)
    path = listing.photos[3].path
    whole = path.read_bytes()
    try:
        write_photo(path, np.random.default_rng(9).uniform(0, 255, (*SIZE[::-1], 3)))
        assert keys[3] not in [o.photo for o in carry_series(store, listing)]
    finally:
        path.write_bytes(whole)


# --- the command ----------------------------------------------------------------------------


def run(*arguments):
    return main(["series", *map(str, arguments)])


def table(path):
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_command_from_folder_to_report(photos, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("list", photos, "--zone", "UTC", "--save", "w.series", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["cameras"]["cam"]["photos"] == 6
    assert facts["undated"] == 0
    assert run("screen", "w.series", "-o", "screen.csv") == 0
    assert [row["usable"] for row in table("screen.csv")] == ["1"] * 6
    write_png("mask.png", np.where(truth(2)[0], np.uint8(255), np.uint8(0)))
    assert run("mark", "w.series", "cam_2024-01-15_0800.jpg", "photos/cam_2024-01-15_0900.jpg",
               "--state", "nothing") == 0  # fmt: skip
    assert (
        run("outline", "w.series", "cam_2024-01-15_1000.jpg", "mask.png", "--avalanche", "u") == 0
    )
    assert run("carry", "w.series", "-o", "carried.gpkg") == 0
    assert "3 outlines carried, 2 of them fit" in capsys.readouterr().out
    assert Path("carried.gpkg").is_file()
    assert run("intervals", "w.series", "-o", "intervals.csv") == 0
    (row,) = table("intervals.csv")
    assert (row["avalanche"], row["quality"]) == ("u", "hour")
    assert row["released_from"] == utc(2024, 1, 15, 9).isoformat().replace("+00:00", "Z")
    assert row["last_seen"] == "2024-01-15T12:00:00Z"
    assert run("report", "w.series", "-o", "days.csv") == 0
    (row,) = table("days.csv")
    assert (row["date"], row["new_avalanches"], row["new_same_day"]) == ("2024-01-15", "1", "1")
    assert (row["looked_at"], row["nothing_released"], row["photos"]) == ("3", "2", "6")
    SeriesStore.create("c.series", [photos]).append([Review("photos/x.jpg", by="bert")])
    assert run("merge", "w.series", "c.series") == 0
    assert "took in 1 records" in capsys.readouterr().out
    assert run("mark", "w.series", "cam_2024-01-15_0800.jpg", "--look", "snow_on_lens") == 0
    state = SeriesStore.open("w.series").read()
    assert state.look_of("photos/cam_2024-01-15_0800.jpg") is Look.SNOW_ON_LENS


def test_outlines_of_a_layer_are_noted_once(series, tmp_path, capsys):
    store, listing = series
    names = [photo.path.name for photo in listing.photos]
    rings, parts = ((RING, *squares((310, 200), side=30.0)), (2,))
    outline = pixel_to_map(rings_to_polygons(rings, parts), None)
    common = {"mapper": "anna", "modified_at": "2024-01-16T10:00:00.125Z"}
    features = [
        (outline, {"uuid": "u1", "image_name": names[2], **common}),
        (pixel_to_map(rings_to_polygons(squares((50, 300)), (1,)), None),
         {"uuid": "u2", "image_name": names[2], **common}),
        (outline, {"uuid": "u1", "image_name": names[3], **common}),
        (outline, {"uuid": "u3", "image_name": "other.jpg", **common}),
        (outline, {"uuid": "", "image_name": names[3], **common}),
        (rings_to_polygons(rings, parts), {"uuid": "u4", "image_name": names[3], **common}),
    ]  # fmt: skip
    write_outlines(tmp_path / "mapped.gpkg", features, crs_wkt=None)
    assert run("import", store.path, tmp_path / "mapped.gpkg") == 0
    told = capsys.readouterr()
    assert "noted 3 outlines; 0" in told.out
    assert [told.err.count(text) for text in ("no photo", "no uuid", "outside")] == [1, 1, 1]
    store.append(
        [Observation(listing.photos[3].key, by="bert", avalanche="u1", presence=Presence.ABSENT)]
    )
    before = {path.name: path.read_bytes() for path in store.path.iterdir()}
    assert run("import", store.path, tmp_path / "mapped.gpkg") == 0
    assert "noted 0 outlines; 3" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in store.path.iterdir()} == before
    state = store.read()
    assert state.observations["u1", listing.photos[3].key].by == "bert"  # who noted it later
    noted = state.observations["u1", listing.photos[2].key]
    assert (noted.by, noted.size) == ("anna", SIZE)
    shown = fill_rings(noted.rings, SIZE[::-1])
    assert iou(shown, fill_rings(rings, SIZE[::-1])) == 1
    assert not shown[215, 325]
    assert state.reviews[listing.photos[2].key].count == 2
    assert {o.avalanche for o in carry_series(store, listing)} == {"u2"}


def mapped(path, rows):
    """A layer in pixels as the plugin writes it; a row is (rings, photo, uuid, avalanche_id)."""
    features = [
        (pixel_to_map(rings_to_polygons(rings, (1,)), None),
         {"uuid": uuid, "avalanche_id": name, "image_name": photo.path.name, "mapper": "anna",
          "modified_at": "2024-01-16T10:00:00Z"})
        for rings, photo, uuid, name in rows
    ]  # fmt: skip
    write_outlines(path, features, crs_wkt=None)
    return path


def noted_area(store, name, photo):
    noted = store.read().observations[name, photo.key]
    return rings_to_polygons(noted.rings, noted.parts).area


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
def test_one_avalanche_in_many_photos_is_known_by_the_key_of_the_panel(series, tmp_path, suffix):
    store, listing = series
    photos = listing.photos
    rows = [
        ((RING,), photos[2], "u1", "u1"),
        ((RING,), photos[3], "u2", "u1"),
        ((RING,), photos[4], "u3", ""),  # a layer whose users cleared it
        ((RING,), photos[4], "u4", "u1"),
    ]
    # By an earlier version, which took the uuid, and by a person under a name of its own.
    store.append([Observation(photos[3].key, avalanche="u2", by="anna", rings=(RING,), parts=(1,))])
    store.append([Observation(photos[4].key, avalanche="u3", by="bert", rings=(RING,), parts=(1,))])
    path = mapped(tmp_path / f"mapped{suffix}", rows)
    assert run("import", store.path, path) == 0
    state = store.read()
    assert sorted(state.observations) == sorted(
        [("u1", photos[2].key), ("u1", photos[3].key), ("u1", photos[4].key), ("u3", photos[4].key)]
    )
    assert [state.reviews[photo.key].count for photo in photos[2:5]] == [1, 1, 2]
    before = {each.name: each.read_bytes() for each in store.path.iterdir()}
    assert run("import", store.path, path) == 0
    assert {each.name: each.read_bytes() for each in store.path.iterdir()} == before


@pytest.mark.parametrize(
    "second",
    [
        squares((500, 100)),  # apart
        squares((300, 200), side=20.0),  # inside: the release area of the whole
        squares((380, 300)),  # across the edge
    ],
)
def test_parts_of_an_avalanche_in_a_photo_are_one_outline(series, tmp_path, second):
    store, listing = series
    photo = listing.photos[2]
    rows = [((RING,), photo, "u1", "u1"), (second, photo, "u2", "u1")]
    assert run("import", store.path, mapped(tmp_path / "mapped.gpkg", rows)) == 0
    assert list(store.read().observations) == [("u1", photo.key)]
    whole = rings_to_polygons((RING,), (1,)).union(rings_to_polygons(second, (1,)))
    assert noted_area(store, "u1", photo) == pytest.approx(whole.area, rel=1e-3)


@pytest.mark.parametrize("is_kept", [True, False])
def test_an_outline_edited_by_other_tools_is_as_new_as_its_file(series, tmp_path, is_kept):
    store, listing = series
    photo = listing.photos[2]
    path = mapped(tmp_path / "mapped.gpkg", [((RING,), photo, "u1", "u1")])
    if is_kept:
        keep_history(path, "avalanches")
    assert run("import", store.path, path) == 0
    at = utc(2024, 2, 1)  # noted again by the panel, since
    store.append([Observation(photo.key, at, "anna", "u1", rings=(RING,), parts=(1,), size=SIZE)])
    with closing(sqlite3.connect(path)) as database:
        header = database.execute("SELECT geom FROM avalanches").fetchone()[0][:8]
    moved = shapely.MultiPolygon([shapely.box(50, -330, 80, -300)])
    bounds = np.array([50, 80, -330, -300], "<f8").tobytes()
    edit(path, "UPDATE avalanches SET geom = ?", header + bounds + shapely.to_wkb(moved))
    times = outline_times(path, "avalanches")
    assert list(times) == ["u1"] * is_kept
    assert run("import", store.path, path) == 0
    # Without a history the file says that it is older.
    expected = 900 if is_kept else rings_to_polygons((RING,), (1,)).area
    assert noted_area(store, "u1", photo) == pytest.approx(expected, rel=1e-3)
    before = {each.name: each.read_bytes() for each in store.path.iterdir()}
    assert run("import", store.path, path) == 0
    assert {each.name: each.read_bytes() for each in store.path.iterdir()} == before


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_outlines_of_a_turned_photo_are_noted_as_it_is_displayed(tmp_path, orientation):
    folder = tmp_path / "p"
    folder.mkdir()
    photo = folder / "cam_2024-01-15_0800.png"
    stored = np.zeros((40, 60, 3), np.uint8)
    stored[5:15, 10:30] = 255
    _, png = cv2.imencode(".png", stored)
    photo.write_bytes(with_orientation(png.tobytes(), orientation))
    outline = pixel_to_map(mask_to_polygons(stored[:, :, 0] > 0, tolerance=0), None)
    values = {"uuid": "u", "image_name": photo.name}
    write_outlines(tmp_path / "mapped.gpkg", [(outline, values)], crs_wkt=None)
    store = SeriesStore.create(tmp_path / "w.series", [folder])
    assert run("import", store.path, tmp_path / "mapped.gpkg") == 0
    (noted,) = store.read().observations.values()
    shown = read_image(photo).pixels[:, :, 0] > 0
    assert noted.size == shown.shape[::-1]
    assert iou(rasterise(noted), shown) == 1


def rasterise(noted):
    """The mask of an outline that follows the edges of pixels."""
    rows, cols = np.indices(noted.size[::-1])
    area = rings_to_polygons(noted.rings, noted.parts)
    return shapely.contains_xy(area, cols + 0.5, rows + 0.5)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("list", "none"), "cannot be read"),
        (("list", ".", "--rule", "{cam}"), "has a field"),
        (("screen", "none.series"), "series list"),
        (("mark", "w.series", "none.jpg", "--state", "nothing"), "no photo has that name"),
        (("mark", "w.series", "jpg"), "give --state or --look"),
        (("mark", "w.series", "x", "--state", "nothing", "--count", "2"), "--count"),
        (("outline", "w.series", "cam_2024-01-15_0800.jpg", "empty.png"), "is empty"),
        (("carry", "w.series", "--camera", "other=x.json"), "NAME=FILE"),
        (("carry", "w.series", "-o", "x.shp"), "cannot be written"),
        (("report", "w.series", "--zone", "Nowhere/Else"), "time zone"),
    ],
)
def test_faults_are_sentences(photos, tmp_path, capsys, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    SeriesStore.create("w.series", [photos], NameRule(zone="UTC"))
    write_png("empty.png", np.zeros(SIZE[::-1], np.uint8))
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert told in error
    assert [path.name for path in (tmp_path / "w.series").iterdir()] == ["series.json"]
