"""Plain PyTorch: the reference that other engines are measured against."""

from __future__ import annotations

from torch import Tensor

from .base import Engine


class TorchEngine(Engine):
    """Eager PyTorch in single precision, on any device that PyTorch knows."""

    name = "torch"

    def run_network(self, rgb: Tensor, maps: Tensor) -> Tensor:
        """Output of `ClickModel.prepare` -> (B, 1, H/4, W/4) logits."""
        return self.model.decode(self.model.encode(rgb, maps, "A"), "A").instances
