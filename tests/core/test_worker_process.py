"""Real workers: the same answers as in this process, whatever prints, breaks or dies."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import shapely
import torch
from predictor_fixtures import red_box
from tiny import ritm_content, tiny_model

from core.engine import load_model
from core.errors import (
    CheckpointError,
    EngineError,
    ImageError,
    ModelNotFoundError,
    PromptError,
    WorkerError,
)
from core.ipc import client
from core.ipc.frames import MAGIC, Frame, FrameDecoder, encode
from core.ipc.launch import FOLDER, command, environment
from core.ipc.queue import RequestQueue
from core.outline import mask_to_polygons
from core.predictor import Predictor, PredictorOptions, Zoom
from core.prompts import Box, Click, Prompts
from core.worker.client import Worker
from core.worker.protocol import (
    ANSWERS,
    SEGMENTATION_MESSAGES,
    VERSION,
    Cancel,
    Failure,
    Hello,
    Load,
    Outline,
    Outlined,
    Predict,
    Predicted,
    SegmentationWelcome,
    SetImage,
    Skipped,
    from_frame,
    number_of,
    to_frame,
)

CLICKS = [Click(60, 80), Click(20, 15, positive=False), Click(100.5, 110), Click(5, 150, False)]
ALL = Prompts(CLICKS)
posix = pytest.mark.skipif(os.name != "posix", reason="starts the worker by a shell script")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random network whose answers have contrast and follow the clicks."""
    network = tiny_model()
    for name, values in network.named_parameters():
        if name.startswith("maps_transform") and name.endswith("weight"):
            values *= 30
    head = network.feature_extractor.cls_head
    head.weight *= 1000
    head.bias.zero_()
    path = tmp_path_factory.mktemp("model") / "tiny.pth"
    torch.save(ritm_content(network), path)
    return path


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 60, (130, 170, 3), dtype=np.uint8)
    return noise + red_box((130, 170), (40, 90), (60, 120)) // 2


@pytest.fixture(scope="module")
def shared_worker(model: Path, picture: np.ndarray) -> Iterator[Worker]:
    with Worker() as running:
        running.load_model(str(model), engine="torch", threads=1)
        running.set_image("picture", picture)
        yield running


@pytest.fixture
def worker(shared_worker: Worker) -> Iterator[Worker]:
    yield shared_worker
    # Whatever a test did, the worker is still of use.
    assert isinstance(shared_worker.predict("picture", Prompts(CLICKS[:1])), Predicted)


@pytest.fixture(scope="module")
def direct(model: Path, picture: np.ndarray) -> Predictor:
    predictor = Predictor(load_model(model, engine="torch"), PredictorOptions(correct_mask=True))
    predictor.set_image(picture)
    return predictor


def start_mask() -> np.ndarray:
    mask = np.zeros((130, 170), bool)
    mask[30:80, 50:100] = True
    return mask


# --- answers --------------------------------------------------------------------------------

PROMPTS = {
    "nothing": Prompts(),
    "click": Prompts(CLICKS[:1]),
    "clicks": Prompts(CLICKS),
    "box": Prompts(box=Box(30, 100, 40, 130)),
    "box and clicks": Prompts(CLICKS[:3], Box(30, 100, 40, 130)),
    "mask": Prompts(mask=start_mask()),
    "probabilities": Prompts(mask=start_mask() * np.float32(0.7)),
    "everything": Prompts(CLICKS, Box(10, 120, 5, 160), start_mask()),
}


def assert_same(answer: Predicted, expected: object) -> None:
    roi = expected.roi
    assert answer.roi == [roi.row_min, roi.row_max, roi.col_min, roi.col_max]
    assert tuple(answer.size) == expected.size
    assert answer.levels.shape == expected.crop.shape
    for threshold in (0, 0.2, 0.49, 0.5, 0.735, 0.995):
        np.testing.assert_array_equal(answer.mask(threshold), expected.mask(threshold))


@pytest.mark.parametrize("prompts", PROMPTS.values(), ids=PROMPTS)
def test_answers_are_those_of_the_predictor_itself(worker, direct, prompts):
    assert_same(worker.predict("picture", prompts), direct.predict(prompts))


def test_the_answers_differ_at_all(direct):
    masks = {direct.predict(prompts).mask(0.49).tobytes() for prompts in PROMPTS.values()}
    assert len(masks) >= 6


def test_options_are_heeded(worker, model, picture):
    for options, arguments in (
        (PredictorOptions(zoom=None, limit_longest_side=64), {"zoom": False, "limit": 64}),
        (PredictorOptions(zoom=Zoom(target_size=96)), {"target_size": 96}),
    ):
        predictor = Predictor(load_model(model, engine="torch"), options)
        predictor.set_image(picture)
        answer = worker.predict("picture", Prompts(CLICKS[:2]), **arguments)
        assert_same(answer, predictor.predict(Prompts(CLICKS[:2])))


def test_one_more_click_and_one_less_cost_at_most_one_pass(worker, direct):
    for count in (1, 2, 3, 4, 3, 2, 4):
        prompts = Prompts(CLICKS[:count])
        assert_same(worker.predict("picture", prompts), direct.predict(prompts))


# --- outlines -------------------------------------------------------------------------------


def polygons(outlined: Outlined) -> shapely.MultiPolygon:
    """The outline, put together as the protocol describes it."""
    rings = iter(np.split(outlined.points, np.cumsum([n for part in outlined.parts for n in part])))
    parts = [[next(rings) for _ in part] for part in outlined.parts]
    assert next(rings).size == 0
    return shapely.MultiPolygon([(outer, holes) for outer, *holes in parts])


@pytest.mark.parametrize("prompts", PROMPTS.values(), ids=PROMPTS)
def test_outlines_are_those_of_what_is_shown(worker, direct, prompts):
    settings = {"tolerance": 0.0, "min_area": 3.0, "smoothing": 1.0}
    for threshold in (0.2, 0.5):
        mask = direct.predict(prompts).mask(threshold)
        expected = mask_to_polygons(mask, **settings)
        outlined = worker.outline("picture", prompts, threshold=threshold, **settings)
        found = polygons(outlined)
        assert found.is_valid
        assert found.equals(expected)
        assert outlined.area == expected.area
        assert len(outlined.parts) == len(expected.geoms)


def test_an_outline_is_shaped_as_asked(worker, picture):
    ring = np.zeros(picture.shape[:2], bool)
    ring[10:60, 20:90] = True
    ring[30:35, 40:46] = False
    ring[100:110, 100:110] = True
    given = Prompts(mask=ring)

    def areas(**settings: object) -> list[float]:
        found = polygons(worker.outline("picture", given, **settings))
        return sorted(part.area for part in found.geoms)

    assert areas() == [100, 50 * 70 - 30]
    assert areas(fill_holes=-1) == areas(fill_holes=30) == [100, 50 * 70]
    assert areas(fill_holes=29) == areas()
    given = Prompts([Click(105, 105)], mask=ring)
    assert areas(clicked_only=True) == [100]
    assert areas(clicked_only=False) == areas()
    given = Prompts(mask=ring)
    assert areas(clicked_only=True) == areas()
    assert areas(largest_only=True) == areas(min_area=101) == [50 * 70 - 30]
    outlined = worker.outline("picture", given)
    assert outlined.parts == [[4, 4], [4]]
    np.testing.assert_array_equal(outlined.points.min(axis=0), (20, 10))
    np.testing.assert_array_equal(outlined.points.max(axis=0), (110, 110))


def test_an_outline_of_nothing_has_no_parts(worker, picture):
    outlined = worker.outline("picture", Prompts(mask=np.zeros(picture.shape[:2], bool)))
    assert (outlined.points.shape, outlined.parts, outlined.area) == ((0, 2), [], 0)


def test_an_outline_of_noise_does_not_keep_the_next_click_waiting(worker):
    noise = np.random.default_rng(0).random((500, 500))
    worker.set_image("noise", np.zeros((500, 500, 3), np.uint8))
    for share in (0.4, 0.5, 0.6):
        outlined = worker.outline("noise", Prompts(mask=noise < share))
        assert 0 < len(outlined.parts) <= 500
        assert outlined.seconds < 2
    worker.forget("noise")


def test_the_same_prompts_cost_an_outline_no_pass(worker):
    prompts = many_clicks(25)
    seconds = worker.predict("picture", prompts).seconds
    assert worker.outline("picture", prompts).seconds < seconds / 3


# --- what is held ---------------------------------------------------------------------------


def test_the_welcome_says_what_there_is(worker):
    welcome = worker.welcome
    assert welcome.protocol == VERSION
    assert welcome.versions["torch"] == torch.__version__
    assert welcome.versions["python"] == sys.version.split()[0]
    assert welcome.devices[0] == "cpu"
    assert "torch" in welcome.engines
    assert "slf" in welcome.models


def test_pictures_are_kept_until_others_take_their_place(model, picture):
    with Worker() as other:
        for name in "abcd":
            other.set_image(name, picture)
        with pytest.raises(PromptError, match="Load a model"):
            other.predict("a", ALL)
        other.load_model(str(model), engine="torch", threads=1)
        other.predict("a", Prompts(CLICKS[:1]))
        assert other.set_image("e", picture).held == ["c", "d", "a", "e"]
        assert other.forget("d").held == ["c", "a", "e"]
        assert other.forget("none").held == ["c", "a", "e"]
        with pytest.raises(ImageError, match="does not hold the image 'b'"):
            other.predict("b", ALL)


def test_another_picture_under_the_same_name_starts_anew(worker, picture, direct):
    worker.predict("picture", ALL)
    worker.set_image("picture", picture[::-1].copy())
    turned = worker.predict("picture", ALL)
    worker.set_image("picture", picture)
    again = worker.predict("picture", ALL)
    assert_same(again, direct.predict(ALL))
    assert (turned.levels.shape != again.levels.shape) or (turned.levels != again.levels).any()


# --- faults that leave the worker alive -----------------------------------------------------


def test_faults_come_as_they_were_raised(worker, model, tmp_path):
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"no model")
    with pytest.raises(CheckpointError, match="Cannot use the model file"):
        worker.load_model(str(broken))
    with pytest.raises(ModelNotFoundError, match="Did you mean slf"):
        worker.load_model("slff")
    with pytest.raises(EngineError, match="Choose 'cpu'"):
        worker.load_model(str(model), device="cuda:77")
    with pytest.raises(PromptError, match="outside the image"):
        worker.predict("picture", Prompts([Click(1000, 1000)]))
    with pytest.raises(PromptError, match="Use a mask of the same image"):
        worker.predict("picture", Prompts(mask=np.ones((3, 4), bool)))
    with pytest.raises(ImageError):
        worker.predict("another", ALL)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (Predict("picture", clicks=[[1, 2]]), "EngineError"),
        (Predict("picture", box=[5, 4, 3, 2]), "PromptError"),
        (Outline("picture", threshold="half"), "EngineError"),
        (Predict("picture", clicks=[[60, 80, 1]], target_size="large"), "EngineError"),
        (Predict("picture", mask=np.ones((3, 4), bool), mask_at=(9, 9)), "EngineError"),
        (Hello(protocol=VERSION + 1), "WorkerError"),
        (SegmentationWelcome(1, {}, [], [], {}), "WorkerError"),
    ],
)
def test_nonsense_in_a_message_is_answered(worker, message, error):
    number = worker.send(message)
    answered, failure = worker.receive()
    assert (answered, type(failure), failure.error) == (number, Failure, error)
    assert failure.text


# --- newest wins ----------------------------------------------------------------------------


def many_clicks(count: int) -> Prompts:
    rng = np.random.default_rng(count)
    return Prompts([Click(*rng.integers(0, 130, 2)) for _ in range(count)])


def answers(worker: Worker, count: int) -> dict[int, object]:
    return dict(worker.receive() for _ in range(count))


def test_newer_requests_make_waiting_ones_stale(worker, direct):
    waiting = [Predict.of("picture", many_clicks(count)) for count in range(40, 60)]
    numbers = [worker.send(request) for request in (*waiting, Predict.of("picture", ALL))]
    arrived = answers(worker, len(numbers))
    assert list(arrived) == numbers  # each answered once, in order
    assert all(isinstance(arrived[number], Skipped) for number in numbers[:-1])
    assert_same(arrived[numbers[-1]], direct.predict(ALL))


def test_a_newer_request_stops_the_replay_of_many_clicks(worker):
    start = time.perf_counter()
    first = worker.send(Predict.of("picture", many_clicks(300)))
    time.sleep(0.1)
    second = worker.send(Predict.of("picture", Prompts(CLICKS[:1])))
    arrived = answers(worker, 2)
    stopped_after = time.perf_counter() - start
    assert isinstance(arrived[first], Skipped)
    assert isinstance(arrived[second], Predicted)
    start = time.perf_counter()
    worker.predict("picture", many_clicks(10))
    assert stopped_after < 0.5 * (300 / 10) * (time.perf_counter() - start)


def test_an_outline_is_stale_when_anything_newer_arrives_a_prediction_is_not(worker):
    requests = [
        (Predict.of("picture", many_clicks(30)), Skipped),
        (Outline.of("picture", many_clicks(30)), Skipped),
        (Predict.of("picture", many_clicks(31)), Predicted),
        (Outline.of("picture", many_clicks(31), threshold=0.3), Skipped),
        (Outline.of("picture", many_clicks(31), threshold=0.4), Outlined),
    ]
    numbers = [worker.send(request) for request, _ in requests]
    arrived = answers(worker, len(numbers))
    assert [type(arrived[number]) for number in numbers] == [kind for _, kind in requests]


@pytest.mark.parametrize("kind", [Predict, Outline])
def test_a_cancelled_request_is_skipped(worker, kind):
    number = worker.send(kind.of("picture", many_clicks(100)))
    worker.send(Cancel(number))
    assert isinstance(answers(worker, 1)[number], Skipped)


def test_cancelling_what_is_done_or_unknown_does_nothing(worker, direct):
    for number in (1, 10_000):
        worker.send(Cancel(number))
    assert_same(worker.predict("picture", PROMPTS["clicks"]), direct.predict(PROMPTS["clicks"]))


def test_other_requests_are_never_skipped(worker, picture, model):
    numbers = [
        worker.send(request)
        for request in (
            Predict.of("picture", many_clicks(50)),
            SetImage("another", picture),
            Load(str(model), engine="torch", threads=1),
            Predict.of("another", Prompts(CLICKS[:1])),
        )
    ]
    arrived = answers(worker, 4)
    kinds = [type(arrived[number]).__name__ for number in numbers]
    assert kinds == ["Skipped", "Images", "Loaded", "Predicted"]
    worker.forget("another")


# --- a worker that is lost ------------------------------------------------------------------


def test_a_killed_worker_is_noticed_and_a_new_one_takes_over(model, picture, direct):
    with Worker() as first:
        first.load_model(str(model), engine="torch", threads=1)
        first.set_image("picture", picture)
        first.send(Predict.of("picture", many_clicks(400)))
        os.kill(first.pid, signal.SIGTERM)
        with pytest.raises(WorkerError, match=r"has ended .* Start another one and ask again"):
            first.receive()
        with pytest.raises(WorkerError, match="has ended"):
            first.set_image("large", np.zeros((2000, 2000, 3), np.uint8))
    with Worker() as second:
        second.load_model(str(model), engine="torch", threads=1)
        second.set_image("picture", picture)
        assert_same(second.predict("picture", ALL), direct.predict(ALL))


def test_a_closed_worker_is_gone(picture):
    with Worker() as other:
        pid = other.pid
    other.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(WorkerError, match="has been closed"):
        other.set_image("picture", picture)
    with pytest.raises(WorkerError, match="has been closed"):
        other.receive()


def test_closing_does_not_wait_for_work_that_nobody_wants(model, picture):
    with Worker() as other:
        other.load_model(str(model), engine="torch", threads=1)
        other.set_image("picture", picture)
        other.send(Predict.of("picture", many_clicks(3000)))
        time.sleep(0.2)
        start = time.perf_counter()
    assert time.perf_counter() - start < client._SECONDS_TO_END / 2


# --- what goes over the pipes ---------------------------------------------------------------


def talk(data: bytes) -> tuple[int, bytes, str]:
    """Exit status, stdout and stderr of a worker that is told ``data``."""
    done = subprocess.run(
        command(sys.executable),
        input=data,
        capture_output=True,
        cwd=FOLDER,
        env=environment(os.environ),
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.decode()


def test_requests_that_cannot_be_read_end_the_worker_with_a_reason():
    status, out, _ = talk(b"GET / HTTP/1.1\r\n\r\n")
    (frame,) = FrameDecoder().feed(out)
    failure = from_frame(frame, ANSWERS)
    assert (status, number_of(frame), failure.error) == (2, 0, "WorkerError")
    assert "b'GET / HTTP" in failure.text


def frame_bytes(frame: Frame) -> bytes:
    return b"".join(map(bytes, encode(frame)))


def raw_frame(header: bytes) -> bytes:
    return MAGIC + struct.pack("<IQ", len(header), 0) + header


DEEP = raw_frame(b'{"type": "welcome", "number": 1, "a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}")


@pytest.mark.parametrize(
    ("data", "number", "error"),
    [
        (MAGIC + b"\xff" * 12, 0, WorkerError),
        (frame_bytes(to_frame(1, Hello(VERSION)))[:-3], 0, WorkerError),
        (frame_bytes(to_frame(-5, Hello(VERSION))), 0, WorkerError),
        (frame_bytes(Frame({"type": "hello"})), 0, WorkerError),
        (DEEP, 0, WorkerError),
        (frame_bytes(Frame({"type": "load", "number": 3})), 3, WorkerError),
        (frame_bytes(Frame({"type": ["hello"], "number": 3})), 3, WorkerError),
        (
            frame_bytes(Frame({"type": "set_image", "number": 3, "image": "a", "pixels": [1]})),
            3,
            WorkerError,
        ),
    ],
)
def test_the_queue_hands_on_what_is_wrong(data, number, error):
    source, sink = os.pipe()
    queue = iter(RequestQueue(source, SEGMENTATION_MESSAGES))
    with os.fdopen(sink, "wb") as pipe:
        pipe.write(data)
        pipe.flush()
        if number:
            found = next(queue)
    if not number:
        found = next(queue)
    assert found[0] == number
    assert isinstance(found[1], error)
    assert list(queue) == []
    os.close(source)


def test_the_end_of_the_requests_ends_the_worker_quietly():
    assert talk(b"") == (0, b"", "")


NOISE = """
import ctypes, os, runpy, subprocess, threading, time
print("Welcome to Noise")
os.write(1, b"before the worker has the pipes")
def noise():
    libc = ctypes.CDLL(None)
    while True:
        print("python", flush=True)
        os.write(1, b"descriptor")
        libc.puts(b"native"); libc.fflush(None)
        subprocess.run(["echo", "child"])
        time.sleep(0.02)
import core.ipc.stdio as stdio
take_over = stdio.take_over
def noisy():
    pipes = take_over()
    threading.Thread(target=noise, daemon=True).start()
    return pipes
stdio.take_over = noisy
runpy.run_module("core.worker", run_name="__main__", alter_sys=True)
"""


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@posix
def test_what_libraries_print_does_not_reach_the_frames(tmp_path, model, picture, direct):
    (tmp_path / "noise.py").write_text(NOISE)
    noisy = f"cd {FOLDER} && exec {sys.executable} -c 'exec(open(\"{tmp_path}/noise.py\").read())'"
    with Worker(script(tmp_path / "python", noisy)) as loud:
        loud.load_model(str(model), engine="torch", threads=1)
        loud.set_image("picture", picture)
        for prompts in PROMPTS.values():
            assert_same(loud.predict("picture", prompts), direct.predict(prompts))
        log = loud._log
        log.seek(0)
        heard = log.read()
        assert all(word in heard for word in (b"python", b"descriptor", b"native", b"child"))


@posix
def test_the_environment_of_qgis_does_no_harm(monkeypatch, tmp_path, model):
    for name in ("PYTHONHOME", "PYTHONPATH", "PYTHONEXECUTABLE", "PROJ_LIB", "GDAL_DATA"):
        monkeypatch.setenv(name, str(tmp_path / "nonsense"))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    (tmp_path / "nonsense").mkdir()
    (tmp_path / "nonsense" / "numpy.py").write_text("raise SystemExit('the wrong NumPy')")
    monkeypatch.chdir(model.parent)
    with Worker() as other:
        loaded = other.load_model("tiny.pth", engine="torch")
    assert (loaded.name, loaded.path) == ("tiny", str(model.resolve()))
    assert (loaded.engine, loaded.device) == ("torch", "cpu")
    assert loaded.threads == max(1, len(os.sched_getaffinity(0)) // 2)
    assert (loaded.threshold, loaded.starts_from_mask) == (0.49, True)


# --- interpreters that are none -------------------------------------------------------------


def test_a_missing_interpreter_is_named(tmp_path):
    with pytest.raises(WorkerError, match=r"started with .*nothere.* Choose the Python"):
        Worker(tmp_path / "nothere")


@posix
def test_an_interpreter_without_the_packages_says_which(tmp_path):
    bare = script(tmp_path / "python", f'exec {sys.executable} -S "$@"')
    with pytest.raises(WorkerError, match="No module named 'numpy'"):
        Worker(bare)


@posix
def test_an_interpreter_without_opencv_says_what_to_choose(tmp_path):
    start = tmp_path / "bare.py"
    start.write_text(
        "import runpy, sys; sys.modules['cv2'] = None;"
        "runpy.run_module('core.worker', run_name='__main__', alter_sys=True)"
    )
    line = f"cd {FOLDER} && exec {sys.executable} -c 'exec(open(\"{tmp_path}/bare.py\").read())'"
    with pytest.raises(
        EngineError, match=r"cannot run the models .*cv2.* Choose that of an environment"
    ):
        Worker(script(tmp_path / "python", line))


def give_up_starting_after(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    answered_by = {Hello: (SegmentationWelcome, seconds)}
    monkeypatch.setattr(SEGMENTATION_MESSAGES, "answered_by", answered_by)


@posix
@pytest.mark.parametrize("line", ["cat", "exit 3", "echo hello; exit 0", "yes"])
def test_a_program_that_is_no_python_is_found_out(tmp_path, line, monkeypatch):
    give_up_starting_after(3.0, monkeypatch)
    monkeypatch.setattr(client, "_SECONDS_TO_END", 1.0)
    with pytest.raises(WorkerError):
        Worker(script(tmp_path / "python", line))


@posix
@pytest.mark.parametrize(
    "answer", [DEEP, raw_frame(b'{"type": ["welcome"], "number": 1, "arrays": []}')]
)
def test_answers_that_are_malformed_are_found_out(tmp_path, answer):
    (tmp_path / "answer").write_bytes(answer)
    with pytest.raises(WorkerError, match=r"cannot be understood\. .*Python interpreter"):
        Worker(script(tmp_path / "python", f"cat {tmp_path}/answer; cat > /dev/null"))


@posix
def test_a_start_that_never_ends_is_given_up(tmp_path, monkeypatch):
    give_up_starting_after(0.5, monkeypatch)
    with pytest.raises(WorkerError, match="has ended"):
        Worker(script(tmp_path / "python", "exec sleep 60"))
