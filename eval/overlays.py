"""Images of the best and the worst objects, to see what the figures mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.datasets import Sample
from core.errors import IsegError
from core.image import write_png
from core.outline.overlay import BLUE, draw_overlay
from core.predictor import Predictor

from .jobs import Job
from .report import EvaluationReport
from .run import ObjectRun, Protocol, Step, interact


def save_overlays(folder: Path, report: EvaluationReport, job: Job, count: int) -> None:
    """Draw the ``count`` best and worst objects into ``<folder>/<model>_<mode>_<data set>``.

    Files are named ``best_1_…png``, ``worst_1_…png`` and so on. The mask is orange, the true
    outline blue. The sessions are run again, which gives the same masks.

    Raises
    ------
    IsegError
        If the folder cannot be made, or an image not be written.
    """
    target = folder / _file_name(f"{report.model}_{report.mode}_{report.dataset}")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IsegError(
            f"Cannot make the folder {target}: {error.strerror}. Choose another with --overlays."
        ) from error
    predictor = job.predictor()
    ranked = ranking(report.runs)
    for title, indices in (("best", ranked), ("worst", ranked[::-1])):
        for place, index in enumerate(indices[:count], start=1):
            ref = report.runs[index].ref
            name = _file_name(f"{title}_{place}_{Path(ref.image).stem}_{ref.object}")
            write_png(target / f"{name}.png", draw(predictor, job.dataset[index], job.protocol))


def ranking(runs: Sequence[ObjectRun]) -> list[int]:
    """Indices from the best run to the worst: by fewer clicks, then by the higher last IoU."""
    return sorted(
        range(len(runs)), key=lambda i: (len(runs[i].clicks), -runs[i].curve.steps[-1], i)
    )


def draw(predictor: Predictor, sample: Sample, protocol: Protocol) -> NDArray[np.uint8]:
    """Run an object's session and draw its end; (H, W, 3) uint8 RGB where the IoU is measured."""
    clicks = []
    last: Step | None = None
    for last in interact(predictor, sample, protocol):
        if last.click is not None:
            clicks.append(last.click)
    if last is None:
        raise IsegError(f"No click was made on object {sample.ref.object} of {sample.ref.image}.")
    height, width = last.mask.shape
    pixels = np.asarray(cv2.resize(sample.image, (width, height)), np.uint8)
    truth = cv2.resize(sample.mask, (width, height), interpolation=cv2.INTER_NEAREST) == 1
    return draw_overlay(draw_overlay(pixels, last.mask, clicks), truth, colour=BLUE, opacity=0)


def _file_name(text: str) -> str:
    """Replace what a file name should not contain."""
    return re.sub(r"[^\w.+-]+", "_", text)
