"""Values of the camera work: points, drafts and their store, drift, quality, requests."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from avalanche_iseg_qgis.camera.dem_files import dem_files
from avalanche_iseg_qgis.camera.drift import describe_doubt, with_drift
from avalanche_iseg_qgis.camera.points import (
    MAP,
    PHOTO,
    PosePoint,
    first_incomplete,
    free_name,
    merged,
    with_click,
)
from avalanche_iseg_qgis.camera.pose_draft import (
    DEGREES,
    LEAST,
    PIXELS,
    PoseDraft,
    description_of,
    initial_camera,
)
from avalanche_iseg_qgis.camera.pose_quality import (
    BAD,
    GOOD,
    USABLE,
    next_step,
    pose_quality,
    pose_status,
)
from avalanche_iseg_qgis.camera.pose_store import PoseStore
from avalanche_iseg_qgis.camera.requests import CameraRequests
from avalanche_iseg_qgis.core.camera import Camera, CameraRecord, ControlPoint, PointFit
from avalanche_iseg_qgis.core.errors import CameraError
from avalanche_iseg_qgis.core.survey.protocol import (
    ComputeViewshed,
    FitSkyline,
    Registered,
    SolvePose,
)
from avalanche_iseg_qgis.worker.requests import Receiver

WIDTH, HEIGHT = 1200, 800
CAMERA = Camera(WIDTH, HEIGHT, 2.7e6, 1.1e6, 1500.0, 10.0, 2.0, 0.0, 1300.0)
WHOLE = PosePoint("1", 600.0, 400.0, 2.7001e6, 1.101e6, 1550.0)
RECORD = CameraRecord(
    CAMERA,
    2056,
    name="hut",
    author="Anna",
    image="monday.jpg",
    points=[PointFit(ControlPoint("1", 600.0, 400.0, 2.7001e6, 1.101e6, 1550.0), 1.0, -2.0)],
    rms_px=2.0,
    loo_rms_px=2.4,
)
DRAFT = PoseDraft(
    "tuesday.jpg", WIDTH, HEIGHT, ("dem.tif",), 2056, (2.7e6, 1.1e6), points=(WHOLE,), record=RECORD
)


class Entries:
    """The entries of a project that lies in /project."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def read(self, key: str, default: str) -> str:
        return self.texts.get(key, default)

    def write(self, key: str, text: str) -> None:
        self.texts[key] = text

    def to_stored_path(self, path: str) -> str:
        return path.replace("/project/", "./")

    def to_absolute_path(self, path: str) -> str:
        return path.replace("./", "/project/")


class Client:
    """Keeps what is requested."""

    def __init__(self) -> None:
        self.requests: dict[object, tuple[object, Receiver]] = {}

    def request(self, slot: object, request: object, receiver: Receiver) -> None:
        self.requests[slot] = request, receiver

    def ensure_started(self) -> None:
        """There is no worker."""


# --- points ---------------------------------------------------------------------------------


def test_a_click_completes_the_selected_point_else_the_first_or_begins_one():
    points, index = with_click((), PHOTO, (5.0, 6.0))
    assert (index, points[0].name, points[0].complete) == (0, "1", False)
    points, index = with_click(points, PHOTO, (7.0, 8.0))
    assert [point.name for point in points] == ["1", "2"]
    completed, index = with_click(points, MAP, (1.0, 2.0), selected=1)
    assert index == 1
    assert completed[1].complete
    assert first_incomplete(completed) is completed[0]
    completed, index = with_click(points, MAP, (1.0, 2.0))
    assert index == 0
    assert completed[0].position(MAP) == (1.0, 2.0)


def test_a_point_that_moves_on_the_map_takes_the_height_there():
    assert WHOLE.with_position(MAP, (1.0, 2.0)).z is None
    assert WHOLE.with_position(PHOTO, (1.0, 2.0)).z == WHOLE.z


def test_points_as_json_and_as_gcps():
    half = PosePoint("2", u=3.0, v=4.0, use=False)
    assert PosePoint.from_json(json.loads(json.dumps(half.to_json()))) == half
    assert half.to_gcp() is None
    assert PosePoint.from_gcp(WHOLE.to_gcp()) == WHOLE
    assert PosePoint.from_json({"name": 7, "u_px": "nan"}) == PosePoint("7")


def test_names_stay_unique():
    assert free_name([WHOLE, PosePoint("3")]) == "2"
    assert [point.name for point in merged([WHOLE], [WHOLE, PosePoint("x")])] == ["1", "2", "x"]


# --- draft and store ------------------------------------------------------------------------


def test_focal_length_in_pixels():
    assert DRAFT.focal_px is None
    assert replace(DRAFT, focal_as=PIXELS, focal=900.0).focal_px == 900.0
    wide = replace(DRAFT, focal_as=DEGREES, focal=90.0)
    assert wide.focal_px == pytest.approx(600)
    assert replace(wide, projection="cylindrical").focal_px == pytest.approx(WIDTH / (math.pi / 2))


def test_missing_points():
    assert DRAFT.missing == 3
    assert replace(DRAFT, focal_as=PIXELS).missing == 2
    assert replace(DRAFT, points=(replace(WHOLE, use=False),)).missing == 4


def test_a_camera_of_another_photo_brings_its_points():
    taken = PoseDraft("new.jpg", WIDTH, HEIGHT).with_record(RECORD)
    assert (taken.points, taken.epsg, taken.focal_px) == ((WHOLE,), 2056, 1300.0)
    assert taken.fits["1"].residual_v == -2.0
    assert description_of(RECORD)["author"] == "Anna"
    assert description_of(None) == {}
    assert initial_camera(taken, (1.0, 2.0), 3.0).position.tolist() == [1, 2, 3]


def test_drafts_are_stored_by_photo_with_relative_paths():
    entries = Entries()
    store = PoseStore(entries)
    draft = replace(DRAFT, photo="/project/a.jpg", dem=("/project/dem.tif",))
    store.write(replace(draft, photo="/elsewhere/b.jpg", record=None))
    store.write(draft)
    assert json.loads(entries.texts["/camera/pictures"]) == ["/elsewhere/b.jpg", "./a.jpg"]
    content = json.loads(entries.texts["/camera/sheet1"])
    assert content["dem"] == ["./dem.tif"]
    assert list(content)[:4] == ["width", "height", "epsg", "position_sigma"]
    again = PoseStore(entries).read("/project/a.jpg")
    assert replace(again, record=None) == replace(draft, record=None)
    assert again.record.pose_id == RECORD.pose_id
    assert store.read("/project/c.jpg") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"dem": []}', "5", '{"dem": 5}', "[" * 3000])
def test_a_damaged_draft_names_its_photo(text):
    entries = Entries()
    PoseStore(entries).write(DRAFT)
    entries.texts["/camera/sheet0"] = text
    with pytest.raises(CameraError, match=r"tuesday\.jpg"):
        PoseStore(entries).read(DRAFT.photo)


def test_a_photo_by_another_path(tmp_path):
    entries = Entries()
    real = tmp_path / "real"
    real.mkdir()
    (real / "a.jpg").touch()
    (tmp_path / "link").symlink_to(real)
    store = PoseStore(entries)
    paths = [f"{tmp_path}{part}/a.jpg" for part in ("/real", "/link", "//real/", "/link/../real")]
    for epsg, path in enumerate(paths, 100):
        store.write(replace(DRAFT, photo=path, epsg=epsg, record=None))
        assert [store.read(other).epsg for other in paths] == [epsg] * len(paths)
        assert store.read(paths[1]).photo == paths[1]
    assert len(store.photos) == 1
    assert store.read(f"{real}/b.jpg") is None


def test_the_last_of_two_drafts_of_one_photo_counts(tmp_path):
    entries = Entries()
    (tmp_path / "a.jpg").touch()
    store = PoseStore(entries)
    for epsg, name in ((100, "b.jpg"), (101, "c.jpg"), (102, "d.jpg")):
        store.write(replace(DRAFT, photo=f"{tmp_path}/{name}", epsg=epsg))
    doubled = [f"{tmp_path}/{name}" for name in ("a.jpg", "./a.jpg", "d.jpg")]
    entries.texts["/camera/pictures"] = json.dumps(doubled).replace("./", "/")
    assert store.read(f"{tmp_path}/a.jpg").epsg == 101
    store.write(replace(DRAFT, photo=f"{tmp_path}/a.jpg", epsg=103))
    assert store.read(f"{tmp_path}/a.jpg").epsg == 103
    assert store.read(f"{tmp_path}/d.jpg").epsg == 102


@pytest.mark.parametrize("text", ["no JSON", "[5]", "5", "null", '{"a": 1}', '[["a"]]', "[" * 3000])
def test_a_damaged_list_of_photos_is_said_and_mended_by_the_next_pose(text):
    entries = Entries()
    store = PoseStore(entries)
    store.write(replace(DRAFT, photo="/elsewhere/first.jpg", epsg=100))
    first = entries.texts["/camera/sheet0"]
    entries.texts["/camera/pictures"] = text
    for use in (lambda: store.photos, lambda: store.read("/a.jpg")):
        with pytest.raises(CameraError, match="damaged"):
            use()
    store.write(replace(DRAFT, photo="/elsewhere/second.jpg", epsg=101))
    assert store.read("/elsewhere/second.jpg").epsg == 101
    assert entries.texts["/camera/sheet0"] == first


def test_a_damaged_list_keeps_the_photos_that_are_sound():
    entries = Entries()
    store = PoseStore(entries)
    for epsg, name in ((100, "a"), (101, "b")):
        store.write(replace(DRAFT, photo=f"/elsewhere/{name}.jpg", epsg=epsg))
    entries.texts["/camera/pictures"] = '[5, "/elsewhere/b.jpg"]'
    store.write(replace(DRAFT, photo="/elsewhere/c.jpg", epsg=102))
    assert store.read("/elsewhere/b.jpg").epsg == 101
    assert store.read("/elsewhere/c.jpg").epsg == 102
    assert store.read("/elsewhere/a.jpg") is None


def test_the_photo_that_a_camera_was_posed_in(tmp_path):
    (tmp_path / "monday.jpg").touch()
    store = PoseStore(Entries())
    beside = str(tmp_path / "tuesday.jpg")
    assert store.find_photo("monday.jpg", beside) == str(tmp_path / "monday.jpg")
    assert store.find_photo("sunday.jpg", beside) == ""


# --- drift and quality ----------------------------------------------------------------------


def test_points_follow_a_camera_that_has_turned():
    turned = replace(RECORD, camera=replace(CAMERA, yaw=10.5), name="")
    moved = with_drift(DRAFT, RECORD, turned)
    place = [[WHOLE.x, WHOLE.y, WHOLE.z]]
    shift = (turned.camera.project(place) - CAMERA.project(place))[0]
    (point,) = moved.points
    assert (point.u - WHOLE.u, point.v - WHOLE.v) == pytest.approx(tuple(shift))
    assert abs(shift[0]) > 10
    assert moved.record.name == "hut"
    unknown = replace(DRAFT, points=(replace(WHOLE, z=None),))
    assert with_drift(unknown, RECORD, turned).points == unknown.points


def test_doubt_in_words():
    found = Registered({"drift_deg": 0.25}, 7.0, 0.5, 40, False, "fog.", 1.0)
    assert "fog." in describe_doubt(found)


@pytest.mark.parametrize(
    ("changes", "quality"),
    [
        ({}, GOOD),
        ({"loo_rms_px": None}, USABLE),
        ({"loo_rms_px": 5.0}, USABLE),
        ({"loo_rms_px": 8.0}, BAD),
        ({"loo_map_median_m": 60.0}, BAD),
        ({"warnings": ("look here",)}, USABLE),
    ],
)
def test_quality_by_leave_one_out_errors(changes, quality):
    assert pose_quality(replace(RECORD, **changes)) == quality


def test_status_and_next_step():
    posed_here = replace(DRAFT, photo="/photos/monday.jpg")
    line, kind, _ = pose_status(posed_here, "", None, computing=False)
    assert (line, kind) == ("RMS 2.0 px, cross-check 2.4 px: good", GOOD)
    assert pose_status(DRAFT, "no terrain", None, computing=False)[2] == "no terrain"
    assert pose_status(DRAFT, "no terrain", None, computing=True)[:2] == ("Computing…", "busy")
    assert "photo" in next_step(PoseDraft(), LEAST)
    waiting = replace(DRAFT, points=(PosePoint("7", u=1.0, v=2.0),), record=None)
    assert next_step(waiting, LEAST) == "Point 7: now click the same place on the map."


def test_the_figures_of_another_photo_are_not_shown_as_those_of_this_one():
    line, kind, details = pose_status(DRAFT, "", None, computing=False)
    assert (line, kind) == ("Taken over from monday.jpg", USABLE)
    assert "moved" in details
    turned = replace(RECORD, image="tuesday.jpg", drift_deg=1.255)
    line, kind, _ = pose_status(replace(DRAFT, record=turned), "", None, computing=False)
    assert (line, kind) == ("Taken over, turned by 1.25°", GOOD)


# --- requests and files ---------------------------------------------------------------------


def test_each_request_has_its_receiver_and_replaces_its_kind():
    client = Client()
    requests = CameraRequests(client)
    first, second, third = (Receiver(print, print) for _ in range(3))
    incomplete = PosePoint("2", u=3.0, v=4.0)
    requests.solve(replace(DRAFT, points=(WHOLE, incomplete)), first)
    ((solve, receiver),) = client.requests.values()
    assert isinstance(solve, SolvePose)
    assert receiver is first
    assert [point["name"] for point in solve.points] == ["1"]
    assert solve.position == [2.7e6, 1.1e6, None]
    requests.fit_skyline(DRAFT, RECORD, second)
    ((skyline, receiver),) = client.requests.values()
    assert isinstance(skyline, FitSkyline)
    assert (skyline.picture, receiver) == ("tuesday.jpg", second)
    requests.compute_view(DRAFT, RECORD, third)
    (view, receiver) = list(client.requests.values())[1]
    assert isinstance(view, ComputeViewshed)
    assert (view.dem, receiver) == (["dem.tif"], third)


def test_tiles_of_a_folder(tmp_path):
    for name in ("b.TIF", "a.asc", "notes.txt"):
        (tmp_path / name).touch()
    assert dem_files(str(tmp_path)) == (str(tmp_path / "a.asc"), str(tmp_path / "b.TIF"))
