"""Logs of a run: text, progress, TensorBoard, images."""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from core.image import write_png

from .experiment import Experiment
from .training_step import BatchPreview

_SHOWN = 4  # samples of a batch in one image
_RADIUS = 4
_POSITIVE, _NEGATIVE = (0, 200, 0), (220, 0, 0)


class RunLog:
    """Logs of one process; others than the first keep silent.

    Parameters
    ----------
    step
        Steps done before: what TensorBoard knows of later ones is dropped.
    """

    def __init__(self, experiment: Experiment, step: int, *, speaks: bool) -> None:
        self._experiment = experiment
        self._speaks = speaks
        self._sums: dict[str, tuple[float, int]] = {}
        self._log = logging.getLogger(f"training.{experiment.folder.name}")
        self._log.setLevel(logging.INFO)
        self._log.propagate = False
        if not speaks:
            return
        file = logging.FileHandler(experiment.logs / "train.log", encoding="utf-8")
        file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self._log.addHandler(file)
        self._log.addHandler(_BesideProgress())
        self._board = _open_board(experiment, step)

    def __enter__(self) -> RunLog:
        """Return the report itself."""
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Close the files, the error that ended the run in the log."""
        if not self._speaks:
            return
        if error is not None:
            self._log.error("stopped: %s", str(error) or type(error).__name__)
        if self._board is not None:
            self._board.close()
        for handler in list(self._log.handlers):
            self._log.removeHandler(handler)
            handler.close()

    def log(self, text: str) -> None:
        """Write one line into the log and on the screen."""
        if self._speaks:
            self._log.info(text)

    def progress(self, epoch: int, epochs: int, total: int, done: int) -> tqdm[NoReturn]:
        """Make a bar over the steps of an epoch, with the time that is left."""
        return tqdm(
            total=total,
            initial=done,
            desc=f"epoch {epoch + 1}/{epochs}",
            unit="step",
            disable=not self._speaks,
            mininterval=5 if not sys.stderr.isatty() else 0.5,
            dynamic_ncols=True,
        )

    def add(self, values: Mapping[str, float]) -> None:
        """Take values into the next averages."""
        for name, value in values.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value, count + 1

    def flush(self, step: int) -> dict[str, float]:
        """Write the averages since the last time as scalars, and return them."""
        means = {name: total / count for name, (total, count) in self._sums.items()}
        self._sums = {}
        self.scalars(means, step)
        return means

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Write scalars."""
        if self._speaks and self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def log_images(self, shown: BatchPreview, step: int, name: str) -> None:
        """Write samples, truth and prediction side by side, to TensorBoard and ``vis/``.

        The name is, as ``train/instance_segmentation``, a folder and the end of the file name.
        """
        if not self._speaks:
            return
        image = side_by_side(shown)
        if self._board is not None:
            self._board.add_image(name, image, step, dataformats="HWC")
        part, what = name.split("/")
        folder = self._experiment.image_folder / part
        folder.mkdir(exist_ok=True)
        write_png(folder / f"{step:06d}_{what}.png", image)


def _open_board(experiment: Experiment, step: int) -> Any:  # noqa: ANN401
    """Open TensorBoard's log; None where it is not installed, as in the plugin's environments."""
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(experiment.logs), purge_step=step + 1)


class _BesideProgress(logging.Handler):
    """Writes to the screen without tearing the progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        tqdm.write(self.format(record), file=sys.stderr)


def side_by_side(shown: BatchPreview) -> NDArray[np.uint8]:
    """(rows, cols, 3) uint8: in each row an image with its clicks, the truth, the prediction."""
    batch, rows = shown.batch, []
    probability = torch.sigmoid(shown.logits).cpu().numpy()
    for index in range(min(_SHOWN, len(batch.images))):
        image = np.ascontiguousarray(batch.images[index].numpy().transpose(1, 2, 0))
        _draw_points(image, shown.points[index].cpu().numpy())
        mask = batch.masks[index, 0].numpy()
        truth = np.select([mask == 1, mask == -1], [255, 128], 0).astype(np.uint8)
        heat = (255 * probability[index, 0]).astype(np.uint8)
        grey = cv2.cvtColor(np.hstack([truth, heat]), cv2.COLOR_GRAY2RGB)
        rows.append(np.hstack([image, grey]))
    return np.vstack(rows)


def _draw_points(image: NDArray[np.uint8], points: NDArray[np.float32]) -> None:
    half = len(points) // 2
    for place, (row, col, _) in enumerate(points):
        if row >= 0:
            colour = _POSITIVE if place < half else _NEGATIVE
            cv2.circle(image, (round(float(col)), round(float(row))), _RADIUS, colour, -1)
