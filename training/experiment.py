"""The folder of a run: configuration, checkpoints, logs, images."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.errors import CheckpointError, TrainingError
from core.files import replacing
from core.model.archive import refuse_bomb
from core.zoo.lock import lock_or_fail

from .config import write_config

LAST = "last_checkpoint.pt"
_NUMBERED = re.compile(r"(\d{3})(?:_.*)?")
_SNAPSHOT = 1  # version of what a snapshot holds
ENTRIES = (
    *("model", "average", "optimiser", "scaler", "step", "best", "train_iou", "focal"),
    "steps_per_epoch",
)
"""What a run needs of a snapshot to go on."""


@dataclass(frozen=True)
class Experiment:
    """``NNN[_name]/`` with ``checkpoints/``, ``logs/``, ``vis/`` and ``config.yaml``."""

    folder: Path

    @property
    def checkpoints(self) -> Path:
        """Folder of snapshots and models."""
        return self.folder / "checkpoints"

    @property
    def logs(self) -> Path:
        """Folder of the text log and of TensorBoard's files."""
        return self.folder / "logs"

    @property
    def image_folder(self) -> Path:
        """Folder of images of samples and predictions."""
        return self.folder / "vis"

    @property
    def last(self) -> Path:
        """Snapshot to resume from."""
        return self.checkpoints / LAST

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training in this folder, until the block or the process ends.

        Raises
        ------
        TrainingError
            If another one is training in it, or it cannot be made.
        """
        with ExitStack() as stack:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock_or_fail(self.folder / "run.lock"))
            except BlockingIOError as error:
                raise TrainingError(
                    f"Another training is running in {self.folder}: wait until it has ended, or "
                    "name another folder with --out."
                ) from error
            except OSError as error:
                raise TrainingError(f"Cannot write to {self.folder}: {error}") from error
            yield

    def create(self, config: Mapping[str, Any]) -> None:
        """Make the folders and keep the configuration."""
        try:
            for folder in (self.checkpoints, self.logs, self.image_folder):
                folder.mkdir(parents=True, exist_ok=True)
            write_config(self.folder / "config.yaml", config)
        except OSError as error:
            raise TrainingError(f"Cannot write to {self.folder}: {error}") from error


def next_experiment(root: Path, name: str, label: str | None) -> Experiment:
    """Return the next free number under ``root/name``, as the family counts."""
    taken = [int(match[1]) for match in _matches(root / name)]
    number = f"{max(taken, default=-1) + 1:03d}"
    return Experiment(root / name / (f"{number}_{label}" if label else number))


def latest_experiment(root: Path, name: str) -> Experiment:
    """Return the run of that name with the highest number."""
    runs = sorted(_matches(root / name), key=lambda match: int(match[1]))
    if not runs:
        raise TrainingError(f"There is no run under {root / name} to resume: leave out --resume.")
    return Experiment(root / name / runs[-1].string)


def _matches(folder: Path) -> list[re.Match[str]]:
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return [match for name in names if (match := _NUMBERED.fullmatch(name))]


def save_snapshot(path: Path, state: Mapping[str, Any]) -> None:
    """Write all that a run needs to go on, whole or not at all.

    Raises
    ------
    TrainingError
        If it cannot be written; the snapshot before it stays.
    """
    try:
        with replacing(path) as temporary, temporary.open("wb") as file:
            torch.save({"version": _SNAPSHOT, **state}, file)
    except (OSError, RuntimeError) as error:
        raise TrainingError(
            f"Cannot write the checkpoint {path} ({error}). Free some space and resume."
        ) from error


def load_snapshot(path: Path, needed: Sequence[str] = ()) -> dict[str, Any]:
    """Read what `save_snapshot` wrote, with the entries ``needed``; runs no code from it.

    Raises
    ------
    CheckpointError
        If it is missing or damaged, lacks an entry, or is of another version.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint {path} to resume from.")
    try:
        refuse_bomb(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"The checkpoint {path} is damaged: {error}") from error
    if not isinstance(state, dict) or state.get("version") != _SNAPSHOT:
        raise CheckpointError(f"{path} is no checkpoint of this version of the program.")
    missing = [name for name in needed if name not in state]
    if missing:
        raise CheckpointError(
            f"The checkpoint {path} lacks {', '.join(missing)}, so the run cannot go on from it: "
            "train anew in another folder, from its last model file if there is one "
            "(start.checkpoint)."
        )
    return state
