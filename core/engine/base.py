"""Interface of an inference engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..model import ModelConfig

if TYPE_CHECKING:
    from ..model import ClickModel


class Engine(ABC):
    """Runs one click network without gradients: arrays in, arrays out.

    Attributes
    ----------
    name
        One of `core.engine.ENGINES`, but "auto".
    config
        Of the network.
    device
        What it runs on, as PyTorch names devices.
    """

    name: str
    config: ModelConfig
    device: Any

    @property
    @abstractmethod
    def model(self) -> ClickModel:
        """The network in PyTorch, for what needs gradients or features."""

    @abstractmethod
    def compute_logits(
        self, image: NDArray[np.float32], points: NDArray[Any]
    ) -> NDArray[np.float32]:
        """Compute (B, 1, H, W) logits; arguments as for `ClickModel.forward`, as arrays."""
