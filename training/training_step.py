"""One optimiser step: simulated clicks on the network's own predictions, loss, update."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from core.errors import TrainingError
from core.model.network import ClickModel, HRNetModel, Logits

from .batches import TRAIN, VALIDATION, Batch
from .config import Config, LossSettings
from .losses import normalized_focal_loss, sigmoid_bce_loss
from .points import add_click, corrective_click
from .processes import Processes

_CLICKS, _PER_BATCH, _LAYERS = 2, 3, 4  # streams of random numbers, beside those of samples
_PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Outcome:
    """Result of a step: losses by name, averaged over parts and processes, and a preview."""

    losses: dict[str, float]
    gradient_norm: float
    shown: BatchPreview


@dataclass(frozen=True)
class BatchPreview:
    """The last part of a batch: inputs, truth and (B, 1, H, W) logits, for metrics and images."""

    batch: Batch
    points: Tensor
    logits: Tensor


def compute_losses(logits: Logits, masks: Tensor, settings: LossSettings) -> dict[str, Tensor]:
    """Compute batch means for (B, 1, H, W) labels 1, 0, -1: weighted terms, then ``overall``."""
    labels = masks.float()
    main = logits.instances
    terms = {
        "instance_loss": normalized_focal_loss(main, labels, settings.alpha, settings.gamma).mean()
    }
    if settings.bce:
        terms["bce_loss"] = settings.bce * sigmoid_bce_loss(main, labels).mean()
    if logits.aux is not None and settings.auxiliary_bce:
        terms["instance_aux_loss"] = (
            settings.auxiliary_bce * sigmoid_bce_loss(logits.aux, labels).mean()
        )
    return {**terms, "overall": torch.stack(list(terms.values())).sum()}


class TrainingStep:
    """Computes steps of a run; all that is random in a step follows from seed and step number."""

    def __init__(
        self, config: Config, model: ClickModel, optimiser: Optimizer, processes: Processes
    ) -> None:
        self._config = config
        self._model = model
        self._optimiser = optimiser
        self._processes = processes
        self._replica: nn.Module = model
        if processes.world > 1:
            # Statistics of batch norm are equal already; broadcasting them would cost time only.
            self._replica = nn.parallel.DistributedDataParallel(
                model,
                broadcast_buffers=False,
                # Of the attention of OCR, part never runs.
                find_unused_parameters=isinstance(model, HRNetModel),
            )
        half = config.run.precision == "float16"
        self.scaler = torch.amp.GradScaler(processes.device.type, enabled=half)

    def step(self, batch: Batch, number: int) -> Outcome:
        """Learn from one batch.

        Raises
        ------
        TrainingError
            If the loss is not a number any more.
        """
        run = self._config.run
        count = self._draw_count(TRAIN, number)
        self._optimiser.zero_grad(set_to_none=True)
        sums: dict[str, Tensor] = {}
        for index, part in enumerate(batch.parts(run.accumulate)):
            torch.manual_seed(self._layer_seed(number, index))
            losses, shown = self._learn(part, count, last=index == run.accumulate - 1)
            for name, value in losses.items():
                sums[name] = sums.get(name, 0) + value.detach() / run.accumulate
        means = self._processes.mean(torch.stack(list(sums.values()))).tolist()
        if not np.isfinite(means).all():
            raise TrainingError(
                f"The loss is {means[-1]} at step {number}: the run has diverged. Lower "
                "optimiser.rate, set optimiser.clip, or use float32; then resume."
            )
        norm = self._update()
        return Outcome(dict(zip(sums, means, strict=True)), norm, shown)

    @torch.no_grad()
    def evaluate(self, batch: Batch, number: int) -> tuple[dict[str, Tensor], BatchPreview]:
        """Compute losses of a validation batch, in evaluation mode, always with the same clicks."""
        self._model.eval()
        count = self._draw_count(VALIDATION, number)
        image, points, masks = self._prepare(batch, count, VALIDATION)
        with self._precision():
            logits = self._model(image, points)
        losses = compute_losses(logits, masks, self._config.loss)
        return losses, BatchPreview(batch, points, logits.instances.float())

    def _learn(
        self, part: Batch, count: int, *, last: bool
    ) -> tuple[dict[str, Tensor], BatchPreview]:
        image, points, masks = self._prepare(part, count, TRAIN)
        self._model.train()
        with self._synchronised(when=last):
            with self._precision():
                logits = self._replica(image, points)
            losses = compute_losses(Logits(*logits), masks, self._config.loss)
            scaled = self.scaler.scale(losses["overall"] / self._config.run.accumulate)
            scaled.backward()  # type: ignore[no-untyped-call]
        return losses, BatchPreview(part, points, logits[0].detach().float())

    def _update(self) -> float:
        self.scaler.unscale_(self._optimiser)
        clip = self._config.optimiser.clip or float("inf")
        norm = nn.utils.clip_grad_norm_(self._model.parameters(), clip)
        self.scaler.step(self._optimiser)
        self.scaler.update()
        return float(norm)

    def _prepare(self, part: Batch, count: int, stream: int) -> tuple[Tensor, Tensor, Tensor]:
        """Input with mask guidance, points and masks on the device, after ``count`` more clicks."""
        device = self._processes.device
        dtype = next(self._model.parameters()).dtype
        pixels = part.images.to(device, non_blocking=True).to(dtype) / 255
        masks = part.masks.to(device, non_blocking=True)
        guidance = part.guidance.to(device, dtype, non_blocking=True)
        points = part.points.clone()
        self._model.eval()
        for click in range(count):
            image = _joined(self._model, pixels, guidance)
            with torch.no_grad(), self._precision():
                logits = self._model(image, points.to(device)).instances
            guidance = torch.sigmoid(logits.to(dtype))
            self._click(part, points, guidance, click, stream)
        return _joined(self._model, pixels, guidance), points.to(device), masks

    def _click(
        self, part: Batch, points: Tensor, guidance: Tensor, click: int, stream: int
    ) -> None:
        """Add one correction to every sample of (B, 2P, 3) points."""
        predictions, masks = guidance.cpu().numpy(), part.masks.numpy()
        for index, key in enumerate(part.keys):
            rng = np.random.default_rng([self._config.run.seed, _CLICKS, stream, *key, click])
            correction = corrective_click(predictions[index, 0], masks[index, 0], rng)
            if correction is not None:
                add_click(points[index].numpy(), correction, click)

    def _draw_count(self, stream: int, number: int) -> int:
        """Number of simulated clicks, one for the batch of all processes, as published."""
        run = self._config.run
        rng = np.random.default_rng([run.seed, _PER_BATCH, stream, number])
        count = int(rng.integers(run.max_next_clicks + 1))
        return 0 if rng.random() < run.no_next_clicks else count

    def _layer_seed(self, number: int, part: int) -> int:
        return int(
            np.random.default_rng([self._config.run.seed, _LAYERS, number, part]).integers(2**63)
        )

    def _precision(self) -> torch.autocast:
        name = self._config.run.precision
        return torch.autocast(
            self._processes.device.type,
            dtype=_PRECISIONS.get(name, torch.bfloat16),
            enabled=name in _PRECISIONS,
        )

    @contextmanager
    def _synchronised(self, *, when: bool) -> Iterator[None]:
        """Exchange gradients between processes in the last part of a batch only."""
        if when or not isinstance(self._replica, nn.parallel.DistributedDataParallel):
            yield
        else:
            with self._replica.no_sync():
                yield


def _joined(model: ClickModel, pixels: Tensor, guidance: Tensor) -> Tensor:
    """Return the network's image input: RGB, and the previous mask where it takes one."""
    return torch.cat([pixels, guidance], dim=1) if model.config.with_prev_mask else pixels
