"""Loading of models by name or file, on an engine and a device."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EngineError
from ..model import native
from ..model.config import LightConfig, ModelConfig
from ..zoo import resolve_model
from .base import Engine
from .devices import find_device, require_torch, torch_is_installed
from .light_graph import build_light_graph
from .openvino import OpenVinoEngine, Precision, available, import_openvino, native_precision

if TYPE_CHECKING:
    from ..model import ClickModel

ENGINES = ("auto", "torch", "openvino", "openvino-bf16")

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


def load_model(
    name: str | Path, *, device: str = "cpu", engine: str = "auto", threads: int | None = None
) -> LoadedModel:
    """Load a model of the zoo by name, or any model file.

    Light networks, such as the default model, need no PyTorch where OpenVINO is installed.

    Parameters
    ----------
    name
        Name of the zoo, or path of a model file.
    device
        "cpu", "cuda", "cuda:1", "mps" …, or "auto" for a GPU if there is one.
    engine
        "torch"; "openvino" in single precision, or "openvino-bf16", for light networks, in
        bfloat16; "auto": the fastest one that is installed, fits the device and suits the
        processor.
    threads
        For computing on the CPU. None: as many as OpenCV (OpenVINO) or PyTorch use.

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
    target = find_device(device)
    chosen = choose_engine(engine, target)
    label = path.stem if Path(name).is_file() else str(name)
    with native.named_in_errors(path):
        config, metadata = native.read_header(path) if native.is_native(path) else (None, {})
    threshold = float(metadata.get("threshold", DEFAULT_THRESHOLD))
    loaded = LoadedModel(label, path, (), threshold, metadata)
    if chosen == "torch":
        return replace(loaded, stages=_torch_engines(path, target, threads))
    try:
        return replace(loaded, stages=_openvino_engines(loaded, config, engine, threads))
    except EngineError as error:
        if engine != "auto" or not torch_is_installed():
            raise
        warnings.warn(f"{error} Going on with PyTorch, slower.", stacklevel=2)
        return replace(loaded, stages=_torch_engines(path, target, threads))


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
    if name.startswith("openvino") and not on_cpu:
        raise EngineError(f"OpenVINO runs on the CPU here, not on '{device}'. Choose 'torch'.")
    if name != "auto":
        return name
    if on_cpu and available():
        return "openvino"
    require_torch("Without OpenVINO, a model")
    return "torch"


def _openvino_engines(
    model: LoadedModel, config: ModelConfig | None, engine: str, threads: int | None
) -> tuple[Engine, ...]:
    """Return engines of OpenVINO; those of light networks without PyTorch."""
    if isinstance(config, LightConfig):
        import_openvino()
        with native.named_in_errors(model.path):
            network = build_light_graph(config, native.read_weights(model.path, "np"))
        sizes = [size for size in (model.overview_size, model.view_size) if size is not None]
        precision: Precision = native_precision() if engine == "auto" else "f32"
        return (
            OpenVinoEngine(
                config,
                network,
                lambda: _torch_models(model.path, threads)[0],
                precision="bf16" if engine == "openvino-bf16" else precision,
                threads=threads,
                sizes=sizes,
            ),
        )
    if engine == "openvino-bf16":
        raise EngineError(
            f"The model '{model.name}' is no light network and runs in single precision only. "
            "Choose the engine 'openvino'."
        )
    models = _torch_models(model.path, threads)
    from .conversion import convert_to_openvino

    return tuple(convert_to_openvino(network, threads) for network in models)


def _torch_engines(path: Path, device: str, threads: int | None) -> tuple[Engine, ...]:
    models = _torch_models(path, threads)
    import torch

    from .pytorch import TorchEngine

    return tuple(TorchEngine(model, torch.device(device)) for model in models)


def _torch_models(path: Path, threads: int | None) -> tuple[ClickModel, ...]:
    """Return the networks of a model file in PyTorch, which gets its threads."""
    require_torch(f"The model {path.name}")
    import torch

    from ..model.checkpoint import load_checkpoint

    if threads is not None:
        torch.set_num_threads(threads)
    return load_checkpoint(path).stages
