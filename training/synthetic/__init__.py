"""Synthetic alpine scenes: a webcam's image of avalanches with everything that is true about it.

A scene is one photo, a winter many of one camera. For the demo, for tests of georeferencing and
series, and for training: ``make_scene(seed)``, or ``python -m training synthetic OUT --count N``.
"""

from __future__ import annotations

from .files import write_scene, write_winter
from .scene import Scene, make_scene
from .winter import Winter, make_winter

__all__ = ["Scene", "Winter", "make_scene", "make_winter", "write_scene", "write_winter"]
