"""Our own model files: safetensors with a JSON header.

The header is one metadata entry, ``avalanche_iseg``, of JSON: ``format`` (1), ``model``
(architecture and parameters), and free ``metadata`` such as training data, licence, citation,
metrics and threshold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from reprlib import repr as short_repr
from typing import TYPE_CHECKING, Any, Literal

from ..errors import CheckpointError, ModelNotFoundError
from ..files import write_bytes
from ..json_files import MALFORMED, parse_json
from .config import ModelConfig, config_from_json

if TYPE_CHECKING:
    from .network import ClickModel

_ENTRY = "avalanche_iseg"
_FORMAT = 1
ADVICE = "Download it again, or choose another model."


@contextmanager
def named_in_errors(path: Path) -> Iterator[None]:
    """Check that there is a file, and name it in the errors of its reader.

    Raises
    ------
    ModelNotFoundError
        If there is no such file.
    CheckpointError
        If it is empty, or its reader raises one.
    """
    if not path.is_file():
        raise ModelNotFoundError(f"There is no model file {path}. Check the path.")
    if path.stat().st_size == 0:
        raise CheckpointError(f"The model file {path} is empty (0 bytes). {ADVICE}")
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"Cannot use the model file {path}: {error}") from error


def is_native(path: Path) -> bool:
    """Return whether a file is a safetensors file, by name or content."""
    if path.suffix == ".safetensors":
        return True
    with path.open("rb") as file:
        head = file.read(9)
    return len(head) == 9 and head[8:9] == b"{"


def read_header(path: Path) -> tuple[ModelConfig, dict[str, Any]]:
    """Read config and metadata of a file made by `write`.

    Raises
    ------
    CheckpointError
        If the file is damaged, not ours, or of a newer format.
    """
    with _opened(path, "np") as file:
        header = (file.metadata() or {}).get(_ENTRY)
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
    return config_from_json(data.get("model")), _metadata(data.get("metadata", {}))


def read_weights(path: Path, framework: Literal["np", "pt"]) -> dict[str, Any]:
    """Read the weights by name, as arrays of NumPy ("np") or tensors of PyTorch ("pt").

    Raises
    ------
    CheckpointError
        If the file is damaged, or NumPy does not have its number type.
    """
    with _opened(path, framework) as file:
        try:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        except (AttributeError, TypeError) as error:
            raise CheckpointError(
                f"it holds numbers that NumPy does not know ({error}). Choose the engine 'torch'."
            ) from error


@contextmanager
def _opened(path: Path, framework: str) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework=framework) as file:
            yield file
    except CheckpointError:
        raise
    except (*MALFORMED, SafetensorError, OSError, MemoryError) as error:
        raise CheckpointError(f"it is truncated or damaged. {ADVICE} ({error})") from error


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
    from safetensors.torch import save

    header = {"format": _FORMAT, "model": model.config.to_json(), "metadata": dict(metadata)}
    state = {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
    write_bytes(path, save(state, metadata={_ENTRY: json.dumps(header)}))
