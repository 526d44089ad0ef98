"""The worker as the plugin has it: the real one, with the default model, and what may go wrong."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.PyQt.QtCore import QEventLoop, QTimer
from waiting import wait_until

from avalanche_iseg_qgis.core.prompts import Box, Click, Prompts
from avalanche_iseg_qgis.layers.pixel_window import PixelWindow, WindowImage
from avalanche_iseg_qgis.worker import supervisor
from avalanche_iseg_qgis.worker.interpreter import find_interpreter
from avalanche_iseg_qgis.worker.requests import Receiver
from avalanche_iseg_qgis.worker.segmentation_client import (
    SegmentationClient,
    ShapeSettings,
    WorkerSettings,
    WorkerState,
)

ROOT = Path(__file__).resolve().parents[2]
PHOTO = ROOT.parent / "shared" / "data" / "grabcut" / "data_GT" / "person1.jpg"


def picture(pixels: np.ndarray, name: str) -> WindowImage:
    height, width = pixels.shape[:2]
    return WindowImage(name, PixelWindow(0, 0, height, width), pixels)


def made(height: int = 300, width: int = 400, name: str = "") -> WindowImage:
    """A bright blob on a dark ground."""
    name = name or f"made, {height} x {width}"
    rows, cols = np.ogrid[:height, :width]
    inside = ((rows - height / 2) / height) ** 2 + ((cols - width / 2) / width) ** 2 < 0.04
    pixels = np.where(inside[..., None], np.uint8(220), np.uint8(60)).repeat(3, axis=2)
    return picture(np.ascontiguousarray(pixels), name)


def middle(picture: WindowImage) -> Prompts:
    return Prompts([Click(picture.window.height / 2, picture.window.width / 2)])


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


class Heard:
    """A client, and all that its receivers were given."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.service = SegmentationClient()
        self.answers: list[tuple] = []
        self.refusals: list[tuple] = []
        self.states: list[tuple] = []
        self.service.state_changed.connect(
            lambda: self.states.append((self.service.state, self.service.text))
        )
        self.service.configure(settings)

    def receiver(self, name: object) -> Receiver:
        return Receiver(
            lambda answer: self.answers.append((name, answer)),
            lambda text: self.refusals.append((name, text)),
        )

    def predict(self, name: object, photo: WindowImage, prompts: Prompts, slot="live") -> None:
        self.service.predict(slot, photo, prompts, self.receiver(name))

    def outline(self, name: object, photo: WindowImage, prompts: Prompts, shape) -> None:
        self.service.outline("live", photo, prompts, shape, self.receiver(name))

    def wait_for(self, state: WorkerState, seconds: float = 60.0) -> None:
        def reached() -> bool:
            return self.service.state in (state, WorkerState.BROKEN)

        wait_until(reached, seconds, state.name)
        assert self.service.state is state, self.service.text

    def wait_for_answers(self, count: int = 1, seconds: float = 60.0) -> None:
        def settled() -> bool:
            return len(self.answers) >= count or self.service.state is WorkerState.BROKEN

        wait_until(settled, seconds, "an answer")
        assert len(self.answers) >= count, self.service.text

    @property
    def answered(self) -> list:
        return [name for name, _ in self.answers]


@pytest.fixture(scope="module")
def settings(interpreter):
    return WorkerSettings(str(interpreter), threads=1)


@pytest.fixture
def listen():
    """Makes services, and stops them."""
    all_heard = []

    def make(settings: WorkerSettings) -> Heard:
        all_heard.append(Heard(settings))
        return all_heard[-1]

    yield make
    for heard in all_heard:
        heard.service.stop()


@pytest.fixture(scope="module")
def running(settings):
    """One service for many tests."""
    heard = Heard(settings)
    yield heard
    heard.service.stop()


@pytest.fixture
def ready(running, settings):
    """The service, up and idle."""
    running.service.configure(settings)
    running.service.start()
    running.wait_for(WorkerState.READY)
    for said in (running.answers, running.refusals, running.states):
        said.clear()
    yield running
    running.service.cancel()


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


# --- what it is for ---------------------------------------------------------------------------


def test_starts_loads_and_says_so(listen, settings):
    heard = listen(settings)
    assert heard.service.state is WorkerState.OFF
    heard.service.start()
    heard.wait_for(WorkerState.READY)
    states = [state for state, _ in heard.states]
    assert states == [WorkerState.STARTING, WorkerState.LOADING, WorkerState.READY]
    assert heard.service.text == "Ready: Standard model on the CPU, 1 thread"
    assert heard.service.loaded.name == "default"
    assert "default" in heard.service.welcome.models


def test_predicts_on_a_photo(ready):
    data = gdal.Open(str(PHOTO)).ReadAsArray()
    photo = picture(np.ascontiguousarray(np.moveaxis(data, 0, 2)), str(PHOTO))
    ready.predict("a", photo, middle(photo))
    assert ready.service.state is WorkerState.BUSY
    ready.wait_for_answers()
    name, prediction = ready.answers[0]
    assert name == "a"
    assert tuple(prediction.size) == photo.pixels.shape[:2]
    assert prediction.mask(0.5)[photo.window.height // 2, photo.window.width // 2]
    assert ready.service.state is WorkerState.READY


def test_outlines(ready):
    photo = made()
    ready.outline("o", photo, middle(photo), ShapeSettings(tolerance=1.0, fill_holes=-1))
    ready.wait_for_answers()
    name, outlined = ready.answers[0]
    assert name == "o"
    assert outlined.points.shape == (sum(map(sum, outlined.parts)), 2)
    assert outlined.area > 100


def test_newest_of_each_kind_wins_and_predictions_go_first(ready):
    photo = made()
    for number in range(10):
        ready.outline(f"o{number}", photo, middle(photo), ShapeSettings())
        ready.predict(number, photo, middle(photo))
    ready.wait_for_answers(2)
    time.sleep(0.2)
    wait_until(lambda: ready.service.state is WorkerState.READY)
    assert ready.answered == [9, "o9"]


def test_each_slot_has_a_prediction_of_its_own(ready):
    photo = made()
    for number in range(3):
        ready.predict(f"one {number}", photo, middle(photo), "one")
        ready.predict(f"two {number}", photo, middle(photo), "two")
    ready.predict("dropped", photo, middle(photo), "three")
    ready.service.withdraw("three")
    ready.wait_for_answers(2)
    wait_until(lambda: ready.service.state is WorkerState.READY)
    assert ready.answered == ["one 2", "two 2"]


def test_nobody_waits_after_cancel(ready):
    photo = made()
    ready.predict("dropped", photo, middle(photo))
    ready.outline("dropped too", photo, middle(photo), ShapeSettings())
    ready.service.cancel()
    assert ready.service.state is WorkerState.READY
    ready.predict("wanted", photo, middle(photo))
    ready.wait_for_answers()
    assert ready.answered == ["wanted"]


def test_hands_pictures_over_again_when_the_worker_has_dropped_them(ready):
    photos = [made(60, 80, f"photo {number}") for number in range(6)]
    for photo in (*photos, *photos):
        ready.predict(photo.name, photo, middle(photo))
        ready.wait_for_answers(len(ready.answers) + 1)
    assert ready.answered == [photo.name for photo in photos] * 2
    assert not ready.refusals


def test_picture_ahead_of_the_first_click(ready):
    photo = made(4000, 6000, "ahead")
    start = time.perf_counter()
    ready.service.preload(photo)
    loop = QEventLoop()  # not `wait_until`: its pauses would be counted
    ready.service._connection.answered.connect(loop.quit)
    loop.exec()
    assert photo.name in ready.service._connection.held
    print(f"24 megapixels handed over in {time.perf_counter() - start:.2f} s")
    ready.predict("a", photo, middle(photo))
    ready.wait_for_answers()


def test_a_request_that_fails_is_refused_and_the_worker_goes_on(ready):
    photo, pid = made(), ready.service.pid
    ready.predict("outside", photo, Prompts([], Box(5000, 6000, 5000, 6000)))
    ready.predict("flat", picture(np.zeros((9, 9), np.uint8), "flat"), middle(photo), "live")
    wait_until(lambda: len(ready.refusals) == 1, what="a refusal")
    ready.predict("flat", picture(np.zeros((9, 9), np.uint8), "flat"), middle(photo))
    wait_until(lambda: len(ready.refusals) == 2, what="a refusal")
    assert ready.refusals[-1][0] == "flat"
    assert "(H, W, 3)" in ready.refusals[-1][1]
    ready.predict("fine", photo, middle(photo))
    ready.wait_for_answers()
    assert ready.answered == ["fine"]
    assert ready.service.pid == pid


def test_stop_leaves_no_process_and_start_starts_again(ready):
    photo, pid = made(), ready.service.pid
    ready.predict("lost", photo, middle(photo))
    start = time.perf_counter()
    ready.service.stop()
    took = time.perf_counter() - start
    print(f"stop: {1000 * took:.0f} ms")
    assert took < 0.2
    wait_until(lambda: gone(pid), 1.0)
    assert ready.service.state is WorkerState.OFF
    ready.service.stop()
    ready.service.start()
    ready.service.start()
    ready.wait_for(WorkerState.READY)
    assert ready.answered == []


# --- settings ---------------------------------------------------------------------------------


def test_only_what_has_changed_is_done_again(ready, settings):
    pid = ready.service.pid
    ready.service.configure(settings)
    assert ready.service.state is WorkerState.READY
    ready.service.configure(replace(settings, threads=2))
    assert ready.service.state is WorkerState.LOADING
    ready.wait_for(WorkerState.READY)
    assert ready.service.text == "Ready: Standard model on the CPU, 2 threads"
    assert ready.service.pid == pid


def test_settings_changed_mid_request(ready, settings):
    photo = made()
    ready.predict("a", photo, middle(photo))
    ready.service.configure(replace(settings, threads=2))
    ready.wait_for_answers()
    assert ready.answered == ["a"]
    assert ready.service.loaded.threads == 2


def test_settings_changed_while_starting(listen, settings):
    heard = listen(replace(settings, model="no such model"))

    def change() -> None:
        if heard.service.state is WorkerState.LOADING:
            heard.service.configure(settings)

    heard.service.state_changed.connect(change)
    heard.service.start()
    heard.wait_for(WorkerState.READY)
    assert not any(state is WorkerState.BROKEN for state, _ in heard.states)


def test_missing_model_file_then_a_good_one(listen, settings, tmp_path):
    heard, photo = listen(replace(settings, model=str(tmp_path / "gone.safetensors"))), made()
    heard.predict("a", photo, middle(photo))
    heard.service.start()
    wait_until(lambda: heard.service.state is WorkerState.BROKEN, 60)
    print(heard.service.text)
    assert "gone.safetensors" in heard.service.text
    pid = heard.service.pid
    heard.service.configure(settings)
    heard.wait_for_answers()
    assert heard.answered == ["a"]
    assert heard.service.pid == pid  # a failed load ends no worker


def test_environment_as_qgis_sets_it(listen, settings, monkeypatch):
    for name in ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "GDAL_DATA", "PROJ_LIB"):
        monkeypatch.setenv(name, "/nonsense")
    heard = listen(settings)
    heard.service.start()
    heard.wait_for(WorkerState.READY)


def test_find_interpreter(monkeypatch):
    monkeypatch.delenv("AVALANCHE_ISEG_PYTHON", raising=False)
    assert find_interpreter() == ""  # the plugin is installed, far from any checkout
    monkeypatch.setenv("AVALANCHE_ISEG_PYTHON", "/some/python")
    assert find_interpreter() == "/some/python"


# --- what goes wrong --------------------------------------------------------------------------


@pytest.mark.parametrize("while_it", ["reads the picture", "computes"])
def test_killed_mid_request_answers_nevertheless(ready, while_it):
    photo, pid = made(1200, 1600, while_it), ready.service.pid
    ready.predict("a", photo, middle(photo))
    if while_it == "computes":
        wait_until(lambda: photo.name in ready.service._connection.held)
    os.kill(pid, signal.SIGKILL)
    start = time.perf_counter()
    ready.wait_for_answers()
    print(f"killed, answered after {time.perf_counter() - start:.1f} s")
    assert ready.answered == ["a"]
    assert ready.service.pid != pid
    assert (WorkerState.STARTING, "The worker stopped; starting it again…") in ready.states


def test_killed_while_idle_is_there_again(ready):
    pid = ready.service.pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: ready.service.state is not WorkerState.READY)
    ready.wait_for(WorkerState.READY)
    assert ready.service.pid != pid


def test_killed_again_and_again_gives_up_and_keeps_what_was_wanted(ready):
    photo = made()
    for _ in range(3):
        ready.wait_for(WorkerState.READY)
        os.kill(ready.service.pid, signal.SIGKILL)
        wait_until(lambda: ready.service.state is not WorkerState.READY)
    assert ready.service.state is WorkerState.BROKEN
    assert "3 times within a minute" in ready.service.text
    ready.predict("a", photo, middle(photo))
    assert ready.service.state is WorkerState.BROKEN
    ready.service.start()
    ready.wait_for_answers()
    assert ready.answered == ["a"]


@pytest.mark.parametrize(
    "wrong", ["/bin/true", "/no/such/python", "/usr/bin", "rubbish", "much rubbish"]
)
def test_no_python_at_all(listen, settings, tmp_path, wrong):
    if wrong == "rubbish":
        wrong = script(tmp_path / "python", "echo rubbish; echo oops >&2; exit 3")
    if wrong == "much rubbish":
        wrong = script(tmp_path / "python", "exec cat /dev/urandom")
    heard, photo = listen(replace(settings, interpreter=wrong)), made()
    heard.service.start()
    heard.predict("a", photo, middle(photo))
    wait_until(lambda: heard.service.state is WorkerState.BROKEN, what="giving up")
    print(heard.service.text)
    assert heard.service.text.startswith(f"{wrong} is no Python in which the segmentation can run")
    assert heard.service.pid == 0
    heard.service.configure(settings)
    heard.wait_for_answers()
    assert heard.answered == ["a"]


def test_python_without_torch(listen, settings):
    heard = listen(replace(settings, interpreter="/usr/bin/python3"))
    heard.service.start()
    wait_until(lambda: heard.service.state is WorkerState.BROKEN, what="giving up")
    print(heard.service.text)
    assert "/usr/bin/python3" in heard.service.text
    assert "No module named" in heard.service.text


def test_no_interpreter_chosen(listen, monkeypatch):
    monkeypatch.delenv("AVALANCHE_ISEG_PYTHON", raising=False)
    heard = listen(WorkerSettings())
    heard.service.start()
    assert heard.service.state is WorkerState.BROKEN
    assert heard.service.text.startswith("Segmentation is not set up yet")


def test_garbage_after_a_good_start_is_survived(listen, settings, interpreter, tmp_path):
    once, now = tmp_path / "once", tmp_path / "now"
    wrapper = script(
        tmp_path / "python",
        f"""[ -e {once} ] && exec {interpreter} "$@"
touch {once}
exec 3<&0
{interpreter} "$@" <&3 &
while [ ! -e {now} ]; do sleep 0.05; done
echo rubbish
wait""",
    )
    heard, photo = listen(replace(settings, interpreter=wrapper)), made()
    heard.service.start()
    heard.wait_for(WorkerState.READY)
    pid = heard.service.pid
    now.touch()
    wait_until(lambda: heard.service.state is not WorkerState.READY, what="garbage")
    heard.predict("a", photo, middle(photo))
    heard.wait_for_answers()
    assert heard.answered == ["a"]
    assert heard.service.pid != pid


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_killed_before_its_first_answer_ever(listen, settings, number):
    heard = listen(settings)
    heard.service.start()
    wait_until(lambda: heard.service.pid, what="the process")
    pid = heard.service.pid
    program = Path(f"/proc/{pid}/cmdline")
    # Until then it is a copy of QGIS, which has a handler of its own for a crash.
    wait_until(lambda: b"qgis.bin" not in program.read_bytes(), what="its own program")
    os.kill(pid, number)
    wait_until(lambda: heard.service.pid not in (0, pid), 60, "another one")
    heard.wait_for(WorkerState.READY)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("kill -9 $$", "SIGKILL"),
        ("kill -11 $$", "SIGSEGV"),
        ("echo MemoryError >&2; exit 1", "memory was short"),
    ],
)
def test_what_ended_it_is_said(listen, settings, tmp_path, end, words):
    heard = listen(replace(settings, interpreter=script(tmp_path / "python", end)))
    heard.service.start()
    wait_until(lambda: heard.service.state is WorkerState.BROKEN, what="giving up")
    assert words in heard.service.text
    assert "no Python" not in heard.service.text
    assert "3 times within a minute" in heard.service.text


def test_a_python_that_worked_before_is_not_called_wrong(listen, settings, interpreter, tmp_path):
    bad = tmp_path / "bad"
    wrapper = script(tmp_path / "python", f'[ -e {bad} ] && exit 7\nexec {interpreter} "$@"')
    heard = listen(replace(settings, interpreter=wrapper))
    heard.service.start()
    heard.wait_for(WorkerState.READY)
    bad.touch()
    os.kill(heard.service.pid, signal.SIGKILL)
    wait_until(lambda: heard.service.state is WorkerState.BROKEN, what="giving up")
    assert "exit status 7" in heard.service.text
    assert "no Python" not in heard.service.text


FAKE = """
import os, sys
sys.path.insert(0, os.getcwd())
from core.ipc.frames import Frame, encode, MAGIC
def send(*answers):
    for header in answers:
        for part in encode(Frame(header)):
            sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
def raw(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
welcome = dict(type="welcome", number=1, protocol=2, versions={}, devices=["cpu"], engines=[],
               models={"default": "d"})
loaded = dict(type="loaded", number=2, name="m", path="p", engine="e", device="cpu", threads=1,
              sha256="a", threshold=0.5, starts_from_mask=True, seconds=1.0)
"""
BAD_ANSWERS = [
    'send({**welcome, "type": [1]})',
    'send({**welcome, "type": "unheard of"})',
    'send({**welcome, "number": "one"})',
    'send({**welcome, "number": 9})',
    'send({**welcome, "devices": 5})',
    'send({**welcome, "models": ["m"]})',
    'send({"type": "welcome", "number": 1})',
    'send(welcome, {**loaded, "threshold": "high"})',
    'send(welcome, {**loaded, "threshold": 7})',
    'send(welcome, {**loaded, "name": None})',
    'send(welcome, {"type": "images", "number": 2, "held": 5})',
    'raw(MAGIC + b"\\xff" * 12)',
    'raw(MAGIC + (5).to_bytes(4, "little") + bytes(8) + b"[[[[[")',
    'raw(MAGIC + (200000).to_bytes(4, "little") + bytes(8) + b"[" * 200000)',
    'raw(b"Traceback" * 200000)',
]


@pytest.mark.parametrize("answer", BAD_ANSWERS)
def test_answers_that_cannot_be_understood(listen, settings, interpreter, tmp_path, answer):
    fake = tmp_path / "fake.py"
    fake.write_text(f"{FAKE}\n{answer}\nimport time; time.sleep(1000)\n")
    wrapper = script(tmp_path / "python", f"exec {interpreter} {fake}")
    heard = listen(replace(settings, interpreter=wrapper))
    heard.service.start()
    wait_until(lambda: heard.service.state is WorkerState.BROKEN, 20, "giving up")
    assert len(heard.service.text) < 600
    assert heard.service.needs_interpreter  # the panel offers Set up… and Options…


def test_a_worker_that_hangs_is_restarted_and_asked_again(ready, monkeypatch):
    monkeypatch.setattr(supervisor, "_SLOW", 0.5)
    photo, pid = made(name="hangs"), ready.service.pid
    os.kill(pid, signal.SIGSTOP)
    ready.predict("a", photo, middle(photo))
    wait_until(lambda: ready.service.state is WorkerState.SLOW, 10, "the hint")
    assert "press Restart" in ready.service.text
    ready.service.restart()
    ready.wait_for_answers()
    assert ready.answered == ["a"]
    wait_until(lambda: gone(pid))


def test_a_worker_that_was_only_slow(ready, monkeypatch):
    monkeypatch.setattr(supervisor, "_SLOW", 0.5)
    photo, pid = made(name="slow"), ready.service.pid
    os.kill(pid, signal.SIGSTOP)
    ready.predict("a", photo, middle(photo))
    wait_until(lambda: ready.service.state is WorkerState.SLOW, 10, "the hint")
    os.kill(pid, signal.SIGCONT)
    ready.wait_for_answers()
    wait_until(lambda: ready.service.state is WorkerState.READY)
    assert ready.service.pid == pid


def test_a_worker_that_says_nothing(listen, settings, tmp_path):
    silent = script(tmp_path / "python", "exec sleep 1000")
    heard = listen(replace(settings, interpreter=silent))
    heard.service.start()
    pid = heard.service.pid
    heard.service._connection._timer.start(50)  # in place of three minutes
    wait_until(lambda: heard.service.state is WorkerState.BROKEN, what="giving up")
    assert "no answer" in heard.service.text
    wait_until(lambda: gone(pid))


# --- the window stays alive -------------------------------------------------------------------


def test_event_loop_is_not_held_up(ready):
    photo = made(4000, 6000)
    mask = np.zeros((4000, 6000), bool)
    mask[1000:3000, 2000:4000] = True
    gaps, last = [], [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        gaps.append(now - last[0])
        last[0] = now

    timer = QTimer()
    timer.timeout.connect(tick)
    timer.start(5)
    tick()
    gaps.clear()
    start = time.perf_counter()
    ready.predict("click", photo, middle(photo))
    ready.wait_for_answers(1)
    print(f"24 megapixels: first answer after {time.perf_counter() - start:.1f} s")
    ready.predict("mask", photo, Prompts([Click(2000, 3000)], mask=mask))
    ready.wait_for_answers(2)
    wait_until(lambda: len(gaps) > 20)
    print(f"largest gap of {len(gaps)}: {1000 * max(gaps):.0f} ms")
    assert max(gaps) < 0.5  # 0.1 wanted; other programs run on the machine of the tests
