"""Plain PyTorch: the reference for other engines."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..model import ClickModel
from .base import Engine


class TorchEngine(Engine):
    """Eager PyTorch in single precision, on any device that PyTorch knows."""

    name = "torch"

    def __init__(self, model: ClickModel, device: torch.device) -> None:
        self._model = model.to(device)
        self.config = model.config
        self.device = device

    @property
    def model(self) -> ClickModel:
        """The network, on the device."""
        return self._model

    def compute_logits(
        self, image: NDArray[np.float32], points: NDArray[Any]
    ) -> NDArray[np.float32]:
        """Compute (B, 1, H, W) logits; see `Engine.compute_logits`."""
        with torch.inference_mode():
            logits = self.model(*to_device(image, points, self.device)).instances
        return np.asarray(logits.cpu().numpy())


def to_device(
    image: NDArray[np.float32], points: NDArray[Any], device: torch.device | str
) -> tuple[Tensor, Tensor]:
    """Return image and points as tensors on a device; points in the best precision it has."""
    single = torch.device(device).type == "mps"
    places = torch.from_numpy(np.ascontiguousarray(points))
    return (
        torch.from_numpy(np.ascontiguousarray(image)).to(device),
        places.to(device, torch.float32 if single else places.dtype),
    )
