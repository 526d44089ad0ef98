"""Losses of the family (Sofiiuk et al. 2021, arXiv 2102.06583) and its training metric.

Logits and labels are (B, 1, H, W); labels are 1 object, 0 background, -1 ignore. Every loss returns
one value per sample, (B,), and computes in float32 at least whatever the logits come in, so that
training in half precision loses nothing here. A sample that is ignored altogether costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_PIXELS = (1, 2, 3)


def normalized_focal_loss(
    logits: Tensor, labels: Tensor, alpha: float = 0.5, gamma: float = 2.0
) -> Tensor:
    """Focal loss whose weights are scaled to add up to the number of pixels, (B,) float32.

    So the gradient does not fade as the prediction gets better. The scale itself is not
    differentiated.

    Parameters
    ----------
    alpha
        Weight of object pixels; background pixels have ``1 - alpha``.
    gamma
        How strongly hard pixels outweigh easy ones.
    """
    margin, valid = _margin(logits, labels)
    weight = _scaled(_difficulty(margin, valid, gamma), valid)
    return _focal(margin, weight, labels, valid, alpha)


def focal_loss(logits: Tensor, labels: Tensor, alpha: float = 0.5, gamma: float = 2.0) -> Tensor:
    """Focal loss (Lin et al. 2017), mean over the pixels that count, (B,) float32."""
    margin, valid = _margin(logits, labels)
    return _focal(margin, _difficulty(margin, valid, gamma), labels, valid, alpha)


def soft_iou_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """One minus the IoU of probabilities with the labels, (B,) float32."""
    valid = (labels != -1).float()
    probability = _precise(logits).sigmoid()
    truth = labels.to(probability.dtype)
    overlap = (probability * truth * valid).sum(_PIXELS)
    union = (torch.maximum(probability, truth) * valid).sum(_PIXELS)
    return 1 - overlap / (union + 1e-8)


def sigmoid_bce_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross entropy, (B,) float32; ignored pixels count in the mean as 0 (published)."""
    margin, valid = _margin(logits, labels)
    return (functional.softplus(-margin) * valid).mean(_PIXELS)


@dataclass
class FocalStatistics:
    """Running scale (``k``) and largest weight (``m``) of the normalised focal loss, for the log.

    The scale is averaged over samples without ignored pixels.
    """

    k: float = 0.0
    m: float = 0.0

    @torch.no_grad()
    def update(self, logits: Tensor, labels: Tensor, gamma: float = 2.0) -> None:
        """Take in one batch, (B, 1, H, W) each."""
        margin, valid = _margin(logits, labels)
        difficulty = _difficulty(margin, valid, gamma)
        scale = _scale(difficulty, valid).flatten()
        complete = valid.flatten(1).all(dim=1)
        if complete.any():
            self.k = 0.9 * self.k + 0.1 * float(scale[complete].mean())
        largest = _scaled(difficulty, valid).flatten(1).amax(dim=1)
        self.m = 0.8 * self.m + 0.2 * float(largest.mean())


@dataclass
class AdaptiveIoU:
    """IoU at a threshold that follows the best of three, as the family logs it.

    The epoch's value is the mean over batches of the best of three and so a little optimistic.

    Attributes
    ----------
    threshold
        Probability above which a pixel is object, moving by hundredths of `step`.
    moving_average
        IoU averaged exponentially over batches.
    """

    threshold: float = 0.4
    step: float = 0.025
    moving_average: float = 0.0
    total: float = 0.0
    batches: int = 0

    @torch.no_grad()
    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Take in one batch, (B, 1, H, W) each; batches without any object are left out."""
        truth = labels > 0.5
        if not truth.any():
            return
        probability = _precise(logits).sigmoid().masked_fill(labels == -1, 0.0)
        tried = (self.threshold, self.threshold - self.step, self.threshold + self.step)
        ious = [_mean_iou(probability > threshold, truth) for threshold in tried]
        best = max(ious)
        self.threshold = 0.99 * self.threshold + 0.01 * tried[ious.index(best)]
        self.moving_average = 0.9 * self.moving_average + 0.1 * best
        self.total += best
        self.batches += 1

    @property
    def epoch_value(self) -> float:
        """Mean over the batches since `start_epoch`, 0 where there were none."""
        return self.total / self.batches if self.batches else 0.0

    def start_epoch(self) -> None:
        """Forget the sum over batches; threshold and moving average go on."""
        self.total, self.batches = 0.0, 0


def _margin(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of being right, (B, 1, H, W) float32, and which pixels count, bool.

    Logarithms are taken of these, not of probabilities: a pixel that is wrong with certainty keeps
    its gradient, where a probability rounded to 0 or 1 has none.
    """
    precise = _precise(logits)
    return torch.where(labels > 0.5, precise, -precise), labels != -1


def _precise(logits: Tensor) -> Tensor:
    """Logits in float32, or in float64 if that is what they are."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _difficulty(margin: Tensor, valid: Tensor, gamma: float) -> Tensor:
    """(1 - probability of the right answer) ** gamma, 0 where ignored."""
    return torch.sigmoid(-margin) ** gamma * valid


def _scale(difficulty: Tensor, valid: Tensor) -> Tensor:
    """(B, 1, 1, 1) factor that makes the weights of a sample average 1."""
    return valid.sum(_PIXELS, keepdim=True) / (difficulty.sum(_PIXELS, keepdim=True) + 1e-12)


def _scaled(difficulty: Tensor, valid: Tensor) -> Tensor:
    return difficulty * _scale(difficulty, valid).detach()


def _focal(margin: Tensor, weight: Tensor, labels: Tensor, valid: Tensor, alpha: float) -> Tensor:
    side = torch.where(labels > 0.5, alpha, 1 - alpha)
    loss = side * weight * functional.softplus(-margin)
    return loss.sum(_PIXELS) / valid.sum(_PIXELS).clamp(min=1)


def _mean_iou(prediction: Tensor, truth: Tensor) -> float:
    """Mean IoU of the samples in which either has a pixel."""
    union = (prediction | truth).sum(_PIXELS)
    overlap = (prediction & truth).sum(_PIXELS)
    some = union > 0
    return float((overlap[some] / union[some]).mean())
