"""Settings of the user for all projects, stored by QGIS in the user's profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from qgis.core import QgsSettings

_GROUP = "avalanche_iseg"
_Value = TypeVar("_Value", str, int, float, bool)


@dataclass(frozen=True)
class Setting(Generic[_Value]):
    """One setting: its name in the profile, and its default."""

    name: str
    default: _Value

    def get(self) -> _Value:
        """Return the value, in the type of the default."""
        kind = type(self.default)
        return QgsSettings().value(f"{_GROUP}/{self.name}", self.default, type=kind)

    def set(self, value: _Value) -> None:
        """Store a value."""
        QgsSettings().setValue(f"{_GROUP}/{self.name}", value)


INTERPRETER = Setting("interpreter", "")
MODEL = Setting("model", "default")
MODEL_FILES = Setting("model_files", "[]")
WITH_PYTORCH = Setting("with_pytorch", False)
DEVICE = Setting("device", "auto")
THREADS = Setting("threads", 0)
AUTHOR = Setting("author", "")
OPACITY = Setting("opacity", 0.45)
COLOUR = Setting("colour", "#ff8c1a")
PREVIEW = Setting("preview", False)
BRUSH_RADIUS = Setting("brush_radius", 15.0)
CLICK_SIZE = Setting("click_size", 6)
TOLERANCE = Setting("tolerance", 1.25)
SMOOTHING = Setting("smoothing", 1.0)
MIN_AREA = Setting("min_area", 50.0)
FILL_HOLES = Setting("fill_holes", True)
LARGEST_ONLY = Setting("largest_only", False)
CLICKED_ONLY = Setting("clicked_only", False)
KEEP_OFF = Setting("keep_off", True)
CLOSE_GAPS = Setting("close_gaps", 0.0)
BRIDGE = Setting("bridge", 20.0)
OPEN_FORM = Setting("open_form", False)
SERIES = Setting("series", "")
SERIES_SKIP = Setting("series_skip", False)
PANELS_OPEN = Setting("panels_open", False)
