"""Our own model files: safetensors with a JSON header.

The header is one metadata entry, ``avalanche_iseg``, of JSON: ``format`` (1), ``model``
(architecture and parameters), and free ``metadata`` such as training data, licence, citation,
metrics and threshold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from reprlib import repr as short_repr
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..errors import CheckpointError
from ..files import write_bytes
from ..json_files import MALFORMED, parse_json
from .config import ModelConfig, config_from_json
from .network import ClickModel

_ENTRY = "avalanche_iseg"
_FORMAT = 1


def is_native(path: Path) -> bool:
    """Return whether a file is a safetensors file, by name or content."""
    if path.suffix == ".safetensors":
        return True
    with path.open("rb") as file:
        head = file.read(9)
    return len(head) == 9 and head[8:9] == b"{"


def read(path: Path) -> tuple[ModelConfig, dict[str, Tensor], dict[str, Any]]:
    """Read config, weights and metadata of a file made by `write`.

    Raises
    ------
    CheckpointError
        If the file is damaged, not ours, or of a newer format.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            header = (file.metadata() or {}).get(_ENTRY)
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except (*MALFORMED, SafetensorError, OSError, MemoryError) as error:
        raise CheckpointError(
            f"it is truncated or damaged. Download it again, or choose another model. ({error})"
        ) from error
    if header is None:
        raise CheckpointError("it holds weights without the header of this program.")
    try:
        data = parse_json(header)
    except ValueError as error:
        raise CheckpointError(f"its header is not valid JSON ({error}).") from error
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        found = data.get("format") if isinstance(data, dict) else data
        raise CheckpointError(
            f"its format is {short_repr(found)}, this program reads format {_FORMAT}. Update the "
            "program."
        )
    return config_from_json(data.get("model")), state, _metadata(data.get("metadata", {}))


def _metadata(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CheckpointError(f"its metadata are {short_repr(value)}, expected named values.")
    threshold = value.get("threshold", 0.5)
    if not isinstance(threshold, (int, float)) or not 0 <= threshold <= 1:
        raise CheckpointError(f"its threshold is {short_repr(threshold)}, expected a probability.")
    return value


def write(path: str | Path, model: ClickModel, metadata: Mapping[str, Any]) -> None:
    """Write ``model`` to ``path`` atomically.

    Parameters
    ----------
    metadata
        JSON values, by convention ``training_data``, ``licence``, ``citation``, ``metrics`` and
        ``threshold`` (the probability above which a pixel belongs to the object).
    """
    header = {"format": _FORMAT, "model": model.config.to_json(), "metadata": dict(metadata)}
    state = {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
    write_bytes(path, save(state, metadata={_ENTRY: json.dumps(header)}))
