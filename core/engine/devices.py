"""Devices to compute on; PyTorch takes seconds to load and is asked only where a GPU may be."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from pathlib import Path

from ..errors import EngineError

# Devices of Linux drivers: NVIDIA, NVIDIA in WSL, NVIDIA Jetson, AMD.
_LINUX_GPUS = ("nvidiactl", "dxg", "nvhost-gpu", "nvgpu", "kfd")
_WINDOWS_DRIVERS = ("nvcuda.dll", "amdhip64.dll", "amdhip64_6.dll", "amdhip64_7.dll")


def torch_is_installed() -> bool:
    """Return whether PyTorch is installed."""
    try:
        return importlib.util.find_spec("torch") is not None
    except ImportError:
        return False


def require_torch(purpose: str) -> None:
    """Raise an `EngineError` that says what needs PyTorch, if it is not installed."""
    if not torch_is_installed():
        raise EngineError(
            f"{purpose} needs PyTorch, which is not installed here. Install the package 'torch' "
            "(in QGIS: Set up…, With PyTorch), or use the default model on the CPU with the engine "
            "'openvino'."
        )


def list_devices() -> list[str]:
    """Return the devices here, "cpu" first."""
    if not (_may_have_gpu() and torch_is_installed()):
        return ["cpu"]
    import torch

    gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]


def find_device(name: str) -> str:
    """Return the device of a name, "auto" for a GPU of CUDA if there is one.

    Raises
    ------
    EngineError
        If it is not there, or nobody knows it.
    """
    if name == "auto":
        name = "cuda" if "cuda:0" in list_devices() else "cpu"
    if name == "cpu":
        return name
    require_torch(f"The device '{name}'")
    import torch

    try:
        torch.zeros(1, device=torch.device(name))
    except (RuntimeError, AssertionError) as error:
        raise EngineError(
            f"The device '{name}' cannot be used ({error}). Choose 'cpu', or check the driver and "
            "the build of PyTorch."
        ) from error
    return name


def _may_have_gpu() -> bool:
    """Return whether there are signs of a GPU that PyTorch can use."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        system = Path(os.environ.get("SYSTEMROOT", "C:/Windows"), "System32")
        return any((system / name).exists() for name in _WINDOWS_DRIVERS)
    return any(Path("/dev", name).exists() for name in _LINUX_GPUS)
