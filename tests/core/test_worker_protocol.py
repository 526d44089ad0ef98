"""Requests and answers as messages: prompts survive the way, levels serve thresholds."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import ImageError, PromptError, WorkerError
from core.ipc.frames import Frame, FrameDecoder, encode
from core.ipc.launch import command, environment
from core.prompts import Box, Click, Prompts
from core.worker.protocol import (
    ANSWERS,
    LEVELS,
    REQUESTS,
    VERSION,
    Hello,
    Outline,
    Outlined,
    Predict,
    Predicted,
    SetImage,
    from_frame,
    number_of,
    to_frame,
)

ROOT = Path(__file__).resolve().parents[2]


def travelled(message: object) -> object:
    """The message as it arrives at the other end."""
    data = b"".join(bytes(part) for part in encode(to_frame(7, message)))
    (frame,) = FrameDecoder().feed(data)
    assert number_of(frame) == 7
    return from_frame(frame, {**REQUESTS, **ANSWERS})


def test_clicks_and_box_survive():
    clicks = [Click(np.float64(1.25), 2), Click(0, 3, positive=False)]
    prompts = Prompts(clicks, Box(1, 5.5, 2, 6))
    there = travelled(Predict.of("p", prompts, zoom=False, target_size=600, limit=900))
    assert there.prompts.clicks == tuple(clicks)
    assert there.prompts.box == prompts.box
    assert there.prompts.mask is None
    assert (there.image, there.zoom, there.target_size, there.limit) == ("p", False, 600, 900)


def test_an_outline_carries_prompts_and_shape():
    prompts = Prompts([Click(1, 2)], Box(1, 5.5, 2, 6))
    settings = {"threshold": 0.3, "tolerance": 2, "smoothing": 1, "min_area": 9, "fill_holes": -1}
    there = travelled(Outline.of("p", prompts, target_size=600, largest_only=True, **settings))
    assert isinstance(there, Outline)
    assert not isinstance(there, Predict)
    assert (there.prompts.clicks, there.prompts.box) == (prompts.clicks, prompts.box)
    assert {name: getattr(there, name) for name in settings} == settings
    assert (there.target_size, there.largest_only) == (600, True)


def test_an_outline_of_nothing_survives():
    there = travelled(Outlined(np.zeros((0, 2), np.float32), [], 0.0, 0.1))
    assert (there.points.shape, there.parts) == ((0, 2), [])


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32, np.float64, np.int32])
def test_a_mask_survives_and_travels_as_a_part(dtype):
    mask = np.zeros((100, 200), dtype)
    mask[20:30, 50:55] = 1
    mask[25, 52] = 0
    request = Predict.of("p", Prompts(mask=mask))
    assert request.mask.shape == (10, 5)
    np.testing.assert_array_equal(travelled(request).prompts.mask, mask)


def test_an_empty_mask_is_still_a_mask():
    there = travelled(Predict.of("p", Prompts(mask=np.zeros((3, 4), bool)))).prompts.mask
    assert there.shape == (3, 4)
    assert not there.any()


def test_not_a_number_in_a_mask_is_not_lost():
    mask = np.zeros((3, 4), np.float32)
    mask[1, 2] = np.nan
    assert np.isnan(travelled(Predict.of("p", Prompts(mask=mask))).prompts.mask[1, 2])


@pytest.mark.parametrize("picture", [np.zeros((4, 5), np.uint8), np.zeros((4, 5, 3))])
def test_an_unsuitable_picture_is_refused_before_it_is_sent(picture):
    with pytest.raises(ImageError, match="needs shape"):
        SetImage("p", picture)


def test_a_false_prompt_is_found_on_arrival():
    request = Predict("p", clicks=[(float("inf"), 0, True)])
    with pytest.raises(PromptError):
        _ = request.prompts


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"type": "shell", "number": 1},
        {"type": ["hello"], "number": 1},
        {"type": {}, "number": 1},
        {"type": None, "number": 1},
        {"type": "hello", "number": 1, "more": 2},
        {"type": "load", "number": 1},
    ],
)
def test_unknown_messages_and_fields_are_refused(header):
    with pytest.raises(WorkerError):
        from_frame(Frame(header), REQUESTS)


def test_documented_names_stay_importable():
    from core.ipc import frames as own_frames
    from core.ipc import launch as own_launch
    from core.worker import client, frames, launch, protocol

    assert frames.Frame is own_frames.Frame
    assert launch.command is own_launch.command
    assert issubclass(client.Worker, object)
    assert protocol.Prediction is Predicted
    for name in ("Cancel", "Failure", "Hello", "Skipped", "Welcome", "from_frame", "number_of"):
        assert hasattr(protocol, name)


def test_names_in_frames_are_a_contract():
    names = {"hello", "load", "set_image", "forget", "cancel", "predict", "outline"}
    assert set(REQUESTS) == names
    names = {"welcome", "loaded", "images", "prediction", "outlined", "skipped", "failure"}
    assert set(ANSWERS) == names


def test_answers_are_no_requests():
    with pytest.raises(WorkerError, match="Unknown message"):
        from_frame(to_frame(1, Hello(VERSION)), ANSWERS)


@pytest.mark.parametrize("number", [None, "1", -1])
def test_a_message_needs_a_number(number):
    with pytest.raises(WorkerError, match="number"):
        number_of(Frame({"type": "hello", "number": number}))


# --- levels ---------------------------------------------------------------------------------


def prediction(probability: np.ndarray) -> Predicted:
    levels = np.ceil(probability * np.float32(LEVELS)).astype(np.uint8)
    height, width = levels.shape
    return Predicted(levels, (2, height + 1, 3, width + 2), (height + 5, width + 5), 0.0)


def test_thresholds_on_levels_are_exact():
    values = np.random.default_rng(1).random((40, 50)).astype(np.float32)
    values[0, :2] = 0, 1
    answer = prediction(values)
    for step in range(LEVELS + 1):
        mask = answer.mask(step / LEVELS)
        np.testing.assert_array_equal(mask[2:42, 3:53], values > step / LEVELS)
        assert mask.sum() == (values > step / LEVELS).sum()


def test_other_thresholds_fall_on_the_level_below():
    assert Predicted.above(0.49) == 98
    assert Predicted.above(0.4949) == 98
    assert Predicted.above(0.145) == 29  # 28.999… in floating point


# --- how a worker is started ----------------------------------------------------------------


def test_the_environment_leads_to_no_other_python():
    parent = {
        "PATH": "/usr/bin",
        "HOME": "/home/me",
        "AVALANCHE_ISEG_CACHE": "/cache",
        "OMP_NUM_THREADS": "1",
        "PYTHONHOME": "/qgis",
        "PYTHONPATH": "/qgis/python",
        "PYTHONSAFEPATH": "1",
        "PythonExecutable": "/qgis/python",
        "LD_LIBRARY_PATH": "/qgis/lib",
        "DYLD_INSERT_LIBRARIES": "/qgis/lib/a.dylib",
        "GDAL_DATA": "/qgis/gdal",
        "GDAL_DRIVER_PATH": "/qgis/gdal",
        "PROJ_LIB": "/qgis/proj",
        "PROJ_DATA": "/qgis/proj",
        "VIRTUAL_ENV": "/elsewhere",
    }
    assert sorted(environment(parent)) == [
        "AVALANCHE_ISEG_CACHE",
        "HOME",
        "OMP_NUM_THREADS",
        "PATH",
    ]


def test_libraries_of_osgeo4w_are_not_on_the_path(monkeypatch):
    monkeypatch.setattr("os.pathsep", ";")
    path = "/osgeo/bin;/osgeo/apps/qgis/bin/;/windows;/osgeo2/bin;/osgeo"
    cleaned = environment({"OSGEO4W_ROOT": "/osgeo", "PATH": path})
    assert cleaned["PATH"] == "/windows;/osgeo2/bin"


def test_the_interpreter_of_a_virtual_environment_stays_a_link(tmp_path, monkeypatch):
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)
    assert command("python")[0] == str(tmp_path / "python")


def test_the_plugin_side_needs_numpy_only():
    code = (
        "import sys; import core.worker.protocol, core.ipc.launch, core.worker.client;"
        "print({n.split('.')[0] for n in sys.modules}"
        " & {'torch', 'cv2', 'scipy', 'rasterio', 'shapely', 'safetensors', 'openvino'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_the_plugin_side_is_written_for_python_3_9():
    ipc = ("__init__", "client", "envelope", "frames", "geometry", "launch")
    names = ("errors", "prompts", "worker/__init__", "worker/client", "worker/protocol")
    for name in (*names, *(f"ipc/{name}" for name in ipc)):
        source = (ROOT / "core" / f"{name}.py").read_text(encoding="utf-8")
        ast.parse(source, feature_version=(3, 9))
        assert "from __future__ import annotations" in source or "import" not in source
