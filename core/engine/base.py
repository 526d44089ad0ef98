"""Interface of an inference engine."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ..model import ClickModel
from ..model.layers import height_width


class Engine(ABC):
    """Runs one `ClickModel` without gradients.

    Attributes
    ----------
    model
        The network in PyTorch, for what needs gradients or features.
    device
        Device of its inputs.
    """

    name: str

    def __init__(self, model: ClickModel, device: torch.device) -> None:
        self.model = model.to(device)
        self.device = device

    def compute_logits(self, image: Tensor, points: Tensor) -> Tensor:
        """Compute (B, 1, H, W) logits; arguments as for `ClickModel.forward`."""
        with torch.inference_mode():
            rgb, maps = self.model.prepare(image.to(self.device), self.place_points(points))
            return self.model.enlarge(self.run_network(rgb, maps), height_width(image))

    def place_points(self, points: Tensor) -> Tensor:
        """Move points to the device, in the best precision that it has."""
        precision = torch.float32 if self.device.type == "mps" else points.dtype
        return points.to(self.device, precision)

    @abstractmethod
    def run_network(self, rgb: Tensor, maps: Tensor) -> Tensor:
        """Compute (B, 1, H/4, W/4) logits from the output of `ClickModel.prepare`."""
