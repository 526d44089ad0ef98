"""Networks of the RITM family, and their checkpoints."""

from .config import DeepLabConfig, HRNetConfig, ModelConfig
from .network import ClickModel, Logits, build_model

__all__ = ["ClickModel", "DeepLabConfig", "HRNetConfig", "Logits", "ModelConfig", "build_model"]
