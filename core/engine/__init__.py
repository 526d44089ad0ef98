"""What runs a network: PyTorch as the reference, OpenVINO where it is installed."""

from .base import Engine
from .loading import LoadedModel, load_model
from .pytorch import TorchEngine

__all__ = ["Engine", "LoadedModel", "TorchEngine", "load_model"]
