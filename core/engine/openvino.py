"""OpenVINO on the CPU: PyTorch's numbers to 1e-4, two to three times as fast; no PyTorch needed.

The light network is built from its file (`light_graph`), others are converted (`conversion`).
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Collection
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import EngineError
from ..model.arrays import Size, enlarge, prepare
from ..model.config import ModelConfig
from .base import Engine

if TYPE_CHECKING:
    from ..model import ClickModel

Precision = Literal["f32", "bf16"]


def available() -> bool:
    """Return whether OpenVINO is installed."""
    return importlib.util.find_spec("openvino") is not None


def native_precision() -> Precision:
    """Return "bf16" if this processor computes in bfloat16, by OpenVINO's own choice for it."""
    chosen = import_openvino().Core().get_property("CPU", "INFERENCE_PRECISION_HINT")
    return "bf16" if chosen.get_type_name() == "bf16" else "f32"


class OpenVinoEngine(Engine):
    """Runs a network in OpenVINO.

    Parameters
    ----------
    network
        The ``openvino.Model``: from the output of `core.model.arrays.prepare` to logits at
        stride 4.
    load_torch
        Loads the same network in PyTorch, should someone ask for it.
    precision
        Of the arithmetic. "bf16" is twice as fast where the processor has it, and moves
        probabilities by a few hundredths.
    threads
        None: as many as OpenCV uses.
    sizes
        (height, width) of inputs that it is compiled for one by one, which saves a sixth of the
        time of a pass; inputs of all others share one network for all sizes.

    Raises
    ------
    EngineError
        If OpenVINO is missing or cannot run the network.
    """

    device = "cpu"

    def __init__(
        self,
        config: ModelConfig,
        network: Any,  # noqa: ANN401
        load_torch: Callable[[], ClickModel],
        *,
        precision: Precision = "f32",
        threads: int | None = None,
        sizes: Collection[Size] = (),
    ) -> None:
        self.config = config
        self.name = "openvino" if precision == "f32" else f"openvino-{precision}"
        self._network = network
        self._load_torch = load_torch
        self._settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads or cv2.getNumThreads(),
            "ENABLE_CPU_PINNING": False,  # several processes must not fight for one core
        }
        self._sizes = frozenset(sizes)
        self._requests: dict[tuple[int, ...] | None, Any] = {}
        for size in sizes:
            self._request((1, *size))
        if not sizes:
            self._request(None)

    @cached_property
    def model(self) -> ClickModel:
        """The network in PyTorch, loaded when it is first asked for."""
        return self._load_torch()

    def compute_logits(
        self, image: NDArray[np.float32], points: NDArray[Any]
    ) -> NDArray[np.float32]:
        """Compute (B, 1, H, W) logits; see `Engine.compute_logits`."""
        inputs = [np.ascontiguousarray(x) for x in prepare(self.config, image, points)]
        batch, _, *size = inputs[0].shape
        request = self._request((batch, *size) if tuple(size) in self._sizes else None)
        results = request.infer(inputs, share_inputs=True)
        return enlarge(self.config, results[0], (image.shape[2], image.shape[3]))

    def _request(self, shape: tuple[int, ...] | None) -> Any:  # noqa: ANN401
        """Return the compiled network for inputs of (B, H, W), or of any shape."""
        if shape not in self._requests:
            try:
                network = self._network
                if shape is not None:
                    network = network.clone()
                    batch, *size = shape
                    network.reshape(
                        {
                            index: [batch, channels.get_length(), *size]
                            for index, (_, channels, _, _) in enumerate(
                                node.get_partial_shape() for node in network.inputs
                            )
                        }
                    )
                compiled = import_openvino().Core().compile_model(network, "CPU", self._settings)
                self._requests[shape] = compiled.create_infer_request()
            except RuntimeError as error:
                raise EngineError(
                    f"OpenVINO cannot run this model ({error}). Choose the engine 'torch'."
                ) from error
        return self._requests[shape]


def import_openvino() -> ModuleType:
    """Import OpenVINO, if it is installed, without its usage reporting."""
    if not available():
        raise EngineError(
            "OpenVINO is not installed. Install the package 'openvino', or choose the engine "
            "'torch'."
        )
    # On import, OpenVINO reports its use to its maker unless this package is missing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino  # type: ignore[no-any-return]
