"""Whole runs: they learn, go on after any end, and come out the same."""

from __future__ import annotations

import signal

import pytest
import torch
from run_fixtures import (
    HRNET,
    LIGHT,
    configuration,
    pack,
    run_here,
    same,
    save,
    scalars,
    snapshot,
    train,
    train_until,
)

from core.errors import ConfigError, TrainingError
from core.model.checkpoint import load_checkpoint
from training.batches import TRAIN, SampleSet, load, rank_batches
from training.build import build
from training.config import Config
from training.initial_weights import make_model
from training.losses import AdaptiveIoU
from training.optimisation import make_optimiser
from training.processes import Processes
from training.recipes import build_recipe
from training.sources import open_sources
from training.training_step import TrainingStep

PARTS = {"workers": 1, "accumulate": 2}
LAST = "checkpoints/last.safetensors"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return pack(tmp_path_factory.mktemp("data") / "pack")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, data):
    """An uninterrupted run of the light network: 2 epochs of 7 steps."""
    folder = tmp_path_factory.mktemp("whole")
    run_here(folder, configuration(data, LIGHT, run={"ema": 0.9}))
    return folder


def test_a_killed_run_goes_on_bit_for_bit(tmp_path, data, whole):
    config = save(tmp_path / "run.yaml", configuration(data, LIGHT, run={"ema": 0.9}))
    killed = tmp_path / "killed"
    # In the middle of the second epoch, a step or two behind the last checkpoint.
    assert train_until(killed, 11, signal.SIGKILL, config, "--out", killed) == -signal.SIGKILL
    assert snapshot(killed)["step"] in (10, 12)
    resumed = train(config, "--out", killed, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert same(snapshot(killed), snapshot(whole))
    assert (killed / LAST).read_bytes() == (whole / LAST).read_bytes()
    # What was logged behind the checkpoint is dropped and told again.
    assert scalars(killed)["TrainLosses/overall"] == scalars(whole)["TrainLosses/overall"]


def test_a_killed_run_with_workers_and_parts_goes_on_bit_for_bit(tmp_path, data):
    values = configuration(data, HRNET, run={"ema": 0.9, **PARTS})
    config = save(tmp_path / "run.yaml", values)
    killed = tmp_path / "killed"
    assert train_until(killed, 5, signal.SIGKILL, config, "--out", killed) == -signal.SIGKILL
    assert snapshot(killed)["step"] in (4, 6)
    run_here(killed, values, resume=True)
    run_here(tmp_path / "whole", values)
    assert same(snapshot(killed), snapshot(tmp_path / "whole"))


def test_ctrl_c_ends_between_steps_and_leaves_a_run_to_resume(tmp_path, data, whole):
    run = {"ema": 0.9, "checkpoint_steps": 1000, "workers": 1}
    values = configuration(data, LIGHT, run=run)
    config = save(tmp_path / "run.yaml", values)
    stopped = tmp_path / "stopped"
    assert train_until(stopped, 3, signal.SIGINT, config, "--out", stopped) == 130
    assert 3 <= snapshot(stopped)["step"] < 7
    assert "stopped: KeyboardInterrupt" in (stopped / "logs" / "train.log").read_text()
    run_here(stopped, values, resume=True)
    assert same(snapshot(stopped), snapshot(whole))


def test_a_run_that_ended_has_nothing_left_to_do(tmp_path, data):
    values = configuration(data, LIGHT, run={"epochs": 1, "epoch_size": 8})
    run_here(tmp_path, values)
    before = snapshot(tmp_path)
    run_here(tmp_path, values, resume=True)
    assert same(snapshot(tmp_path), before)


def test_seed_and_workers_decide_nothing_else(tmp_path, data):
    def weights(name, **run):
        values = configuration(data, LIGHT, run={"epochs": 1, "epoch_size": 8, **run})
        run_here(tmp_path / name, values)
        return snapshot(tmp_path / name)["model"]

    first = weights("a")
    assert same(first, weights("b", workers=2))
    assert not same(first, weights("c", seed=4))


def test_the_averaged_weights_are_exported_and_evaluated(tmp_path, data):
    values = configuration(
        data,
        LIGHT,
        train=[{"dataset": "shards", "path": str(data), "hold_out": 0.3}],
        validation_sources=[{"dataset": "shards", "path": str(data), "hold_out": 0.3}],
        validation={"samples": 4, "objects": 2, "clicks": 2},
        run={"epochs": 1, "epoch_size": 16, "ema": 0.9},
    )
    trainer = run_here(tmp_path, values)
    exported = load_checkpoint(tmp_path / LAST).stages[0].state_dict()
    kept = snapshot(tmp_path)
    assert same(dict(exported), kept["average"])
    assert not same(kept["average"], kept["model"])
    assert same(dict(trainer._evaluated().state_dict()), kept["average"])
    about = load_checkpoint(tmp_path / "checkpoints" / "best.safetensors").metadata
    assert about["knows_boxes"] is True
    assert about["validation"]["ValMetrics/NoC@85"] == kept["best"]


def test_bfloat16_runs_and_learns_about_the_same(tmp_path, data):
    plain = {"epochs": 1, "epoch_size": 16}
    values = configuration(data, LIGHT, run={**plain, "precision": "bfloat16"})
    run_here(tmp_path / "half", values)
    run_here(tmp_path / "full", configuration(data, LIGHT, run=plain))
    half, full = (scalars(tmp_path / name)["TrainLosses/overall"] for name in ("half", "full"))
    assert half != full
    assert half[0][1] == pytest.approx(full[0][1], rel=0.05)


@pytest.mark.parametrize("model", [LIGHT, HRNET], ids=["light", "hrnet"])
def test_one_batch_is_learnt_by_heart(data, model):
    values = configuration(
        data,
        model,
        samples={"recipe": "windows", "crop": [64, 64], "box": 0, "given_mask": 0},
        run={"max_next_clicks": 1},
        optimiser={"rate": 0.004},
    )
    config = build(Config, values)
    mixture = open_sources(config.train, config.samples.crop, validation=False)
    samples = SampleSet(mixture, build_recipe(config.samples), seed=0, stream=TRAIN, epoch_size=4)
    (batch,) = load(samples, rank_batches(0, 4, 4), 0)
    network = make_model(config)
    stepper = TrainingStep(
        config, network, make_optimiser(network, config.optimiser), Processes(torch.device("cpu"))
    )
    iou = AdaptiveIoU(threshold=0.5)
    for step in range(60):
        outcome = stepper.step(batch, step)
        iou.update(outcome.shown.logits, batch.masks.float())
    iou.start_epoch()
    iou.update(outcome.shown.logits, batch.masks.float())
    assert iou.epoch_value > 0.9


@pytest.mark.parametrize("model", [LIGHT, HRNET], ids=["light", "hrnet"])
def test_batches_of_one(tmp_path, data, model):
    values = configuration(data, model, run={"epochs": 1, "epoch_size": 3, "batch": 1})
    run_here(tmp_path, values)
    state = snapshot(tmp_path)["model"]
    assert all(torch.isfinite(value).all() for value in state.values())


def test_a_diverging_run_stops_and_says_why(tmp_path, data):
    values = configuration(data, LIGHT, optimiser={"rate": 1e30}, run={"epochs": 1})
    done = train(save(tmp_path / "run.yaml", values), "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "the run has diverged" in done.stderr
    assert "optimiser.rate" in done.stderr
    assert "Traceback" not in done.stderr


def test_images_of_validation_are_refused_in_training(tmp_path, data):
    values = configuration(
        data, LIGHT, validation_sources=[{"dataset": "shards", "path": str(data)}]
    )
    with pytest.raises(ConfigError, match="10 images are in training and in validation"):
        run_here(tmp_path, values)


def test_a_checkpoint_of_another_network_is_refused(tmp_path, data):
    run = {"epochs": 1, "epoch_size": 8}
    run_here(tmp_path, configuration(data, LIGHT, run=run))
    other = configuration(data, {**LIGHT, "channels": 24}, run=run)
    with pytest.raises(TrainingError, match="another network"):
        run_here(tmp_path, other, resume=True)
    longer = configuration(data, LIGHT, run={**run, "epoch_size": 16})
    with pytest.raises(TrainingError, match="had 2 steps per epoch, now it would have 4"):
        run_here(tmp_path, longer, resume=True)
