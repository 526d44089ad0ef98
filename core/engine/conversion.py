"""Networks converted from PyTorch to OpenVINO: once, which takes seconds, then from the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from ..errors import EngineError
from ..files import replacing
from ..model import ClickModel
from ..zoo import cache_dir
from .fused import FusedNetwork
from .openvino import OpenVinoEngine, import_openvino

# Raise this when `FusedNetwork` changes, so that converted networks are made anew.
_CONVERSION = 1
_EXAMPLE = (96, 128)


def convert_to_openvino(model: ClickModel, threads: int | None = None) -> OpenVinoEngine:
    """Return an engine that runs `FusedNetwork` in OpenVINO, in single precision.

    Raises
    ------
    EngineError
        If OpenVINO is missing or cannot run the network.
    """
    openvino = import_openvino()
    try:
        network = _converted(openvino, model)
    except RuntimeError as error:
        raise EngineError(
            f"OpenVINO cannot run this model ({error}). Choose the engine 'torch'."
        ) from error
    return OpenVinoEngine(model.config, network, lambda: model, threads=threads)


def _converted(openvino: ModuleType, model: ClickModel) -> Any:  # noqa: ANN401
    """Return the network converted to OpenVINO, from the cache if possible."""
    folder = cache_dir().parent / "openvino" / _key(openvino, model)
    file = folder / "network.xml"
    if file.is_file():
        try:
            return openvino.Core().read_model(file)
        except RuntimeError:  # damaged: made again below
            shutil.rmtree(folder, ignore_errors=True)
    network = _convert(model)
    try:
        _store(openvino, network, folder)
    except OSError as error:
        warnings.warn(
            f"The converted model could not be written to {folder} ({error}): it will be converted "
            "again next time.",
            stacklevel=2,
        )
    return network


def _key(openvino: ModuleType, model: ClickModel) -> str:
    """Return the cache key of a network: depends on weights, architecture and versions."""
    content = hashlib.sha256()
    about = [model.config.to_json(), openvino.__version__, torch.__version__, _CONVERSION]
    content.update(json.dumps(about, sort_keys=True).encode())
    for name, tensor in sorted(model.state_dict().items()):
        content.update(name.encode())
        content.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return content.hexdigest()[:32]


def _convert(model: ClickModel) -> Any:  # noqa: ANN401
    """Trace the network and convert the trace, without OpenVINO's layer that reports its use."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    channels = model.config.map_channels
    example = torch.zeros(1, 3, *_EXAMPLE), torch.zeros(1, channels, *_EXAMPLE)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # on tracing being on its way out
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            FusedNetwork(model).eval(), example, check_trace=False
        )
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced, example_input=example)
        network = frontend.convert(frontend.load(decoder))
    network.reshape({0: [-1, 3, -1, -1], 1: [-1, channels, -1, -1]})
    return network


def _store(openvino: ModuleType, network: Any, folder: Path) -> None:  # noqa: ANN401
    """Write a converted network to the cache; it appears complete or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with replacing(folder) as temporary:
            temporary.mkdir()
            openvino.save_model(network, temporary / "network.xml", compress_to_fp16=False)
    except RuntimeError as error:
        raise OSError(str(error)) from error
    except OSError:
        if not folder.is_dir():  # otherwise another process was faster
            raise
