"""Plain PyTorch: the reference for other engines."""

from __future__ import annotations

from torch import Tensor

from .base import Engine


class TorchEngine(Engine):
    """Eager PyTorch in single precision, on any device that PyTorch knows."""

    name = "torch"

    def run_network(self, rgb: Tensor, maps: Tensor) -> Tensor:
        """Compute (B, 1, H/4, W/4) logits from the output of `ClickModel.prepare`."""
        return self.model.decode(self.model.encode(rgb, maps, "A"), "A").instances
