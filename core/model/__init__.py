"""Networks of the RITM family, and their checkpoints; only what needs PyTorch loads it."""

from typing import TYPE_CHECKING

from ..lazy import lazy_getattr
from .config import DeepLabConfig, HRNetConfig, ModelConfig

if TYPE_CHECKING:
    from .network import ClickModel as ClickModel
    from .network import Logits as Logits
    from .network import build_model as build_model

__getattr__ = lazy_getattr(__name__, {"network": ("ClickModel", "Logits", "build_model")})
__all__ = ["ClickModel", "DeepLabConfig", "HRNetConfig", "Logits", "ModelConfig", "build_model"]
