"""Loading of models by name or file, on an engine and a device."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..errors import EngineError
from ..model import ClickModel
from ..model.checkpoint import load_checkpoint
from ..zoo import resolve_model
from .base import Engine
from .openvino import OpenVinoEngine, available
from .pytorch import TorchEngine

ENGINES = ("auto", "torch", "openvino")

DEFAULT_THRESHOLD = 0.49
"""Threshold of the RITM family, for model files without one."""


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model ready to predict.

    Attributes
    ----------
    name
        As asked for: a name of the zoo, or the file's stem.
    path
        The file it was read from.
    stages
        One engine, or one for each stage of a multi-stage model (see `Checkpoint.stages`).
    threshold
        Probability above which a pixel belongs to the object.
    metadata
        From the model file: training data, licence, input sizes …

    Examples
    --------
    >>> from core.engine import load_model
    >>> model = load_model("default")
    >>> model.accepts_boxes, 0 < model.threshold < 1
    (True, True)
    """

    name: str
    path: Path
    stages: tuple[Engine, ...]
    threshold: float = DEFAULT_THRESHOLD
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def accepts_boxes(self) -> bool:
        """Whether it was trained on boxes, as mask guidance of `core.prompts.BOX_GUIDANCE`."""
        return self.metadata.get("knows_boxes") is True

    @property
    def view_size(self) -> tuple[int, int] | None:
        """(height, width) of its input for zoomed windows; None if the file has none."""
        return self._size("view")

    @property
    def overview_size(self) -> tuple[int, int] | None:
        """(height, width) of its input for whole images; None: as for zoomed windows."""
        return self._size("overview")

    def _size(self, key: str) -> tuple[int, int] | None:
        size = self.metadata.get(key)
        return None if size is None else (int(size[0]), int(size[1]))

    @property
    def has_second_pass(self) -> bool:
        """Whether the first click is to get a second, zoomed pass."""
        return self.metadata.get("looks_twice") is True

    @property
    def has_refinement_view(self) -> bool:
        """Whether later clicks are to get a refinement view."""
        return self.metadata.get("looks_closer") is True


def load_model(name: str | Path, *, device: str = "cpu", engine: str = "auto") -> LoadedModel:
    """Load a model of the zoo by name, or any model file.

    Parameters
    ----------
    name
        Name of the zoo, or path of a model file.
    device
        "cpu", "cuda", "cuda:1", "mps" …, or "auto" for a GPU if there is one.
    engine
        "torch", "openvino", or "auto": the faster one that is installed and fits the device.

    Raises
    ------
    ModelNotFoundError, DownloadError, CheckpointError, EngineError

    Examples
    --------
    >>> from core.engine import load_model
    >>> load_model("default", engine="torch").name
    'default'
    """
    path = resolve_model(name)
    checkpoint = load_checkpoint(path)
    target = _device(device)
    stages = tuple(_engine(engine, model, target) for model in checkpoint.stages)
    threshold = float(checkpoint.metadata.get("threshold", DEFAULT_THRESHOLD))
    label = path.stem if Path(name).is_file() else str(name)
    return LoadedModel(label, path, stages, threshold, checkpoint.metadata)


def choose_engine(name: str, device: str = "cpu") -> str:
    """Resolve "auto": "openvino" on the CPU if it is installed, else "torch".

    Raises
    ------
    EngineError
        If the engine is unknown, or does not run on the device.
    """
    if name not in ENGINES:
        raise EngineError(f"Unknown engine {name!r}; choose one of {', '.join(ENGINES)}.")
    on_cpu = device == "cpu"
    if name == "openvino" and not on_cpu:
        raise EngineError(f"OpenVINO runs on the CPU here, not on '{device}'. Choose 'torch'.")
    if name == "auto":
        return "openvino" if on_cpu and available() else "torch"
    return name


def _engine(name: str, model: ClickModel, device: torch.device) -> Engine:
    if choose_engine(name, device.type) == "torch":
        return TorchEngine(model, device)
    try:
        return OpenVinoEngine(model)
    except EngineError as error:
        if name == "openvino":
            raise
        warnings.warn(f"{error} Going on with PyTorch, slower.", stacklevel=3)
        return TorchEngine(model, device)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise EngineError(
            f"The device '{name}' cannot be used ({error}). Choose 'cpu', or check the driver and "
            "the build of PyTorch."
        ) from error
    return device
