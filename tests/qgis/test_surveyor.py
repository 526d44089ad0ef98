"""The camera worker as the plugin has it: the real one, and what may go wrong."""

from __future__ import annotations

import os
import signal
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, osr
from waiting import wait_until

from avalanche_iseg_qgis.core.camera import Camera, CameraRecord
from avalanche_iseg_qgis.core.ipc.frames import MAGIC
from avalanche_iseg_qgis.core.projection.range_map import RangeMap
from avalanche_iseg_qgis.core.survey.protocol import (
    ComputedViewshed,
    ComputeViewshed,
    Drawn,
    Mapped,
    SolvePose,
    ToImage,
    ToMap,
)
from avalanche_iseg_qgis.worker.camera_client import CameraClient
from avalanche_iseg_qgis.worker.requests import Receiver
from avalanche_iseg_qgis.worker.state import WorkerState

EPSG = 2056
CELL = 10.0
WEST, NORTH = 2_780_000.0, 1_190_000.0
PIXELS = np.array([(120, 100), (180, 100), (180, 140), (120, 140)], np.float32)


def heights_at(x, y):
    """A slope that rises to the north."""
    return 1500 + 0.6 * np.maximum(0, y - (NORTH - 2200)) + 20 * np.sin((x - WEST) / 150)


@pytest.fixture(scope="module")
def dem(tmp_path_factory) -> str:
    path = str(tmp_path_factory.mktemp("dem") / "dem.tif")
    x = WEST + (np.arange(300) + 0.5) * CELL
    y = NORTH - (np.arange(300) + 0.5) * CELL
    file = gdal.GetDriverByName("GTiff").Create(path, 300, 300, 1, gdal.GDT_Float32)
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(EPSG)
    file.SetProjection(crs.ExportToWkt())
    file.SetGeoTransform((WEST, CELL, 0, NORTH, 0, -CELL))
    file.GetRasterBand(1).WriteArray(heights_at(*np.meshgrid(x, y)).astype(np.float32))
    file.FlushCache()
    return path


@pytest.fixture(scope="module")
def record() -> CameraRecord:
    x, y = WEST + 1500.0, NORTH - 2700.0
    return CameraRecord(Camera(320, 240, x, y, 1560.0, 0.0, 12.0, 1.0, 330.0), EPSG)


@pytest.fixture(scope="module")
def view(record, dem) -> dict:
    return {"record": record.to_json(), "dem": [dem]}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("AVALANCHE_ISEG_CACHE", str(folder))


class Heard:
    """A client, and all that its receivers were given."""

    def __init__(self, interpreter: str) -> None:
        self.client = CameraClient()
        self.answers: list[tuple] = []
        self.refusals: list[tuple] = []
        self.states: list[tuple] = []
        self.client.state_changed.connect(
            lambda: self.states.append((self.client.state, self.client.text))
        )
        self.client.configure(interpreter)

    def request(self, slot: str, name: object, request: object) -> None:
        receiver = Receiver(
            lambda answer: self.answers.append((name, answer)),
            lambda text: self.refusals.append((name, text)),
        )
        self.client.request(slot, request, receiver)

    def wait_for(self, state: WorkerState) -> None:
        wait_until(lambda: self.client.state in (state, WorkerState.BROKEN), 60, state.name)
        assert self.client.state is state, self.client.text

    def wait_for_answers(self, count: int = 1) -> None:
        def settled() -> bool:
            broken = self.client.state is WorkerState.BROKEN
            return len(self.answers) >= count or broken or bool(self.refusals)

        wait_until(settled, 60, "an answer")
        assert len(self.answers) >= count, (self.client.text, self.refusals)

    @property
    def answered(self) -> list:
        return [name for name, _ in self.answers]


@pytest.fixture
def listen():
    """Makes clients, and stops them."""
    all_heard = []

    def make(interpreter) -> Heard:
        all_heard.append(Heard(str(interpreter)))
        return all_heard[-1]

    yield make
    for heard in all_heard:
        heard.client.stop()


@pytest.fixture(scope="module")
def running(interpreter):
    heard = Heard(str(interpreter))
    yield heard
    heard.client.stop()


@pytest.fixture
def ready(running):
    running.client.start()
    running.wait_for(WorkerState.READY)
    for said in (running.answers, running.refusals, running.states):
        said.clear()
    yield running
    running.client.cancel()


def to_map(view: dict, **more) -> ToMap:
    return ToMap(points=PIXELS, parts=[[4]], **view, **more)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


# --- what it is for ---------------------------------------------------------------------------


def test_starts_and_says_so(listen, interpreter):
    heard = listen(interpreter)
    assert heard.client.state is WorkerState.OFF
    start = time.perf_counter()
    heard.client.start()
    heard.wait_for(WorkerState.READY)
    print(f"up after {time.perf_counter() - start:.1f} s")
    assert [state for state, _ in heard.states] == [WorkerState.STARTING, WorkerState.READY]
    assert heard.client.welcome.versions["python"]


def test_looks_and_qgis_reads_the_range_map(ready, view, record):
    ready.request("look", "ticket", ComputeViewshed(**view))
    assert ready.client.busy
    assert ready.client.state is WorkerState.BUSY
    ready.wait_for_answers()
    ((name, seen),) = ready.answers
    assert (name, type(seen)) == ("ticket", ComputedViewshed)
    ((x, y, z),) = RangeMap.open(seen.folder).unproject([(160, 120)])
    assert z == pytest.approx(float(heights_at(x, y)), abs=2)
    u, v = record.camera.project([(x, y, z)])[0]
    assert (u, v) == (pytest.approx(160, abs=0.1), pytest.approx(120, abs=0.1))
    assert not ready.client.busy
    assert ready.client.state is WorkerState.READY


def test_outlines_go_to_the_map_and_back(ready, view):
    ready.request("map", 1, to_map(view, attributes=True))
    ready.wait_for_answers()
    mapped = ready.answers[0][1]
    assert isinstance(mapped, Mapped)
    assert mapped.attributes["area_m2"] > 1000
    ready.request("image", 2, ToImage.of(mapped.xy, mapped.parts, **view))
    ready.wait_for_answers(2)
    drawn = ready.answers[1][1]
    assert isinstance(drawn, Drawn)
    assert drawn.mask[105:135, 125:175].mean() > 0.95


def test_newest_of_each_slot_wins_and_slots_take_turns(ready, view):
    for number in range(10):
        ready.request("live", f"live {number}", to_map(view))
        ready.request("finish", f"finish {number}", to_map(view, attributes=True))
    ready.wait_for_answers(2)
    wait_until(lambda: ready.client.state is WorkerState.READY)
    assert ready.answered == ["live 9", "finish 9"]
    for slot in "abc":
        ready.request(slot, slot, to_map(view))
    ready.wait_for_answers(5)
    assert ready.answered[2:] == ["a", "b", "c"]


def test_what_is_forgotten_is_not_answered(ready, view):
    ready.request("a", "dropped", ComputeViewshed(**view))
    ready.request("b", "wanted", to_map(view))
    ready.client.withdraw("a")
    ready.client.withdraw("never asked")
    ready.wait_for_answers()
    assert ready.answered == ["wanted"]
    ready.request("a", "dropped", to_map(view))
    ready.client.cancel()
    assert not ready.client.busy
    ready.request("a", "asked again", to_map(view))
    ready.wait_for_answers(2)
    assert ready.answered == ["wanted", "asked again"]


def test_asked_again_by_who_hears_the_answer(ready, view):
    def request(number: int) -> None:
        def again(answer: object) -> None:
            ready.answers.append((number, answer))
            if number < 3:
                request(number + 1)

        ready.client.request("chain", to_map(view), Receiver(again, pytest.fail))

    request(0)
    ready.wait_for_answers(4)
    assert ready.answered == [0, 1, 2, 3]


def test_a_request_that_fails_is_refused_and_the_worker_goes_on(ready, view):
    pid = ready.client.pid
    ready.request("a", "no dem", to_map({**view, "dem": []}))
    wait_until(lambda: ready.refusals, what="a refusal")
    ready.request("a", "few", SolvePose([], 320, 240, EPSG))
    wait_until(lambda: len(ready.refusals) == 2, what="a refusal")
    unsendable = {**view, "record": {**view["record"], "x": float("nan")}}
    ready.request("a", "no number", to_map(unsendable))
    assert [name for name, _ in ready.refusals] == ["no dem", "few", "no number"]
    assert "DEM" in ready.refusals[0][1]
    ready.refusals.clear()
    ready.request("a", "fine", to_map(view))
    ready.wait_for_answers()
    assert ready.client.pid == pid


def test_stop_leaves_no_process(ready, view):
    pid = ready.client.pid
    ready.request("a", "lost", to_map(view))
    start = time.perf_counter()
    ready.client.stop()
    took = time.perf_counter() - start
    print(f"stop: {1000 * took:.0f} ms")
    assert took < 0.2
    wait_until(lambda: gone(pid), 1.0)
    assert ready.client.state is WorkerState.OFF
    assert not ready.client.busy
    ready.client.start()
    ready.wait_for(WorkerState.READY)
    assert ready.answered == []


def test_asked_before_it_is_started(listen, interpreter, view):
    heard = listen(interpreter)
    heard.request("a", "early", to_map(view))
    assert heard.client.state is WorkerState.OFF
    heard.client.start()
    heard.wait_for_answers()
    assert heard.answered == ["early"]


# --- what goes wrong --------------------------------------------------------------------------


def test_killed_mid_request_answers_nevertheless(ready, view, record):
    turned = {**view, "record": {**view["record"], "yaw_deg": 4.0}}
    pid = ready.client.pid
    ready.request("a", "a", to_map(turned))
    ready.request("b", "b", to_map(view))
    os.kill(pid, signal.SIGKILL)
    ready.wait_for_answers(2)
    assert ready.answered == ["a", "b"]
    assert ready.client.pid != pid
    assert (WorkerState.STARTING, "The worker stopped; starting it again…") in ready.states


def test_killed_again_and_again_gives_up_and_keeps_what_was_wanted(ready, view):
    for _ in range(3):
        ready.wait_for(WorkerState.READY)
        os.kill(ready.client.pid, signal.SIGKILL)
        wait_until(lambda: ready.client.state is not WorkerState.READY)
    assert ready.client.state is WorkerState.BROKEN
    print(ready.client.text)
    assert "3 times within a minute" in ready.client.text
    assert "start it again" in ready.client.text
    ready.request("a", "a", to_map(view))
    assert ready.client.state is WorkerState.BROKEN
    ready.client.start()
    ready.wait_for_answers()
    assert ready.answered == ["a"]


@pytest.mark.parametrize("wrong", ["/bin/true", "/no/such/python", "rubbish"])
def test_no_python_at_all(listen, interpreter, view, tmp_path, wrong):
    if wrong == "rubbish":
        script = tmp_path / "python"
        script.write_text("#!/bin/sh\necho rubbish; echo oops >&2; exit 3\n")
        script.chmod(0o755)
        wrong = str(script)
    heard = listen(wrong)
    heard.client.start()
    heard.request("a", "a", to_map(view))
    wait_until(lambda: heard.client.state is WorkerState.BROKEN, what="giving up")
    assert heard.client.text.startswith(f"{wrong} is no Python in which the segmentation can run")
    heard.client.configure(str(interpreter))
    heard.wait_for_answers()
    assert heard.answered == ["a"]


@pytest.mark.parametrize(
    "header",
    [
        b'{"type": ["welcome"], "number": 1, "arrays": []}',
        b'{"arrays": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_malformed_answer_is_found_out(listen, tmp_path, header):
    (tmp_path / "answer").write_bytes(MAGIC + struct.pack("<IQ", len(header), 0) + header)
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\ncat {tmp_path}/answer\nexec sleep 60\n")
    script.chmod(0o755)
    heard = listen(script)
    heard.client.start()
    wait_until(lambda: heard.client.state is WorkerState.BROKEN, what="giving up")
    assert heard.client.text.startswith(f"{script} is no Python in which the segmentation can run")


def test_python_without_the_packages(listen):
    heard = listen("/usr/bin/python3")
    heard.client.start()
    wait_until(lambda: heard.client.state is WorkerState.BROKEN, what="giving up")
    print(heard.client.text)
    assert "No module named" in heard.client.text


def test_the_plugin_carries_what_the_worker_needs():
    core = Path(os.environ["ISEG_PLUGINS"], "avalanche_iseg_qgis", "core")
    parts = (
        "survey/handler.py",
        "camera/resection.py",
        "terrain/sources.py",
        "projection/to_map.py",
    )
    assert [part for part in parts if not (core / part).is_file()] == []
    assert not (core / "commands").exists()
