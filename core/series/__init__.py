"""Series: photos of fixed cameras over a season; screening, observations, release intervals.

What needs more than NumPy (OpenCV) is imported at its first use: this package is used in QGIS's
own process too.
"""

from __future__ import annotations

from .activity import DayActivity, day_activity
from .listing import Listing, SeriesPhoto, list_photos
from .looks import PhotoLook, measure_look
from .name_rule import NamedPhoto, NameRule, try_rule
from .records import (
    Look,
    Observation,
    PhotoState,
    Presence,
    Review,
    Screening,
    SeriesState,
    SeriesStore,
    merge_records,
)
from .release_times import ReleaseInterval, TimeQuality, presence_in, release_intervals
from .screening import is_place_seen, screen

__all__ = [
    "DayActivity",
    "Listing",
    "Look",
    "NameRule",
    "NamedPhoto",
    "Observation",
    "PhotoLook",
    "PhotoState",
    "Presence",
    "ReleaseInterval",
    "Review",
    "Screening",
    "SeriesPhoto",
    "SeriesState",
    "SeriesStore",
    "TimeQuality",
    "day_activity",
    "is_place_seen",
    "list_photos",
    "measure_look",
    "merge_records",
    "presence_in",
    "release_intervals",
    "screen",
    "try_rule",
]
