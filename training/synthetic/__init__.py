"""Synthetic alpine scenes: a webcam's image of avalanches with everything that is true about it.

For the demo, for tests of georeferencing, and for training: ``make_scene(seed)``, or
``python -m training synthetic OUT --count N``.
"""

from __future__ import annotations

from .files import write_scene
from .scene import Scene, make_scene

__all__ = ["Scene", "make_scene", "write_scene"]
