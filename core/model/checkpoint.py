"""Reader of model files: published RITM checkpoints, bare f-BRS weights, and our own.

Files are not trusted: tensors and plain values only (``weights_only``), classes by a fixed table,
and weights checked against the architecture before a model is returned.
"""

from __future__ import annotations

import pickle  # nosec B403 (for the name of its error)
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import CheckpointError
from ..json_files import MALFORMED
from . import native, ritm_format
from .archive import refuse_bomb
from .config import ModelConfig
from .native import ADVICE
from .network import ClickModel, build_model

StateDict = dict[str, Tensor]
# Raised by PyTorch's readers, beside UnpicklingError, on truncated or altered files.
_DAMAGE = (
    *MALFORMED,
    AssertionError,
    EOFError,
    ImportError,
    MemoryError,
    OSError,
    RuntimeError,
    struct.error,
)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model file in memory.

    Attributes
    ----------
    stages
        Networks in eval mode with frozen weights; of several, the n-th is for the n-th click
        (the last one for all later clicks).
    metadata
        From the file: training data, licence, citation, metrics, threshold …
    """

    path: Path
    stages: tuple[ClickModel, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a ``.safetensors`` file of ours, or a ``.pth`` of the RITM and f-BRS families.

    Raises
    ------
    ModelNotFoundError
        If there is no such file.
    CheckpointError
        If the file is damaged, unsafe, of an unknown kind, or its weights do not fit; the message
        says which. A model is never loaded in part.
    """
    path = Path(path)
    with native.named_in_errors(path):
        if native.is_native(path):
            config, metadata = native.read_header(path)
            parts = [(config, native.read_weights(path, "pt"))]
        else:
            parts, metadata = ritm_format.parse(_unpickle(path)), {}
        return Checkpoint(path, tuple(_build(*part) for part in parts), metadata)


def _unpickle(path: Path) -> object:
    """Read a ``torch.save`` file; refuse all but tensors and plain values."""
    refuse_bomb(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            "it is not a PyTorch checkpoint, or it holds Python objects that could run code; "
            "nothing of it was executed. Get the plain weights from whoever made it."
        ) from error
    except _DAMAGE as error:
        raise CheckpointError(f"it is truncated or damaged. {ADVICE} ({error})") from error


def _build(config: ModelConfig, state: StateDict) -> ClickModel:
    with torch.device("meta"):  # allocates nothing, whatever the size
        model = build_model(config)
    expected = model.state_dict()
    missing = sorted(expected.keys() - state.keys())
    unexpected = sorted(state.keys() - expected.keys())
    if missing or unexpected:
        raise CheckpointError(
            f"its weights do not fit the architecture '{config.architecture}' that it names. "
            f"Missing: {_listed(missing)}. Unexpected: {_listed(unexpected)}."
        )
    for key, tensor in expected.items():
        if state[key].shape != tensor.shape:
            raise CheckpointError(
                f"the weight '{key}' has shape {tuple(state[key].shape)}, but the architecture "
                f"that the file names needs {tuple(tensor.shape)}."
            )
    bad = [key for key, tensor in state.items() if not torch.isfinite(tensor).all()]
    if bad:
        raise CheckpointError(f"it holds values that are not numbers, in {_listed(bad)}. {ADVICE}")
    # Half precision becomes single precision here.
    exact = {key: state[key].to(tensor.dtype) for key, tensor in expected.items()}
    model.load_state_dict(exact, assign=True)
    return model.eval().requires_grad_(False)


def _listed(keys: list[str], most: int = 4) -> str:
    """List the first keys, and the number of the others."""
    if not keys:
        return "none"
    rest = f" and {len(keys) - most} more" if len(keys) > most else ""
    return ", ".join(keys[:most]) + rest
