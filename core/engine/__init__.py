"""Engines that run a network: PyTorch as the reference, OpenVINO where it is installed."""

from typing import TYPE_CHECKING

from ..lazy import lazy_getattr
from .base import Engine
from .loading import DEFAULT_THRESHOLD, ENGINES, LoadedModel, choose_engine, load_model
from .openvino import OpenVinoEngine

if TYPE_CHECKING:
    from .pytorch import TorchEngine as TorchEngine

__getattr__ = lazy_getattr(__name__, {"pytorch": ("TorchEngine",)})
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
