"""Engines that run a network: PyTorch as the reference, OpenVINO where it is installed."""

from .base import Engine
from .loading import DEFAULT_THRESHOLD, ENGINES, LoadedModel, choose_engine, load_model
from .openvino import OpenVinoEngine
from .pytorch import TorchEngine

__all__ = [
    "DEFAULT_THRESHOLD",
    "ENGINES",
    "Engine",
    "LoadedModel",
    "OpenVinoEngine",
    "TorchEngine",
    "choose_engine",
    "load_model",
]
