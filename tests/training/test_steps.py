"""One step: simulated clicks, parts, multi-precision."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from run_fixtures import HRNET, LIGHT, configuration, pack

from core.model.network import Logits
from training.batches import TRAIN, SampleSet, load, rank_batches
from training.build import build
from training.config import Config, LossSettings
from training.initial_weights import make_model
from training.optimisation import make_optimiser
from training.processes import Processes
from training.recipes import build_recipe
from training.sources import open_sources
from training.training_step import TrainingStep, compute_losses


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return pack(tmp_path_factory.mktemp("data") / "pack")


def prepare(data, model=LIGHT, **run):
    """Stepper, network and one batch."""
    config = build(Config, configuration(data, model, run=run))
    mixture = open_sources(config.train, config.samples.crop, validation=False)
    samples = SampleSet(mixture, build_recipe(config.samples), seed=0, stream=TRAIN, epoch_size=4)
    (batch,) = load(samples, rank_batches(0, 4, 4), 0)
    network = make_model(config)
    optimiser = make_optimiser(network, config.optimiser)
    return TrainingStep(config, network, optimiser, Processes(torch.device("cpu"))), network, batch


def test_losses_add_up():
    generator = torch.Generator().manual_seed(0)
    logits = Logits(*(torch.randn(2, 1, 8, 8, generator=generator) for _ in range(2)))
    masks = torch.randint(-1, 2, (2, 1, 8, 8), generator=generator, dtype=torch.int8)
    found = compute_losses(logits, masks, LossSettings(bce=0.15))
    total = found.pop("overall")
    assert found.keys() == {"instance_loss", "bce_loss", "instance_aux_loss"}
    assert total == pytest.approx(sum(found.values()))
    doubled = compute_losses(logits, masks, LossSettings(auxiliary_bce=0.8))
    assert doubled["instance_aux_loss"] == pytest.approx(2 * found["instance_aux_loss"].item())
    plain = compute_losses(Logits(logits[0], None), masks, LossSettings())
    assert plain.keys() == {"instance_loss", "overall"}


def test_a_step_adds_clicks_where_the_prediction_is_wrong(data):
    stepper, _, batch = prepare(data, max_next_clicks=3)
    number = next(n for n in range(50) if stepper._draw_count(TRAIN, n) == 3)
    before = batch.points.clone()
    shown = stepper.step(batch, number).shown
    assert torch.equal(batch.points, before)  # the sample itself stays as it is
    for index in range(4):
        orders = set(shown.points[index, :, 2].tolist()) - set(before[index, :, 2].tolist())
        assert orders <= {0.0, 1.0, 2.0}
        new = shown.points[index][
            (shown.points[index, :, 2] < 3) & (shown.points[index, :, 0] >= 0)
        ]
        assert len(new) >= 3
        assert ((batch.masks[index, 0][tuple(new[:, :2].long().T)]) >= 0).all()


def test_numbers_of_clicks_are_uniform(data):
    stepper, _, _ = prepare(data, max_next_clicks=3)
    counts = np.bincount([stepper._draw_count(TRAIN, n) for n in range(2000)])
    assert len(counts) == 4
    assert counts.min() > 400


def test_some_batches_have_no_simulated_clicks(data):
    stepper, _, _ = prepare(data, max_next_clicks=3, no_next_clicks=0.5)
    counts = np.bincount([stepper._draw_count(TRAIN, n) for n in range(2000)])
    assert 0.58 < counts[0] / 2000 < 0.67
    assert counts[1:].min() > 200


def test_parts_of_a_batch_give_the_gradient_of_the_whole(data):
    """Without batch norm in training mode, which sees parts: statistics are frozen."""
    found = []
    for parts in (1, 4):
        # In double precision: processors round products of single precision in different ways.
        run = {"accumulate": parts, "max_next_clicks": 0, "precision": "float64"}
        stepper, network, batch = prepare(data, **run)
        network.double().eval()
        network.train = lambda mode=True, network=network: network  # stays in evaluation mode
        stepper.step(batch, 0)
        found.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    assert len(found[0]) > 50
    for whole, summed in zip(*found, strict=True):
        assert torch.allclose(whole, summed, atol=1e-6 * whole.abs().max().item() + 1e-12)


def test_gradients_are_limited_where_asked(data):
    config = configuration(data, LIGHT, optimiser={"clip": 1e-3}, run={"max_next_clicks": 0})
    settings = build(Config, config)
    _, network, batch = prepare(data)
    optimiser = make_optimiser(network, settings.optimiser)
    stepper = TrainingStep(settings, network, optimiser, Processes(torch.device("cpu")))
    outcome = stepper.step(batch, 0)
    assert outcome.gradient_norm > 1e-3
    total = sum(p.grad.square().sum() for p in network.parameters() if p.grad is not None)
    assert total.sqrt().item() == pytest.approx(1e-3, rel=1e-3)


def test_evaluation_is_the_same_every_time_and_learns_nothing(data):
    stepper, network, batch = prepare(data, HRNET)
    before = copy.deepcopy(network.state_dict())
    first, _ = stepper.evaluate(batch, 5)
    second, _ = stepper.evaluate(batch, 5)
    assert torch.equal(first["overall"], second["overall"])
    assert all(map(torch.equal, before.values(), network.state_dict().values()))


def test_dropout_and_clicks_are_those_of_seed_and_step(data):
    totals = []
    for _ in range(2):
        stepper, _, batch = prepare(data, HRNET)
        torch.rand(3)  # the global generator's state plays no part
        totals.append(stepper.step(batch, 7).losses["overall"])
    assert totals[0] == totals[1]
