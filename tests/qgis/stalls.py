"""How long the event loop of QGIS stood still."""

from __future__ import annotations

import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from qgis.PyQt.QtCore import QTimer
from waiting import wait_until


@contextmanager
def stalls():
    """A list of the seconds between ticks that were 5 ms apart when nothing else happened."""
    ticks, gaps = [], []
    timer = QTimer()
    timer.setInterval(5)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start()
    wait_until(lambda: len(ticks) > 5)
    ticks[:] = [time.perf_counter()]
    yield gaps
    timer.stop()
    gaps[:] = [later - earlier for earlier, later in pairwise(ticks)]


class Heartbeat:
    """Measures the longest time that the event loop of QGIS stood still.

    What the system gave to other processes meanwhile does not count, where it says so (Linux).
    """

    def __init__(self) -> None:
        self._last, self._longest = _awake(), 0.0
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(20)

    def take(self) -> float:
        """Return the seconds since the last time that this was asked, and begin anew."""
        self._beat()
        longest, self._longest = self._longest, 0.0
        return longest

    def _beat(self) -> None:
        now = _awake()
        self._longest, self._last = max(self._longest, now - self._last), now


def _awake() -> float:
    """Seconds on the clock less those in which this thread waited for a processor."""
    try:
        waited = float(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        waited = 0.0
    return time.monotonic() - waited
