"""OpenVINO on the CPU: the same numbers to 1e-4, about twice as fast as eager PyTorch.

A network is converted once, which takes seconds, and then read from the cache.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import EngineError
from ..files import replacing
from ..model import ClickModel
from ..zoo import cache_dir
from .base import Engine
from .fused import FusedNetwork

# Raise this when `FusedNetwork` changes, so that converted networks are made anew.
_CONVERSION = 1
_EXAMPLE = (96, 128)


def available() -> bool:
    """Return whether OpenVINO is installed."""
    return importlib.util.find_spec("openvino") is not None


class OpenVinoEngine(Engine):
    """Runs `FusedNetwork` in OpenVINO, in single precision and on as many threads as PyTorch uses.

    Raises
    ------
    EngineError
        If OpenVINO is missing or cannot run the network.
    """

    name = "openvino"

    def __init__(self, model: ClickModel) -> None:
        super().__init__(model, torch.device("cpu"))
        openvino = _import()
        try:
            network = _converted(openvino, model)
            settings = {
                "INFERENCE_PRECISION_HINT": "f32",  # never the faster bf16: numbers would move
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "ENABLE_CPU_PINNING": False,  # several processes must not fight for one core
            }
            compiled = openvino.Core().compile_model(network, "CPU", settings)
            self._request = compiled.create_infer_request()
        except RuntimeError as error:
            raise EngineError(
                f"OpenVINO cannot run this model ({error}). Choose the engine 'torch'."
            ) from error

    def run_network(self, rgb: Tensor, maps: Tensor) -> Tensor:
        """Compute (B, 1, H/4, W/4) logits from the output of `ClickModel.prepare`."""
        inputs = [np.ascontiguousarray(rgb.numpy()), np.ascontiguousarray(maps.numpy())]
        results = self._request.infer(inputs, share_inputs=True)
        return torch.from_numpy(np.array(results[0]))


def _import() -> ModuleType:
    if not available():
        raise EngineError(
            "OpenVINO is not installed. Install the package 'openvino', or choose the engine "
            "'torch'."
        )
    # On import, OpenVINO reports its use to its maker unless this package is missing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino  # type: ignore[no-any-return]


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
