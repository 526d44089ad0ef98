"""What the survey worker is asked, and what it answers."""

from __future__ import annotations

from ..core.survey.protocol import (
    ANSWERS,
    Drape,
    Draped,
    Drawn,
    FitSkyline,
    Hello,
    LookAt,
    Mapped,
    Overlaid,
    Overlay,
    Posed,
    Register,
    Registered,
    Seen,
    SolvePose,
    ToImage,
    ToMap,
    Welcome,
)
from ..core.worker.protocol import Skipped
from .message_set import MessageSet

_LONG = 600  # seconds; the first look of a large picture over a DEM on a network drive

CAMERA_MESSAGES = MessageSet(
    "survey",
    Hello(),
    ANSWERS,
    {
        Hello: ((Welcome,), 180),  # a cold disk, a virus scanner
        **{
            request: ((answer, Skipped), _LONG)
            for request, answer in (
                (SolvePose, Posed),
                (FitSkyline, Posed),
                (Register, Registered),
                (LookAt, Seen),
                (ToMap, Mapped),
                (ToImage, Drawn),
                (Overlay, Overlaid),
                (Drape, Draped),
            )
        },
    },
)
