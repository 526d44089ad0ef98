"""Folders of runs, and snapshots that are whole or not there."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import pytest
import torch
from run_fixtures import ROOT

from core.errors import CheckpointError, TrainingError
from training.experiment import (
    Experiment,
    latest_experiment,
    load_snapshot,
    next_experiment,
    save_snapshot,
)


def test_folders_are_numbered_as_the_family_does(tmp_path):
    first = next_experiment(tmp_path, "run", None)
    first.create({"name": "run"})
    assert first.folder == tmp_path / "run" / "000"
    assert {path.name for path in first.folder.iterdir()} == {
        "checkpoints",
        "logs",
        "vis",
        "config.yaml",
    }
    second = next_experiment(tmp_path, "run", "larger-crop")
    second.create({})
    assert second.folder.name == "001_larger-crop"
    (tmp_path / "run" / "notes").mkdir()
    assert next_experiment(tmp_path, "run", None).folder.name == "002"
    assert latest_experiment(tmp_path, "run").folder == second.folder
    with pytest.raises(TrainingError, match="no run under"):
        latest_experiment(tmp_path, "other")


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="Cannot write to"):
        Experiment(tmp_path / "file" / "run").create({})


def test_snapshots_hold_what_was_saved(tmp_path):
    path = tmp_path / "last.pt"
    save_snapshot(path, {"model": {"a": torch.arange(3)}, "step": 4})
    state = load_snapshot(path)
    assert state["step"] == 4
    assert torch.equal(state["model"]["a"], torch.arange(3))
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]


FILL = """
import resource, signal, sys, torch
from pathlib import Path
from core.errors import TrainingError
from training.experiment import save_snapshot
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    save_snapshot(Path(sys.argv[1]), {"model": torch.zeros(10**6)})
except TrainingError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_snapshot_before(tmp_path):
    path = tmp_path / "last.pt"
    save_snapshot(path, {"step": 1})
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FILL, path],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert "Cannot write the checkpoint" in done.stdout, done.stderr
    assert "Free some space and resume" in done.stdout
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]


class Dangerous:
    def __reduce__(self):
        return (os.mkdir, ("should-not-be-made",))


def test_damaged_and_foreign_snapshots_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "last.pt"
    save_snapshot(path, {"model": torch.zeros(1000)})
    content = path.read_bytes()
    for damaged in (b"", content[:50], content[: len(content) // 2], b"x" * 100):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="damaged"):
            load_snapshot(path)
    path.write_bytes(pickle.dumps(Dangerous()))
    with pytest.raises(CheckpointError):
        load_snapshot(path)
    assert not (tmp_path / "should-not-be-made").exists()
    torch.save({"version": 99}, path)
    with pytest.raises(CheckpointError, match="no checkpoint of this version"):
        load_snapshot(path)
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        load_snapshot(tmp_path / "absent.pt")
