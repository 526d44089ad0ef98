"""Files that nobody vouches for; two trainings at once; folders half written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.datasets import open_dataset
from core.errors import CheckpointError, ConfigError, DatasetError, TrainingError
from training.config import read_config
from training.data.folder import ObjectFolder
from training.experiment import ENTRIES, Experiment, load_snapshot, save_snapshot
from training.yaml_files import parse_yaml, read_yaml

ROOT = Path(__file__).resolve().parents[2]
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LAUGHS, "more than"),
        ("a: &a [*a]", "nested deeper"),
        ("[" * 5000, "nested too deep"),
        ("[" * 100 + "]" * 100, "nested deeper"),
        ("a: 1\na: 2\n", "the name a occurs twice"),
        ("a: {b: 1, b: 2}\n", "the name b occurs twice"),
        ("a: !!python/object/apply:os.system [x]", "could not determine a constructor"),
        ("a: 2024-99-99", "month"),
        ("a: !!float ''", "index"),
        ("a: [", "expected"),
        ("? [1]\n: 2", "unhashable"),
    ],
)
def test_yaml_that_cannot_be_used_says_why(tmp_path, text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_yaml(text)
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"a\.yaml"):
        read_config(tmp_path / "a.yaml")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_yaml_is_read_with_any_mark(tmp_path, encoding):
    (tmp_path / "a.yaml").write_text("a: &x {n: Flüela}\nb: *x\n", encoding=encoding)
    assert read_yaml(tmp_path / "a.yaml") == {"a": {"n": "Flüela"}, "b": {"n": "Flüela"}}


@pytest.mark.parametrize(
    "change", [f"run.batch={10**30}", "run.seed=1e400", "run.batch=[[[[1]]]]", "name={}"]
)
def test_values_beyond_all_bounds_are_named(change):
    with pytest.raises(ConfigError, match=change.partition("=")[0]):
        read_config(ROOT / "training" / "configs" / "default_light.yaml", [change])


@pytest.mark.parametrize("missing", ENTRIES)
def test_a_checkpoint_without_one_of_its_entries_is_named(tmp_path, missing):
    path = tmp_path / "last.pt"
    save_snapshot(path, {name: 1 for name in ENTRIES if name != missing})
    with pytest.raises(CheckpointError, match=f"lacks {missing}"):
        load_snapshot(path, ENTRIES)


def test_a_checkpoint_that_would_fill_the_memory_is_refused(tmp_path):
    import zipfile

    path = tmp_path / "last.pt"
    torch.save({"version": 1}, tmp_path / "made.pt")
    with (
        zipfile.ZipFile(tmp_path / "made.pt") as made,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for entry in made.infolist():
            bomb.writestr(entry.filename, made.read(entry))
        bomb.writestr("made/data/0", bytes(50_000_000))
    with pytest.raises(CheckpointError, match="announces"):
        load_snapshot(path)


def test_two_trainings_do_not_share_a_folder(tmp_path):
    """The lock is of the process: it goes with it, even when it is killed."""
    code = (
        "import sys, time; from pathlib import Path; from training.experiment import Experiment\n"
        "with Experiment(Path(sys.argv[1])).locked():\n"
        "    print('held', flush=True); time.sleep(600)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "run")], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert other.stdout.readline() == b"held\n"
    with (
        pytest.raises(TrainingError, match="Another training is running"),
        Experiment(tmp_path / "run").locked(),
    ):
        pass
    other.kill()
    other.wait()
    other.stdout.close()
    with Experiment(tmp_path / "run").locked():
        pass


def test_a_folder_half_written_is_no_data_set(tmp_path):
    photo = tmp_path / "a.png"
    photo.write_bytes(cv2.imencode(".png", np.zeros((6, 8, 3), np.uint8))[1].tobytes())
    mask = np.zeros((6, 8), np.int8)
    mask[2:4, 2:4] = 1
    folder = tmp_path / "out"
    with pytest.raises(AttributeError), ObjectFolder(folder) as target:
        target.copy("a", photo, [mask, None])
    with pytest.raises(DatasetError, match="unfinished"):
        open_dataset("images", folder)
    with ObjectFolder(tmp_path / "whole") as target:
        target.copy("a", photo, [mask])
    assert len(open_dataset("images", tmp_path / "whole")) == 1
