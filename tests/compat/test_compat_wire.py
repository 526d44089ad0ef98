"""Workers answer the bytes that programs of 0.1.0 send, and programs take the answers of then."""

from __future__ import annotations

import io
import json
import lzma
import subprocess
import sys

import numpy as np
import pytest
from codec import kind_of, read_frame
from running import MADE, command, environment, lay_out

WIRE = MADE / "wire"


def frames(name: str) -> list:
    """(header, arrays, bytes) of a file of frames."""
    stream, found = io.BytesIO(lzma.decompress((WIRE / name).read_bytes())), []
    while (frame := read_frame(stream)) is not None:
        found.append(frame)
    return found


def ask(part: str, name: str, folder, *, at_once: bool) -> list:
    """(header, arrays) that a worker answers to recorded requests."""
    process = subprocess.Popen(
        command(f"core.{part}"),
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    requests, answers = frames(f"{name}.requests.xz"), []
    try:
        if at_once:
            process.stdin.write(b"".join(data for _, _, data in requests))
            process.stdin.flush()
        for header, _, data in requests:
            if not at_once:
                process.stdin.write(data)
                process.stdin.flush()
            if header["type"] != "cancel":
                answer = read_frame(process.stdout)
                assert answer is not None, process.stderr.read().decode()
                answers.append(answer[:2])
        process.stdin.close()
        assert process.wait(30) == 0
        assert process.stdout.read() == b""  # nothing else was said
    finally:
        process.kill()
        process.wait()
    return answers


def known(now: object, then: object) -> object:
    """Return what is there now without what was added to it."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {name: known(now[name], then[name]) for name in now if name in then}
    if isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        return [known(*pair) for pair in zip(now, then, strict=True)]
    return now


@pytest.fixture
def folder(tmp_path):
    return lay_out(tmp_path, "project", "models", "camera")


@pytest.mark.parametrize(
    ("part", "name", "at_once"),
    [("worker", "worker", False), ("worker", "burst", True), ("survey", "survey", False)],
)
def test_recorded_requests_are_answered_as_then(folder, part, name, at_once):
    expected = json.loads((WIRE / f"{name}.json").read_text())
    arrays = np.load(WIRE / f"{name}.npz")
    for (header, found), was in zip(
        ask(part, name, folder, at_once=at_once), expected, strict=True
    ):
        values, where = was["values"], f"answer {was['values']['number']} {was['values']['type']}"
        told = header.get("text", "")
        assert header["type"] == values["type"], f"{where}: {header['type']} {told}"
        assert header.keys() == was["kinds"].keys(), where
        kinds = {field: kind_of(value) for field, value in header.items()}
        open_ended = {"versions", "models", "devices", "engines"}  # as the environment has it
        for field, kind in was["kinds"].items():
            if field not in open_ended:
                assert known(kinds[field], kind) == kind, f"{where}: {field}"
        for field, value in values.items():
            close(known(header[field], value), value, f"{where}: {field}")
        assert {key: str(array.dtype) for key, array in found.items()} == was["arrays"], where
        for field, array in found.items():
            if field != "sigma":  # estimated otherwise since
                alike(array, arrays[f"{values['number']}.{field}"], f"{where}: {field}")


LOOSE = {"created_at", "pose_id", "covariance"}  # another at every time, or estimated otherwise
SHAPE = 0.2  # of arrays: visibility and its outlines are computed in another way since


def close(now, then, where: str) -> None:
    """Whether JSON values are the same, numbers but for rounding."""
    if isinstance(then, dict):
        assert now.keys() == then.keys(), where
        for name, value in then.items():
            if name not in LOOSE and not name.startswith("sigma_map"):
                close(now[name], value, f"{where}.{name}")
    elif where.endswith(": parts"):
        assert len(now) == len(then), where  # points in rings hang on rounding: see `alike`
    elif isinstance(then, list):
        assert len(now) == len(then), where
        for number, (first, second) in enumerate(zip(now, then, strict=True)):
            close(first, second, f"{where}[{number}]")
    elif isinstance(then, float) and isinstance(now, float):
        assert now == pytest.approx(then, rel=2e-2, abs=2e-2), where
    elif isinstance(then, int) and not isinstance(then, bool) and ": roi" in where:
        assert abs(now - then) <= 2, where
    elif ".warnings[" in where:
        assert isinstance(now, str)  # words
    else:
        assert now == then, where


def alike(now: np.ndarray, then: np.ndarray, where: str) -> None:
    """Whether arrays are the same, but for a few values that another rounding changes."""
    assert now.ndim == then.ndim, where
    is_seen = where.endswith(" seen: points")  # outlines are finer since
    of = np.subtract(now.shape, then.shape)[is_seen:]
    assert np.abs(of).max() <= SHAPE * max(40, *then.shape), where
    first, second = (np.nan_to_num(a.astype(np.float64), nan=-1.0) for a in (now, then))
    if now.size and where.endswith(": points"):  # where they lie, whatever their number
        first, second = (np.vstack([a.min(axis=0), a.max(axis=0)]) for a in (first, second))
    elif now.shape != then.shape:
        within = tuple(map(slice, np.minimum(now.shape, then.shape)))
        first, second = first[within], second[within]
    assert not now.size or np.mean(np.abs(first - second) <= 2) > 0.98, where


REPLAYING = """\
#!{python}
import os, sys
sys.path.insert(0, {tests!r})
from codec import read_frame
import io, lzma
answers = io.BytesIO(lzma.open({answers!r}).read())
asked = open({asked!r}, "wb")
while (frame := read_frame(sys.stdin.buffer)) is not None:
    asked.write(frame[2])
    asked.flush()
    if frame[0]["type"] == "cancel":
        continue
    sys.stdout.buffer.write(read_frame(answers)[2])
    sys.stdout.buffer.flush()
"""

PROGRAM = """\
import sys
import numpy as np
from core import errors
from core.prompts import Box, Click, Prompts
from core.worker.client import Worker
from core.worker.protocol import Cancel

photo = np.load("photo.npy")
clicks = Prompts([Click(39, 53), Click(10, 13, False)])
mask = np.zeros(photo.shape[:2], np.bool_)
mask[20:60, 40:70] = True
with Worker(sys.argv[1]) as worker:
    assert worker.welcome.protocol == 2 and worker.pid
    loaded = worker.load_model("missing/tiny.safetensors", device="cpu", engine="torch", threads=1)
    assert (loaded.name, loaded.threads, loaded.threshold) == ("tiny", 1, 0.3)
    assert list(worker.set_image("photo", photo).held) == ["photo"]
    first = worker.predict("photo", Prompts([Click(39, 53)]))
    assert first.mask(0.3).shape == photo.shape[:2] and first.seconds > 0
    second = worker.predict("photo", clicks, zoom=False, target_size=64, limit=96)
    np.save("levels.npy", second.levels)
    worker.predict("photo", Prompts([Click(50, 55)], Box(12, 66, 30, 76)))
    worker.predict("photo", Prompts([Click(30, 80)], mask=mask))
    outlined = worker.outline("photo", clicks, threshold=0.3, tolerance=1.0, smoothing=0.5,
                              min_area=4.0, fill_holes=-1.0, largest_only=True)
    assert outlined.area > 0 and outlined.points.shape[1] == 2
    assert sum(map(sum, outlined.parts)) == len(outlined.points)
    assert list(worker.set_image("other", photo[::-1].copy()).held) == ["photo", "other"]
    worker.send(Cancel(1))
    assert list(worker.forget("photo").held) == ["other"]
    try:
        worker.predict("photo", clicks)
    except errors.ImageError as error:
        assert "does not hold" in str(error)
    else:
        raise AssertionError("no error")
print("done")
"""


def test_the_client_of_scripts_asks_as_then_and_takes_answers_of_then(tmp_path):
    """Before a stand-in for the worker that answers what a worker of 0.1.0 did."""
    stand_in, asked = tmp_path / "python", tmp_path / "asked"
    tests = str(MADE.parent)
    stand_in.write_text(
        REPLAYING.format(
            python=sys.executable,
            tests=tests,
            answers=str(WIRE / "worker.answers.xz"),
            asked=str(asked),
        )
    )
    stand_in.chmod(0o755)
    recorded = frames("worker.requests.xz")
    np.save(tmp_path / "photo.npy", recorded[2][1]["pixels"])
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "program.py", str(stand_in)],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    stream = io.BytesIO(asked.read_bytes())
    for was_header, was_arrays, _ in recorded[:-1]:  # but the refused version
        header, arrays, _ = read_frame(stream)
        if header["type"] == "load":  # as a path of this machine, if it were there
            was_header["model"] = header["model"]
        assert known(header, was_header) == was_header
        assert arrays.keys() == was_arrays.keys()
        assert all(np.array_equal(arrays[key], array) for key, array in was_arrays.items())
        assert all(arrays[key].dtype == array.dtype for key, array in was_arrays.items())
    assert np.array_equal(
        np.load(tmp_path / "levels.npy"), np.load(WIRE / "worker.npz")["5.levels"]
    )
