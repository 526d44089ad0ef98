"""Cameras: pose and lens, control points, resection, registration, skylines.

What needs more than NumPy (SciPy, OpenCV) is imported at its first use: this package is used in
QGIS's own process too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_getattr
from .camera import Camera
from .control_points import ControlPoint
from .gcp_table import read_gcps, write_gcps
from .lens import Projection
from .record import CameraRecord, PointFit

if TYPE_CHECKING:
    from .registration import Registration, register
    from .resection import PosePrior, solve_pose
    from .skyline_detection import detect_skyline
    from .skyline_fit import SkylineFit, fit_skyline

_LATE = {
    "registration": ("Registration", "register"),
    "resection": ("PosePrior", "solve_pose"),
    "skyline_detection": ("detect_skyline",),
    "skyline_fit": ("SkylineFit", "fit_skyline"),
}
__getattr__ = lazy_getattr(__name__, _LATE)

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
