"""Losses and metric against published values, and where the published code goes wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from training.losses import (
    AdaptiveIoU,
    FocalStatistics,
    focal_loss,
    normalized_focal_loss,
    sigmoid_bce_loss,
    soft_iou_loss,
)

LOSSES = [normalized_focal_loss, focal_loss, soft_iou_loss, sigmoid_bce_loss]

# loss, options, per sample, gradient of the mean at [0, 0, 0, 0], sum of absolute gradients
GOLDENS = [
    (normalized_focal_loss, {}, (0.658374, 0.6098573), 0.0357601, 0.6597842),
    (normalized_focal_loss, {"alpha": 0.25}, (0.9610596, 0.7811053), 0.0536402, 0.8932440),
    (focal_loss, {}, (0.2375213, 0.1795503), 0.0129012, 0.2163096),
    (soft_iou_loss, {}, (0.8174849, 0.7573109), 0.0008231, 0.1196730),
    (sigmoid_bce_loss, {}, (0.9699224, 0.7252907), 0.0213429, 0.5052962),
]


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Logits and labels of the published goldens; two pixels of the second sample are ignored."""
    random = np.random.RandomState(0)
    logits = random.randn(2, 1, 4, 5).astype(np.float32)
    labels = (random.rand(2, 1, 4, 5) > 0.6).astype(np.float32)
    labels[1, 0, 0, :2] = -1
    assert labels.sum(axis=(1, 2, 3)).tolist() == [4, 3]
    return torch.from_numpy(logits).requires_grad_(), torch.from_numpy(labels)


@pytest.mark.parametrize(("loss", "options", "values", "first", "total"), GOLDENS)
def test_published_values_and_gradients(batch, loss, options, values, first, total):
    logits, labels = batch
    result = loss(logits, labels, **options)
    assert result.tolist() == pytest.approx(values, abs=1e-6)
    result.mean().backward()
    assert float(logits.grad[0, 0, 0, 0]) == pytest.approx(first, abs=1e-6)
    assert float(logits.grad.abs().sum()) == pytest.approx(total, abs=1e-6)


def test_values_at_logit_zero():
    logits, labels = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    labels[..., :4] = 1
    assert normalized_focal_loss(logits, labels).item() == pytest.approx(0.3465736, abs=1e-6)
    assert sigmoid_bce_loss(logits, labels).item() == pytest.approx(math.log(2), abs=1e-6)


def test_focal_loss_without_focus_is_half_the_cross_entropy(batch):
    logits, labels = batch
    half = sigmoid_bce_loss(logits, labels)[0] / 2  # of the sample without ignored pixels
    assert focal_loss(logits, labels, gamma=0)[0].item() == pytest.approx(half.item())
    assert normalized_focal_loss(logits, labels, gamma=0)[0].item() == pytest.approx(half.item())


@pytest.mark.parametrize("loss", LOSSES)
def test_ignored_pixels_have_no_influence_and_no_gradient(batch, loss):
    logits, labels = batch
    other = logits.detach().clone()
    other[labels == -1] = 50.0
    assert torch.equal(loss(other, labels), loss(logits, labels))
    loss(logits, labels).sum().backward()
    assert (logits.grad[labels == -1] == 0).all()
    assert (logits.grad[labels != -1] != 0).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_samples_do_not_influence_each_other(batch, loss):
    logits, labels = batch
    alone = torch.cat([loss(logits[i : i + 1], labels[i : i + 1]) for i in range(2)])
    assert torch.allclose(loss(logits, labels), alone, atol=1e-7)


@pytest.mark.parametrize("loss", [normalized_focal_loss, focal_loss, sigmoid_bce_loss])
def test_a_sample_ignored_altogether_costs_nothing(loss):
    logits = torch.randn(1, 1, 4, 4, requires_grad=True)
    value = loss(logits, torch.full((1, 1, 4, 4), -1.0))
    value.sum().backward()
    assert value.item() == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_computed_in_single(batch, loss, kind):
    logits, labels = batch
    rounded = logits.detach().to(kind)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(rounded, labels)
    assert value.dtype == torch.float32
    assert torch.equal(value, loss(rounded.float(), labels))


@pytest.mark.parametrize("loss", [normalized_focal_loss, focal_loss, sigmoid_bce_loss])
def test_certain_and_wrong_is_dear_and_has_a_gradient(loss):
    # Published: probabilities round to 0 or 1, and the pixel that is worst has no gradient.
    logits = torch.tensor([[[[-60.0, 60.0], [9.0, -9.0]]]], requires_grad=True)
    value = loss(logits, torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]]))
    value.sum().backward()
    assert value.item() > 14
    assert logits.grad[0, 0, 0, 0] < -0.1
    assert logits.grad[0, 0, 0, 1] > 0.1
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_certain_and_right_costs_nothing_and_stays_finite(loss):
    logits = torch.tensor([[[[90.0, -90.0]]]], requires_grad=True)
    value = loss(logits, torch.tensor([[[[1.0, 0.0]]]]))
    value.sum().backward()
    assert value.item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("loss", [normalized_focal_loss, focal_loss, sigmoid_bce_loss])
def test_a_step_against_the_gradient_lowers_the_loss(batch, loss):
    logits, labels = batch
    value = loss(logits, labels).sum()
    value.backward()
    downhill = loss((logits - 1e-2 * logits.grad).detach(), labels).sum()
    assert downhill < value


# --- statistics and metric ------------------------------------------------------------------


def test_focal_statistics_as_published(batch):
    logits, labels = batch
    statistics = FocalStatistics()
    statistics.update(logits, labels)
    assert statistics.k == pytest.approx(0.277185, abs=1e-6)
    assert statistics.m == pytest.approx(0.456183, abs=1e-6)
    before = statistics.k
    statistics.update(logits[1:], labels[1:])  # has ignored pixels: no word on the scale
    assert statistics.k == before


def test_adaptive_iou_as_published(batch):
    logits, labels = batch
    metric = AdaptiveIoU()
    metric.update(logits, labels)
    assert metric.epoch_value == pytest.approx(0.2777778, abs=1e-6)
    assert metric.threshold == pytest.approx(0.40025, abs=1e-9)
    assert metric.moving_average == pytest.approx(0.0277778, abs=1e-6)


def test_adaptive_iou_leaves_out_batches_without_object_and_starts_epochs_anew(batch):
    logits, labels = batch
    metric = AdaptiveIoU()
    metric.update(logits, torch.zeros_like(labels))
    assert metric == AdaptiveIoU()
    metric.update(torch.where(labels == 1, 9.0, -9.0), labels)
    assert metric.epoch_value == 1
    metric.start_epoch()
    assert metric.epoch_value == 0
    assert metric.moving_average == pytest.approx(0.1)


def test_adaptive_iou_moves_its_threshold_towards_the_better_one():
    labels = torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]])
    probabilities = torch.tensor([[[[0.9, 0.9, 0.41, 0.1]]]])
    metric = AdaptiveIoU()
    for _ in range(50):
        metric.update(torch.logit(probabilities), labels)
    assert metric.threshold == pytest.approx(0.41)
    assert metric.epoch_value == 1
