"""Series: photos of fixed cameras over a season; screening, observations, release intervals.

What needs more than NumPy (OpenCV) is imported at its first use: this package is used in QGIS's
own process too.
"""

from __future__ import annotations

from .listing import Listing, SeriesPhoto, list_photos
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

__all__ = [
    "Listing",
    "Look",
    "NameRule",
    "NamedPhoto",
    "Observation",
    "PhotoState",
    "Presence",
    "Review",
    "Screening",
    "SeriesPhoto",
    "SeriesState",
    "SeriesStore",
    "list_photos",
    "merge_records",
    "try_rule",
]
