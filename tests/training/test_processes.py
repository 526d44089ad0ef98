"""Several processes compute what one does."""

from __future__ import annotations

import pytest
import torch
from run_fixtures import (
    HRNET,
    LIGHT,
    configuration,
    losses,
    pack,
    run_here,
    same,
    save,
    snapshot,
    train,
)
from torch import nn

from core.errors import TrainingError
from training.config import RunSettings
from training.processes import Processes, join_processes, share_layers

STEPS = 20
# In float32, fresh networks magnify the rounding of the seventh digit tenfold and more with every
# step (Adam divides small gradients by themselves; a pixel at the threshold moves a simulated
# click). In float64 that takes more than these steps: what is computed otherwise shows at once.
EXACT = {"precision": "float64", "epochs": 1, "checkpoint_steps": 99}


@pytest.mark.parametrize(
    ("model", "parts", "rate"), [(LIGHT, 1, 1e-3), (HRNET, 2, 1e-4)], ids=["light", "hrnet-parts"]
)
def test_two_processes_equal_one(tmp_path, model, parts, rate):
    batch = 4 * parts
    run = {**EXACT, "accumulate": parts, "batch": batch, "epoch_size": batch * STEPS}
    values = configuration(pack(tmp_path / "pack"), model, run=run, optimiser={"rate": rate})
    config = save(tmp_path / "run.yaml", values)
    run_here(tmp_path / "1", values)
    done = train(config, "--out", tmp_path / "2", processes=2)
    assert done.returncode == 0, done.stderr
    one, two = losses(tmp_path / "1"), losses(tmp_path / "2")
    assert len(one) == STEPS
    assert max(abs(one[step] - two[step]) for step in one) < 1e-6
    weights, others = (snapshot(tmp_path / name)["model"] for name in "12")
    assert all(torch.allclose(weights[name], others[name], atol=1e-6) for name in weights)


def test_in_single_precision_a_fine_tuning_agrees(tmp_path):
    data = pack(tmp_path / "pack")
    plain = {"epochs": 1, "epoch_size": 160, "checkpoint_steps": 99}
    run_here(tmp_path / "first", configuration(data, LIGHT, run=plain))
    start = {"checkpoint": str(tmp_path / "first" / "checkpoints" / "last.safetensors")}
    values = configuration(
        data, LIGHT, start=start, optimiser={"rate": 1e-5}, run={**plain, "epoch_size": 4 * STEPS}
    )
    config = save(tmp_path / "run.yaml", values)
    run_here(tmp_path / "1", values)
    assert train(config, "--out", tmp_path / "2", processes=2).returncode == 0
    one, two = losses(tmp_path / "1"), losses(tmp_path / "2")
    assert len(one) == STEPS
    assert max(abs(one[step] - two[step]) for step in one) < 1e-5


def test_a_single_process_keeps_its_layers():
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.Dropout2d(0.5))
    before = list(model)
    share_layers(model, Processes(torch.device("cpu")), batch_norm=True)
    assert same([id(layer) for layer in model], [id(layer) for layer in before])


def test_uneven_shares_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    settings = RunSettings(epochs=1, batch=4, device="cpu")
    with (
        pytest.raises(TrainingError, match="batch of 4 cannot be shared evenly by 3"),
        join_processes(settings),
    ):
        pass


def test_no_gpu_is_said_plainly():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with (
        pytest.raises(TrainingError, match=r"set run\.device to cpu"),
        join_processes(RunSettings(epochs=1, batch=4, device="cuda")),
    ):
        pass
