"""What the papers of 0.1.0 told authors of scripts to import and to call."""

from __future__ import annotations

import subprocess
import sys

import cv2
import pytest
from running import MADE, environment, lay_out

# docs/worker-protocol.md: launch.py (command, folder, environment), frames.py, protocol.py
DOCUMENTED = {
    "core.worker.client": {"Worker"},
    "core.worker.launch": {"command", "environment", "FOLDER"},
    "core.worker.frames": {"Frame", "FrameDecoder", "encode", "MAGIC"},
    "core.worker.protocol": {
        *("VERSION", "LEVELS", "REQUESTS", "ANSWERS", "REPLACES"),
        *("Hello", "Load", "SetImage", "Forget", "Cancel", "Predict", "Outline"),
        *("Welcome", "Loaded", "Images", "Prediction", "Outlined", "Skipped", "Failure"),
        *("to_frame", "from_frame", "number_of", "ObjectRequest"),
    },
    "core.survey.protocol": {
        *("VERSION", "REQUESTS", "ANSWERS"),
        *("Hello", "SolvePose", "FitSkyline", "Register", "ToMap", "ToImage"),
        *("Overlay", "Drape", "Welcome", "Posed", "Registered", "Mapped", "Drawn"),
        *("Overlaid", "Draped"),
    },
    "core.projection.range_map": {"RangeMap"},
    "core.engine": {"load_model"},
    "core.image": {"read_picture"},
    "core.predictor": {"Predictor"},
    "core.prompts": {"Box", "Click", "Prompts"},
    "core.errors": {
        *("IsegError", "WorkerError", "ImageError", "PromptError", "EngineError"),
        *("CheckpointError", "ModelNotFoundError", "DownloadError", "CameraError"),
    },
}
# Of messages, requests and answers, by the name that frames call them.
WIRE = {
    "core.worker.protocol": (
        ["hello", "load", "set_image", "forget", "cancel", "predict", "outline"],
        ["welcome", "loaded", "images", "prediction", "outlined", "skipped", "failure"],
        2,
    ),
    "core.survey.protocol": (
        [
            *("hello", "cancel", "solve_pose", "fit_skyline", "register", "look_at"),
            *("to_map", "to_image", "overlay", "drape"),
        ],
        [
            *("welcome", "posed", "registered", "seen", "mapped", "drawn", "overlaid", "draped"),
            *("skipped", "failure"),
        ],
        1,
    ),
}


def python(folder, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_documented_names_can_be_imported(tmp_path):
    lines = [f"from {module} import {', '.join(names)}" for module, names in DOCUMENTED.items()]
    python(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("module", WIRE)
def test_names_on_the_wire(tmp_path, module):
    requests, answers, version = WIRE[module]
    code = f"from {module} import ANSWERS, REQUESTS, VERSION\n"
    told = python(tmp_path, code + "print(*REQUESTS); print(*ANSWERS); print(VERSION)")
    first, second, third = told.splitlines()
    assert set(first.split()) >= set(requests)  # more may be asked and answered
    assert set(second.split()) >= set(answers)
    assert int(third) == version


def test_the_part_for_qgis_needs_numpy_only(tmp_path):
    code = "import sys, core.worker.protocol, core.worker.frames, core.worker.launch\n"
    code += "import core.survey.protocol, core.projection.range_map\n"
    heavy = ("torch", "cv2", "rasterio", "scipy", "shapely", "skimage", "pyogrio", "pyproj")
    told = python(tmp_path, code + f"print([name for name in {heavy} if name in sys.modules])")
    assert told.strip() == "[]"


def test_frames_are_read_and_written(tmp_path):
    code = """
import numpy as np
from core.worker.frames import Frame, FrameDecoder, encode
from core.worker.protocol import ANSWERS, REQUESTS, Outline, from_frame, number_of, to_frame
from core.prompts import Click, Prompts
request = Outline.of("photo", Prompts([Click(1, 2)]), threshold=0.4)
data = b"".join(bytes(part) for part in encode(to_frame(7, request)))
(frame,) = FrameDecoder().feed(data)
again = from_frame(frame, REQUESTS)
assert isinstance(again, Outline) and number_of(frame) == 7
assert (again.threshold, again.prompts.clicks[0].col) == (0.4, 2)
data = b"greeting" + b"".join(bytes(p) for p in encode(Frame({"type": "skipped", "number": 7})))
(frame,) = FrameDecoder(skip_foreign=True).feed(data)
print(type(from_frame(frame, ANSWERS)).__name__)
"""
    assert python(tmp_path, code).strip() == "Skipped"


def test_the_example_of_the_readme(tmp_path):
    folder = lay_out(tmp_path, "project")
    large = cv2.resize(cv2.imread(str(folder / "picture.jpg")), (1200, 750))
    cv2.imwrite(str(folder / "photo.jpg"), large)
    code = (MADE / "examples" / "readme.txt").read_text()
    assert "load_model" in code
    told = python(folder, code + "\nprint(mask.shape, mask.dtype, mask[604, 812])")
    assert told.strip() == "(750, 1200) bool True"


def test_the_example_of_the_protocol(tmp_path):
    folder = lay_out(tmp_path, "models")
    code = (MADE / "examples" / "worker_protocol.txt").read_text()
    head = "import sys\nimport numpy as np\nfrom core.prompts import Click, Prompts\n"
    head += "interpreter, pixels = sys.executable, np.full((700, 900, 3), 120, np.uint8)\n"
    assert 'load_model("slf")' in code  # which would be downloaded
    code = code.replace('"slf"', '"tiny.safetensors"')
    told = python(folder, head + code + "\nprint(mask.shape, mask.dtype, outlined.area >= 0)")
    assert told.strip() == "(700, 900) bool True"
