"""How long the event loop of QGIS stood still."""

from __future__ import annotations

import time
from contextlib import contextmanager
from itertools import pairwise

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
