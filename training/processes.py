"""One process or many: what torchrun started, and layers that see the batch of all processes."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
import torch.distributed.nn.functional as dist_nn
from torch import Tensor, nn

from core.errors import TrainingError

from .config import RunSettings

_PATIENCE = timedelta(hours=12)  # for processes that wait while the first one measures


@dataclass(frozen=True)
class Processes:
    """One process among ``world``, and the device that it computes on."""

    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Return whether this process writes the files."""
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """Mean of a tensor over all processes."""
        if self.world > 1:
            dist.all_reduce(values)
            values = values / self.world
        return values

    def wait(self) -> None:
        """Return when every process has come this far."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def join_processes(settings: RunSettings) -> Iterator[Processes]:
    """Join those that torchrun started (environment RANK, WORLD_SIZE, LOCAL_RANK), if it did."""
    world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    device = _device(settings.device, int(os.environ.get("LOCAL_RANK", 0)))
    if settings.batch % (world * settings.accumulate):
        raise TrainingError(
            f"A batch of {settings.batch} cannot be shared evenly by {world} processes in "
            f"{settings.accumulate} parts: change run.batch."
        )
    if world == 1:
        yield Processes(device)
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Processes(device, rank, world)
    finally:
        dist.destroy_process_group()


def _device(name: str, local_rank: int) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{local_rank}"
    device = torch.device(name)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise TrainingError("There is no GPU that PyTorch can use: set run.device to cpu.")
        torch.cuda.set_device(device)
    return device


def keep_freed_memory() -> None:
    """Tell glibc to keep freed memory for the next step instead of giving it back.

    Otherwise every large tensor is mapped and zeroed by the kernel anew, which takes a third of
    the time of a step on the CPU.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # other C libraries have none
        trim_threshold, mmap_max = -1, -4
        mallopt(trim_threshold, 2**31 - 1)
        mallopt(mmap_max, 0)


def share_layers(model: nn.Module, processes: Processes, *, batch_norm: bool) -> None:
    """Replace, in place, layers that look at the batch by such that look at that of all."""
    if processes.world == 1:
        return
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d) and batch_norm:
                setattr(parent, name, _with_state(SharedBatchNorm(child.num_features), child))
            elif isinstance(child, (nn.Dropout, nn.Dropout2d)):
                setattr(parent, name, SharedDropout(child, processes))


def _with_state(new: nn.BatchNorm2d, old: nn.BatchNorm2d) -> nn.BatchNorm2d:
    new.weight, new.bias = old.weight, old.bias
    new.running_mean, new.running_var = old.running_mean, old.running_var
    new.num_batches_tracked = old.num_batches_tracked
    new.eps, new.momentum = old.eps, old.momentum
    return new


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the batches of all processes, on any device (PyTorch's needs a GPU).

    All processes have the same number of values.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        if not self.training:
            return super().forward(x)
        exact = x.to(torch.promote_types(x.dtype, torch.float32))
        variance, mean = torch.var_mean(exact, (0, 2, 3), correction=0)
        # Moments of batches are added in double precision: nothing is lost in the difference.
        moments = torch.stack([mean.double(), variance.double() + mean.double().square()])
        world = dist.get_world_size()
        mean, square = dist_nn.all_reduce(moments) / world  # type: ignore[no-untyped-call]
        variance = square - mean.square()
        with torch.no_grad():
            self._remember(mean, variance, world * x.numel() // x.shape[1])
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        scale, shift = (column[:, None, None].to(exact.dtype) for column in (scale, shift))
        return (exact * scale + shift).to(x.dtype)

    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        momentum = self.momentum or 0.0
        unbiased = variance * (count / max(1, count - 1))
        if self.running_mean is not None and self.running_var is not None:
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1


class SharedDropout(nn.Module):
    """Drops what one process with the whole batch would drop."""

    def __init__(self, dropout: nn.Dropout | nn.Dropout2d, processes: Processes) -> None:
        super().__init__()
        self.dropout = dropout
        self._processes = processes

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        world, rank = self._processes.world, self._processes.rank
        ones = torch.ones_like(x).repeat(world, 1, 1, 1)
        kept: Tensor = self.dropout(ones)[rank * len(x) : (rank + 1) * len(x)]
        return x * kept
