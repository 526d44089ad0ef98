"""The segmentation worker as a user meets it: start, loading, clicks, memory (Linux).

python -m tests.bench.worker [--engine auto] [--python FILE] [--rounds 3]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

from core.prompts import Click, Prompts
from core.worker.client import Worker

from .first_click import photo

_CLICKS = [
    Click(2100, 3200),
    Click(1700, 2500),
    Click(2500, 4000),
    Click(1500, 2300, False),
    Click(1650, 4050),
]


def main() -> None:
    """Print medians of wall and CPU time, and the memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    pixels, times = photo(), defaultdict(list)
    for _ in range(arguments.rounds):
        start = time.perf_counter()
        with Worker(arguments.python) as worker:
            process = Path("/proc", str(worker._process.pid))
            times["start to welcome"].append((time.perf_counter() - start, _cpu(process)))

            def note(name: str, run: Callable[[], object], process: Path = process) -> None:
                wall, cpu = time.perf_counter(), _cpu(process)
                run()
                times[name].append((time.perf_counter() - wall, _cpu(process) - cpu))

            note(
                "load and warm up",
                partial(worker.load_model, "default", engine=arguments.engine, threads=1),
            )
            times["start to loaded"].append((time.perf_counter() - start, _cpu(process)))
            worker.set_image("photo", pixels)
            for count in range(1, len(_CLICKS) + 1):
                name = {1: "first click", 2: "second click"}.get(count, "later click")
                note(name, partial(worker.predict, "photo", Prompts(_CLICKS[:count])))
            note("outline", partial(worker.outline, "photo", Prompts(_CLICKS)))
            status = (process / "status").read_text()
    print(f"{arguments.engine}, {arguments.python}, 6000 x 4000 pixels, 1 thread")
    for name, pairs in times.items():
        wall, cpu = (1e3 * statistics.median(values) for values in zip(*pairs, strict=True))
        print(f"  {name:<20} wall {wall:8.0f} ms   CPU {cpu:8.0f} ms")
    for key, name in (("VmRSS", "memory at the end"), ("VmHWM", "at most")):
        print(f"  {name:<20} {int(status.split(key + ':')[1].split()[0]) / 1024:8.0f} MB")


def _cpu(process: Path) -> float:
    """CPU seconds that a process has used so far."""
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
