"""Cameras: pose and lens, control points, resection, registration, skylines.

What needs more than NumPy (SciPy, OpenCV) is imported at its first use: this package is used in
QGIS's own process too.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .camera import Camera, Projection
from .control_points import ControlPoint
from .gcp_table import read_gcps, write_gcps
from .record import CameraRecord, PointFit

if TYPE_CHECKING:
    from .registration import Registration, register
    from .resection import PosePrior, solve_pose
    from .skyline_detection import detect_skyline
    from .skyline_fit import SkylineFit, fit_skyline

_LAZY = {
    "PosePrior": "resection",
    "Registration": "registration",
    "SkylineFit": "skyline_fit",
    "detect_skyline": "skyline_detection",
    "fit_skyline": "skyline_fit",
    "register": "registration",
    "solve_pose": "resection",
}

__all__ = [
    "Camera",
    "CameraRecord",
    "ControlPoint",
    "PointFit",
    "PosePrior",
    "Projection",
    "Registration",
    "SkylineFit",
    "detect_skyline",
    "fit_skyline",
    "read_gcps",
    "register",
    "solve_pose",
    "write_gcps",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- PEP 562
    if name in _LAZY:
        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
