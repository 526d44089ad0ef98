"""The camera worker in a process of its own: cameras, terrain, the way to the map and back."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from limited_python import limited_python

from core.camera import Camera, CameraRecord
from core.errors import CameraError, IsegError, TerrainError, WorkerError
from core.ipc.envelope import Cancel, Failure, Hello, Skipped, Welcome, from_frame
from core.ipc.frames import FrameDecoder, encode
from core.outline.rings import flatten_rings
from core.projection.range_map import RangeMap
from core.survey.client import CameraWorker
from core.survey.conversion import to_json_value, to_multipolygon
from core.survey.handler import CameraHandler
from core.survey.protocol import (
    ANSWERS,
    CAMERA_MESSAGES,
    VERSION,
    ComputedViewshed,
    ComputeViewshed,
    Drape,
    Draped,
    Drawn,
    FitSkyline,
    MapGeometry,
    Mapped,
    Overlaid,
    Overlay,
    Posed,
    PosedStation,
    Register,
    Registered,
    SolvePose,
    SolveStation,
    ToImage,
    ToMap,
)
from core.worker.protocol import SEGMENTATION_MESSAGES

ROOT = Path(__file__).resolve().parents[2]
EPSG = 2056
CELL = 10.0
WEST, NORTH = 2_780_000.0, 1_190_000.0  # of the DEM's upper left corner
SIZE = (320, 240)  # of the picture


# --- a slope to look at -----------------------------------------------------------------------


def heights_at(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A valley, a slope of 0.6 to the north of it, a wavy crest."""
    along, up = x - WEST, NORTH - y
    slope = 1500 + 0.6 * np.maximum(0, 2200 - up) + 30 * np.sin(along / 150)
    return slope + 0.1 * np.maximum(0, up - 2200)


@pytest.fixture(scope="module")
def dem(tmp_path_factory) -> str:
    import rasterio

    rows, cols = 300, 300
    x = WEST + (np.arange(cols) + 0.5) * CELL
    y = NORTH - (np.arange(rows) + 0.5) * CELL
    path = tmp_path_factory.mktemp("dem") / "dem.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=cols,
        height=rows,
        count=1,
        dtype="float32",
        crs=f"EPSG:{EPSG}",
        transform=rasterio.Affine(CELL, 0, WEST, 0, -CELL, NORTH),
    ) as file:
        file.write(heights_at(*np.meshgrid(x, y)).astype(np.float32), 1)
    return str(path)


@pytest.fixture(scope="module")
def record() -> CameraRecord:
    """A webcam in the valley that looks north."""
    x, y = WEST + 1500.0, NORTH - 2700.0
    z = float(heights_at(np.array(x), np.array(y))) + 60
    return CameraRecord(Camera(*SIZE, x, y, z, 0.0, 12.0, 1.0, 330.0), EPSG)


@pytest.fixture(scope="module")
def view(record, dem) -> dict:
    return {"record": record.to_json(), "dem": [dem]}


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", autouse=True)
def _own_cache(cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AVALANCHE_ISEG_CACHE", str(cache))
        yield


@pytest.fixture(scope="module")
def worker(_own_cache, tmp_path_factory):
    """A camera worker that finds the packages of its list only."""
    python = sys.executable
    if sys.platform != "win32":
        python = limited_python(tmp_path_factory.mktemp("python"), "cameras")
    with CameraWorker(python) as running:
        yield running
    assert running._process.returncode == 0


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> str:
    import cv2

    noise = np.random.default_rng(1).integers(60, 200, (30, 40, 3), dtype=np.uint8)
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    cv2.imwrite(str(path), cv2.resize(noise, SIZE, interpolation=cv2.INTER_CUBIC))
    return str(path)


def ground(*corners: tuple[float, float]) -> np.ndarray:
    """Places on the map, by metres east and south of the DEM's corner."""
    return np.array([(WEST + east, NORTH - south) for east, south in corners])


SQUARE = ground((1400, 1500), (1600, 1500), (1600, 1300), (1400, 1300))
PIXELS = np.array([(120, 100), (180, 100), (180, 140), (120, 140)], np.float32)


def control_points(camera: Camera, count: int = 8) -> list[dict]:
    rng = np.random.default_rng(3)
    x, y = WEST + rng.uniform(900, 2100, 60), NORTH - rng.uniform(600, 2000, 60)
    z = heights_at(x, y)
    pixels = camera.project(np.column_stack([x, y, z]))
    inside = ((pixels > 5) & (pixels < np.subtract(SIZE, 6))).all(axis=1)
    assert inside.sum() >= count
    return [
        {"name": str(n), "u_px": u, "v_px": v, "x": x[n], "y": y[n], "z": z[n]}
        for n, (u, v) in enumerate(pixels)
        if inside[n]
    ][:count]


# --- start and end ----------------------------------------------------------------------------


def test_starts_soon_and_says_what_it_is():
    start = time.perf_counter()
    with CameraWorker() as worker:
        welcome = worker.welcome
    print(f"up after {time.perf_counter() - start:.2f} s")
    assert type(welcome) is Welcome
    assert welcome.protocol == VERSION
    assert welcome.versions["python"] == sys.version.split()[0]
    assert welcome.versions["numpy"] == np.__version__
    assert worker._process.returncode == 0


def test_another_version_is_refused(worker):
    with pytest.raises(WorkerError, match="Update the older"):
        worker.ask(Hello(VERSION + 1), Welcome)


def test_neither_torch_nor_a_model_is_loaded():
    code = (
        "import sys; import core.survey.handler, core.ipc.stdio, core.ipc.server;"
        "from core.survey import handler; handler.CameraHandler();"
        "print({n.split('.')[0] for n in sys.modules} & {'torch', 'openvino', 'safetensors'})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_the_plugin_side_needs_numpy_only_and_python_3_9():
    code = (
        "import sys; import core.survey.protocol, core.survey.client, core.ipc.launch;"
        "print({n.split('.')[0] for n in sys.modules}"
        " & {'torch', 'cv2', 'scipy', 'rasterio', 'shapely', 'pyproj'})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")
    for name in ("__init__", "client", "protocol"):
        source = (ROOT / "core" / "survey" / f"{name}.py").read_text(encoding="utf-8")
        ast.parse(source, feature_version=(3, 9))


# --- poses ------------------------------------------------------------------------------------


def test_poses_a_camera(worker, record, dem):
    camera = record.camera
    request = SolvePose(
        points=control_points(camera),
        width=SIZE[0],
        height=SIZE[1],
        epsg=EPSG,
        dem=[dem],
        position=[camera.x + 4, camera.y - 3, None],
        height_above_ground=60.0,
    )
    found = CameraRecord.from_json(worker.ask(request, Posed).record)
    assert abs(found.camera.yaw - camera.yaw + 180) % 360 - 180 == pytest.approx(0, abs=0.5)
    assert found.camera.pitch == pytest.approx(camera.pitch, abs=0.5)
    assert np.hypot(found.camera.x - camera.x, found.camera.y - camera.y) < 10
    assert found.rms_px < 0.5
    assert len(found.points) == 8
    assert "dem" in found.dem


def test_too_few_points_are_refused_and_the_worker_goes_on(worker, record):
    points = control_points(record.camera, 2)
    request = SolvePose(points, *SIZE, EPSG)
    with pytest.raises(CameraError):
        worker.ask(request, Posed)
    broken = SolvePose([{"name": "a"}], *SIZE, EPSG)
    with pytest.raises(CameraError, match="'a'"):
        worker.ask(broken, Posed)


@pytest.mark.parametrize("zooms", [False, True])
def test_views_of_a_station_are_posed_together(worker, record, dem, zooms):
    first = record.camera
    cameras = [replace(first, yaw=yaw, f=first.f * f) for yaw, f in ((-15, 1), (0, 1.4), (14, 1))]
    if not zooms:
        cameras = [replace(camera, f=first.f) for camera in cameras]
    views = [
        {"name": name, "width": SIZE[0], "height": SIZE[1], "points": control_points(camera, count)}
        for name, camera, count in zip("abc", cameras, (2, 8, 3), strict=True)
    ]
    request = SolveStation(
        views,
        EPSG,
        [dem],
        position=[first.x + 4, first.y - 3, None],
        height_above_ground=60.0,
        zooms=zooms,
    )
    found = [CameraRecord.from_json(r) for r in worker.ask(request, PosedStation).records]
    assert [each.view for each in found] == list("abc")
    assert len({(round(each.camera.x, 6), round(each.camera.y, 6)) for each in found}) == 1
    for each, camera in zip(found, cameras, strict=True):
        assert abs((each.camera.yaw - camera.yaw + 180) % 360 - 180) < 0.7
        assert each.camera.f == pytest.approx(camera.f, rel=0.05)
    assert "dem" in found[0].dem


@pytest.mark.parametrize(
    ("views", "words"), [([], "two views"), ([{"name": "a"}, {"name": "b"}], "none")]
)
def test_a_station_without_views_is_refused(worker, views, words):
    with pytest.raises(CameraError, match=words):
        worker.ask(SolveStation(views, EPSG), PosedStation)


def test_a_moved_picture_is_registered(worker, view, photo, tmp_path):
    import cv2

    moved = tmp_path / "moved.png"
    cv2.imwrite(str(moved), np.roll(cv2.imread(photo), 2, axis=1))
    request = Register(**{**view, "dem": []}, reference=photo, picture=str(moved))
    answer = worker.ask(request, Registered)
    assert CameraRecord.from_json(answer.record).pose_id != view["record"]["pose_id"]
    assert answer.trusted or answer.reason
    if answer.trusted:
        assert answer.shift_px == pytest.approx(2, abs=0.3)


def test_a_skyline_poses_or_says_why_not(worker, view, photo):
    try:
        answer = worker.ask(FitSkyline(**view, picture=photo), Posed)
    except CameraError:
        return
    assert "skyline alone" in answer.record["warnings"][-1]


# --- picture and map --------------------------------------------------------------------------


def test_looks_once_and_leaves_a_range_map(worker, view, record):
    seen = worker.ask(ComputeViewshed(**view), ComputedViewshed)
    ranges = RangeMap.open(seen.folder)
    assert ranges.camera == record.camera
    assert np.isfinite(ranges.distances).mean() > 0.3
    assert seen.skyline.shape == (SIZE[0],)
    assert np.isfinite(seen.skyline).any()
    ((x, y, _),) = ranges.unproject([(160, 120)])
    import shapely

    assert to_multipolygon(seen.xy, seen.parts).buffer(2 * CELL).contains(shapely.Point(x, y))
    again = worker.ask(ComputeViewshed(**view), ComputedViewshed)
    assert again.folder == seen.folder


def test_an_outline_goes_to_the_map_and_back(worker, view):
    mapped = worker.ask(ToMap(**view, points=PIXELS, parts=[[4]]), Mapped)
    assert mapped.xy.dtype == np.float64
    assert mapped.attributes == {}
    assert mapped.sigma is None
    assert (mapped.lost, mapped.bridged) == (0, False)
    assert mapped.visible_fraction > 0.9
    drawn = worker.ask(ToImage.of(mapped.xy, mapped.parts, **view), Drawn)
    there = np.zeros(SIZE[::-1], bool)
    there[100:140, 120:180] = True
    overlap = (drawn.mask & there).sum() / (drawn.mask | there).sum()
    print(f"IoU there and back {overlap:.3f}")
    assert overlap > 0.93
    assert drawn.visible_fraction > 0.9


def test_attributes_come_when_they_are_asked_for(worker, view):
    request = ToMap(**view, points=PIXELS, parts=[[4]], attributes=True)
    mapped = worker.ask(request, Mapped)
    assert mapped.attributes["area_m2"] == pytest.approx(
        to_multipolygon(mapped.xy, mapped.parts).area, rel=0.02
    )
    assert mapped.sigma.shape == (len(mapped.points),)
    assert (mapped.sigma[np.isfinite(mapped.sigma)] > 0).all()


def test_an_outline_in_the_sky_is_refused(worker, view):
    sky = np.array([(10, 0), (40, 0), (40, 6), (10, 6)], np.float32)
    up = {**view["record"], "pitch_deg": 50.0, "pose_id": "up"}
    with pytest.raises(TerrainError):
        worker.ask(ToMap(up, view["dem"], sky, [[4]]), Mapped)


def test_polygons_with_holes_and_parts_keep_them(worker, view):
    hole = PIXELS[::-1] / 3 + np.array((100, 80))
    points = np.concatenate([PIXELS, hole, np.add(PIXELS, (100, 0))]).astype(np.float32)
    mapped = worker.ask(ToMap(**view, points=points, parts=[[4, 4], [4]]), Mapped)
    assert sorted(map(len, mapped.parts)) == [1, 2]


def test_lines_are_drawn_where_they_are_seen(worker, view, record):
    line = ground((1300, 1800), (1700, 1500), (1700, 900))
    overlaid = worker.ask(Overlay.of(line, [[3]], **view), Overlaid)
    assert overlaid.points.shape == (sum(overlaid.runs), 2)
    z = heights_at(*line.T)
    first = record.camera.project([[*line[0], z[0]]])
    assert np.abs(overlaid.points - first).sum(axis=1).min() < 2
    behind = ground((1500, 2900), (1600, 2950))
    assert worker.ask(Overlay.of(behind, [[2]], **view), Overlaid).runs == []


def test_a_picture_is_draped(worker, view, photo, tmp_path):
    import rasterio

    path = tmp_path / "ortho.tif"
    answer = worker.ask(Drape(**view, picture=photo, path=str(path), cell=5.0), Draped)
    assert answer.path == str(path)
    with rasterio.open(path) as file:
        assert (file.crs.to_epsg(), file.count, file.res) == (EPSG, 4, (5.0, 5.0))
        assert (file.read(4) > 0).any()
    lost = Drape(**view, picture=photo, path=str(tmp_path / "no" / "ortho.tif"), cell=5.0)
    with pytest.raises(IsegError, match="could not be written"):
        worker.ask(lost, Draped)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"dem": []}, TerrainError),
        ({"dem": ["/nowhere/dem.tif"]}, TerrainError),
        ({"record": {}}, CameraError),
        ({"points": PIXELS[:3]}, CameraError),
        ({"parts": [[2, 2]]}, CameraError),
    ],
)
def test_wrong_requests_are_refused(worker, view, change, error):
    fields = {**view, "points": PIXELS, "parts": [[4]], **change}
    with pytest.raises(error):
        worker.ask(ToMap(**fields), Mapped)


# --- without order ----------------------------------------------------------------------------


def test_a_new_worker_needs_no_look_first(worker, view):
    worker.ask(ComputeViewshed(**view), ComputedViewshed)
    with CameraWorker() as other:
        mapped = other.ask(ToMap(**view, points=PIXELS, parts=[[4]]), Mapped)
    same = worker.ask(ToMap(**view, points=PIXELS, parts=[[4]]), Mapped)
    assert np.array_equal(mapped.xy, same.xy)


def test_newest_wins_and_what_is_cancelled_is_skipped(worker, view):
    request = ToMap(**view, points=PIXELS, parts=[[4]])
    first = worker.send(ComputeViewshed(**{**view, "record": {**view["record"], "yaw_deg": 3.0}}))
    sent = [worker.send(request) for _ in range(3)]
    dropped = worker.send(Overlay.of(SQUARE, [[4]], **view))
    worker.send(Cancel(dropped))
    answers = dict(worker.receive() for _ in range(5))
    kinds = [type(answers[number]) for number in (first, *sent, dropped)]
    assert kinds == [ComputedViewshed, Skipped, Skipped, Mapped, Skipped]


def test_a_long_look_stops_when_nobody_waits(record, dem):
    asked = []

    def wanted() -> bool:
        asked.append(None)
        return len(asked) < 2

    camera = replace(record.camera, yaw=7.0)
    view = {"record": replace(record, camera=camera).to_json(), "dem": [dem]}
    assert isinstance(CameraHandler().answer(ComputeViewshed(**view), wanted), Skipped)
    assert len(asked) == 2


def test_the_same_camera_with_another_covariance_is_looked_at_once(record, dem, monkeypatch):
    from core.survey import viewshed_cache

    looks = []
    look = viewshed_cache.compute_viewshed
    monkeypatch.setattr(
        viewshed_cache,
        "compute_viewshed",
        lambda *args, **more: looks.append(args) or look(*args, **more),
    )
    handler = CameraHandler()
    request = ToMap(record.to_json(), [dem], PIXELS, [[4]], attributes=True)
    plain_sigma = handler.answer(request, lambda: True).sigma
    count = len(looks)
    wide = np.diag([25.0, 25, 25, 0.01, 0.01, 0.01, 4, 0.01]).tolist()
    known = replace(record, covariance=wide).to_json()
    sigma = handler.answer(replace(request, record=known), lambda: True).sigma
    assert len(looks) == count
    assert np.nanmedian(sigma) > np.nanmedian(plain_sigma)


# --- what messages carry ----------------------------------------------------------------------


def test_names_in_frames_are_a_contract():
    names = {"solve_pose", "fit_skyline", "register", "look_at", "to_map", "to_image", "overlay"}
    names |= {"carry", "screen", "solve_station"}
    assert set(CAMERA_MESSAGES.requests) == {"hello", "cancel", "drape", *names}
    names = {"posed", "registered", "seen", "mapped", "drawn", "overlaid", "draped"}
    names |= {"carried", "screened", "posed_station"}
    assert set(CAMERA_MESSAGES.answers) == {"welcome", "skipped", "failure", *names}


@pytest.mark.parametrize("messages", [CAMERA_MESSAGES, SEGMENTATION_MESSAGES])
def test_every_request_has_its_answer(messages):
    assert set(messages.answered_by) == set(messages.requests.values()) - {Cancel}
    known = set(messages.answers.values())
    assert {answer for answer, _ in messages.answered_by.values()} == known - {Skipped, Failure}
    assert set(messages.replaces) < set(messages.answered_by)


def test_map_coordinates_survive_to_a_millimetre():
    xy = SQUARE + np.random.default_rng(0).uniform(-5000, 5000, (4, 2))
    (frame,) = FrameDecoder().feed(
        b"".join(map(bytes, encode(CAMERA_MESSAGES.to_frame(1, _mapped(xy)))))
    )
    there = from_frame(frame, ANSWERS)
    assert np.abs(there.xy - xy).max() < 1e-3
    assert _mapped(np.zeros((0, 2))).xy.shape == (0, 2)


def _mapped(xy: np.ndarray) -> Mapped:
    return Mapped.of(xy, [[4]], visible_fraction=1.0, lost=0.0, bridged=False, seconds=0.0)


def test_polygons_become_points_and_back():
    points, parts = np.concatenate([SQUARE, SQUARE[::-1] * 0.5 + SQUARE.mean(axis=0) / 2]), [[4, 4]]
    there, sizes = flatten_rings(to_multipolygon(points, parts))
    assert sizes == parts
    assert np.array_equal(np.sort(there, axis=0), np.sort(points, axis=0))
    assert flatten_rings(to_multipolygon(np.zeros((0, 2)), []))[1] == []
    bow_tie = SQUARE[[0, 2, 1, 3]]
    assert to_multipolygon(bow_tie, [[4]]).is_valid


def test_values_are_plain():
    values = {"a": np.float32(1.5), "b": [np.nan, np.int64(3)], "c": (True, None, "x")}
    assert json.dumps(to_json_value(values)) == '{"a": 1.5, "b": [null, 3], "c": [true, null, "x"]}'
    assert isinstance(MapGeometry.of([(1, 2)], []).origin[0], float)
