"""A short run of `scripts/fuzz.py`: mutated files are taken or refused with words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIGHT = ["camera", "gcps", "coco_json", "annotations", "shards", "iseg", "results", "prompts",
         "project", "frames", "range map", "image", "mask", "images", "coco_lvis", "sbd",
         "model cache", "dem", "calibration", "series"]  # fmt: skip
HEAVY = ["outlines", "native model", "RITM model", "start arrays", "configuration", "snapshot"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "fuzz.py", *arguments],
        capture_output=True,
        text=True,
        env=environment,
    )


@pytest.mark.parametrize(
    ("loaders", "count"), [(LIGHT, 2000), (HEAVY, 240)], ids=["light", "heavy"]
)
def test_mutated_files_are_taken_or_refused(loaders, count):
    done = run("--seed", "7", "--count", str(count), "--only", *loaders)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = done.stdout.splitlines()[1:]
    assert len(rows) == len(loaders)
    assert sum(int(row[15:].split()[0]) for row in rows) == count


def test_what_is_not_caught_is_told(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import fuzz

    from core.errors import CameraError

    def refuse(path):
        raise CameraError(str(path))

    def fill(path):
        return b"x" * (200 << 20)

    assert fuzz._load(len, "abc")[0] == "accepted"
    assert fuzz._load(refuse, tmp_path)[0] == "refused"
    kind, what, *_ = fuzz._load(lambda path: 1 / 0, tmp_path)
    assert (kind, "ZeroDivisionError" in what) == ("uncaught", True)
    assert fuzz._load(fill, tmp_path)[3] > 150
    tally = fuzz.Tally()
    assert tally.good
    tally.uncaught["KeyError"] += 1
    assert not tally.good
    assert not fuzz.Tally(seconds=11).good
    assert not fuzz.Tally(megabytes=1100).good
