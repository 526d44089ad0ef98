"""Measuring on a machine that is never quiet: process CPU time, one thread, rounds in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import cv2
import torch


def one_thread() -> None:
    """Keep PyTorch and OpenCV to one thread, so that CPU time compares work, not waiting."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def cpu_seconds(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of every run in every round; within a round all runs take their turn."""
    for run in runs.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.process_time()
            run()
            times[name].append(time.process_time() - start)
    return times


def report(title: str, times: Mapping[str, list[float]], reference: str) -> None:
    """Print medians, and the median over rounds of the ratio to ``reference``."""
    print(f"\n{title}")
    for name, values in times.items():
        ratios = [r / v for r, v in zip(times[reference], values, strict=True)]
        print(
            f"  {name:<28} {1e3 * statistics.median(values):9.1f} ms   "
            f"x {statistics.median(ratios):5.2f}   (x {min(ratios):.2f} to {max(ratios):.2f})"
        )
