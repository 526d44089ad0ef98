"""Time of work on one object, and steps taken back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

PAUSE = 60.0
"""Seconds without an action, from which on they do not count as work."""


@dataclass
class Stopwatch:
    """Seconds of work on one object: from the first action to the latest, without pauses.

    ``undone`` counts the steps that the user took back.
    """

    seconds: float = 0.0
    undone: int = 0
    clock: Callable[[], float] = time.monotonic
    _last: float | None = field(default=None, init=False)

    def touch(self) -> None:
        """Count the time since the last action of the user."""
        now = self.clock()
        if self._last is not None and now - self._last <= PAUSE:
            self.seconds += now - self._last
        self._last = now
