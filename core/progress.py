"""Progress bars and times in tables, of commands that work on many photos."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import datetime

from tqdm import tqdm

LINES = "AVALANCHE_ISEG_PROGRESS"
"""Environment variable: if it is set, progress is told in lines, ``[ 12 %] register``."""


def show_progress(name: str) -> Callable[[int, int], None]:
    """Return a progress bar on stderr, where that is a terminal; see `LINES` too."""
    if os.environ.get(LINES):
        return _lines(name)
    bar = tqdm(total=0, desc=name, unit="photo", disable=None)

    def report(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)
        if done == total:
            bar.refresh()

    return report


def _lines(name: str) -> Callable[[int, int], None]:
    """Return what tells each percent once, for a program that has started this one."""
    told = -1

    def report(done: int, total: int) -> None:
        nonlocal told
        percent = 100 * done // max(total, 1)
        if percent != told:
            told = percent
            print(f"[{percent:3d} %] {name}", file=sys.stderr, flush=True)

    return report


def iso(time: datetime | None) -> str:
    """Return a time in UTC as text; empty for None."""
    return "" if time is None else time.isoformat().replace("+00:00", "Z")
