"""Every command and every piece of Python in README and docs runs.

What stands for a user's own (``DIR``, models to download, eight GPUs) is filled in; trainings are
parsed with their configuration, `make` targets and installations looked up, all else is run.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import rasterio
import shapely

from core.datasets import open_dataset
from core.outline import write_outline
from training.config import read_config

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", "resources/models/default.md"]
PAGES += sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
FILLED_IN = {
    "--model slf uibk": "--model default",
    "iseg=DIR --json": "iseg=scenes --limit 1 --max-clicks 1 --json",
    "slf=DIR grabcut=DIR": "iseg=scenes --max-clicks 2",
    "--nproc-per-node 8": "--nproc-per-node 2",
    "eval noc …": "eval noc --model default --dataset iseg=scenes --max-clicks 1 --json two.json",
    "labels.json OUT": "coco/annotations.json objects",
    "avalanche=DIR OUT": "avalanche=photos crops",
    "split DIR OUT": "split images=photos lists",
    "stats DIR": "stats images=photos",
    "check DIR": "check images=photos",
    "pack DIR OUT": "pack images=photos packed",
    "OUT --count 100": "winter --count 1 --size 320x200",
    "WINTER --winter 60": "cold --winter 1 --size 320x200",
    "season --winter 60": "season --winter 10 --size 320x200",
    "year --winter 120 --year": "year --winter 3 --year --size 320x200",
    "2024-01-16_0800UTC": "2024-01-09_1430UTC",
    "scenes --count 325 --seed 500000 --size 960x600": "many --count 1 --size 320x200",
    "iseg=scenes scenes_pack": "iseg=scenes scenes_pack",
}
PRELUDE = """
import json, sys
from pathlib import Path
import numpy as np
from core import Click, Prompts, read_image
interpreter, pixels = sys.executable, read_image("photo.jpg").pixels
record = json.loads(Path("scenes/scene_000001/camera.json").read_text())
points, parts = np.array([(600, 600), (700, 600), (700, 700)], np.float32), [[3]]
dem = str(Path("dem.tif").resolve())
"""


def blocks(page: str, language: str) -> list[str]:
    """Blocks of code of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands(page: str) -> list[str]:
    """Command lines of a page, without comments, in order."""
    lines = "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [line for line in (re.sub(r"\s+#.*|^#.*", "", line).strip() for line in lines) if line]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    """The scene of the docs, under the names that the docs use, and small data sets."""
    folder = tmp_path_factory.mktemp("docs")
    run("avalanche-iseg synthetic scenes --seed 5", folder)
    scene = folder / "scenes" / "scene_000001"
    for name in (
        "webcam.jpg",
        "photo.jpg",
        "tomorrow.jpg",
        "today.jpg",
        "webcam_2024-01-16_0930UTC.jpg",
    ):
        shutil.copy(scene / "picture.jpg", folder / name)
    for name, copy in (
        ("dem.tif", "dem.tif"),
        ("gcps.csv", "gcps.csv"),
        ("camera.json", "rough.json"),
    ):
        shutil.copy(scene / name, folder / copy)
    shutil.copy(scene / "outlines.gpkg", folder / "old_outlines.gpkg")
    with (
        rasterio.open(scene / "picture.jpg") as photo,
        rasterio.open(
            folder / "photo.tif",
            "w",
            driver="GTiff",
            width=1600,
            height=1000,
            count=3,
            dtype="uint8",
        ) as copy,
    ):
        copy.write(photo.read())
    for part in ("images", "masks"):
        (folder / "photos" / part).mkdir(parents=True)
    photo = cv2.imread(str(scene / "picture.jpg"))
    mask = cv2.imread(str(scene / "masks" / "picture_1.png"))
    for axis, stem in enumerate(
        ("east_20240115_1030", "west_20240116_1030", "north_20240115_1030")
    ):
        flipped = (cv2.flip(pixels, axis - 1) for pixels in (photo, mask))
        for part, ending, pixels in zip(("images", "masks"), ("jpg", "png"), flipped, strict=True):
            cv2.imwrite(str(folder / "photos" / part / f"{stem}.{ending}"), pixels)
    for name in ("anna.gpkg", "ben.gpkg"):
        area = shapely.MultiPolygon([shapely.box(0, 0, 9, 9)])
        write_outline(folder / name, area, crs_wkt=None, properties={"uuid": "a"})
    (folder / "coco").mkdir()
    shutil.copy(scene / "picture.jpg", folder / "coco" / "a.jpg")
    (folder / "coco" / "annotations.json").write_text(
        '{"images": [{"id": 1, "file_name": "a.jpg", "width": 1600, "height": 1000}],'
        '"categories": [{"id": 1, "name": "avalanche"}], "annotations": [{"id": 1, "image_id": 1,'
        '"category_id": 1, "segmentation": [[100, 100, 400, 100, 400, 300]], "iscrowd": 0}]}'
    )
    return folder


def run(command: str, folder: Path) -> None:
    """Run a command line as a user would, with the environment of this Python first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, shell=True, cwd=folder, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def look_up(command: str) -> bool:
    """Check a command that is not run: `make`, installations, trainings, settings of the shell."""
    words = shlex.split(command)
    words = words[next(i for i, word in enumerate(words) if not re.match(r"[A-Z_]+=", word)) :]
    if words[0] == "make":
        run(shlex.join(["make", "-n", *words[1:]]), ROOT)
    elif words[0] in ("git", "export") or words[:3] == ["python", "-m", "venv"]:
        pass
    elif words[0].endswith("pip"):
        extras = re.search(r"\[(.*)\]", command)
        known = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        assert extras
        assert all(f"\n{name} = [" in known for name in extras[1].split(","))
    elif any(word.endswith(".yaml") for word in words):
        configuration = next(word for word in words if word.endswith(".yaml"))
        changes = words[words.index("--set") + 1 :] if "--set" in words else []
        assert read_config(ROOT / configuration, changes)
    elif words[0] == ".venv/bin/python" or words[0].startswith(".venv/bin/"):
        assert all((ROOT / word).exists() for word in words if word.startswith("tests/"))
    else:
        return False
    return True


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_commands_of_a_page(page, workspace):
    for command in commands(page):
        if look_up(command):
            continue
        for placeholder, value in FILLED_IN.items():
            command = command.replace(placeholder, value)
        assert "…" not in command
        assert " DIR" not in command
        run(command, workspace)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_python_of_a_page(page, workspace):
    code = PRELUDE + "".join(blocks(page, "python")).replace('"slf"', '"default"')
    run(f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}", workspace)


def test_the_pages_have_commands():
    found = [command for page in PAGES for command in commands(page)]
    assert len(found) > 30
    assert sum(look_up(command) for command in found) < len(found) / 2


def test_the_data_sets_of_this_test_open(workspace):
    assert len(open_dataset("images", workspace / "photos").refs) == 3
    assert len(open_dataset("coco_json", workspace / "coco").refs) == 1
