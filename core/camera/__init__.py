"""Webcams: where they stand, where they look, how their lens draws.

This package itself needs NumPy only and is used in QGIS's own process too; what estimates poses
(`resection`, `registration`, `skyline_fit`) needs SciPy or OpenCV and is imported by name.
"""

from .camera import Camera, Projection
from .control_points import ControlPoint
from .record import CameraRecord, PointFit

__all__ = ["Camera", "CameraRecord", "ControlPoint", "PointFit", "Projection"]
