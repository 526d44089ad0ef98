"""The survey worker as the plugin has it: the real one, and what may go wrong."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from avalanche_iseg_qgis.core.camera import Camera, CameraRecord
from avalanche_iseg_qgis.core.projection.range_map import RangeMap
from avalanche_iseg_qgis.core.survey.protocol import (
    Draped,
    Drawn,
    LookAt,
    Mapped,
    Seen,
    SolvePose,
    ToImage,
    ToMap,
)
from osgeo import gdal, osr
from waiting import wait_until

from avalanche_iseg_qgis.worker.camera_client import CameraClient
from avalanche_iseg_qgis.worker.camera_messages import SURVEY
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
    """A surveyor with everything it has said."""

    def __init__(self, interpreter: str) -> None:
        self.surveyor = CameraClient()
        self.answers: list[tuple] = []
        self.refusals: list[tuple] = []
        self.states: list[tuple] = []
        self.surveyor.answered.connect(lambda *said: self.answers.append(said))
        self.surveyor.refused.connect(lambda *said: self.refusals.append(said))
        self.surveyor.state_changed.connect(
            lambda: self.states.append((self.surveyor.state, self.surveyor.text))
        )
        self.surveyor.configure(interpreter)

    def wait_for(self, state: WorkerState) -> None:
        wait_until(lambda: self.surveyor.state in (state, WorkerState.BROKEN), 60, state.name)
        assert self.surveyor.state is state, self.surveyor.text

    def wait_for_answers(self, count: int = 1) -> None:
        def settled() -> bool:
            broken = self.surveyor.state is WorkerState.BROKEN
            return len(self.answers) >= count or broken or bool(self.refusals)

        wait_until(settled, 60, "an answer")
        assert len(self.answers) >= count, (self.surveyor.text, self.refusals)

    @property
    def tickets(self) -> list:
        return [ticket for ticket, _ in self.answers]


@pytest.fixture
def listen():
    """Makes surveyors, and stops them."""
    all_heard = []

    def make(interpreter) -> Heard:
        all_heard.append(Heard(str(interpreter)))
        return all_heard[-1]

    yield make
    for heard in all_heard:
        heard.surveyor.stop()


@pytest.fixture(scope="module")
def running(interpreter):
    heard = Heard(str(interpreter))
    yield heard
    heard.surveyor.stop()


@pytest.fixture
def ready(running):
    running.surveyor.start()
    running.wait_for(WorkerState.READY)
    for said in (running.answers, running.refusals, running.states):
        said.clear()
    yield running
    running.surveyor.cancel()


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
    assert heard.surveyor.state is WorkerState.OFF
    start = time.perf_counter()
    heard.surveyor.start()
    heard.wait_for(WorkerState.READY)
    print(f"up after {time.perf_counter() - start:.1f} s")
    assert [state for state, _ in heard.states] == [WorkerState.STARTING, WorkerState.READY]
    assert heard.surveyor.welcome.versions["python"]


def test_looks_and_qgis_reads_the_range_map(ready, view, record):
    ready.surveyor.ask("look", "ticket", LookAt(**view))
    assert ready.surveyor.busy
    assert ready.surveyor.state is WorkerState.BUSY
    ready.wait_for_answers()
    ((ticket, seen),) = ready.answers
    assert (ticket, type(seen)) == ("ticket", Seen)
    ((x, y, z),) = RangeMap.open(seen.folder).unproject([(160, 120)])
    assert z == pytest.approx(float(heights_at(x, y)), abs=2)
    u, v = record.camera.project([(x, y, z)])[0]
    assert (u, v) == (pytest.approx(160, abs=0.1), pytest.approx(120, abs=0.1))
    assert not ready.surveyor.busy
    assert ready.surveyor.state is WorkerState.READY


def test_outlines_go_to_the_map_and_back(ready, view):
    ready.surveyor.ask("map", 1, to_map(view, attributes=True))
    ready.wait_for_answers()
    mapped = ready.answers[0][1]
    assert isinstance(mapped, Mapped)
    assert mapped.attributes["area_m2"] > 1000
    ready.surveyor.ask("image", 2, ToImage.of(mapped.xy, mapped.parts, **view))
    ready.wait_for_answers(2)
    drawn = ready.answers[1][1]
    assert isinstance(drawn, Drawn)
    assert drawn.mask[105:135, 125:175].mean() > 0.95


def test_newest_of_each_slot_wins_and_slots_take_turns(ready, view):
    for number in range(10):
        ready.surveyor.ask("live", f"live {number}", to_map(view))
        ready.surveyor.ask("finish", f"finish {number}", to_map(view, attributes=True))
    ready.wait_for_answers(2)
    wait_until(lambda: ready.surveyor.state is WorkerState.READY)
    assert ready.tickets == ["live 9", "finish 9"]
    for slot in "abc":
        ready.surveyor.ask(slot, slot, to_map(view))
    ready.wait_for_answers(5)
    assert ready.tickets[2:] == ["a", "b", "c"]


def test_what_is_forgotten_is_not_answered(ready, view):
    ready.surveyor.ask("a", "dropped", LookAt(**view))
    ready.surveyor.ask("b", "wanted", to_map(view))
    ready.surveyor.forget("a")
    ready.surveyor.forget("never asked")
    ready.wait_for_answers()
    assert ready.tickets == ["wanted"]
    ready.surveyor.ask("a", "dropped", to_map(view))
    ready.surveyor.cancel()
    assert not ready.surveyor.busy
    ready.surveyor.ask("a", "asked again", to_map(view))
    ready.wait_for_answers(2)
    assert ready.tickets == ["wanted", "asked again"]


def test_asked_again_by_who_hears_the_answer(ready, view):
    def again(ticket, _):
        if ticket < 3:
            ready.surveyor.ask("chain", ticket + 1, to_map(view))

    ready.surveyor.answered.connect(again)
    ready.surveyor.ask("chain", 0, to_map(view))
    ready.wait_for_answers(4)
    ready.surveyor.answered.disconnect(again)
    assert ready.tickets == [0, 1, 2, 3]


def test_a_request_that_fails_is_refused_and_the_worker_goes_on(ready, view):
    pid = ready.surveyor.pid
    ready.surveyor.ask("a", "no dem", to_map({**view, "dem": []}))
    wait_until(lambda: ready.refusals, what="a refusal")
    ready.surveyor.ask("a", "few", SolvePose([], 320, 240, EPSG))
    wait_until(lambda: len(ready.refusals) == 2, what="a refusal")
    unsendable = {**view, "record": {**view["record"], "x": float("nan")}}
    ready.surveyor.ask("a", "no number", to_map(unsendable))
    assert [ticket for ticket, _ in ready.refusals] == ["no dem", "few", "no number"]
    assert "DEM" in ready.refusals[0][1]
    ready.refusals.clear()
    ready.surveyor.ask("a", "fine", to_map(view))
    ready.wait_for_answers()
    assert ready.surveyor.pid == pid


def test_stop_leaves_no_process(ready, view):
    pid = ready.surveyor.pid
    ready.surveyor.ask("a", "lost", to_map(view))
    start = time.perf_counter()
    ready.surveyor.stop()
    took = time.perf_counter() - start
    print(f"stop: {1000 * took:.0f} ms")
    assert took < 0.2
    wait_until(lambda: gone(pid), 1.0)
    assert ready.surveyor.state is WorkerState.OFF
    assert not ready.surveyor.busy
    ready.surveyor.start()
    ready.wait_for(WorkerState.READY)
    assert ready.tickets == []


def test_asked_before_it_is_started(listen, interpreter, view):
    heard = listen(interpreter)
    heard.surveyor.ask("a", "early", to_map(view))
    assert heard.surveyor.state is WorkerState.OFF
    heard.surveyor.start()
    heard.wait_for_answers()
    assert heard.tickets == ["early"]


# --- what goes wrong --------------------------------------------------------------------------


def test_killed_mid_request_answers_nevertheless(ready, view, record):
    turned = {**view, "record": {**view["record"], "yaw_deg": 4.0}}
    pid = ready.surveyor.pid
    ready.surveyor.ask("a", "a", to_map(turned))
    ready.surveyor.ask("b", "b", to_map(view))
    os.kill(pid, signal.SIGKILL)
    ready.wait_for_answers(2)
    assert ready.tickets == ["a", "b"]
    assert ready.surveyor.pid != pid
    assert (WorkerState.STARTING, "The worker stopped; starting it again…") in ready.states


def test_killed_again_and_again_gives_up_and_keeps_what_was_wanted(ready, view):
    for _ in range(3):
        ready.wait_for(WorkerState.READY)
        os.kill(ready.surveyor.pid, signal.SIGKILL)
        wait_until(lambda: ready.surveyor.state is not WorkerState.READY)
    assert ready.surveyor.state is WorkerState.BROKEN
    print(ready.surveyor.text)
    assert "3 times within a minute" in ready.surveyor.text
    assert "start it again" in ready.surveyor.text
    ready.surveyor.ask("a", "a", to_map(view))
    assert ready.surveyor.state is WorkerState.BROKEN
    ready.surveyor.start()
    ready.wait_for_answers()
    assert ready.tickets == ["a"]


@pytest.mark.parametrize("wrong", ["/bin/true", "/no/such/python", "rubbish"])
def test_no_python_at_all(listen, interpreter, view, tmp_path, wrong):
    if wrong == "rubbish":
        script = tmp_path / "python"
        script.write_text("#!/bin/sh\necho rubbish; echo oops >&2; exit 3\n")
        script.chmod(0o755)
        wrong = str(script)
    heard = listen(wrong)
    heard.surveyor.start()
    heard.surveyor.ask("a", "a", to_map(view))
    wait_until(lambda: heard.surveyor.state is WorkerState.BROKEN, what="giving up")
    assert heard.surveyor.text.startswith(f"{wrong} is no Python in which the worker can run")
    heard.surveyor.configure(str(interpreter))
    heard.wait_for_answers()
    assert heard.tickets == ["a"]


def test_python_without_the_packages(listen):
    heard = listen("/usr/bin/python3")
    heard.surveyor.start()
    wait_until(lambda: heard.surveyor.state is WorkerState.BROKEN, what="giving up")
    print(heard.surveyor.text)
    assert "No module named" in heard.surveyor.text


def test_every_request_has_its_answers():
    requests = set(SURVEY.answered_by)
    known = set(SURVEY.answers.values())
    assert all(set(kinds) <= known for kinds, _ in SURVEY.answered_by.values())
    assert {LookAt, SolvePose, ToMap, ToImage} <= requests
    assert Draped in known


def test_the_plugin_carries_what_the_worker_needs():
    core = Path(os.environ["ISEG_PLUGINS"], "avalanche_iseg_qgis", "core")
    parts = (
        "survey/session.py",
        "camera/resection.py",
        "terrain/sources.py",
        "projection/to_map.py",
    )
    assert [part for part in parts if not (core / part).is_file()] == []
    assert not (core / "commands").exists()
