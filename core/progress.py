"""Progress bars and times in tables, of commands that work on many photos."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from tqdm import tqdm


def show_progress(name: str) -> Callable[[int, int], None]:
    """Return a progress bar on stderr, where that is a terminal."""
    bar = tqdm(total=0, desc=name, unit="photo", disable=None)

    def report(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)
        if done == total:
            bar.refresh()

    return report


def iso(time: datetime | None) -> str:
    """Return a time in UTC as text; empty for None."""
    return "" if time is None else time.isoformat().replace("+00:00", "Z")
