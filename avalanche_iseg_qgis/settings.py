"""What a user has chosen, for all projects: kept by QGIS in the user's profile."""

from __future__ import annotations

from dataclasses import dataclass

from qgis.core import QgsSettings

_GROUP = "avalanche_iseg"


@dataclass(frozen=True)
class Setting:
    """One choice, with its name in the profile and what holds until it is made."""

    name: str
    default: object

    def get(self):
        """What was chosen, in the type of the default."""
        kind = type(self.default)
        return QgsSettings().value(f"{_GROUP}/{self.name}", self.default, type=kind)

    def set(self, value) -> None:
        """Choose."""
        QgsSettings().setValue(f"{_GROUP}/{self.name}", value)


INTERPRETER = Setting("interpreter", "")
MODEL = Setting("model", "default")
DEVICE = Setting("device", "auto")
THREADS = Setting("threads", 0)
AUTHOR = Setting("author", "")
OPACITY = Setting("opacity", 0.45)
COLOUR = Setting("colour", "#ff8c1a")
CLICK_SIZE = Setting("click_size", 6)
TOLERANCE = Setting("tolerance", 1.25)
SMOOTHING = Setting("smoothing", 1.0)
MIN_AREA = Setting("min_area", 50.0)
FILL_HOLES = Setting("fill_holes", True)
LARGEST_ONLY = Setting("largest_only", False)
BRIDGE = Setting("bridge", 0.0)
OPEN_FORM = Setting("open_form", False)
